"""The virtual loop on which everybody's tests run keeps its word."""

import asyncio
import threading
import time

import pytest

from tests.virtual import START, VirtualClock, VirtualLoop

pytestmark = pytest.mark.virtual


def the_loop() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


async def test_a_day_passes_at_once(clock: VirtualClock) -> None:
    began = time.monotonic()

    await clock.sleep(86_400)

    assert clock.monotonic() == pytest.approx(86_400)
    assert (clock.now() - START).total_seconds() == pytest.approx(86_400)
    assert time.monotonic() - began < 60


async def test_timers_fire_in_their_order() -> None:
    order: list[int] = []

    async def after(seconds: int) -> None:
        await asyncio.sleep(seconds)
        order.append(seconds)

    await asyncio.gather(after(30), after(10), after(20))

    assert order == [10, 20, 30]


async def test_a_timeout_is_virtual() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3_600):
            await asyncio.Event().wait()

    assert the_loop().time() == pytest.approx(3_600)


async def test_a_real_socket_answers_before_time_jumps() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async with asyncio.timeout(1):
        for _ in range(50):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"here\n")
            assert await reader.readline() == b"here\n"
            writer.close()
    server.close()

    assert the_loop().time() < 1


async def test_a_thread_is_waited_for_in_real_time() -> None:
    async with asyncio.timeout(0.01):
        await asyncio.to_thread(time.sleep, 0.05)

    assert the_loop().time() < 0.01


async def test_another_thread_may_say_that_it_is_busy() -> None:
    loop = the_loop()
    came = asyncio.Event()

    def work() -> None:
        time.sleep(0.05)
        loop.call_soon_threadsafe(came.set)

    threading.Thread(target=work).start()
    forget = loop.busy_while(lambda: not came.is_set())

    async with asyncio.timeout(0.01):
        await came.wait()
    forget()
    await asyncio.sleep(100)

    assert loop.time() == pytest.approx(100)


async def test_a_wrong_time_of_day_does_not_move_the_monotonic_clock(clock: VirtualClock) -> None:
    clock.offset = clock.now() - START.replace(year=1970)

    assert clock.monotonic() == 0
    assert clock.now().year > 2060

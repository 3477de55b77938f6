"""A loudspeaker over a real WebSocket, from its enrolment to its last receipt; and a fleet of them."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from broadcaster.model.clock import SystemClock
from broadcaster.model.errors import Invalid, NotAllowed
from streams.agent.enrolling import ENROLMENT_FILE, KEY_FILE, enrolled, own_key, read_enrolment
from streams.agent.faults import Faults
from streams.agent.fleet import FleetSettings, run_fleet, spread
from streams.agent.recordings import HttpFetch
from streams.agent.sounding import Observed
from streams.agent.soundlog import MemorySoundLog, read_sound_log
from streams.agent.speaker import SpeakerSettings, run_speaker
from tests.agent.service import TOKEN, Service
from tests.agent.station import RATE_HZ, VILLAGE, Station, recording, sealed

PROCESS = """
import asyncio, sys
from pathlib import Path
from streams.agent.speaker import SpeakerSettings, run_speaker
home = Path(sys.argv[2])
asyncio.run(run_speaker(SpeakerSettings("east", sys.argv[3], sys.argv[1], home, sink="null", enrol_token=sys.argv[4])))
"""


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    # Real time: orders and receipts carry the machine's own.
    service = Service(Station(SystemClock()))  # type: ignore[arg-type]  # a clock without an offset
    service.station.now = SystemClock().now  # type: ignore[method-assign]
    await service.open()
    yield service
    await service.close()


@asynccontextmanager
async def running(settings: SpeakerSettings) -> AsyncIterator[None]:
    task = asyncio.create_task(run_speaker(settings))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def settings(service: Service, home: Path) -> SpeakerSettings:
    return SpeakerSettings("east", VILLAGE, service.url, home, home / "out", enrol_token=TOKEN, reads_stop=False)


async def test_a_loudspeaker_enrols_connects_sounds_and_tells(service: Service, tmp_path: Path) -> None:
    async with running(settings(service, tmp_path)):
        await service.until("east", "hello")
        order = service.station.alert(300, tone=None)
        await service.send("east", sealed(order))
        done = await service.until("east", "done")

    assert (done["outcome"], done["heard_ms"]) == ("played", 300)
    (stretch,) = read_sound_log(tmp_path / "out" / "east.sound.jsonl")
    assert (stretch.start, stretch.end, stretch.ended) == (0, 300 * RATE_HZ // 1000, "end")
    # No shorter than what sounded; where the machine held the process up, the file holds that silence too.
    assert (tmp_path / "out" / "east.wav").stat().st_size >= 44 + 2 * stretch.end
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o400
    assert (tmp_path / ENROLMENT_FILE).exists()
    assert service.refused == 0


async def test_a_line_that_breaks_is_taken_up_again(service: Service, tmp_path: Path) -> None:
    async with running(settings(service, tmp_path)):
        await service.until("east", "hello")
        await service.sockets["east"].close()
        service.said.clear()

        assert await service.until("east", "hello")


async def test_signal_usr1_is_the_button(service: Service, tmp_path: Path) -> None:
    async with running(settings(service, tmp_path)):
        await service.until("east", "hello")
        await service.send("east", sealed(service.station.notice(20_000)))
        await service.until("east", "started")

        os.kill(os.getpid(), signal.SIGUSR1)
        done = await service.until("east", "done")

    assert (done["outcome"], done["cut_by"]) == ("cancelled", "local_stop")


async def test_a_wrong_token_is_told_and_makes_no_loudspeaker(service: Service, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed, match="enrol_refused"):
        await enrolled(tmp_path, service.url, "wrong", "east", VILLAGE)
    with pytest.raises(NotAllowed, match="token_missing"):
        await enrolled(tmp_path, service.url, None, "east", VILLAGE)

    assert not (tmp_path / ENROLMENT_FILE).exists()


async def test_a_loudspeaker_enrols_once_and_its_home_is_its_own(service: Service, tmp_path: Path) -> None:
    await enrolled(tmp_path, service.url, TOKEN, "east", VILLAGE)
    key = own_key(tmp_path).public

    again = await enrolled(tmp_path, "http://127.0.0.1:1", None, "east", VILLAGE)

    assert again.epoch == 1
    assert own_key(tmp_path).public == key
    with pytest.raises(Invalid, match="speaker_home"):
        await enrolled(tmp_path, service.url, TOKEN, "west", VILLAGE)


def test_an_answer_without_keys_is_no_enrolment() -> None:
    with pytest.raises(Invalid, match="enrolment_unreadable"):
        read_enrolment({"epoch": 1})


async def test_recordings_come_from_the_service_and_from_nowhere_else(service: Service) -> None:
    ref, sound = recording(100)
    service.station.fetch.sounds[ref.sha256] = sound

    assert await HttpFetch(service.url).get(ref) == sound
    with pytest.raises(Invalid, match="service_url"):
        HttpFetch("file:///etc/passwd")


@pytest.mark.parametrize(
    "label", ["agent.accepted.after", "agent.started.after", "agent.sounding", "agent.done.before"]
)
async def test_a_loudspeaker_that_is_killed_comes_back_and_tells_one_end(
    service: Service, tmp_path: Path, label: str
) -> None:
    arguments = (sys.executable, "-c", PROCESS, service.url, str(tmp_path), VILLAGE, TOKEN)
    order = service.station.notice(1_100)
    victim = await asyncio.create_subprocess_exec(*arguments, env=os.environ | {"CRASH_AT": f"{label}:1"})
    await service.until("east", "hello")
    await service.send("east", sealed(order))
    assert await victim.wait() == 137

    service.said.clear()
    again = await asyncio.create_subprocess_exec(*arguments)
    try:
        done = await service.until("east", "done")
    finally:
        again.kill()
        await again.wait()

    expected = "played" if label == "agent.accepted.after" else "interrupted"
    assert done["outcome"] == expected
    log = [stretch for stretch in read_sound_log(tmp_path / "east.sound.jsonl") if stretch.ended == "end"]
    assert len(log) <= 1


async def test_a_fleet_hears_and_tells_with_its_faults(service: Service) -> None:
    speakers = spread(20, [VILLAGE])
    faults = Faults.parse("offline=20%,deaf=10%,slow=10%,clock=20%,lost=10%,doubled=10%,powercut=20%", seed=3)
    ailing = {name: faults.of(name) for name, _ in speakers}
    present = {name for name, one in ailing.items() if not one.offline}
    able = {name for name in present if not ailing[name].deaf}
    seen: list[Observed] = []
    log = MemorySoundLog()
    fleet = asyncio.create_task(
        run_fleet(FleetSettings(service.url, TOKEN, speakers, faults=faults, per_second=50), seen.append, log)
    )
    try:
        for name in present:
            await service.until(name, "hello")
        order = service.station.alert(1_500)
        for name in present:
            await service.send(name, sealed(order))
        for name in able:
            await service.until(name, "done")
    finally:
        fleet.cancel()
        await asyncio.wait([fleet])

    assert set(service.sockets) == present
    assert {one.speaker for one in seen if one.kind == "done"} >= able
    assert all(service.heard(name, "done")[0]["outcome"] == "played" for name in able)
    replayed = {stretch.speaker for stretch in log.stretches if stretch.crash_replay}
    assert replayed == {name for name in present if ailing[name].powercut and name in replayed}


@pytest.mark.parametrize("text", ["offline", "offline=5", "dance=5%", "lost=x%"])
def test_faults_that_make_no_sense_are_named(text: str) -> None:
    with pytest.raises(Invalid, match="faults_unreadable"):
        Faults.parse(text)


def test_the_same_seed_draws_the_same_faults() -> None:
    faults = Faults.parse("offline=50%, slow=50%", seed=1)

    assert [faults.of(f"s{n}").offline for n in range(50)] == [faults.of(f"s{n}").offline for n in range(50)]
    assert 10 < sum(faults.of(f"s{n}").offline for n in range(50)) < 40
    assert not Faults.parse("").of("s1").offline

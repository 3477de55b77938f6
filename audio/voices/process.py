"""The voice process and its client: Kokoro in a child that may die without taking the desk along.

As a child: ``python -m audio.voices.process SPEAKER``; see `frames.py` for what is said on its stdin and stdout.
"""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from audio.errors import VoiceFailed, VoiceOutOfReach
from audio.voices import frames, kokoro
from audio.voices.lanes import Asked, Lanes, answer
from audio.voices.port import Samples


@dataclass(frozen=True)
class Limits:
    """How long and how often the client waits for its child.

    Attributes:
        start_seconds: from its start until it is ready; a cold disk needs up to 15 s.
        sentence_seconds: for one sentence, whatever its length.
        seconds_per_character: for each of its characters besides; a free machine of two cores needs 0.1.
        back_off_seconds: before the first restart; doubled each time.
        longest_back_off_seconds: where the doubling ends.
        restarts: deaths in a row after which all who wait are told to come later.
        deaths_over_one: deaths over the same sentence after which it is taken to be the cause; hanging counts twice.
        waiting: sentences in each lane.
    """

    start_seconds: float = 60
    sentence_seconds: float = 10
    seconds_per_character: float = 1
    back_off_seconds: float = 0.2
    longest_back_off_seconds: float = 30
    restarts: int = 5
    deaths_over_one: int = 3
    waiting: int = 64


USUAL = Limits()


class _Died(Exception):
    """The child is gone, or of no use any more."""


class _Hung(_Died):
    """It lives and says nothing."""


class VoiceProcess:
    """A `Voice` that lives in a child: started at first use, warmed, restarted when it dies.

    One sentence is with the child at a time. An urgent one stops one that is not, which is made again afterwards.
    """

    def __init__(
        self,
        speaker: str = kokoro.SPEAKERS[0],
        *,
        limits: Limits = USUAL,
        command: Sequence[str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take the speaker; `command` starts another child that speaks the same protocol."""
        self.name = f"kokoro/{speaker}"
        self.fingerprint = kokoro.fingerprint(speaker)
        self._command = tuple(command or (sys.executable, "-m", "audio.voices.process", speaker))
        self._limits = limits
        self._sleep = sleep
        self._lanes = Lanes(limits.waiting)
        self._runner: asyncio.Task[None] | None = None
        self._child: Process | None = None
        self._ready = asyncio.Event()
        self._current: Asked | None = None
        self._number = 0
        self._pending = 0
        self._deaths = 0
        self._why = "it was not started"
        self._again_at = 0.0
        self._is_closed = False

    def begun(self, sentence: str, at: float) -> None:
        """Note that the child has begun a sentence, `at` on the machine's monotonic clock; for whoever watches."""

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return self._child.pid if self._child and self._child.returncode is None else None

    @property
    def pending(self) -> int:
        """Sentences asked and not answered yet."""
        return self._pending

    async def ready(self) -> None:
        """Start the child if it is not there, and wait until it can speak at once.

        Raises:
            VoiceOutOfReach: it did not start, as often as the limits allow.
        """
        runner = self._started()
        waiting = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((waiting, runner), return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not self._ready.is_set():
            raise self._out_of_reach()

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        """See `Voice`; an urgent sentence also stops one that is being said and is not."""
        self._started()
        asked = Asked(sentence, urgent)
        self._pending += 1
        try:
            await self._lanes.put(asked)
            if urgent and self._current and not self._current.urgent:
                self._stop_current()
            return await asked.answer
        finally:
            self._pending -= 1
            asked.answer.cancel()
            if self._current is asked:
                # Whoever asked has gone away in the middle of it.
                self._stop_current()

    async def close(self) -> None:
        """End the child; who still waits is told that the voice is out of reach."""
        self._is_closed = True
        while self._runner and not self._runner.done():
            self._runner.cancel()
            await asyncio.wait([self._runner], timeout=1)

    def _started(self) -> "asyncio.Task[None]":
        loop = asyncio.get_running_loop()
        if self._is_closed or ((not self._runner or self._runner.done()) and loop.time() < self._again_at):
            raise self._out_of_reach()
        if not self._runner or self._runner.done():
            self._deaths = 0
            self._runner = loop.create_task(self._run(), name=self.name)
        return self._runner

    async def _run(self) -> None:
        """One child after another, until they die too often in a row; then all are sent away for a while."""
        try:
            # A task group that ends with an error of its own swallows a cancellation that comes at that moment.
            while self._deaths <= self._limits.restarts and not self._is_closed:
                if self._deaths:
                    await self._sleep(self._back_off_seconds())
                try:
                    await self._live()
                except* _Died as died:
                    self._why = "; ".join(map(str, died.exceptions))
                    self._deaths += 1
        finally:
            self._again_at = asyncio.get_running_loop().time() + self._limits.longest_back_off_seconds
            self._lanes.refuse_all(self._out_of_reach())

    async def _live(self) -> None:
        """One child from its start to its death."""
        try:
            # An interrupt at the terminal is for its parent, which ends it in its turn.
            child = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, process_group=0)
        except OSError as error:
            raise _Died(f"it could not be started: {error}") from error
        self._child = child
        try:
            await self._await_ready(child)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(child))
                group.create_task(self._serve(child))
        finally:
            self._ready.clear()
            if child.returncode is None:
                child.kill()
            # Not wait(): with unread sound in the pipe it might never return.
            await child.communicate()

    async def _await_ready(self, child: Process) -> None:
        head, _ = await _read(child, self._limits.start_seconds)
        if "ready" not in head:
            raise _Died("its first words were not those of a voice process")
        self._ready.set()

    async def _watch(self, child: Process) -> None:
        """See its death also while there is nothing to say, so that it is warm again when there is."""
        raise _Died(f"it ended with {await child.wait()}")

    async def _serve(self, child: Process) -> None:
        while True:
            self._current = asked = await self._lanes.take()
            try:
                result = await self._ask(child, asked)
            except BaseException as error:
                self._keep(asked, 2 if isinstance(error, _Hung) else 1)
                raise
            finally:
                self._current = None
            if result is None:
                self._lanes.put_back(asked)
            else:
                self._deaths = 0
                answer(asked, result)

    async def _ask(self, child: Process, asked: Asked) -> Samples | VoiceFailed | None:
        """Hand a sentence to the child; None when it was stopped."""
        self._number += 1
        self._send(child, {"say": self._number, "sentence": asked.sentence})
        head, body = await _read(child, self._patience_seconds(asked.sentence))
        if head.get("begun") == self._number:
            self.begun(asked.sentence, float(head.get("at", 0)))
            head, body = await _read(child, self._patience_seconds(asked.sentence))
        if head.get("said") == self._number:
            return np.frombuffer(body, dtype="<f4").astype(np.float32)
        if head.get("failed") == self._number:
            return VoiceFailed(str(head.get("why")))
        if head.get("stopped") == self._number:
            return None
        raise _Died(f"it answered {head} to sentence {self._number}")

    def _stop_current(self) -> None:
        if self._child:
            self._send(self._child, {"stop": self._number})

    def _send(self, child: Process, head: frames.Head) -> None:
        # Not drained: a frame is far smaller than the pipe, and the child reads at any time.
        if child.stdin and not child.stdin.is_closing():
            child.stdin.write(frames.frame(head))

    def _keep(self, asked: Asked, deaths: int) -> None:
        """The child died over this sentence: again with the next one, unless it looks like the cause."""
        asked.deaths += deaths
        if asked.deaths < self._limits.deaths_over_one:
            self._lanes.put_back(asked)
        else:
            answer(asked, VoiceFailed(f"{self.name} died or hung again and again over {asked.sentence!r}"))

    def _patience_seconds(self, sentence: str) -> float:
        return self._limits.sentence_seconds + self._limits.seconds_per_character * len(sentence)

    def _back_off_seconds(self) -> float:
        return min(self._limits.back_off_seconds * 2.0 ** (self._deaths - 1), self._limits.longest_back_off_seconds)

    def _out_of_reach(self) -> VoiceOutOfReach:
        return VoiceOutOfReach(f"{self.name} is {'closed' if self._is_closed else 'out of reach: ' + self._why}")


async def _read(child: Process, limit_seconds: float) -> tuple[frames.Head, bytes]:
    """The next frame from the child.

    Raises:
        _Died: it ended, was too slow, or wrote something else.
    """
    assert child.stdout  # noqa: S101 - it was started with a pipe
    try:
        async with asyncio.timeout(limit_seconds):
            head_length, body_length = frames.lengths(await child.stdout.readexactly(frames.LENGTHS.size))
            return frames.head(await child.stdout.readexactly(head_length)), await child.stdout.readexactly(body_length)
    except TimeoutError as error:
        raise _Hung(f"it said nothing for {limit_seconds:g} s") from error
    except asyncio.IncompleteReadError as error:
        raise _Died("its line broke off") from error
    except (OSError, ValueError) as error:
        raise _Died(str(error)) from error


if __name__ == "__main__":
    from audio.voices import child

    child.run(sys.argv[1])

"""Two bounded queues before one voice: what is urgent goes first, what was interrupted goes before its like."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from audio.errors import SpeechError
from audio.voices.port import Samples


@dataclass
class Asked:
    """One sentence that somebody waits for.

    Attributes:
        sentence: what is to be said.
        urgent: which lane it is in.
        answer: the sound, or why there is none.
        deaths: how often the voice died over it.
    """

    sentence: str
    urgent: bool
    answer: asyncio.Future[Samples] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    deaths: int = 0


class Lanes:
    """Sentences that wait."""

    def __init__(self, room: int) -> None:
        """Take the number of sentences that may wait in each lane."""
        self._urgent: deque[Asked] = deque()
        self._others: deque[Asked] = deque()
        self._room = room
        self._changed = asyncio.Condition()

    async def put(self, asked: Asked) -> None:
        """Join the end of a lane, when there is room in it."""
        lane = self._lane(asked)
        async with self._changed:
            await self._changed.wait_for(lambda: len(lane) < self._room)
            lane.append(asked)
            self._changed.notify_all()

    def put_back(self, asked: Asked) -> None:
        """Stand at the head of its lane again; there was room for it before.

        Wakes nobody: only who serves the lanes puts back, and that one looks again before it waits.
        """
        self._lane(asked).appendleft(asked)

    async def take(self) -> Asked:
        """The next that somebody still waits for, when there is one."""
        async with self._changed:
            while True:
                await self._changed.wait_for(lambda: self._urgent or self._others)
                asked = (self._urgent or self._others).popleft()
                self._changed.notify_all()
                if not asked.answer.done():
                    return asked

    def refuse_all(self, error: SpeechError) -> None:
        """Tell all who wait that they wait in vain."""
        for lane in (self._urgent, self._others):
            while lane:
                answer(lane.popleft(), error)

    def _lane(self, asked: Asked) -> deque[Asked]:
        return self._urgent if asked.urgent else self._others


def answer(asked: Asked, result: Samples | SpeechError) -> None:
    """Give an answer to one who may have gone away."""
    if asked.answer.done():
        return
    if isinstance(result, SpeechError):
        asked.answer.set_exception(result)
    else:
        asked.answer.set_result(result)

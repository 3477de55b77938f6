"""Watching: moments of the way through the service, noted by wrappers round the desk's acts and ports.

They stand where the composition root finds the real ones, before it puts the service together; the product itself
knows nothing of them. A note costs less than a microsecond.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import wraps
from typing import Any

from audio.voices.process import VoiceProcess
from broadcaster import service, wiring
from broadcaster.desk.airing import put_on_air
from broadcaster.desk.events import Event
from broadcaster.desk.ordering import order
from broadcaster.desk.ports import Pen, Row, SignedOrder, State
from broadcaster.desk.rows import OrderKept, Speaker, Work
from broadcaster.desk.sending import send
from broadcaster.desk.voicing import voice
from broadcaster.signing.client import SocketSigner
from broadcaster.store.bell import LocalBell
from streams.speakers.exchange import Wire
from streams.speakers.websocket import WebSocketLine

ORDER = '{"type":"order"'

MARKS: list[tuple[str, str, float]] = []
"""(what happened, to what, when on the machine's monotonic clock)."""

Act = Callable[..., Awaitable[Callable[[Pen], str | None]]]


def note(what: str, of: str) -> None:
    """Note that something happens now."""
    MARKS.append((what, of, time.monotonic()))


def taken() -> list[tuple[str, str, float]]:
    """Return what was noted, and forget it."""
    found = MARKS[:]
    MARKS.clear()
    return found


def watch() -> None:
    """Put the wrappers in their places, once, before `serve`."""
    places: dict[Any, dict[str, Any]] = {
        wiring: {
            "order": _act("ordering", order),
            "send": _act("sending", send),
            "voice": _act("voicing", voice),
            "put_on_air": _stage("airing", put_on_air),
            "LocalBell": _Bell,
            "VoiceProcess": _Voice,
        },
        service: {"SocketSigner": _Signer, "WebSocketLine": _Line},
    }
    for module, named in places.items():
        vars(module).update(named)


def _act(name: str, act: Act) -> Act:
    @wraps(act)
    async def watched(desk: Any, work: Work) -> Callable[[Pen], str | None]:
        # play:<announcement>, or the order or script itself
        note(name, work.subject.removeprefix("play:"))
        return await act(desk, work)

    return watched


def _stage(name: str, stage: Callable[..., Sequence[Row]]) -> Callable[..., Sequence[Row]]:
    @wraps(stage)
    def watched(event: Event, state: State, **policy: Any) -> Sequence[Row]:
        note(name, str((event.payload or {}).get("announcement") or event.key))
        return stage(event, state, **policy)

    return watched


class _Bell(LocalBell):
    def ring(self, *names: str) -> None:
        # The writer rings right after a commit, in its own thread.
        for name in names:
            if name == "events.alert":
                note("committed", name)
        super().ring(*names)


class _Voice(VoiceProcess):
    def begun(self, sentence: str, at: float) -> None:
        MARKS.append(("speaking", sentence, at))


class _Signer(SocketSigner):
    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        note("asked", subject)
        kept = await super().sign(kind, subject, village)
        note("signed", subject)
        return kept


class _Wire:
    """A loudspeaker's wire that notes when something has been written to its socket."""

    def __init__(self, speaker: str, wire: Wire) -> None:
        self._speaker = speaker
        self._wire = wire
        self.receive, self.close = wire.receive, wire.close

    async def send(self, text: str) -> None:
        await self._wire.send(text)
        if text.startswith(ORDER):
            note("written", self._speaker)


class _Line(WebSocketLine):
    async def serve(self, speaker: Speaker, wire: Wire) -> None:
        await super().serve(speaker, _Wire(speaker.id, wire))

    async def send(self, order: SignedOrder, to: Collection[str] | None = None) -> frozenset[str]:
        took = await super().send(order, to)
        if to is None:
            note("handed", order.id)
        return took

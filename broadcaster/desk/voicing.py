"""Voicing: the worker that has a script spoken, once for all its villages."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from broadcaster.desk.events import script_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import RecordingKept, Script, Work
from broadcaster.model.clock import Clock
from broadcaster.model.errors import OutOfReach, Refused
from broadcaster.model.precedence import Lane

SHORTEST_SECONDS, LONGEST_SECONDS, A_CHARACTER_SECONDS = 15.0, 60.0, 0.5
"""How long an alert waits for its voice: by its length, so that a slow one that works still wins."""

log = structlog.get_logger()


async def voice(desk: Desk, work: Work) -> Callable[[Pen], str]:
    """Have the work's script spoken; where no voice can, take the stock phrase, flagged.

    An alert does not wait for a voice that is away or hangs: that something is the matter is said now.

    Returns:
        The job that records the outcome and names it.

    Raises:
        OutOfReach: the voice does not answer now, and it is no alert or there is no stock phrase (no_stock); the work
            is done again later.
    """
    script, wanted = await desk.book.read(lambda state: (state.script(work.subject), state.script_wanted(work.subject)))
    if script is None or not wanted:
        return lambda _: "unwanted"
    if script.state == "ready":
        return lambda _: "ready"
    try:
        recording, state = await _spoken(desk, script, work.lane), "ready"
    except (Refused, OutOfReach) as error:
        if isinstance(error, OutOfReach) and work.lane is not Lane.ALERT:
            raise
        log.warning("stock phrase instead of the text", script=script.id, lane=work.lane.value, why=str(error))
        recording, state = await _within(desk.clock, SHORTEST_SECONDS, desk.studio.stock(work.lane)), "stock"
    return lambda pen: _record(desk, pen, script, recording, state, work)


async def _spoken(desk: Desk, script: Script, lane: Lane) -> RecordingKept:
    is_alert = lane is Lane.ALERT
    saying = desk.studio.record(script.spoken, urgent=is_alert)
    if not is_alert:
        return await saying
    seconds = min(SHORTEST_SECONDS + A_CHARACTER_SECONDS * len(script.spoken), LONGEST_SECONDS)
    return await _within(desk.clock, seconds, saying)


async def _within(clock: Clock, seconds: float, saying: Awaitable[RecordingKept]) -> RecordingKept:
    """Wait so long for a recording, and then no more.

    Raises:
        OutOfReach: voice_slow, besides what the voice itself raises.
    """
    said, over = asyncio.ensure_future(saying), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({said, over}, return_when=asyncio.FIRST_COMPLETED)
        if not said.done():
            raise OutOfReach("voice_slow", seconds=seconds)
        return said.result()
    finally:
        # Not waited for: a voice that does not answer may not answer to this either.
        said.cancel()
        over.cancel()


def _record(desk: Desk, pen: Pen, script: Script, recording: RecordingKept, state: str, work: Work) -> str:
    pen.put(recording, replace(script, state=state, recording=recording.sha256))
    pen.put(script_event("ready", script.id, work.lane, desk.clock.now(), work.id, recording))
    return state

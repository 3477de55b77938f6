"""Voicing: the worker that has a script spoken, once for all its villages."""

from collections.abc import Callable
from dataclasses import replace

from broadcaster.desk.events import script_event
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import RecordingKept, Script, Work
from broadcaster.model.errors import Refused
from broadcaster.model.precedence import Lane


async def voice(desk: Desk, work: Work) -> Callable[[Pen], str]:
    """Have the work's script spoken; where no voice can, take the stock phrase, flagged.

    Returns:
        The job that records the outcome and names it.

    Raises:
        OutOfReach: the voice does not answer now; the work is done again later.
    """
    script, wanted = await desk.book.read(lambda state: (state.script(work.subject), state.script_wanted(work.subject)))
    if script is None or not wanted:
        return lambda _: "unwanted"
    if script.state == "ready":
        return lambda _: "ready"
    try:
        recording, state = await desk.studio.record(script.spoken, urgent=work.lane is Lane.ALERT), "ready"
    except Refused:
        recording, state = await desk.studio.stock(work.lane), "stock"
    return lambda pen: _record(desk, pen, script, recording, state, work)


def _record(desk: Desk, pen: Pen, script: Script, recording: RecordingKept, state: str, work: Work) -> str:
    pen.put(recording, replace(script, state=state, recording=recording.sha256))
    pen.put(script_event("ready", script.id, work.lane, desk.clock.now(), work.id, recording))
    return state

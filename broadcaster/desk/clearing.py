"""Clearing: the shelf of recordings stays small enough for the disk of a village office.

Speech can be made again from its text; what somebody still waits for is never taken, and the book forgets a recording
before its file goes, so that nothing is ordered that is no longer there.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.model.errors import OutOfReach, is_passing
from broadcaster.model.precedence import Lane

EVERY_SECONDS = 3_600.0
AT_ONCE = 200

log = structlog.get_logger()


class Shelf(Protocol):
    """Where recordings stand, named by the hash of their file."""

    async def surplus(self, wanted: Collection[str]) -> Sequence[str]:
        """Return what has to go for the shelf to be small enough, the least recently used first; nothing wanted."""

    async def remove(self, names: Collection[str]) -> None:
        """Take recordings from the shelf; those that are not there are passed over."""


async def keep_clear(desk: Desk, shelf: Shelf) -> None:
    """Clear the shelf now and then, until cancelled."""
    while True:
        await desk.clock.sleep(EVERY_SECONDS)
        try:
            await clear(desk, shelf)
        except OutOfReach as error:
            if not is_passing(error):
                raise
            log.warning("shelf left as it is", code=error.code)


async def clear(desk: Desk, shelf: Shelf) -> int:
    """Clear the shelf once, and return how many recordings went."""
    surplus = await shelf.surplus(await desk.book.look(lambda state: state.recordings_wanted()))
    gone = 0
    for start in range(0, len(surplus), AT_ONCE):
        names = surplus[start : start + AT_ONCE]
        free = await desk.book.write(Lane.NOTICE, partial(_let_go, names=names))
        await shelf.remove(free)
        gone += len(free)
    if gone:
        log.info("shelf cleared", recordings=gone)
    return gone


def _let_go(pen: Pen, names: Sequence[str]) -> list[str]:
    """Have their scripts spoken again when somebody next wants them; keep what somebody wants by now."""
    scripts = pen.scripts_recorded(names)
    held = {script.recording for script in scripts if pen.script_wanted(script.id)}
    pen.put(replace(one, state="wanted", recording=None) for one in scripts if one.recording not in held)
    return [name for name in names if name not in held]

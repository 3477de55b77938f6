"""Resuming: a reader of the log that stands still goes on, because somebody has looked."""

from broadcaster.desk.authority import Asker, require
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Engine, Pen
from broadcaster.desk.rows import Audit, Role
from broadcaster.model.errors import NotFound
from broadcaster.model.precedence import Lane


async def resume(desk: Desk, asker: Asker, engine: Engine, reader: str) -> bool:
    """Let a reader that would have buried too much bury again; it concerns every village.

    Returns:
        Whether it stood still.

    Raises:
        NotFound: reader_unknown. NotAllowed: role_missing.
    """
    before = engine.paused.get(reader)

    def job(pen: Pen) -> None:
        require(asker, Role.OPERATE, pen.villages())
        if reader not in engine.readers:
            raise NotFound("reader_unknown", reader=reader[:60], readers=sorted(engine.readers))
        if before is not None:
            pen.put(Audit(desk.clock.now(), asker.id, "reader.resumed", {"reader": reader, "before": before}))

    await desk.book.write(Lane.NOTICE, job)
    if before is not None:
        engine.resume(reader)
    return before is not None

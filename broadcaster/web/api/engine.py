"""Engine: what operators may tell those who read the log."""

from fastapi import APIRouter, Request

from broadcaster.desk.resuming import resume
from broadcaster.model.errors import OutOfReach
from broadcaster.web.api.shapes import Id, Shape
from broadcaster.web.auth import AtDesk, WhoAsks

router = APIRouter(tags=["watching"])


class ResumedOut(Shape):
    """What became of it. `was_paused`: false where the reader was going already, and nothing changed."""

    reader: str
    was_paused: bool


@router.post("/engine/{reader}/resume")
async def post_resume(reader: Id, request: Request, desk: AtDesk, who: WhoAsks) -> ResumedOut:
    """Let a reader go on that stands still because it would bury too much: look at the dead letters first."""
    if request.app.state.engine is None:
        raise OutOfReach("engine_elsewhere")
    was_paused = await resume(desk, who.asker, request.app.state.engine, reader)
    return ResumedOut(reader=reader, was_paused=was_paused)

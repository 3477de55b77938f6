"""Reading: how a text will be spoken, before anything is saved."""

import asyncio

from fastapi import APIRouter
from pydantic import Field

from broadcaster.web.api.notices import HintOut
from broadcaster.web.api.shapes import Asked, Shape
from broadcaster.web.auth import AtDesk, WhoAsks

router = APIRouter(tags=["notices"])


class TextIn(Asked):
    """A text as it is written."""

    text: str = Field(max_length=20_000)


class SpokenOut(Shape):
    """The text as it will be spoken, and what to check in it."""

    spoken: str
    hints: list[HintOut]


@router.post("/read")
async def post_read(asked: TextIn, desk: AtDesk, who: WhoAsks) -> SpokenOut:
    """Read a text; one that cannot be read is refused as `unreadable`, with its place."""
    spoken = await asyncio.to_thread(desk.reader.read, asked.text)
    return SpokenOut(spoken=spoken.text, hints=HintOut.all_of(spoken.hints))

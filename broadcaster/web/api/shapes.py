"""Shapes: what the JSON interface takes and gives. Times are ISO 8601 by the village's clock (Asia/Shanghai)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header, Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from broadcaster.desk.audience import Audience
from broadcaster.model.area import Area
from broadcaster.model.clock import SHANGHAI, milliseconds, moment
from broadcaster.model.delivery import Delivery
from broadcaster.web.words import NOT_COUNTED

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
LONGEST_ID = 80


def local(at: datetime) -> str:
    """Write a moment as the village's clock shows it, rounded as the book keeps it: the same answer now and later."""
    return moment(milliseconds(at)).astimezone(SHANGHAI).isoformat(timespec="milliseconds")


def _within_reach(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError("must lie between 2000 and 2100")
    return at.astimezone(UTC)


Moment = Annotated[
    datetime,
    PlainSerializer(local, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-07-01T16:00:00.000+08:00"]}),
]
MomentIn = Annotated[AwareDatetime, AfterValidator(_within_reach)]
"""A moment with its offset; kept in UTC."""

Id = Annotated[str, Path(max_length=LONGEST_ID)]
Number = Annotated[int, Path(ge=1, le=1_000_000, description="The revision's number.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="The same key with the same body gives the same answer, and the work is done once.",
    ),
]


class Shape(BaseModel):
    """What is given."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """What is taken: a field that nobody reads is refused, for it may have been meant."""

    model_config = ConfigDict(extra="forbid")


class AreaOut(Shape):
    """A place; `people` is null where nobody has counted yet."""

    code: str
    parent: str | None
    kind: str
    name: str
    people: int | None
    people_text: str

    @classmethod
    def of(cls, area: Area) -> "AreaOut":
        """Show an area."""
        return cls(
            code=area.code,
            parent=area.parent,
            kind=area.kind,
            name=area.name,
            people=area.people,
            people_text=people_text(area.people),
        )


def people_text(people: int | None) -> str:
    """Write a number of people; one that is not known is said to be so."""
    return NOT_COUNTED if people is None else str(people)


class AudienceOut(Shape):
    """Who will hear it.

    Attributes:
        speakers_offline: how many of the loudspeakers are not connected now.
        people: null where a village is not counted yet; `people_text` then says so.
        silent_villages: those without any loudspeaker.
    """

    villages: list[AreaOut]
    speakers: int
    speakers_offline: int
    people: int | None
    people_text: str
    silent_villages: list[AreaOut]

    @classmethod
    def of(cls, found: Audience) -> "AudienceOut":
        """Show an audience."""
        villages = [AreaOut.of(village) for village in found.villages]
        return cls(
            villages=villages,
            speakers=found.speakers,
            speakers_offline=found.offline,
            people=found.people,
            people_text=people_text(found.people),
            silent_villages=[village for village in villages if village.code in found.silent_villages],
        )


class DeliveryOut(Shape):
    """One announcement at one loudspeaker. `rank`: pending, sent, accepted, started, no_receipt or final."""

    target: str
    rank: str
    outcome: str | None
    reason: str | None
    sent_at: Moment | None
    accepted_at: Moment | None
    started_at: Moment | None
    ended_at: Moment | None
    heard_ms: int
    repeats_done: int
    tries: int
    audio_sha256: str | None
    crash_replay: bool
    planned: bool
    contradiction: str | None

    @classmethod
    def of(cls, row: Delivery) -> "DeliveryOut":
        """Show a delivery."""
        return cls(
            target=row.target,
            rank=row.rank.name.lower(),
            outcome=row.outcome,
            reason=row.reason,
            sent_at=_moment(row.sent_at),
            accepted_at=_moment(row.accepted_at),
            started_at=_moment(row.started_at),
            ended_at=_moment(row.ended_at),
            heard_ms=row.heard_ms,
            repeats_done=row.repeats_done,
            tries=row.tries,
            audio_sha256=row.audio_sha256,
            crash_replay=row.crash_replay,
            planned=row.planned,
            contradiction=row.contradiction,
        )

    @classmethod
    def all_of(cls, rows: Iterable[Delivery]) -> "list[DeliveryOut]":
        """Show deliveries, by target."""
        return [cls.of(row) for row in sorted(rows, key=lambda row: row.target)]


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else moment(ms)


class Problem(BaseModel):
    """What went wrong (RFC 9457); more members say what it concerns."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/problems/window_quiet"])
    title: str
    status: int
    detail: str = Field(description="What to do next.")
    code: str

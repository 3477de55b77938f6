"""Places: areas, the loudspeakers in them, and what was announced there."""

import base64
import binascii
from collections.abc import Sequence
from datetime import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from broadcaster.desk.authority import Asker
from broadcaster.desk.enrolling import KEY_BYTES, enrol, retire
from broadcaster.desk.overview import SpeakerView, origin_view, speakers_seen
from broadcaster.desk.ports import State
from broadcaster.model.announcement import Announcement
from broadcaster.model.delivery import Delivery
from broadcaster.model.errors import Invalid, NotFound
from broadcaster.web.api.shapes import AreaOut, Asked, DeliveryOut, Id, Moment, Shape
from broadcaster.web.auth import AtDesk, WhoAsks

router = APIRouter(tags=["places"])


class SpeakerOut(Shape):
    """A loudspeaker, and what it last said of itself; null where it never did."""

    id: str
    village: str
    kind: str
    enrolled_at: Moment
    is_online: bool
    seen_at: Moment | None
    volume: int | None
    clock_error_ms: int | None
    faults: str
    software: str
    last_sound_at: Moment | None

    @classmethod
    def of(cls, view: SpeakerView) -> "SpeakerOut":
        """Show a loudspeaker."""
        speaker, health = view.speaker, view.health
        return cls(
            id=speaker.id,
            village=speaker.village,
            kind=speaker.kind,
            enrolled_at=speaker.enrolled_at,
            is_online=view.is_online,
            seen_at=health.seen_at if health else None,
            volume=health.volume if health else None,
            clock_error_ms=health.clock_error_ms if health else None,
            faults=health.faults if health else "",
            software=health.software if health else "",
            last_sound_at=health.last_sound_at if health else None,
        )


class SpeakerIn(Asked):
    """A loudspeaker that wants to be known. `pubkey`: base64 of its Ed25519 public key, 32 bytes."""

    id: str = Field(max_length=200)
    village: str = Field(max_length=30)
    pubkey: str = Field(max_length=200)
    kind: str = Field("agent", pattern="^(agent|rtp|sip)$")


class KeyOut(Shape):
    """A key that loudspeakers trust, and for what. `key`: base64."""

    kid: str
    purpose: str
    key: str


class QuietOut(Shape):
    """When nothing routine sounds, by the village's clock. Equal ends: never quiet."""

    start: time
    end: time


class ConfigOut(Shape):
    """What a loudspeaker is to keep to. `volume`: percent, (least, most) for each class and what is usual."""

    quiet: QuietOut
    volume: dict[str, Any]


class EnrolledOut(Shape):
    """What a loudspeaker needs to know to be heard from."""

    speaker: str
    village: str
    keys: list[KeyOut]
    config: ConfigOut
    epoch: int


class AnnouncementOut(Shape):
    """One village's share of a notice or an alert, with its deliveries."""

    id: str
    origin: str
    revision: int
    village: str
    lane: str
    scope: str
    sound_class: str
    severity: int
    state: str
    held_why: str | None
    release_at: Moment | None
    not_before: Moment | None
    expires: Moment
    repeat: int
    supersedes: str | None
    deliveries: list[DeliveryOut]

    @classmethod
    def of(cls, one: Announcement, rows: Sequence[Delivery]) -> "AnnouncementOut":
        """Show an announcement."""
        return cls(
            id=one.id,
            origin=one.origin,
            revision=one.revision,
            village=one.village,
            lane=one.lane,
            scope=one.scope,
            sound_class=one.sound_class,
            severity=one.severity,
            state=one.state,
            held_why=one.held_why,
            release_at=one.release_at,
            not_before=one.not_before,
            expires=one.expires,
            repeat=one.repeat,
            supersedes=one.supersedes,
            deliveries=DeliveryOut.all_of(row for row in rows if row.announcement == one.id),
        )


Asking = Annotated[str | None, Query(max_length=80)]


@router.get("/areas")
async def get_areas(desk: AtDesk, who: WhoAsks) -> list[AreaOut]:
    """Look at every area that is known here, in order of code."""
    areas = await desk.book.look(lambda state: state.areas())
    return [AreaOut.of(area) for area in areas.values()]


@router.get("/announcements")
async def get_announcements(
    desk: AtDesk, who: WhoAsks, origin: Asking = None, village: Asking = None
) -> list[AnnouncementOut]:
    """Look at what an origin announced, or what was announced in a village, with every delivery."""
    if (origin is None) == (village is None):
        raise Invalid("query_missing")

    def query(state: State) -> list[AnnouncementOut]:
        found = _of_origin(state, who.asker, origin) if origin is not None else _in(state, who.asker, village or "")
        rows = state.deliveries([one.id for one in found])
        return [AnnouncementOut.of(one, rows) for one in found]

    return await desk.book.look(query)


def _of_origin(state: State, asker: Asker, origin: str) -> list[Announcement]:
    origin_view(state, asker, origin)
    return [one for one in state.announcements_of(origin) if asker.sees(one.village)]


def _in(state: State, asker: Asker, village: str) -> Sequence[Announcement]:
    # Who may not look there is not told whether it exists.
    if village not in state.villages() or not asker.sees(village):
        raise NotFound("village_unknown", village=village[:20])
    return state.announcements_in(village)


@router.get("/speakers")
async def get_speakers(request: Request, desk: AtDesk, who: WhoAsks) -> list[SpeakerOut]:
    """Look at the loudspeakers within what the asker may see."""
    online, health = desk.line.online(), dict(request.app.state.watch.health)
    views = await desk.book.look(lambda state: speakers_seen(state, who.asker, online, health))
    return [SpeakerOut.of(view) for view in views]


@router.post("/speakers", status_code=201)
async def post_speaker(asked: SpeakerIn, request: Request, desk: AtDesk, who: WhoAsks) -> EnrolledOut:
    """Make a loudspeaker known; the same one with the same key may ask again."""
    enrolled = await enrol(desk, who.asker, asked.id, asked.village, _key(asked.pubkey), asked.kind)
    state = request.app.state
    return EnrolledOut(
        speaker=enrolled.speaker.id,
        village=enrolled.speaker.village,
        keys=[KeyOut(**key) for key in state.public_keys()],
        config=ConfigOut(quiet=QuietOut.model_validate(desk.policy.quiet), volume=dict(state.volume)),
        epoch=enrolled.epoch,
    )


def _key(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("key_bytes", bytes=KEY_BYTES) from error


@router.delete("/speakers/{speaker}", status_code=204)
async def delete_speaker(speaker: Id, desk: AtDesk, who: WhoAsks) -> None:
    """Take a loudspeaker out of service: its key opens nothing any more."""
    await retire(desk, who.asker, speaker)

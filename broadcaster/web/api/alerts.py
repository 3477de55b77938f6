"""Alerts: taken as CAP 1.2, released where they are held, cancelled, and all of it stopped."""

from fastapi import APIRouter, Request
from pydantic import Field

from broadcaster.cap.reading import Reading, read_alert
from broadcaster.cap.signatures import SignatureState
from broadcaster.desk.cancelling import cancel
from broadcaster.desk.issuing import Taken, take_alert
from broadcaster.desk.office import Desk
from broadcaster.desk.overview import OriginView, origin_view, origins_seen
from broadcaster.desk.ports import State
from broadcaster.desk.releasing import release_held
from broadcaster.desk.rows import Source
from broadcaster.desk.stopping import stop_everything
from broadcaster.desk.threads import for_alerts
from broadcaster.model.errors import Invalid, NotAllowed, NotFound
from broadcaster.model.precedence import SoundClass
from broadcaster.web.api.notices import CancelledOut, Limit, OriginOut, ReleasedOut
from broadcaster.web.api.shapes import Asked, AudienceOut, Id, Moment, Shape
from broadcaster.web.auth import AtDesk, Visitor, WhoAsks
from broadcaster.web.problems import reader_language

router = APIRouter(tags=["alerts"])

CAP_TYPES = ("application/cap+xml", "application/xml", "text/xml")


class TakenOut(Shape):
    """What became of an alert, and who will hear it.

    Attributes:
        fate: planned, held (a person decides), stored (never sounds), cancelled, or known (it came before).
        notes: what was left out or put right, in the reader's language where there are words for it.
    """

    alert: str
    origin: str
    fate: str
    notes: list[str]
    release_at: Moment | None
    audience: AudienceOut

    @classmethod
    def of(cls, taken: Taken, repairs: list[str]) -> "TakenOut":
        """Show what became of an alert."""
        return cls(
            alert=taken.alert,
            origin=taken.origin,
            fate=taken.fate,
            notes=[*repairs, *taken.notes],
            release_at=taken.release_at,
            audience=AudienceOut.of(taken.audience),
        )


class HeldIn(Asked):
    """Its class, where the alert itself does not say how severe it is."""

    sound_class: SoundClass | None = None


class StopIn(Asked):
    """Where everything is to fall silent."""

    area: str = Field(max_length=30)


class StoppedOut(Shape):
    """What a press did. `staying`: announcements planned for later, which stay."""

    id: str
    at: Moment
    villages: list[str]
    silenced: int
    staying: list[str]


_CAP_BODY = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in CAP_TYPES},
    }
}


@router.post("/alerts", status_code=202, openapi_extra=_CAP_BODY)
async def post_alert(request: Request, desk: AtDesk, who: WhoAsks) -> TakenOut:
    """Take one CAP 1.2 message as it came; sent twice it is heard once."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in CAP_TYPES:
        raise Invalid("media_type", types=list(CAP_TYPES))
    raw = await request.body()
    reading = await _read(desk, who, raw)
    taken = await take_alert(desk, who.asker, reading.alert, raw, _verdict(reading))
    return TakenOut.of(taken, [reason.text(reader_language(request)) for reason in reading.reasons])


async def _read(desk: Desk, who: Visitor, raw: bytes) -> Reading:
    source = await desk.book.read(lambda state: state.source(who.asker.id))
    if source is None:
        raise NotAllowed("not_a_source")
    pinned = [source.certificate.encode()] if source.certificate else []
    reading = await for_alerts(read_alert, raw, pinned=pinned, now=desk.clock.now())
    _signed(source, reading)
    return reading


def _signed(source: Source, reading: Reading) -> None:
    """Hold a source that is bound to a certificate to it.

    Raises:
        NotAllowed: signature_missing.
    """
    if source.certificate and reading.signature is not SignatureState.GOOD:
        raise NotAllowed("signature_missing", signature=reading.signature.value)


def _verdict(reading: Reading) -> str:
    return f"{reading.judgement}, {reading.signature.value}"


@router.get("/alerts")
async def get_alerts(desk: AtDesk, who: WhoAsks, limit: Limit = 50) -> list[OriginOut]:
    """Look at alerts within what the asker may see: those on which somebody waits first, then the newest."""
    now = desk.clock.now()
    views = await desk.book.look(lambda state: origins_seen(state, who.asker, now, kind="alert", limit=limit))
    return [OriginOut.of(view) for view in views]


@router.get("/alerts/{origin}")
async def get_alert(origin: Id, desk: AtDesk, who: WhoAsks) -> OriginOut:
    """Look at one alert and at what each village has heard of it; by the origin that taking it answered."""

    def query(state: State) -> OriginView:
        view = origin_view(state, who.asker, origin)
        if view.origin.kind != "alert":
            raise NotFound("origin_unknown", origin=origin)
        return view

    return OriginOut.of(await desk.book.look(query))


@router.post("/alerts/{origin}/release", status_code=202)
async def post_release_held(origin: Id, asked: HeldIn, desk: AtDesk, who: WhoAsks) -> ReleasedOut:
    """Let a held alert go; the answer names who will hear it."""
    return ReleasedOut.of(await release_held(desk, who.asker, origin, asked.sound_class))


@router.post("/origins/{origin}/cancel")
async def post_cancel(origin: Id, desk: AtDesk, who: WhoAsks) -> CancelledOut:
    """Silence a notice or an alert for good, at once and alone; asked again, it changes nothing."""
    return CancelledOut.model_validate(await cancel(desk, who.asker, origin))


@router.post("/stop")
async def post_stop(asked: StopIn, desk: AtDesk, who: WhoAsks) -> StoppedOut:
    """Silence all that was issued before now in an area; the next alert is not held up."""
    return StoppedOut.model_validate(await stop_everything(desk, who.asker, asked.area))

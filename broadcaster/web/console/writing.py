"""Writing: the form of a notice, new or revised; what cannot be is said at its place."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from broadcaster.desk.drafting import LONGEST_TITLE, Drafted, NoticeForm, draft, known_revision, revise
from broadcaster.desk.office import Desk
from broadcaster.desk.overview import origin_view
from broadcaster.desk.ports import State
from broadcaster.model.clock import SHANGHAI, milliseconds, moment
from broadcaster.model.errors import Invalid, NotAllowed, NotFound
from broadcaster.model.notice import LONGEST_TEXT, MOST_REPEATS
from broadcaster.web.auth import AtDesk, Visitor, WhoAsks
from broadcaster.web.console.frame import page
from broadcaster.web.console.places import simplest, tree, who_hears
from broadcaster.web.console.times import LASTS, TimesChosen, chips, read_window, typed_as
from broadcaster.web.rendering import PageRoute, go

router = APIRouter(route_class=PageRoute)

MOST_TARGETS = 2_000
COUNTED_FROM_OPENING = timedelta(minutes=10)
LONGEST_MS = 14
PLACES = {
    "title": ("title_long",),
    "text": ("text_missing", "text_long", "unreadable"),
    "targets": ("targets_missing", "targets_unknown", "area_code", "role_missing"),
    "window": ("window_over", "window_backwards", "window_long", "window_quiet", "time_unread"),
    "repeat": ("repeat_range",),
}


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the form, as typed.

    Attributes:
        key: of this form, so that sending it twice saves it once.
        opened: milliseconds at which the form was opened; see `_counted_from`.
    """

    key: str
    opened: str
    title: str = ""
    text: str = ""
    targets: tuple[str, ...] = ()
    times: TimesChosen = field(default_factory=TimesChosen)
    repeat: str = "1"


@router.get("/console/notices/new")
async def new(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Show an empty form."""
    return await _form(request, desk, visitor, _blank(desk))


@router.post("/console/notices/new")
async def write(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Save a new notice."""
    written = read_form(await request.form())
    return await _save(request, desk, visitor, written, lambda form: draft(desk, visitor.asker, form, written.key))


@router.get("/console/notices/audience")
async def audience(request: Request, desk: AtDesk, visitor: WhoAsks) -> Response:
    """Say who will hear it, as villages are being ticked."""
    targets, online = simplest(request.query_params.getlist("targets")[:MOST_TARGETS]), desk.line.online()
    heard_by = await desk.book.look(lambda state: who_hears(state, targets, online))
    return page(request, visitor, "parts/audience.html", audience=heard_by)


@router.get("/console/notices/{origin}/revise")
async def again(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Show the form as it was last saved."""

    def query(state: State) -> Written:
        view = origin_view(state, visitor.asker, origin)
        if view.revision is None or view.origin.kind != "notice":
            raise NotFound("notice_unknown", origin=origin[:60])
        kept = known_revision(state, origin, view.revision.revision)
        return replace(
            _blank(desk),
            title=view.origin.title,
            text=kept.text,
            targets=kept.targets,
            times=typed_as(kept.window),
            repeat=str(kept.repeat),
        )

    return await _form(request, desk, visitor, await desk.book.look(query), origin)


@router.post("/console/notices/{origin}/revise")
async def write_again(request: Request, desk: AtDesk, visitor: WhoAsks, origin: str) -> Response:
    """Save the next version."""
    written = read_form(await request.form())
    await desk.book.look(lambda state: origin_view(state, visitor.asker, origin))
    return await _save(
        request, desk, visitor, written, lambda form: revise(desk, visitor.asker, origin, form, written.key), origin
    )


def _blank(desk: Desk) -> Written:
    return Written(desk.new_id(), str(milliseconds(desk.clock.now())))


def read_form(form: FormData) -> Written:
    """Read what was typed; judging it is left to the desk."""

    def typed(name: str, most: int = 40) -> str:
        value = form.get(name, "")
        return value[:most] if isinstance(value, str) else ""

    fields = ("start", "start_day", "start_clock", "until", "until_day", "until_clock")
    targets = [code for code in form.getlist("targets")[:MOST_TARGETS] if isinstance(code, str)]
    return Written(
        key=typed("key"),
        opened=typed("opened", LONGEST_MS),
        title=typed("title", LONGEST_TITLE + 1),
        text=typed("text", LONGEST_TEXT * 2).replace("\r\n", "\n"),
        targets=simplest(targets),
        times=TimesChosen(**{name: typed(name) for name in fields if typed(name)}),
        repeat=typed("repeat") or "1",
    )


def _counted_from(written: Written, now: datetime) -> datetime:
    """Return from when "two hours" are counted.

    From the form's opening if that is not long ago, so that a form sent twice says the same thing twice.
    """
    opened = moment(int(written.opened)) if written.opened.isascii() and written.opened.isdigit() else now
    return opened if timedelta(0) <= now - opened < COUNTED_FROM_OPENING else now


def _notice_form(written: Written, desk: Desk) -> NoticeForm:
    window = read_window(written.times, _counted_from(written, desk.clock.now()))
    repeat = int(written.repeat) if written.repeat.isascii() and written.repeat.isdigit() else 0
    return NoticeForm(written.title, written.text, written.targets, window.expires, window.not_before, repeat)


async def _save(
    request: Request,
    desk: AtDesk,
    visitor: Visitor,
    written: Written,
    save: Callable[[NoticeForm], Awaitable[Drafted]],
    origin: str | None = None,
) -> Response:
    if "count" in await request.form():
        return await _form(request, desk, visitor, written, origin)
    try:
        drafted = await save(_notice_form(written, desk))
    except (Invalid, NotAllowed) as error:
        if place_of(error) is None:
            raise
        return await _form(request, desk, visitor, written, origin, error)
    return go(request, f"/console/notices/{drafted.revision.origin}?done=saved")


def place_of(error: Invalid | NotAllowed) -> str | None:
    """Return the field at which an error is shown."""
    return next((place for place, codes in PLACES.items() if error.code in codes), None)


def _with_place(error: Invalid | NotAllowed, text: str) -> Invalid | NotAllowed:
    """Quote what could not be read, where the error says only from where to where it stands."""
    start, end = error.facts.get("start"), error.facts.get("end")
    if isinstance(start, int) and isinstance(end, int):
        return type(error)(error.code, **error.facts, place=text[start:end])
    return error


async def _form(
    request: Request,
    desk: AtDesk,
    visitor: Visitor,
    written: Written,
    origin: str | None = None,
    error: Invalid | NotAllowed | None = None,
) -> Response:
    online, now = desk.line.online(), desk.clock.now()
    towns, heard_by = await desk.book.look(
        lambda state: (tree(state, visitor.asker, written.targets), who_hears(state, written.targets, online))
    )
    offered = chips(now, _kept(written))
    if written.times.start not in {chip.value for chip in offered}:
        written = replace(written, times=_as_typed(written.times))
    return page(
        request,
        visitor,
        "console/write.html",
        422 if error else 200,
        written=written,
        origin=origin,
        towns=towns,
        audience=heard_by,
        chips=offered,
        lasts=list(LASTS),
        repeats=range(1, MOST_REPEATS + 1),
        longest=LONGEST_TEXT,
        tomorrow=now.astimezone(SHANGHAI).strftime("%Y-%m-%d"),
        wrong=place_of(error) if error else None,
        error=_with_place(error, written.text) if error else None,
    )


def _kept(written: Written) -> datetime | None:
    try:
        at = datetime.fromisoformat(written.times.start)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _as_typed(times: TimesChosen) -> TimesChosen:
    """Show a start that is not offered as a chip in the plain fields."""
    try:
        at = datetime.fromisoformat(times.start).astimezone(SHANGHAI)
    except ValueError:
        return replace(times, start="other")
    return replace(times, start="other", start_day=at.strftime("%Y-%m-%d"), start_clock=at.strftime("%H:%M"))

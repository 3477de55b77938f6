"""Metrics: whether the service is well, and figures for those who watch over it; by village, never by id."""

import asyncio
from collections import Counter as Count
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Engine, LogState, State
from broadcaster.desk.rows import Role
from broadcaster.desk.watching import Watch
from broadcaster.model.announcement import Announcement
from broadcaster.model.clock import milliseconds
from broadcaster.model.delivery import Rank
from broadcaster.model.errors import BroadcasterError, NotAllowed
from broadcaster.model.precedence import Lane
from broadcaster.web.auth import Perhaps
from broadcaster.web.happenings import Happening
from broadcaster.web.kept import Kept
from broadcaster.web.live import Live

Figures = Callable[[LogState], Mapping[tuple[str, str], int]]
"""How many events each reader is behind in each lane: ``{(reader, lane): events}``."""

ANSWER_SECONDS = 2.0
NEWEST = 50
MOST_COUNTED = 1_000
MOST_REMEMBERED = 10_000
WORK_KINDS = ("voice", "order", "send")
LATENESS_SECONDS = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800)

router = APIRouter(tags=["watching"])


@dataclass(slots=True)
class Standing:
    """Figures as they stood when they were asked for.

    Attributes:
        deliveries: (village, rank, outcome) → how many, of the newest announcements of each village.
        speakers: (village, online or offline) → how many.
        waiting: (kind, lane) → pieces of work that are due and not done.
    """

    deliveries: Count[tuple[str, str, str]] = field(default_factory=Count)
    speakers: Count[tuple[str, str]] = field(default_factory=Count)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    behind: dict[tuple[str, str], int] = field(default_factory=dict)
    dead_letters: int = 0
    streams: int = 0


class Metrics(Collector):
    """All figures of one app."""

    def __init__(
        self, desk: Desk, watch: Watch, live: Live, figures: Figures | None, engine: Engine | None = None
    ) -> None:
        self._desk, self._watch, self._live, self._figures, self._engine = desk, watch, live, figures, engine
        self._standing = Standing()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._lateness = Histogram(
            "vb_lateness_seconds",
            "From the moment an announcement might sound until a loudspeaker began",
            ["village"],
            buckets=LATENESS_SECONDS,
            registry=self._registry,
        )
        self._begun: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._to_time: list[tuple[str, str, int]] = []
        self._healthy: Kept[None, dict[str, str]] = Kept(desk.clock)
        live.watchers.append(self.noted)

    def noted(self, one: Happening) -> None:
        """Note which delivery began to sound; how late it was is worked out when somebody asks."""
        begun, facts = one.facts.get("started_at"), one.facts
        if one.type != "delivery.changed" or facts.get("rank") not in (Rank.STARTED, Rank.FINAL) or not begun:
            return
        delivery = (str(facts["announcement"]), str(facts["target"]))
        if delivery in self._begun:
            return
        self._begun[delivery] = None
        while len(self._begun) > MOST_REMEMBERED:
            self._begun.popitem(last=False)
        self._to_time = [*self._to_time[-MOST_REMEMBERED:], (delivery[0], one.villages[0], int(begun))]

    async def text(self) -> bytes:
        """Return all figures in Prometheus's text form.

        Raises:
            OutOfReach: the book cannot be read now.
        """
        desk = self._desk
        begun, self._to_time = self._to_time, []
        known = await desk.book.look(lambda state: state.announcements({one[0] for one in begun}))
        self._time(begun, known)
        online, now = desk.line.online(), desk.clock.now()
        self._standing = await desk.book.look(lambda state: standing(state, online, now))
        self._standing.dead_letters, self._standing.behind = await desk.book.look(self._of_the_log)
        self._standing.streams = self._live.clients
        return generate_latest(self._registry)

    def _of_the_log(self, pen: LogState) -> tuple[int, dict[tuple[str, str], int]]:
        behind = dict(self._figures(pen)) if self._figures else {}
        if self._live.seq is not None:
            behind["live", "all"] = max(pen.outbox_end() - self._live.seq, 0)
        return len(pen.dead_letters(limit=MOST_COUNTED)), behind

    def _time(self, begun: Iterable[tuple[str, str, int]], known: Mapping[str, Announcement]) -> None:
        for announcement, village, started_ms in begun:
            one = known.get(announcement)
            if one is None or one.release_at is None:
                continue
            due = max(one.release_at, one.not_before or one.release_at)
            self._lateness.labels(village).observe(max(started_ms - milliseconds(due), 0) / 1000)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Hand the figures to Prometheus's writer."""
        now = self._standing
        yield _gauge(
            "vb_deliveries",
            f"Deliveries of each village's newest {NEWEST} announcements",
            ("village", "rank", "outcome"),
            now.deliveries,
        )
        yield _gauge("vb_speakers", "Loudspeakers", ("village", "state"), now.speakers)
        yield _gauge("vb_work_waiting", "Work that is due and not done", ("kind", "lane"), now.waiting)
        yield _gauge("vb_events_behind", "Events that a reader has not read yet", ("reader", "lane"), now.behind)
        paused = {(reader,): 1 for reader in self.paused()}
        yield _gauge("vb_reader_paused", "Readers that stand still until somebody resumes them", ("reader",), paused)
        dropped = {(why,): count for why, count in self._watch.dropped.items()}
        yield _gauge("vb_receipts_dropped", "Receipts that did not count, since the start", ("why",), dropped)
        yield GaugeMetricFamily("vb_dead_letters", "Events that no stage could take", now.dead_letters)
        yield GaugeMetricFamily("vb_live_streams", "Pages that look", now.streams)

    def paused(self) -> list[str]:
        """Return the readers that stand still until somebody resumes them."""
        return sorted(self._engine.paused) if self._engine else []

    async def health(self) -> dict[str, str]:
        """Return how book, signer and line are, each in a word: ok, or what is wrong.

        Anybody may ask, however often: they are examined once a second at most.
        """
        return await self._healthy.get(None, self._examine)

    async def _examine(self) -> dict[str, str]:
        book, signer = await asyncio.gather(
            _word(self._desk.book.look(lambda state: state.epoch())),
            _word(self._desk.signer.time(self._desk.new_id())),
        )
        return {"book": book, "signer": signer}


async def _word(answer: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await answer
    except TimeoutError:
        return "no_answer"
    except BroadcasterError as error:
        return error.code
    return "ok"


def standing(state: State, online: frozenset[str], now: datetime) -> Standing:
    """Count what stands in the book."""
    found = Standing()
    for speaker in state.speakers():
        if speaker.retired_at is None:
            found.speakers[speaker.village, "online" if speaker.id in online else "offline"] += 1
    for village in state.villages():
        newest = [one.id for one in state.announcements_in(village, limit=NEWEST)]
        for row in state.deliveries(newest):
            found.deliveries[village, row.rank.name.lower(), row.outcome or ""] += 1
    for kind in WORK_KINDS:
        for lane in Lane:
            due = state.claimable([kind], lane, now, limit=MOST_COUNTED)
            found.waiting[kind, lane.value] = len(due)
    return found


Labels = TypeVar("Labels", bound=tuple[str, ...])


def _gauge(name: str, words: str, labels: Sequence[str], figures: Mapping[Labels, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, figure in sorted(figures.items()):
        family.add_metric(values, figure)
    return family


@router.get("/healthz")
async def get_health(request: Request) -> JSONResponse:
    """Tell whether book and signer answer, loudspeakers can connect and all readers go on: 200, or 503."""
    metrics: Metrics = request.app.state.metrics
    parts = {**await metrics.health(), "line": "ok" if request.app.state.is_line_up() else "line_down"}
    paused = metrics.paused()
    parts["readers"] = f"paused: {', '.join(paused)}" if paused else "ok"
    is_well = all(word == "ok" for word in parts.values())
    return JSONResponse({"status": "ok" if is_well else "ill", **parts}, 200 if is_well else 503)


def _is_from_here(request: Request) -> bool:
    # A proxy on this machine says for whom it asks; the server has put that in place of the proxy's own address.
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


@router.get("/metrics", response_class=Response)
async def get_metrics(request: Request, visitor: Perhaps) -> Response:
    """Give all figures in Prometheus's text form: to this machine, and to those who operate or audit."""
    if not _is_from_here(request):
        if visitor is None:
            raise NotAllowed("session_missing")
        if not visitor.asker.roles() & {Role.OPERATE, Role.AUDIT}:
            raise NotAllowed("role_missing", role="operate/audit", areas=[])
    metrics: Metrics = request.app.state.metrics
    return Response(await metrics.text(), media_type=CONTENT_TYPE_LATEST)

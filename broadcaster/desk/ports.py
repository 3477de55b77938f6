"""Ports: what the desk needs of the world, named after what the village has."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from broadcaster.desk.events import Event
from broadcaster.desk.rows import (
    AlertKept,
    Approval,
    Audit,
    DeadLetter,
    Grant,
    Idempotency,
    OrderKept,
    Origin,
    Principal,
    RecordingKept,
    Release,
    Retry,
    Script,
    Session,
    Source,
    Speaker,
    SpeakerHealth,
    Stop,
    Submission,
    Timer,
    Token,
    Tombstone,
    Work,
)
from broadcaster.model.announcement import Announcement
from broadcaster.model.area import Area
from broadcaster.model.delivery import Delivery
from broadcaster.model.notice import Revision
from broadcaster.model.precedence import Lane
from broadcaster.signing.envelope import Envelope

T = TypeVar("T")

Row = (
    AlertKept
    | Announcement
    | Approval
    | Area
    | Audit
    | DeadLetter
    | Delivery
    | Event
    | Grant
    | Idempotency
    | OrderKept
    | Origin
    | Principal
    | RecordingKept
    | Release
    | Revision
    | Script
    | Session
    | Source
    | Speaker
    | SpeakerHealth
    | Stop
    | Submission
    | Timer
    | Token
    | Tombstone
    | Work
)


class State(Protocol):
    """What a stage or a use case may ask of the book; synchronous, one consistent moment."""

    # places and loudspeakers
    def areas(self) -> dict[str, Area]: ...
    def villages(self) -> tuple[str, ...]: ...
    def speakers_in(self, villages: Collection[str]) -> Sequence[Speaker]: ...
    def speaker(self, speaker: str) -> Speaker | None: ...
    def speakers(self) -> Sequence[Speaker]: ...
    def health(self) -> dict[str, SpeakerHealth]: ...

    # principals
    def principal(self, principal: str) -> Principal | None: ...
    def principals(self) -> Sequence[Principal]: ...
    def principals_among(self, ids: Collection[str]) -> dict[str, Principal]: ...
    def grants(self, principal: str) -> Sequence[Grant]: ...
    def token(self, sha256: str) -> Token | None: ...
    def session(self, session: str) -> Session | None: ...
    def tokens_of(self, principal: str) -> Sequence[Token]: ...
    def sessions_of(self, principal: str) -> Sequence[Session]: ...
    def source(self, principal: str) -> Source | None: ...
    def idempotency(self, principal: str, key: str) -> Idempotency | None: ...

    # what people and sources said
    def origin(self, origin: str) -> Origin | None: ...
    def origins(self, *, kind: str | None = None, limit: int = 100) -> Sequence[Origin]: ...
    def origins_meant(
        self, areas: Collection[str], source: str, at: datetime, *, kind: str | None = None, limit: int = 100
    ) -> Sequence[Origin]:
        """Return origins that mean a place in one of some areas, or that a source sent: first those on which somebody
        waits at that moment, then the others, each newest first."""

    def revision(self, origin: str, revision: int) -> Revision | None: ...
    def revisions(self, origin: str) -> Sequence[Revision]: ...
    def submission(self, origin: str, revision: int) -> Submission | None: ...
    def approvals(self, origin: str, revision: int) -> Sequence[Approval]: ...
    def release(self, origin: str, revision: int) -> Release | None: ...
    def alert(self, alert: str) -> AlertKept | None: ...
    def alerts_named(self, sender: str, identifier: str) -> Sequence[AlertKept]:
        """Return the messages that their sender calls so, the latest sent first: some use a name twice."""

    def alerts_of(self, origin: str) -> Sequence[AlertKept]: ...
    def origins_among(self, ids: Collection[str]) -> dict[str, Origin]: ...
    def revisions_among(self, origins: Collection[str]) -> Sequence[Revision]:
        """Return all versions of some origins, those of each oldest first."""

    def submissions_among(self, origins: Collection[str]) -> Sequence[Submission]: ...
    def approvals_among(self, origins: Collection[str]) -> Sequence[Approval]:
        """Return who agreed to any version of some origins, in order of time."""

    def releases_among(self, origins: Collection[str]) -> Sequence[Release]: ...
    def alerts_among(self, origins: Collection[str]) -> Sequence[AlertKept]:
        """Return the messages that belong to some origins, in the order they were taken."""

    def alerts_referring(self, sender: str, identifier: str) -> Sequence[AlertKept]:
        """Return the alerts of a sender whose `refs` hold this identifier, oldest first."""

    # speech
    def script(self, script: str) -> Script | None: ...
    def recording(self, sha256: str) -> RecordingKept | None: ...
    def scripts(self, ids: Collection[str]) -> dict[str, Script]: ...
    def recordings(self, ids: Collection[str]) -> dict[str, RecordingKept]: ...
    def scripts_recorded(self, recordings: Collection[str]) -> Sequence[Script]: ...
    def recordings_wanted(self) -> frozenset[str]:
        """Return the recordings of all scripts that are wanted; see `script_wanted`."""

    def scripts_waiting(self, script: str) -> Sequence[Announcement]:
        """Return the unclosed announcements that want this script."""

    def script_wanted(self, script: str) -> bool:
        """Tell whether an unclosed announcement, or a revision that was not announced yet, wants this script."""

    # what villages hear
    def announcement(self, announcement: str) -> Announcement | None: ...
    def announcements(self, ids: Collection[str]) -> dict[str, Announcement]: ...
    def announcements_of(self, origin: str) -> Sequence[Announcement]: ...
    def announcements_among(self, origins: Collection[str]) -> Sequence[Announcement]:
        """Return every village's share of some origins, by revision and village."""

    def unclosed_in(self, area: str) -> Sequence[Announcement]: ...
    def announcements_in(self, village: str, *, limit: int = 50) -> Sequence[Announcement]:
        """Return a village's announcements, newest first, whatever became of them."""

    def current_in(self, village: str, at: datetime) -> Sequence[Announcement]:
        """Return a village's announcements that have not expired, whatever became of them, newest first."""

    def deliveries(self, announcements: Collection[str]) -> Sequence[Delivery]: ...
    def delivery(self, announcement: str, target: str) -> Delivery | None: ...
    def deliveries_of(self, speaker: str, *, unfinished: bool = True) -> Sequence[Delivery]: ...
    def deliveries_due(self, at: datetime, *, limit: int) -> Sequence[Delivery]:
        """Return those below NO_RECEIPT whose next try is due, those of alerts first."""

    # orders
    def order(self, order: str) -> OrderKept | None: ...
    def orders(self, ids: Collection[str]) -> dict[str, OrderKept]: ...
    def orders_of(self, announcements: Collection[str]) -> Sequence[OrderKept]: ...
    def orders_of_stop(self, stop: str) -> Sequence[OrderKept]: ...
    def open_plays(self, village: str, at: datetime) -> Sequence[OrderKept]:
        """Return a village's unexpired play orders whose announcements have no tombstone, alerts first."""

    def tombstones(self, announcements: Collection[str]) -> dict[str, Tombstone]: ...
    def tombstones_by(self, cause: str) -> Sequence[Tombstone]:
        """Return the tombstones that a play order or a stop has put, by its id."""

    def stop(self, stop: str) -> Stop | None: ...
    def stops(self, area: str, *, limit: int = 10) -> Sequence[Stop]:
        """Return the presses of "stop everything" that covered an area, newest first."""

    # what is to be done
    def work(self, kind: str, subject: str) -> Work | None: ...
    def claimable(self, kinds: Collection[str], lane: Lane, at: datetime, *, limit: int) -> Sequence[Work]:
        """Return work that is due, not done and not leased at that moment, earliest due first."""

    def next_due(self, kinds: Collection[str], lane: Lane) -> datetime | None:
        """Return when the earliest unfinished work of those kinds is due or its lease ends."""

    def timers_due(self, at: datetime, *, limit: int) -> Sequence[Timer]: ...
    def next_timer(self) -> datetime | None: ...
    def next_delivery_try(self) -> datetime | None: ...
    def epoch(self) -> int: ...
    def audit_trail(self, *, limit: int = 100, what: Collection[str] = ()) -> Sequence[Audit]:
        """Return the last lines of the audit chain, newest first; only of what is named, if anything is."""


class Pen(State, Protocol):
    """The state inside a write transaction: what is put is seen by what is asked next."""

    def put(self, *rows: Row | Iterable[Row]) -> None:
        """Insert rows, or replace those of the same key; orders, approvals and audit lines are never replaced.

        Events go to the outbox; one whose id is already there is left as it is.
        """

    def retire_grants(self, principal: str) -> None:
        """Take back every grant of a principal."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log as it is kept: `body` is the record as it was written for the wire.

    Attributes:
        seq: rises with every line; lines are read in its order.
    """

    seq: int
    event_id: str
    topic: str
    key: str
    lane: Lane
    type: str
    body: bytes
    at: datetime


class LogState(State, Protocol):
    """What may be read of the log beside the desk's own queries."""

    # the log
    def outbox_after(self, topics: Collection[str], after_seq: int, lane: Lane, *, limit: int) -> Sequence[Entry]:
        """Return a lane's lines of those topics past `after_seq`, in order."""

    def outbox_end(self) -> int:
        """Return the number of the last line, 0 where there is none."""

    def position(self, reader: str, topic: str, partition: int = 0) -> int:
        """Return what was last set, 0 at first; the reader decides whether that is a line or an offset."""

    def dead_letters(self, *, limit: int = 100) -> Sequence[DeadLetter]:
        """Return the dead letters whose fate is open, newest first."""


class LogPen(LogState, Pen, Protocol):
    """What an engine needs beside the desk's own queries: what was read, tried and claimed of the log."""

    # where readers are
    def set_position(
        self, reader: str, topic: str, place: int, last_event_id: str | None, partition: int = 0
    ) -> None: ...

    def inbox_new(self, reader: str, ids: Collection[str], at: datetime) -> set[str]:
        """Note these events as read and return those that were not yet."""

    # what is tried again, and what is given up
    def retry_put(self, *retries: Retry) -> None: ...
    def retry_due(self, lane: Lane, at: datetime, *, limit: int) -> Sequence[Retry]: ...
    def retry_done(self, reader: str, event_id: str) -> None: ...
    def next_retry(self, lane: Lane) -> datetime | None: ...
    def bury(self, letter: DeadLetter) -> None: ...

    # claiming work
    def claim(
        self, kinds: Collection[str], lane: Lane, at: datetime, lease_until: datetime, token: str, *, limit: int
    ) -> Sequence[Work]:
        """Lease what is claimable at that moment to a token, earliest due first; each claim counts as an attempt."""

    def renew(self, ids: Collection[str], token: str, until: datetime) -> frozenset[str]:
        """Prolong leases and return the work that the token still holds."""

    def work_done(self, work: str, token: str, result: str | None, at: datetime) -> bool:
        """End work if the token still holds it; False: somebody else does, and nothing changed."""

    def work_later(self, work: str, token: str, due: datetime) -> bool:
        """Give work back until a moment if the token still holds it."""

    def free_leases(self) -> int:
        """Give all leased work back and return how much it was: only where whoever held it is known to be dead."""

    def prune(self, before: Mapping[str, datetime], inbox_before: datetime, *, limit: int = 1000) -> int:
        """Delete up to `limit` lines, and as many inbox rows and answers, that nobody needs any more.

        Lines go by topic and age, and stay while an announcement of their origin is not closed.

        Returns:
            How many rows went; 0: all is done.
        """

    def prune_over(self, now: datetime, *, limit: int = 1000) -> int:
        """Delete up to `limit` of each: work, timers, tombstones, sessions, tokens and dead letters long over.

        Returns:
            How many rows went; 0: all is done.
        """


class Book(Protocol):
    """The truth (SQL). Jobs are synchronous and quick: no I/O in them but the book's own."""

    async def write(self, lane: Lane, job: Callable[[LogPen], T]) -> T:
        """Run a job in a write transaction, alerts before notices, and return its answer after the commit.

        Raises:
            OutOfReach: book_full (its queue is), book_busy (its file is locked), book_broken (disk full, I/O error:
                the service has to restart).
            Whatever the job raised; nothing of it is kept then.
        """

    async def read(self, query: Callable[[LogState], T]) -> T:
        """Run a query on one consistent moment, off the loop."""

    async def look(self, query: Callable[[LogState], T]) -> T:
        """Run a query as `read` does, in the turn of those who only look: pages, lists, figures and streams.

        However many look, they keep nobody waiting who voices, orders, sends, hears or takes an alert.
        """


class Listening(Protocol):
    """One waiter's ear for the bell."""

    async def wait(self, seconds: float) -> None:
        """Return when one of its names has rung since the last wait, or after so many seconds."""


class Bell(Protocol):
    """Wakes those who wait for something in the book."""

    def ring(self, *names: str) -> None:
        """Wake whoever listens for a name: ``events.alert``, ``work.notice.order``, ``timers`` … From any thread."""

    def listen(self, *names: str) -> Listening:
        """Begin to listen; a ring from now on is not missed."""


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order as it goes to loudspeakers."""

    id: str
    village: str
    kind: str
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class SignedTime:
    """The service's time, in answer to a nonce."""

    nonce: str
    service_ms: int
    epoch: int
    sig: bytes


class Signer(Protocol):
    """The one who can sign; it decides by the book, not by what it is asked."""

    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        """Sign a play or cancel for an announcement, or a stop_all for a stop in a village.

        Raises:
            NotAllowed: the book does not bear it (not approved, not released, tombstone, limits …).
            OutOfReach: signer_away.
        """

    async def time(self, nonce: str) -> SignedTime:
        """Sign what time it is.

        Raises:
            OutOfReach: signer_away.
        """


@dataclass(frozen=True, slots=True)
class Spoken:
    """What will be read aloud, and what a person should check. Hints: (as written, as spoken)."""

    text: str
    hints: tuple[tuple[str, str], ...]


class Reader(Protocol):
    """Turns what was written into what is to be said."""

    rules: str

    def read(self, text: str) -> Spoken:
        """Read a text; synchronous and up to some 50 ms: call it off the loop.

        Raises:
            Invalid: unreadable, with the place.
        """


class Studio(Protocol):
    """Turns a spoken text into a recording on the shelf."""

    @property
    def voice(self) -> str:
        """Name everything that shapes the sound, for the script's key."""

    async def record(self, spoken: str, *, urgent: bool) -> RecordingKept:
        """Say it once; the same text gives the same recording.

        Raises:
            Refused: no voice can say it.
            OutOfReach: the voice does not answer now.
        """

    async def stock(self, lane: Lane) -> RecordingKept:
        """Return the phrase rendered at set-up, the last resort.

        Raises:
            OutOfReach: no_stock.
        """


class Engine(Protocol):
    """Those who read the log, as far as somebody watches over them."""

    @property
    def readers(self) -> Collection[str]:
        """Return the ids of all readers."""

    @property
    def paused(self) -> Mapping[str, str]:
        """Return the readers that stand still, because they would have to bury too much, and what they stand before."""

    def resume(self, reader: str) -> None:
        """Let a paused reader bury again and go on."""


class SpeakerLine(Protocol):
    """The line from the desk to the loudspeakers."""

    async def send(self, order: SignedOrder, to: Collection[str] | None = None) -> frozenset[str]:
        """Hand an order to the loudspeakers of its village, or to those named.

        Returns:
            Those whose connection took it, before anyone has heard it.

        Raises:
            OutOfReach: line_down.
        """

    def online(self) -> frozenset[str]:
        """Return the loudspeakers that are connected now."""

    async def hang_up(self, speaker: str) -> None:
        """End a loudspeaker's connection, if it has one; no order goes down it from now on."""


class Heard(Protocol):
    """What comes up from the loudspeakers. `message` is the wire's JSON, already limited in size."""

    async def hello(self, speaker: str, message: dict[str, object]) -> Sequence[dict[str, object]]:
        """Answer a loudspeaker that came: welcome, newer stops, missing orders."""

    async def heard(self, speaker: str, messages: Sequence[dict[str, object]]) -> Sequence[dict[str, object]]:
        """Take receipts, beats, time questions and needs; return what is to be said to it (got, time, order …)."""

    async def gone(self, speaker: str) -> None:
        """Note that its connection ended."""

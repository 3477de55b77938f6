"""Schema: the tables of the book. Times are integer milliseconds since 1970, UTC; lists and facts are JSON text."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

BOOK = MetaData()

# SQLite numbers rows only in a column that is called INTEGER; it holds 64 bits there all the same.
WHOLE = BigInteger().with_variant(Integer, "sqlite")

OPEN_RANK = "rank < 4"
UNCLOSED = "state <> 'closed'"
UNDONE = "done_at IS NULL"
"""Conditions of partial indexes: a query has to say them in these very words, or the index is not used."""


def _text(name: str, *, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, Text, primary_key=key, nullable=null)


def _whole(name: str, *, key: bool = False, null: bool = False) -> Column[Any]:
    return Column(name, WHOLE, primary_key=key, nullable=null, autoincrement=False)


def _flag(name: str) -> Column[Any]:
    return _whole(name)


def _blob(name: str) -> Column[Any]:
    return Column(name, LargeBinary, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# places and loudspeakers

area = Table(
    "area", BOOK, _text("code", key=True), _text("parent", null=True), _text("kind"), _text("name"),
    _whole("people", null=True),
)  # fmt: skip

speaker = Table(
    "speaker", BOOK, _text("id", key=True), _text("village"), _text("kind"), _blob("pubkey"), _whole("enrolled_at"),
    _whole("retired_at", null=True),
    Index("speaker_village", "village"),
)  # fmt: skip

speaker_health = Table(
    "speaker_health", BOOK, _text("speaker", key=True), _whole("seen_at"), _whole("volume", null=True),
    _whole("clock_error_ms", null=True), _text("faults"), _text("software"), _whole("last_sound_at", null=True),
)  # fmt: skip

# principals

principal = Table(
    "principal", BOOK, _text("id", key=True), _text("name"), _text("kind"), _whole("retired_at", null=True)
)

grants = Table(
    "grants", BOOK, _text("principal", key=True), _text("role", key=True), _text("area", key=True),
    _whole("max_severity"),
)  # fmt: skip

token = Table(
    "token", BOOK, _text("sha256", key=True), _text("principal"), _text("kind"), _whole("expires"),
    _whole("revoked_at", null=True),
)  # fmt: skip

session = Table(
    "session", BOOK, _text("id", key=True), _text("principal"), _whole("expires"), _text("csrf")
)  # fmt: skip

source = Table(
    "source", BOOK, _text("principal", key=True), _text("sender"), _text("areas"), _whole("hold_ms"),
    _text("certificate", null=True),
)  # fmt: skip

idempotency = Table(
    "idempotency", BOOK, _text("principal", key=True), _text("key", key=True), _text("request_sha256"),
    _text("answer"), _whole("at"),
    Index("idempotency_at", "at"),
)  # fmt: skip

# what people and sources said

origin = Table(
    "origin", BOOK, _text("id", key=True), _text("kind"), _text("scope"), _text("title"), _whole("made_at"),
    _text("fate", null=True),
    Index("origin_made", "made_at"),
    Index("origin_kind_made", "kind", "made_at"),
)  # fmt: skip

alert = Table(
    "alert", BOOK, _text("id", key=True), _text("origin"), _text("source"), _text("sender"), _text("identifier"),
    _whole("sent"), _text("scope"), _text("msg_type"), _text("refs"), _blob("raw"), _text("verdict"),
    _whole("taken_at"), _flag("is_public"),
    UniqueConstraint("sender", "identifier", "sent"),
    Index("alert_origin", "origin"),
)  # fmt: skip

revision = Table(
    "revision", BOOK, _text("origin", key=True), _whole("revision", key=True), _text("author"), _text("text"),
    _text("spoken"), _text("script"), _text("targets"), _text("sound_class"), _whole("severity"),
    _whole("sender_level"), _whole("not_before", null=True), _whole("expires"), _whole("repeat"),
    _text("content_sha256"), _text("scope"), _text("alert", null=True), Index("revision_script", "script"),
)  # fmt: skip

submission = Table(
    "submission", BOOK, _text("origin", key=True), _whole("revision", key=True), _text("by"), _whole("at")
)

approval = Table(
    "approval", BOOK, _text("id", key=True), _text("origin"), _whole("revision"), _text("content_sha256"),
    _text("author_id"), _text("approver_id"), _whole("at"), _flag("glass"), _text("recording_sha256", null=True),
    CheckConstraint("author_id <> approver_id OR glass = 1", name="approver_is_not_author"),
    ForeignKeyConstraint(["origin", "revision"], ["revision.origin", "revision.revision"]),
    Index("approval_revision", "origin", "revision"),
)  # fmt: skip

release = Table(
    "release", BOOK, _text("origin", key=True), _whole("revision", key=True), _text("by"), _whole("at"),
    _whole("release_at"),
)  # fmt: skip

# speech

script = Table(
    "script", BOOK, _text("id", key=True), _text("spoken"), _text("voice"), _text("rules"), _text("state"),
    _text("lane"), _text("recording", null=True),
)  # fmt: skip

recording = Table(
    "recording", BOOK, _text("sha256", key=True), _text("codec"), _whole("bytes"), _whole("ms"),
    Column("lufs", Float, nullable=False),
)  # fmt: skip

# what villages hear

announcement = Table(
    "announcement", BOOK, _text("id", key=True), _text("origin"), _whole("revision"), _text("village"), _text("lane"),
    _text("scope"), _text("sound_class"), _whole("severity"), _whole("sender_level"), _whole("sent"),
    _text("identifier"), _text("script"), _whole("release_at", null=True), _whole("not_before", null=True),
    _whole("expires"), _whole("repeat"), _text("state"), _text("held_why", null=True), _text("supersedes", null=True),
    UniqueConstraint("origin", "revision", "village"),
    Index("announcement_village", "village", "sent"),
    Index("announcement_unclosed", "village", **_where(UNCLOSED)),
    Index("announcement_script", "script", **_where(UNCLOSED)),
)  # fmt: skip

delivery = Table(
    "delivery", BOOK, _text("announcement", key=True), _text("target_kind", key=True), _text("target", key=True),
    _whole("rank"), _text("outcome", null=True), _text("reason", null=True), _whole("sent_at", null=True),
    _whole("accepted_at", null=True), _whole("started_at", null=True), _whole("ended_at", null=True),
    _whole("heard_ms"), _whole("repeats_done"), _text("audio_sha256", null=True), _flag("crash_replay"),
    _text("cut_by", null=True), _flag("planned"), _whole("tries"), _whole("next_try_at", null=True),
    _text("contradiction", null=True),
    Index("delivery_target", "target", "rank"),
    Index("delivery_due", "next_try_at", **_where(OPEN_RANK)),
)  # fmt: skip

orders = Table(
    "orders", BOOK, _text("id", key=True), _text("village"), _text("kind"), _text("purpose"), _text("scope"),
    _whole("issued"), _whole("expires"), _whole("epoch"), _text("kid"), _blob("body"), _blob("sig"),
    _text("announcement", null=True), _text("stop", null=True),
    Index("orders_announcement", "announcement"),
    Index("orders_stop", "stop"),
    Index("orders_village", "village", "kind", "expires"),
)  # fmt: skip

stop = Table(
    "stop", BOOK, _text("id", key=True), _text("area"), _whole("at"), _text("by"),
    Index("stop_area", "area", "at"),
)  # fmt: skip

tombstone = Table(
    "tombstone", BOOK, _text("announcement", key=True), _text("why"), _whole("at"), _whole("until"),
    _text("order_id", null=True), Index("tombstone_order", "order_id"),
)  # fmt: skip

# what is to be done

work = Table(
    "work", BOOK, _text("id", key=True), _text("kind"), _text("subject"), _text("lane"), _whole("due"),
    _whole("lease_until", null=True), _text("lease_token", null=True), _whole("attempt"), _text("result", null=True),
    _whole("done_at", null=True),
    UniqueConstraint("kind", "subject"),
    Index("work_subject", "subject"),
    Index("work_due", "lane", "kind", "due", **_where(UNDONE)),
    Index("work_leased", "lane", "kind", "lease_until", **_where(f"{UNDONE} AND lease_until IS NOT NULL")),
)  # fmt: skip

timer = Table(
    "timer", BOOK, _text("id", key=True), _text("kind"), _text("subject"), _text("lane"), _whole("due"),
    _whole("done_at", null=True),
    Index("timer_due", "due", **_where(UNDONE)),
)  # fmt: skip

# the log

outbox = Table(
    "outbox", BOOK, Column("seq", WHOLE, primary_key=True, autoincrement=True), _text("event_id"), _text("type"),
    _text("topic"), _text("key"), _text("lane"), _text("scope"), _whole("at"), _text("cause"),
    _text("origin", null=True), _whole("revision", null=True), _blob("body"), _whole("partition", null=True),
    _whole("offset", null=True),
    UniqueConstraint("event_id"),
    Index("outbox_topic", "topic", "lane", "seq"),
    Index("outbox_age", "topic", "at"),
    sqlite_autoincrement=True,
)  # fmt: skip

inbox = Table(
    "inbox", BOOK, _text("reader", key=True), _text("event_id", key=True), _whole("at"),
    Index("inbox_at", "at"),
)  # fmt: skip

position = Table(
    "position", BOOK, _text("reader", key=True), _text("topic", key=True), _whole("partition", key=True),
    _whole("next"), _text("last_event_id", null=True),
)  # fmt: skip

retry = Table(
    "retry", BOOK, _text("reader", key=True), _text("event_id", key=True), _text("lane"), _text("topic"),
    _blob("body"), _whole("due"), _whole("attempt"), _text("error"),
    Index("retry_due", "lane", "due"),
)  # fmt: skip

dead_letter = Table(
    "dead_letter", BOOK, _text("id", key=True), _text("reader"), _text("topic"), _blob("body"), _text("error"),
    _whole("at"), _text("fate", null=True), _text("by", null=True),
    Index("dead_letter_open", "at", **_where("fate IS NULL")),
)  # fmt: skip

# of the book itself

epoch = Table("epoch", BOOK, _whole("only", key=True), _whole("n"), CheckConstraint("only = 1", name="one_epoch"))

audit = Table(
    "audit", BOOK, _whole("n", key=True), _whole("at"), _text("actor"), _text("what"), _text("body"), _blob("prev"),
    _blob("hash"),
)  # fmt: skip

IMMUTABLE = (audit, orders, approval)
"""Tables whose rows the database itself refuses to change or delete."""

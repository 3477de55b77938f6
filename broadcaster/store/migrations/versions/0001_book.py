"""The book as it was first."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from broadcaster.store import dialects

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

IMMUTABLE = ("audit", "orders", "approval")

# Those that others refer to, last.
TABLES = (
    "approval", "work", "tombstone", "token", "timer", "submission", "stop", "speaker_health", "speaker",
    "source", "session", "script", "revision", "retry", "release", "recording", "principal", "position",
    "outbox", "origin", "orders", "inbox", "idempotency", "grants", "epoch", "delivery", "dead_letter", "audit",
    "area", "announcement", "alert",
)  # fmt: skip


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _whole(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, WHOLE, autoincrement=False, nullable=null)


def _flag(name: str) -> sa.Column[Any]:
    return _whole(name)


def _real(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Float(), nullable=False)


def _blob(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Make every table, its guards, and the first epoch."""
    op.create_table(
        "alert", _text("id"), _text("origin"), _text("source"), _text("sender"), _text("identifier"),
        _whole("sent"), _text("scope"), _text("msg_type"), _text("refs"), _blob("raw"), _text("verdict"),
        _whole("taken_at"), _flag("is_public"), sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sender", "identifier", "sent"),
    )  # fmt: skip
    op.create_index("alert_origin", "alert", ["origin"])
    op.create_table(
        "announcement", _text("id"), _text("origin"), _whole("revision"), _text("village"), _text("lane"),
        _text("scope"), _text("sound_class"), _whole("severity"), _whole("sender_level"), _whole("sent"),
        _text("identifier"), _text("script"), _whole("release_at", null=True), _whole("not_before", null=True),
        _whole("expires"), _whole("repeat"), _text("state"), _text("held_why", null=True), _text("supersedes",
        null=True), sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("origin", "revision", "village"),
    )  # fmt: skip
    op.create_index("announcement_script", "announcement", ["script"], **_where("state <> 'closed'"))
    op.create_index("announcement_unclosed", "announcement", ["village"], **_where("state <> 'closed'"))
    op.create_index("announcement_village", "announcement", ["village", "sent"])
    op.create_table(
        "area", _text("code"), _text("parent", null=True), _text("kind"), _text("name"), _whole("people",
        null=True), sa.PrimaryKeyConstraint("code"),
    )  # fmt: skip
    op.create_table(
        "audit", _whole("n"), _whole("at"), _text("actor"), _text("what"), _text("body"), _blob("prev"),
        _blob("hash"), sa.PrimaryKeyConstraint("n"),
    )  # fmt: skip
    op.create_table(
        "dead_letter", _text("id"), _text("reader"), _text("topic"), _blob("body"), _text("error"), _whole("at"),
        _text("fate", null=True), _text("by", null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("dead_letter_open", "dead_letter", ["at"], **_where("fate IS NULL"))
    op.create_table(
        "delivery", _text("announcement"), _text("target_kind"), _text("target"), _whole("rank"), _text("outcome",
        null=True), _text("reason", null=True), _whole("sent_at", null=True), _whole("accepted_at", null=True),
        _whole("started_at", null=True), _whole("ended_at", null=True), _whole("heard_ms"), _whole("repeats_done"),
        _text("audio_sha256", null=True), _flag("crash_replay"), _text("cut_by", null=True), _flag("planned"),
        _whole("tries"), _whole("next_try_at", null=True), _text("contradiction", null=True),
        sa.PrimaryKeyConstraint("announcement", "target_kind", "target"),
    )  # fmt: skip
    op.create_index("delivery_due", "delivery", ["next_try_at"], **_where("rank < 4"))
    op.create_index("delivery_target", "delivery", ["target", "rank"])
    op.create_table(
        "epoch", _whole("only"), _whole("n"), sa.CheckConstraint("only = 1", name="one_epoch"),
        sa.PrimaryKeyConstraint("only"),
    )  # fmt: skip
    op.create_table(
        "grants", _text("principal"), _text("role"), _text("area"), _whole("max_severity"),
        sa.PrimaryKeyConstraint("principal", "role", "area"),
    )  # fmt: skip
    op.create_table(
        "idempotency", _text("principal"), _text("key"), _text("request_sha256"), _text("answer"), _whole("at"),
        sa.PrimaryKeyConstraint("principal", "key"),
    )  # fmt: skip
    op.create_index("idempotency_at", "idempotency", ["at"])
    op.create_table(
        "inbox", _text("reader"), _text("event_id"), _whole("at"), sa.PrimaryKeyConstraint("reader", "event_id"),
    )  # fmt: skip
    op.create_index("inbox_at", "inbox", ["at"])
    op.create_table(
        "orders", _text("id"), _text("village"), _text("kind"), _text("purpose"), _text("scope"), _whole("issued"),
        _whole("expires"), _whole("epoch"), _text("kid"), _blob("body"), _blob("sig"), _text("announcement",
        null=True), _text("stop", null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("orders_announcement", "orders", ["announcement"])
    op.create_index("orders_stop", "orders", ["stop"])
    op.create_index("orders_village", "orders", ["village", "kind", "expires"])
    op.create_table(
        "origin", _text("id"), _text("kind"), _text("scope"), _text("title"), _whole("made_at"), _text("fate",
        null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("origin_kind_made", "origin", ["kind", "made_at"])
    op.create_index("origin_made", "origin", ["made_at"])
    op.create_table(
        "outbox", sa.Column("seq", WHOLE, autoincrement=True, nullable=False), _text("event_id"), _text("type"),
        _text("topic"), _text("key"), _text("lane"), _text("scope"), _whole("at"), _text("cause"), _text("origin",
        null=True), _whole("revision", null=True), _blob("body"), _whole("partition", null=True), _whole("offset",
        null=True), sa.PrimaryKeyConstraint("seq"), sa.UniqueConstraint("event_id"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("outbox_age", "outbox", ["topic", "at"])
    op.create_index("outbox_topic", "outbox", ["topic", "lane", "seq"])
    op.create_table(
        "position", _text("reader"), _text("topic"), _whole("partition"), _whole("next"), _text("last_event_id",
        null=True), sa.PrimaryKeyConstraint("reader", "topic", "partition"),
    )  # fmt: skip
    op.create_table(
        "principal", _text("id"), _text("name"), _text("kind"), _whole("retired_at", null=True),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_table(
        "recording", _text("sha256"), _text("codec"), _whole("bytes"), _whole("ms"), _real("lufs"),
        sa.PrimaryKeyConstraint("sha256"),
    )  # fmt: skip
    op.create_table(
        "release", _text("origin"), _whole("revision"), _text("by"), _whole("at"), _whole("release_at"),
        sa.PrimaryKeyConstraint("origin", "revision"),
    )  # fmt: skip
    op.create_table(
        "retry", _text("reader"), _text("event_id"), _text("lane"), _text("topic"), _blob("body"), _whole("due"),
        _whole("attempt"), _text("error"), sa.PrimaryKeyConstraint("reader", "event_id"),
    )  # fmt: skip
    op.create_index("retry_due", "retry", ["lane", "due"])
    op.create_table(
        "revision", _text("origin"), _whole("revision"), _text("author"), _text("text"), _text("spoken"),
        _text("script"), _text("targets"), _text("sound_class"), _whole("severity"), _whole("sender_level"),
        _whole("not_before", null=True), _whole("expires"), _whole("repeat"), _text("content_sha256"),
        _text("scope"), _text("alert", null=True), sa.PrimaryKeyConstraint("origin", "revision"),
    )  # fmt: skip
    op.create_index("revision_script", "revision", ["script"])
    op.create_table(
        "script", _text("id"), _text("spoken"), _text("voice"), _text("rules"), _text("state"), _text("lane"),
        _text("recording", null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_table(
        "session", _text("id"), _text("principal"), _whole("expires"), _text("csrf"), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_table(
        "source", _text("principal"), _text("sender"), _text("areas"), _whole("hold_ms"), _text("certificate",
        null=True), sa.PrimaryKeyConstraint("principal"),
    )  # fmt: skip
    op.create_table(
        "speaker", _text("id"), _text("village"), _text("kind"), _blob("pubkey"), _whole("enrolled_at"),
        _whole("retired_at", null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("speaker_village", "speaker", ["village"])
    op.create_table(
        "speaker_health", _text("speaker"), _whole("seen_at"), _whole("volume", null=True), _whole("clock_error_ms",
        null=True), _text("faults"), _text("software"), _whole("last_sound_at", null=True),
        sa.PrimaryKeyConstraint("speaker"),
    )  # fmt: skip
    op.create_table(
        "stop", _text("id"), _text("area"), _whole("at"), _text("by"), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("stop_area", "stop", ["area", "at"])
    op.create_table(
        "submission", _text("origin"), _whole("revision"), _text("by"), _whole("at"),
        sa.PrimaryKeyConstraint("origin", "revision"),
    )  # fmt: skip
    op.create_table(
        "timer", _text("id"), _text("kind"), _text("subject"), _text("lane"), _whole("due"), _whole("done_at",
        null=True), sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("timer_due", "timer", ["due"], **_where("done_at IS NULL"))
    op.create_table(
        "token", _text("sha256"), _text("principal"), _text("kind"), _whole("expires"), _whole("revoked_at",
        null=True), sa.PrimaryKeyConstraint("sha256"),
    )  # fmt: skip
    op.create_table(
        "tombstone", _text("announcement"), _text("why"), _whole("at"), _whole("until"), _text("order_id",
        null=True), sa.PrimaryKeyConstraint("announcement"),
    )  # fmt: skip
    op.create_index("tombstone_order", "tombstone", ["order_id"])
    op.create_table(
        "work", _text("id"), _text("kind"), _text("subject"), _text("lane"), _whole("due"), _whole("lease_until",
        null=True), _text("lease_token", null=True), _whole("attempt"), _text("result", null=True),
        _whole("done_at", null=True), sa.PrimaryKeyConstraint("id"), sa.UniqueConstraint("kind", "subject"),
    )  # fmt: skip
    op.create_index("work_due", "work", ["lane", "kind", "due"], **_where("done_at IS NULL"))
    op.create_index(
        "work_leased", "work", ["lane", "kind", "lease_until"], **_where("done_at IS NULL AND lease_until IS NOT NULL")
    )
    op.create_index("work_subject", "work", ["subject"])
    op.create_table(
        "approval", _text("id"), _text("origin"), _whole("revision"), _text("content_sha256"), _text("author_id"),
        _text("approver_id"), _whole("at"), _flag("glass"), _text("recording_sha256", null=True),
        sa.CheckConstraint("author_id <> approver_id OR glass = 1", name="approver_is_not_author"),
        sa.ForeignKeyConstraint(["origin", "revision"], ["revision.origin", "revision.revision"], ),
        sa.PrimaryKeyConstraint("id"),
    )  # fmt: skip
    op.create_index("approval_revision", "approval", ["origin", "revision"])
    for table in IMMUTABLE:
        for guard in dialects.guards(table):
            op.execute(guard)
    op.execute("INSERT INTO epoch (only, n) VALUES (1, 1)")


def downgrade() -> None:
    """Take every table away; their indexes and guards go with them."""
    for table in TABLES:
        op.drop_table(table)

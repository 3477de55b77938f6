"""The tables, and the way they came to be."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError

from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.store import dialects
from broadcaster.store.engine import open_engine
from broadcaster.store.migrating import downgrade, upgrade
from broadcaster.store.pen import SqlPen
from broadcaster.store.schema import BOOK, IMMUTABLE
from tests.store import sheets
from tests.store.blank import blank
from tests.store.sheets import EAST, NOW, ONE_OF_EACH, TOWN


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_engine(blank(tmp_path / "book.db"))
    yield engine
    engine.dispose()


def made(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {name: re.sub(r"\s+", " ", sql) for name, sql in rows if not name.startswith(("alembic", "sqlite"))}


def test_migrations_make_what_the_schema_says(engine: Engine, tmp_path: Path) -> None:
    direct = open_engine(tmp_path / "direct.db")
    BOOK.create_all(direct)
    with direct.begin() as connection:
        for table in IMMUTABLE:
            for guard in dialects.guards(table.name):
                connection.exec_driver_sql(guard)

    assert made(engine) == made(direct)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), BOOK) == []


def test_migrations_lead_back(engine: Engine) -> None:
    downgrade(engine, "base")
    assert made(engine) == {}

    upgrade(engine)
    assert set(BOOK.tables) < set(made(engine))


def test_a_book_of_a_later_version_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(OutOfReach) as refused:
        upgrade(engine)

    assert (refused.value.code, refused.value.facts["revision"]) == ("book_newer", "9999")


@pytest.mark.parametrize("table", [table.name for table in IMMUTABLE])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "REPLACE INTO {} SELECT * FROM {}"])
def test_some_rows_are_never_changed(engine: Engine, table: str, change: str) -> None:
    """Not by our code, and not by somebody at a prompt in a hurry."""
    with engine.begin() as connection:
        SqlPen(connection).put(ONE_OF_EACH, sheets.line())

    column = "body" if table != "approval" else "at"
    statement = change.format(table, column, column) if "SET" in change else change.replace("{}", table)
    with engine.connect() as connection, pytest.raises(IntegrityError, match="never changed"):
        connection.exec_driver_sql(statement)


QUICK: dict[str, Callable[[SqlPen], Any]] = {
    "speakers_in": lambda pen: pen.speakers_in([EAST]),
    "origins": lambda pen: (pen.origins(), pen.origins(kind="notice")),
    "tombstones_by": lambda pen: pen.tombstones_by("o"),
    "current_in": lambda pen: pen.current_in(EAST, NOW),
    "alerts_named": lambda pen: pen.alerts_named("s", "i"),
    "alerts_of": lambda pen: pen.alerts_of("o"),
    "alerts_referring": lambda pen: pen.alerts_referring("s", "i"),
    "approvals": lambda pen: pen.approvals("o", 1),
    "script_wanted": lambda pen: pen.script_wanted("s"),
    "scripts_waiting": lambda pen: pen.scripts_waiting("s"),
    "announcements": lambda pen: pen.announcements(["a"]),
    "announcements_of": lambda pen: pen.announcements_of("o"),
    "unclosed_in": lambda pen: pen.unclosed_in(TOWN),
    "announcements_in": lambda pen: pen.announcements_in(EAST),
    "deliveries": lambda pen: pen.deliveries(["a", "b"]),
    "deliveries_of": lambda pen: (pen.deliveries_of("s"), pen.deliveries_of("s", unfinished=False)),
    "deliveries_due": lambda pen: pen.deliveries_due(NOW, limit=9),
    "next_delivery_try": lambda pen: pen.next_delivery_try(),
    "orders_of": lambda pen: pen.orders_of(["a"]),
    "orders_of_stop": lambda pen: pen.orders_of_stop("s"),
    "open_plays": lambda pen: pen.open_plays(EAST, NOW),
    "tombstones": lambda pen: pen.tombstones(["a"]),
    "stop": lambda pen: pen.stop("s"),
    "stops": lambda pen: pen.stops(EAST),
    "work": lambda pen: pen.work("voice", "s"),
    "claimable": lambda pen: pen.claimable(["voice", "send"], Lane.ALERT, NOW, limit=9),
    "claim": lambda pen: pen.claim(["voice"], Lane.ALERT, NOW, NOW, "t", limit=9),
    "next_due": lambda pen: pen.next_due(["voice"], Lane.ALERT),
    "timers": lambda pen: (pen.timers_due(NOW, limit=9), pen.next_timer()),
    "outbox": lambda pen: (pen.outbox_after(["receipts"], 0, Lane.ALERT, limit=9), pen.outbox_end()),
    "inbox": lambda pen: pen.inbox_new("r", ["e"], NOW),
    "retry": lambda pen: (pen.retry_due(Lane.ALERT, NOW, limit=9), pen.next_retry(Lane.ALERT)),
    "dead_letters": lambda pen: pen.dead_letters(),
    "revisions_among": lambda pen: (pen.revisions_among(["o"]), pen.origins_among(["o"])),
    "approvals_among": lambda pen: (
        pen.approvals_among(["o"]),
        pen.submissions_among(["o"]),
        pen.releases_among(["o"]),
    ),
    "alerts_among": lambda pen: (pen.alerts_among(["o"]), pen.announcements_among(["o"])),
    "scripts": lambda pen: (pen.scripts(["s"]), pen.recordings(["r"]), pen.principals_among(["p"])),
    "prune": lambda pen: pen.prune({"receipts": NOW}, NOW),
}


@pytest.mark.parametrize("question", QUICK)
def test_no_question_reads_a_whole_table(engine: Engine, question: str) -> None:
    """Ten thousand announcements at twenty loudspeakers each are a year of a busy town."""
    plans: list[str] = []

    def explain(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            raw: Any = connection.connection.cursor()
            plans.extend(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", _first(parameters)))

    with engine.connect() as connection:
        pen = SqlPen(connection)
        event.listen(connection, "before_cursor_execute", explain)
        QUICK[question](pen)

    assert plans
    assert [plan for plan in plans if re.fullmatch(r"SCAN (?!CONSTANT)\w+", plan)] == []


def _first(parameters: Any) -> Any:
    return parameters[0] if isinstance(parameters, list) else parameters

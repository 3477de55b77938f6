"""The audit chain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from broadcaster.model.errors import Refused
from broadcaster.store.audit import check_audit
from broadcaster.store.dialects import unguards
from broadcaster.store.engine import open_engine
from broadcaster.store.pen import SqlPen
from tests.store import sheets
from tests.store.blank import blank


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Connection]:
    """Three lines, of which somebody has taken the database's own guards away."""
    engine = open_engine(blank(tmp_path / "book.db"), connections=1)
    with engine.connect() as connection:
        SqlPen(connection).put(sheets.line("draft"), sheets.line("approved"))
        SqlPen(connection).put(sheets.line("played"))
        for statement in unguards("audit"):
            connection.exec_driver_sql(statement)
        yield connection
    engine.dispose()


def broken_at(connection: Connection) -> object:
    with pytest.raises(Refused) as found:
        check_audit(connection)
    assert found.value.code == "audit_broken"
    return found.value.facts["n"]


def test_an_untouched_chain_holds(trail: Connection) -> None:
    assert check_audit(trail) == 3


def test_an_empty_chain_holds(trail: Connection) -> None:
    trail.execute(text("DELETE FROM audit"))

    assert check_audit(trail) == 0


@pytest.mark.parametrize("column", ["at", "actor", "what", "body", "prev", "hash"])
def test_any_flipped_byte_is_found(trail: Connection, column: str) -> None:
    held = trail.execute(text(f"SELECT CAST({column} AS BLOB) FROM audit WHERE n = 2")).scalar_one()
    kept = "" if column in ("prev", "hash") else "AS TEXT"

    for place in range(len(held)):
        for bit in (1, 128):
            flipped = held[:place] + bytes([held[place] ^ bit]) + held[place + 1 :]
            mark = trail.begin_nested()
            value = f"CAST(:flipped {kept})" if kept else ":flipped"
            trail.execute(text(f"UPDATE audit SET {column} = {value} WHERE n = 2"), {"flipped": flipped})
            assert broken_at(trail) in (2, 3)
            mark.rollback()


def test_a_missing_line_is_found(trail: Connection) -> None:
    trail.execute(text("DELETE FROM audit WHERE n = 2"))

    assert broken_at(trail) == 2


def test_lines_that_changed_places_are_found(trail: Connection) -> None:
    trail.execute(text("UPDATE audit SET n = n + 10 WHERE n > 1"))
    trail.execute(text("UPDATE audit SET n = 15 - n + 0 WHERE n > 10"))

    assert broken_at(trail) == 2

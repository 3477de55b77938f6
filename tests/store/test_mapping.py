"""Rows of desk and model as rows of tables."""

from dataclasses import fields

import pytest

from broadcaster.desk.rows import Retry
from broadcaster.store.mapping import KINDS, Mapped, plain
from tests.store import sheets
from tests.store.sheets import ONE_OF_EACH


@pytest.mark.parametrize("mapped", KINDS.values(), ids=lambda mapped: mapped.row.__name__)
def test_every_field_has_its_column(mapped: Mapped[object]) -> None:
    """A field that was added to a row and not to its table is found here, not in a village."""
    columns = {column.name for column in mapped.columns}

    assert columns == set(mapped.table.c.keys())
    assert {field.name for field in fields(mapped.row) if field.name != "window"} <= columns  # type: ignore[arg-type]  # rows are dataclasses


def test_every_kind_of_row_is_tried() -> None:
    assert {type(row) for row in ONE_OF_EACH} | {Retry} == set(KINDS)


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: type(row).__name__)
def test_a_row_is_read_as_it_was_written(row: object) -> None:
    mapped = KINDS[type(row)]
    cells = dict(zip(mapped.table.c.keys(), mapped.write(row), strict=True))

    again = mapped.read(cells[column.name] for column in mapped.columns)

    assert again == row
    assert [type(getattr(again, field.name)) for field in fields(row)] == [  # type: ignore[arg-type]  # a dataclass
        type(getattr(row, field.name))
        for field in fields(row)  # type: ignore[arg-type]  # a dataclass
    ]


@pytest.mark.parametrize("row", ONE_OF_EACH, ids=lambda row: type(row).__name__)
def test_columns_hold_plain_values(row: object) -> None:
    assert {type(cell) for cell in KINDS[type(row)].write(row)} <= {str, int, float, bytes, type(None)}


def test_an_event_is_written_the_same_each_time() -> None:
    assert plain(sheets.event("e")) == plain(sheets.event("e"))

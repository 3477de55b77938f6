import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.model.area import Level
from broadcaster.model.errors import Invalid
from broadcaster.model.order import (
    Cancelled,
    Order,
    OrderKind,
    Play,
    Purpose,
    RecordingRef,
    permitted,
    purpose_of,
    read_order,
    write_order,
)
from broadcaster.model.precedence import Scope, SoundClass

NOON = datetime(2026, 7, 15, 4, tzinfo=UTC)
PLAY = Play(
    announcement="announcement",
    origin="origin",
    revision=2,
    sound_class=SoundClass.EMERGENCY,
    severity=4,
    sender_level=Level.COUNTY,
    sent=NOON,
    identifier="62072341600000_20260715120000",
    recording=RecordingRef("0" * 64, 20_000, 7_300, "/audio/0.opus"),
    tone="alert",
    repeat=2,
    supersedes=("older",),
)
ORDER = Order("order", OrderKind.PLAY, "620723103204", Scope.LIVE, NOON, NOON + timedelta(hours=1), play=PLAY)
CANCEL = replace(
    ORDER, id="cancel", kind=OrderKind.CANCEL, play=None, cancels=(Cancelled("announcement", "order", ORDER.expires),)
)


@pytest.mark.parametrize("order", [ORDER, CANCEL, replace(ORDER, to=("sp-1", "sp-2"))])
def test_what_is_written_is_read(order: Order) -> None:
    assert read_order(write_order(order)) == order


def test_the_same_order_has_the_same_bytes() -> None:
    assert write_order(ORDER) == write_order(replace(ORDER))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(Invalid):
        read_order(body)


@given(st.integers(0, len(write_order(ORDER)) - 1), st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused_and_nothing_else(place: int, byte: int) -> None:
    body = bytearray(write_order(ORDER))
    body[place] = byte

    with contextlib.suppress(Invalid):
        read_order(bytes(body))


def test_a_kind_of_tomorrow_is_refused_by_its_name() -> None:
    body = write_order(ORDER).replace(b'"kind":"play"', b'"kind":"sing"')

    with pytest.raises(Invalid) as refused:
        read_order(body)

    assert refused.value.code == "order_version"


@pytest.mark.parametrize(
    ("order", "purposes"),
    [
        (ORDER, {Purpose.ALERT}),
        (replace(ORDER, scope=Scope.DRILL), {Purpose.DRILL}),
        (replace(ORDER, play=replace(PLAY, sound_class=SoundClass.ROUTINE, severity=2)), {Purpose.ALERT}),
        (
            replace(ORDER, play=replace(PLAY, sound_class=SoundClass.ROUTINE, severity=0)),
            {Purpose.ALERT, Purpose.NOTICE},
        ),
        (CANCEL, {Purpose.CANCEL}),
        (replace(CANCEL, scope=Scope.DRILL), {Purpose.CANCEL}),
        (replace(CANCEL, kind=OrderKind.KEYS), set()),
    ],
)
def test_a_key_signs_what_it_is_for_and_nothing_else(order: Order, purposes: set[Purpose]) -> None:
    assert {purpose for purpose in Purpose if permitted(purpose, order)} == purposes


def test_the_signers_choice_of_key_is_one_that_is_permitted() -> None:
    for order in (ORDER, CANCEL, replace(ORDER, scope=Scope.DRILL)):
        assert permitted(purpose_of(order, is_alert=True), order)

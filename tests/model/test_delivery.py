from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from broadcaster.model.delivery import (
    LADDER_SECONDS,
    Delivery,
    Outcome,
    Rank,
    Reason,
    Receipt,
    ReceiptKind,
    after,
    next_try_ms,
)

ACCEPTED = Receipt("a", "order", "sp", ReceiptKind.ACCEPTED, 1_000)
STARTED = Receipt("s", "order", "sp", ReceiptKind.STARTED, 2_000, repeat_no=1)
PLAYED = Receipt("d", "order", "sp", ReceiptKind.DONE, 9_000, outcome=Outcome.PLAYED, heard_ms=7_000, repeats_done=1)
REFUSED = Receipt("r", "order", "sp", ReceiptKind.REFUSED, 3_000, reason=Reason.EXPIRED)

receipts = st.lists(st.sampled_from([ACCEPTED, STARTED, PLAYED, REFUSED]), max_size=8)


def told(*said: Receipt, start: Delivery | None = None) -> Delivery:
    delivery = start or Delivery("announcement", "sp")
    for receipt in said:
        delivery = after(delivery, receipt)
    return delivery


@given(receipts)
def test_nothing_ever_goes_back(said: list[Receipt]) -> None:
    delivery = Delivery("announcement", "sp")
    for receipt in said:
        later = after(delivery, receipt)
        assert later.rank >= delivery.rank
        delivery = later


@given(receipts)
def test_a_word_said_twice_is_one(said: list[Receipt]) -> None:
    once = told(*said)

    assert told(*said, *said[-1:]) == once


def test_the_order_in_which_receipts_arrive_does_not_matter() -> None:
    ends = {told(*said) for said in permutations([ACCEPTED, STARTED, PLAYED])}

    assert len(ends) == 1
    assert ends.pop().rank is Rank.FINAL


def test_the_first_final_word_stays_and_another_is_raised_as_a_contradiction() -> None:
    delivery = told(PLAYED, REFUSED)

    assert delivery.outcome is Outcome.PLAYED
    assert delivery.contradiction == Outcome.REFUSED


def test_a_late_receipt_replaces_no_receipt() -> None:
    """
    A missing receipt is shown as missing, and no longer once it came.
    """
    silent = Delivery("announcement", "sp", rank=Rank.NO_RECEIPT)

    assert told(ACCEPTED, start=silent).rank is Rank.NO_RECEIPT
    assert told(PLAYED, start=silent).outcome is Outcome.PLAYED


def test_asking_again_grows_rarer_and_never_ends() -> None:
    waits = [next_try_ms(tries, 0) // 1000 for tries in range(7)]

    assert waits[: len(LADDER_SECONDS)] == list(LADDER_SECONDS)
    assert set(waits[len(LADDER_SECONDS) :]) == {LADDER_SECONDS[-1]}

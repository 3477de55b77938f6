"""Crash points: the places at which tests kill a process, to see that what was promised still holds.

Set ``CRASH_AT=label:n`` and the process ends at the n-th pass of that label as by a power cut; set ``CRASH_TRACE=path``
and every pass is written there. With neither set a point costs one dictionary look-up.
"""

import os
from collections import Counter
from pathlib import Path

LABELS: dict[str, str] = {
    "accept.commit.before": "what somebody said is written, and not yet committed",
    "accept.commit.after": "what somebody said is in the book, and nobody was answered",
    "order.signed": "an order is signed, and nobody keeps it",
    "order.stored": "an order is written, and not yet committed",
    "order.sent": "an order was handed to the line, and the book does not know",
    "receipt.commit.before": "receipts are written, and not yet committed",
    "receipt.commit.after": "receipts are in the log, and no loudspeaker was told",
    "agent.accepted.before": "an order was verified, and is not yet in the journal",
    "agent.accepted.after": "an order is in the journal, and nobody was told",
    "agent.started.before": "a repeat is about to be journalled as started",
    "agent.started.after": "a repeat is journalled as started, and no sample has sounded",
    "agent.sounding": "one second of a stretch has sounded",
    "agent.paused.before": "an item was cut short, and its place is not yet in the journal",
    "agent.paused.after": "the place of an item cut short is in the journal",
    "agent.done.before": "an item came to its end, and the journal does not know",
    "agent.done.after": "the end of an item is in the journal, and nobody was told",
    "agent.told.before": "the service has the last receipt, and the journal still owes it",
    "agent.told.after": "the journal owes nothing for an item",
    "agent.tombstone.before": "a cancel was verified, and is not yet in the journal",
    "agent.tombstone.after": "a tombstone is in the journal, and what it names may still sound",
    "stage.commit.before": "a stage has decided, and nothing of it is in the book",
    "stage.commit.after": "what a stage decided is in the book, and nobody was woken for it",
    "work.claimed": "work is leased, and nothing was done about it",
    "work.acted": "work is done outside, and the book does not know",
    "work.recorded.before": "the outcome of work is written, and not yet committed",
    "work.recorded": "the outcome of work is in the book",
    "book.commit.before": "the jobs of a transaction have run, and nothing of them is kept yet",
    "book.commit.after": "a transaction is in the book, and nobody who waits for it was told",
}
"""Every crash point of the platform, and what is true there."""

EXIT_STATUS = 137
"""What a shell reports of a process that was killed with -9."""

_passes: Counter[str] = Counter()
_at, _, _nth = os.environ.get("CRASH_AT", "").partition(":")
_trace = os.environ.get("CRASH_TRACE", "")
_is_armed = bool(_at or _trace)


def crash_point(label: str) -> None:
    """Pass a point at which a test may kill this process.

    Raises:
        KeyError: the label is not in LABELS, so that no test waits for a point that is not there.
    """
    LABELS[label]
    if _is_armed:
        _pass(label)


def _pass(label: str) -> None:
    _passes[label] += 1
    if _trace:
        with Path(_trace).open("a") as trace:
            trace.write(label + "\n")
    if label == _at and _passes[label] == int(_nth or 1):
        os._exit(EXIT_STATUS)

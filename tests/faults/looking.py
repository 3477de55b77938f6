"""Looking: reads what a run left behind into what the invariants are asked about."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import select

from broadcaster.desk.acknowledging import read_receipt
from broadcaster.desk.events import RECEIPTS
from broadcaster.model.delivery import Receipt
from broadcaster.model.errors import Refused
from broadcaster.signing.envelope import Keyring
from broadcaster.signing.keys import read_keys
from broadcaster.signing.limits import read_limits
from broadcaster.store import schema
from broadcaster.store.audit import check_audit
from broadcaster.store.engine import BookReader
from broadcaster.store.state import SqlState
from streams import records
from streams.agent.soundlog import Stretch, merged, read
from tests.faults.invariants import Seen
from tests.faults.processes import Kept, Town, settings_of

SHOWN = ("accepted", "started", "sounding", "done")
"""What a loudspeaker's process prints of itself, each followed by the announcement."""


def look(town: Town, asked: Mapping[str, Sequence[str]]) -> Seen:
    """Read the book, the keys and every loudspeaker's logs."""
    settings = settings_of(town.home)
    reader = BookReader(town.book)
    try:
        with reader.moment() as state:
            seen = _book(state)
    finally:
        reader.close()
    lives = {name: list(_lives(one)) for name, one in town.speakers.items()}
    return Seen(
        lives=lives,
        pinned=frozenset(read_limits(settings.limits).sources),
        keys=Keyring.of(*(key.public for key in read_keys(settings.keys).values())),
        watched={name: watch(town, name) for name in lives},
        asked=asked,
        ready_ms={key: at for name in lives for key, at in _ready(town.home.parent / name, name).items()},
        **seen,
    )


def _book(state: SqlState) -> dict[str, Any]:
    origins = state.origins(limit=10_000)
    revisions = [one for origin in origins for one in state.revisions(origin.id)]
    announcements = [one for origin in origins for one in state.announcements_of(origin.id)]
    ids = [one.id for one in announcements]
    connection = state._connection
    return {
        "origins": origins,
        "revisions": revisions,
        "approvals": [one for it in revisions for one in state.approvals(it.origin, it.revision)],
        "announcements": announcements,
        "orders": state.orders_of(ids),
        "deliveries": state.deliveries(ids),
        "tombstones": list(state.tombstones(ids).values()),
        "speakers": state.speakers_in([row.village for row in connection.execute(select(schema.speaker.c.village))]),
        "receipts": [_receipt(row) for row in connection.execute(_RECEIPTS)],
        "undone": [_work(row, state) for row in connection.execute(_UNDONE)],
        "buried": [f"{one.reader}: {one.error}" for one in connection.execute(select(schema.dead_letter))]
        + [f"{one.subject}: {one.result}" for one in connection.execute(_REFUSED)],
        "chain": _chain(connection),
    }


_RECEIPTS = select(schema.outbox).where(schema.outbox.c.topic == RECEIPTS).order_by(schema.outbox.c.seq)
_UNDONE = select(schema.work.c.kind, schema.work.c.subject).where(schema.work.c.done_at.is_(None))
_REFUSED = select(schema.work.c.subject, schema.work.c.result).where(schema.work.c.result.like("refused%"))


def _receipt(row: Any) -> Receipt:
    return read_receipt(records.decode(row.topic, row.key, row.body))


def _work(row: Any, state: SqlState) -> Any:
    return state.work(row.kind, row.subject)


def _chain(connection: Any) -> str:
    try:
        check_audit(connection)
    except Refused as error:
        return str(error)
    return ""


def _lives(speaker: Kept) -> Iterator[list[Stretch]]:
    """Cut a sound log where each process began."""
    log = speaker.sound.read_bytes() if speaker.sound and speaker.sound.exists() else b""
    for begun, over in pairwise([*speaker.marks, len(log)]):
        yield merged(read(log[begun:over].decode(errors="replace")))


def _ready(home: Path, speaker: str) -> dict[tuple[str, str], int]:
    files = (home / "recordings").glob("*")
    return {(speaker, file.name): round(file.stat().st_mtime * 1000) for file in files if file.suffix != ".part"}


def watch(town: Town, speaker: str) -> list[tuple[str, str]]:
    """Read what a loudspeaker's processes showed of themselves: (accepted, sounding …, the announcement)."""
    log = town.home.parent / f"{speaker}.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else ()
    words = [line.split() for line in lines]
    return [(found[0], found[1]) for found in words if len(found) > 1 and found[0] in SHOWN]


def owes(home: Path) -> int:
    """Tell how many receipts a loudspeaker's journal still owes."""
    path = home / "journal.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        return int(journal.execute("SELECT count(*) FROM owed").fetchone()[0])

"""Audit: a chain of lines, each bound to the one before it, so that none can be changed unnoticed.

``hash = sha256(prev || canonical(line))``, where the line is its number, time, actor, what, and its facts as they
are stored. A tail that was cut off is not seen from inside the chain: the last hash belongs on paper or elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, LargeBinary, cast, select

from broadcaster.desk.rows import Audit
from broadcaster.model.clock import milliseconds
from broadcaster.model.errors import Refused
from broadcaster.model.identity import canonical
from broadcaster.store.schema import WHOLE, audit

FIRST = bytes(32)
"""What the first line is bound to."""


def chain(connection: Connection, lines: Iterable[Audit]) -> list[dict[str, Any]]:
    """Number lines and bind each to the one before it, going on from the last that the book holds."""
    last = connection.execute(select(audit.c.n, audit.c.hash).order_by(audit.c.n.desc()).limit(1)).first()
    return list(_bound(lines, *(last or (0, FIRST))))


def _bound(lines: Iterable[Audit], n: int, prev: bytes) -> Iterator[dict[str, Any]]:
    for n, line in enumerate(lines, n + 1):  # noqa: B020 - the number goes on from the last
        row = {
            "n": n,
            "at": milliseconds(line.at),
            "actor": line.actor,
            "what": line.what,
            "body": canonical(line.facts).decode(),
        }
        digest = link(prev, row)
        yield row | {"prev": prev, "hash": digest}
        prev = digest


def link(prev: bytes, line: dict[str, Any]) -> bytes:
    """Return the hash of a line, bound to that of the line before it."""
    return hashlib.sha256(prev + canonical(line)).digest()


def check_audit(connection: Connection) -> int:
    """Walk the whole chain.

    Returns:
        How many lines it has.

    Raises:
        Refused: audit_broken, with the number of the first line that does not fit.
    """
    prev, count = FIRST, 0
    for count, (line, said_prev, said_hash) in enumerate(_lines(connection), 1):
        if line["n"] != count or said_prev != prev or said_hash != link(prev, line):
            raise Refused("audit_broken", n=count)
        prev = said_hash
    return count


def _lines(connection: Connection) -> Iterator[tuple[dict[str, Any], bytes, bytes]]:
    # Numbers as numbers and words as bytes, for a flipped bit may leave no readable text: a finding, not a failure.
    numbers = [cast(audit.c[name], WHOLE) for name in ("n", "at")]
    words = [cast(audit.c[name], LargeBinary) for name in ("actor", "what", "body", "prev", "hash")]
    for n, at, *raw, prev, digest in connection.execute(select(*numbers, *words).order_by(audit.c.n)):
        actor, what, body = (text.decode(errors="replace") for text in raw)
        yield {"n": n, "at": at, "actor": actor, "what": what, "body": body}, prev, digest

"""Once: the same request asked twice gets the same answer and does its work one time."""

import json
from typing import Any

from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen
from broadcaster.desk.rows import Idempotency
from broadcaster.model.errors import Conflict
from broadcaster.model.identity import digest

LONGEST_KEY = 200


class Once:
    """One keyed request of one principal; without a key nothing is remembered.

    Used inside the transaction that does the work, so that answer and work are kept together.
    """

    def __init__(self, desk: Desk, principal: str, key: str | None, request: Any) -> None:
        self._at = desk.clock.now()
        self._principal, self._key = principal, key[:LONGEST_KEY] if key else None
        self._request = digest(request)

    def earlier(self, pen: Pen) -> dict[str, Any] | None:
        """Return the answer given before.

        Raises:
            Conflict: key_reused: the key was used with another body.
        """
        kept = pen.idempotency(self._principal, self._key) if self._key else None
        if kept is None:
            return None
        if kept.request_sha256 != self._request:
            raise Conflict("key_reused", key=self._key)
        answer: dict[str, Any] = json.loads(kept.answer)
        return answer

    def keep(self, pen: Pen, answer: dict[str, Any]) -> dict[str, Any]:
        """Remember an answer and return it."""
        if self._key:
            pen.put(Idempotency(self._principal, self._key, self._request, json.dumps(answer), self._at))
        return answer

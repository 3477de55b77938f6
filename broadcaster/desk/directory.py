"""Directory: who is known here, as an administrator or auditor looks at it."""

from collections.abc import Sequence
from dataclasses import dataclass

from broadcaster.desk.authority import Asker
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Audit, Grant, Principal, Role, Source
from broadcaster.model.area import covered
from broadcaster.model.errors import NotAllowed

READERS = (Role.ADMIN, Role.AUDIT)
TRAIL = (
    "admin.made",
    "person.made",
    "person.granted",
    "link.made",
    "token.made",
    "tokens.revoked",
    "source.made",
    "session.opened",
)
"""What the audit chain says of who became who: the ways to come by somebody's voice."""
TRAIL_LOOKED_THROUGH, TRAIL_SHOWN = 500, 30


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody, what they may do, and what they are bound to as a source."""

    principal: Principal
    grants: tuple[Grant, ...]
    source: Source | None


def people_seen(state: State, asker: Asker) -> Sequence[PersonView]:
    """Look at everybody all of whose grants lie within the areas that the asker administers or audits.

    Raises:
        NotAllowed: role_missing.
    """
    areas = asker.areas(*READERS)
    if not areas:
        raise NotAllowed("role_missing", role="admin/audit", areas=[])
    views = [PersonView(one, tuple(state.grants(one.id)), state.source(one.id)) for one in state.principals()]
    return [view for view in views if all(covered(areas, grant.area) for grant in view.grants)]


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One line of the audit chain about somebody: who did what to whom."""

    line: Audit
    actor: str
    subject: str


def people_trail(state: State, asker: Asker) -> Sequence[TrailLine]:
    """Look at the newest links, grants, tokens and sessions of those whom the asker administers or audits.

    Raises:
        NotAllowed: role_missing.
    """
    names = {view.principal.id: view.principal.name for view in people_seen(state, asker)}
    found = [
        TrailLine(line, _name(state, line.actor), names[subject])
        for line in state.audit_trail(limit=TRAIL_LOOKED_THROUGH, what=TRAIL)
        if (subject := str(line.facts.get("principal", line.actor))) in names
    ]
    return found[:TRAIL_SHOWN]


def _name(state: State, principal: str) -> str:
    known = state.principal(principal)
    return known.name if known else principal

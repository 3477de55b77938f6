"""Directory: who is known here, as an administrator or auditor looks at it."""

from collections.abc import Sequence
from dataclasses import dataclass

from broadcaster.desk.authority import Asker
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Grant, Principal, Role, Source
from broadcaster.model.area import covered
from broadcaster.model.errors import NotAllowed

READERS = (Role.ADMIN, Role.AUDIT)


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

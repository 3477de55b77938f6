"""Authority: who asks, and whether they may."""

from collections.abc import Collection
from dataclasses import dataclass

from broadcaster.desk.rows import Grant, Principal, Role
from broadcaster.model.area import covers
from broadcaster.model.errors import NotAllowed


@dataclass(frozen=True, slots=True)
class Asker:
    """A principal with its grants, as they stood when it asked."""

    principal: Principal
    grants: tuple[Grant, ...]

    @property
    def id(self) -> str:
        """Return the principal's id."""
        return self.principal.id

    def roles(self) -> frozenset[Role]:
        """Return every role held anywhere."""
        return frozenset(grant.role for grant in self.grants)

    def areas(self, *roles: Role) -> tuple[str, ...]:
        """Return the areas in which one of these roles is held."""
        return tuple(dict.fromkeys(grant.area for grant in self.grants if not roles or grant.role in roles))

    def may(self, role: Role, areas: Collection[str], severity: int = 0) -> bool:
        """Tell whether a role is held over every one of the areas, up to a severity. Over none: no."""
        held = [grant for grant in self.grants if grant.role is role and grant.max_severity >= severity]
        return bool(areas) and all(any(covers(grant.area, area) for grant in held) for area in areas)

    def sees(self, village: str) -> bool:
        """Tell whether any grant, in any role, covers a place."""
        return any(covers(grant.area, village) for grant in self.grants)


def require(asker: Asker, role: Role, areas: Collection[str], severity: int = 0) -> None:
    """Refuse whoever does not hold a role over all these areas.

    Raises:
        NotAllowed: role_missing.
    """
    if not asker.may(role, areas, severity):
        raise NotAllowed("role_missing", role=role.value, areas=sorted(areas)[:5])


def require_any(asker: Asker, roles: Collection[Role], areas: Collection[str]) -> None:
    """Refuse whoever holds none of these roles over all these areas.

    Raises:
        NotAllowed: role_missing.
    """
    if not any(asker.may(role, areas) for role in roles):
        raise NotAllowed("role_missing", role="/".join(sorted(role.value for role in roles)), areas=sorted(areas)[:5])


def not_the_author(asker: Asker, author: str) -> None:
    """Refuse the author of a text as its approver or releaser.

    Raises:
        NotAllowed: own_work.
    """
    if asker.id == author:
        raise NotAllowed("own_work")

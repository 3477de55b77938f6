"""Places: the tree from which villages are chosen, and the sentence that says who will hear it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from broadcaster.desk.audience import Audience, audience
from broadcaster.desk.authority import Asker
from broadcaster.desk.ports import State
from broadcaster.desk.rows import Role
from broadcaster.model.area import Area, covered, covers
from broadcaster.model.errors import Invalid

TOWN_LENGTH = 9


@dataclass(frozen=True, slots=True)
class Tick:
    """A village to tick."""

    code: str
    name: str
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class Town:
    """A town with its villages. `is_whole`: it may be ticked as one, which then stands for all its villages."""

    code: str
    name: str
    is_whole: bool
    is_ticked: bool
    villages: tuple[Tick, ...]


def tree(state: State, asker: Asker, chosen: Collection[str]) -> list[Town]:
    """Return the towns and villages that somebody may write for."""
    areas, towns = state.areas(), dict[str, list[str]]()
    for village in state.villages():
        if asker.may(Role.DRAFT, [village]):
            towns.setdefault(village[:TOWN_LENGTH], []).append(village)
    return [_town(areas, asker, code, villages, chosen) for code, villages in towns.items()]


def _town(areas: dict[str, Area], asker: Asker, code: str, villages: Sequence[str], chosen: Collection[str]) -> Town:
    is_whole = asker.may(Role.DRAFT, [code])
    ticks = tuple(Tick(village, _name(areas, village), covered(chosen, village)) for village in villages)
    return Town(code, _name(areas, code), is_whole, is_whole and all(tick.is_ticked for tick in ticks), ticks)


def _name(areas: dict[str, Area], code: str) -> str:
    return areas[code].name if code in areas else code


def simplest(targets: Sequence[str]) -> tuple[str, ...]:
    """Leave out villages whose town is ticked too."""
    return tuple(
        code for code in dict.fromkeys(targets) if not any(covers(other, code) for other in targets if other != code)
    )


def who_hears(state: State, targets: Sequence[str], online: frozenset[str]) -> Audience | None:
    """Count who will hear it; None where nobody is chosen, or nowhere that we know."""
    villages = [village for village in state.villages() if covered(targets, village)]
    return audience(state, villages, online) if villages else None


def names_of(areas: dict[str, Area], codes: Sequence[str]) -> list[str]:
    """Name some places."""
    return [_name(areas, code) for code in codes]


def one_of(text: str, known: Collection[str]) -> str:
    """Return a choice of a form.

    Raises:
        Invalid: form_unread: it is none of those offered.
    """
    if text not in known:
        raise Invalid("form_unread")
    return text

"""Sounding: which of the things that a loudspeaker has begun it is saying now."""

from collections.abc import Iterable

from broadcaster.desk.ports import State
from broadcaster.model.delivery import Delivery, Rank

TOWN_LENGTH = 9


def sounding_now(rows: Iterable[Delivery]) -> frozenset[tuple[str, str]]:
    """Return (announcement, loudspeaker) of what sounds: of all that a loudspeaker has begun, the last.

    A loudspeaker says one thing at a time. What it began before has been cut in on; its row stays `started`, and it
    goes on when the other is over.
    """
    last: dict[str, Delivery] = {}
    for row in rows:
        other = last.get(row.target)
        if row.rank is Rank.STARTED and (other is None or (row.started_at or 0) >= (other.started_at or 0)):
            last[row.target] = row
    return frozenset((row.announcement, row.target) for row in last.values())


def cut_in_on(state: State, rows: Iterable[Delivery], villages: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Return which of these begun rows wait until something that cut in is over.

    Args:
        villages: those of the rows; what else has begun there is asked for town by town.
    """
    begun = [row for row in rows if row.rank is Rank.STARTED]
    if not begun:
        return frozenset()
    towns = {village[:TOWN_LENGTH] for village in villages}
    others = [one.id for town in towns for one in state.unclosed_in(town)]
    sounds = sounding_now([*begun, *state.deliveries(others)])
    return frozenset((row.announcement, row.target) for row in begun) - sounds

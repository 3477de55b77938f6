"""Area: a place by its administrative code, and what lies under it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from broadcaster.model.errors import Invalid

CODE = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}|\d{12}(-\d{1,4}){1,2}", re.ASCII)
PADDED_LENGTH = 12


class Level(IntEnum):
    """How high a sender sits, 国 … 村: the lower the number, the further it speaks."""

    NATION = 0
    PROVINCE = 1
    CITY = 2
    COUNTY = 3
    TOWN = 4
    VILLAGE = 5
    GRID = 6


@dataclass(frozen=True, slots=True)
class Area:
    """A place that can be spoken to or that lies in one.

    Attributes:
        code: GB/T 2260 and the statistical division codes: 2 province, 4 city, 6 county, 9 town, 12 village digits;
            below that ``-`` and the grid's, then the household group's number.
        people: who live there; None where nobody has counted yet (shown as 未录入, never as 0).
    """

    code: str
    parent: str | None
    kind: str
    name: str
    people: int | None = None


def area_code(text: str) -> str:
    """Read a code as people and systems write it: 12 digits with zero padding stand for the wider area.

    Raises:
        Invalid: it is no administrative code.
    """
    code = text.strip()
    if CODE.fullmatch(code) is None:
        raise Invalid("area_code", code=text[:40])
    while len(code) in (9, PADDED_LENGTH) and code.endswith("000"):
        code = code[:-3]
    return code


def covers(wider: str, code: str) -> bool:
    """Tell whether `code` is `wider` or lies under it: codes are prefixes of what they hold."""
    return code == wider or (code.startswith(wider) and ("-" not in wider or code[len(wider)] == "-"))


def covered(wider: Iterable[str], code: str) -> bool:
    """Tell whether any of several areas covers `code`."""
    return any(covers(one, code) for one in wider)


def level_of(code: str) -> Level:
    """Tell the level at which an area's office speaks."""
    levels = {2: Level.PROVINCE, 4: Level.CITY, 6: Level.COUNTY, 9: Level.TOWN, 12: Level.VILLAGE}
    return levels.get(len(code), Level.GRID if len(code) > PADDED_LENGTH else Level.NATION)

"""Places that come with the package: a county's areas, with the notice of where they are from in the file's head."""

import csv
from importlib.resources import files

from broadcaster.model.area import Area

COUNTY, TOWN = "620723", "620723103"


def areas(county: str = "linze", town: str | None = None) -> tuple[Area, ...]:
    """Return a county, its towns and their villages; or one town of it with its villages.

    Nobody has counted the people yet: `people` is None.
    """
    text = files(__package__).joinpath(f"{county}.csv").read_text("utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    kept = [row for row in rows if town in (None, row["town_code"])]
    found = {row["county_code"]: Area(row["county_code"], None, "county", row["county_name"]) for row in kept}
    found |= {row["town_code"]: Area(row["town_code"], row["county_code"], "town", row["town_name"]) for row in kept}
    found |= {row["village_code"]: _village(row) for row in kept}
    return tuple(found.values())


def _village(row: dict[str, str]) -> Area:
    return Area(row["village_code"], row["town_code"], "village", row["short_name"])

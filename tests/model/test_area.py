import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.model.area import Level, area_code, covered, covers, level_of
from broadcaster.model.errors import Invalid

LIAOQUAN, LIAOQUAN_VILLAGE, SHUANGQUAN = "620723103", "620723103204", "620723103208"


def test_a_town_covers_its_villages_and_no_others() -> None:
    assert covers(LIAOQUAN, LIAOQUAN_VILLAGE)
    assert covers("620723", LIAOQUAN)
    assert not covers(LIAOQUAN_VILLAGE, SHUANGQUAN)
    assert not covers(LIAOQUAN_VILLAGE, LIAOQUAN)


def test_a_grid_covers_its_household_groups_and_not_the_next_grid() -> None:
    assert covers(f"{LIAOQUAN_VILLAGE}-1", f"{LIAOQUAN_VILLAGE}-1-3")
    assert not covers(f"{LIAOQUAN_VILLAGE}-1", f"{LIAOQUAN_VILLAGE}-12")


def test_nothing_covers_when_nothing_was_chosen() -> None:
    assert not covered([], LIAOQUAN_VILLAGE)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("620723103000", LIAOQUAN),
        ("620723000000", "620723"),
        ("620723000", "620723"),
        (f" {LIAOQUAN_VILLAGE} ", LIAOQUAN_VILLAGE),
    ],
)
def test_zero_padding_stands_for_the_wider_area(written: str, meant: str) -> None:
    assert area_code(written) == meant


@pytest.mark.parametrize("written", ["", "62072", "all", "*", "6207231032041", "620723103204/..", "６２０７２３"])
def test_what_is_no_code_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        area_code(written)

    assert refused.value.code == "area_code"


@given(st.from_regex(r"\A[1-9]\d{11}(-[1-9]\d?){0,2}\Z", fullmatch=True))
def test_an_area_covers_itself_and_is_covered_by_its_county(code: str) -> None:
    assert covers(code, code)
    assert covers(code[:6], code)


def test_the_level_of_an_office_follows_from_its_code() -> None:
    assert [level_of(code) for code in ("62", "6207", "620723", LIAOQUAN, LIAOQUAN_VILLAGE)] == [
        Level.PROVINCE,
        Level.CITY,
        Level.COUNTY,
        Level.TOWN,
        Level.VILLAGE,
    ]

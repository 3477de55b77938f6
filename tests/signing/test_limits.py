"""The signer's own files: what it holds itself to, and its keys."""

import stat
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest

from broadcaster.model.errors import Invalid, Refused
from broadcaster.model.order import Purpose
from broadcaster.model.schedule import QuietHours
from broadcaster.signing.keys import create_keys, read_keys
from broadcaster.signing.limits import Limits, Pinned, read_limits, write_limits

LIMITS = Limits(
    areas=("620723103",),
    sources={
        'the "county"\\centre 县': Pinned("a@b", ("620723",), 3, timedelta(seconds=2.5), timedelta(seconds=1)),
        "sensors": Pinned("c@d", ("620723103204", "620723103205"), 2),
    },
    most_villages=9,
    many_hold=timedelta(seconds=90),
    quiet=QuietHours(time(21, 30), time(5, 45)),
)


def test_limits_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_limits(tmp_path / "limits.toml", LIMITS)
    write_limits(tmp_path / "limits.toml", LIMITS)

    assert read_limits(tmp_path / "limits.toml") == LIMITS


def test_limits_are_for_the_signer_alone(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    write_limits(path, LIMITS)

    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    for mode in (0o640, 0o600):
        path.chmod(mode)
        with pytest.raises(Refused, match="limits_exposed"):
            read_limits(path)


def test_limits_without_areas_are_no_limits(tmp_path: Path) -> None:
    """
    Nothing is never everyone.
    """
    path = tmp_path / "limits.toml"
    path.write_text("most_villages = 9\n")
    path.chmod(0o400)

    with pytest.raises(Invalid, match="areas"):
        read_limits(path)


@pytest.mark.parametrize(
    "text", ["areas = 'all'", "areas = [6207]", "areas = ['620723']\n[source.x]\nsender='a'", "areas = ["]
)
def test_limits_that_are_not_understood_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    path.chmod(0o400)

    with pytest.raises(Invalid, match="limits_unreadable"):
        read_limits(path)


def test_a_name_cannot_smuggle_a_line_into_the_limits(tmp_path: Path) -> None:
    evil = replace(LIMITS, sources={"x": Pinned('a"\nareas = ["62"]', ("620723",))})

    with pytest.raises(Invalid, match="control"):
        write_limits(tmp_path / "limits.toml", evil)


def test_without_limits_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="limits_missing"):
        read_limits(tmp_path / "limits.toml")


def test_every_purpose_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys = create_keys(tmp_path / "keys.json")

    assert set(keys) == set(Purpose)
    assert len({key.public.kid for key in keys.values()}) == len(Purpose)
    assert {key.public for key in read_keys(tmp_path / "keys.json").values()} == {key.public for key in keys.values()}


def test_keys_are_for_the_signer_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    create_keys(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    for mode in (0o440, 0o600):
        path.chmod(mode)
        with pytest.raises(Refused, match="keys_exposed"):
            read_keys(path)


def test_keys_are_never_replaced_silently(tmp_path: Path) -> None:
    create_keys(tmp_path / "keys.json")

    with pytest.raises(Refused, match="keys_exist"):
        create_keys(tmp_path / "keys.json")


def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text('{"alert": "5ec2e7"}')
    path.chmod(0o400)

    with pytest.raises(Invalid, match="keys_unreadable") as error:
        read_keys(path)

    assert "5ec2e7" not in str(error.value)
    assert error.value.__cause__ is None

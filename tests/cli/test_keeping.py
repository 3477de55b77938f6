"""The commands of whoever looks after the machine: the signer's limits, and copies of the book."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.model.errors import Refused
from broadcaster.service import prepare
from broadcaster.settings import Settings
from broadcaster.signing.limits import Pinned, read_limits, write_limits
from broadcaster.store.engine import open_readonly
from tests.cli.conftest import TOWN, Service, new_town, run


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "var")
    prepare(settings)
    return settings


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("VB_TOWN", {"town": "620724101"}),
        ("VB_QUIET_START", {"quiet_start": "21:00"}),
        ("VB_UNDO_SECONDS", {"undo_seconds": 5}),
    ],
)
def test_a_service_whose_signer_holds_other_rules_does_not_start(
    settings: Settings, name: str, changed: dict[str, object]
) -> None:
    other = Settings(home=settings.home, **changed)  # type: ignore[arg-type] # pydantic reads times

    with pytest.raises(Refused, match="limits_differ") as refused:
        prepare(other)

    assert name in str(refused.value)
    assert f"broadcaster limits --write --home {settings.home}" in str(refused.value)


def test_limits_written_from_the_settings_keep_the_sources_that_were_pinned(settings: Settings) -> None:
    pinned = {"county": Pinned("warning@linze.example", (TOWN,))}
    write_limits(settings.limits, replace(read_limits(settings.limits), sources=pinned, most_villages=9))

    result = run("limits", "--write", "--home", str(settings.home), VB_QUIET_START="21:30", VB_UNDO_SECONDS="5")

    written = read_limits(settings.limits)
    assert result.exit_code == 0, result.output
    assert 'start = "21:30"' in result.stdout
    assert (written.sources, written.most_villages, written.undo) == (pinned, 9, timedelta(seconds=5))
    prepare(Settings(home=settings.home, quiet_start="21:30", undo_seconds=5))  # type: ignore[arg-type] # pydantic


def test_limits_are_shown_as_they_are(settings: Settings) -> None:
    result = run("limits", "--home", str(settings.home), VB_UNDO_SECONDS="5")

    assert "undo_seconds = 10.0" in result.stdout


def test_a_book_is_copied_beside_its_service_but_not_put_back_under_it(service: Service, tmp_path: Path) -> None:
    copied = run("backup", str(tmp_path / "copy"), "--home", str(service.home))
    restored = run("restore", str(tmp_path / "copy"), "--home", str(service.home))

    assert copied.exit_code == 0, copied.output
    with open_readonly(tmp_path / "copy") as state:
        assert state.principals()
    assert (restored.exit_code, "in use" in restored.stderr) == (2, True)


def test_a_copy_takes_the_place_of_the_book_in_a_new_epoch(tmp_path: Path) -> None:
    settings = new_town(tmp_path / "var")
    assert run("backup", str(tmp_path / "copy"), "--home", str(settings.home)).exit_code == 0

    result = run("restore", str(tmp_path / "copy"), "--home", str(settings.home))

    assert result.exit_code == 0, result.output
    assert "epoch 2" in result.stdout
    assert (settings.home / "book.sqlite.before").is_file()


def test_a_copy_that_is_not_there_is_said(tmp_path: Path) -> None:
    settings = new_town(tmp_path / "var")

    result = run("restore", str(tmp_path / "nowhere"), "--home", str(settings.home))

    assert (result.exit_code, "nowhere" in result.stderr) == (1, True)

"""The command ``demo`` itself: how it ends, and what it says of the town that it shows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audio.reading import read
from broadcaster.cap.reading import read_alert
from broadcaster.cli import demonstrating, staging
from broadcaster.cli.app import app
from broadcaster.cli.failing import Failure
from broadcaster.model.alert import Severity, sound_class, spoken_frame, villages_of
from broadcaster.model.precedence import SoundClass
from broadcaster.model.schedule import QuietHours

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(("is_well", "status"), [(True, 0), (False, 1)])
def test_it_ends_well_only_if_everything_was_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_well: bool, status: int
) -> None:
    async def shown(*_: object, **__: object) -> bool:
        return is_well

    monkeypatch.setattr(demonstrating, "_show", shown)

    assert CliRunner().invoke(app, ["demo", "--once", "--home", str(tmp_path)]).exit_code == status


def test_a_show_that_breaks_off_says_why_and_ends_with_1(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def broken(*_: object, **__: object) -> bool:
        raise Failure("No voice could say the notice.")

    monkeypatch.setattr(demonstrating, "_show", broken)
    result = CliRunner().invoke(app, ["demo", "--once", "--home", str(tmp_path)])

    assert result.exit_code == 1
    assert result.stderr == "No voice could say the notice.\n"


def test_the_town_has_nine_villages_with_two_loudspeakers_each_and_no_quiet_hours(tmp_path: Path) -> None:
    settings = staging.demo_settings(tmp_path)

    assert len(staging.villages()) == 9
    assert len({speaker for speaker, _ in staging.speakers()}) == 18
    assert settings.quiet == QuietHours.none()


def test_the_notice_can_be_read_aloud_and_lasts_over_a_minute() -> None:
    """
    Nobody reads more than five characters in a second.
    """
    spoken = read(staging.notice_form(NOW)["text"]).spoken

    assert len(spoken) > 5 * 60


def test_the_alert_is_one_as_warning_centres_send_them() -> None:
    reading = read_alert(staging.flash_flood(NOW), now=NOW)
    info = reading.alert.infos[0]

    assert reading.reasons == ()
    assert (info.severity, sound_class(info)) == (Severity.EXTREME, SoundClass.EMERGENCY)
    assert villages_of(info) == staging.flooded()
    assert len(read(spoken_frame(info)).spoken) < 4 * 12

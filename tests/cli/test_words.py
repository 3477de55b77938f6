"""How the command line understands what is typed, and in which language it answers."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.cli.failing import Failure
from broadcaster.cli.people import read_grant
from broadcaster.cli.publishing import until_when
from broadcaster.cli.tongue import chosen, speak
from broadcaster.desk.rows import Role
from tests.cli.conftest import BROADCASTER, CLEAN, run

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "environment", "language"),
    [
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "C.UTF-8"}, "en"),
        ([], {}, "en"),
        ([], {"LANG": "zh_CN", "LC_ALL": "en_GB.UTF-8"}, "en"),
        (["--lang", "zh", "status"], {"LANG": "en_GB"}, "zh"),
        (["--lang=en"], {"LANG": "zh_CN"}, "en"),
    ],
)
def test_the_option_goes_before_the_environment(
    arguments: list[str], environment: dict[str, str], language: str
) -> None:
    assert chosen(arguments, environment) == language


@pytest.mark.parametrize(
    ("said", "until"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("2h", NOW + timedelta(hours=2)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-07-01T18:00", datetime(2026, 7, 1, 10, 0, tzinfo=UTC)),
        ("2026-07-01T18:00+00:00", datetime(2026, 7, 1, 18, 0, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_length_or_a_moment_by_the_village_clock(said: str, until: datetime) -> None:
    assert until_when(said, NOW) == until


@pytest.mark.parametrize("said", ["", "2", "soon", "2h30"])
def test_another_end_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(Failure) as refused:
        until_when(said, NOW)

    assert "2h" in refused.value.step


def test_a_grant_is_a_role_at_an_area_up_to_a_severity() -> None:
    assert read_grant("draft@620723103") == (Role.DRAFT, "620723103", 4)
    assert read_grant("source@620723:severe") == (Role.SOURCE, "620723", 3)
    assert read_grant("enrol@620723103000") == (Role.ENROL, "620723103", 4)


@pytest.mark.parametrize("said", ["draft", "sing@620723", "draft@", "draft@62072", "source@620723:Awful"])
def test_another_grant_is_refused_with_the_roles_that_there_are(said: str) -> None:
    with pytest.raises(Failure) as refused:
        read_grant(said)

    assert "approve" in refused.value.step


def test_without_a_token_the_next_step_is_said() -> None:
    result = run("status")

    assert result.exit_code == 2
    assert "VB_TOKEN" in result.stderr


def test_a_service_that_is_away_is_said_in_two_lines() -> None:
    result = run("status", "--token", "x", "--url", "http://127.0.0.1:9")

    assert result.exit_code == 2
    assert "broadcaster up" in result.stderr.splitlines()[1]


@pytest.mark.parametrize("url", ["nonsense", "ftp://here", "http://"])
def test_an_address_that_is_none_is_no_traceback(url: str) -> None:
    result = run("status", "--token", "x", "--url", url)

    assert result.exit_code == 2
    assert result.stderr


def test_it_speaks_chinese_when_asked() -> None:
    result = run("--lang", "zh", "status")
    speak("en")

    assert "没有令牌" in result.stderr


def test_the_installed_command_helps_in_the_language_of_the_environment() -> None:
    done = subprocess.run(
        [*BROADCASTER, "--help"], env=CLEAN | {"LANG": "zh_CN.UTF-8"}, capture_output=True, text=True, check=True
    )

    assert "运行服务" in done.stdout


def test_cap_files_are_checked_under_cap() -> None:
    assert run("cap", "check", "/nowhere.xml").exit_code == 2

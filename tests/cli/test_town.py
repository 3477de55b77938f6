"""The commands that speak to a running service, one after the other as a town's day goes."""

import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broadcaster.cli.staging import flash_flood
from tests.cli.conftest import BROADCASTER, ENVIRONMENT, TOWN, VILLAGE, Service, end, new_town, run, start

TEXT = "各位村民，明天上午九点停水检修，请提前蓄水。"


def published(service: Service, *more: str) -> str:
    result = service.asked_by("writer", "publish", TEXT, "--to", VILLAGE, *more)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_up_says_where_it_is_and_where_its_data_is(service: Service) -> None:
    said = "".join(service.said)

    assert str(service.home) in said
    assert service.url in said
    assert "First sign-in" not in said, "somebody is administrator already"


def test_publishing_says_who_will_hear_it_and_what_is_missing(service: Service) -> None:
    result = service.asked_by("writer", "publish", TEXT, "--to", VILLAGE, "--title", "停水")

    assert "1 villages (蓼泉村)" in result.stderr
    assert "approve" in result.stderr
    assert re.fullmatch(r"[0-9a-f-]{36}\n", result.stdout)


def test_a_text_may_come_from_a_file(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "notice.txt"
    file.write_text(TEXT, "utf-8")

    result = service.asked_by("writer", "publish", f"@{file}", "--to", VILLAGE)

    assert "明天上午九点停水检修" in result.stderr


def test_a_file_that_is_not_there_is_said(service: Service) -> None:
    result = service.asked_by("writer", "publish", "@/nowhere.txt", "--to", VILLAGE)

    assert result.exit_code == 2
    assert "/nowhere.txt" in result.stderr


def test_nobody_approves_their_own_text(service: Service) -> None:
    origin = published(service)

    result = service.asked_by("writer", "approve", origin)

    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) <= 4


def test_somebody_else_approves_and_releases_it_and_anybody_cancels_it(service: Service) -> None:
    origin = published(service)

    approved = service.asked_by("approver", "approve", origin)
    released = service.asked_by("approver", "release", origin)
    shown = service.asked_by("approver", "status")
    cancelled = service.asked_by("approver", "cancel", origin)

    assert [one.exit_code for one in (approved, released, shown, cancelled)] == [0, 0, 0, 0]
    assert "It sounds from" in released.stdout
    assert "released" in shown.stdout
    assert "1 villages" in cancelled.stdout


def test_what_was_not_approved_is_not_released(service: Service) -> None:
    origin = published(service)

    result = service.asked_by("approver", "release", origin)

    assert result.exit_code == 1
    assert "not_approved" in result.stderr


def test_a_problem_is_told_in_the_words_of_the_service(service: Service) -> None:
    result = service.asked_by("writer", "publish", "这里有§号", "--to", VILLAGE)

    assert result.exit_code == 1
    assert "unreadable" in result.stderr
    assert "Traceback" not in result.output


def test_a_token_that_is_none_is_refused(service: Service) -> None:
    result = run("status", "--url", service.url, "--token", "guess")

    assert result.exit_code == 1
    assert "token_unknown" in result.stderr


def test_an_alert_is_handed_over_as_it_is(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "flood.xml"
    file.write_bytes(flash_flood(datetime.now(UTC)))

    result = service.asked_by("centre", "alert", str(file))
    again = service.asked_by("centre", "alert", str(file))

    assert result.exit_code == 0, result.output
    assert "5 villages" in result.stderr
    assert result.stdout == again.stdout
    assert "taken before" in again.stderr


def test_what_is_no_alert_is_refused(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "no.xml"
    file.write_text("<alert/>")

    assert service.asked_by("centre", "alert", str(file)).exit_code == 1


def test_one_command_silences_the_town(service: Service) -> None:
    result = service.asked_by("approver", "stop-all")

    assert result.exit_code == 0, result.output
    assert "9 villages" in result.stdout


def test_an_administrator_makes_tokens_while_the_service_runs(service: Service) -> None:
    made = service.asked_by("admin", "token", "新来的", "--grant", f"audit@{TOWN}", "--home", str(service.home))

    assert made.exit_code == 0, made.output
    assert run("status", "--url", service.url, "--token", made.stdout.strip()).exit_code == 0


def test_the_book_is_not_opened_beside_the_service(service: Service) -> None:
    result = run("token", "谁", "--grant", f"draft@{TOWN}", "--home", str(service.home))

    assert result.exit_code == 2
    assert str(service.process.pid) in result.stderr
    assert "VB_TOKEN" in result.stderr


def test_a_folder_without_a_book_is_no_town(tmp_path: Path) -> None:
    result = run("token", "谁", "--grant", f"draft@{TOWN}", "--home", str(tmp_path))

    assert result.exit_code == 1
    assert "broadcaster up" in result.stderr


def test_a_loudspeaker_joins_and_is_seen(service: Service, tmp_path: Path) -> None:
    words = ["speaker", "lq-1", "--village", VILLAGE, "--home", str(tmp_path), "--sink", "null"]
    speaker = subprocess.Popen(
        [*BROADCASTER, *words],
        env=ENVIRONMENT | {"VB_URL": service.url, "VB_TOKEN": service.tokens["enroller"]},
        stdin=subprocess.DEVNULL,
    )
    try:
        shown = _until(service, "1 loudspeakers, 1 online")
    finally:
        speaker.send_signal(signal.SIGINT)

    assert "1 online" in shown
    assert speaker.wait(30) == 0


def _until(service: Service, words: str) -> str:
    for _ in range(240):
        shown = service.asked_by("approver", "status").stdout
        if words in shown:
            return shown
        time.sleep(0.25)
    return shown


def test_a_fleet_needs_a_token_and_readable_faults() -> None:
    assert run("fleet", "--count", "3").exit_code == 2
    assert run("fleet", "--count", "3", "--faults", "rain=1%", "--token", "x").exit_code == 1


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_new_town_says_how_to_come_in_first_and_ends_well_when_told_to(tmp_path: Path, how: signal.Signals) -> None:
    running = start(tmp_path)

    assert end(running, how) == 0
    assert re.search(r"First sign-in.*http://\S+", "".join(running.said))


def test_a_port_that_is_taken_is_said(service: Service, tmp_path: Path) -> None:
    new_town(tmp_path)
    port = service.url.rpartition(":")[2]

    done = subprocess.run(
        [*BROADCASTER, "up", "--home", str(tmp_path), "--port", port],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("broadcaster")

    done = subprocess.run([script, "--version"], env=ENVIRONMENT, capture_output=True, text=True, check=True)

    assert re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)

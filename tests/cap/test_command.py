"""What an operator sees of a CAP file before sending it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broadcaster.cap.command import app
from tests.cap.samples import FOLDER, flood
from tests.cap.signing import centre, signed

GOOD = str(FOLDER / "oasiscap__v1dot2_appendix_adot1.xml")
REFUSED = str(FOLDER / "google__invalid.cap")


@pytest.fixture(autouse=True)
def _in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["check", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_a_valid_file_is_called_valid() -> None:
    assert run(GOOD) == (0, f"{GOOD}: valid (signature: unsigned)\n", "")


def test_a_refused_file_is_told_why_and_changes_the_exit_status() -> None:
    status, out, _ = run(GOOD, REFUSED)

    assert status == 1
    assert f"{REFUSED}: refused (signature: unsigned)" not in out
    assert "alert/scope: is required, and missing or empty" in out


def test_chinese_is_spoken_where_the_system_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")

    assert run(REFUSED)[1] == f"{REFUSED}: 拒绝 (签名: 未查看)\n  - alert/scope: 缺少必填元素\n"


def test_json_is_one_object_a_line() -> None:
    status, out, _ = run("--json", GOOD, REFUSED)
    good, refused = map(json.loads, out.splitlines())

    assert status == 1
    assert good == {"file": GOOD, "judgement": "valid", "signature": "unsigned", "reasons": []}
    assert refused["reasons"][0]["code"] == "missing"
    assert refused["reasons"][0]["path"] == "alert/scope"


def test_a_missing_file_is_named_and_nothing_is_judged(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.xml")

    assert run(GOOD, missing) == (2, "", f"{missing}: cannot read the file: No such file or directory\n")


def test_a_file_over_the_cap_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.xml"
    large.write_bytes(b" " * 600_000)

    assert run(str(large))[0] == 1


def test_a_pin_makes_a_signature_good(tmp_path: Path) -> None:
    county = centre("county", days=36_500)
    (tmp_path / "county.pem").write_bytes(county.pem)
    (tmp_path / "flood.xml").write_bytes(signed(flood(), county))

    _, out, _ = run("--json", "--pin", str(tmp_path / "county.pem"), str(tmp_path / "flood.xml"))

    # The certificate begins in the tests' own summer; before it, it is not valid yet.
    assert json.loads(out)["signature"] in {"good", "expired"}


def test_a_pin_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "flood.xml").write_bytes(signed(flood(), centre("county")))

    status, _, error = run("--pin", GOOD, str(tmp_path / "flood.xml"))

    assert (status, error) == (2, "--pin: is no PEM certificate\n")

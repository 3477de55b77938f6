"""The bench, at its smallest: what it measures is for `make bench`; here it only has to come to its tables."""

import json
import os
import subprocess
from pathlib import Path

from tests.cli.conftest import BROADCASTER

SMALLEST = ("--speakers", "6", "--villages", "2", "--rounds", "1", "--notices", "20", "--voice", "tone")
LONGEST_SECONDS = 280


def test_the_bench_measures_the_whole_way_and_names_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "way.json"

    done = subprocess.run(
        [*BROADCASTER, "--lang", "en", "bench", "way", *SMALLEST, "--json", str(file)],
        env=os.environ | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    for heading in ("load before", "1. Release", "2. An alert behind", "3. Answer to a cancel", "4. What it costs"):
        assert heading in done.stdout
    found = json.loads(file.read_text())
    assert all(case["all"]["count"] == 6 for case in found["first_sound_ms"].values())
    assert found["machine"]["before"]["cores"] >= 1
    assert set(found["resident_mib"]) == {"service", "signer", "fleet"}

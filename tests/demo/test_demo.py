"""The demo as everybody runs it, on a machine that is cut off from all networks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

MOST_SECONDS = 1_500
"""Some three minutes on a free machine of two cores; the voice takes as much longer as the machine is busier."""

CUT_OFF = """
import fcntl, os, socket, struct, sys
with socket.socket() as one:
    # SIOCGIFFLAGS, SIOCSIFFLAGS; IFF_UP | IFF_RUNNING: only the loopback, and no route to anywhere else.
    name = struct.pack("16sh", b"lo", 0)
    flags = struct.unpack("16sh", fcntl.ioctl(one, 0x8913, name))[1]
    fcntl.ioctl(one, 0x8914, struct.pack("16sh", b"lo", flags | 0x41))
    try:
        one.connect(("192.0.2.1", 80))
    except OSError as error:
        assert error.errno == 101, error  # ENETUNREACH
    else:
        sys.exit("this place is not cut off")
os.execv(sys.argv[1], sys.argv[1:])
"""


def cut_off(*command: str) -> list[str]:
    """Return a command that runs another where there is no network but the loopback."""
    return ["unshare", "-rn", sys.executable, "-c", CUT_OFF, *command]


@pytest.fixture
def is_possible() -> None:
    """Skip where no network namespace can be made; on the build machine that is an error."""
    can = shutil.which("unshare") is not None
    can = can and subprocess.run(cut_off("/bin/true"), capture_output=True, check=False).returncode == 0
    if not can and os.environ.get("CI") == "true":
        pytest.fail("network namespaces cannot be made here: run as root or allow unprivileged user namespaces")
    if not can:
        pytest.skip("network namespaces cannot be made here")


@pytest.mark.voice
@pytest.mark.usefixtures("is_possible")
def test_the_whole_town_hears_both_without_any_network(tmp_path: Path) -> None:
    """
    The installed program, its real voice, eighteen loudspeakers: a notice, a red alert that cuts in, and the judge.
    """
    program = Path(sys.executable).with_name("broadcaster")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VB_")}

    done = subprocess.run(
        cut_off(str(program), "demo", "--once", "--out", str(tmp_path / "out")),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["ok"], summary["villages"], summary["speakers"]) == (True, 9, 18)
    assert summary["notice_ms"] >= 60_000
    assert summary["alert_ms"] <= 12_000
    waves = sorted((tmp_path / "out").glob("*.wav"))
    assert len(waves) == 18
    assert all(soundfile.info(str(wave)).duration > 60 for wave in waves)

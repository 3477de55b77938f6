"""Machine: what the figures were measured on, and what each process used of it (Linux, ``/proc``)."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = {"broadcaster.signing.process": "signer", "audio.voices.process": "voice"}


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, and how busy it was before."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load: tuple[float, float, float]


def machine() -> Machine:
    """Look at the machine now."""
    return Machine(
        processor=_field(PROC / "cpuinfo", "model name") or platform.processor() or "unknown",
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        load=os.getloadavg(),
    )


def processes(pid: int) -> dict[str, int]:
    """Return the children of the service that we know: name → pid."""
    found: dict[str, int] = {}
    for child in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split():
        words = (PROC / child / "cmdline").read_text().split("\0")
        found |= {name: int(child) for module, name in KINDS.items() if module in words}
    return found


def cpu_seconds(pid: int) -> float:
    """Tell how long a process has run on processors, user and system, in all its threads."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mib(pid: int) -> float:
    """Tell how much of its memory is in the machine's now."""
    return round(int((_field(PROC / str(pid) / "status", "VmRSS") or "0").split()[0]) / 1024, 1)


def _field(path: Path, name: str) -> str | None:
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None

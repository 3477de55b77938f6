"""The house's arrows: which room may know which (docs/architecture.md)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("broadcaster", "streams", "audio")
STDLIB = sys.stdlib_module_names

# Room → which of our own modules it may import. The longest matching room counts.
MAY_KNOW = {
    "broadcaster.model": ["broadcaster.model"],
    "broadcaster.desk": ["broadcaster.desk", "broadcaster.model", "broadcaster.signing.envelope"],
    "broadcaster.cap": ["broadcaster.cap", "broadcaster.model"],
    "broadcaster.signing.envelope": ["broadcaster.model"],
    "broadcaster.signing": ["broadcaster.signing", "broadcaster.desk", "broadcaster.model"],
    "broadcaster.signing.process": [
        "broadcaster.signing",
        "broadcaster.desk",
        "broadcaster.model",
        "broadcaster.store",
    ],
    "broadcaster.store": ["broadcaster.store", "broadcaster.desk", "broadcaster.model"],
    "broadcaster.web": ["broadcaster.web", "broadcaster.desk", "broadcaster.model", "broadcaster.cap"],
    "broadcaster.settings": ["broadcaster.model"],
    "broadcaster.places": ["broadcaster.places", "broadcaster.model"],
    "broadcaster.service": ["broadcaster", "streams", "audio"],
    "broadcaster.wiring": ["broadcaster", "streams", "audio"],
    "broadcaster.cli": ["broadcaster", "streams", "audio"],
    "broadcaster.benching": ["broadcaster", "streams", "audio"],
    "streams": ["streams", "broadcaster.desk", "broadcaster.model", "broadcaster.signing.envelope"],
    "streams.agent": [
        "streams.agent",
        "broadcaster.model",
        "broadcaster.signing.envelope",
        "audio.playing",
        "audio.chimes",
    ],
    "audio": ["audio"],
}
LIGHT = {"cryptography", "websockets", "paho", "soundfile", "numpy"}
MAY_BRING = {
    "broadcaster.model": set[str](),
    "streams.agent": LIGHT,
    "audio.playing": LIGHT,
    "audio.chimes": set[str](),
}


def modules() -> Iterator[tuple[str, Path]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield dotted.removesuffix(".__init__"), path


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(module: str, rooms: object) -> str | None:
    known = [room for room in rooms if module == room or module.startswith(f"{room}.")]  # type: ignore[attr-defined]
    return max(known, key=len, default=None)


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda it: it if isinstance(it, str) else "")
def test_a_room_knows_only_those_it_may(module: str, path: Path) -> None:
    room = room_of(module, MAY_KNOW)
    if room is None:
        assert module in ROOMS
        return

    ours = {name for name in imports(path) if name.split(".")[0] in ROOMS}
    strangers = {name for name in ours if not any(name == ok or name.startswith(f"{ok}.") for ok in MAY_KNOW[room])}

    assert not strangers


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda it: it if isinstance(it, str) else "")
def test_the_model_and_the_loudspeaker_stay_light(module: str, path: Path) -> None:
    room = room_of(module, MAY_BRING)
    if room is None:
        return

    brought = {name.split(".")[0] for name in imports(path)} - STDLIB - set(ROOMS)

    assert brought <= MAY_BRING[room]


def test_nothing_imports_the_composition_root() -> None:
    roots = ("broadcaster.wiring", "broadcaster.service", "broadcaster.cli", "broadcaster.benching")
    culprits = [
        module
        for module, path in modules()
        if not module.startswith(roots) and any(name.startswith(roots) for name in imports(path))
    ]

    assert culprits == []

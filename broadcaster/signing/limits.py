"""Limits: what the signer holds itself to, whatever the book says. Written by the CLI alone, never by a web process."""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from broadcaster.model.alert import Severity
from broadcaster.model.errors import Invalid, Refused
from broadcaster.model.schedule import QuietHours


@dataclass(frozen=True, slots=True)
class Pinned:
    """A system whose alerts may be signed without a person.

    Attributes:
        max_severity: the highest that it may announce.
        least_hold: from its acceptance until it may sound; `extreme_hold` the same for Extreme.
    """

    sender: str
    areas: tuple[str, ...]
    max_severity: int = Severity.EXTREME
    least_hold: timedelta = timedelta(seconds=10)
    extreme_hold: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Limits:
    """The signer's own rules.

    Attributes:
        areas: where this town may sound at all; without any, nothing is signed.
        sources: pinned systems by their principal.
        most_villages: more than so many are never spoken to at once.
        many_villages: more than so many need two approvers besides the author, and `many_hold`.
        undo: how long a released notice stays unsigned.
        orders_per_minute: most new play orders for one village.
        quiet: when no routine order is signed.
    """

    areas: tuple[str, ...]
    sources: Mapping[str, Pinned] = field(default_factory=dict)
    most_villages: int = 300
    many_villages: int = 10
    many_hold: timedelta = timedelta(seconds=60)
    undo: timedelta = timedelta(seconds=10)
    orders_per_minute: int = 30
    quiet: QuietHours = field(default_factory=QuietHours)


def check_private(path: Path, code: str) -> None:
    """Refuse a file that is not its owner's alone to read, or that stands open to be written in passing.

    Raises:
        Refused: with the code given.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode != 0o400:
        raise Refused(code, path=str(path), mode=oct(mode), do=f"chmod 400 {path}")


def read_limits(path: Path) -> Limits:
    """Read the limits file.

    Raises:
        Refused: limits_missing, or limits_exposed (its mode is not 0400).
        Invalid: limits_unreadable, with what is wrong.
    """
    if not path.is_file():
        raise Refused("limits_missing", path=str(path))
    check_private(path, "limits_exposed")
    try:
        return _limits(tomllib.loads(path.read_text("utf-8")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid("limits_unreadable", path=str(path), why=f"{type(error).__name__}: {error}") from error


def _limits(found: dict[str, Any]) -> Limits:
    quiet = found.get("quiet", {})
    return Limits(
        areas=_texts(found["areas"]),
        sources={name: _pinned(one) for name, one in found.get("source", {}).items()},
        most_villages=int(found.get("most_villages", 300)),
        many_villages=int(found.get("many_villages", 10)),
        many_hold=timedelta(seconds=float(found.get("many_hold_seconds", 60))),
        undo=timedelta(seconds=float(found.get("undo_seconds", 10))),
        orders_per_minute=int(found.get("orders_per_minute", 30)),
        quiet=QuietHours(
            time.fromisoformat(quiet.get("start", "22:00")),
            time.fromisoformat(quiet.get("end", "06:00")),
        ),
    )


def _pinned(found: dict[str, Any]) -> Pinned:
    return Pinned(
        sender=str(found["sender"]),
        areas=_texts(found["areas"]),
        max_severity=Severity.of_cap(found.get("max_severity", "Extreme")),
        least_hold=timedelta(seconds=float(found.get("least_hold_seconds", 10))),
        extreme_hold=timedelta(seconds=float(found.get("extreme_hold_seconds", 0))),
    )


def _texts(found: object) -> tuple[str, ...]:
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise TypeError("a list of area codes in quotes is expected")
    return tuple(found)


def write_limits(path: Path, limits: Limits) -> None:
    """Write the limits file whole or not at all, for its owner's eyes only."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
        file.write(_toml(limits))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _toml(limits: Limits) -> str:
    lines = [
        "# What the signer holds itself to. Once this has changed, it counts from the next question on.",
        f"areas = {_list(limits.areas)}",
        f"most_villages = {limits.most_villages}",
        f"many_villages = {limits.many_villages}",
        f"many_hold_seconds = {limits.many_hold.total_seconds()}",
        f"undo_seconds = {limits.undo.total_seconds()}",
        f"orders_per_minute = {limits.orders_per_minute}",
        f"quiet = {{ start = {_text(f'{limits.quiet.start:%H:%M}')}, end = {_text(f'{limits.quiet.end:%H:%M}')} }}",
    ]
    for name, pinned in sorted(limits.sources.items()):
        lines += [
            "",
            f"[source.{_text(name)}]",
            f"sender = {_text(pinned.sender)}",
            f"areas = {_list(pinned.areas)}",
            f"max_severity = {_text(Severity(pinned.max_severity).cap)}",
            f"least_hold_seconds = {pinned.least_hold.total_seconds()}",
            f"extreme_hold_seconds = {pinned.extreme_hold.total_seconds()}",
        ]
    return "\n".join(lines) + "\n"


def _list(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    # TOML's basic strings escape as JSON's do, but for the controls, which have no place in a name.
    if any(ord(character) < ord(" ") or ord(character) == 0x7F for character in text):
        raise Invalid("limits_unreadable", why="control character", text=text[:40])
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

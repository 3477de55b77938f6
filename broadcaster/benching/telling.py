"""Telling: what was measured, as tables for people and as JSON for the next measurement to be compared with."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from broadcaster.benching.figures import MARK_SECONDS, SERVICE_STEPS, STEPS, Spread, blamed, spread, steps
from broadcaster.benching.machine import Machine
from broadcaster.benching.priority import Priority
from broadcaster.benching.way import Case, Results

METHOD = (
    "Service and loudspeakers are processes of their own on this one machine and share its cores; CLOCK_MONOTONIC "
    "is common to both. All loudspeakers are agents of one process: they share one cache of decoded recordings, one"
    " of verified envelopes, and one processor core, where each would have its own: the last two steps are theirs. "
    "Alerts of the highest class (no hold, attention tone first) are sent over HTTP to all villages; release is the"
    " moment that the book gives, first sound the moment when the first sample of the tone is handed to the sink. "
    "Receipts “arrive” as 3,000 messages of kind started, three at a time and as fast as they are confirmed, "
    "through the port Heard (not through sockets), from 20 ms before the alert on. Loudspeakers here play in blocks"
    " of {block_ms} ms, real ones in blocks of 20: silence comes up to one block and 50 ms of fading later."
)


@dataclass(frozen=True, slots=True)
class Told:
    """All that was measured, and on what."""

    before: Machine
    after: Machine
    villages: int
    rounds: int
    block_ms: int
    few: Results
    many: Results
    priority: Priority


def print_told(told: Told, console: Console) -> None:
    """Print everything as tables."""
    for table in (_machine(told), _sounds(told.many), _chain(told.many)):
        _print(table, console)
    _print_blamed(told.many, console)
    _print_alone(told.few, console)
    for table in (_priority(told.priority), _silences(told), _costs(told.many)):
        _print(table, console)


def _print(table: Table, console: Console) -> None:
    """Print a table under its title, which is not folded to the table's width."""
    title, table.title = table.title, None
    console.print(f"\n{title}", style="bold")
    console.print(table)


def as_json(told: Told) -> dict[str, Any]:
    """Return the same figures, in milliseconds."""
    return {
        "method": METHOD.format(block_ms=told.block_ms),
        "machine": {"before": asdict(told.before), "after": asdict(told.after)},
        "speakers": told.many.speakers,
        "villages": told.villages,
        "rounds": told.rounds,
        "mark_ms": MARK_SECONDS * 1000,
        "first_sound_ms": {case.name: _case(case) for case in told.many.cases},
        "priority_ms": [
            {"step": step, "state": state, **_ms(found)} for (step, state), found in told.priority.seconds.items()
        ],
        "queued": {"announcements": told.priority.queued, "left": told.priority.left},
        "silence_ms": {
            str(results.speakers): {ending: _ms(found) for ending, found in results.silences.items()}
            for results in (told.few, told.many)
        },
        "cpu_ms_per_delivery": {process: seconds * 1000 for process, seconds in told.many.cpu.items()},
        "resident_mib": told.many.resident,
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "all": _ms(case.seconds()),
        "written": _ms(case.service_seconds()),
        "rounds": [_ms([way[-1] - way[0] for way in ways]) for ways in case.rounds],
        "steps": {
            name: _ms([steps(way)[place] for ways in case.rounds for way in ways]) for place, name in enumerate(STEPS)
        },
        "above_the_mark": blamed([way for ways in case.rounds for way in ways]),
        "receipts_confirmed_in_ms": [seconds * 1000 for seconds in case.receipts],
    }


def _ms(seconds: Sequence[float]) -> dict[str, float]:
    found = spread([1000 * one for one in seconds])
    return {name: round(number, 2) for name, number in asdict(found).items()} if found else {}


def _machine(told: Told) -> Table:
    table = Table(title="Machine and method", show_header=False)
    before = told.before
    table.add_row("processor", f"{before.processor}, {before.cores} cores, {before.memory_gib} GiB")
    table.add_row("system", f"{before.system}, Python {before.python}")
    table.add_row("load before", " ".join(f"{one:.2f}" for one in before.load))
    table.add_row("load after", " ".join(f"{one:.2f}" for one in told.after.load))
    table.add_row("town", f"{told.many.speakers} loudspeakers in {told.villages} villages, {told.rounds} rounds a case")
    table.add_row("method", METHOD.format(block_ms=told.block_ms))
    return table


def _sounds(many: Results) -> Table:
    table = _table("1. Release → first sound, ms", "case", "p99 of each round", "receipts confirmed in, s")
    for case in many.cases:
        table.add_row(f"{case.name}: written to its socket", *_cells(case.service_seconds()), "", "")
        of_rounds = [spread([1000 * (way[-1] - way[0]) for way in ways]) for ways in case.rounds]
        table.add_row(
            f"{case.name}: first sound",
            *_cells(case.seconds()),
            " ".join(f"{one.p99:.0f}" for one in of_rounds if one),
            " ".join(f"{one:.1f}" for one in case.receipts),
        )
    return table


def _chain(many: Results) -> Table:
    table = Table(title="Where the time goes: median / p99 of each step, ms")
    for title in ("case", *STEPS):
        table.add_column(title, justify="left" if title == "case" else "right")
    for case in many.cases:
        columns = zip(*(steps(way) for ways in case.rounds for way in ways), strict=True)
        found = [spread([1000 * one for one in column]) for column in columns]
        table.add_row(case.name, *(f"{one.median:.1f} / {one.p99:.1f}" for one in found if one))
    return table


def _print_blamed(many: Results, console: Console) -> None:
    for case in many.cases:
        if not case.name.startswith("cached"):
            continue
        found = spread(case.seconds())
        above = blamed([way for ways in case.rounds for way in ways])
        if found is None:
            continue
        verdict = "kept" if found.p99 <= MARK_SECONDS else "MISSED"
        console.print(f"Mark, {case.name}: p99 ≤ {MARK_SECONDS:g} s: {verdict} ({found.p99:.3f} s)")
        service = spread(case.service_seconds())
        if service:
            console.print(f"  release → written to its socket, the service's part: p99 {service.p99:.3f} s")
        if above:
            where = ", ".join(f"{name}: {count}" for name, count in above.items())
            console.print(f"  {sum(above.values())} of {found.count} were above it; longest beyond its usual: {where}")


def _print_alone(few: Results, console: Console) -> None:
    """Say what a loudspeaker needs where it has a processor nearly to itself."""
    alone = spread([way[-1] - way[SERVICE_STEPS] for case in few.cases for ways in case.rounds for way in ways])
    if alone:
        console.print(
            f"Written to its socket → first sound, with {few.speakers} loudspeakers: "
            f"median {1000 * alone.median:.0f} ms, p99 {1000 * alone.p99:.0f} ms"
        )


def _priority(priority: Priority) -> Table:
    title = f"2. An alert behind {priority.queued} queued notices ({priority.left} left at the end), ms"
    table = _table(title, "step, state")
    for (step, state), found in priority.seconds.items():
        table.add_row(f"{step}, {state}", *_cells(found))
    return table


def _silences(told: Told) -> Table:
    table = _table("3. Answer to a cancel or stop-all → last sample, ms", "loudspeakers, end")
    for results in (told.few, told.many):
        for ending, found in results.silences.items():
            table.add_row(f"{results.speakers}, {ending}", *_cells(found))
    return table


def _costs(many: Results) -> Table:
    table = Table(
        title="4. What it costs: CPU of one delivery (its play and its cancel, beats included), resident memory"
    )
    for name in ("process", "CPU ms per delivery", "MiB"):
        table.add_column(name, justify="left" if name == "process" else "right")
    for process, mib in many.resident.items():
        table.add_row(process, f"{1000 * many.cpu.get(process, 0):.2f}", f"{mib:.0f}")
    return table


def _table(title: str, first: str, *more: str) -> Table:
    table = Table(title=title)
    for name in (first, "n", "min", "median", "p99", "max", *more):
        table.add_column(name, justify="left" if name in (first, *more) else "right")
    return table


def _cells(seconds: Sequence[float]) -> list[str]:
    found: Spread | None = spread([1000 * one for one in seconds])
    if found is None:
        return ["0", "–", "–", "–", "–"]
    return [str(found.count), *(f"{one:.1f}" for one in (found.least, found.median, found.p99, found.most))]


def wide(environment: Mapping[str, str] = os.environ) -> Console:
    """Return a console that does not fold tables where nobody said how wide the page is."""
    return (
        Console(width=int(environment.get("COLUMNS", "0")) or None)
        if environment.get("COLUMNS")
        else Console(width=160)
    )

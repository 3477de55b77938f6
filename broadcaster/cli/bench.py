"""Bench: the commands that measure how fast it is on this machine."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.failing import OUT_OF_REACH, Failure, told
from broadcaster.cli.tongue import both

bench = typer.Typer(no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bench, name="bench", help=both("在这台机器上测量快慢。", "Measure how fast it is on this machine."))


@bench.callback()
def begin() -> None:
    """Let there be room for more than one measurement."""


@bench.command("way", help=both("从放行到每只喇叭响起。", "From a release to the first sound on every loudspeaker."))
@told
def way(
    speakers: Annotated[int, typer.Option("--speakers", min=1, max=20_000, help=both("喇叭数", "loudspeakers"))] = 1000,
    villages: Annotated[int, typer.Option("--villages", min=1, max=9, help=both("村数", "villages"))] = 9,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=100, help=both("每项几轮", "rounds a case"))] = 5,
    notices: Annotated[
        int, typer.Option("--notices", min=1, max=100_000, help=both("排队的通知数", "notices in the queue"))
    ] = 10_000,
    voice: Annotated[str, typer.Option("--voice", metavar="kokoro|tone", hidden=True)] = "kokoro",
    file: Annotated[
        Path | None, typer.Option("--json", help=both("结果另存为 JSON", "write the figures there as JSON too"))
    ] = None,
) -> None:
    """Run service and loudspeakers on this machine and print what was measured, as tables."""
    from broadcaster.benching.running import measure_way
    from broadcaster.benching.talk import ChildEnded
    from broadcaster.benching.telling import as_json, print_told, wide

    # The signer says each signature; thousands of them would bury the figures.
    os.environ.setdefault("VB_LOG", "warning")

    def say(words: str) -> None:
        typer.echo(f"… {words}", err=True)

    try:
        found = asyncio.run(measure_way(speakers, villages, rounds, notices, voice, say))
    except ChildEnded as error:
        raise Failure(
            both(f"测量没有完成：{error}", f"It could not be measured: {error}"),
            both("机器太忙就用较小的 --speakers。", "If the machine is busy, try a smaller --speakers."),
            OUT_OF_REACH,
        ) from error
    print_told(found, wide())
    if file:
        file.write_text(json.dumps(as_json(found), ensure_ascii=False, indent=1) + "\n", "utf-8")

"""Speakers: the commands ``speaker`` and ``fleet``, loudspeakers that run here."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broadcaster.cli.asking import DEFAULT_URL, Token, Url
from broadcaster.cli.failing import OUT_OF_REACH, Failure, told
from broadcaster.cli.tongue import both

if TYPE_CHECKING:
    from streams.agent.sounding import Observed

SAY_SECONDS = 5.0


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("speaker", help=both("运行一只村里的喇叭。", "Run one village loudspeaker."))(speaker)
    app.command("fleet", help=both("模拟许多只喇叭。", "Run many simulated loudspeakers."))(fleet)


@told
def speaker(
    name: Annotated[str, typer.Argument(metavar="ID", help=both("喇叭编号", "the loudspeaker's id"))],
    village: Annotated[str, typer.Option("--village", help=both("村的12位代码", "12-digit code of its village"))],
    home: Annotated[
        Path | None, typer.Option("--home", help=both("密钥和日志的文件夹", "folder of its key and journal"))
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help=both("写WAV而不是播放", "write a WAV, play nothing"))
    ] = None,
    sink: Annotated[
        str, typer.Option("--sink", metavar="auto|pipe|wave|null", help=both("声音去处", "where to"))
    ] = "auto",
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Run one loudspeaker until Ctrl-C: it enrols the first time (with a token that may), then obeys and tells."""
    from streams.agent.speaker import SpeakerSettings, run_speaker

    if sink not in ("auto", "pipe", "wave", "null"):
        raise Failure(f"--sink {sink}", "auto, pipe, wave, null", OUT_OF_REACH)
    settings = SpeakerSettings(
        id=name,
        village=village,
        service_url=url,
        home=home or Path(name),
        out=out,
        sink=sink,  # type: ignore[arg-type] # it was checked above
        enrol_token=token or None,
    )
    typer.echo(
        both(f"喇叭 {name}（{village}）→ {url}，Ctrl-C 结束", f"{name} ({village}) → {url}; Ctrl-C ends it"), err=True
    )
    _until_interrupted(run_speaker(settings, lambda seen: typer.echo(_line(seen))))


def _line(seen: "Observed") -> str:
    return f"{seen.kind} {seen.announcement} {seen.outcome or ''}".strip()


@told
def fleet(
    count: Annotated[int, typer.Option("--count", min=1, max=20_000, help=both("多少只", "how many"))],
    village: Annotated[
        list[str] | None, typer.Option("--village", help=both("哪些村，默认全镇", "villages; else all of the town"))
    ] = None,
    faults: Annotated[
        str, typer.Option("--faults", metavar="offline=10%,…", help=both("按比例出毛病", "shares of what goes wrong"))
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help=both("声音日志（和WAV）的文件夹", "sound log and WAVs"))
    ] = None,
    wave: Annotated[bool, typer.Option("--wave", help=both("每只写一个WAV", "write a WAV for each"))] = False,
    seed: Annotated[
        str, typer.Option("--seed", help=both("同一种子同一批喇叭", "the same seed, the same fleet"))
    ] = "fleet",
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Run many loudspeakers until Ctrl-C, and say every few seconds what they did."""
    from broadcaster import places
    from broadcaster.settings import Settings
    from streams.agent.faults import Faults
    from streams.agent.fleet import FleetSettings, run_fleet, spread

    if not token:
        raise Failure(
            both("喇叭登记需要令牌。", "To enrol, loudspeakers need a token."),
            "broadcaster token fleet --kind service --grant enrol@AREA",
            OUT_OF_REACH,
        )
    if wave and out is None:
        raise Failure(both("--wave 需要 --out。", "--wave needs --out."), status=OUT_OF_REACH)
    town = [area.code for area in places.areas(town=Settings().town) if area.kind == "village"]
    settings = FleetSettings(
        service_url=url,
        enrol_token=token,
        speakers=spread(count, village or town, prefix=seed),
        out=out,
        sink="wave" if wave else "null",
        faults=Faults.parse(faults),
        seed=seed,
    )
    seen: Counter[str] = Counter()
    running = run_fleet(settings, lambda one: seen.update([str(one.outcome or one.kind)]))
    typer.echo(
        both(f"{count} 只喇叭 → {url}，Ctrl-C 结束", f"{count} loudspeakers → {url}; Ctrl-C ends them"), err=True
    )
    _until_interrupted(_with_figures(running, seen))


async def _with_figures(running: Coroutine[Any, Any, None], seen: "Counter[str]") -> None:
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(running)
        tasks.create_task(_figures(seen))


async def _figures(seen: "Counter[str]") -> None:
    said = ""
    while True:
        await asyncio.sleep(SAY_SECONDS)
        line = "  ".join(f"{name} {count}" for name, count in sorted(seen.items()))
        if line != said:
            typer.echo(line)
            said = line


def _until_interrupted(running: Coroutine[Any, Any, None]) -> None:
    # Ctrl-C is how such a command ends; it is no failure.
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(running)

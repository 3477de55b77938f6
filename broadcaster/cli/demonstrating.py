"""Demonstrating: the command ``demo``, a whole town on one machine, and whether every loudspeaker did as it should."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.failing import REFUSED, told
from broadcaster.cli.tongue import both


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=both("演示：一个镇九个村，真的发一条通知和一条预警。", "A demo town of nine villages."))(
        demo
    )


@told
def demo(
    once: Annotated[
        bool, typer.Option("--once", envvar="ONCE", help=both("播完检查后自行结束", "end by itself, judged"))
    ] = False,
    home: Annotated[
        Path | None, typer.Option("--home", help=both("数据文件夹，默认临时", "data folder; else a temporary one"))
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help=both("WAV 和声音日志放哪里", "where WAVs and sound log go"))
    ] = Path("out/demo"),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help=both("端口，0 为任意", "port; 0: any"))] = 0,
) -> None:
    """Show a notice for nine villages, and an alert for five that cuts in; exit 0 only if all of it was heard."""
    is_live = sys.stdout.isatty()
    # The signer says each signature; here the board shows what follows from it.
    os.environ.setdefault("VB_LOG", "warning")
    folder = home or Path(tempfile.mkdtemp(prefix="village-broadcaster-demo-"))
    try:
        is_well = asyncio.run(_show(folder, out, port, once=once or not is_live, is_live=is_live))
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)
    if not is_well:
        raise typer.Exit(REFUSED)


async def _show(home: Path, out: Path, port: int, *, once: bool, is_live: bool) -> bool:
    from broadcaster.cli import staging
    from broadcaster.cli.board import Board

    names = {village.code: village.name for village in staging.villages()}
    ended = _interruptible()
    with Board(names, staging.speakers(), is_live=is_live) as board:
        board.say(_opening(len(names), len(staging.speakers())))
        settings = staging.demo_settings(home, port=port)
        was_there = settings.book.exists()
        tokens = await staging.cast(settings)
        board.doing(both("正在启动服务、签名进程和语音……", "starting the service, the signer and the voice…"))
        from broadcaster.cli.story import Story
        from broadcaster.service import serve

        async with serve(settings) as running:
            story = Story(running, board, tokens, out)
            await story.show(ended, was_there=was_there, stays_open=not once)
        # Only now, when everything has ended in its order.
        if story.failure:
            raise story.failure
    if story.summary is None:
        raise KeyboardInterrupt
    if once:
        print(json.dumps(story.summary, ensure_ascii=False), flush=True)
    return bool(story.summary["ok"])


def _opening(village_count: int, speaker_count: int) -> str:
    return both(
        f"正在搭建演示镇：蓼泉镇 {village_count} 个村，{speaker_count} 只喇叭。演示不设夜间静播时段。",
        f"Setting up the demo town: Liaoquan, {village_count} villages, {speaker_count} loudspeakers. "
        "The demo has no quiet hours.",
    )


def _interruptible() -> asyncio.Event:
    """Return an event that the first interrupt sets; the second one ends everything at once."""
    ended, show = asyncio.Event(), asyncio.current_task()
    assert show is not None  # noqa: S101 - told to mypy; it runs in a task

    def interrupt() -> None:
        if ended.is_set():
            show.cancel()
        ended.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, interrupt)
    return ended

"""Reading: the commands ``read`` (how a text is said) and ``say`` (its sound, as a file)."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.failing import OUT_OF_REACH, REFUSED, Failure, told
from broadcaster.cli.tongue import both

SUFFIXES = (".opus", ".mp3", ".wav")


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("read", help=both("文字怎么念：每行进，每行出。", "How a text is said: a line in, a line out."))(read)
    app.command("say", help=both("把一句话读出来，存成声音文件。", "Say a text into a sound file; no service needed."))(
        say
    )


@told
def read(
    text: Annotated[
        str, typer.Argument(help=both("文字；- 表示逐行读标准输入。", "A text; - reads lines from stdin."))
    ],
    hints: Annotated[
        bool,
        typer.Option("--hints", help=both("显示哪里念法与写法不同。", "Show what is said otherwise than written.")),
    ] = False,
) -> None:
    """Print how texts are said; a line that cannot be read gives an empty line, its place on stderr, and exit 1."""
    lines = (line.rstrip("\r\n") for line in sys.stdin) if text == "-" else [text]
    if not _read_all(lines, hints=hints):
        raise typer.Exit(REFUSED)


def _read_all(lines: Iterable[str], *, hints: bool) -> bool:
    from audio.errors import Unreadable
    from audio.reading import read as read_aloud

    are_well = True
    for number, line in enumerate(lines, 1):
        try:
            found = read_aloud(line)
        except Unreadable as error:
            are_well = False
            # The place as people count, from 1; an empty line keeps what is printed beside what was read.
            place = f"{number}:{error.start + 1}-{error.end}"
            typer.echo(f"{place}: {line[error.start : error.end]!r}: {error.what}", err=True)
            typer.echo("")
            continue
        typer.echo(found.spoken)
        if hints:
            for hint in found.hints:
                typer.echo(f"  {hint.written} → {hint.spoken}  ({hint.rule})", err=True)
    return are_well


@told
def say(
    text: Annotated[str, typer.Argument(help=both("要读的文字。", "What to say."))],
    output: Annotated[Path, typer.Option("-o", "--output", help=both("文件：.opus .mp3 .wav", ".opus, .mp3 or .wav"))],
) -> None:
    """Say a text into a file, and print how long it sounds, how large it is and how long it took."""
    if output.suffix.lower() not in SUFFIXES:
        raise Failure(
            both(f"不认识的文件类型：{output.name}", f"{output.name}: not a kind of file that is made here"),
            both("文件名请以 .opus、.mp3 或 .wav 结尾。", "Let its name end in .opus, .mp3 or .wav."),
            OUT_OF_REACH,
        )
    if not output.parent.is_dir():
        raise Failure(
            both(f"没有文件夹 {output.parent}", f"There is no folder {output.parent}"),
            both("请先建立它。", "Make it first."),
            OUT_OF_REACH,
        )
    began = time.monotonic()
    typer.echo(both("正在准备语音……", "Preparing the voice…"), err=True)
    content, ms, voice = asyncio.run(_said(text, output.suffix.lower()))
    output.write_bytes(content)
    took = time.monotonic() - began
    typer.echo(f"{output}: {ms / 1000:.1f} s, {len(content)} bytes, {took:.1f} s, {voice}")


async def _said(text: str, suffix: str) -> tuple[bytes, int, str]:
    from audio import encoding
    from audio.reading import read as read_aloud
    from audio.studio import Studio
    from broadcaster.settings import Settings
    from broadcaster.wiring import voices_for

    spoken = read_aloud(text).spoken
    voices = voices_for(Settings())
    try:
        with tempfile.TemporaryDirectory(prefix="vb-say-") as shelf:
            studio = Studio(voices, Path(shelf))
            made = await studio.record(spoken, urgent=True)
            content = studio.path(made.sha256).read_bytes()
            if suffix == ".mp3":
                content = (await studio.mp3(made.sha256)).read_bytes()
            elif suffix == ".wav":
                content = await asyncio.to_thread(lambda: encoding.wav(encoding.decode(content)))
    finally:
        for voice in voices:
            await voice.close()
    return content, made.ms, made.voice

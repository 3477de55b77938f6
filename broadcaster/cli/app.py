"""App: the commands, put together. What is heavy is imported by the command that needs it."""

import importlib.metadata
import logging
import os
import sys
from typing import Annotated

import structlog
import typer

from broadcaster.cap.command import app as cap
from broadcaster.cli import bench, demonstrating, keeping, looking, people, publishing, reading, serving, speakers
from broadcaster.cli.tongue import both, speak

app = typer.Typer(
    name="broadcaster",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=both(
        "乡镇向各村广播，并知道谁听到了。",
        "Village Broadcaster: a township speaks to its villages, and hears that it was heard.",
    ),
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(importlib.metadata.version("village-broadcaster"))
        raise typer.Exit


@app.callback()
def begin(
    lang: Annotated[str, typer.Option("--lang", metavar="zh|en", help=both("语言", "language"))] = "",
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help=both("版本", "version"))
    ] = False,
) -> None:
    """Set the language and keep the log out of what is printed."""
    if lang:
        speak(lang)
    log_to_stderr()


def log_to_stderr() -> None:
    """Write log lines to standard error, warnings and worse unless VB_LOG says otherwise."""
    level = os.environ.get("VB_LOG", "warning").upper()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level, logging.WARNING)),
        # Looked up at each line: who called this may have put another stream there meanwhile.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


app.add_typer(cap, name="cap", help=both("CAP 1.2 消息：发送前检查。", "CAP 1.2 messages: look before sending."))
for module in (serving, reading, speakers, publishing, looking, people, keeping, demonstrating, bench):
    module.mount(app)


def main() -> None:
    """Run the command line."""
    app()

"""Keeping: the commands ``limits``, ``backup`` and ``restore``, for whoever looks after the machine."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.failing import told
from broadcaster.cli.tongue import both
from broadcaster.settings import Settings

Home = Annotated[Path | None, typer.Option("--home", help=both("数据文件夹（VB_HOME）", "data folder (VB_HOME)"))]
Copy = Annotated[Path, typer.Argument(metavar="FILE", help=both("备份文件", "the copy"), dir_okay=False)]


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "limits", help=both("看签名进程守的限制，或按设置写一份。", "Show the signer's limits, or write them.")
    )(limits)
    app.command("backup", help=both("备份账本，服务可以在运行。", "Copy the book, also while the service runs."))(
        backup
    )
    app.command("restore", help=both("用备份换掉账本，先停服务。", "Put a copy in the book's place, service stopped."))(
        restore
    )


@told
def limits(
    write: Annotated[
        bool,
        typer.Option("--write", help=both("按设置（VB_TOWN 等）写，绑定的来源保留", "take the settings; keep sources")),
    ] = False,
    home: Home = None,
) -> None:
    """Print what the signer holds itself to; with --write, first take the town, quiet hours and hold of the settings.

    Pinned sources and all other limits stay as they are. A running signer takes what was written at its next question.
    """
    settings = _settings(home)
    if write:
        from broadcaster.service import limits_of
        from broadcaster.signing.limits import read_limits, write_limits

        write_limits(settings.limits, limits_of(settings, read_limits(settings.limits)))
    from broadcaster.signing.limits import read_limits

    read_limits(settings.limits)
    typer.echo(settings.limits.read_text("utf-8"), nl=False)


@told
def backup(file: Copy, home: Home = None) -> None:
    """Copy the book as it is at this moment; recordings can be made again, and the signer's keys are not in it."""
    from broadcaster.store.backup import back_up

    settings = _settings(home)
    back_up(settings.book, file)
    typer.echo(both(f"账本已备份到 {file}。", f"The book was copied to {file}."))
    typer.echo(
        both(
            f"签名密钥不在里面：请另外妥善保存 {settings.keys.parent}。",
            f"The signer's keys are not in it: keep {settings.keys.parent} safe besides.",
        ),
        err=True,
    )


@told
def restore(file: Copy, home: Home = None) -> None:
    """Put a copy in the place of the book, which is kept beside it; orders begin a new epoch."""
    from broadcaster.store.backup import restore as put_back

    settings = _settings(home)
    epoch = put_back(file, settings.book)
    kept = settings.book.with_name(settings.book.name + ".before")
    typer.echo(both(f"账本已恢复，第 {epoch} 纪。", f"The book was restored; this is epoch {epoch}."))
    if kept.exists():
        typer.echo(both(f"原来的账本在 {kept}。", f"The book that was there is {kept}."), err=True)


def _settings(home: Path | None) -> Settings:
    return Settings(home=home) if home else Settings()

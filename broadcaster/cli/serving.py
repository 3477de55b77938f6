"""Serving: the command ``up``, which runs the service."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from broadcaster.cli.failing import told
from broadcaster.cli.tongue import both
from broadcaster.settings import Settings


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up", help=both("运行服务，直到 Ctrl-C。", "Run the service until Ctrl-C."))(up)


@told
def up(
    home: Annotated[
        Path | None, typer.Option("--home", help=both("数据文件夹（VB_HOME）", "data folder (VB_HOME)"))
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help=both("监听地址（VB_HOST）", "address (VB_HOST)"))] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help=both("端口，0 为任意（VB_PORT）", "port; 0: any free one")),
    ] = None,
) -> None:
    """Run the service until it is interrupted or told to end; print where it is and the first administrator's link."""
    said = {name: value for name, value in {"home": home, "host": host, "port": port}.items() if value is not None}
    asyncio.run(_serve(Settings(**said)))  # type: ignore[arg-type] # pydantic checks each


async def _serve(settings: Settings) -> None:
    typer.echo(both(f"正在启动，数据在 {settings.home.resolve()} ……", f"Starting; data in {settings.home.resolve()} …"))
    from broadcaster.service import serve

    async with serve(settings) as running:
        loop = asyncio.get_running_loop()
        for one in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(one, running.stopped.set)
        typer.echo(both(f"服务地址：{running.url}", f"Service: {running.url}"))
        if running.first_link:
            typer.echo(
                both(
                    f"首次登录（管理员，一次有效，三天内）：{running.first_link}",
                    f"First sign-in (administrator; works once, for three days): {running.first_link}",
                )
            )
        typer.echo(both("Ctrl-C 结束。", "Ctrl-C ends it."))
        await running.stopped.wait()
        typer.echo(both("正在结束……", "Ending…"))

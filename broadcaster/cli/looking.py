"""Looking: the command ``status``, what is being said and who has heard it."""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from broadcaster.cli.asking import DEFAULT_URL, Service, Token, Url, asked
from broadcaster.cli.failing import told
from broadcaster.cli.tongue import both
from broadcaster.model.clock import SHANGHAI

EACH_SECONDS = 1.0
SHOWN = 12
STAGES = {
    "draft": ("草稿", "draft"),
    "submitted": ("待批", "submitted"),
    "approved": ("已批准", "approved"),
    "held": ("待定", "held"),
    "released": ("已发布", "released"),
    "sounding": ("正在播", "sounding"),
    "ended": ("已播完", "ended"),
    "stored": ("只存档", "stored"),
    "cancelled": ("已取消", "cancelled"),
    "withdrawn": ("已撤回", "withdrawn"),
}


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", help=both("正在播什么、谁听到了。", "What is being said, and who has heard it."))(status)


@told
def status(
    watch: Annotated[bool, typer.Option("--watch", help=both("持续显示，Ctrl-C 结束", "go on until Ctrl-C"))] = False,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Show the newest notices and alerts with their deliveries, and the loudspeakers."""
    console = Console()
    with asked(url, token) as service:
        if not watch:
            console.print(_picture(service))
            return
        with Live(_picture(service), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(EACH_SECONDS)
                live.update(_picture(service), refresh=True)


def _picture(service: Service) -> Group:
    origins = [*service.get("/alerts", limit=SHOWN), *service.get("/notices", limit=SHOWN)]
    speakers = service.get("/speakers")
    newest = sorted(origins, key=lambda one: str(one["made_at"]), reverse=True)[:SHOWN]
    return Group(_loudspeakers(speakers), _table(newest))


def _loudspeakers(speakers: list[dict[str, Any]]) -> Text:
    online = sum(bool(one["is_online"]) for one in speakers)
    faulty = sum(bool(one["faults"]) for one in speakers)
    return Text(
        both(
            f"喇叭 {len(speakers)} 只，在线 {online}，有故障 {faulty}",
            f"{len(speakers)} loudspeakers, {online} online, {faulty} with faults",
        )
    )


def _table(origins: Iterable[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in (
        both("时间", "Made"),
        both("标题", "Title"),
        both("到哪一步", "Stage"),
        both("村", "Villages"),
        both("送达", "Deliveries"),
        both("编号", "Id"),
    ):
        table.add_column(title, overflow="fold")
    for one in origins:
        made = datetime.fromisoformat(one["made_at"]).astimezone(SHANGHAI)
        stage = both(*STAGES.get(one["stage"], (one["stage"], one["stage"])))
        title = ("⚠ " if one["kind"] == "alert" else "") + one["title"]
        table.add_row(
            f"{made:%m-%d %H:%M}", Text(title), stage, str(len(one["villages"])), _deliveries(one), one["origin"]
        )
    return table


def _deliveries(origin: dict[str, Any]) -> str:
    rows = [row for village in origin["villages"] for row in village["deliveries"]]
    counted = Counter(row["outcome"] or row["rank"] for row in rows)
    return " ".join(f"{name} {count}" for name, count in counted.most_common())

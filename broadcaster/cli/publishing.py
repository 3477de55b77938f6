"""Publishing: the commands that speak to the villages, and those that silence them, over HTTP."""

import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from broadcaster.cli.asking import DEFAULT_URL, Service, Token, Url, asked
from broadcaster.cli.failing import OUT_OF_REACH, Failure, told
from broadcaster.cli.tongue import both
from broadcaster.model.area import covers
from broadcaster.model.clock import SHANGHAI

CAP_TYPE = "application/cap+xml"
LASTS = re.compile(r"(\d{1,4})([mhd])")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
NAMED = 5

Origin = Annotated[str, typer.Argument(help=both("通知或预警的编号", "id of the notice or alert"))]


def mount(app: typer.Typer) -> None:
    """Add the commands."""
    add = app.command
    add("publish", help=both("写一条通知并提交审批。", "Write a notice and lay it before the approvers."))(publish)
    add("approve", help=both("批准别人写的通知。", "Approve a notice that somebody else wrote."))(approve)
    add("release", help=both("发布已批准的通知或待定的预警。", "Let an approved notice or a held alert go."))(release)
    add("alert", help=both("送交一个 CAP 1.2 预警文件。", "Hand over a CAP 1.2 message."))(alert)
    add("cancel", help=both("取消一条通知或预警。", "Silence a notice or an alert for good."))(cancel)
    add("stop-all", help=both("全部停播（不影响下一条预警）。", "Silence everything; the next alert is not held up."))(
        stop_all
    )


@told
def publish(
    text: Annotated[str, typer.Argument(metavar="TEXT|@FILE", help=both("通知内容", "what is to be said"))],
    to: Annotated[
        list[str], typer.Option("--to", metavar="AREA", help=both("区划代码，可多次", "area code; repeatable"))
    ],
    title: Annotated[str, typer.Option("--title", help=both("标题", "title"))] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="2h|ISO", help=both("播到何时为止", "until when it may sound"))
    ] = "2h",
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=5, help=both("播几遍", "how often it is said"))] = 1,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Draft and submit a notice; say who will hear it and what is missing until it may sound."""
    form = {
        "title": title,
        "text": _text(text),
        "targets": to,
        "expires": until_when(until, datetime.now(UTC)).isoformat(),
        "repeat": repeat,
    }
    with asked(url, token) as service:
        drafted = service.post("/notices", form, key=str(uuid.uuid4()))
        revision = drafted["revision"]
        service.post(f"/notices/{revision['origin']}/revisions/{revision['revision']}/submit")
        typer.echo(revision["origin"])
        typer.echo(both("读作：", "Spoken: ") + revision["spoken"], err=True)
        for hint in drafted["hints"]:
            typer.echo(f"  {hint['written']} → {hint['spoken']}", err=True)
        typer.echo(_who(service, revision["targets"]), err=True)
    typer.echo(
        both(
            f"还缺：另一人批准 → broadcaster approve {revision['origin']}，再由非作者发布 → broadcaster release …",
            f"Missing: somebody else's approval (broadcaster approve {revision['origin']}), then a release, "
            "not by the author.",
        ),
        err=True,
    )


def _text(said: str) -> str:
    if not said.startswith("@"):
        return said
    try:
        return Path(said[1:]).read_text("utf-8").strip()
    except UnicodeDecodeError as error:
        raise Failure(
            both(f"{said[1:]} 不是 UTF-8 文本。", f"{said[1:]} is not text in UTF-8."),
            both("请另存为 UTF-8。", "Save it as UTF-8."),
            OUT_OF_REACH,
        ) from error


def until_when(said: str, now: datetime) -> datetime:
    """Read a length of time (``90m``, ``2h``, ``3d``) or a moment; one without an offset is the village's time.

    Raises:
        Failure: it is neither.
    """
    lasts = LASTS.fullmatch(said.strip())
    if lasts:
        return now + timedelta(**{UNITS[lasts[2]]: int(lasts[1])})
    try:
        at = datetime.fromisoformat(said)
    except ValueError as error:
        raise Failure(
            both(f"看不懂 --until {said}。", f"--until {said} cannot be understood."),
            both("写成 90m、2h、3d 或 2026-07-01T18:00。", "Write 90m, 2h, 3d or 2026-07-01T18:00."),
            OUT_OF_REACH,
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def _who(service: Service, targets: Sequence[str]) -> str:
    """Say who would hear what is said in these areas, from what the asker may see."""
    areas, speakers = service.get("/areas"), service.get("/speakers")
    villages = [a for a in areas if a["kind"] == "village" and any(covers(target, a["code"]) for target in targets)]
    codes = {village["code"] for village in villages}
    there = [speaker for speaker in speakers if speaker["village"] in codes]
    with_speaker = {speaker["village"] for speaker in there}
    counts = [village["people"] for village in villages]
    return _audience(
        {
            "villages": villages,
            "speakers": len(there),
            "speakers_offline": sum(not speaker["is_online"] for speaker in there),
            "people_text": "未录入" if None in counts else str(sum(counts)),
            "silent_villages": [village for village in villages if village["code"] not in with_speaker],
        }
    )


def _audience(found: dict[str, Any]) -> str:
    """Write who will hear something."""
    names = "、".join(village["name"] for village in found["villages"][:NAMED])
    more = "…" if len(found["villages"]) > NAMED else ""
    line = both(
        f"听众：{len(found['villages'])} 个村（{names}{more}），{found['speakers']} 只喇叭"
        f"（{found['speakers_offline']} 只离线），人口 {found['people_text']}",
        f"Will hear it: {len(found['villages'])} villages ({names}{more}), {found['speakers']} loudspeakers "
        f"({found['speakers_offline']} offline), people: {found['people_text']}",
    )
    silent = "、".join(village["name"] for village in found["silent_villages"])
    return line + (both(f"\n没有喇叭的村：{silent}", f"\nWithout a loudspeaker: {silent}") if silent else "")


@told
def approve(origin: Origin, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Show what is to be heard, and approve exactly that."""
    with asked(url, token) as service:
        found = service.get(f"/notices/{origin}")
        revision = _revision(found)
        typer.echo(f"{found['title']} — {found['author_name']}\n{revision['spoken']}", err=True)
        path = f"/notices/{origin}/revisions/{revision['revision']}/approve"
        service.post(path, {"content_sha256": revision["content_sha256"]})
    typer.echo(both("已批准。", "Approved."))


def _revision(found: dict[str, Any]) -> dict[str, Any]:
    revision: dict[str, Any] | None = found["revision"]
    if revision is None:
        raise Failure(both("它没有可播的内容。", "It holds nothing that could be said."))
    return revision


@told
def release(
    origin: Origin,
    sound_class: Annotated[
        str,
        typer.Option(
            "--class",
            metavar="emergency|routine",
            help=both("级别未知的预警按什么播", "how an alert of unknown severity is to sound"),
        ),
    ] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Let an approved notice or a held alert go, and say who will hear it from when."""
    with asked(url, token) as service:
        held = next((one for one in service.get("/alerts", limit=200) if one["origin"] == origin), None)
        if held:
            done = service.post(f"/alerts/{origin}/release", {"sound_class": sound_class or None})
        else:
            number = _revision(service.get(f"/notices/{origin}"))["revision"]
            # The same release asked again, by whatever accident, is the same release.
            done = service.post(f"/notices/{origin}/revisions/{number}/release", key=f"release-{origin}-{number}")
    typer.echo(both(f"{_clock(done['release_at'])} 起播。", f"It sounds from {_clock(done['release_at'])}."))
    typer.echo(_audience(done["audience"]))


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(SHANGHAI):%m-%d %H:%M:%S}"


FATES = {
    "planned": ("将播出", "It will sound"),
    "held": ("待人决定：broadcaster release", "Held until a person decides: broadcaster release"),
    "stored": ("只存档，不播出", "Stored; it never sounds"),
    "cancelled": ("已按它取消原预警", "What it cancels is cancelled"),
    "known": ("以前已收到过，不再播", "It had been taken before"),
}


@told
def alert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=both("CAP 1.2 文件", "a CAP 1.2 file"))],
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Hand over a CAP message as it is, and say what becomes of it and who will hear it."""
    content = file.read_bytes()
    with asked(url, token) as service:
        taken = service.post_bytes("/alerts", content, CAP_TYPE)
    typer.echo(taken["origin"])
    typer.echo(both(*FATES.get(taken["fate"], (taken["fate"], taken["fate"]))), err=True)
    for note in taken["notes"]:
        typer.echo(f"  - {note}", err=True)
    if taken["release_at"]:
        typer.echo(both(f"{_clock(taken['release_at'])} 起播。", f"From {_clock(taken['release_at'])}."), err=True)
    if taken["audience"]["villages"]:
        typer.echo(_audience(taken["audience"]), err=True)


@told
def cancel(origin: Origin, url: Url = DEFAULT_URL, token: Token = "") -> None:
    """Silence a notice or an alert for good, at once and alone."""
    with asked(url, token) as service:
        done = service.post(f"/origins/{origin}/cancel")
    count = len(done["villages"])
    typer.echo(both(f"已取消，涉及 {count} 个村。", f"Cancelled, in {count} villages."))


@told
def stop_all(
    area: Annotated[
        str, typer.Argument(metavar="[AREA]", help=both("区划代码；不写则为全镇", "area; else the town"))
    ] = "",
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Silence all that was issued before now in an area."""
    with asked(url, token) as service:
        done = service.post("/stop", {"area": area or _town(service)})
    typer.echo(
        both(
            f"已停播：{len(done['villages'])} 个村，{done['silenced']} 条；以后才播的 {len(done['staying'])} 条保留。",
            f"Stopped in {len(done['villages'])} villages: {done['silenced']} announcements; "
            f"{len(done['staying'])} planned for later stay.",
        )
    )


def _town(service: Service) -> str:
    towns = [area["code"] for area in service.get("/areas") if area["kind"] == "town"]
    if len(towns) != 1:
        raise Failure(
            both("这里不止一个乡镇。", "There is more than one town here."),
            both("写明区划代码：broadcaster stop-all AREA", "Say which: broadcaster stop-all AREA"),
            OUT_OF_REACH,
        )
    return str(towns[0])

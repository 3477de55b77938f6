"""People: the command ``token``, which makes somebody known and gives them a token."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broadcaster.cli.asking import DEFAULT_URL, Service, Token, Url, asked
from broadcaster.cli.failing import OUT_OF_REACH, REFUSED, Failure, told
from broadcaster.cli.tongue import both
from broadcaster.desk.rows import Role
from broadcaster.model.alert import Severity
from broadcaster.model.area import area_code
from broadcaster.model.errors import Invalid
from broadcaster.settings import Settings

if TYPE_CHECKING:
    from broadcaster.desk.authority import Asker
    from broadcaster.desk.office import Desk

Granted = tuple[Role, str, int]
KINDS = ("person", "service", "source")


def mount(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token", help=both("登记一个人或系统，并给它令牌。", "Make somebody known, and give them a token."))(
        token
    )


@told
def token(
    name: Annotated[str, typer.Argument(help=both("姓名或系统名", "name of the person or system"))],
    grant: Annotated[
        list[str],
        typer.Option(
            "--grant", metavar="ROLE@AREA[:SEVERITY]", help=both("权限，可多次", "what it may do; repeatable")
        ),
    ],
    kind: Annotated[str, typer.Option("--kind", metavar="|".join(KINDS), help=both("种类", "what it is"))] = "person",
    days: Annotated[int, typer.Option("--days", min=1, max=400, help=both("有效天数", "how long it is valid"))] = 90,
    sender: Annotated[
        str, typer.Option("--sender", help=both("预警来源的CAP发送者", "CAP sender of a source of alerts"))
    ] = "",
    hold_ms: Annotated[
        int, typer.Option("--hold-ms", min=0, max=600_000, help=both("收到后先等多久", "hold before it sounds"))
    ] = 10_000,
    pin_only: Annotated[
        str,
        typer.Option("--pin", metavar="ID", help=both("只登记网页上已绑定的来源", "only pin a source made on a page")),
    ] = "",
    home: Annotated[Path | None, typer.Option("--home", help=both("数据文件夹", "data folder"))] = None,
    url: Url = DEFAULT_URL,
    token: Token = "",
) -> None:
    """Print a new token, once; it is kept as a hash.

    With VB_TOKEN (an administrator's) the running service is asked; without, the book is opened here, which the
    service must not be using. With --sender it becomes a source of alerts, pinned in the signer's own limits file;
    with --pin besides, one that is known already is pinned, and no token is made.
    """
    settings = Settings(home=home) if home else Settings()
    grants = [read_grant(one) for one in grant]
    kind = "source" if sender else kind
    if kind not in KINDS:
        raise Failure(f"--kind {kind}", " | ".join(KINDS), OUT_OF_REACH)
    if sender:
        _check_pinnable(settings)
    if pin_only:
        _pin_only(settings, pin_only, sender, grants, hold_ms)
        return
    if token:
        with asked(url, token) as service:
            principal, secret = _over_http(service, name, kind, grants, days, sender, hold_ms)
    else:
        principal, secret = asyncio.run(_in_book(settings, name, kind, grants, days, sender, hold_ms))
    if sender:
        pin(settings, principal, sender, grants, hold_ms)
        typer.echo(_pinned(settings, is_running=bool(token)), err=True)
    typer.echo(
        both(f"{name}（{principal}）的令牌，只显示这一次：", f"Token of {name} ({principal}), shown this once:"),
        err=True,
    )
    typer.echo(secret)


def read_grant(said: str) -> Granted:
    """Read ``ROLE@AREA`` or ``ROLE@AREA:SEVERITY``.

    Raises:
        Failure: it is not written so, or role, area or severity do not exist.
    """
    role, _, rest = said.partition("@")
    area, _, severity = rest.partition(":")
    try:
        return Role(role), area_code(area), int(Severity.of_cap(severity.capitalize() or "Extreme"))
    except (ValueError, Invalid) as error:
        roles = " ".join(one.value for one in Role)
        raise Failure(
            both(f"看不懂 --grant {said}。", f"--grant {said} cannot be understood."),
            both(
                f"写成 draft@620723103 或 source@620723:Severe；权限有 {roles}。",
                f"Write draft@620723103 or source@620723:Severe; roles: {roles}.",
            ),
            OUT_OF_REACH,
        ) from error


def _check_pinnable(settings: Settings) -> None:
    from broadcaster.signing.limits import read_limits

    # Before anything is made: what cannot be pinned would be a source that never sounds.
    read_limits(settings.limits)


def pin(settings: Settings, principal: str, sender: str, grants: Sequence[Granted], hold_ms: int) -> None:
    """Name a source in the signer's limits file, where no web process can."""
    from broadcaster.signing.limits import Pinned, read_limits, write_limits

    mine = [one for one in grants if one[0] is Role.SOURCE]
    hold = timedelta(milliseconds=hold_ms)
    pinned = Pinned(
        sender,
        tuple(area for _, area, _ in mine),
        max((severity for *_, severity in mine), default=int(Severity.EXTREME)),
        least_hold=max(hold, timedelta(seconds=10)),
        extreme_hold=hold,
    )
    limits = read_limits(settings.limits)
    write_limits(settings.limits, replace(limits, sources={**limits.sources, principal: pinned}))


def _pin_only(settings: Settings, principal: str, sender: str, grants: Sequence[Granted], hold_ms: int) -> None:
    if not sender:
        raise Failure("--pin", both("同时写上 --sender。", "Give --sender too."), OUT_OF_REACH)
    pin(settings, principal, sender, grants, hold_ms)
    typer.echo(_pinned(settings, is_running=False), err=True)


def _pinned(settings: Settings, *, is_running: bool) -> str:
    where = both(f"已写入签名限制文件 {settings.limits}。", f"Pinned in the signer's limits, {settings.limits}.")
    again = both("签名进程马上生效。", "The signer takes it at once.")
    return f"{where} {again}" if is_running else where


def _over_http(
    service: Service, name: str, kind: str, grants: Sequence[Granted], days: int, sender: str, hold_ms: int
) -> tuple[str, str]:
    wanted = [{"role": role.value, "area": area, "max_severity": severity} for role, area, severity in grants]
    principal = str(service.post("/people", {"name": name, "kind": kind, "grants": wanted})["id"])
    if sender:
        areas = [area for role, area, _ in grants if role is Role.SOURCE]
        service.post("/sources", {"principal": principal, "sender": sender, "areas": areas, "hold_ms": hold_ms})
    return principal, str(service.post(f"/people/{principal}/tokens", {"days": days})["token"])


async def _in_book(
    settings: Settings, name: str, kind: str, grants: Sequence[Granted], days: int, sender: str, hold_ms: int
) -> tuple[str, str]:
    from broadcaster.cli.office import at_the_desk

    if not settings.book.is_file():
        raise Failure(
            both(f"{settings.home} 里没有账本。", f"There is no book in {settings.home}."),
            both(
                "先运行一次 broadcaster up，或用 --home / VB_HOME 指明数据文件夹。",
                "Run broadcaster up once, or say where the data is with --home or VB_HOME.",
            ),
            REFUSED,
        )
    async with AsyncExitStack() as stack:
        desk, asker = await stack.enter_async_context(at_the_desk(settings))
        return await make(desk, asker, name, kind, grants, days, sender, hold_ms)


async def make(
    desk: "Desk",
    asker: "Asker",
    name: str,
    kind: str,
    grants: Sequence[Granted],
    days: int = 90,
    sender: str = "",
    hold_ms: int = 10_000,
) -> tuple[str, str]:
    """Make somebody known by the desk's own use cases; return the principal's id and the token."""
    from broadcaster.desk import people
    from broadcaster.desk.rows import Source

    made = await people.make_person(desk, asker, name, kind, grants)
    if sender:
        areas = tuple(area for role, area, _ in grants if role is Role.SOURCE)
        await people.make_source(desk, asker, Source(made.id, sender, areas, hold_ms))
    return made.id, await people.make_token(desk, asker, made.id, days)

"""Staging: the demo town before the curtain: its settings, its people with their tokens, and what it will say."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from broadcaster import places
from broadcaster.cap.writing import write_alert
from broadcaster.cli.people import Granted, make, pin
from broadcaster.desk.rows import Role
from broadcaster.model.alert import (
    Alert,
    CapArea,
    CapScope,
    Category,
    Certainty,
    Geocode,
    Info,
    MsgType,
    ResponseType,
    Severity,
    Status,
    Urgency,
    spoken_frame,
)
from broadcaster.model.area import Area
from broadcaster.model.clock import SHANGHAI
from broadcaster.settings import Settings

SENDER = "linze.qxj@example.gov.cn"
SPEAKERS_EACH = 2
NOTICE_LASTS = timedelta(hours=2)
ALERT_LASTS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of those who act in the demo."""

    writer: str
    approver: str
    source: str
    enrol: str


def demo_settings(home: Path, host: str = "127.0.0.1", port: int = 0) -> Settings:
    """Return the demo town's settings: a real town's, but for the quiet hours, so that it sounds at any time of day."""
    return Settings(home=home, host=host, port=port, town=places.TOWN, quiet_start=time(0), quiet_end=time(0))


def villages() -> tuple[Area, ...]:
    """Return the demo town's villages."""
    return tuple(area for area in places.areas(town=places.TOWN) if area.kind == "village")


def speakers() -> tuple[tuple[str, str], ...]:
    """Return the demo town's loudspeakers: (id, village)."""
    return tuple((f"{one.code}-{n}", one.code) for one in villages() for n in range(1, SPEAKERS_EACH + 1))


async def cast(settings: Settings) -> Tokens:
    """Make the people and systems of the demo, by the desk's own use cases, before the service runs."""
    from broadcaster.cli.office import at_the_desk
    from broadcaster.service import prepare

    prepare(settings)
    town, county = settings.town, places.COUNTY
    source: list[Granted] = [(Role.SOURCE, county, int(Severity.EXTREME))]
    approver: list[Granted] = [(Role.APPROVE, town, 4), (Role.PUBLISH, town, 4), (Role.OPERATE, town, 4)]
    async with at_the_desk(settings) as (desk, asker):
        _, writer_token = await make(desk, asker, "宣传干事", "person", [(Role.DRAFT, town, 4)], days=1)
        _, approver_token = await make(desk, asker, "分管领导", "person", approver, days=1)
        source_id, source_token = await make(
            desk, asker, "临泽县气象台", "source", source, days=1, sender=SENDER, hold_ms=0
        )
        _, enrol_token = await make(desk, asker, "喇叭登记", "service", [(Role.ENROL, town, 4)], days=1)
    pin(settings, source_id, SENDER, source, 0)
    return Tokens(writer_token, approver_token, source_token, enrol_token)


def texts() -> Mapping[str, Mapping[str, Any]]:
    """Return what the demo town says."""
    return tomllib.loads(files(places.__name__).joinpath("demo.toml").read_text("utf-8"))


def notice_form(now: datetime) -> dict[str, Any]:
    """Return the notice as it is handed to the service."""
    said = texts()["notice"]
    targets = [village.code for village in villages()]
    expires = (now + NOTICE_LASTS).isoformat()
    return {"title": said["title"], "text": said["text"].strip(), "targets": targets, "expires": expires, "repeat": 1}


def flooded() -> tuple[str, ...]:
    """Return the villages that the alert is meant for."""
    return tuple(texts()["alert"]["villages"])


def flood_words() -> str:
    """Return what of the alert is read aloud."""
    return spoken_frame(_flood(datetime.now(SHANGHAI)))


def flash_flood(now: datetime) -> bytes:
    """Write the alert as a county's warning centre sends one: CAP 1.2, by administrative codes."""
    alert = Alert(
        identifier=f"{places.COUNTY}41600000_{now.astimezone(SHANGHAI):%Y%m%d%H%M%S}",
        sender=SENDER,
        sent=now.replace(microsecond=0),
        status=Status.ACTUAL,
        msg_type=MsgType.ALERT,
        scope=CapScope.PUBLIC,
        infos=(_flood(now),),
    )
    return write_alert(alert)


def _flood(now: datetime) -> Info:
    said = texts()["alert"]
    return Info(
        language="zh-CN",
        categories=(Category.GEO, Category.MET),
        event=said["event"],
        response_types=(ResponseType.EVACUATE,),
        urgency=Urgency.IMMEDIATE,
        severity=Severity.EXTREME,
        certainty=Certainty.OBSERVED,
        effective=now,
        expires=now + ALERT_LASTS,
        sender_name=said["sender_name"],
        headline=said["headline"],
        description=said["description"],
        instruction=said["instruction"],
        areas=(CapArea(said["area"], tuple(Geocode("AdministrativeDivisionCode", code) for code in flooded())),),
    )

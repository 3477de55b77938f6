"""Happenings: lines of the log as they may be told, and the words for them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from broadcaster.desk.ports import Entry
from broadcaster.model.clock import moment
from broadcaster.model.delivery import Rank
from broadcaster.web.api.shapes import local
from broadcaster.web.words import Language

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log, as it may be told. `villages`: where it happens; who sees none of them is not told."""

    seq: int
    type: str
    villages: tuple[str, ...]
    facts: Mapping[str, Any]


def happening(line: Entry) -> Happening:
    """Read a line of the log, in the form of the wire's records or of plain events.

    One that cannot be read is told to nobody, and holds up nobody.
    """
    try:
        body: dict[str, Any] = json.loads(line.body)
    except ValueError:
        _log.error("unreadable line in the log", seq=line.seq, type=line.type)
        body = {}
    facts = {**body, **(body.get("payload") or {})}
    villages = [facts["village"]] if facts.get("village") else list(facts.get("villages") or ())
    return Happening(line.seq, line.type.rsplit(".v", 1)[0], tuple(villages), facts)


WORDS: dict[str, dict[Language, str]] = {
    "announcement.planned": {"zh": "已安排播出", "en": "Planned"},
    "announcement.released": {"zh": "已放行", "en": "Released"},
    "announcement.superseded": {"zh": "已被新版代替", "en": "Superseded"},
    "announcement.cancelled": {"zh": "已取消", "en": "Cancelled"},
    "notice.released": {"zh": "通知已发布", "en": "Notice released"},
    "origin.cancelled": {"zh": "已撤回", "en": "Withdrawn"},
    "pending": {"zh": "等待发送", "en": "Waiting"},
    "sent": {"zh": "已发送", "en": "Sent"},
    "accepted": {"zh": "喇叭已收到", "en": "Received"},
    "started": {"zh": "正在播放", "en": "Sounding"},
    "no_receipt": {"zh": "没有回执", "en": "No receipt"},
    "played": {"zh": "已播完", "en": "Played"},
    "partly_played": {"zh": "只播了一部分", "en": "Partly played"},
    "interrupted": {"zh": "播放中断", "en": "Interrupted"},
    "cancelled": {"zh": "已取消", "en": "Cancelled"},
    "superseded": {"zh": "已被新版代替", "en": "Superseded"},
    "expired": {"zh": "过期未播", "en": "Expired unheard"},
    "refused": {"zh": "喇叭拒绝", "en": "Refused"},
    "muted": {"zh": "静音，没有人听到", "en": "Muted: nobody heard it"},
}
TOLD = frozenset({*(name for name in WORDS if "." in name), "delivery.changed"})


def frame(one: Happening, language: Language) -> bytes:
    """Write a happening as one event of a stream."""
    facts = one.facts
    told = {
        "seq": one.seq,
        "type": one.type,
        "origin": facts.get("origin") or facts.get("origin_id"),
        "revision": facts.get("revision"),
        "announcement": facts.get("announcement"),
        "villages": list(one.villages),
        "target": facts.get("target"),
        "rank": rank_name(facts),
        "outcome": facts.get("outcome"),
        "reason": facts.get("reason"),
        "heard_ms": facts.get("heard_ms"),
        "at": _at(facts.get("at")),
        "text": _text(one, language),
    }
    return sse(one.type, {name: value for name, value in told.items() if value is not None}, one.seq)


def rank_name(facts: Mapping[str, Any]) -> str | None:
    """Return how far a delivery has come, in the word of the JSON interface."""
    return Rank(facts["rank"]).name.lower() if facts.get("rank") is not None else None


def _at(ms: Any) -> str | None:
    return local(moment(ms)) if isinstance(ms, int) else None


def _text(one: Happening, language: Language) -> str:
    name = one.facts.get("outcome") or rank_name(one.facts) or one.type
    return WORDS.get(name, {}).get(language, name)


def changes_pages(one: Happening) -> bool:
    """Tell whether the pages of its villages read differently after it."""
    is_heard = one.type == "delivery.changed" and one.facts.get("rank", 0) >= Rank.STARTED
    return is_heard or one.type.startswith("announcement.")


def village_frame(one: Happening, village: str) -> bytes | None:
    """Write for everybody that a village's page has changed, and no more; None where it has not."""
    if village not in one.villages or not changes_pages(one):
        return None
    return sse("village.changed", {"village": village}, one.seq)


def sse(name: str, told: Mapping[str, Any], seq: int | None = None) -> bytes:
    """Write one event of a stream."""
    number = "" if seq is None else f"id: {seq}\n"
    return f"{number}event: {name}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n".encode()

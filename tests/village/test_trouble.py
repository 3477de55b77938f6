"""Trouble: what fails for a while fails alone, and the town goes on."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from broadcaster.desk import stopping
from broadcaster.desk.overview import on_air
from broadcaster.desk.ports import LogPen
from broadcaster.model.delivery import Outcome
from broadcaster.model.errors import OutOfReach
from broadcaster.model.precedence import Lane
from broadcaster.signing import signer
from broadcaster.wiring import TownStudio
from tests.village.town import Village, cap

pytestmark = pytest.mark.virtual


@pytest.mark.parametrize("code", ["book_full", "book_busy"])
async def test_a_busy_book_ends_nothing(village: Village, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """
    Every loop of the town asks the book; for a minute half of all its answers are "not now".
    """
    await village.has_horns(2)
    book, answers = village.town.book, iter(range(10**9))
    write, read = book.write, book.read

    async def busy(asked: Callable[..., Any], *args: Any) -> Any:
        if next(answers) % 2:
            raise OutOfReach(code)
        return await asked(*args)

    async def busy_write(lane: Lane, job: Callable[[LogPen], Any]) -> Any:
        return await busy(write, lane, job)

    monkeypatch.setattr(book, "write", busy_write)
    monkeypatch.setattr(book, "read", lambda query: busy(read, query))
    await village.passes(seconds=60)
    monkeypatch.undo()
    origin = await village.publishes("今晚停水。")
    await village.passes(seconds=60)

    assert not village.is_over
    assert [one.outcome for one in await village.deliveries(origin)] == [Outcome.PLAYED] * 2


async def test_one_loudspeaker_that_talks_nonsense_silences_no_other(village: Village) -> None:
    """
    It speaks of orders that nobody gave, and in numbers that nobody can count.
    """
    horns = await village.has_horns(2)
    nonsense = [
        *({"type": "accepted", "id": f"{n}", "order": f"unknown-{n}", "at": 1} for n in range(30)),
        {"type": "done", "id": "30", "order": "unknown", "at": float("inf"), "outcome": "played"},
        {"type": "done", "id": "31", "order": "unknown", "at": float("nan"), "outcome": "played"},
        {"type": "started", "id": "32", "order": "unknown", "at": 10**30, "repeat_no": 10**30},
        {"type": "done", "id": "33", "order": "unknown", "at": 1, "audio_sha256": ["no", "text"]},
        {"type": "heartbeat", "volume": float("inf"), "clock_error_ms": float("nan")},
        {"type": "progress", "order": "unknown", "heard_ms": float("inf"), "waiting_for": {}},
    ]
    answers = await village.town.ear.heard(horns[0].id, nonsense)
    origin = await village.publishes("今晚停水。")
    await village.passes(seconds=60)

    assert answers[0] == {"type": "got", "receipts": [f"{n}" for n in range(34)]}
    assert village.town.watch.dropped == {"order_unknown": 30, "unreadable": 4}
    assert village.town.engine.paused == {}
    assert [one.outcome for one in await village.deliveries(origin)] == [Outcome.PLAYED] * 2


async def test_a_loudspeaker_is_not_believed_about_another_village(village: Village) -> None:
    horns = await village.has_horns()
    here, elsewhere = horns[0], next(horn for horn in horns if horn.village != horns[0].village)
    origin = await village.publishes("今晚停水。", targets=(here.village,))
    await village.passes(seconds=12)
    play = next(one for one in await village.orders() if one.kind == "play")

    said = {"type": "done", "id": "x", "order": play.id, "at": 1, "outcome": "played", "heard_ms": 5}
    answers = await village.town.ear.heard(elsewhere.id, [said])
    await village.passes(seconds=60)

    assert answers == [{"type": "got", "receipts": ["x"]}]
    assert village.town.watch.dropped == {"order_foreign": 1}
    assert elsewhere.id not in {one.target for one in await village.deliveries(origin)}


async def test_a_retired_loudspeaker_falls_silent_and_stays_away(village: Village) -> None:
    horns = await village.has_horns(2)
    await village.retires(horns[0])
    await village.passes(seconds=10)
    await village.publishes("今晚停水。")
    await village.passes(seconds=60)

    assert village.desk.line.online() == {horns[1].id}
    assert [len(horn.sounded()) for horn in horns] == [0, 1]


async def hangs(*_: object, **__: object) -> None:
    await asyncio.Event().wait()


async def is_away(*_: object, **__: object) -> None:
    raise OutOfReach("voice_away")


@pytest.mark.parametrize(("voice", "seconds"), [(hangs, 45), (is_away, 5)], ids=["hangs", "is away"])
async def test_an_alert_whose_voice_fails_sounds_with_the_stock_phrase(
    village: Village, monkeypatch: pytest.MonkeyPatch, voice: Callable[..., Any], seconds: float
) -> None:
    horns = await village.has_horns(2)
    stock = await village.desk.studio.stock(Lane.ALERT)
    monkeypatch.setattr(TownStudio, "record", voice)
    taken = await village.receives(cap("flood-1", at=village.clock.now()))
    await village.passes(seconds=seconds)

    assert [[one.sha256 for one in horn.sounded()] for horn in horns] == [[stock.sha256]] * 2
    shown = await village.desk.book.read(lambda state: on_air(state, horns[0].village, village.clock.now()))
    assert [(one.origin.id, one.is_stock) for one in shown] == [(taken.origin, True)]


async def test_a_notice_waits_for_its_voice(village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
    horns = await village.has_horns(2)
    await village.desk.studio.stock(Lane.NOTICE)
    monkeypatch.setattr(TownStudio, "record", is_away)
    await village.publishes("今晚停水。")
    await village.passes(seconds=60)
    before = [horn.sounded() for horn in horns]
    monkeypatch.undo()
    await village.passes(seconds=60)

    assert before == [[], []]
    assert await village.heard_everywhere() == [["今晚停水。"]] * 2


async def test_a_stop_that_cannot_name_all_it_silenced_forgets_no_end(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (stopping, signer):
        monkeypatch.setattr(module, "MOST_CANCELS", 1)
    horns = await village.has_horns(2)
    origins = [await village.publishes(f"{text}通知。" * 9, repeat=3) for text in ("停水", "停电", "停课")]
    await village.passes(seconds=20)
    await village.switch_off(horns[0])
    await village.stops()
    await village.passes(seconds=20)
    village.switch_on(horns[0])
    await village.passes(seconds=60)

    ends = [[one.outcome for one in await village.deliveries(origin)] for origin in origins]
    assert ends == [[Outcome.CANCELLED] * 2] * 3


async def test_a_stop_pressed_while_the_clock_was_ahead_holds_up_no_alert_after_it(village: Village) -> None:
    village.clock.offset = timedelta(hours=1)
    horns = await village.has_horns(2)
    await village.stops()
    await village.passes(seconds=20)
    village.clock.offset = timedelta()
    await village.receives(cap("flood-1", at=village.clock.now(), lasts=timedelta(hours=3)))
    await village.passes(seconds=60)

    assert [len(horn.sounded()) for horn in horns] == [1, 1]

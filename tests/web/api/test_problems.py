"""Problems: every one has words in both languages that say what to do next."""

import re
from pathlib import Path

import pytest

from broadcaster.desk.rows import Role
from broadcaster.model.errors import OutOfReach
from broadcaster.web.words import LANGUAGES, WORDS, in_words, language_of
from tests.virtual import VirtualClock
from tests.web.api.town import TOWN, Town, notice

HOUSE = Path(__file__).parents[3] / "broadcaster"
RAISED = re.compile(r"\b(?:Refused|Invalid|NotAllowed|Conflict|NotFound|OutOfReach)\(\s*\"([a-z_]+)\"")
BROKEN_FORM = {
    "text_missing",
    "text_long",
    "targets_missing",
    "window_over",
    "window_backwards",
    "window_long",
    "repeat_range",
}
"""Codes that `check_notice` picks from a table."""


def raised() -> set[str]:
    """Return every code raised where a request can come to."""
    sources = [path for room in ("desk", "model", "cap", "web") for path in (HOUSE / room).rglob("*.py")]
    found = {code for path in sources for code in RAISED.findall(path.read_text())}
    assert len(found) > 40
    return found | BROKEN_FORM | {"unreadable", "signer_away", "line_down", "book_full", "book_broken"}


# The consoles' own: said on their pages, in their words.
PAGES_OWN = {code for path in (HOUSE / "web" / "console").rglob("*.py") for code in RAISED.findall(path.read_text())}


@pytest.mark.parametrize("code", sorted(raised() - PAGES_OWN))
def test_a_code_that_is_raised_has_words_in_both_languages(code: str) -> None:
    assert code in WORDS

    for language in LANGUAGES:
        title, step = in_words(code, {}, language)
        assert title
        assert step
        assert (re.search("[一-鿿]", title + step) is not None) == (language == "zh")


def test_the_languages_name_the_same_facts() -> None:
    for code, words in WORDS.items():
        zh, en = (set(re.findall(r"\{(\w+)\}", " ".join(text))) for text in (words.zh, words.en))
        assert zh == en, code


@pytest.mark.parametrize(
    ("accept", "chosen", "language"),
    [
        ("", None, "zh"),
        ("en-GB,en;q=0.9", None, "en"),
        ("fr, en;q=0.5, zh;q=0.7", None, "zh"),
        ("de", None, "zh"),
        ("en", "zh", "zh"),
        ("zh;q=0, en;q=nonsense", None, "zh"),
    ],
)
def test_the_language_is_the_one_chosen_or_the_browsers(accept: str, chosen: str | None, language: str) -> None:
    assert language_of(accept, chosen) == language


async def test_a_problem_says_what_and_what_next_in_the_askers_language(town: Town, clock: VirtualClock) -> None:
    client = await town.somebody("clerk", (Role.DRAFT, TOWN))
    long = notice(clock, text="长" * 2_001)

    zh = await client.post("/api/v1/notices", json=long)
    en = await client.post("/api/v1/notices", json=long, headers={"Accept-Language": "en"})

    assert zh.headers["content-type"] == en.headers["content-type"] == "application/problem+json"
    assert (zh.json()["title"], zh.json()["detail"]) == ("内容太长", "请缩短到 2000 字以内，或分成几条。")
    assert en.json()["title"] == "The text is too long"
    assert en.json()["type"] == "/problems/text_long"
    assert (en.json()["status"], en.json()["code"], en.json()["longest"]) == (422, "text_long", 2000)


async def test_what_the_framework_refuses_is_a_problem_too(town: Town) -> None:
    client = await town.somebody("clerk", (Role.DRAFT, TOWN))

    unread = await client.post("/api/v1/notices", json={"text": 3, "more": 1})
    broken = await client.post("/api/v1/notices", content=b"{", headers={"Content-Type": "application/json"})
    nowhere = await client.get("/api/v1/nowhere")
    wrong_way = await client.delete("/api/v1/areas")

    answers = (unread, broken, nowhere, wrong_way)
    assert [answer.status_code for answer in answers] == [422, 422, 404, 405]
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert {"text", "targets", "expires", "more"} <= set(unread.json()["fields"])
    assert wrong_way.headers["allow"] == "GET"


async def test_what_cannot_be_done_now_says_when_to_come_back(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await town.somebody("clerk", (Role.DRAFT, TOWN))

    async def broken(*_: object) -> None:
        raise OutOfReach("book_broken", why="disk full", path="/var/lib/book.db")

    monkeypatch.setattr(type(town.desk.book), "look", broken)
    answer = await client.get("/api/v1/areas")

    assert (answer.status_code, answer.json()["code"]) == (503, "book_broken")
    assert int(answer.headers["retry-after"]) > 0
    assert "disk" not in answer.text
    assert "/var" not in answer.text


async def test_the_whole_catalogue_can_be_read(town: Town) -> None:
    client = town.client()
    catalogue = (await client.get("/problems")).json()

    assert (await client.get("/problems/own_work")).json() == catalogue["own_work"]
    assert (await client.get("/problems/cap_not_xml")).json() == catalogue["cap"]
    assert (await client.get("/problems/never_heard_of")).status_code == 404
    assert catalogue["own_work"]["en"]["title"] == "Nobody approves or releases their own text"


async def test_what_nobody_foresaw_is_answered_without_its_inside(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await town.somebody("clerk", (Role.DRAFT, TOWN))

    async def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(type(town.desk.book), "look", broken)
    answer = await client.get("/api/v1/areas")

    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert "secret" not in answer.text

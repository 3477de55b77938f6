"""The catalogue: every word in both languages, and no page that asks for another."""

import re
from pathlib import Path
from string import Formatter

import pytest

from broadcaster.web import rendering
from broadcaster.web.console.words import PROBLEMS, WORDS

TEMPLATES = sorted((rendering.HERE / "templates").rglob("*.html"))
ASKED = re.compile(r"""\bt\(\s*"([a-z0-9_.]+)"\s*([,)~])""")
MADE = re.compile(r"""["']((?:why|write|rank|outcome|reason|nav|slip|role|severity)\.[a-z0-9_.]+)["']""")


def places(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


@pytest.mark.parametrize("key", [*WORDS, *PROBLEMS])
def test_each_thing_is_said_in_both_languages_with_the_same_facts(key: str) -> None:
    chinese, english = (WORDS.get(key) or PROBLEMS[key])[:2]

    assert chinese.strip()
    assert english.strip()
    assert places(chinese) == places(english) or key == "time.moment"  # months have names in English
    assert not re.search(r"[\u4e00-\u9fff]", english) or key == "lang.other"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_asks_only_for_words_that_are_known(template: Path) -> None:
    for key, then in ASKED.findall(template.read_text()):
        known = any(word.startswith(key) for word in WORDS) if then == "~" else key in WORDS
        assert known, f"{key} in {template.name}"


def test_keys_that_the_code_makes_are_known() -> None:
    code = "".join(path.read_text() for path in (rendering.HERE / "console").glob("*.py") if path.name != "words.py")

    assert {key for key in MADE.findall(code) if not key.endswith(".")} <= set(WORDS)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words_of_its_own(template: Path) -> None:
    shown = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", template.read_text(), flags=re.DOTALL)

    assert not re.search(r"[\u4e00-\u9fff]", shown)

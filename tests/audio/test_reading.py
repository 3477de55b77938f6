"""What is written is read as a broadcaster would read it, or refused with its place."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.errors import Unreadable
from audio.reading import Reading, read, sentences
from audio.reading.numbers import cardinal

SAYABLE = re.compile(r"[\u4e00-\u9fff，。！？；：、]+")
TABLE = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "samples/reading.tsv").read_text(encoding="utf-8").splitlines()
]
REFUSED = {
    "东区-3号楼": "-",
    "气温—12℃": "—",
    "降温8--10℃": "-",
    "最低水位-5m": "-",
    "- 3℃": "-",
    "编号1-3-5": "-",
    "请看http://a.com/b": "http://a.com/b",
    "邮箱abc@163.com": "abc@163.com",
    "say hello": "say",
    "下载速度100Mbps": "100Mbps",
    "版本1.2.3": "1.2.3",
    "笑😀": "😀",
    "比例尺1:100:3": ":",
    "𠮷祥": "𠮷",
    "第1,2,3组": "1,2,3",
    "a*b": "*",
    "8/10": "/",
}


@pytest.mark.parametrize(("written", "spoken"), TABLE, ids=[written[:24] for written, _ in TABLE])
def test_every_sample_is_read_as_the_table_says(written: str, spoken: str) -> None:
    assert read(written).spoken == spoken


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(TABLE) >= 120


@pytest.mark.parametrize(("written", "culprit"), REFUSED.items())
def test_what_has_no_sure_reading_is_refused_with_its_place(written: str, culprit: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(written)

    assert written[refusal.value.start : refusal.value.end].startswith(culprit)
    assert refusal.value.text == written
    assert "write" in refusal.value.what or "say" in refusal.value.what


@pytest.mark.parametrize("written", ["", "   ", "……", "\u200b", "。！"])
def test_a_text_with_nothing_to_say_is_refused(written: str) -> None:
    with pytest.raises(Unreadable, match="nothing to say"):
        read(written)


def test_what_cannot_be_seen_is_not_read() -> None:
    hidden = "气\u200b温\ufeff-\u202e12℃\x00"

    assert read(hidden).spoken == "气温零下十二摄氏度"


def test_a_place_counts_in_the_text_as_it_was_written() -> None:
    with pytest.raises(Unreadable) as refusal:
        read("㎏\u200b１２㎏，😀")

    assert (refusal.value.start, refusal.value.end) == (0, 1)


def test_hints_show_the_author_what_will_be_said_and_where() -> None:
    written = "今晚－12℃，请拨打１１９。"

    hints = read(written).hints

    assert [(hint.written, hint.spoken, hint.rule) for hint in hints] == [
        ("－12℃", "零下十二摄氏度", "temperature"),
        ("１１９", "幺幺九", "telephone"),
    ]
    assert all(written[hint.start : hint.end] == hint.written for hint in hints)


def test_several_threads_read_the_same() -> None:
    with ThreadPoolExecutor(4) as threads:
        readings = list(threads.map(lambda _: read("三立方分米即3dm³").spoken, range(40)))

    assert set(readings) == {"三立方分米即三立方分米"}


@given(st.text(st.one_of(st.characters(), st.sampled_from("0123456789-~.,:/%℃年月日时点号米元第共到至，。（）ABmk"))))
@settings(max_examples=300, deadline=None)
def test_whatever_is_typed_is_read_or_refused(written: str) -> None:
    outcome = _read_or_refused(written)

    if isinstance(outcome, Unreadable):
        assert 0 <= outcome.start <= outcome.end <= len(written)
        return
    spoken = outcome.spoken
    assert SAYABLE.fullmatch(spoken)
    assert read(spoken).spoken == spoken
    assert "".join(sentences(spoken)) == spoken


def _read_or_refused(written: str) -> Reading | Unreadable:
    try:
        return read(written)
    except Unreadable as refusal:
        return refusal


NUMBERS = st.one_of(
    st.integers(0, 10**8).map(str),
    st.integers(1000, 10**7).map("{:,}".format),
    st.decimals(0, 10_000, places=2).map(str),
)
SHAPES = st.sampled_from(
    ["共{}户", "气温-{}℃。", "约{}～{}mm", "补助{}元", "占{}%", "{}-{}人", "{}:{}",
     "第{}号", "拨打{}", "{}/{}", "{}km/h",
     "{}年{}月{}日", "国道{}线",
     "K{}+{}", "[{}]{}号", "{}x{}", "(-{}~{}℃)", "￥{}万", "{}、{}及{}", "{} {}"]
)  # fmt: skip


@given(SHAPES, st.lists(NUMBERS, min_size=3, max_size=3))
@settings(max_examples=300, deadline=None)
def test_every_figure_in_a_notice_is_heard_or_the_notice_is_refused(shape: str, numbers: list[str]) -> None:
    notice = "各位村民，" + shape.format(*numbers) + "，请注意。"
    outcome = _read_or_refused(notice)

    if isinstance(outcome, Unreadable):
        assert re.search(r"\d", notice[max(outcome.start - 1, 0) : outcome.end + 2])
        return
    spoken = outcome.spoken
    assert SAYABLE.fullmatch(spoken)
    assert len(re.findall(r"[零一二三四五六七八九十百千万亿两幺点]+", spoken)) >= 1
    assert ("零下" in spoken or "负" in spoken) == ("-" in shape and "℃" in shape)


@given(st.integers(0, 10**15))
@settings(max_examples=300)
def test_a_cardinal_says_its_number(number: int) -> None:
    assert _value(cardinal(str(number))) == number


def _value(said: str) -> int:
    """The number that a listener hears."""
    for word, power in (("万亿", 10**12), ("亿", 10**8), ("万", 10**4)):
        head, found, rest = said.partition(word)
        if found:
            return _value(head) * power + (_value(rest) if rest else 0)
    total = digit = 0
    for character in said:
        if character in "十百千":
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
        else:
            digit = "零一二三四五六七八九".find(character) if character != "两" else 2
    return total + digit


def test_sentences_end_where_a_speaker_breathes() -> None:
    assert sentences("请注意。今晚停水！几点？八点；到十点，共两小时。") == (
        "请注意。",
        "今晚停水！",
        "几点？",
        "八点；",
        "到十点，共两小时。",
    )


def test_no_sentence_is_longer_than_one_breath() -> None:
    long = "请各位村民做好防范，" * 20 + "注意" * 100 + "。"

    parts = sentences(long)

    assert max(map(len, parts)) <= 60
    assert min(map(len, parts)) > 1
    assert "".join(parts) == long

"""From a text to a finished recording on the shelf."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from audio import encoding
from audio.errors import SpeechError, VoiceFailed, VoiceOutOfReach
from audio.loudness import loudness
from audio.studio import _PREVIEWS, _ROUTINE, Studio
from audio.voices.port import Samples
from audio.voices.tone import ToneVoice
from tests.audio.sounds import likeness

TEXT = "各位村民请注意，今晚八点有暴雨。请马上转移到村委会二楼避险！"
OTHER = "明天上午九点停水。请各家各户提前储水，恢复时间另行通知！"


class FailingVoice(ToneVoice):
    """Fails at sentences that hold a word."""

    def __init__(self, word: str, error: SpeechError) -> None:
        super().__init__(name="failing")
        self._word = word
        self._error = error

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        if self._word in sentence:
            raise self._error
        return await super().say(sentence, urgent=urgent)


class SlowVoice(ToneVoice):
    """Waits for a sign before each sentence, and counts how many it is asked at once."""

    def __init__(self) -> None:
        super().__init__(name="slow")
        self.go = asyncio.Event()
        self.two_wait = asyncio.Event()
        self.at_once = 0
        self.most_at_once = 0
        self.urgent: list[bool] = []

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        self.urgent.append(urgent)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.at_once == 2:
            self.two_wait.set()
        try:
            await self.go.wait()
            return await super().say(sentence, urgent=urgent)
        finally:
            self.at_once -= 1


class ShortVoice(ToneVoice):
    """Breaks off without saying so."""

    async def say(self, sentence: str, *, urgent: bool) -> Samples:
        return (await super().say(sentence, urgent=urgent))[:6_000]


async def test_a_recording_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    studio = Studio([ToneVoice()], tmp_path)

    recording = await studio.record(TEXT, urgent=True)

    content = studio.path(recording.sha256).read_bytes()
    assert hashlib.sha256(content).hexdigest() == recording.sha256
    assert (recording.codec, recording.bytes, recording.voice) == ("opus", len(content), "tone")
    assert recording.ms == len(encoding.decode(content)) * 1000 // 24_000


async def test_every_recording_is_as_loud_as_the_next(tmp_path: Path) -> None:
    studio = Studio([ToneVoice()], tmp_path)

    recordings = [await studio.record(text, urgent=False) for text in (TEXT, OTHER)]

    heard = [encoding.decode(studio.path(recording.sha256).read_bytes()) for recording in recordings]
    assert [recording.lufs for recording in recordings] == pytest.approx([-16, -16], abs=0.1)
    assert [loudness(sound, 24_000) for sound in heard] == pytest.approx([-16, -16], abs=0.5)


async def test_the_same_text_in_the_same_voice_is_the_same_file_on_any_machine(tmp_path: Path) -> None:
    first = await Studio([ToneVoice()], tmp_path / "one").record(TEXT, urgent=True)
    again = await Studio([ToneVoice()], tmp_path / "two").record(TEXT, urgent=False)

    assert first == again


async def test_two_texts_do_not_sound_alike(tmp_path: Path) -> None:
    studio = Studio([ToneVoice()], tmp_path)
    one, other = [
        encoding.decode(studio.path((await studio.record(text, urgent=True)).sha256).read_bytes())
        for text in (TEXT, OTHER)
    ]

    assert likeness(one, one) == pytest.approx(1)
    assert likeness(one, other) < 0.5


async def test_what_was_said_before_is_not_said_again(tmp_path: Path) -> None:
    voice = ToneVoice()
    await Studio([voice], tmp_path).record(TEXT, urgent=True)
    said = len(voice.said)

    await Studio([voice], tmp_path).record(TEXT, urgent=True)

    assert len(voice.said) == said == 2


@pytest.mark.parametrize("error", [VoiceFailed("no"), VoiceOutOfReach("dead")])
async def test_there_are_never_two_voices_in_one_recording(tmp_path: Path, error: SpeechError) -> None:
    second = ToneVoice(name="second")

    recording = await Studio([FailingVoice("避险", error), second], tmp_path).record(TEXT, urgent=True)

    assert recording.voice == "second"
    assert "".join(second.said) == TEXT


async def test_a_voice_that_breaks_off_is_replaced(tmp_path: Path) -> None:
    recording = await Studio([ShortVoice(), ToneVoice(name="second")], tmp_path).record(TEXT, urgent=True)

    assert recording.voice == "second"


async def test_where_a_voice_may_come_back_the_text_is_tried_later(tmp_path: Path) -> None:
    voices = [FailingVoice("", VoiceOutOfReach("dead")), FailingVoice("", VoiceFailed("no"))]

    with pytest.raises(VoiceOutOfReach, match=r"dead.*no"):
        await Studio(voices, tmp_path).record(TEXT, urgent=True)


async def test_where_no_voice_ever_can_the_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoiceFailed):
        await Studio([FailingVoice("", VoiceFailed("no"))], tmp_path).record(TEXT, urgent=True)


async def test_a_sentence_that_comes_twice_is_said_once(tmp_path: Path) -> None:
    voice = ToneVoice()

    recording = await Studio([voice], tmp_path).record("请注意！今晚停水。请注意！", urgent=True)

    assert voice.said == ["请注意！", "今晚停水。"]
    assert recording.ms > 2_000


async def test_two_who_want_the_same_text_share_one_synthesis(tmp_path: Path) -> None:
    voice = SlowVoice()
    studio = Studio([voice], tmp_path)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(studio.record(TEXT, urgent=False)) for _ in range(5)]
        await asyncio.sleep(0.05)
        voice.go.set()

    assert len({task.result() for task in tasks}) == 1
    assert len(voice.said) == 2


async def test_an_alert_hurries_a_text_that_is_being_recorded(tmp_path: Path) -> None:
    voice = SlowVoice()
    studio = Studio([voice], tmp_path)

    async with asyncio.TaskGroup() as group:
        group.create_task(studio.record("一。二。三。四。", urgent=False))
        await voice.two_wait.wait()
        group.create_task(studio.record("一。二。三。四。", urgent=True))
        await asyncio.sleep(0)
        voice.go.set()

    assert voice.urgent == [False, False, True, True]


async def test_if_the_first_gives_up_the_second_records_it(tmp_path: Path) -> None:
    voice = SlowVoice()
    studio = Studio([voice], tmp_path)
    first = asyncio.create_task(studio.record(TEXT, urgent=False))
    await voice.two_wait.wait()
    second = asyncio.create_task(studio.record(TEXT, urgent=False))
    await asyncio.sleep(0)

    first.cancel()
    voice.go.set()

    assert (await second).voice == "slow"


async def test_a_long_text_asks_for_two_sentences_at_a_time(tmp_path: Path) -> None:
    voice = SlowVoice()
    voice.go.set()

    await Studio([voice], tmp_path).record("一。二。三。四。五。六。七。八。", urgent=False)

    assert voice.most_at_once <= 2
    assert "".join(voice.said) == "一。二。三。四。五。六。七。八。"


async def test_the_mp3_is_made_when_it_is_asked_for(tmp_path: Path) -> None:
    studio = Studio([ToneVoice()], tmp_path)
    recording = await studio.record(TEXT, urgent=True)

    mp3 = await studio.mp3(recording.sha256)

    opus = encoding.decode(studio.path(recording.sha256).read_bytes())
    assert likeness(encoding.decode(mp3.read_bytes()), opus) > 0.9
    assert await studio.mp3(recording.sha256) == mp3


async def test_many_who_ask_for_the_same_mp3_at_once_share_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A whole village touches "listen" when an alert comes; each conversion takes a core for a second.
    """
    made: list[Path] = []

    def convert(_opus: Path, mp3: Path) -> None:
        made.append(mp3)
        mp3.write_bytes(b"mp3")

    monkeypatch.setattr("audio.studio._convert", convert)
    studio = Studio([ToneVoice()], tmp_path)
    recording = await studio.record(TEXT, urgent=False)
    async with asyncio.TaskGroup() as village:
        phones = [village.create_task(studio.mp3(recording.sha256)) for _ in range(100)]
        await asyncio.sleep(0)
        phones[0].cancel()

    assert phones[0].cancelled()
    assert {phone.result() for phone in phones[1:]} == {made[0]}
    assert len(made) == 1


async def test_an_urgent_text_waits_for_no_preview_and_no_other_text(tmp_path: Path) -> None:
    over, studio = threading.Event(), Studio([ToneVoice()], tmp_path)
    loop = asyncio.get_running_loop()
    others = [loop.run_in_executor(where, over.wait) for where in (None, _ROUTINE, _PREVIEWS) for _ in range(20)]

    recording = await studio.record(TEXT, urgent=True)
    over.set()

    assert studio.path(recording.sha256).exists()
    assert all(await asyncio.gather(*others))


async def test_no_mp3_of_what_was_never_recorded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await Studio([ToneVoice()], tmp_path).mp3("0" * 64)


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "abc", ""])
def test_only_hashes_have_a_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex"):
        Studio([ToneVoice()], tmp_path).path(name)


async def test_the_stock_phrase_needs_no_voice_once_it_is_rendered(tmp_path: Path) -> None:
    rendered = await Studio([ToneVoice()], tmp_path).stock("alert")

    dead = Studio([FailingVoice("", VoiceOutOfReach("dead"))], tmp_path)

    assert await dead.stock("alert") == rendered
    with pytest.raises(VoiceOutOfReach):
        await dead.stock("notice")


def test_the_fingerprint_changes_with_the_voices(tmp_path: Path) -> None:
    one, two = ToneVoice(), ToneVoice(0.15)

    prints = {Studio(voices, tmp_path).fingerprint for voices in ([one], [two], [one, two], [two, one])}

    assert len(prints) == 4
    assert Studio([ToneVoice()], tmp_path).fingerprint in prints


async def test_nothing_half_written_is_left_on_the_shelf(tmp_path: Path) -> None:
    await Studio([ToneVoice()], tmp_path).record(TEXT, urgent=True)

    assert {path.suffix for path in _files(tmp_path)} == {".opus", ".flac"}


def _used(folder: Path, name: str, at: int) -> None:
    for file in folder.glob(f"{name}.*"):
        os.utime(file, (at, at))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_was_used_longest_ago_goes_first_from_a_full_shelf(tmp_path: Path) -> None:
    """
    A village office has one small disk; what is still to be heard, and the phrase of last resort, stay on it.
    """
    making = Studio([ToneVoice()], tmp_path)
    phrase = await making.stock("alert")
    said = [(await making.record(f"今天第{n}次通知，请注意。", urgent=False)).sha256 for n in "一二三四"]
    await making.mp3(said[0])
    for day, name in enumerate([phrase.sha256, *said]):
        _used(tmp_path, name, day * 86_400)
    later = Studio([ToneVoice()], tmp_path)

    going = await later.surplus([said[1]], largest_bytes=making.path(said[3]).stat().st_size * 2)
    await later.remove(going)
    await later.remove(going)

    assert going[:2] == [said[0], said[2]]
    assert await making.surplus([], largest_bytes=0) == []
    assert await later.surplus([], largest_bytes=10**9) == []
    left = {file.stem for file in _files(tmp_path) if file.suffix in (".opus", ".mp3")}
    assert left == {phrase.sha256, *said} - {*going}
    assert {phrase.sha256, said[1]} <= left


async def test_a_silent_voice_is_no_voice(tmp_path: Path) -> None:
    class Silent(ToneVoice):
        async def say(self, sentence: str, *, urgent: bool) -> Samples:
            return np.zeros(48_000, np.float32)

    with pytest.raises(VoiceFailed, match="no sound"):
        await Studio([Silent()], tmp_path).record(TEXT, urgent=True)

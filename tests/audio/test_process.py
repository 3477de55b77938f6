"""The voice process may die, hang and babble; the desk only ever waits a little longer."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from audio.errors import VoiceFailed, VoiceOutOfReach
from audio.voices.process import Limits, VoiceProcess

QUICK = Limits(start_seconds=10, sentence_seconds=10, back_off_seconds=0.01, longest_back_off_seconds=30)
Open = Callable[..., VoiceProcess]


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """What the child did: a line per start and per sentence."""
    return tmp_path / "diary"


@pytest.fixture
async def opened(diary: Path) -> AsyncIterator[Open]:
    """Voices whose child is `fake_child`; closed at the end."""
    voices = []

    def open_voice(*manners: str, limits: Limits = QUICK) -> VoiceProcess:
        command = [sys.executable, "-m", "tests.audio.fake_child", str(diary), *manners]
        voices.append(VoiceProcess(command=command, limits=limits))
        return voices[-1]

    yield open_voice
    for voice in voices:
        await voice.close()


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not happened():  # noqa: ASYNC110 - the diary is a file of another process
            await asyncio.sleep(0.005)


def _said(diary: Path) -> list[str]:
    return diary.read_text(encoding="utf-8").split() if diary.exists() else []


async def test_a_sentence_is_said(opened: Open) -> None:
    voice = opened()

    spoken = await voice.say("请注意。", urgent=False)

    assert len(spoken) == 4 * 2400
    assert spoken[0] == 0.5


async def test_the_child_starts_once_and_only_when_it_is_needed(opened: Open, diary: Path) -> None:
    voice = opened()
    assert (voice.pid, _said(diary)) == (None, [])

    await voice.ready()
    await voice.say("一", urgent=False)
    await voice.say("二", urgent=False)

    assert voice.pid
    assert _said(diary) == ["start", "一", "二"]


async def test_an_urgent_sentence_stops_another_which_is_said_again_afterwards(opened: Open, diary: Path) -> None:
    voice = opened()
    notice = asyncio.create_task(voice.say("慢通知", urgent=False))
    await _until(lambda: "慢通知" in _said(diary))
    waiting = asyncio.create_task(voice.say("后来", urgent=False))

    await voice.say("快跑", urgent=True)

    assert not notice.done()
    await asyncio.gather(notice, waiting)
    assert _said(diary) == ["start", "慢通知", "快跑", "慢通知", "后来"]


async def test_an_urgent_sentence_does_not_stop_an_urgent_one(opened: Open, diary: Path) -> None:
    voice = opened()
    first = asyncio.create_task(voice.say("慢" * 2, urgent=True))
    await _until(lambda: "慢慢" in _said(diary))
    second = asyncio.create_task(voice.say("快跑", urgent=True))
    await asyncio.sleep(0.1)

    assert not first.done()
    assert _said(diary) == ["start", "慢慢"]
    first.cancel()
    await second


async def test_what_is_urgent_overtakes_what_waits(opened: Open, diary: Path) -> None:
    voice = opened("mute", limits=Limits(start_seconds=0.5, back_off_seconds=0.01, restarts=1))
    async with asyncio.TaskGroup() as group:
        for sentence, urgent in (("甲", False), ("乙", False), ("丙", True)):
            group.create_task(_refused(voice, sentence, urgent))

    other = opened()
    async with asyncio.TaskGroup() as group:
        for sentence, urgent in (("甲", False), ("乙", False), ("丙", True)):
            group.create_task(other.say(sentence, urgent=urgent))

    assert _said(diary)[-3:] == ["丙", "甲", "乙"]


async def _refused(voice: VoiceProcess, sentence: str, urgent: bool) -> None:
    with pytest.raises(VoiceOutOfReach, match="said nothing"):
        await voice.say(sentence, urgent=urgent)


async def test_a_killed_child_is_replaced_and_the_sentence_said_all_the_same(opened: Open, diary: Path) -> None:
    voice = opened()
    saying = asyncio.create_task(voice.say("慢通知", urgent=False))
    waiting = asyncio.create_task(voice.say("后来", urgent=False))
    await _until(lambda: "慢通知" in _said(diary))
    killed = voice.pid
    assert killed

    os.kill(killed, signal.SIGKILL)

    await asyncio.gather(saying, waiting)
    assert _said(diary) == ["start", "慢通知", "start", "慢通知", "后来"]
    assert voice.pid != killed


async def test_a_child_that_dies_in_idleness_is_warm_again_before_it_is_asked(opened: Open, diary: Path) -> None:
    voice = opened()
    await voice.ready()
    assert voice.pid

    os.kill(voice.pid, signal.SIGKILL)

    await _until(lambda: _said(diary) == ["start", "start"])
    await voice.ready()


async def test_a_sentence_that_kills_every_child_is_given_up_and_the_next_one_said(opened: Open) -> None:
    voice = opened()
    deadly = asyncio.create_task(voice.say("死", urgent=False))
    harmless = asyncio.create_task(voice.say("好", urgent=False))

    with pytest.raises(VoiceFailed, match="again and again"):
        await deadly
    assert len(await harmless) == 2400


async def test_one_death_is_forgiven(opened: Open) -> None:
    assert len(await opened().say("死一次", urgent=True)) == 3 * 2400


async def test_closing_in_the_moment_of_a_death_ends_everything(opened: Open) -> None:
    voice = opened(limits=Limits(back_off_seconds=0.01, deaths_over_one=1))
    with pytest.raises(VoiceFailed):
        await voice.say("死", urgent=True)

    async with asyncio.timeout(5):
        await voice.close()

    assert voice.pid is None


@pytest.mark.parametrize("sentence", ["哑", "吵", "乱"])
async def test_a_child_that_hangs_or_babbles_is_replaced(opened: Open, diary: Path, sentence: str) -> None:
    voice = opened(
        limits=Limits(sentence_seconds=0.5, seconds_per_character=0, back_off_seconds=0.01, deaths_over_one=2)
    )

    with pytest.raises(VoiceFailed, match="again and again"):
        await voice.say(sentence, urgent=True)
    assert len(await voice.say("好", urgent=True)) == 2400
    assert _said(diary).count("start") == (2 if sentence == "哑" else 3)


async def test_what_it_cannot_say_is_told_at_once(opened: Open, diary: Path) -> None:
    with pytest.raises(VoiceFailed, match="I cannot"):
        await opened().say("不会", urgent=False)

    assert _said(diary).count("start") == 1


@pytest.mark.parametrize("manners", ["gone", "rude"])
async def test_a_child_that_never_starts_puts_the_voice_out_of_reach(opened: Open, diary: Path, manners: str) -> None:
    voice = opened(manners, limits=Limits(back_off_seconds=0.01, restarts=2))

    with pytest.raises(VoiceOutOfReach):
        await voice.say("好", urgent=True)
    with pytest.raises(VoiceOutOfReach):
        await voice.ready()
    # It was not tried again so soon: the next voice is to be asked without delay.
    assert _said(diary) == ["start"] * 3


async def test_a_command_that_is_not_there_puts_the_voice_out_of_reach() -> None:
    voice = VoiceProcess(command=["/nowhere/voice"], limits=Limits(back_off_seconds=0.01, restarts=1))

    with pytest.raises(VoiceOutOfReach, match="could not be started"):
        await voice.ready()
    await voice.close()


async def test_pending_counts_what_is_asked_and_not_answered(opened: Open, diary: Path) -> None:
    voice = opened()
    tasks = [asyncio.create_task(voice.say(sentence, urgent=False)) for sentence in ("慢", "好")]
    await _until(lambda: "慢" in _said(diary))
    assert voice.pending == 2

    await voice.say("快", urgent=True)
    await asyncio.gather(*tasks)

    assert voice.pending == 0


async def test_a_sentence_nobody_waits_for_is_stopped(opened: Open, diary: Path) -> None:
    voice = opened()
    saying = asyncio.create_task(voice.say("慢", urgent=True))
    await _until(lambda: "慢" in _said(diary))

    saying.cancel()
    with suppress(asyncio.CancelledError):
        await saying

    assert len(await voice.say("好", urgent=False)) == 2400
    assert voice.pending == 0


async def test_closing_ends_the_child_and_tells_those_who_wait(opened: Open, diary: Path) -> None:
    voice = opened()
    saying = asyncio.create_task(voice.say("慢", urgent=False))
    await _until(lambda: "慢" in _said(diary))
    pid = voice.pid
    assert pid

    await voice.close()

    with pytest.raises(VoiceOutOfReach, match="closed"):
        await saying
    with pytest.raises(VoiceOutOfReach, match="closed"):
        await voice.say("好", urgent=False)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_full_lane_makes_the_next_wait_and_not_the_urgent(opened: Open, diary: Path) -> None:
    voice = opened(limits=Limits(waiting=2))
    tasks = [asyncio.create_task(voice.say("慢", urgent=False))]
    await _until(lambda: "慢" in _said(diary))
    tasks += [asyncio.create_task(voice.say(sentence, urgent=False)) for sentence in "甲乙丙丁"]

    await voice.say("快", urgent=True)
    await asyncio.gather(*tasks)

    assert _said(diary) == ["start", "慢", "快", "慢", *"甲乙丙丁"]

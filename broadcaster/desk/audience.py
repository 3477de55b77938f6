"""Audience: who will hear it, named in every publishing answer."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from broadcaster.desk.ports import State
from broadcaster.model.area import Area


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is meant.

    Attributes:
        villages: in order of code.
        speakers: loudspeakers there; `offline`: how many of them are not connected now.
        people: who live there; None where a village is not counted yet (未录入).
    """

    villages: tuple[Area, ...]
    speakers: int
    offline: int
    people: int | None
    silent_villages: tuple[str, ...] = ()


def audience(state: State, villages: Sequence[str], online: Collection[str]) -> Audience:
    """Count who will hear what is said in these villages."""
    areas, speakers = state.areas(), state.speakers_in(villages)
    heads = [areas[village].people for village in villages]
    with_speaker = {speaker.village for speaker in speakers}
    return Audience(
        villages=tuple(areas[village] for village in villages),
        speakers=len(speakers),
        offline=sum(speaker.id not in online for speaker in speakers),
        people=None if None in heads or not heads else sum(head for head in heads if head),
        silent_villages=tuple(village for village in villages if village not in with_speaker),
    )

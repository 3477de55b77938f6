"""Player: lets samples sound block by block, so that it can fall silent within one; and logs what sounded."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from audio.chimes import TONE_RATE_HZ
from audio.playing import BLOCK_MS, Sink
from broadcaster.model.crashing import crash_point
from broadcaster.model.order import Play
from broadcaster.model.precedence import SoundClass
from streams.agent.soundlog import SoundLog, Stretch

FADE_MS = 50
MARK_MS = 1_000


@dataclass(frozen=True, slots=True)
class VolumeLimits:
    """How loud this loudspeaker is, in percent: its own volume, and (least, most) for each class."""

    usual: int = 70
    emergency: tuple[int, int] = (60, 100)
    routine: tuple[int, int] = (0, 85)

    def of(self, play: Play) -> int:
        """Tell how loud something is to be: what was asked for, within the limits of its class."""
        least, most = self.emergency if play.sound_class is SoundClass.EMERGENCY else self.routine
        wanted = self.usual if play.volume is None else play.volume
        return max(least, min(most, wanted))


@dataclass(slots=True)
class Player:
    """Plays stretches into a sink.

    Attributes:
        block_ms: how much is handed over at once; also how late a cut may come.
        on_mark: called after the first block and each second of a stretch.
    """

    sink: Sink
    log: SoundLog
    limits: VolumeLimits = field(default_factory=VolumeLimits)
    block_ms: int = BLOCK_MS
    on_mark: Callable[[Stretch], None] = lambda _stretch: None
    volume: int | None = None

    async def set_volume(self, percent: int) -> None:
        """Set the volume if it is another."""
        if percent != self.volume:
            await self.sink.set_volume(percent)
            self.volume = percent

    async def restore_volume(self) -> None:
        """Go back to the loudspeaker's own volume."""
        await self.set_volume(self.limits.usual)

    async def play(self, samples: "array[int]", stretch: Stretch, is_cut: Callable[[], bool]) -> Stretch:
        """Let a part sound from `stretch.start` to its end, or until it is cut; then it fades within 50 ms.

        Args:
            samples: the whole part, 16-bit mono at 24 kHz.
            stretch: what it is; its `end` is moved on as it sounds.
            is_cut: asked before each block.

        Returns:
            The stretch as it sounded, `ended` set. It is in the sound log, also where this raises.

        Raises:
            SinkBroken: the sound card is gone.
        """
        size = TONE_RATE_HZ * self.block_ms // 1000
        try:
            while stretch.end < len(samples) and not is_cut():
                stretch = await self._block(samples, stretch, size)
            if stretch.end < len(samples):
                stretch = await self._fade(samples, stretch)
            whole = stretch.end >= len(samples)
            stretch = replace(stretch, ended="end" if whole else "cut")
        finally:
            if stretch.end > stretch.start:
                self.log.note(stretch)
        return stretch

    async def _block(self, samples: "array[int]", stretch: Stretch, size: int) -> Stretch:
        end = min(stretch.end + size, len(samples))
        await self.sink.write(samples[stretch.end : end].tobytes())
        mark = TONE_RATE_HZ * MARK_MS // 1000
        is_marked = (end - stretch.start) // mark > (stretch.end - stretch.start) // mark
        is_first = stretch.end == stretch.start
        stretch = replace(stretch, end=end)
        if is_first or is_marked:
            self.log.note(stretch)
            self.on_mark(stretch)
        if is_marked:
            crash_point("agent.sounding")
        return stretch

    async def _fade(self, samples: "array[int]", stretch: Stretch) -> Stretch:
        # Nothing has sounded yet: then there is nothing to fade.
        if stretch.end == stretch.start:
            return stretch
        end = min(stretch.end + TONE_RATE_HZ * FADE_MS // 1000, len(samples))
        tail = samples[stretch.end : end]
        faded = array("h", (sample * (len(tail) - n) // len(tail) for n, sample in enumerate(tail)))
        await self.sink.write(faded.tobytes())
        return replace(stretch, end=end)

"""Running: the whole measurement, one town after the other, so that none is beside another's."""

from collections.abc import Callable

from broadcaster.benching.machine import machine
from broadcaster.benching.priority import measure_priority, measure_speech
from broadcaster.benching.telling import Told
from broadcaster.benching.town import town
from broadcaster.benching.way import measure

FEW = 18
BLOCK_MS = 250
ALERTS_PER_ROUND = 10


async def measure_way(
    speakers: int, villages: int, rounds: int, notices: int, voice: str, say: Callable[[str], None]
) -> Told:
    """Measure all tables.

    Args:
        voice: kokoro, or tone: beeps, for trying the bench itself.
    """
    before = machine()
    say(f"{min(FEW, speakers)} loudspeakers join")
    async with town(min(FEW, speakers), villages, voice="tone", block_ms=BLOCK_MS, prefix="few") as found:
        few = await measure(found, rounds, say, whole=False)
    say("a town without loudspeakers")
    async with town(0, villages, voice=voice) as found:
        priority = await measure_priority(found, rounds * ALERTS_PER_ROUND, notices, say)
        if voice != "tone":
            await measure_speech(found, rounds, priority, say)
    say(f"{speakers} loudspeakers join")
    async with town(speakers, villages, voice=voice, block_ms=BLOCK_MS) as found:
        many = await measure(found, rounds, say)
    return Told(before, machine(), villages, rounds, BLOCK_MS, few, many, priority)

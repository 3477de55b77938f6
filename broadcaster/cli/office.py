"""Office: the town's desk opened by somebody who sits at the machine itself, while no service runs."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from audio.voices.tone import ToneVoice
from broadcaster import places
from broadcaster.desk.authority import Asker
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import SignedOrder, SignedTime
from broadcaster.desk.rows import Grant, OrderKept, Principal, Role
from broadcaster.model.clock import SystemClock
from broadcaster.model.errors import OutOfReach
from broadcaster.settings import Settings
from broadcaster.wiring import open_town


class NobodySigns:
    """The port `Signer` where no signer runs."""

    async def sign(self, kind: str, subject: str, village: str) -> OrderKept:
        """Refuse."""
        raise OutOfReach("signer_away", kind=kind, subject=subject, village=village)

    async def time(self, nonce: str) -> SignedTime:
        """Refuse."""
        raise OutOfReach("signer_away", nonce=nonce)


class NobodyListens:
    """The port `SpeakerLine` where no loudspeaker can connect."""

    async def send(self, order: SignedOrder, to: Collection[str] | None = None) -> frozenset[str]:
        """Refuse."""
        raise OutOfReach("line_down", village=order.village, to=to)

    def online(self) -> frozenset[str]:
        """Nobody is."""
        return frozenset()

    async def hang_up(self, speaker: str) -> None:
        """Do nothing: there is no connection to end."""


def at_the_machine(town: str) -> Asker:
    """Return whoever may read and write the book's file: an administrator of all of the town's county."""
    roots = {town[:6], town}
    return Asker(
        Principal("at-the-machine", "本机管理员", "service"),
        tuple(Grant("at-the-machine", Role.ADMIN, one) for one in roots),
    )


@asynccontextmanager
async def at_the_desk(settings: Settings) -> AsyncIterator[tuple[Desk, Asker]]:
    """Open the book under its lock and put a desk together at which nothing sounds; nothing else runs.

    Raises:
        OutOfReach: book_locked: the service runs.
    """
    async with open_town(
        settings,
        clock=SystemClock(),
        signer=NobodySigns(),
        line=NobodyListens(),
        # Nothing is voiced here, and this one needs no model; what is drafted elsewhere keeps its own voice.
        voices=(ToneVoice(),),
        places=places.areas(town=settings.town),
    ) as town:
        yield town.desk, at_the_machine(settings.town)

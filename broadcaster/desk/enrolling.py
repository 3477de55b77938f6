"""Enrolling: a loudspeaker becomes known, with the key it made itself."""

from dataclasses import dataclass, replace

from broadcaster.desk.authority import Asker, require
from broadcaster.desk.office import Desk
from broadcaster.desk.ports import Pen, State
from broadcaster.desk.rows import Audit, Role, Speaker
from broadcaster.model.area import area_code
from broadcaster.model.errors import Conflict, Invalid, NotFound
from broadcaster.model.precedence import Lane

KEY_BYTES = 32
LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A loudspeaker as it is now known, and the epoch of the book."""

    speaker: Speaker
    epoch: int


async def enrol(desk: Desk, asker: Asker, speaker: str, village: str, pubkey: bytes, kind: str = "agent") -> Enrolled:
    """Make a loudspeaker known; the same one with the same key may ask again.

    Raises:
        NotAllowed: role_missing. Invalid: speaker_id, key_bytes or targets_unknown.
        Conflict: speaker_known: another key holds this id; retire that one first.
    """
    code = area_code(village)
    require(asker, Role.ENROL, [code])
    if not speaker or len(speaker) > LONGEST_ID or not speaker.replace("-", "").isalnum() or not speaker.isascii():
        raise Invalid("speaker_id", longest=LONGEST_ID)
    if len(pubkey) != KEY_BYTES:
        raise Invalid("key_bytes", bytes=KEY_BYTES)

    def job(pen: Pen) -> Enrolled:
        if code not in pen.villages():
            raise Invalid("targets_unknown", targets=[code])
        known = pen.speaker(speaker)
        if known and known.retired_at is None:
            return _again(pen, known, code, pubkey)
        new = Speaker(speaker, code, kind, pubkey, desk.clock.now())
        pen.put(new, Audit(desk.clock.now(), asker.id, "speaker.enrolled", {"speaker": speaker, "village": code}))
        return Enrolled(new, pen.epoch())

    return await desk.book.write(Lane.NOTICE, job)


def _again(state: State, known: Speaker, village: str, pubkey: bytes) -> Enrolled:
    if known.pubkey != pubkey or known.village != village:
        raise Conflict("speaker_known", speaker=known.id)
    return Enrolled(known, state.epoch())


async def retire(desk: Desk, asker: Asker, speaker: str) -> None:
    """Take a loudspeaker out of service: its key opens nothing any more, and its connection ends.

    Raises:
        NotFound: speaker_unknown. NotAllowed: role_missing.
    """

    def job(pen: Pen) -> None:
        known = pen.speaker(speaker)
        if known is None:
            raise NotFound("speaker_unknown", speaker=speaker[:60])
        require(asker, Role.ENROL, [known.village])
        pen.put(replace(known, retired_at=desk.clock.now()))
        pen.put(Audit(desk.clock.now(), asker.id, "speaker.retired", {"speaker": speaker}))

    await desk.book.write(Lane.NOTICE, job)
    # After the commit: should it come back at once, its hello finds it retired.
    await desk.line.hang_up(speaker)

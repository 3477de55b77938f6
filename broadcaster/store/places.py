"""Places and principals: what the book knows of villages, loudspeakers and those who may act."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, select

from broadcaster.desk.rows import Grant, Idempotency, Principal, Session, Source, Speaker, SpeakerHealth, Token
from broadcaster.model.area import PADDED_LENGTH, Area
from broadcaster.store import schema
from broadcaster.store.asking import Asking


class Places(Asking):
    """Areas and the loudspeakers in them."""

    def areas(self) -> dict[str, Area]:
        """Return every area by its code, in order of code."""
        return {area.code: area for area in self._all(Area, order=[schema.area.c.code])}

    def villages(self) -> tuple[str, ...]:
        """Return the codes of the villages, in order."""
        code = schema.area.c.code
        found = select(code).where(func.length(code) == PADDED_LENGTH).order_by(code)
        return tuple(self._connection.execute(found).scalars())

    def speakers_in(self, villages: Collection[str]) -> Sequence[Speaker]:
        """Return the unretired loudspeakers of some villages."""
        speaker = schema.speaker.c
        return self._among(
            Speaker, speaker.village, villages, speaker.retired_at.is_(None), order=[speaker.village, speaker.id]
        )

    def speaker(self, speaker: str) -> Speaker | None:
        """Return a loudspeaker, retired or not."""
        return self._one(Speaker, schema.speaker.c.id == speaker)

    def speakers(self) -> Sequence[Speaker]:
        """Return all loudspeakers, retired ones too."""
        return self._all(Speaker, order=[schema.speaker.c.village, schema.speaker.c.id])

    def health(self) -> dict[str, SpeakerHealth]:
        """Return what each loudspeaker last said of itself."""
        return {health.speaker: health for health in self._all(SpeakerHealth)}


class Principals(Asking):
    """Who may act, and by what they show it."""

    def principal(self, principal: str) -> Principal | None:
        """Return somebody by id."""
        return self._one(Principal, schema.principal.c.id == principal)

    def principals(self) -> Sequence[Principal]:
        """Return everybody, by name."""
        return self._all(Principal, order=[schema.principal.c.name, schema.principal.c.id])

    def principals_among(self, ids: Collection[str]) -> dict[str, Principal]:
        """Return those of some principals that exist."""
        return {one.id: one for one in self._among(Principal, schema.principal.c.id, ids)}

    def grants(self, principal: str) -> Sequence[Grant]:
        """Return what a principal may do."""
        grant = schema.grants.c
        return self._all(Grant, grant.principal == principal, order=[grant.role, grant.area])

    def token(self, sha256: str) -> Token | None:
        """Return a token, run out or not."""
        return self._one(Token, schema.token.c.sha256 == sha256)

    def session(self, session: str) -> Session | None:
        """Return a session, run out or not."""
        return self._one(Session, schema.session.c.id == session)

    def tokens_of(self, principal: str) -> Sequence[Token]:
        """Return a principal's tokens, run out or not."""
        token = schema.token.c
        return self._all(Token, token.principal == principal, order=[token.expires, token.sha256])

    def sessions_of(self, principal: str) -> Sequence[Session]:
        """Return a principal's sessions, run out or not."""
        session = schema.session.c
        return self._all(Session, session.principal == principal, order=[session.expires, session.id])

    def source(self, principal: str) -> Source | None:
        """Return what a principal is bound to as a source."""
        return self._one(Source, schema.source.c.principal == principal)

    def idempotency(self, principal: str, key: str) -> Idempotency | None:
        """Return the answer once given to a key."""
        given = schema.idempotency.c
        return self._one(Idempotency, given.principal == principal, given.key == key)

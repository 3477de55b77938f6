"""Two things at once, and which of them counts."""

import pytest

from broadcaster.desk.rows import OrderKept
from tests.village.town import Village

pytestmark = pytest.mark.virtual


async def test_a_notice_withdrawn_while_its_order_is_signed_was_refused_by_nobody(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The signer looks into the book a moment after the desk; an audit that says it refused would send people looking.
    """
    await village.has_horns(2)
    origin = await village.publishes("今晚停水。")
    signed = village.desk.signer.sign

    async def late(kind: str, subject: str, where: str) -> OrderKept:
        await village.cancels(origin)
        return await signed(kind, subject, where)

    monkeypatch.setattr(village.desk.signer, "sign", late)
    await village.passes(seconds=60)

    assert await village.heard_everywhere() == [[]] * 2
    trail = await village.desk.book.read(lambda state: state.audit_trail(limit=100))
    assert "order.refused" not in {line.what for line in trail}

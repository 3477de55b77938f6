"""Whatever is sent, the answer is never that the service broke."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.desk.rows import Role
from tests.virtual import VirtualClock
from tests.web.api.town import EAST, TOWN, Town, cap, notice

API = "/api/v1"

words = st.text(max_size=40) | st.sampled_from(
    [EAST, TOWN, "", "\x00", "\ud800", "~", "草" * 3000, "9" * 12, "620723103000"]
)
moments = st.sampled_from(
    [
        "2026-07-01T10:00:00+00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-07-01T10:00:00",
        "2026-07-03T23:00:00+08:00",
        "2026-13-01",
        1e300,
        0,
        -1,
    ]
)
numbers = st.integers(-(2**70), 2**70) | st.floats() | st.booleans()
anything = st.recursive(
    st.none() | numbers | words | moments,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
ENOUGH = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def bodies(known: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Bodies that are nearly right, and bodies that are nothing."""
    wrong = st.dictionaries(st.sampled_from(sorted(known)), anything, max_size=3)
    return wrong.map(lambda changes: known | changes) | anything


def _paths() -> list[tuple[str, dict[str, Any]]]:
    grants = [{"role": "draft", "area": EAST, "max_severity": 2}]
    form = {
        "title": "停水",
        "text": "今天停水。",
        "targets": [EAST],
        "expires": "2026-07-01T10:00:00+00:00",
        "not_before": None,
        "repeat": 1,
        "scope": "live",
    }
    return [
        ("notices", form),
        ("notices/1/revisions", form),
        ("notices/1/revisions/1/approve", {"content_sha256": "0" * 64, "recording_sha256": None}),
        ("read", {"text": "今天停水。"}),
        ("people", {"name": "王芳", "kind": "person", "grants": grants}),
        ("people/all/tokens", {"days": 3}),
        ("sources", {"principal": "all", "sender": "a", "areas": [EAST], "hold_ms": 1, "certificate": None}),
        ("alerts/1/release", {"sound_class": "routine"}),
        ("stop", {"area": EAST}),
        ("speakers", {"id": "s", "village": EAST, "pubkey": "AA==", "kind": "agent"}),
    ]


@pytest.mark.parametrize(("path", "known"), _paths(), ids=[path for path, _ in _paths()])
async def test_no_body_breaks_the_service(town: Town, path: str, known: dict[str, Any]) -> None:
    client = await town.somebody("all", *((role, TOWN) for role in Role), kind="source")
    bad: list[Any] = []

    @ENOUGH
    @given(body=bodies(known))
    def collect(body: Any) -> None:
        bad.append(body)

    collect()
    for body in bad:
        answer = await client.post(f"{API}/{path}", content=as_json(body), headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (answer.status_code, body)
        if not answer.is_success:
            assert answer.headers["content-type"] == "application/problem+json"


def as_json(body: Any) -> bytes:
    """Write JSON as careless senders do: NaN, Infinity, and halves of characters."""
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "notices/%00"),
        ("GET", "notices/%ff%fe"),
        ("GET", f"notices/{'x' * 500}"),
        ("POST", f"notices/x/revisions/{2**70}/submit"),
        ("POST", "notices/x/revisions/-1/submit"),
        ("GET", f"notices?limit={2**70}"),
        ("GET", "announcements?village=%00"),
        ("GET", f"announcements?origin={'x' * 500}"),
        ("DELETE", "speakers/%20"),
        ("POST", "origins/../cancel"),
    ],
)
async def test_no_address_breaks_the_service(town: Town, method: str, path: str) -> None:
    client = await town.somebody("all", *((role, TOWN) for role in Role))

    assert 400 <= (await client.request(method, f"{API}/{path}")).status_code < 500


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "é"},
        {"Idempotency-Key": "k" * 5000},
        {"Accept-Language": "zh;q=x,,;=,en"},
        {"Cookie": "vb_session=\xff; lang=../.."},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "application/json; charset=nonsense"},
        {"Authorization": "Bearer \xff\xfe"},
        {"Authorization": "Bearer"},
    ],
)
async def test_no_header_breaks_the_service(town: Town, clock: VirtualClock, headers: dict[str, str]) -> None:
    client = await town.somebody("clerk", (Role.DRAFT, TOWN))
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    answer = await client.post(f"{API}/notices", json=notice(clock), headers=raw)

    assert answer.status_code < 500


async def test_no_alert_breaks_the_service(town: Town, clock: VirtualClock) -> None:
    county, good = await town.source(), cap(clock).decode()
    wrong: list[str] = []

    @ENOUGH
    @given(place=st.integers(0, len(re.findall(r">[^<]+<", good)) - 1), text=words)
    def collect(place: int, text: str) -> None:
        spans = [found.span() for found in re.finditer(r">[^<]+<", good)]
        start, end = spans[place]
        wrong.append(f"{good[: start + 1]}{text}{good[end - 1 :]}")

    collect()
    for body in wrong:
        answer = await county.post(
            f"{API}/alerts", content=body.encode("utf-8", "replace"), headers={"Content-Type": "application/xml"}
        )
        assert answer.status_code < 500, body

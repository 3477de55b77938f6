"""Recordings over HTTP: named by what they hold, so that any cache may keep them for ever."""

import hashlib

import httpx
import pytest

from broadcaster.model.errors import Invalid
from broadcaster.web.audio import LARGEST_CACHED, Cache, range_of
from tests.web.api.town import Town

SOUND = bytes(range(256)) * 4
NAME = hashlib.sha256(SOUND).hexdigest()
OPUS = f"/audio/{NAME}.opus"


@pytest.fixture
async def client(town: Town) -> httpx.AsyncClient:
    town.shelf.path(NAME).write_bytes(SOUND)
    (await town.shelf.mp3(NAME)).write_bytes(b"mp3" * 10)
    return town.client()


async def test_a_recording_is_kept_for_ever_under_a_strong_tag(client: httpx.AsyncClient) -> None:
    answer = await client.get(OPUS)

    assert (answer.status_code, answer.content) == (200, SOUND)
    assert answer.headers["etag"] == f'"{NAME}"'
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "audio/ogg"


async def test_phones_that_play_no_ogg_get_mp3_under_a_tag_of_its_own(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/audio/{NAME}.mp3")

    assert (answer.content, answer.headers["content-type"]) == (b"mp3" * 10, "audio/mpeg")
    assert answer.headers["etag"] == f'"{NAME}-mp3"'


@pytest.mark.parametrize(
    ("wanted", "part", "told"),
    [
        ("bytes=0-9", SOUND[:10], "bytes 0-9/1024"),
        ("bytes=1000-", SOUND[1000:], "bytes 1000-1023/1024"),
        ("bytes=-24", SOUND[-24:], "bytes 1000-1023/1024"),
        ("bytes=1000-9999", SOUND[1000:], "bytes 1000-1023/1024"),
    ],
)
async def test_a_part_of_it_is_given(client: httpx.AsyncClient, wanted: str, part: bytes, told: str) -> None:
    answer = await client.get(OPUS, headers={"Range": wanted})

    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == told
    assert answer.headers["content-length"] == str(len(part))


@pytest.mark.parametrize("wanted", ["bytes=0-1,4-5", "lines=1-2", "bytes=9-3", "bytes=-", "nonsense"])
async def test_a_range_that_is_not_understood_is_answered_with_the_whole(
    client: httpx.AsyncClient, wanted: str
) -> None:
    assert (await client.get(OPUS, headers={"Range": wanted})).status_code == 200


@pytest.mark.parametrize("wanted", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
async def test_a_range_outside_is_refused(client: httpx.AsyncClient, wanted: str) -> None:
    answer = await client.get(OPUS, headers={"Range": wanted})

    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */1024")


def test_nothing_of_nothing_can_be_given() -> None:
    with pytest.raises(Invalid):
        range_of("bytes=0-", 0)


async def test_who_has_it_already_is_told_so(client: httpx.AsyncClient) -> None:
    same = await client.get(OPUS, headers={"If-None-Match": f'"x", W/"{NAME}"'})
    other = await client.get(OPUS, headers={"If-None-Match": '"x"'})

    assert (same.status_code, same.content, other.status_code) == (304, b"", 200)


async def test_a_part_of_another_recording_is_not_given_as_this_ones(client: httpx.AsyncClient) -> None:
    answer = await client.get(OPUS, headers={"Range": "bytes=0-9", "If-Range": '"another"'})

    assert answer.status_code == 200


async def test_its_length_is_told_without_its_sound(client: httpx.AsyncClient) -> None:
    answer = await client.head(OPUS)

    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "1024", b"")


@pytest.mark.parametrize(
    "name", [f"{'0' * 64}.opus", f"{NAME}.wav", f"{NAME[:-1]}.opus", f"{NAME.upper()}.opus", "..%2Fbook.db", f"{NAME}"]
)
async def test_what_is_no_recording_is_not_found(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/audio/{name}")).status_code == 404


async def test_a_long_recording_comes_from_disk_in_parts_too(client: httpx.AsyncClient, town: Town) -> None:
    long = bytes(LARGEST_CACHED + 1)
    name = hashlib.sha256(long).hexdigest()
    town.shelf.path(name).write_bytes(long)

    whole = await client.get(f"/audio/{name}.opus")
    part = await client.get(f"/audio/{name}.opus", headers={"Range": "bytes=0-9"})
    outside = await client.get(f"/audio/{name}.opus", headers={"Range": "bytes=9999999-"})
    again = await client.get(f"/audio/{name}.opus", headers={"If-None-Match": whole.headers["etag"]})

    assert (whole.headers["etag"], len(whole.content)) == (f'"{name}"', len(long))
    assert (part.status_code, len(part.content)) == (206, 10)
    assert (outside.status_code, again.status_code) == (416, 304)


async def test_memory_holds_the_recordings_heard_last_and_no_more_than_it_may(town: Town) -> None:
    cache, shelf = Cache(most_bytes=25), town.shelf
    for name in ("a", "b", "c"):
        shelf.path(name).write_bytes(name.encode() * 10)
        await cache.content(shelf.path(name))
        shelf.path(name).unlink()

    assert await cache.content(shelf.path("c")) == b"c" * 10
    assert await cache.content(shelf.path("b")) == b"b" * 10
    with pytest.raises(Exception, match="recording_unknown"):
        await cache.content(shelf.path("a"))

"""Asking: plain HTTP questions to the service, by the standard library; called in a thread."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from urllib.parse import urlsplit

from broadcaster.model.errors import Invalid, OutOfReach

# A loudspeaker speaks to its service and to nobody else: a proxy that happens to stand in the environment is not asked.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answered(Exception):
    """The service answered with something else than success. `status`: HTTP's; `words`: the first of its body."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


def service(url: str) -> str:
    """Check a service's address and return it without a slash at its end.

    Raises:
        Invalid: service_url.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Invalid("service_url", url=url[:80], form="http://host:port")
    return url.rstrip("/")


def ask(
    url: str, *, seconds: float, largest: int, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """Get something, or post a body, and return no more than `largest` bytes of the answer.

    Raises:
        Answered: the service refused.
        OutOfReach: service_away.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}))  # noqa: S310 - `service` checked the scheme
    try:
        with _OPENER.open(request, timeout=seconds) as answer:
            found: bytes = answer.read(largest)
            return found
    except urllib.error.HTTPError as error:
        raise Answered(error.code, error.read(500).decode(errors="replace")) from error
    except (OSError, HTTPException, ValueError) as error:
        raise OutOfReach("service_away", why=str(error)) from error

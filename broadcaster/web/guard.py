"""Guard: what every answer says to browsers, and how much a request may hold."""

import asyncio

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broadcaster.model.errors import Invalid
from broadcaster.web.problems import problem

CAP_PATH = "/api/v1/alerts"
MOST_CAP_BYTES = 512 * 1024
MOST_BYTES = 64 * 1024
BODY_SECONDS = 60.0
"""How long a body may take to arrive: half a megabyte over a village's worst line."""

HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "media-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "manifest-src 'self'",
        )
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guarded:
    """Puts the security headers on every answer; a plain ASGI class, for `@app.middleware` holds up streams."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and add the headers that the route did not set."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        await self._app(scope, receive, guarded)


class Capped:
    """Refuses a body that is too large while it is being read, whatever its length was said to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body within its limit and hand it on, or answer 413."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        most = MOST_CAP_BYTES if scope["path"] == CAP_PATH else MOST_BYTES
        try:
            body = await _within(request, most)
        except Invalid as error:
            await problem(request, error)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _played(body, receive), send)


async def _within(request: Request, most: int) -> bytes | None:
    """Read a body; None where its sender went away.

    Raises:
        Invalid: body_large or body_slow.
    """
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said[:20]) > most:
        raise Invalid("body_large", most=most)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _whole(request, most)
    except TimeoutError as error:
        raise Invalid("body_slow", seconds=int(BODY_SECONDS)) from error


async def _whole(request: Request, most: int) -> bytes | None:
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            raise Invalid("body_large", most=most)
        if not message.get("more_body"):
            return bytes(body)


def _played(body: bytes, receive: Receive) -> Receive:
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def play() -> Message:
        message: Message | None = next(messages, None)
        return message or await receive()

    return play

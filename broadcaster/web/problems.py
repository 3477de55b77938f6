"""Problems: errors as HTTP tells them (RFC 9457), in the reader's language, each with what to do next."""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from broadcaster.cap.reasons import Reason
from broadcaster.model.errors import BroadcasterError, Conflict, Invalid, NotAllowed, NotFound, OutOfReach
from broadcaster.web.words import LANGUAGES, WORDS, Language, in_words, language_of

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
NOBODY_KNOWN = frozenset({"session_missing", "session_over", "token_unknown", "link_spent"})
STATUS_OF_CODE = {
    "body_large": 413,
    "body_slow": 408,
    "media_type": 415,
    "key_reused": 422,
    "too_often": 429,
    "not_found": 404,
    "method_not_allowed": 405,
    "range_unsatisfiable": 416,
}
STATUS_OF_FAMILY: dict[type[BroadcasterError], int] = {
    Invalid: 422,
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    OutOfReach: 503,
}

_log = structlog.get_logger(__name__)


def status_of(error: BroadcasterError) -> int:
    """Return the status that HTTP has for an error."""
    if isinstance(error, NotAllowed) and error.code in NOBODY_KNOWN:
        return 401
    by_family = (status for family, status in STATUS_OF_FAMILY.items() if isinstance(error, family))
    return STATUS_OF_CODE.get(error.code) or next(by_family, 422)


def reader_language(connection: HTTPConnection) -> Language:
    """Return the language of whoever asks: as asked in the address, as chosen before, else the browser's."""
    chosen = connection.query_params.get("lang") or connection.cookies.get("lang")
    return language_of(connection.headers.get("accept-language", ""), chosen)


def problem(connection: HTTPConnection, error: BroadcasterError) -> Response:
    """Turn an error into an answer: a page for a browser that asks for one, else JSON."""
    if _wants_page(connection):
        page: Response = connection.app.state.problem_page(connection, error)
        return page
    language = reader_language(connection)
    status, facts = status_of(error), _facts(error.facts)
    code = error.code if error.code in WORDS or not error.code.startswith("cap_") else "cap"
    title, detail = in_words(code, _said(error.facts, language), language)
    body = {
        **facts,
        "type": f"/problems/{error.code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": error.code,
    }
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie", **_more_headers(status, error)}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def _wants_page(connection: HTTPConnection) -> bool:
    is_page = "text/html" in connection.headers.get("accept", "") or "hx-request" in connection.headers
    return is_page and not connection.url.path.startswith("/api/")


def _more_headers(status: int, error: BroadcasterError) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": 'Bearer realm="village-broadcaster"'}
    if isinstance(error, OutOfReach):
        return {"Retry-After": str(error.facts.get("seconds", RETRY_SECONDS))}
    if status == 405 and error.facts.get("allow"):
        return {"Allow": str(error.facts["allow"])}
    if status == 416:
        return {"Content-Range": f"bytes */{error.facts['bytes']}"}
    return {}


def _said(facts: dict[str, object], language: Language) -> dict[str, object]:
    reasons = facts.get("reasons")
    if not isinstance(reasons, list):
        return facts
    return {**facts, "reasons": "；".join(one.text(language) for one in reasons if isinstance(one, Reason))}


def _facts(facts: dict[str, object]) -> dict[str, Any]:
    # What lies where the book does is for the log, not for whoever asks.
    return {name: _plain(fact) for name, fact in facts.items() if name not in ("path", "why", "rule")}


def _plain(fact: object) -> Any:
    if isinstance(fact, Reason):
        return fact.as_facts()
    if isinstance(fact, Enum):
        return fact.value
    if isinstance(fact, datetime):
        return fact.isoformat()
    if is_dataclass(fact) and not isinstance(fact, type):
        return {name: _plain(value) for name, value in asdict(fact).items()}
    if isinstance(fact, list | tuple | set | frozenset):
        return [_plain(one) for one in fact]
    return fact if isinstance(fact, str | int | float | bool | None) else str(fact)


def of_validation(error: RequestValidationError) -> Invalid:
    """Turn what FastAPI says of a request into an error of ours."""
    found = error.errors()
    fields = list(dict.fromkeys(_place(one["loc"]) for one in found))[:10]
    told = [{"field": _place(one["loc"]), "code": one["type"], "says": str(one["msg"])[:200]} for one in found[:10]]
    return Invalid("body_invalid", fields=fields, errors=told)


def _place(location: Sequence[object]) -> str:
    return ".".join(str(part)[:40] for part in location[1:]) or str(location[0])


def of_http(error: HTTPException) -> BroadcasterError:
    """Turn an error of the framework into one of ours."""
    if error.status_code == 405:
        return Invalid("method_not_allowed", allow=(error.headers or {}).get("Allow", ""))
    if error.status_code == 404:
        return NotFound("not_found")
    if error.status_code == 413:
        return Invalid("body_large", most="…")
    return Invalid("body_invalid", fields=["body"]) if error.status_code < 500 else OutOfReach("unexpected")


def answer_with_problems(app: FastAPI) -> None:
    """Have every error of an app answered as a problem."""

    @app.exception_handler(BroadcasterError)
    async def ours(request: Request, error: BroadcasterError) -> Response:
        if isinstance(error, OutOfReach):
            _log.warning("out of reach", code=error.code, path=request.url.path, facts=str(error))
        return problem(request, error)

    @app.exception_handler(RequestValidationError)
    async def unread(request: Request, error: RequestValidationError) -> Response:
        return problem(request, of_validation(error))

    @app.exception_handler(HTTPException)
    async def of_the_framework(request: Request, error: HTTPException) -> Response:
        return problem(request, of_http(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _error: Exception) -> Response:
        return _internal(request)


def _internal(request: Request) -> Response:
    language = reader_language(request)
    title, detail = in_words("unexpected", {}, language)
    body = {"type": "/problems/unexpected", "title": title, "status": 500, "detail": detail, "code": "unexpected"}
    return JSONResponse(body, 500, media_type=MEDIA_TYPE)


def all_problems() -> dict[str, dict[str, dict[str, str]]]:
    """Return every problem with its words, for `/problems`."""
    return {
        code: {
            language: dict(zip(("title", "detail"), getattr(words, language), strict=True)) for language in LANGUAGES
        }
        for code, words in WORDS.items()
    }

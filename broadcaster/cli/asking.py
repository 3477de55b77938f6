"""Asking: the service's JSON interface, as the commands speak to it over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import httpx
import typer

from broadcaster.cli.failing import OUT_OF_REACH, REFUSED, Failure
from broadcaster.cli.tongue import both, language

DEFAULT_URL = "http://127.0.0.1:8080"
WAIT_SECONDS = 15.0
NOT_SIGNED_IN = 401
UNAVAILABLE = (502, 503, 504)

Url = Annotated[
    str, typer.Option("--url", envvar="VB_URL", help=both("服务地址", "where the service is"), show_default=True)
]
Token = Annotated[str, typer.Option("--token", envvar="VB_TOKEN", help=both("令牌", "your token"), show_default=False)]


class Service:
    """The service, asked by one who holds a token.

    Args:
        transport: another way than the network, for tests.
    """

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        if not token:
            raise Failure(
                both("没有令牌。", "There is no token."),
                both(
                    "请设置 VB_TOKEN 或 --token；用 broadcaster token 生成一个。",
                    "Set VB_TOKEN or --token; broadcaster token makes one.",
                ),
                OUT_OF_REACH,
            )
        self._url = url.rstrip("/")
        # Proxies of the environment are for the wide world; the service is our own.
        self._http = httpx.Client(
            base_url=self._url,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": language()},
            timeout=WAIT_SECONDS,
            trust_env=False,
            transport=transport,
        )

    def get(self, path: str, **query: Any) -> Any:
        """Ask for something."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """Have something done; with a key, at most once."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._ask("POST", path, json=body, headers=headers)

    def post_bytes(self, path: str, content: bytes, media_type: str) -> Any:
        """Hand over a message as it is."""
        return self._ask("POST", path, content=content, headers={"Content-Type": media_type})

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, f"/api/v1{path}", **request)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Failure(f"--url {self._url}: {error}", f"--url {DEFAULT_URL}", OUT_OF_REACH) from error
        except httpx.HTTPError as error:
            raise _away(self._url, error) from error
        if answer.is_error:
            _refused(answer)
        return _json(answer)


@contextmanager
def asked(url: str, token: str) -> Iterator[Service]:
    """Ask the service, and close the connection afterwards."""
    service = Service(url, token)
    try:
        yield service
    finally:
        service.close()


def _away(url: str, error: httpx.HTTPError) -> Failure:
    why = str(error) or type(error).__name__
    return Failure(
        both(f"{url} 的服务没有应答（{why}）。", f"The service at {url} does not answer ({why})."),
        both(
            "它在运行吗？用 broadcaster up 启动，或用 --url / VB_URL 指明地址。",
            "Is it running? Start it with broadcaster up, or say where it is with --url or VB_URL.",
        ),
        OUT_OF_REACH,
    )


def _refused(answer: httpx.Response) -> NoReturn:
    """Tell a problem (RFC 9457) in its own words.

    Raises:
        Failure: always.
    """
    status = OUT_OF_REACH if answer.status_code in UNAVAILABLE else REFUSED
    try:
        problem = answer.json()
        what, step = str(problem["title"]), str(problem.get("detail", ""))
    except (ValueError, KeyError, TypeError):
        raise _strange(answer) from None
    raise Failure(what + _where(problem), step, status)


def _where(problem: dict[str, Any]) -> str:
    """Add the fields that were not understood, or the place in a text."""
    errors = problem.get("errors")
    if isinstance(errors, list) and errors:
        return " (" + "; ".join(f"{one.get('field')}: {one.get('says')}" for one in errors[:3]) + ")"
    return f" [{problem.get('code', problem.get('status', ''))}]"


def _json(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        raise _strange(answer) from error


def _strange(answer: httpx.Response) -> Failure:
    return Failure(
        both(
            f"{answer.url.host} 答复了看不懂的内容（HTTP {answer.status_code}）。",
            f"{answer.url.host} answered what cannot be understood (HTTP {answer.status_code}).",
        ),
        both("--url 是本平台服务的地址吗？", "Is --url the address of a Village Broadcaster?"),
        OUT_OF_REACH,
    )

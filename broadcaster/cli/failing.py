"""Failing: what is wrong, in a line, and what to do next, in another; never a traceback for what was to be expected."""

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import typer

from broadcaster.cli.tongue import both, language
from broadcaster.model.errors import BroadcasterError, OutOfReach

P = ParamSpec("P")
T = TypeVar("T")

REFUSED, OUT_OF_REACH = 1, 2
"""Exit codes: it was wrong or did not come off; it could not be asked (wrong usage too)."""


class Failure(Exception):
    """Something that ends a command, in the words that are shown.

    Args:
        what: what is wrong.
        step: what to do next.
    """

    def __init__(self, what: str, step: str = "", status: int = REFUSED) -> None:
        super().__init__(what)
        self.what = what
        self.step = step
        self.status = status


def told(command: Callable[P, T]) -> Callable[P, T]:
    """Have a command's expected errors told in words, and its exit code set by them."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except BaseExceptionGroup as several:
            _tell(_first(several))
        except (
            Failure,
            BroadcasterError,
            KeyboardInterrupt,
            BrokenPipeError,
            OSError,
            asyncio.CancelledError,
        ) as error:
            _tell(error)
        except Exception as error:
            if not _is_speech(error):
                raise
            _tell(error)

    return run


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    error = several.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _tell(error: BaseException) -> NoReturn:
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        raise typer.Exit(130) from error
    if isinstance(error, BrokenPipeError):
        # Whoever read us has gone; nothing more may be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(REFUSED) from error
    failure = failure_of(error)
    if failure is None:
        raise error
    typer.echo(failure.what, err=True)
    if failure.step:
        typer.echo("  " + failure.step, err=True)
    raise typer.Exit(failure.status) from error


def failure_of(error: BaseException) -> Failure | None:
    """Return the words for an error that was to be expected; None for another."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BroadcasterError):
        return _ours(error)
    if isinstance(error, OSError):
        return _systems(error)
    return Failure(str(error)) if _is_speech(error) else None


def _ours(error: BroadcasterError) -> Failure:
    status = OUT_OF_REACH if isinstance(error, OutOfReach) else REFUSED
    words = _words().get(error.code)
    if words:
        what, step = (one.format_map(_Shown(error.facts)) for one in words)
        return Failure(what, step, status)
    from broadcaster.web.words import WORDS, in_words

    if error.code in WORDS:
        return Failure(*in_words(error.code, error.facts, language()), status)
    return Failure(str(error), str(error.facts.get("do", "")), status)


class _Shown(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "…"


def _words() -> dict[str, tuple[str, str]]:
    """Return what only somebody at this machine has to be told."""
    return {
        "book_locked": (
            both("账本正被进程 {pid} 使用。", "The book is in use by process {pid}."),
            both(
                "服务在运行：请设置 VB_TOKEN（管理员令牌）经 HTTP 操作，或先停止该进程。",
                "The service is running: set VB_TOKEN (an administrator's) to ask it, or stop that process first.",
            ),
        ),
        "voice_for_tests": (
            both("tone 只是测试用的蜂鸣声。", "The voice “tone” only beeps, for tests."),
            both("去掉 VB_VOICE，或设为 kokoro。", "Unset VB_VOICE, or set it to kokoro."),
        ),
        "keys_missing": (
            both("找不到签名密钥 {path}。", "There is no key file {path}."),
            both("先运行一次 broadcaster up，它会生成密钥。", "Run broadcaster up once: it makes the keys."),
        ),
        "limits_missing": (
            both("找不到签名限制文件 {path}。", "There is no limits file {path}."),
            both("先运行一次 broadcaster up，它会写好该文件。", "Run broadcaster up once: it writes the file."),
        ),
        "keys_exposed": (both("别人可以读到 {path}。", "Others can read {path}."), "{do}"),
        "limits_exposed": (both("别人可以读写 {path}。", "Others can read or write {path}."), "{do}"),
    }


def _systems(error: OSError) -> Failure:
    name = f"{error.filename}: " if error.filename else ""
    if error.errno == 98:  # EADDRINUSE
        return Failure(
            both("端口已被占用。", "The port is in use."),
            both("用 --port 换一个端口，或停掉占用它的程序。", "Choose another with --port, or stop what uses it."),
            OUT_OF_REACH,
        )
    return Failure(f"{name}{error.strerror or error}", status=OUT_OF_REACH)


def _is_speech(error: BaseException) -> bool:
    # Looked up by name of its module: the speech packages take a second to come in, and most commands never need them.
    return any(kind.__module__ == "audio.errors" for kind in type(error).__mro__)

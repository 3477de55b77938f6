"""Failing: what is wrong, in a line, and what to do next, in another; never a traceback for what was to be expected."""

import asyncio
import functools
import os
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

import typer

from broadcaster.cli.tongue import both, language
from broadcaster.cli.wordings import WORDINGS
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
    if error.code in WORDINGS:
        what, step = (both(*one).format_map(_Shown(error.facts)) for one in WORDINGS[error.code])
        return Failure(what, step, status)
    from broadcaster.web.words import WORDS, in_words

    if error.code in WORDS:
        return Failure(*in_words(error.code, error.facts, language()), status)
    return Failure(str(error), str(error.facts.get("do", "")), status)


class _Shown(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "…"


def _systems(error: OSError) -> Failure:
    name = f"{error.filename}: " if error.filename else ""
    return Failure(f"{name}{error.strerror or error}", status=OUT_OF_REACH)


def _is_speech(error: BaseException) -> bool:
    # Looked up by name of its module: the speech packages take a second to come in, and most commands never need them.
    return any(kind.__module__ == "audio.errors" for kind in type(error).__mro__)

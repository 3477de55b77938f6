"""Tongue: the language in which the command line speaks, Chinese or English."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

Language = Literal["zh", "en"]


def chosen(arguments: Sequence[str], environment: Mapping[str, str]) -> Language:
    """Return the language asked for by ``--lang``, else that of the environment as POSIX orders it, else English."""
    return _of(_after_lang(arguments) or _of_environment(environment))


def _after_lang(arguments: Sequence[str]) -> str:
    for place, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
        if argument == "--lang":
            return "".join(arguments[place + 1 : place + 2])
    return ""


def _of_environment(environment: Mapping[str, str]) -> str:
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((environment[name] for name in names if environment.get(name)), "")


def _of(tag: str) -> Language:
    return "zh" if tag.lower().startswith("zh") else "en"


# Help texts are fixed while the commands are being declared, so the language has to be known before.
_spoken: Language = chosen(sys.argv[1:], os.environ)


def language() -> Language:
    """Return the language that is spoken now."""
    return _spoken


def speak(tag: str) -> None:
    """Speak another language from now on."""
    global _spoken
    _spoken = _of(tag)


def both(zh: str, en: str) -> str:
    """Return the words in the language that is spoken."""
    return zh if _spoken == "zh" else en

"""The two families of failure: what is wrong for ever, and what may go well later."""


class BroadcasterError(Exception):
    """Anything that the platform itself raises.

    Args:
        code: stable name of what is wrong; the edges turn it into words in the reader's language.
        facts: what those words need, such as ``village="620723103204"``; never secret, never a phone number.
    """

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.code}({shown})" if shown else self.code


class Refused(BroadcasterError):
    """Wrong for ever: asking again changes nothing. Ends as a dead letter or an answer to the asker."""


class Invalid(Refused):
    """What was handed over cannot be understood or breaks a rule of its form."""


class NotAllowed(Refused):
    """The principal may not do this, here."""


class NotFound(Refused):
    """There is no such thing, or the asker may not know of it."""


class Conflict(Refused):
    """It was right once, but the thing has moved on: look again, then decide again."""


class OutOfReach(BroadcasterError):
    """Not now: a line, a process or a disk does not answer. It is tried again."""


PASSING = frozenset({"book_full", "book_busy"})


def is_passing(error: OutOfReach) -> bool:
    """Tell whether the book is only busy, its queue full or its file locked: who waits a moment may go on.

    Whatever else it says of itself (book_broken, book_closed) lasts until the service has restarted.
    """
    return error.code in PASSING

"""What can go wrong between a text and its sound."""


class SpeechError(Exception):
    """Any failure of reading, speaking or finishing."""


class Unreadable(SpeechError):
    """A text holds something that no reader would say the same way twice; its author must write it otherwise.

    Attributes:
        text: the text as it was written.
        start: index in it of the first character that cannot be read.
        end: index after the last such character.
        what: what is wrong and what to write instead.
    """

    def __init__(self, text: str, start: int, end: int, what: str) -> None:
        super().__init__(f"cannot read {text[start:end]!r} at {start}-{end}: {what}")
        self.text = text
        self.start = start
        self.end = end
        self.what = what


class VoiceFailed(SpeechError):
    """This voice cannot say this sentence, and would not the next time: use another voice."""


class VoiceOutOfReach(SpeechError):
    """The voice is not there just now: its process died, or starts too slowly; try again later."""


class TooQuiet(SpeechError):
    """Nothing in the sound is loud enough to be measured."""

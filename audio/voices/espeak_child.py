"""The espeak-ng child: ``python -m audio.voices.espeak_child LANGUAGE WORDS_PER_MINUTE < text > raw 16-bit mono``.

It imports nothing but the library, so that it starts at once.
"""

import ctypes
import sys

ESPEAK_RATE_HZ = 22_050
# Numbers of speak_lib.h.
_RETRIEVAL, _UTF8, _RATE_PARAMETER = 1, 1, 1


def _speak(language: str, words_per_minute: int) -> None:
    """Be the child: text in, samples out."""
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    if espeak.espeak_Initialize(_RETRIEVAL, 200, espeakng_loader.get_data_path().encode(), 0) != ESPEAK_RATE_HZ:
        raise SystemExit("espeak-ng found no voices")
    heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(_write)
    espeak.espeak_SetSynthCallback(heard)
    if espeak.espeak_SetVoiceByName(language.encode()) != 0:
        raise SystemExit(f"espeak-ng does not speak {language!r}")
    espeak.espeak_SetParameter(_RATE_PARAMETER, words_per_minute, 0)
    text = sys.stdin.buffer.read()
    espeak.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
    espeak.espeak_Synchronize()
    sys.stdout.buffer.flush()


def _write(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
    if samples and count:
        sys.stdout.buffer.write(ctypes.string_at(samples, 2 * count))
    return 0


if __name__ == "__main__":
    _speak(sys.argv[1], int(sys.argv[2]))

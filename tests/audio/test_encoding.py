"""Files that hold what was put in, to the sample."""

import io

import numpy as np
import pytest
import soundfile

from audio import encoding
from tests.audio.sounds import likeness, sine


@pytest.mark.parametrize("encode", [encoding.opus, encoding.mp3, encoding.wav])
def test_a_sound_survives_its_file(encode: object) -> None:
    sound = sine(440, 2.5)

    heard = encoding.decode(encode(sound))  # type: ignore[operator]  # mypy cannot see through parametrize

    assert len(heard) == len(sound)
    assert likeness(sound, heard) > 0.98


def test_equal_sound_is_equal_bytes() -> None:
    assert encoding.opus(sine(440, 1)) == encoding.opus(sine(440, 1))


@pytest.mark.parametrize("seconds", [0.1, 0.4, 1.013, 2.0, 7.77])
def test_both_decoders_agree_with_the_master_on_its_length(seconds: float) -> None:
    """
    PyAV here, libsndfile in the loudspeaker: the order says how long a recording is, and both must hear that.
    """
    sound = sine(440, seconds)

    file = encoding.opus(sound)

    assert len(soundfile.read(io.BytesIO(file))[0]) == len(encoding.decode(file)) == len(sound)
    assert encoding.decoded_ms(file) == len(sound) * 1000 // 24_000


def test_opus_has_a_page_every_tenth_of_a_second() -> None:
    pages = encoding.opus(sine(440, 5)).count(b"OggS")

    assert 50 <= pages <= 54


def test_resampling_keeps_pitch_and_length() -> None:
    resampled = encoding.resample(sine(440, 1, rate_hz=22_050), 22_050, 24_000)

    assert len(resampled) == pytest.approx(24_000, abs=40)
    assert likeness(resampled, sine(440, 1)) > 0.98


def test_what_is_beyond_full_scale_is_cut_off_not_wrapped_round() -> None:
    assert encoding.to_pcm(np.array([-2, -1, 0, 1, 2], np.float32)).tolist() == [-32767, -32767, 0, 32767, 32767]

"""How loud speech is, and how it is brought to one loudness without clipping."""

import numpy as np
import numpy.typing as npt

from audio.errors import TooQuiet
from audio.voices.port import RATE_HZ, Samples

TARGET_LUFS = -16.0
CEILING_DBTP = -1.5
LOUDNESS_VERSION = "1"
CLOSE_ENOUGH_LU = 0.05
ROUNDS = 4

GATE_LUFS = -70.0
RELATIVE_GATE_LU = 10.0
BLOCK_SECONDS = 0.4
OVERLAP = 4
LOOK_AHEAD_SECONDS = 0.005
OVERSAMPLING = 4
# The standard gives coefficients for 48 000 Hz only; these are the analogue filters they came from
# (centre in Hz, quality, gain in dB), from which the coefficients for any rate follow.
SHELF = (1681.974450955533, 0.7071752369554196, 3.999843853973347)
HIGH_PASS = (38.13547087602444, 0.5003270373238773)
# After one second the impulse response of both filters is below -200 dB.
RING_SECONDS = 1.0

Floats = npt.NDArray[np.float64]
Biquad = tuple[list[float], list[float]]


def loudness(samples: npt.NDArray[np.floating], rate_hz: int) -> float:
    """How loud speech is to the ear, so that no village shouts over another.

    Gated, K-weighted mean power (ITU-R BS.1770-5, annex 1).

    Args:
        samples: (n,) or (n, channels) floats in [-1, 1]; at least 400 ms of them; front channels only.
        rate_hz: samples per second; the standard's filters are given for 48 000 and re-derived for others.

    Returns:
        LUFS. Our speech is brought to -16; programmes at home are at -23 (EBU R 128).

    Raises:
        TooQuiet: every 400 ms block lies under the gate of -70 LUFS, or there is no whole block.
    """
    power = _block_powers(np.atleast_2d(samples.T).T, rate_hz)
    loud = power[power > _power(GATE_LUFS)]
    if not loud.size:
        raise TooQuiet(f"no 400 ms of it reach {GATE_LUFS:.0f} LUFS")
    relative = _power(_lufs(loud.mean()) - RELATIVE_GATE_LU)
    return _lufs(loud[loud > relative].mean())


def level(samples: Samples) -> Samples:
    """Bring speech to -16 LUFS by one static gain, and its peaks under -1.5 dBTP by a look-ahead limiter.

    Raises:
        TooQuiet: there is nothing to bring up.
    """
    gain_db, leveled = 0.0, samples
    for _ in range(ROUNDS):
        missing = TARGET_LUFS - loudness(leveled, RATE_HZ)
        if abs(missing) < CLOSE_ENOUGH_LU:
            break
        # What the limiter takes away is given back to all of it; one static gain over the whole, all the same.
        gain_db += missing
        leveled = limit((samples * 10 ** (gain_db / 20)).astype(np.float32), CEILING_DBTP)
    return leveled


def limit(samples: Samples, ceiling_dbtp: float) -> Samples:
    """Duck every true peak under the ceiling, beginning 5 ms before it.

    The gain is the least that any sample within reach needs, smoothed by a window of that reach,
    so it can never be more than a peak allows.
    """
    ceiling = 10 ** (ceiling_dbtp / 20)
    needed = np.minimum(1, ceiling / np.maximum(_true_peaks(samples), ceiling))
    if needed.min() >= 1:
        return samples
    reach = round(LOOK_AHEAD_SECONDS * RATE_HZ)
    least = _sliding_minimum(needed, reach)
    window = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(least, reach, mode="edge")
    gain = np.convolve(padded, window / window.sum(), mode="valid")
    return (samples * gain).astype(np.float32)


def true_peak(samples: Samples) -> float:
    """The highest peak between and on the samples, dBTP (ITU-R BS.1770-5, annex 2: fourfold oversampling)."""
    return float(20 * np.log10(max(_true_peaks(samples).max(), 1e-9)))


def _block_powers(samples: npt.NDArray[np.floating], rate_hz: int) -> Floats:
    """(blocks,) mean K-weighted powers, summed over channels; blocks of 400 ms, each 100 ms after the last."""
    step = round(BLOCK_SECONDS * rate_hz / OVERLAP)
    weighted = _k_weighted(samples.astype(np.float64), rate_hz)
    steps = len(weighted) // step
    if steps < OVERLAP:
        return np.zeros(0)
    sums = (weighted[: steps * step] ** 2).sum(axis=1).reshape(steps, step).sum(axis=1)
    running = np.concatenate([[0.0], np.cumsum(sums)])
    powers: Floats = np.maximum(running[OVERLAP:] - running[:-OVERLAP], 0) / (OVERLAP * step)
    return powers


def _k_weighted(samples: Floats, rate_hz: int) -> Floats:
    """(n, channels) through both filters, by their frequency response: recursion in Python would take minutes."""
    length = len(samples) + round(RING_SECONDS * rate_hz)
    size = 1 << (length - 1).bit_length()
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = _response(_shelf(rate_hz), turn) * _response(_high_pass(rate_hz), turn)
    spectrum = np.fft.rfft(samples, size, axis=0) * response[:, np.newaxis]
    weighted: Floats = np.fft.irfft(spectrum, size, axis=0)[: len(samples)]
    return weighted


def _response(biquad: Biquad, turn: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    (b0, b1, b2), (a0, a1, a2) = biquad
    return (b0 + b1 * turn + b2 * turn**2) / (a0 + a1 * turn + a2 * turn**2)


def _shelf(rate_hz: int) -> Biquad:
    """Stage 1: the head as a sphere, +4 dB above 2 kHz."""
    centre, quality, gain = SHELF
    k, high = np.tan(np.pi * centre / rate_hz), 10 ** (gain / 20)
    band = high**0.4996667741545416
    above = [high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]
    return above, [1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k]


def _high_pass(rate_hz: int) -> Biquad:
    """Stage 2: RLB weighting, no bass; its numerator is 1, -2, 1 at every rate, as in the standard."""
    centre, quality = HIGH_PASS
    k = np.tan(np.pi * centre / rate_hz)
    whole = 1 + k / quality + k * k
    return [1.0, -2.0, 1.0], [1.0, 2 * (k * k - 1) / whole, (1 - k / quality + k * k) / whole]


def _true_peaks(samples: Samples) -> Floats:
    """(n,) the highest magnitude at or just after each sample, at four times the rate."""
    taps = 12
    at = np.arange(-taps, taps + 1)
    peaks = np.abs(samples).astype(np.float64)
    for phase in range(1, OVERSAMPLING):
        moved = at - phase / OVERSAMPLING
        kernel = np.sinc(moved) * np.cos(np.pi * moved / (2 * taps + 2)) ** 2
        between = np.convolve(samples, kernel[::-1], mode="same") if len(samples) > 2 * taps else samples
        peaks = np.maximum(peaks, np.abs(between))
    # A peak between two samples binds both of them.
    both: Floats = np.maximum(peaks, np.concatenate([[0.0], peaks[:-1]]))
    return both


def _sliding_minimum(values: Floats, reach: int) -> Floats:
    """(n,) the least value within `reach` samples on either side; by doubling, so in log2(reach) passes."""
    width, least = 1, np.pad(values, reach, mode="edge")
    while width < 2 * reach + 1:
        shift = min(width, 2 * reach + 1 - width)
        least = np.minimum(least[:-shift], least[shift:])
        width += shift
    return least


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _lufs(power: float) -> float:
    return float(-0.691 + 10 * np.log10(power))

"""Sounds that tests are made of."""

import numpy as np

from audio.voices.port import RATE_HZ, Samples


def sine(hertz: float, seconds: float, *, dbfs: float = -20.0, rate_hz: int = RATE_HZ) -> Samples:
    """A sine whose peak lies at `dbfs`."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (10 ** (dbfs / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def likeness(one: Samples, other: Samples) -> float:
    """1 for the same sound, near 0 for another; wherever the one lies in the other."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)))
    return float(np.abs(product).max() / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-12))

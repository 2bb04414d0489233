"""Mixing channels to one, and bringing samples beyond full scale back to it, by what a whole recording holds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

# The mean's power, as a share of what channels that have nothing to do with each other would give. One silent channel leaves
# that at 1, equal ones raise it to their number; below a quarter (6 dB less), channels cancel each other.
CANCELLED = 0.25
OVERS = 0.001  # share of samples that may be cut off at full scale: peaks of a mixer, or a spike; nobody hears it
SPIKE = 4.0  # times the peak of the rest: louder samples are then cut off, if there are so few
EXPONENTS = 129  # of 2 in float32, from 1 up


@dataclass(frozen=True)
class Mix:
    """How channels become one.

    Attributes:
        channel: the only channel taken, from 0; None for the mean of all.
        scale: what its samples are divided by, 1.0 or more.
    """

    channel: int | None = None
    scale: float = 1.0


class Mixer:
    """Mixes a recording block by block in some way, and measures it to find the way it should be mixed.

    Args:
        mix: how to mix it.
    """

    def __init__(self, mix: Mix) -> None:
        self._mix = mix
        self._frames = 0
        self._moments = np.zeros((2, 1))  # sums and sums of squares, of each channel and of their mean
        self._overs = np.zeros(EXPONENTS, int)
        self._peaks = np.zeros(EXPONENTS)

    def mixed(self, block: np.ndarray) -> np.ndarray:
        """Returns one channel, float32 [frames], within full scale, of float32 [frames, channels].

        Samples that are no numbers become 0, infinite ones full scale.
        """
        with np.errstate(over="ignore"):  # in a sum of the largest numbers
            mono = self._one(block)
            if not np.isfinite(mono).all():
                block = np.nan_to_num(block, posinf=1.0, neginf=-1.0)
                mono = np.nan_to_num(self._one(block), posinf=1.0, neginf=-1.0)
        self._measure(block, mono)
        return (mono / np.float32(self._mix.scale)).clip(-1.0, 1.0)

    def _one(self, block: np.ndarray) -> np.ndarray:
        return block.mean(axis=1) if self._mix.channel is None else block[:, self._mix.channel]

    def _measure(self, block: np.ndarray, mono: np.ndarray) -> None:
        self._frames += len(mono)
        if self._mix.channel is None and block.shape[1] > 1:
            channels, mean = _moments(block), _moments(mono[:, None])
            self._moments = self._moments + np.concatenate([channels, mean], axis=1)
        over = np.abs(mono[np.abs(mono) > 1.0]).astype(np.float64)
        if len(over):
            exponents = np.frexp(over)[1] - 1
            self._overs += np.bincount(exponents, minlength=EXPONENTS)
            np.maximum.at(self._peaks, exponents, over)

    def better(self) -> Mix:
        """Returns how the recording should be mixed: one channel where all cancel each other; scaled where it is too loud.

        A few samples beyond full scale, and spikes far above the rest, are cut off and not scaled to: a spike must not make
        the speech silent.
        """
        if self._moments.shape[1] > 1:
            means, squares = self._moments / self._frames
            *powers, mixed = squares - np.square(means)
            if mixed < CANCELLED * sum(powers) / len(powers) ** 2:
                return Mix(channel=int(np.argmax(powers)))
        cut, scale = 0, 1.0
        for exponent in reversed(range(EXPONENTS)):
            cut += int(self._overs[exponent])
            if cut > OVERS * self._frames:
                scale, loudest = float(self._peaks[exponent]), float(self._peaks.max())
                scale = loudest if loudest <= SPIKE * scale else scale
                break
        return dataclasses.replace(self._mix, scale=scale)


def _moments(block: np.ndarray) -> np.ndarray:
    """Returns sum and sum of squares of each channel, float64 [2, channels], without a copy of the block in float64."""
    squares = np.einsum("ij,ij->j", block, block, dtype=np.float64)
    return np.stack([block.sum(axis=0, dtype=np.float64), squares])

"""Noises and rooms, generated from a seed or read from a folder."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.audio.sound_files import SAMPLE_RATE, decode
from core.errors import AudioError, RecipeError

NOISES = ("white", "pink", "brown", "hum", "babble")
FALLING = {
    "white": 0.0,
    "pink": 1.0,
    "brown": 2.0,
}  # the power at f Hz is proportional to f to the power of minus this value value value
LOWEST_HERTZ = 50.0  # of a noise; below this, brown noise would spend its power where microphones record nothing
HARMONICS = 10  # of the mains; the k-th has 1/k of the first one's amplitude
BABBLE_VOICES = 6  # at once; with fewer, words can be made out

SHORTEST_RT60, LONGEST_RT60 = 0.2, 0.8  # seconds until the sound has fallen by 60 dB: a furnished room to a bare classroom
# Of the direct sound over the reverberation. They are equal at 0.057 sqrt(volume / RT60) metres (Kuttruff, "Room
# acoustics"): in 60 m3 with 0.5 s, 0.6 m from the mouth; 10 dB is 0.2 m.
NEAREST_DB, FARTHEST_DB = 10.0, 0.0

MAX_FILES = 10_000  # considered in a folder
MAX_SOUNDS = 60  # kept from a folder
MAX_SOUND_SECONDS = 30.0  # of each that are kept: together 115 MB


@dataclass(frozen=True)
class NoiseOrRoom:
    """A noise or an impulse response read from a file.

    Attributes:
        name: of the file.
        wave: float32 [samples] at 16 kHz.
    """

    name: str
    wave: np.ndarray


def make_noise(kind: str, samples: int, rng: np.random.Generator, speech: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Makes a noise.

    Args:
        kind: one of `NOISES`; "babble" needs `speech`.
        samples: how long, at 16 kHz.
        rng: where it is drawn from.
        speech: float32 [samples] of clips that babble is mixed of.

    Returns:
        float32 [samples], root mean square 1.
    """
    if kind == "babble":
        wave = _babble(samples, rng, speech)
    elif kind == "hum":
        wave = _hum(samples, rng)
    else:
        wave = _falling(samples, FALLING[kind], rng)
    return (wave / _rms(wave)).astype(np.float32)


def make_room(rt60: float, rng: np.random.Generator, direct_db: float | None = None) -> np.ndarray:
    """Makes the impulse response of a room.

    Reverberation is noise that decays exponentially, h(t) = n(t) exp(-t 3 ln(10) / RT60): Polack's model (1988, "La
    transmission de l'energie sonore dans les salles"). The direct sound is the first sample.

    Args:
        rt60: seconds in which the sound falls by 60 dB.
        rng: where it is drawn from.
        direct_db: level of the direct sound above the reverberation; drawn at random if not given.

    Returns:
        float32 [samples] at 16 kHz; its first sample is 1.
    """
    time = np.arange(1, math.ceil(rt60 * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * np.exp(-time * 3 * math.log(10) / rt60)
    if direct_db is None:
        direct_db = rng.uniform(FARTHEST_DB, NEAREST_DB)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(np.square(tail)))
    return np.concatenate([[1.0], tail]).astype(np.float32)


def from_direct_sound(impulse: np.ndarray) -> np.ndarray:
    """Returns a recorded impulse response from its loudest sample on, so that words are not delayed."""
    return impulse[int(np.argmax(np.abs(impulse))) :]


def loop(wave: np.ndarray, samples: int, start: int) -> np.ndarray:
    """Returns `samples` of a wave from `start` on, looping where it ends."""
    return np.resize(np.roll(wave, -start), samples)


def read_sounds(folder: str, setting: str) -> list[NoiseOrRoom]:
    """Reads the sound files of a folder and its subfolders.

    Args:
        folder: its path; "~" is the user's home.
        setting: the recipe's field that names it, for the error.

    Raises:
        RecipeError: there is no such folder, or no readable sound in it.
    """
    root = os.path.expanduser(folder)
    if not os.path.isdir(root):  # unlike Path.is_dir, also False for a name that no folder can have
        raise RecipeError(
            "augment_no_folder",
            f"There is no folder {folder!r}, which {setting} names. Give the folder's full path.",
            name=setting,
            folder=folder,
        )
    found = sorted(itertools.islice(_files(root), MAX_FILES))
    sounds: list[NoiseOrRoom] = []
    for i in np.random.default_rng(0).permutation(len(found)):  # a random selection if the folder has more than are kept
        if len(sounds) == MAX_SOUNDS:
            break
        try:
            wave = decode(found[i])
        except (AudioError, OSError):
            continue
        sounds.append(NoiseOrRoom(found[i].name, wave[: int(MAX_SOUND_SECONDS * SAMPLE_RATE)].copy()))
    if not sounds:
        raise RecipeError(
            "augment_no_sound",
            f"The folder {folder!r}, which {setting} names, has no readable sound file. Use wav, flac, mp3 or ogg.",
            name=setting,
            folder=folder,
        )
    return sounds


def _files(root: str) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names)


def _falling(samples: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise whose power falls with frequency, made from its spectrum (Timmer & König 1995)."""
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    heard = hertz >= LOWEST_HERTZ
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum[heard] *= hertz[heard] ** (-exponent / 2)
    spectrum[~heard] = 0
    return np.fft.irfft(spectrum, samples)


def _hum(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Mains hum at 50 or 60 Hz."""
    time = np.arange(samples) / SAMPLE_RATE
    mains = rng.choice((50.0, 60.0))  # Hz
    orders = np.arange(1, HARMONICS + 1)[:, None]
    phases = rng.uniform(0, 2 * np.pi, orders.shape)
    return (np.sin(2 * np.pi * mains * orders * time + phases) / orders).sum(axis=0)


def _babble(samples: int, rng: np.random.Generator, speech: Sequence[np.ndarray]) -> np.ndarray:
    """Several clips on top of each other, equally loud, each looped from a random position."""
    total = np.zeros(samples)
    for i in rng.permutation(len(speech))[:BABBLE_VOICES]:
        total += loop(speech[i], samples, int(rng.integers(len(speech[i])))) / _rms(speech[i])
    return total


def _rms(wave: np.ndarray) -> float:
    return max(float(np.sqrt(np.mean(np.square(wave)))), 1e-10)  # never 0, so that silence can be divided by it

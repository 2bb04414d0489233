"""Augmentation: training clips are varied slightly, and differently each time they are used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr
import torch
from torchaudio import functional

from core.audio.augment.noise_and_rooms import (
    BABBLE_VOICES,
    LONGEST_RT60,
    NOISES,
    SHORTEST_RT60,
    NoiseOrRoom,
    from_direct_sound,
    loop,
    make_noise,
    make_room,
    read_sounds,
)
from core.audio.augment.settings import Augmentation
from core.audio.sound_files import MAX_CLIP_SECONDS, MIN_SECONDS, SAMPLE_RATE, SILENCE_DBFS, level

LONGEST_SAMPLES = round(MAX_CLIP_SECONDS * SAMPLE_RATE)  # no clip is made longer than this
FRAME_SAMPLES = SAMPLE_RATE // 50  # 20 ms, for separating speech from pauses
ACTIVE_MARGIN = 10 ** (-15.9 / 10)  # of the active level, in power: ITU-T P.56
TELEPHONE_RATE = 8_000  # Hz
TELEPHONE_LOWEST, TELEPHONE_HIGHEST = 300.0, 3_400.0  # Hz
TELEPHONE_CODES = 256  # of mu-law: 8 bits a sample, ITU-T G.711
# Of the two second-order filters that make a Butterworth filter of fourth order: 1 / (2 cos(pi / 8)) and 3 pi / 8 alike.
BUTTERWORTH = (0.5412, 1.3066)


@dataclass(frozen=True, eq=False)
class Augmented:
    """An augmented clip and the random choices made for it.

    Attributes:
        wave: float32 [samples] at 16 kHz.
        speed: the rate; above 1 the clip is shorter and higher.
        room: the file of its impulse response, "built-in", or "" where there is none.
        rt60: seconds in which a built-in room's sound falls by 60 dB; None if unknown.
        noise: the file it is from, one of `surroundings.NOISES`, or "" where there is none.
        snr_db: of the speech's active level over the noise; None where there is none.
        telephone: whether telephone sound was simulated.
        gain_db: the change in level, reduced where it would have clipped.
    """

    wave: np.ndarray
    speed: float = 1.0
    room: str = ""
    rt60: float | None = None
    noise: str = ""
    snr_db: float | None = None
    telephone: bool = False
    gain_db: float = 0.0


class Augmenter:
    """Applies an augmentation to clips.

    Args:
        augmentation: the choices. Its folders are read here, once.
        speech: float32 [samples] of the clips that are trained on, for babble; never held-out ones.

    Raises:
        RecipeError: a folder of noises or rooms is missing or holds no sound.
    """

    def __init__(self, augmentation: Augmentation, speech: Sequence[np.ndarray] = ()) -> None:
        self.augmentation = augmentation
        self._speech = speech
        self._noises: list[NoiseOrRoom] = []
        self._rooms: list[NoiseOrRoom] = []
        if augmentation.noise and augmentation.noises:
            self._noises = read_sounds(augmentation.noises, "noises")
        if augmentation.reverb and augmentation.rooms:
            self._rooms = read_sounds(augmentation.rooms, "rooms")

    def wave(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Returns an augmented clip, see `augmented`."""
        return self.augmented(wave, rng).wave

    def augmented(self, wave: np.ndarray, rng: np.random.Generator) -> Augmented:
        """Changes a clip's speed, then adds a room, noise and telephone sound, and changes its level.

        A result louder than full scale is scaled down as a whole. A clip shorter than 0.1 s or completely silent is left
        unchanged.

        Args:
            wave: float32 [samples] at 16 kHz.
            rng: source of all random choices; the same state gives the same sound.

        Returns:
            The sound, at most 30 s long where `wave` is, and what was drawn.
        """
        chosen = self.augmentation
        if not chosen.changes_waves or len(wave) < MIN_SECONDS * SAMPLE_RATE or level(wave).peak_dbfs < SILENCE_DBFS:
            return Augmented(wave)
        percent, room, rt60, noise, snr_db, gain_db = 100, "", None, "", None, 0.0
        sound = torch.tensor(wave)
        if chosen.speed:
            percent = _draw_percent(chosen.speed, len(wave), rng)
            sound = _limited(torch.from_numpy(soxr.resample(wave, percent, 100, quality="HQ")))
        if rng.random() < chosen.reverb:
            room, rt60, impulse = self._draw_room(rng)
            sound = in_room(sound, torch.tensor(impulse))
        if rng.random() < chosen.noise:
            noise, stretch = self._draw_noise(wave, len(sound), rng)
            snr_db = float(rng.uniform(chosen.snr_low, chosen.snr_high))
            if level(stretch).peak_dbfs < SILENCE_DBFS:  # of a recording with pauses
                noise, snr_db = "", None
            else:
                sound = in_noise(sound, torch.tensor(stretch), snr_db)
        telephone = bool(rng.random() < chosen.telephone)
        if telephone:
            sound = over_telephone(sound)
        if chosen.gain:
            headroom_db = -20 * math.log10(float(sound.abs().max()))
            gain_db = min(float(rng.uniform(-chosen.gain, chosen.gain)), headroom_db)
            sound = _limited(functional.gain(sound, gain_db))
        return Augmented(sound.numpy(), percent / 100, room, rt60, noise, snr_db, telephone, gain_db)

    def features(self, features: torch.Tensor, frames: int, rng: np.random.Generator) -> torch.Tensor:
        """Masks stretches of time and bands of frequency: SpecAugment without time warping.

        Masked values become the mean of the clip's speech frames, band by band: in log features, 0 is a loudness like any
        other, while the mean adds no information. Park et al. fill with 0 because their features have mean 0.

        Args:
            features: float [bands, frames]; transpose MFCCs of shape [frames, bands].
            frames: how many of them, from the first on, are sound and not padding. Only these are changed.
            rng: where the masks are drawn from.

        Returns:
            A masked copy, or `features` itself if nothing is masked.
        """
        chosen = self.augmentation
        frames = min(frames, features.shape[1])
        if not chosen.changes_features or frames < 1:
            return features
        hidden = features.clone()
        sound = hidden[:, :frames]
        mean = sound.mean(dim=1, keepdim=True)
        for _ in range(chosen.masks):
            time = _draw_mask(frames, chosen.time_mask, rng)
            sound[:, time] = mean
            bands = _draw_mask(len(sound), chosen.frequency_mask, rng)
            sound[bands] = mean[bands]
        return hidden

    def _draw_room(self, rng: np.random.Generator) -> tuple[str, float | None, np.ndarray]:
        if self._rooms:
            room = self._rooms[rng.integers(len(self._rooms))]
            return room.name, None, from_direct_sound(room.wave)
        rt60 = float(rng.uniform(SHORTEST_RT60, LONGEST_RT60))
        return "built-in", rt60, make_room(rt60, rng)

    def _draw_noise(self, wave: np.ndarray, samples: int, rng: np.random.Generator) -> tuple[str, np.ndarray]:
        if self._noises:
            noise = self._noises[rng.integers(len(self._noises))]
            return noise.name, loop(noise.wave, samples, int(rng.integers(len(noise.wave))))
        others = [clip for clip in self._speech if not np.array_equal(clip, wave)]  # not the clip's own words again
        kinds = [kind for kind in NOISES if kind != "babble" or len(others) >= BABBLE_VOICES]
        kind = kinds[rng.integers(len(kinds))]
        return kind, make_noise(kind, samples, rng, others)


def active_power(wave: np.ndarray) -> float:
    """Measures how loud speech is without its pauses.

    Frames of 20 ms count that lie at most 15.9 dB below the result: the margin of ITU-T P.56, whose smoothed envelope
    and hangover are left out.

    Args:
        wave: float32 [samples] at 16 kHz.

    Returns:
        The mean square of the active frames.
    """
    frames = np.pad(wave, (0, -len(wave) % FRAME_SAMPLES)).reshape(-1, FRAME_SAMPLES)
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    active = powers
    while len(fewer := active[active >= ACTIVE_MARGIN * active.mean()]) < len(active):
        active = fewer
    return float(active.mean())


def _draw_percent(speed: float, samples: int, rng: np.random.Generator) -> int:
    """Draws a speed in percent."""
    slowest = max(round(100 * (1 - speed)), min(100, math.ceil(100 * samples / LONGEST_SAMPLES)))
    return int(rng.integers(slowest, round(100 * (1 + speed)), endpoint=True))


def _draw_mask(length: int, share: float, rng: np.random.Generator) -> slice:
    """Draws a width, up to a share of a length, and then a place."""
    width = int(rng.integers(0, int(share * length), endpoint=True))
    start = int(rng.integers(0, length - width, endpoint=True))
    return slice(start, start + width)


def _limited(sound: torch.Tensor) -> torch.Tensor:
    return sound / max(float(sound.abs().max()), 1.0)


def in_room(sound: torch.Tensor, impulse: torch.Tensor) -> torch.Tensor:
    """Adds a room's reverberation by convolution; length and root mean square stay the same.

    Args:
        sound: float32 [samples] at 16 kHz, not silent.
        impulse: the room's impulse response, float32 [samples].
    """
    wet = functional.fftconvolve(sound, impulse)[: len(sound)]
    return _limited(wet * (sound.norm() / wet.norm()))


def in_noise(sound: torch.Tensor, noise: torch.Tensor, snr_db: float) -> torch.Tensor:
    """Adds noise; a result louder than full scale is scaled down as a whole.

    Args:
        sound: float32 [samples] at 16 kHz, not silent.
        noise: float32 of the same length.
        snr_db: of the speech's active level over the noise.
    """
    pauses_db = 10 * math.log10(active_power(sound.numpy()) / float(sound.double().square().mean()))
    return _limited(functional.add_noise(sound, noise, torch.tensor(snr_db - pauses_db)))


def over_telephone(sound: torch.Tensor) -> torch.Tensor:
    """Simulates a telephone: 300 to 3,400 Hz, 8 kHz, 8 bits of mu-law, as in ITU-T G.712 and G.711.

    Args:
        sound: float32 [samples] at 16 kHz, not silent. Its length and, within the band, its level stay.
    """
    full_scale = 2 * float(sound.abs().max())  # room for what the filters overshoot
    line = functional.resample(sound / full_scale, SAMPLE_RATE, TELEPHONE_RATE)
    for q in BUTTERWORTH:
        line = functional.highpass_biquad(line, TELEPHONE_RATE, TELEPHONE_LOWEST, q)
        line = functional.lowpass_biquad(line, TELEPHONE_RATE, TELEPHONE_HIGHEST, q)
    line = functional.mu_law_decoding(functional.mu_law_encoding(line, TELEPHONE_CODES), TELEPHONE_CODES)
    return _limited(full_scale * functional.resample(line, TELEPHONE_RATE, SAMPLE_RATE)[: len(sound)])

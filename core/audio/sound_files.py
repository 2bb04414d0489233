"""Reads sound files as mono float32 at 16 kHz: probing, bounded decoding, resampling, levels."""

from __future__ import annotations

import hashlib
import io
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from core.audio import wav_header
from core.audio.decoders import DEMUXERS, AudioInfo, blocks, opened, read_header, unreadable
from core.audio.decoders import SAMPLE_RATE as SAMPLE_RATE
from core.audio.mixing import Mix, Mixer
from core.errors import AudioError
from core.storage.files import replacing

MIN_SECONDS = 0.1  # shorter than one phone; nothing to recognise
MAX_CLIP_SECONDS = 30.0  # Whisper's window; a batch of longer clips does not fit the memory of a laptop
MAX_SECONDS = 600.0  # of one file; decoded that is 38 MB
DURATIONS = 20_000  # of files, remembered: a few large sets
MAX_BYTES = 200_000_000  # of one file on disk
MAX_SOURCE_BYTES = 4_000_000_000  # of a file of which only parts are used, such as an interview
OVERSHOOT_SECONDS = 0.5  # times in other people's annotations may end a little after the sound does
SILENCE_DBFS = -60.0  # a recording whose loudest sample is below this holds no speech
CLIPPING = 0.999  # of full scale
CUT_BYTES = 1024  # missing at a WAV's end, 0.03 s: more than padding

# What may be wrong with a file that is decoded nevertheless. A FLAC made of it has the keys in its comment, after `NOTED`.
NOTED = "attune: "
CHANGES = {
    "channels_cancel": "the channels cancel each other; only one of them is used.",
    "samples_over": "samples go beyond full scale; all are scaled to it.",
    "length_wrong": "the header names too short a length; read to the end.",
}


@dataclass(frozen=True)
class Level:
    """How loud a recording is.

    Attributes:
        peak_dbfs: loudest sample in dB relative to full scale.
        clipped: share of samples at full scale, 0 to 1.
    """

    peak_dbfs: float
    clipped: float


@dataclass(frozen=True)
class Sound:
    """A decoded sound.

    Attributes:
        wave: float32 [samples], mono, 16 kHz, full scale = 1.
        changes: what was wrong with the file and made good, of `CHANGES`.
    """

    wave: np.ndarray
    changes: tuple[str, ...] = ()


def probe(path: Path | str, max_bytes: int = MAX_BYTES) -> AudioInfo:
    """Reads a sound file's header.

    Args:
        path: the file.
        max_bytes: a larger one is refused.

    Raises:
        AudioError: the file is missing, empty, too large, not a readable sound file, or has a sample rate or number of
            channels that no recorder has.
    """
    path = Path(path)
    _check_size(path, max_bytes)
    return read_header(path)


def _check_size(path: Path, max_bytes: int) -> None:
    if not path.is_file():
        raise AudioError("audio_missing", f"There is no file {path}.", name=path.name)
    size = path.stat().st_size
    if size == 0:
        raise AudioError("audio_empty", f"{path.name} is empty (0 bytes). Record or upload it again.", name=path.name)
    if size > max_bytes:
        raise AudioError(
            "audio_too_large",
            f"{path.name} has {size / 1e6:.0f} MB; the limit is {max_bytes / 1e6:.0f} MB. Cut it into shorter clips.",
            name=path.name,
            megabytes=round(size / 1e6),
            limit=round(max_bytes / 1e6),
        )


def duration(path: Path | str) -> float:
    """Returns the duration in seconds of a sound file that was decoded before; cached until the file changes.

    Raises:
        soundfile.LibsndfileError: it no longer exists.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        changed = 0
    return _duration(str(path), changed)


@lru_cache(DURATIONS)
def _duration(path: str, changed: int) -> float:
    with opened(Path(path)) as file:
        return soundfile.info(file).duration


def check(path: Path | str, max_seconds: float = MAX_SECONDS, info: AudioInfo | None = None) -> AudioInfo:
    """Refuses what `decode` would refuse, judging by the header, and WAV files shorter than their headers say.

    Args:
        path: the file.
        max_seconds: a longer one is refused.
        info: the result of `probe`, if known.

    Raises:
        AudioError: unreadable, empty, shorter than 0.1 s, longer than `max_seconds`, or truncated.
    """
    path = Path(path)
    if info is None:
        info = probe(path)
    else:
        _check_size(path, MAX_BYTES)
    if info.seconds > max_seconds:
        raise _too_long(path, max_seconds)
    if info.seconds < MIN_SECONDS and info.format not in DEMUXERS:
        raise _too_short(path, info.seconds)
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"RIFF"):
        (claimed,) = struct.unpack("<I", head[4:])
        # A writer that cannot seek back leaves a size near the maximum.
        if path.stat().st_size + CUT_BYTES < claimed < 0x7FFF_0000:
            raise AudioError(
                "audio_cut_short",
                f"{path.name} is shorter than its header says: it was cut off while being copied. Copy it again.",
                name=path.name,
            )
    return info


def decode(path: Path | str, max_seconds: float = MAX_SECONDS, span: tuple[float, float] | None = None) -> np.ndarray:
    """Decodes a sound file of any rate and channel count, or a part of one, see `read_sound`.

    Returns:
        float32 [samples], mono, 16 kHz, full scale = 1.
    """
    return read_sound(path, max_seconds, span).wave


def read_sound(path: Path | str, max_seconds: float = MAX_SECONDS, span: tuple[float, float] | None = None) -> Sound:
    """Decodes a sound file of any rate and channel count, or a part of one, and tells what was wrong with it.

    Args:
        path: wav, flac, mp3, ogg, opus, aiff, aac, m4a, mp4 or webm.
        max_seconds: a longer file or part is refused, going by the decoded sound and not by the header.
        span: start and end in seconds; the file itself may then be of any length. By default, all of it.

    Raises:
        AudioError: unreadable, empty, shorter than 0.1 s, longer than `max_seconds`, completely silent, or without
            the requested part; or `probe` refuses its sample rate or number of channels.
    """
    path = Path(path)
    start, end = span or (0.0, math.inf)
    info = probe(path, MAX_SOURCE_BYTES if span else MAX_BYTES)
    known = info.seconds or math.inf
    if span and not (0 <= start < min(end, known) and (math.isinf(end) or end <= known + OVERSHOOT_SECONDS)):
        raise AudioError(
            "audio_no_such_part",
            f"{path.name} has no part from {start:.2f} to {end:.2f} s: it is {info.seconds:.2f} s long.",
            name=path.name,
        )
    if min(end, info.seconds) - start > max_seconds:
        raise _too_long(path, max_seconds)
    mix, found = Mix(), None
    while found != mix:  # most files are decoded once; others again, as what they hold demands
        mix = found or mix
        wave, found = _mixed(path, info, mix, max_seconds, start, end)
    if level(wave).peak_dbfs < SILENCE_DBFS:
        name = f"{path.name} ({start:.2f} to {min(end, known):.2f} s)" if span else path.name
        raise AudioError(
            "audio_silent",
            f"{name} is silent from start to end. Check that the right microphone is selected and not muted.",
            name=name,
        )
    changed = {
        "channels_cancel": mix.channel is not None,
        "samples_over": mix.scale > 1,
        "length_wrong": info.format.startswith("WAV") and bool(wav_header.patches(path)),
    }
    noted = info.comment.removeprefix(NOTED).split() if info.comment.startswith(NOTED) else []
    return Sound(wave, tuple(kind for kind in CHANGES if changed[kind] or kind in noted))


def _mixed(path: Path, info: AudioInfo, mix: Mix, max_seconds: float, start: float, end: float) -> tuple[np.ndarray, Mix]:
    """Decodes and resamples the sound, mixed in some way; returns it with the way in which it should be mixed."""
    parts, samples, rate, mixer = [], 0, info.sample_rate, Mixer(mix)
    # Block by block: a high rate must not cost memory for the whole of it. The samples are those of soxr.resample.
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ") if rate != SAMPLE_RATE else None
    try:
        for block in blocks(path, info, start, end):
            samples += len(block)
            if samples > max_seconds * rate:
                raise _too_long(path, max_seconds)
            mono = mixer.mixed(block)
            parts.append(stream.resample_chunk(mono) if stream else mono)
    except soundfile.SoundFileError as error:
        raise unreadable(path) from error
    if samples < MIN_SECONDS * rate:
        raise _too_short(path, samples / rate)
    if stream:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    wave = np.concatenate(parts)
    np.clip(wave, -1.0, 1.0, out=wave)
    return wave, mixer.better()


def level(wave: np.ndarray) -> Level:
    """Measures loudness.

    Args:
        wave: float32 [samples], full scale = 1.
    """
    magnitude = np.abs(wave)
    floor = 1e-10  # -200 dBFS, so that digital silence has a level
    return Level(
        peak_dbfs=float(20 * np.log10(max(float(magnitude.max(initial=0.0)), floor))),
        clipped=float(np.mean(magnitude >= CLIPPING)),
    )


def sixteen_bits(wave: np.ndarray) -> np.ndarray:
    """Converts float32 [samples], full scale = 1, to int16 [samples]; samples from a 16-bit file are restored exactly."""
    return np.clip(np.rint(wave * 32_768.0), -32_768, 32_767).astype(np.int16)


def fingerprint(wave: np.ndarray) -> str:
    """Returns the SHA-256 of float32 [samples] at 16 kHz: the same for a recording and its copy in another lossless format.

    A trimmed, amplified or lossily compressed copy has a different one.
    """
    return hashlib.sha256(sixteen_bits(wave).astype("<i2").tobytes()).hexdigest()


def write_flac(path: Path, wave: np.ndarray, changes: Sequence[str] = ()) -> None:
    """Writes float32 [samples] at 16 kHz as 16-bit FLAC, atomically; `decode` returns them as rounded by `sixteen_bits`.

    Args:
        path: the file.
        wave: the samples.
        changes: of `CHANGES`, kept with the sound.

    Raises:
        OSError: the disk is full.
    """
    packed = packed_flac(wave, changes)  # libsndfile would report a full disk as an error of its own
    with replacing(path) as temporary:
        temporary.write_bytes(packed)


def packed_flac(wave: np.ndarray, changes: Sequence[str] = ()) -> memoryview:
    """Returns the bytes of the file that `write_flac` writes."""
    packed = io.BytesIO()
    # libsndfile would write floats scaled by 32,767 and read them by 32,768: each copy of a copy would be a little quieter.
    with soundfile.SoundFile(packed, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
        if changes:
            file.comment = NOTED + " ".join(changes)
        file.write(sixteen_bits(wave))
    return packed.getbuffer()


def _too_short(path: Path, seconds: float) -> AudioError:
    return AudioError(
        "audio_too_short",
        f"{path.name} has {seconds:.2f} s of sound; at least {MIN_SECONDS} s is needed.",
        name=path.name,
    )


def _too_long(path: Path, max_seconds: float) -> AudioError:
    return AudioError(
        "audio_too_long",
        f"{path.name} is longer than {max_seconds:.0f} s. Cut it into shorter clips.",
        name=path.name,
        limit=round(max_seconds),
    )

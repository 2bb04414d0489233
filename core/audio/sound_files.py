"""Reads sound files as mono float32 at 16 kHz: probing, bounded decoding, resampling, levels."""

from __future__ import annotations

import hashlib
import io
import math
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from core.errors import AudioError
from core.storage.files import replacing

SAMPLE_RATE = 16_000  # Hz; what every model here was pretrained on
MIN_SECONDS = 0.1  # shorter than one phone; nothing to recognise
MAX_CLIP_SECONDS = 30.0  # Whisper's window; a batch of longer clips does not fit the memory of a laptop
MAX_SECONDS = 600.0  # of one file; decoded that is 38 MB
DURATIONS = 20_000  # of files, remembered: a few large sets
MAX_BYTES = 200_000_000  # of one file on disk
MAX_SOURCE_BYTES = 4_000_000_000  # of a file of which only parts are used, such as an interview
OVERSHOOT_SECONDS = 0.5  # times in other people's annotations may end a little after the sound does
MIN_RATE, MAX_RATE = 4_000, 384_000  # Hz; lower rates lose speech, and no recorder uses higher ones
MAX_CHANNELS = 64  # of the largest recorders; formats allow 65,535
BLOCK_SECONDS = 10.0  # decoded at a time, so that a small file that unpacks to hours is stopped early
BLOCK_VALUES = 2**20  # of all channels in such a block at most, 4 MB
LONGEST_FRAME = 65_536  # samples of a channel, in FLAC; that many may always be unpacked at once
SILENCE_DBFS = -60.0  # a recording whose loudest sample is below this holds no speech
CLIPPING = 0.999  # of full scale
CUT_BYTES = 1024  # missing at a WAV's end, 0.03 s: more than padding
UNKNOWN_FRAMES = 2**62  # libsndfile claims more where a FLAC was written into a pipe, and then cannot read it

# What soundfile does not read, by the bytes it starts with: (offset, magic, ffmpeg demuxer). The demuxer is named
# explicitly so that no other one, such as a playlist that opens further files, can be chosen by the content.
_CONTAINERS = ((4, b"ftyp", "mov"), (0, b"\x1aE\xdf\xa3", "matroska"), (0, b"fLaC", "flac"))
_DEMUXERS = frozenset(demuxer for _, _, demuxer in _CONTAINERS)


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file's header says.

    Attributes:
        seconds: duration; 0.0 if it is unknown before decoding.
        sample_rate: in Hz.
        channels: number of channels.
        format: e.g. "WAV", "FLAC", "mov".
    """

    seconds: float
    sample_rate: int
    channels: int
    format: str


@dataclass(frozen=True)
class Level:
    """How loud a recording is.

    Attributes:
        peak_dbfs: loudest sample in dB relative to full scale.
        clipped: share of samples at full scale, 0 to 1.
    """

    peak_dbfs: float
    clipped: float


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
    info = _probe(path)
    _check_layout(path, info.sample_rate, info.channels)
    return info


def _probe(path: Path) -> AudioInfo:
    try:
        info = soundfile.info(_name(path))
    except soundfile.SoundFileError:
        return _probe_container(path)
    except TypeError as error:  # a name that ends in .raw: soundfile needs parameters that raw bytes do not contain
        raise _unreadable(path) from error
    if info.frames > UNKNOWN_FRAMES:
        return _probe_container(path)
    return AudioInfo(info.duration, info.samplerate, info.channels, info.format)


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


def _check_layout(path: Path, rate: int, channels: int) -> None:
    """Refuses layouts that cost far more memory and time than the sound is worth."""
    if not MIN_RATE <= rate <= MAX_RATE:
        raise AudioError(
            "audio_rate",
            f"{path.name} has a sample rate of {rate} Hz; it must be {MIN_RATE} to {MAX_RATE} Hz. "
            f"Convert it to {SAMPLE_RATE} Hz, mono.",
            name=path.name,
            rate=rate,
            least=MIN_RATE,
            most=MAX_RATE,
        )
    if channels > MAX_CHANNELS:
        raise AudioError(
            "audio_channels",
            f"{path.name} has {channels} channels; the limit is {MAX_CHANNELS}. Convert it to mono.",
            name=path.name,
            channels=channels,
            limit=MAX_CHANNELS,
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
    return soundfile.info(path).duration


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
    if info.seconds < MIN_SECONDS and info.format not in _DEMUXERS:
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
    """Decodes a sound file of any rate and channel count, or a part of one.

    Args:
        path: wav, flac, mp3, ogg, opus, aiff, m4a, mp4 or webm.
        max_seconds: a longer file or part is refused, going by the decoded sound and not by the header.
        span: start and end in seconds; the file itself may then be of any length. By default, all of it.

    Returns:
        float32 [samples], mono, 16 kHz, full scale = 1.

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
    blocks, samples, rate = [], 0, info.sample_rate
    source = _av_blocks(path, start, end) if info.format in _DEMUXERS else _soundfile_blocks(path, info, start, end)
    # Block by block: a high rate must not cost memory for the whole of it. The samples are those of soxr.resample.
    stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ") if rate != SAMPLE_RATE else None
    try:
        for block in source:
            samples += len(block)
            if samples > max_seconds * rate:
                raise _too_long(path, max_seconds)
            block = np.nan_to_num(block, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
            blocks.append(stream.resample_chunk(block) if stream else block)
    except soundfile.SoundFileError as error:
        raise _unreadable(path) from error
    if samples < MIN_SECONDS * rate:
        raise _too_short(path, samples / rate)
    if stream:
        blocks.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    wave = np.concatenate(blocks)
    np.clip(wave, -1.0, 1.0, out=wave)
    if level(wave).peak_dbfs < SILENCE_DBFS:
        name = f"{path.name} ({start:.2f} to {min(end, known):.2f} s)" if span else path.name
        raise AudioError(
            "audio_silent",
            f"{name} is silent from start to end. Check that the right microphone is selected and not muted.",
            name=name,
        )
    return wave


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


def write_flac(path: Path, wave: np.ndarray) -> None:
    """Writes float32 [samples] at 16 kHz as 16-bit FLAC, atomically; `decode` returns them as rounded by `sixteen_bits`.

    Raises:
        OSError: the disk is full.
    """
    packed = packed_flac(wave)  # libsndfile would report a full disk as an error of its own
    with replacing(path) as temporary:
        temporary.write_bytes(packed)


def packed_flac(wave: np.ndarray) -> memoryview:
    """Returns the bytes of the file that `write_flac` writes."""
    packed = io.BytesIO()
    # libsndfile would write floats scaled by 32,767 and read them by 32,768: each copy of a copy would be a little quieter.
    soundfile.write(packed, sixteen_bits(wave), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return packed.getbuffer()


def _soundfile_blocks(path: Path, info: AudioInfo, start: float, end: float) -> Iterator[np.ndarray]:
    rate = info.sample_rate
    most = min(int(BLOCK_SECONDS * rate), BLOCK_VALUES // info.channels)
    with soundfile.SoundFile(_name(path)) as file:
        first = round(start * rate)
        if first:
            file.seek(first)
        left = math.inf if math.isinf(end) else round(end * rate) - first
        while len(block := file.read(int(min(left, most)), dtype="float32", always_2d=True)):
            left -= len(block)
            yield block.mean(axis=1)


def _name(path: Path) -> str | bytes:
    """The name under which soundfile opens a file; it refuses text with bytes that are not UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def _container(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    return next((demuxer for offset, magic, demuxer in _CONTAINERS if head[offset:].startswith(magic)), None)


def _probe_container(path: Path) -> AudioInfo:
    import av  # 60 MB of shared libraries; only phones' and browsers' formats need it

    demuxer = _container(path)
    if demuxer is None:
        raise _unreadable(path)
    try:
        with av.open(str(path), format=demuxer) as container:
            if not container.streams.audio:
                raise _unreadable(path)
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise _unreadable(path)
            seconds = float(container.duration / av.time_base) if container.duration else 0.0
            return AudioInfo(seconds, stream.rate, stream.channels, demuxer)
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(path) from error


def _av_blocks(path: Path, start: float, end: float) -> Iterator[np.ndarray]:
    import av

    try:
        with av.open(str(path), format=_container(path)) as container:
            stream = container.streams.audio[0]
            most = max(LONGEST_FRAME, BLOCK_VALUES // max(1, stream.channels))
            stream.codec_context.options = {"max_samples": str(most)}  # a packet of a few bytes may claim many more
            to_float = av.AudioResampler(format="fltp", rate=stream.rate)
            if start:
                container.seek(int(start * av.time_base))  # to the last key frame before
            at: float | None = None if start else 0.0  # when the block begins, in seconds
            for frame in container.decode(stream):
                _check_layout(path, frame.sample_rate, frame.layout.nb_channels)  # need not be what the container says
                for part in to_float.resample(frame):
                    at = (frame.time or 0.0) if at is None else at
                    if at >= end:
                        return
                    block = part.to_ndarray().mean(axis=0)  # ffmpeg's own downmix to mono would be 3 dB louder
                    last = len(block) if math.isinf(end) else round((end - at) * stream.rate)
                    yield block[max(0, round((start - at) * stream.rate)) : last]
                    at += len(block) / stream.rate
    except (av.error.FFmpegError, ValueError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> AudioError:
    return AudioError(
        "audio_unreadable",
        f"{path.name} is not a readable sound file, or it is damaged. Use wav, flac, mp3, ogg or m4a.",
        name=path.name,
    )


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

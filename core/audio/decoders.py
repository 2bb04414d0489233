"""The headers and samples of sound files, by libsndfile and, for the formats of phones and browsers, by FFmpeg."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from core.audio import wav_header
from core.errors import AudioError

SAMPLE_RATE = 16_000  # Hz; what every model here was pretrained on
MIN_RATE, MAX_RATE = 4_000, 384_000  # Hz; lower rates lose speech, and no recorder uses higher ones
MAX_CHANNELS = 64  # of the largest recorders; formats allow 65,535
BLOCK_SECONDS = 10.0  # decoded at a time, so that a small file that unpacks to hours is stopped early
BLOCK_VALUES = 2**20  # of all channels in such a block at most, 4 MB
LONGEST_FRAME = 65_536  # samples of a channel, in FLAC; that many may always be unpacked at once
UNKNOWN_FRAMES = 2**62  # libsndfile claims more where a FLAC was written into a pipe, and then cannot read it

# What soundfile does not read, by the bytes it starts with: (offset, magic, ffmpeg demuxer). The demuxer is named
# explicitly so that no other one, such as a playlist that opens further files, can be chosen by the content.
_CONTAINERS = ((4, b"ftyp", "mov"), (0, b"\x1aE\xdf\xa3", "matroska"), (0, b"fLaC", "flac"))
ADTS = "aac"  # AAC without a container: neither a length nor an index
DEMUXERS = frozenset({ADTS, *(demuxer for _, _, demuxer in _CONTAINERS)})

# Formats that are only named, so that they can be converted: (offset, magic, name).
_REFUSED = (
    (0, b"#!AMR", "AMR"),
    (0, bytes.fromhex("3026b2758e66cf11"), "WMA"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"\x02dss", "DSS"),
    (0, b"\x03ds2", "DS2"),
    (28, b"Speex   ", "Speex"),
    (28, b"aac ", "CAF with AAC"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"TTA1", "TTA"),
    (0, b"DSD ", "DSF"),
    (0, b"\x0bw", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV\x01", "FLV"),
    (188, b"G", "MPEG-TS"),  # every 188 bytes, the first checked below
    (0, b"\x00\x00\x01\xba", "MPEG"),
    (0, b"MThd", "MIDI"),
)
HEAD_BYTES = 192


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file's header says.

    Attributes:
        seconds: duration; 0.0 if it is unknown before decoding.
        sample_rate: in Hz.
        channels: number of channels.
        format: e.g. "WAV", "FLAC", "mov".
        comment: of a FLAC.
    """

    seconds: float
    sample_rate: int
    channels: int
    format: str
    comment: str = ""


def read_header(path: Path) -> AudioInfo:
    """Returns what a sound file's header says.

    Raises:
        AudioError: it is not a readable sound file, or has a sample rate or number of channels that no recorder has.
    """
    info = _probe(path)
    check_layout(path, info.sample_rate, info.channels)
    return info


def blocks(path: Path, info: AudioInfo, start: float = 0.0, end: float = math.inf) -> Iterator[np.ndarray]:
    """Yields the samples between two times in seconds, float32 [frames, channels], a bounded number at a time.

    Raises:
        AudioError: the file is damaged, or its layout is not the header's.
    """
    return _av_blocks(path, info, start, end) if info.format in DEMUXERS else _soundfile_blocks(path, info, start, end)


@contextmanager
def opened(path: Path) -> Iterator[str | bytes | BinaryIO]:
    """Gives what soundfile opens: a file's name, or a WAV read to its end although its header names a shorter length."""
    name: str | bytes = str(path) if os.name == "nt" else os.fsencode(path)  # it refuses text with bytes that are not UTF-8
    try:
        changed = wav_header.patches(path)
    except OSError:
        changed = {}
    if not changed:
        yield name
        return
    with wav_header.PatchedFile(path, changed) as file:
        yield file


def _probe(path: Path) -> AudioInfo:
    try:
        with opened(path) as name, soundfile.SoundFile(name) as file:
            frames, rate, channels, format = file.frames, file.samplerate, file.channels, file.format
            comment = file.comment if format == "FLAC" else ""
    except soundfile.SoundFileError:
        return _probe_container(path)
    except TypeError as error:  # a name that ends in .raw: soundfile needs parameters that raw bytes do not contain
        raise unreadable(path) from error
    if frames > UNKNOWN_FRAMES:
        return _probe_container(path)
    return AudioInfo(frames / rate, rate, channels, format, comment)


def check_layout(path: Path, rate: int, channels: int) -> None:
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


def _soundfile_blocks(path: Path, info: AudioInfo, start: float, end: float) -> Iterator[np.ndarray]:
    rate = info.sample_rate
    most = min(int(BLOCK_SECONDS * rate), BLOCK_VALUES // info.channels)
    with opened(path) as name, soundfile.SoundFile(name) as file:
        first = round(start * rate)
        if first:
            file.seek(first)
        left = math.inf if math.isinf(end) else round(end * rate) - first
        while len(block := file.read(int(min(left, most)), dtype="float32", always_2d=True)):
            left -= len(block)
            yield block


def _container(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if head.startswith(b"ID3"):  # before AAC as before MP3; its length in 7 bits a byte
            file.seek(10 + sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(head[6:10]))))
            first = file.read(2)
        else:
            first = head[:2]
    if len(first) == 2 and first[0] == 0xFF and first[1] & 0xF6 == 0xF0:
        return ADTS
    return _named(head, _CONTAINERS)


def _named(head: bytes, formats: Sequence[tuple[int, bytes, str]]) -> str | None:
    return next((name for offset, magic, name in formats if head[offset:].startswith(magic)), None)


def _probe_container(path: Path) -> AudioInfo:
    import av  # 60 MB of shared libraries; only phones' and browsers' formats need it

    demuxer = _container(path)
    if demuxer is None:
        raise _unsupported(path) or unreadable(path)
    try:
        with av.open(str(path), format=demuxer) as container:
            if not container.streams.audio:
                raise unreadable(path)
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise unreadable(path)
            # FFmpeg guesses the length of AAC without a container.
            seconds = float(container.duration / av.time_base) if container.duration and demuxer != ADTS else 0.0
            return AudioInfo(seconds, stream.rate, stream.channels, demuxer)
    except (av.error.FFmpegError, ValueError) as error:
        raise unreadable(path) from error


def _av_blocks(path: Path, info: AudioInfo, start: float, end: float) -> Iterator[np.ndarray]:
    import av

    try:
        with av.open(str(path), format=info.format) as container:
            stream = container.streams.audio[0]
            most = max(LONGEST_FRAME, BLOCK_VALUES // max(1, stream.channels))
            stream.codec_context.options = {"max_samples": str(most)}  # a packet of a few bytes may claim many more
            to_float = av.AudioResampler(format="fltp", rate=stream.rate)
            at: float | None = 0.0  # when the block begins, in seconds
            if start and info.format != ADTS:
                container.seek(int(start * av.time_base))  # to the last key frame before
                at = None
            for frame in container.decode(stream):
                check_layout(path, frame.sample_rate, frame.layout.nb_channels)  # need not be what the container says
                for part in to_float.resample(frame):
                    at = (frame.time or 0.0) if at is None else at
                    if at >= end:
                        return
                    block = part.to_ndarray().T
                    last = len(block) if math.isinf(end) else round((end - at) * stream.rate)
                    yield block[max(0, round((start - at) * stream.rate)) : last]
                    at += len(block) / stream.rate
    except (av.error.FFmpegError, ValueError) as error:
        raise unreadable(path) from error


def _unsupported(path: Path) -> AudioError | None:
    """Returns an error that says how to convert a file of a known format that is not read here."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    format = _named(head, _REFUSED)
    if format is None or (format == "MPEG-TS" and head[:1] != b"G"):
        return None
    safe = path.name if not path.name.startswith("-") else f"./{path.name}"
    command = f"ffmpeg -i {shlex.quote(safe)} {shlex.quote(safe.rpartition('.')[0] or safe)}.wav"
    return AudioError(
        "audio_format",
        f"{path.name}: the format {format} is not supported. Convert it to WAV: {command}",
        name=path.name,
        format=format,
        command=command,
    )


def unreadable(path: Path) -> AudioError:
    """Returns the error for a file that is no sound, or damaged."""
    return AudioError(
        "audio_unreadable",
        f"{path.name} is not a readable sound file, or it is damaged. Use wav, flac, mp3, ogg or m4a.",
        name=path.name,
    )

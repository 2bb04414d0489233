"""A WAV whose recorder was stopped is read to its end; one with tags after the sound is not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import check, decode, duration, probe, read_sound
from core.audio.wav_header import patches
from core.errors import AudioError
from tests.conftest import tone

SPEECH = tone(1.0, 300)
LENGTH = 4  # bytes of a chunk's length, after its id


def made(path: Path, format: str = "WAV", subtype: str = "PCM_16") -> bytearray:
    soundfile.write(path, SPEECH, 16_000, format=format, subtype=subtype)
    return bytearray(path.read_bytes())


def claim(content: bytearray, data: int, riff: int) -> bytearray:
    at = content.index(b"data") + 4
    content[4:8], content[at : at + LENGTH] = struct.pack("<I", riff), struct.pack("<I", data)
    return content


@pytest.mark.parametrize(
    ("format", "subtype"),
    [
        *(("WAV", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "GSM610")),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
    ],
)
@pytest.mark.parametrize(("data", "riff"), [(0, 0), (0, 36), (0, 0xFFFF_FFFF), (2_000, 2_036), (2_000, 0)])
def test_a_length_too_short_is_read_to_the_end(tmp_path: Path, format: str, subtype: str, data: int, riff: int) -> None:
    path = tmp_path / "a.wav"
    content = made(path, format, subtype)
    whole = decode(path)
    if format == "RF64":
        at = content.index(b"ds64") + 16  # the sound's length, after the chunk's head and the file's length
        content[at : at + 8] = struct.pack("<Q", data)
    else:
        claim(content, data, riff)
    path.write_bytes(content)
    assert probe(path).seconds == duration(path) == check(path).seconds == pytest.approx(1.0, abs=0.05)
    sound = read_sound(path)
    np.testing.assert_array_equal(sound.wave, whole)
    assert sound.changes == ("length_wrong",)


def test_a_part_beyond_the_claimed_length_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(claim(made(path), 2_000, 2_036))
    np.testing.assert_allclose(decode(path, span=(0.25, 0.75)), SPEECH[4_000:12_000], atol=1e-4)


@pytest.mark.parametrize(
    "after",
    [
        b"LIST" + struct.pack("<I", 10) + b"INFOISFT" + bytes(2),
        b"odd " + struct.pack("<I", 3) + b"abc",  # its padding byte is missing
        b"note" + struct.pack("<I", 4_000) + bytes(4_000) + b"more" + struct.pack("<I", 0),
        b"ID3\x04" + bytes(5_000),
        b"TAG" + bytes(125),
        bytes(512),
        b"",
    ],
)
def test_what_follows_the_sound_may_be_no_sound(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(made(path) + after)
    sound = read_sound(path)
    assert (len(sound.wave), sound.changes) == (16_000, ())


def test_a_wav_without_sound_stays_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(claim(made(path), 0, 36)[:44] + b"LIST" + struct.pack("<I", 4) + b"INFO")
    with pytest.raises(AudioError, match=r"0\.00 s of sound"):
        decode(path)


@pytest.mark.parametrize("data", [32_000, 0xFFFF_FFFF, 0x7FFF_FFFF])
def test_other_lengths_are_left_to_the_reader(tmp_path: Path, data: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(claim(made(path), data, 0))
    assert patches(path) == {}
    assert len(decode(path)) == 16_000


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt ", b"RIFF\0\0\0\0WAVE" + bytes(100_000), b"RIFF\0\0\0\0AVI LIST"],
)
def test_what_is_no_wav_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert patches(path) == {}

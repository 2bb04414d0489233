"""Sound files in: what decodes, what is refused, and how."""

from __future__ import annotations

import math
import os
import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from core.audio import decoders, sound_files
from core.audio.sound_files import (
    SAMPLE_RATE,
    check,
    decode,
    duration,
    fingerprint,
    level,
    probe,
    read_sound,
    sixteen_bits,
    write_flac,
)
from core.errors import AudioError
from tests.conftest import tone

HERTZ = 440.0


def at_rate(rate: int, channels: int = 1, seconds: float = 1.0) -> np.ndarray:
    """The tone as float32 [samples, channels] at `rate`."""
    wave = soxr.resample(tone(seconds, HERTZ), SAMPLE_RATE, rate)
    return np.repeat(wave[:, None], channels, axis=1)


def encode(path: Path, sound: np.ndarray, rate: int, codec: str, container: str, **options: str) -> Path:
    """Writes float32 [samples, channels] with a codec that soundfile lacks."""
    layout = "mono" if sound.shape[1] == 1 else "stereo"
    sample_format = {"libopus": "s16", "pcm_u8": "u8"}.get(codec, "fltp")
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T, np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        for part in av.AudioResampler(format=sample_format, layout=layout, rate=rate).resample(frame):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def wav(path: Path, sound: np.ndarray, rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, sound, rate, format="WAV", subtype=subtype)
    return path


def silent_flac(path: Path, seconds: int, rate: int = 8_000) -> Path:
    with soundfile.SoundFile(path, "w", rate, 1, format="FLAC") as file:
        for _ in range(seconds // 60):
            file.write(np.zeros(60 * rate, np.int16))
    return path


def without_length(flac: Path) -> Path:
    """Sets the header's sample count to 0, "unknown": what an encoder writes that cannot go back, such as into a pipe."""
    data = bytearray(flac.read_bytes())
    data[21] &= 0xF0  # the count is 36 bits: the low half of byte 21 and bytes 22 to 25
    data[22:26] = bytes(4)
    flac.write_bytes(data)
    return flac


def strongest_hertz(wave: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(wave))


def assert_is_the_tone(wave: np.ndarray, seconds: float = 1.0, padding: float = 0.05) -> None:
    """`padding`: seconds that the codec may add or take away."""
    assert wave.dtype == np.float32
    assert wave.ndim == 1
    assert len(wave) / SAMPLE_RATE == pytest.approx(seconds, abs=padding)
    assert strongest_hertz(wave) == pytest.approx(HERTZ, abs=3)
    assert np.sqrt(np.mean(np.square(wave))) == pytest.approx(0.15, abs=0.025)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize(("suffix", "padding"), [("wav", 0.001), ("flac", 0.001), ("ogg", 0.01), ("mp3", 0.3)])
def test_common_formats_become_mono_at_16_khz(tmp_path: Path, suffix: str, padding: float, rate: int, channels: int) -> None:
    path = tmp_path / f"clip.{suffix}"
    soundfile.write(path, at_rate(rate, channels), rate)
    assert_is_the_tone(decode(path), padding=padding)
    info = probe(path)
    assert (info.sample_rate, info.channels) == (rate, channels)
    assert info.seconds == pytest.approx(1.0, abs=padding)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    ("suffix", "codec", "container", "rate"),
    [
        ("m4a", "aac", "ipod", 16_000),
        ("m4a", "aac", "ipod", 44_100),
        ("m4a", "aac", "ipod", 48_000),
        ("mp4", "aac", "mp4", 44_100),
        ("webm", "libopus", "webm", 48_000),
        ("opus", "libopus", "ogg", 48_000),
    ],
)
def test_formats_of_phones_and_browsers_decode(
    tmp_path: Path, suffix: str, codec: str, container: str, rate: int, channels: int
) -> None:
    path = encode(tmp_path / f"clip.{suffix}", at_rate(rate, channels), rate, codec, container)
    assert_is_the_tone(decode(path), padding=0.15)
    assert probe(path).channels == channels


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM", "GSM610"])
def test_wav_decodes_in_every_coding_that_recorders_and_telephones_write(tmp_path: Path, subtype: str) -> None:
    path = wav(tmp_path / "clip.wav", at_rate(8_000), 8_000, subtype)
    assert_is_the_tone(decode(path), padding=0.1)


@pytest.mark.parametrize("tagged", [False, True])
def test_aac_without_a_container_decodes(tmp_path: Path, tagged: bool) -> None:
    path = encode(tmp_path / "a.aac", at_rate(44_100, 2, seconds=3), 44_100, "aac", "adts")
    if tagged:  # as HTTP streams have it
        path.write_bytes(b"ID3\x04\0\0" + bytes([0, 0, 1, 2]) + bytes(130) + path.read_bytes())
    assert probe(path).format == "aac"
    assert check(path).seconds == 0  # no header says it
    assert_is_the_tone(decode(path), seconds=3, padding=0.1)
    np.testing.assert_allclose(decode(path, span=(1.0, 2.0))[100:-100], decode(path)[16_100:31_900], atol=1e-4)
    with pytest.raises(AudioError, match=r"a\.aac is longer than 1 s"):
        decode(path, 1.0)


GUID = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("call.amr", b"#!AMR\n", "call.amr: the format AMR is not supported. Convert it to WAV: ffmpeg -i call.amr call.wav"),
        ("a b.wma", GUID, "a b.wma: the format WMA is not supported. Convert it to WAV: ffmpeg -i 'a b.wma' 'a b'.wav"),
        ("-x.ra", b".ra\xfd", "Convert it to WAV: ffmpeg -i ./-x.ra ./-x.wav"),
        ("dictation", b"\x03ds2", "the format DS2 is not supported. Convert it to WAV: ffmpeg -i dictation dictation.wav"),
        ("a.spx", b"OggS" + bytes(24) + b"Speex   1.2", "Speex"),
        ("a.caf", b"caff\0\1\0\0desc" + bytes(16) + b"aac ", "CAF with AAC"),
        ("a.avi", b"RIFF\0\0\0\0AVI LIST", "AVI"),
        ("a.ts", b"G" + bytes(187) + b"G", "MPEG-TS"),
    ],
)
def test_a_format_that_is_not_read_is_named_with_how_to_convert_it(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content + bytes(1_000))
    with pytest.raises(AudioError) as caught:
        decode(tmp_path / name)
    assert message in str(caught.value)
    assert caught.value.reason == "audio_format"
    assert str(caught.value.details["command"]) in str(caught.value)


def test_what_was_wrong_with_a_sound_goes_with_it(tmp_path: Path) -> None:
    write_flac(tmp_path / "a.flac", tone(0.5), ("samples_over", "length_wrong"))
    assert read_sound(tmp_path / "a.flac").changes == ("samples_over", "length_wrong")
    write_flac(tmp_path / "b.flac", tone(0.5))
    assert read_sound(tmp_path / "b.flac").changes == ()
    with soundfile.SoundFile(tmp_path / "c.flac", "w", SAMPLE_RATE, 1, format="FLAC") as file:
        file.comment = "attune: rm -rf channels_cancel <script>"
        file.write(tone(0.5))
    assert read_sound(tmp_path / "c.flac").changes == ("channels_cancel",)


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.flac", at_rate(16_000))
    assert_is_the_tone(decode(path))


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(1.0, 300), tone(1.0, 700)
    path = wav(tmp_path / "stereo.wav", np.stack([left, right], axis=1))
    np.testing.assert_allclose(decode(path), (left + right) / 2, atol=1e-4)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_do_no_harm(tmp_path: Path, bad: float, rate: int) -> None:
    sound = at_rate(rate)
    sound[len(sound) // 3] = bad
    wave = decode(wav(tmp_path / "bad.wav", sound, rate, "FLOAT"))
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() <= 1.0
    assert strongest_hertz(wave) == pytest.approx(HERTZ, abs=3)


def test_a_float_wav_of_nothing_but_nan_is_silent(tmp_path: Path) -> None:
    path = wav(tmp_path / "nan.wav", np.full(16_000, np.nan), subtype="FLOAT")
    with pytest.raises(AudioError, match="nan.wav is silent") as caught:
        decode(path)
    assert caught.value.reason == "audio_silent"


@pytest.mark.parametrize(
    ("name", "content", "reason", "message"),
    [
        ("gone.wav", None, "audio_missing", "no file .*gone.wav"),
        ("empty.wav", b"", "audio_empty", "empty.wav is empty"),
        ("page.wav", b"<!doctype html><html><body>404 Not Found</body></html>" * 20, "audio_unreadable", "page.wav"),
        ("noise.wav", np.random.default_rng(0).bytes(4_000), "audio_unreadable", "noise.wav"),
        ("noise.raw", np.random.default_rng(0).bytes(4_000), "audio_unreadable", "noise.raw"),
        ("riff.wav", b"RIFF\x24\x00\x00\x00WAVE", "audio_unreadable", "riff.wav"),
        ("mark.flac", b"fLaC", "audio_unreadable", "mark.flac"),
        ("type.m4a", b"\x00\x00\x00\x18ftypM4A " + bytes(400), "audio_unreadable", "type.m4a"),
        ("ebml.webm", b"\x1aE\xdf\xa3" + bytes(400), "audio_unreadable", "ebml.webm"),
        ("note.txt", "Größe".encode() * 100, "audio_unreadable", "note.txt"),
    ],
)
def test_what_is_no_sound_is_refused(tmp_path: Path, name: str, content: bytes | None, reason: str, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    for function in (probe, decode):
        with pytest.raises(AudioError, match=message) as caught:
            function(path)
        assert caught.value.reason == reason


def test_a_folder_is_no_sound_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no file") as caught:
        decode(tmp_path)
    assert caught.value.reason == "audio_missing"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
@pytest.mark.parametrize("suffix", ["flac", "m4a"])
def test_a_file_cut_short_in_transfer_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"cut.{suffix}"
    if suffix == "m4a":
        encode(path, at_rate(44_100), 44_100, "aac", "ipod")
    else:
        soundfile.write(path, at_rate(16_000), 16_000)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(AudioError, match="damaged") as caught:
        decode(path)
    assert caught.value.reason == "audio_unreadable"


def test_a_wav_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    path = wav(tmp_path / "cut.wav", tone(2.0, HERTZ))
    path.write_bytes(path.read_bytes()[:32_044])
    np.testing.assert_allclose(decode(path), tone(2.0, HERTZ)[:16_000], atol=1e-4)


def test_an_m4a_of_an_unknown_codec_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "odd.m4a", at_rate(44_100), 44_100, "aac", "ipod")
    data = path.read_bytes()
    assert data.count(b"mp4a") == data.count(b"\x40\x15") == 1  # the codec by name and by number
    path.write_bytes(data.replace(b"mp4a", b"\x84\x00zz").replace(b"\x40\x15", b"\xff\x15"))
    with pytest.raises(AudioError, match="odd.m4a is not a readable sound file") as caught:
        decode(path)
    assert caught.value.reason == "audio_unreadable"


def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        file.mux(stream.encode(None))
    with pytest.raises(AudioError, match="film.mp4") as caught:
        decode(path)
    assert caught.value.reason == "audio_unreadable"


def test_damaged_bytes_raise_nothing_but_audio_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = [wav(tmp_path / "a.wav", at_rate(16_000, seconds=0.5), subtype="IMA_ADPCM")]
    whole.append(encode(tmp_path / "a.m4a", at_rate(44_100, seconds=0.5), 44_100, "aac", "ipod"))
    whole.append(encode(tmp_path / "a.webm", at_rate(48_000, seconds=0.5), 48_000, "libopus", "webm"))
    refused, read = 0, 0
    for source in whole:
        for _ in range(60):
            data = bytearray(source.read_bytes())
            header = min(len(data), 1_000)
            for place in (*rng.integers(header, size=3), *(len(data) - 1 - rng.integers(header, size=3))):
                data[place] = rng.integers(256)
            path = tmp_path / f"damaged{source.suffix}"
            path.write_bytes(data)
            try:
                wave = decode(path)
            except AudioError:
                refused += 1
            else:
                read += 1
                assert np.isfinite(wave).all()
    assert refused > 0
    assert read > 0


@pytest.mark.parametrize("knows_length", [True, False])
@pytest.mark.parametrize("max_seconds", [30.0, 600.0])
def test_an_hour_in_a_small_file_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_seconds: float, knows_length: bool
) -> None:
    path = silent_flac(tmp_path / "hour.flac", 3_600)
    if not knows_length:
        without_length(path)
    assert path.stat().st_size < 500_000
    unpacked = 0
    read = soundfile.SoundFile.read

    def counted(self: soundfile.SoundFile, *args: object, **options: object) -> np.ndarray:
        nonlocal unpacked
        block = read(self, *args, **options)
        unpacked += len(block)
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    with pytest.raises(AudioError, match=f"hour.flac is longer than {max_seconds:.0f} s") as caught:
        decode(path, max_seconds)
    assert caught.value.reason == "audio_too_long"
    assert caught.value.details["limit"] == max_seconds
    assert unpacked <= (max_seconds + decoders.BLOCK_SECONDS) * 8_000


@pytest.mark.parametrize(("rate", "channels"), [(384_000, 1), (96_000, 8), (16_000, 64)])
def test_memory_follows_what_is_kept_and_not_rate_or_channels(tmp_path: Path, rate: int, channels: int) -> None:
    seconds, path = 20, tmp_path / "fine.wav"
    with soundfile.SoundFile(path, "w", rate, channels, subtype="PCM_U8") as file:
        for _ in range(seconds):
            file.write(np.full((rate, channels), 8_192, np.int16))
    tracemalloc.start()
    wave = decode(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(wave) == seconds * SAMPLE_RATE
    of_source = 4 * seconds * rate * channels  # bytes as float32
    assert peak < 5 * 4 * decoders.BLOCK_VALUES + 4 * wave.nbytes < of_source


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 44_100, 48_000, 192_000])
def test_block_by_block_the_samples_are_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: int) -> None:
    monkeypatch.setattr(decoders, "BLOCK_VALUES", 2_999)
    sound = np.random.default_rng(0).integers(-32_768, 32_768, (2 * rate + 17, 2)).astype(np.int16)
    wave = decode(wav(tmp_path / "noise.wav", sound, rate))
    whole = soxr.resample((sound / np.float32(32_768)).mean(axis=1), rate, SAMPLE_RATE, quality="HQ")
    np.testing.assert_array_equal(wave, whole.clip(-1.0, 1.0))


@pytest.mark.parametrize("rate", [1, 3_999, 384_010, 655_350])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_rate_that_no_recorder_has_is_refused(tmp_path: Path, suffix: str, rate: int) -> None:
    path = tmp_path / f"odd.{suffix}"
    soundfile.write(path, np.full(2 * rate, 0.5), rate)
    for function in (probe, check, decode):
        with pytest.raises(AudioError, match=f"odd.{suffix} has a sample rate of {rate} Hz") as caught:
            function(path)
        assert caught.value.reason == "audio_rate"


@pytest.mark.parametrize(("channels", "fits"), [(64, True), (65, False), (1_024, False)])
def test_channels_have_a_limit(tmp_path: Path, channels: int, fits: bool) -> None:
    path = wav(tmp_path / "many.wav", at_rate(16_000, channels))
    if fits:
        assert_is_the_tone(decode(path))
        return
    for function in (probe, check, decode):
        with pytest.raises(AudioError, match=f"many.wav has {channels} channels") as caught:
            function(path)
        assert caught.value.reason == "audio_channels"


def test_a_container_s_rate_has_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("pcm_u8", rate=655_350, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.full((1, 100_000), 200, np.uint8), format="u8", layout="mono")
        frame.sample_rate = 655_350
        file.mux(stream.encode(frame))
    with pytest.raises(AudioError, match="sample rate of 655350 Hz") as caught:
        probe(path)
    assert caught.value.reason == "audio_rate"


def test_a_container_s_frame_is_not_unpacked_when_it_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "long.mkv", at_rate(48_000, seconds=3), 48_000, "pcm_u8", "matroska")
    assert_is_the_tone(decode(path), seconds=3)
    monkeypatch.setattr(decoders, "BLOCK_VALUES", decoders.LONGEST_FRAME)  # 1.4 s; the file has one frame of 3 s
    with pytest.raises(AudioError, match="long.mkv") as caught:
        decode(path)
    assert caught.value.reason == "audio_unreadable"


def test_a_recording_without_a_length_is_refused_by_what_it_holds(tmp_path: Path) -> None:
    path = encode(tmp_path / "live.webm", at_rate(48_000, seconds=12), 48_000, "libopus", "webm", live="1")
    assert probe(path).seconds == 0.0
    assert_is_the_tone(decode(path), seconds=12)
    with pytest.raises(AudioError, match="live.webm is longer than 5 s") as caught:
        decode(path, max_seconds=5)
    assert caught.value.reason == "audio_too_long"


def test_a_flac_without_a_length_decodes(tmp_path: Path) -> None:
    path = tmp_path / "piped.flac"
    soundfile.write(path, at_rate(16_000), 16_000)
    assert_is_the_tone(decode(without_length(path)))


def test_a_wav_without_a_length_decodes(tmp_path: Path) -> None:
    path = wav(tmp_path / "piped.wav", at_rate(16_000))
    data = bytearray(path.read_bytes())
    start = data.index(b"data") + 4
    data[4:8] = data[start : start + 4] = b"\xff" * 4
    path.write_bytes(data)
    assert_is_the_tone(decode(path))


@pytest.mark.parametrize(("limit", "fits"), [(0.9, False), (1.0, True), (1.1, True)])
def test_max_seconds_is_inclusive(tmp_path: Path, limit: float, fits: bool) -> None:
    path = wav(tmp_path / "second.wav", at_rate(16_000))
    if fits:
        assert len(decode(path, limit)) == 16_000
    else:
        with pytest.raises(AudioError, match="second.wav is longer") as caught:
            decode(path, limit)
        assert caught.value.reason == "audio_too_long"


def test_a_file_too_large_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wav(tmp_path / "large.wav", at_rate(16_000))
    monkeypatch.setattr(sound_files, "MAX_BYTES", path.stat().st_size)
    assert len(decode(path)) == 16_000
    monkeypatch.setattr(sound_files, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(AudioError, match="large.wav has .* MB; the limit") as caught:
        decode(path)
    assert caught.value.reason == "audio_too_large"


@pytest.mark.parametrize("samples", [0, 1, 1_599])
def test_too_short_is_refused(tmp_path: Path, samples: int) -> None:
    path = wav(tmp_path / "short.wav", np.full(samples, 0.5))
    with pytest.raises(AudioError, match=r"short.wav has 0\.\d\d s") as caught:
        decode(path)
    assert caught.value.reason == "audio_too_short"


@pytest.mark.parametrize("loudest", [0.0, 0.0005])
def test_silence_is_refused(tmp_path: Path, loudest: float) -> None:
    path = wav(tmp_path / "silent.wav", np.full(16_000, loudest))
    with pytest.raises(AudioError, match="silent.wav is silent from start to end") as caught:
        decode(path)
    assert caught.value.reason == "audio_silent"


def test_a_whisper_above_the_floor_is_kept(tmp_path: Path) -> None:
    assert len(decode(wav(tmp_path / "quiet.wav", np.full(16_000, 0.002)))) == 16_000


@pytest.fixture
def doorbell() -> Iterator[socket.socket]:
    """A server that nobody may ring at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("name", ["list.m4a", "list.webm", "list.wav", "list.m3u8"])
@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1.0,\n{wav}\n#EXTINF:1.0,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{wav}'\nfile '{url}'\n",
        "0000ftyp\n#EXTM3U\n#EXTINF:1.0,\n{url}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>',
    ],
)
def test_a_playlist_is_refused_and_opens_nothing(tmp_path: Path, doorbell: socket.socket, playlist: str, name: str) -> None:
    other = wav(tmp_path / "other.wav", at_rate(16_000))
    path = tmp_path / name
    path.write_text(playlist.format(wav=other, url=f"http://127.0.0.1:{doorbell.getsockname()[1]}/other.wav"))
    with pytest.raises(AudioError, match=name) as caught:
        decode(path)
    assert caught.value.reason == "audio_unreadable"
    with pytest.raises(BlockingIOError):  # nobody waits at the door
        doorbell.accept()


@pytest.mark.parametrize(
    ("wave", "peak", "clipped"),
    [
        (np.ones(100), 0.0, 1.0),
        (np.r_[np.ones(25), np.full(75, 0.5)], 0.0, 0.25),
        (0.5 * np.sin(2 * np.pi * np.arange(1_600) / 16), 20 * np.log10(0.5), 0.0),
        (-0.1 * np.ones(100), -20.0, 0.0),
        (np.zeros(100), -200.0, 0.0),
    ],
)
def test_level(wave: np.ndarray, peak: float, clipped: float) -> None:
    measured = level(wave.astype(np.float32))
    assert measured.peak_dbfs == pytest.approx(peak, abs=0.01)
    assert measured.clipped == pytest.approx(clipped)


def test_write_flac_keeps_the_wave(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "clip.flac"
    write_flac(path, tone(1.0))
    np.testing.assert_allclose(decode(path), tone(1.0), atol=1 / 32_768)
    info = probe(path)
    assert (info.format, info.sample_rate, info.channels) == ("FLAC", 16_000, 1)
    assert list(path.parent.iterdir()) == [path]


def test_write_flac_clips_what_is_too_loud(tmp_path: Path) -> None:
    write_flac(tmp_path / "loud.flac", 10 * tone(1.0))
    np.testing.assert_allclose(decode(tmp_path / "loud.flac"), np.clip(10 * tone(1.0), -1, 1), atol=2 / 32_768)


def scale() -> np.ndarray:
    """Two seconds in four pitches, half a second each."""
    return np.concatenate([tone(0.5, 300.0 + 150 * i) for i in range(4)])


SPANS = [(0.0, 0.5), (0.5, 1.25), (1.5, 2.0), (1.75, math.inf), (0.0, math.inf), (1.8, 2.3)]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_part_is_as_it_is_in_the_whole(tmp_path: Path, suffix: str, span: tuple[float, float]) -> None:
    path = tmp_path / f"scale.{suffix}"
    soundfile.write(path, np.stack([scale(), scale()], axis=1), SAMPLE_RATE)
    start, end = (round(min(second, 2.0) * SAMPLE_RATE) for second in span)
    np.testing.assert_array_equal(decode(path, span=span), decode(path)[start:end])


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize(("suffix", "codec", "container"), [("m4a", "aac", "ipod"), ("webm", "libopus", "webm")])
def test_a_part_of_a_container_is_found(
    tmp_path: Path, suffix: str, codec: str, container: str, span: tuple[float, float]
) -> None:
    sound = soxr.resample(scale(), SAMPLE_RATE, 48_000)[:, None]
    path = encode(tmp_path / f"scale.{suffix}", sound, 48_000, codec, container)
    start, end = (round(min(second, 2.0) * SAMPLE_RATE) for second in span)
    part, expected = decode(path, span=span), scale()[start:end]
    frame = SAMPLE_RATE // 15  # a codec starts before the sound and fills its last frame
    assert abs(len(part) - len(expected)) <= frame
    shifts = np.correlate(np.pad(part, frame), expected[frame:-frame], "valid")
    best = int(shifts.argmax())
    heard = np.pad(part, frame)[best : best + len(expected) - 2 * frame]
    assert np.corrcoef(heard, expected[frame:-frame])[0, 1] > 0.95
    assert abs(best - 2 * frame) <= frame


@pytest.mark.parametrize(
    "span",
    [(-0.1, 0.5), (0.5, 0.5), (0.6, 0.5), (1.0, 1.4), (0.5, 1.6), (math.nan, 0.5), (0.0, math.nan), (math.inf, math.inf)],
)
def test_a_part_that_is_not_there_is_refused(tmp_path: Path, span: tuple[float, float]) -> None:
    path = wav(tmp_path / "a.wav", tone(1.0))
    with pytest.raises(AudioError, match="a.wav has no part from") as caught:
        decode(path, span=span)
    assert caught.value.reason == "audio_no_such_part"


def test_parts_of_a_file_too_large_to_decode_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = wav(tmp_path / "a.wav", tone(3.0, HERTZ))
    monkeypatch.setattr("core.audio.sound_files.MAX_BYTES", 10_000)
    with pytest.raises(AudioError, match="the limit is"):
        decode(path)
    assert len(decode(path, 1.0, (1.0, 2.0))) == 16_000
    with pytest.raises(AudioError, match="longer than 1 s"):
        decode(path, 1.0, (1.0, 2.5))


@pytest.mark.parametrize("claimed", [0xFFFF_FFFF, 0x7FFF_FFFF, 0, 36 + 32_000])
def test_a_wav_is_whole_whose_writer_could_not_go_back(tmp_path: Path, claimed: int) -> None:
    path = wav(tmp_path / "a.wav", tone(1.0))
    path.write_bytes(b"RIFF" + claimed.to_bytes(4, "little") + path.read_bytes()[8:])
    assert check(path).seconds == 1.0


def test_a_wav_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(1.0))
    path.write_bytes(path.read_bytes()[:-2_000])
    with pytest.raises(AudioError, match="a.wav is shorter than its header says") as caught:
        check(path)
    assert caught.value.reason == "audio_cut_short"


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_of_a_copy_holds_the_same_samples(tmp_path: Path, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32_768, 32_768, 16_000).astype(np.int16)
    soundfile.write(tmp_path / "first.wav", samples, 16_000)
    wave = decode(tmp_path / "first.wav")
    for name in ("second.flac", "third.flac"):
        write_flac(tmp_path / name, wave)
        wave = decode(tmp_path / name)
        np.testing.assert_array_equal(sixteen_bits(wave), samples)
        assert fingerprint(wave) == fingerprint(decode(tmp_path / "first.wav"))


def test_another_sound_has_another_fingerprint() -> None:
    wave = tone(0.5)
    other = wave.copy()
    other[100] += 1 / 32_768
    assert len({fingerprint(sound) for sound in (wave, other, wave[:-1], 0.5 * wave)}) == 4
    assert fingerprint(wave) == fingerprint(wave.copy())


def test_a_duration_is_read_anew_when_the_file_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = tmp_path / "a.flac", []
    info = soundfile.info
    monkeypatch.setattr(soundfile, "info", lambda file: read.append(file) or info(file))
    for seconds in (1.0, 2.0):
        write_flac(path, np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32))
        os.utime(path, ns=(0, int(seconds)))
        assert [duration(path), duration(str(path))] == [seconds, seconds]
    assert len(read) == 2
    path.unlink()
    with pytest.raises(soundfile.LibsndfileError):
        duration(path)

"""Augmentation does what it says it drew, and never harms a clip."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.audio.augment.augmenter import Augmenter, active_power
from core.audio.augment.noise_and_rooms import (
    LONGEST_RT60,
    MAX_SOUNDS,
    NOISES,
    SHORTEST_RT60,
    make_noise,
    make_room,
    read_sounds,
)
from core.audio.augment.settings import Augmentation
from core.audio.sound_files import MAX_SECONDS, SAMPLE_RATE, write_flac
from core.errors import RecipeError
from tests.conftest import tone

EVERYTHING = Augmentation(speed=0.1, gain=6.0, noise=1.0, reverb=1.0, telephone=1.0)
SPEECH = [tone(seconds, hertz) for seconds, hertz in zip(np.arange(1.0, 2.0, 0.1), range(150, 350, 20), strict=True)]


def drawn_from(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def power(wave: np.ndarray, low: float = 0.0, high: float = SAMPLE_RATE / 2) -> float:
    """The mean square between two frequencies in Hz."""
    spectrum = np.abs(np.fft.rfft(wave.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum())


def pitch(wave: np.ndarray) -> float:
    """The strongest frequency in Hz."""
    spectrum = np.abs(np.fft.rfft(wave, 2**19))
    return float(np.fft.rfftfreq(2**19, 1 / SAMPLE_RATE)[spectrum.argmax()])


def decay_seconds(impulse: np.ndarray) -> float:
    """RT60 by Schroeder's backward integration (1965), from the slope between -5 and -35 dB of the reverberation."""
    left = np.cumsum(np.square(impulse[1:], dtype=np.float64)[::-1])[::-1]
    decibels = 10 * np.log10(left / left[0])
    used = (decibels < -5) & (decibels > -35)
    return -60 / np.polyfit(np.flatnonzero(used) / SAMPLE_RATE, decibels[used], 1)[0]


# The choices


RANGES = {
    "speed": (0.0, 0.5),
    "gain": (0.0, 40.0),
    "noise": (0.0, 1.0),
    "snr_low": (-20.0, 60.0),
    "snr_high": (5.0, 60.0),
    "reverb": (0.0, 1.0),
    "telephone": (0.0, 1.0),
    "time_mask": (0.0, 1.0),
    "frequency_mask": (0.0, 1.0),
    "masks": (1, 20),
}


def test_every_field_is_ranged_or_a_folder() -> None:
    assert {field.name for field in dataclasses.fields(Augmentation)} == {*RANGES, "noises", "rooms"}


@pytest.mark.parametrize("name", RANGES)
def test_a_choice_is_checked_and_names_its_field(name: str) -> None:
    low, high = RANGES[name]
    beside = {"snr_high": 60.0} if name == "snr_low" else {}
    for value in (low, high):
        assert getattr(Augmentation(**{**beside, name: value}), name) == value
    for value in (low - 1, high + 1, float("nan")):
        with pytest.raises(RecipeError, match=f"^{name} must be between {low:g} and {high:g}") as caught:
            Augmentation(**{**beside, name: value})
        assert (caught.value.reason, caught.value.details["name"]) == ("recipe_range", name)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"snr_low": 12.0, "snr_high": 11.0}, "^snr_high must be between 12 and 60, not 11"),
        ({"masks": 1.5}, "^masks takes a whole number"),
        ({"noises": None}, "^noises takes a folder's name"),
        ({"rooms": 3}, "^rooms takes a folder's name"),
    ],
)
def test_choices_that_cannot_be_used(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Augmentation(**fields)


@pytest.mark.parametrize(
    ("chosen", "waves", "features"),
    [
        (Augmentation(), False, False),
        (Augmentation(snr_low=0.0, noises="somewhere", rooms="nowhere", masks=9), False, False),
        (Augmentation(speed=0.1), True, False),
        (Augmentation(gain=1.0), True, False),
        (Augmentation(noise=0.1), True, False),
        (Augmentation(reverb=0.1), True, False),
        (Augmentation(telephone=0.1), True, False),
        (Augmentation(time_mask=0.1), False, True),
        (Augmentation(frequency_mask=0.1), False, True),
    ],
)
def test_what_an_augmentation_changes(chosen: Augmentation, waves: bool, features: bool) -> None:
    assert (chosen.changes_waves, chosen.changes_features) == (waves, features)


def test_choices_survive_json() -> None:
    fields = json.loads(json.dumps(dataclasses.asdict(EVERYTHING)))
    assert Augmentation.from_json({**fields, "of_a_later_version": 1}) == EVERYTHING
    assert Augmentation.from_json({}) == Augmentation()


# The sound


def test_nothing_chosen_gives_back_the_very_same() -> None:
    augmenter, wave, features = Augmenter(Augmentation()), tone(1.0), torch.rand(8, 20)
    assert augmenter.wave(wave, drawn_from(0)) is wave
    assert augmenter.features(features, 20, drawn_from(0)) is features
    assert Augmenter(Augmentation(time_mask=0.5)).wave(wave, drawn_from(0)) is wave
    assert Augmenter(EVERYTHING).features(features, 20, drawn_from(0)) is features


def test_the_same_state_gives_the_same_sound_and_another_another() -> None:
    augmenter, wave = Augmenter(EVERYTHING, SPEECH), tone(1.5)
    wave.flags.writeable = False  # as a memory-mapped clip's is
    seen = set()
    for seed in range(12):
        one, other = augmenter.augmented(wave, drawn_from(seed)), augmenter.augmented(wave, drawn_from(seed))
        assert one.wave.tobytes() == other.wave.tobytes()
        assert dataclasses.replace(one, wave=wave).__dict__ == dataclasses.replace(other, wave=wave).__dict__
        assert augmenter.wave(wave, drawn_from(seed)).tobytes() == one.wave.tobytes()
        seen.add(one.wave.tobytes())
    assert len(seen) == 12


@pytest.mark.parametrize("level", [0.01, 3.3])
@pytest.mark.parametrize("seconds", [0.1, 1.234, 29.9, 30.0])
def test_a_sound_stays_a_sound(seconds: float, level: float) -> None:
    chosen = dataclasses.replace(EVERYTHING, speed=0.5, gain=40.0, snr_low=-20.0, snr_high=-20.0)
    wave = (level * tone(seconds)).astype(np.float32)
    for seed in range(3):
        heard = Augmenter(chosen, SPEECH).wave(wave, drawn_from(seed))
        assert heard.dtype == np.float32
        assert heard.shape == (len(heard),)
        assert len(heard) <= 30 * SAMPLE_RATE
        assert np.isfinite(heard).all()
        assert 0 < np.abs(heard).max() <= 1


@pytest.mark.parametrize("effect", [{"speed": 0.5}, {"noise": 1.0}, {"reverb": 1.0}, {"telephone": 1.0}, {"gain": 40.0}])
def test_a_clip_at_full_scale_stays_within_it(effect: dict[str, float]) -> None:
    square = np.sign(np.sin(np.arange(SAMPLE_RATE) / 7)).astype(np.float32)  # what every filter overshoots
    for seed in range(5):
        heard = Augmenter(Augmentation(**effect)).wave(square, drawn_from(seed))
        assert 0 < np.abs(heard).max() <= 1


@pytest.mark.parametrize("wave", [tone(0.099), np.zeros(16_000, np.float32), 0.0009 * tone(1.0), np.zeros(0, np.float32)])
def test_what_holds_no_speech_passes_unchanged(wave: np.ndarray) -> None:
    augmented = Augmenter(EVERYTHING, SPEECH).augmented(wave, drawn_from(0))
    assert augmented.wave is wave
    assert (augmented.speed, augmented.room, augmented.noise, augmented.telephone, augmented.gain_db) == (
        1.0,
        "",
        "",
        False,
        0.0,
    )


def test_speed_changes_length_and_pitch_by_the_rate() -> None:
    wave, rates = tone(2.0, 440.0), set()
    for seed in range(20):
        augmented = Augmenter(Augmentation(speed=0.1)).augmented(wave, drawn_from(seed))
        rates.add(augmented.speed)
        assert len(augmented.wave) == pytest.approx(len(wave) / augmented.speed, abs=1)
        assert pitch(augmented.wave) == pytest.approx(440.0 * augmented.speed, abs=0.5)
    assert min(rates) >= 0.9
    assert max(rates) <= 1.1
    assert len(rates) > 10


def test_a_long_clip_is_slowed_down_only_as_far_as_it_stays_within_thirty_seconds() -> None:
    augmenter = Augmenter(Augmentation(speed=0.5))
    for seconds, slowest in ((20.0, 0.67), (29.9, 1.0), (31.0, 1.0)):
        rates = [augmenter.augmented(tone(seconds), drawn_from(seed)).speed for seed in range(30)]
        assert slowest <= min(rates) < slowest + 0.2
        assert max(rates) > 1.2


@pytest.mark.parametrize("pause", [0.0, 2.0])
@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 20.0])
def test_the_ratio_that_is_drawn_is_the_ratio_that_is_heard(snr_db: float, pause: float) -> None:
    speech = (0.02 * np.sin(np.arange(3 * SAMPLE_RATE) / 5)).astype(np.float32)  # quiet: nothing is turned down
    wave = np.concatenate([speech, np.zeros(int(pause * SAMPLE_RATE), np.float32)])
    augmenter, seen = Augmenter(Augmentation(noise=1.0, snr_low=snr_db, snr_high=snr_db), SPEECH), set()
    for seed in range(30):
        augmented = augmenter.augmented(wave, drawn_from(seed))
        noise = augmented.wave - wave
        heard_db = 10 * np.log10(np.mean(np.square(speech)) / np.mean(np.square(noise)))
        assert (augmented.snr_db, heard_db) == (snr_db, pytest.approx(snr_db, abs=0.1))
        seen.add(augmented.noise)
    assert seen == set(NOISES)


def test_the_ratio_is_drawn_between_its_ends() -> None:
    augmenter = Augmenter(Augmentation(noise=1.0, snr_low=3.0, snr_high=4.0))
    drawn = [augmenter.augmented(tone(0.5), drawn_from(seed)).snr_db for seed in range(30)]
    assert 3.0 <= min(drawn) < 3.3 < 3.7 < max(drawn) <= 4.0


def test_speech_is_as_loud_as_its_active_part() -> None:
    loud, soft, pause = np.full(16_000, 0.5), np.full(16_000, 0.1), np.full(16_000, 0.003)
    assert active_power(loud) == pytest.approx(0.25)
    assert active_power(np.concatenate([loud, pause, pause])) == pytest.approx(0.25)
    assert active_power(np.concatenate([pause, loud, soft])) == pytest.approx((0.25 + 0.01) / 2)  # 14 dB below still counts
    assert active_power(np.concatenate([np.zeros(16_000), loud[:160]])) == pytest.approx(0.125)  # half a frame
    assert active_power(np.zeros(1_000)) == 0.0


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 12, 48), (1.0, 100, 100)])
def test_a_share_of_the_clips(share: float, least: int, most: int) -> None:
    augmenter = Augmenter(Augmentation(gain=1.0, noise=share, reverb=share, telephone=share))
    drawn = [augmenter.augmented(tone(0.2), drawn_from(seed)) for seed in range(100)]
    for name in ("noise", "room", "telephone"):
        assert least <= sum(bool(getattr(augmented, name)) for augmented in drawn) <= most
    assert all((augmented.snr_db is None) == (augmented.noise == "") for augmented in drawn)
    assert all((augmented.rt60 is None) == (augmented.room == "") for augmented in drawn)


@pytest.mark.parametrize("hertz", [500.0, 1_000.0, 2_500.0])
def test_a_telephone_keeps_its_band(hertz: float) -> None:
    wave = (0.9 * np.sin(2 * np.pi * hertz * np.arange(16_001) / SAMPLE_RATE)).astype(np.float32)
    augmented = Augmenter(Augmentation(telephone=1.0)).augmented(wave, drawn_from(0))
    assert augmented.telephone
    assert len(augmented.wave) == len(wave)
    assert 10 * np.log10(power(augmented.wave) / power(wave)) == pytest.approx(0.0, abs=0.5)
    rest = power(augmented.wave) - power(augmented.wave, hertz - 50, hertz + 50)
    assert 25 < 10 * np.log10(power(augmented.wave) / rest) < 45  # mu-law's own noise


@pytest.mark.parametrize(
    ("low", "high", "decibels"),
    [(0, 100, 35), (0, 150, 28), (0, 300, 10), (3_400, 8_000, 20), (3_600, 8_000, 30), (4_000, 8_000, 30)],
)
def test_a_telephone_removes_what_lies_outside_its_band(low: float, high: float, decibels: float) -> None:
    wave = (0.1 * drawn_from(0).standard_normal(5 * SAMPLE_RATE)).astype(np.float32)
    heard = Augmenter(Augmentation(telephone=1.0)).wave(wave, drawn_from(0))
    assert 10 * np.log10(power(wave, low, high) / power(heard, low, high)) > decibels
    assert 10 * np.log10(power(wave, 400, 3_000) / power(heard, 400, 3_000)) == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("loudest", [0.01, 0.7, 1.0])
def test_gain_never_clips(loudest: float) -> None:
    wave, gains = tone(0.5), []
    wave *= loudest / np.abs(wave).max()
    for seed in range(40):
        augmented = Augmenter(Augmentation(gain=10.0)).augmented(wave, drawn_from(seed))
        np.testing.assert_allclose(augmented.wave, wave * 10 ** (augmented.gain_db / 20), rtol=1e-5)
        gains.append(augmented.gain_db)
    assert -10 <= min(gains) < -8
    assert max(gains) <= min(10.0, -20 * np.log10(loudest) + 1e-4)


# Noises and rooms


@pytest.mark.parametrize("samples", [1_600, 16_001, 30 * SAMPLE_RATE])
@pytest.mark.parametrize("kind", NOISES)
def test_a_noise_is_as_long_as_asked_and_drawn_from_its_seed(kind: str, samples: int) -> None:
    noise = make_noise(kind, samples, drawn_from(3), SPEECH)
    assert (noise.dtype, noise.shape) == (np.float32, (samples,))
    assert np.mean(np.square(noise)) == pytest.approx(1.0, rel=1e-3)
    assert noise.tobytes() == make_noise(kind, samples, drawn_from(3), SPEECH).tobytes()
    assert noise.tobytes() != make_noise(kind, samples, drawn_from(4), SPEECH).tobytes()


@pytest.mark.parametrize(("kind", "decibels"), [("white", 0.0), ("pink", -3.01), ("brown", -6.02)])
def test_the_colour_of_a_noise_is_its_fall_an_octave(kind: str, decibels: float) -> None:
    noise = make_noise(kind, 30 * SAMPLE_RATE, drawn_from(0))
    densities = [10 * np.log10(power(noise, low, 2 * low) / low) for low in (250, 500, 1_000, 2_000, 4_000)]
    np.testing.assert_allclose(np.diff(densities), decibels, atol=0.25)
    assert power(noise, 0, 49) < 1e-6 * power(noise)


def test_hum_is_that_of_the_mains() -> None:
    mains = {round(pitch(make_noise("hum", SAMPLE_RATE, drawn_from(seed)))) for seed in range(10)}
    assert mains == {50, 60}


def test_babble_is_made_of_other_clips() -> None:
    noise = make_noise("babble", 3 * SAMPLE_RATE, drawn_from(0), SPEECH)
    assert power(noise, 140, 350) > 0.9 * power(noise)  # the tones that stand for voices
    augmenter = Augmenter(Augmentation(noise=1.0), SPEECH[:6])
    of_six = {augmenter.augmented(SPEECH[0].copy(), drawn_from(seed)).noise for seed in range(40)}
    of_others = {augmenter.augmented(SPEECH[9], drawn_from(seed)).noise for seed in range(40)}
    assert (of_six, of_others) == (set(NOISES) - {"babble"}, set(NOISES))


def test_babble_of_silence_adds_nothing() -> None:
    silent = [np.zeros(1_000 + i, np.float32) for i in range(8)]
    for seed in range(20):
        augmented = Augmenter(Augmentation(noise=1.0), silent).augmented(tone(0.5), drawn_from(seed))
        assert augmented.noise != "babble"
        assert np.isfinite(augmented.wave).all()


@pytest.mark.parametrize("rt60", [SHORTEST_RT60, 0.35, 0.5, LONGEST_RT60])
def test_a_room_decays_as_its_rt60_says(rt60: float) -> None:
    for seed in range(5):
        impulse = make_room(rt60, drawn_from(seed))
        assert decay_seconds(impulse) == pytest.approx(rt60, rel=0.1)
        assert (impulse.dtype, impulse[0]) == (np.float32, 1.0)
        assert -0.01 <= -10 * np.log10(np.sum(np.square(impulse[1:]))) <= 10.01


def test_a_clip_in_a_room_rings_on_by_the_rt60_that_is_told() -> None:
    click = np.zeros(2 * SAMPLE_RATE, np.float32)
    click[100] = 0.5
    told = []
    for seed in range(10):
        augmented = Augmenter(Augmentation(reverb=1.0)).augmented(click, drawn_from(seed))
        assert augmented.room == "built-in"
        assert decay_seconds(augmented.wave[100:]) == pytest.approx(augmented.rt60, rel=0.1)
        assert np.abs(augmented.wave).argmax() == 100  # no word moves
        told.append(augmented.rt60)
    assert SHORTEST_RT60 <= min(told) < 0.4 < 0.6 < max(told) <= LONGEST_RT60


def test_a_room_keeps_the_length_and_the_level() -> None:
    wave = tone(1.0)
    heard = Augmenter(Augmentation(reverb=1.0)).wave(wave, drawn_from(0))
    assert len(heard) == len(wave)
    assert power(heard) == pytest.approx(power(wave), rel=1e-3)


# Folders


def test_noises_and_rooms_of_ones_own(tmp_path: Path) -> None:
    write_flac(tmp_path / "noises" / "deep" / "fan.flac", tone(0.7, 900.0))
    (tmp_path / "noises" / "notes.txt").write_text("not a readable sound")
    (tmp_path / "noises" / "broken.wav").write_bytes(b"RIFF0000WAVE")
    impulse = np.zeros(4_000, np.float32)
    impulse[[1_000, 1_800]] = (0.9, -0.3)
    write_flac(tmp_path / "rooms" / "hall.flac", impulse)
    chosen = Augmentation(
        noise=1.0, noises=str(tmp_path / "noises"), reverb=1.0, rooms=str(tmp_path / "rooms"), snr_low=9, snr_high=9
    )
    augmenter = Augmenter(chosen, SPEECH)
    for path in tmp_path.rglob("*.flac"):
        path.unlink()  # read once
    wave = tone(1.5, 250.0)
    augmented = augmenter.augmented(wave, drawn_from(0))
    assert (augmented.noise, augmented.room, augmented.rt60) == ("fan.flac", "hall.flac", None)
    echoed = wave.copy()
    echoed[800:] -= wave[:-800] / 3
    echoed *= np.linalg.norm(wave) / np.linalg.norm(echoed)
    assert pitch(augmented.wave - echoed) == pytest.approx(900, abs=2)


def test_a_pause_of_a_recorded_noise_adds_none(tmp_path: Path) -> None:
    slam = np.zeros(20 * SAMPLE_RATE, np.float32)
    slam[:1_600] = 0.5
    write_flac(tmp_path / "door.flac", slam)
    augmenter, wave = Augmenter(Augmentation(noise=1.0, noises=str(tmp_path))), tone(1.0)
    drawn = [augmenter.augmented(wave, drawn_from(seed)) for seed in range(60)]
    assert {augmented.noise for augmented in drawn} == {"", "door.flac"}
    for augmented in drawn:
        assert np.isfinite(augmented.wave).all()
        assert np.array_equal(augmented.wave, wave) == (augmented.snr_db is None)


@pytest.mark.parametrize("name", ["missing", "file.txt", "nul\0byte", "x" * 5_000, "~nobody-of-that-name/noise"])
@pytest.mark.parametrize("setting", ["noises", "rooms"])
def test_no_such_folder(tmp_path: Path, setting: str, name: str) -> None:
    (tmp_path / "file.txt").write_text("text")
    folder = name if name.startswith("~") else f"{tmp_path}/{name}"
    with pytest.raises(RecipeError, match=f"^There is no folder .*, which {setting} names") as caught:
        Augmenter(Augmentation(noise=0.1, reverb=0.1, **{setting: folder}))
    assert caught.value.reason == "augment_no_folder"
    assert caught.value.details == {"name": setting, "folder": folder}
    assert Augmenter(Augmentation(gain=1.0, **{setting: folder})).augmentation.gain == 1.0  # what is not used is not read


@pytest.mark.parametrize("setting", ["noises", "rooms"])
def test_a_folder_without_sound(tmp_path: Path, setting: str) -> None:
    (tmp_path / "silent.txt").write_text("x" * 1_000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.wav").symlink_to(tmp_path / "nothing.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    write_flac(tmp_path / "silence.flac", np.zeros(16_000, np.float32))
    write_flac(tmp_path / "short.flac", tone(0.05))
    with pytest.raises(RecipeError, match=f"which {setting} names, has no readable sound file") as caught:
        Augmenter(Augmentation(noise=0.1, reverb=0.1, **{setting: str(tmp_path)}))
    assert caught.value.reason == "augment_no_sound"


def test_a_folder_with_much_is_read_in_part(tmp_path: Path) -> None:
    for i in range(MAX_SOUNDS + 20):
        write_flac(tmp_path / f"{i:03d}.flac", tone(0.1))
    sounds = read_sounds(str(tmp_path), "noises")
    names = [sound.name for sound in sounds]
    assert len(set(names)) == len(names) == MAX_SOUNDS
    assert max(names) > "070"  # not only the first
    assert names == [sound.name for sound in read_sounds(str(tmp_path), "noises")]


def test_of_a_long_recording_the_start_is_kept_and_a_far_too_long_one_is_left_out(tmp_path: Path) -> None:
    write_flac(tmp_path / "long.flac", tone(40.0))
    write_flac(tmp_path / "endless.flac", np.ones(int((MAX_SECONDS + 1) * SAMPLE_RATE), np.float32))
    (sound,) = read_sounds(str(tmp_path), "noises")
    assert (sound.name, len(sound.wave)) == ("long.flac", 30 * SAMPLE_RATE)


# What the network reads


def hidden_runs(changed: np.ndarray) -> list[int]:
    """The lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], changed.astype(int), [0]])))
    return list(edges[1::2] - edges[::2])


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
@pytest.mark.parametrize(("frames", "length"), [(1, 50), (40, 100), (100, 100)])
def test_time_masks_lie_in_the_speech_and_hide_at_most_what_they_may(frames: int, length: int, share: float) -> None:
    features = torch.randn(16, length, generator=torch.Generator().manual_seed(0))
    before, widest = features.clone(), 0
    augmenter = Augmenter(Augmentation(time_mask=share, masks=1))
    for seed in range(60):
        masked = augmenter.features(features, frames, drawn_from(seed))
        changed = (masked != features).any(dim=0).numpy()
        assert not changed[frames:].any()
        widest = max(widest, changed.sum())
        assert len(hidden_runs(changed)) <= 1
        assert changed.sum() <= share * frames
        mean = features[:, :frames].mean(dim=1)
        assert torch.equal(masked[:, changed], mean[:, None].expand(-1, int(changed.sum())))
    assert widest >= int(share * frames * 0.9) - (frames == 1)
    assert torch.equal(features, before)


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_frequency_masks_lie_in_the_speech_and_hide_at_most_what_they_may(share: float) -> None:
    features = torch.randn(80, 100, generator=torch.Generator().manual_seed(0))
    augmenter, widest = Augmenter(Augmentation(frequency_mask=share, masks=1)), 0
    for seed in range(60):
        masked = augmenter.features(features, 40, drawn_from(seed))
        changed = (masked != features).any(dim=1).numpy()
        widest = max(widest, changed.sum())
        assert torch.equal(masked[:, 40:], features[:, 40:])
        assert len(hidden_runs(changed)) <= 1
        assert changed.sum() <= share * 80
        assert torch.allclose(masked[changed, :40], features[changed, :40].mean(dim=1, keepdim=True))
    assert widest >= share * 80 * 0.9 - 1


def test_several_masks_of_each_kind() -> None:
    features = torch.randn(80, 200, generator=torch.Generator().manual_seed(0))
    augmenter = Augmenter(Augmentation(time_mask=0.1, frequency_mask=0.1, masks=3))
    runs = set()
    for seed in range(40):
        changed = (augmenter.features(features, 200, drawn_from(seed)) != features).numpy()
        bands = changed.all(axis=1)
        times = changed[~bands].all(axis=0)
        runs.add((len(hidden_runs(times)), len(hidden_runs(bands))))
        assert times.sum() <= 3 * 20
        assert bands.sum() <= 3 * 8
    assert (3, 3) in runs
    assert max(max(pair) for pair in runs) == 3


def test_masks_are_drawn_from_the_state() -> None:
    features, augmenter = torch.rand(80, 200), Augmenter(Augmentation(time_mask=0.3, frequency_mask=0.3))
    one, same, other = (augmenter.features(features, 200, drawn_from(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(("frames", "shape"), [(0, (8, 20)), (-3, (8, 20)), (5, (8, 0))])
def test_where_there_is_no_speech_nothing_is_hidden(frames: int, shape: tuple[int, int]) -> None:
    features = torch.rand(shape)
    assert Augmenter(Augmentation(time_mask=1.0)).features(features, frames, drawn_from(0)) is features


def test_more_frames_than_there_are_means_all() -> None:
    features, augmenter = torch.rand(8, 20), Augmenter(Augmentation(time_mask=1.0))
    assert torch.equal(augmenter.features(features, 99, drawn_from(0)), augmenter.features(features, 20, drawn_from(0)))

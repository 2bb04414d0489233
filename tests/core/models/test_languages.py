"""Which models write a language, and when a detected language is believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers.models.whisper.tokenization_whisper import LANGUAGES

from core.audio.sound_files import SAMPLE_RATE, decode
from core.data.samples import read_sample
from core.models import languages
from core.models.base.protocol import TellsLanguages
from core.models.catalogue import CATALOGUE
from core.models.loading import load_model
from tests.conftest import tone


def test_whisper_s_languages_are_those_of_its_tokeniser() -> None:
    assert LANGUAGES.keys() - languages.WHISPER_LANGUAGES == {"yue"}  # only large-v3 has it
    assert LANGUAGES.keys() >= languages.WHISPER_LANGUAGES
    counts = {entry.id: entry.language_count for entry in CATALOGUE}
    assert counts["whisper-base"] == len(languages.WHISPER_LANGUAGES)
    assert (counts["whisper-tiny.en"], counts["facebook/wav2vec2-base"]) == (1, 0)


@pytest.mark.parametrize(
    ("id", "language", "foreign", "only"),
    [
        ("whisper-tiny.en", "zh", True, "en"),
        ("whisper-tiny.en", "en", False, "en"),
        ("whisper-base", "zh", False, ""),
        ("whisper-base", "ga", True, ""),  # Irish, which Whisper has no token for
        ("attune-wav2vec2", "sw", True, "en"),
        ("facebook/wav2vec2-large-xlsr-53-spanish", "en", True, "es"),
        ("facebook/mms-1b-all", "ga", False, ""),
        ("facebook/wav2vec2-base", "zh", False, ""),  # writes nothing yet
        ("somebody/else", "zh", False, ""),
    ],
)
def test_the_catalogue_says_what_a_model_was_made_for(id: str, language: str, foreign: bool, only: str) -> None:
    assert languages.is_foreign(id, language) == foreign
    assert languages.only_language(id) == only


def test_what_is_here_and_writes_a_language_comes_in_the_catalogue_s_order(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"whisper-tiny.en", "openai/whisper-small", "attune-wav2vec2"}
    monkeypatch.setattr(languages, "is_here", here.__contains__)
    assert languages.ready_writer("en") == "whisper-tiny.en"
    assert languages.ready_writer("zh") == languages.ready_detector() == "openai/whisper-small"
    assert languages.ready_writer("ga") == ""
    packaged = languages.packaged_writer("zh")
    assert packaged is not None
    assert packaged.id == "whisper-base"
    here.discard("openai/whisper-small")
    assert languages.ready_writer("zh") == languages.ready_detector() == ""


@pytest.mark.parametrize(("best", "heard"), [(languages.SURE, "zh"), (languages.SURE - 0.01, "")])
def test_a_language_is_believed_where_the_model_is_sure(best: float, heard: str) -> None:
    assert languages.language_heard({"en": 1 - best, "zh": best}) == heard


def test_the_spoken_language_is_what_transcribing_detects(tiny_multilingual: Path) -> None:
    model = load_model(str(tiny_multilingual))
    assert isinstance(model, TellsLanguages)
    for wave in (tone(2.0, 200), tone(4.0, 450, seed=1)):  # as long as clips transcribed together are made
        spoken = model.spoken(wave)
        assert tuple(spoken) == model.languages
        assert sum(spoken.values()) == pytest.approx(1, abs=1e-4)
        assert max(spoken, key=lambda code: spoken[code]) == model.transcribe([wave])[0].language


def test_the_first_thirty_seconds_tell_the_language(tiny_multilingual: Path) -> None:
    model = load_model(str(tiny_multilingual))
    assert isinstance(model, TellsLanguages)
    first, rest = tone(30.0, 200), tone(5.0, 450, seed=1)
    assert model.spoken(np.concatenate([first, rest])) == model.spoken(first[: 30 * SAMPLE_RATE])


def test_a_model_of_one_language_hears_that_one(tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper))
    assert isinstance(model, TellsLanguages)
    assert model.spoken(tone(1.0)) == {"en": 1.0}


def test_clean_english_is_told_for_sure(multilingual: Path) -> None:
    model = load_model(str(multilingual))
    assert isinstance(model, TellsLanguages)
    heard = [languages.language_heard(model.spoken(decode(clip.path))) for clip in read_sample("general").clips[:4]]
    assert set(heard) == {"en"}

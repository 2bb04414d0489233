"""Special tokens for folders whose generation_config.json is missing or from before these were in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import GenerationConfig, WhisperConfig, WhisperTokenizer

from core.errors import ModelError
from core.models.loading import load_model
from core.models.whisper.special_tokens import complete
from tests.conftest import tone

SAME = (
    "no_timestamps_token_id", "decoder_start_token_id", "eos_token_id", "prev_sot_token_id", "max_initial_timestamp_index",
    "return_timestamps", "max_length", "is_multilingual", "lang_to_id", "task_to_id", "begin_suppress_tokens",
    "suppress_tokens",
)  # fmt: skip


@pytest.mark.parametrize("name", ["bundled", "multilingual"])
def test_what_is_filled_in_is_what_openai_publishes(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name)
    made = GenerationConfig()
    complete("x", made, WhisperConfig.from_pretrained(folder), WhisperTokenizer.from_pretrained(folder))
    published = GenerationConfig.from_pretrained(folder)
    for field in SAME:
        assert getattr(made, field, None) == getattr(published, field, None), field


def test_what_there_is_stays(multilingual: Path) -> None:
    given = {"suppress_tokens": [5], "begin_suppress_tokens": [], "lang_to_id": {"<|sw|>": 50318}, "max_length": 100}
    made = GenerationConfig(**given)
    complete("x", made, WhisperConfig.from_pretrained(multilingual), WhisperTokenizer.from_pretrained(multilingual))
    assert {name: getattr(made, name) for name in given} == given


@pytest.mark.parametrize(
    ("name", "older", "seconds"),
    [("tiny_whisper", None, 1.0), ("tiny_whisper", {"max_length": 64}, 1.0), ("tiny_multilingual", None, 2.0)],
)
def test_an_older_folder_transcribes_alike(
    name: str,
    older: dict | None,
    seconds: float,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.models.whisper.decoding.TEMPERATURES", (0.0,))
    whole = request.getfixturevalue(name)
    folder = Path(shutil.copytree(whole, tmp_path / name))
    (folder / "generation_config.json").unlink()
    if older is not None:
        (folder / "generation_config.json").write_text(json.dumps(older))
    waves = [tone(seconds)]
    models = [load_model(str(path), precision="float32") for path in (whole, folder)]
    for model in models:
        model.network.generation_config.max_length = 12
    written, expected = [[(t.text, t.language) for t in model.transcribe(waves)] for model in models]
    assert written == expected
    models[1].save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "generation_config.json").read_text())["no_timestamps_token_id"] > 50_000


def test_a_tokenizer_without_special_tokens(tiny_whisper: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_whisper, tmp_path / "plain"))
    tokens = json.loads((folder / "tokenizer.json").read_text())
    tokens["added_tokens"] = tokens["added_tokens"][:1]
    tokens["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokens))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "WhisperTokenizer"}')
    assert load_model(str(folder)).transcribe([tone(1.0)])  # its generation_config.json names them
    (folder / "generation_config.json").unlink()
    with pytest.raises(ModelError) as caught:
        load_model(str(folder))
    assert caught.value.reason == "model_tokenizer_unfit"


@pytest.mark.parametrize("name", ["tiny_whisper", "tiny_multilingual"])
def test_what_is_saved_has_the_vocabulary_in_both_forms(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    whole = request.getfixturevalue(name)
    load_model(str(whole)).save(tmp_path)
    assert (tmp_path / "preprocessor_config.json").is_file()
    text = " Bonjour, 世界"
    expected = WhisperTokenizer.from_pretrained(whole)
    (tmp_path / "tokenizer.json").unlink()
    older = load_model(str(tmp_path)).processor.tokenizer  # type: ignore[attr-defined]
    assert older(text).input_ids == expected(text).input_ids
    assert older.convert_tokens_to_ids("<|notimestamps|>") == expected.convert_tokens_to_ids("<|notimestamps|>")

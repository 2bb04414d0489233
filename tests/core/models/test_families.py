"""Every CTC family of transformers through the same few lines: load, read, learn, save, load again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from transformers import AutoModelForCTC

from core.models.loading import load_model
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.conftest import CTC_FAMILIES, tone

CLIPS = [(tone(1.3, 200), "one two"), (tone(2.1, 450, seed=1), "three")]


@pytest.fixture(params=CTC_FAMILIES)
def family(request: pytest.FixtureRequest, ctc_family: Callable[[str], Path]) -> Path:
    """The folder of a tiny random model of a family."""
    return ctc_family(request.param)


@pytest.mark.parametrize("texts", [("one two", "three"), ("раз два", "три")])
def test_it_learns_two_clips_and_keeps_what_it_learnt(family: Path, texts: tuple[str, str], tmp_path: Path) -> None:
    model = load_model(str(family), precision="float32")
    clips = [(wave, text) for (wave, _), text in zip(CLIPS, texts, strict=True)]
    recipe = Recipe(trains="everything", learning_rate=3e-3, epochs=25, evaluations=1, batch_size=2)
    losses = [event.loss for event in finetune(model, clips, (), recipe) if hasattr(event, "penalty")]
    assert min(losses[-5:]) < 0.6 * losses[0]
    model.save(tmp_path)
    again = load_model(str(tmp_path), precision="float32")
    examples = [model.example(wave, text) for wave, text in clips]
    with torch.no_grad():
        torch.testing.assert_close(again.loss(examples), model.loss(examples))
    waves = [wave for wave, _ in clips]
    assert [t.text for t in again.transcribe(waves)] == [t.text for t in model.transcribe(waves)]


def test_a_pretrained_checkpoint_gets_a_new_head(family: Path, tmp_path: Path) -> None:
    config = json.loads((family / "config.json").read_text())
    base = AutoModelForCTC.from_pretrained(family).base_model
    if base.__class__.__name__.endswith("ForCTC"):
        pytest.skip("Parakeet is only published with a head")
    base.save_pretrained(tmp_path)
    transformers.AutoFeatureExtractor.from_pretrained(family).save_pretrained(tmp_path)
    assert config["architectures"] != json.loads((tmp_path / "config.json").read_text())["architectures"]
    model = load_model(str(tmp_path), precision="float32")
    assert [t.text for t in model.transcribe([tone(1.0)])] == [""]
    happened = list(finetune(model, CLIPS, (), Recipe(trains="head", learning_rate=1e-2, epochs=2, evaluations=1)))
    assert happened[0].reason == "vocabulary_new"
    assert happened[0].details == {"size": len(set("onetwothree"))}


def test_mms_writes_the_language_it_is_asked_for(tiny_mms: Path) -> None:
    english, russian = (load_model(str(tiny_mms), language=language) for language in ("en", "rus"))
    assert english.network.lm_head.out_features == 13
    assert russian.network.lm_head.out_features == 15
    assert not torch.equal(english.network.lm_head.weight[5:13], russian.network.lm_head.weight[5:13])
    russian.transcribe([tone(1.0)])


def test_mms_trains_a_languages_adapters_alone_and_loads_them_again(tiny_mms: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_mms), language="rus", precision="float32")
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    clips = [(tone(1.3, 200), "баба"), (tone(2.1, 450, seed=1), "где")]
    list(finetune(model, clips, (), Recipe(trains="head", learning_rate=1e-2, epochs=3, evaluations=1)))
    moved = {name for name, p in model.network.named_parameters() if not torch.equal(p, before[name])}
    assert moved
    assert all("adapter_layer" in name or name.startswith("lm_head") for name in moved)
    model.save(tmp_path / "adapted")
    again = load_model(str(tmp_path / "adapted"), language="rus", precision="float32")
    examples = [model.example(wave, text) for wave, text in clips]
    with torch.no_grad():
        torch.testing.assert_close(again.loss(examples), model.loss(examples))


def test_mms_names_a_language_it_has_not(tiny_mms: Path) -> None:
    with pytest.raises(Exception, match="has no adapters for the language 'xx'"):
        load_model(str(tiny_mms), language="xx")

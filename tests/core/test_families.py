"""Every CTC family of transformers through the same few lines: load, read, learn, save, load again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCTC

from core.models.catalogue import load_model
from core.recipe import Recipe
from core.training import finetune
from tests.conftest import tone

LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WAVES = {**SMALL, "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
SQUEEZED = {**WAVES, "conv_dim": (32,) * 13, "squeeze_factor": 2}
PARAKEET = {"encoder_config": {**SMALL, "subsampling_conv_channels": 16, "num_mel_bins": 80, "layerdrop": 0.0}}
FAMILIES: dict[str, tuple[str, dict[str, Any], str]] = {
    "wav2vec2": ("Wav2Vec2", WAVES, "Wav2Vec2FeatureExtractor"),
    "wav2vec2-large": ("Wav2Vec2", {**WAVES, "feat_extract_norm": "layer", "do_stable_layer_norm": True}, "masked"),
    "wav2vec2-conformer": ("Wav2Vec2Conformer", WAVES, "Wav2Vec2FeatureExtractor"),
    "wav2vec2-bert": ("Wav2Vec2Bert", SMALL, "SeamlessM4TFeatureExtractor"),
    "hubert": ("Hubert", WAVES, "Wav2Vec2FeatureExtractor"),
    "wavlm": ("WavLM", WAVES, "Wav2Vec2FeatureExtractor"),
    "unispeech": ("UniSpeech", WAVES, "Wav2Vec2FeatureExtractor"),
    "unispeech-sat": ("UniSpeechSat", WAVES, "Wav2Vec2FeatureExtractor"),
    "sew": ("SEW", SQUEEZED, "Wav2Vec2FeatureExtractor"),
    "sew-d": ("SEWD", SQUEEZED, "Wav2Vec2FeatureExtractor"),
    "data2vec-audio": ("Data2VecAudio", WAVES, "Wav2Vec2FeatureExtractor"),
    "parakeet": ("ParakeetCTC", PARAKEET, "ParakeetFeatureExtractor"),
}
CLIPS = [(tone(1.3, 200), "one two"), (tone(2.1, 450, seed=1), "three")]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny random model of a family."""
    name, sizes, extractor = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    tokens = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
    (folder / "vocab.json").write_text(json.dumps(tokens))
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    masked = {"return_attention_mask": True} if extractor == "masked" else {}
    extractor = "Wav2Vec2FeatureExtractor" if masked else extractor
    getattr(transformers, extractor)(**masked).save_pretrained(folder)
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokens), pad_token_id=0, **sizes)
    AutoModelForCTC.from_config(config).save_pretrained(folder)
    return folder


def test_a_family_loads_reads_and_says_what_it_is(family: Path) -> None:
    model = load_model(str(family), precision="float32")
    assert model.family == "ctc"
    waves = [tone(seconds) for seconds in (0.3, 1.0, 29.0)]
    together = [transcript.text for transcript in model.transcribe(waves)]
    assert together == [model.transcribe([wave])[0].text for wave in waves]


def test_its_layers_run_from_the_sound_to_the_text(family: Path) -> None:
    model = load_model(str(family))
    layers = model.layers()
    listed = [id(p) for layer in layers for p in layer.parameters]
    assert sorted(listed) == sorted(id(p) for p in model.network.parameters())
    assert [layer.name for layer in layers if layer.name[-1].isdigit()] == ["encoder.0", "encoder.1"]
    assert (layers[0].part, layers[-1].part) == ("front", "head")
    assert all(layer.parameters for layer in layers)


@pytest.mark.parametrize("texts", [("one two", "three"), ("раз два", "три")])
def test_it_learns_two_clips_and_keeps_what_it_learnt(family: Path, texts: tuple[str, str], tmp_path: Path) -> None:
    model = load_model(str(family), precision="float32")
    clips = [(wave, text) for (wave, _), text in zip(CLIPS, texts, strict=True)]
    recipe = Recipe(trains="everything", learning_rate=3e-3, epochs=40, evaluations=1, batch_size=2)
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


@pytest.fixture
def mms(tmp_path: Path) -> Path:
    """A tiny MMS: one network, and adapters, head and vocabulary for each of two languages."""
    vocabularies = {
        language: {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *letters])}
        for language, letters in {"eng": "abcdefgh", "rus": "абвгдежзий"}.items()
    }
    (tmp_path / "vocab.json").write_text(json.dumps(vocabularies))
    transformers.Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"), target_lang="eng").save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(tmp_path)
    for seed, (language, tokens) in enumerate(reversed(vocabularies.items())):
        torch.manual_seed(seed)
        sizes = {**WAVES, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "adapter_attn_dim": 8}
        network = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(vocab_size=len(tokens), pad_token_id=0, **sizes))
        from safetensors.torch import save_file

        adapters = {name: value.contiguous() for name, value in network._get_adapters().items()}
        save_file(adapters, tmp_path / f"adapter.{language}.safetensors", {"format": "pt"})
        network.save_pretrained(tmp_path)  # the last one is English
    return tmp_path


def test_mms_writes_the_language_it_is_asked_for(mms: Path) -> None:
    english, russian = (load_model(str(mms), language=language) for language in ("en", "rus"))
    assert english.network.lm_head.out_features == 13
    assert russian.network.lm_head.out_features == 15
    assert not torch.equal(english.network.lm_head.weight[5:13], russian.network.lm_head.weight[5:13])
    russian.transcribe([tone(1.0)])


def test_mms_trains_a_languages_adapters_alone_and_loads_them_again(mms: Path, tmp_path: Path) -> None:
    model = load_model(str(mms), language="rus", precision="float32")
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


def test_mms_names_a_language_it_has_not(mms: Path) -> None:
    with pytest.raises(Exception, match="has no adapters for the language 'xx'"):
        load_model(str(mms), language="xx")

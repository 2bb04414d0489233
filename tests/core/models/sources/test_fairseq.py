"""fairseq's checkpoints: the same numbers as fairseq, and nothing of a file is run.

The checkpoints and what fairseq computed with them were made by tests/fixtures/make_fairseq.py.
"""

from __future__ import annotations

import os
import pickle
import shutil
import sys
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoFeatureExtractor, AutoModel, AutoModelForCTC, AutoTokenizer

from core.audio.sound_files import SAMPLE_RATE
from core.errors import ModelError
from core.models.loading import load_model, model_family
from core.models.sources.fairseq import (
    CONV_LAYERS,
    DICTIONARY,
    DROPPED,
    fairseq_folder,
    parse_conv_layers,
    read_checkpoint,
    read_dictionary,
)
from core.storage.files import home
from core.training.events import Noticed
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.conftest import tone

FIXTURES = Path(__file__).parents[3] / "fixtures" / "fairseq"
PRETRAINED = ("wav2vec2_base", "hubert_base")
FINE_TUNED = ("wav2vec2_large_ctc", "hubert_large_ctc")


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = str(marker)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self._marker,)


def heard(folder: Path, name: str) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """A fixture's clip as the folder's feature extractor hands it on, and what fairseq computed."""
    known = dict(np.load(FIXTURES / f"{name}.npz"))
    extractor = AutoFeatureExtractor.from_pretrained(folder)
    return extractor(known["wave"], sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values, known


def loaded(name: str) -> dict[str, Any]:
    with torch.serialization.safe_globals([Namespace]):
        return torch.load(FIXTURES / f"{name}.pt", weights_only=True)


def spoilt(tmp_path: Path, name: str, spoil: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of a fixture that `spoil` has changed, with its letters."""
    state = loaded(name)
    spoil(state)
    shutil.copy(FIXTURES / DICTIONARY, tmp_path)
    torch.save(state, tmp_path / "model.pt")
    return tmp_path / "model.pt"


def refused(path: Path, reason: str = "fairseq_format") -> str:
    with pytest.raises(ModelError) as caught:
        fairseq_folder(path)
    assert caught.value.reason == reason
    assert caught.value.details["id"] == path.name
    assert len(str(caught.value).splitlines()) == 1
    assert not [left for left in (home() / "models").glob(f"*{path.stem}-*") if path.stem == "model"]
    return str(caught.value)


@pytest.mark.parametrize("name", PRETRAINED + FINE_TUNED)
@torch.no_grad()
def test_the_features_are_fairseqs(name: str) -> None:
    folder = fairseq_folder(FIXTURES / f"{name}.pt")
    clip, known = heard(folder, name)
    network = AutoModel.from_pretrained(folder).eval()
    assert network.config.model_type == name.split("_")[0]
    np.testing.assert_allclose(network(clip)[0][0].numpy(), known["features"], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", FINE_TUNED)
@torch.no_grad()
def test_the_logits_and_the_labels_are_fairseqs(name: str) -> None:
    folder = fairseq_folder(FIXTURES / f"{name}.pt")
    clip, known = heard(folder, name)
    network = AutoModelForCTC.from_pretrained(folder).eval()
    np.testing.assert_allclose(network(clip).logits[0].numpy(), known["logits"], atol=1e-4, rtol=0)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    symbols = known["symbols"].tolist()
    assert symbols[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert tokenizer.convert_ids_to_tokens(range(len(symbols))) == ["<pad>", "<s>", *symbols[2:]]
    assert (tokenizer.pad_token_id, network.config.pad_token_id) == (0, 0), "fairseq's blank is its first label"
    ids = [symbols.index(s) for s in "TTEEA|HH"]
    ids.insert(3, 0)
    assert tokenizer.decode(ids) == "TEEA H"
    assert tokenizer("TEA HEN").input_ids == [symbols.index(s) for s in "TEA|HEN"]


@pytest.mark.parametrize("name", PRETRAINED + FINE_TUNED)
@torch.no_grad()
def test_a_tensor_in_the_wrong_place_would_show(name: str) -> None:
    folder = fairseq_folder(FIXTURES / f"{name}.pt")
    clip, known = heard(folder, name)
    network = AutoModel.from_pretrained(folder).eval()
    silent = ("masked_spec_embed", "k_proj.bias")  # only training uses the first; softmax cancels the second
    for part, parameter in network.named_parameters():
        if not part.endswith(silent):
            kept = parameter.clone()
            parameter.copy_(kept.flip(0) if len(kept) > 1 else 2 * kept)
            assert np.abs(network(clip)[0][0].numpy() - known["features"]).max() > 1e-2, part
            parameter.copy_(kept)


def test_the_shape_is_read_from_the_settings() -> None:
    base, large = (read_checkpoint(FIXTURES / f"{name}.pt") for name in ("wav2vec2_base", "wav2vec2_large_ctc"))
    assert (base.config.feat_extract_norm, large.config.feat_extract_norm) == ("group", "layer")
    assert (base.config.do_stable_layer_norm, large.config.do_stable_layer_norm) == (False, True)
    assert (base.config.conv_bias, large.config.conv_bias) == (False, True)
    assert (base.normalise, large.normalise) == (False, True)
    assert (base.fine_tuned, large.fine_tuned) == (False, True)
    assert list(base.config.conv_kernel) == [10, 3, 3, 3, 2]
    assert (base.config.hidden_dropout, large.config.hidden_dropout) == (0.1, 0.0), "fine-tuning set it anew"
    assert not any(name.startswith(("quantizer", "project_q", "final_proj")) for name in base.state)


@pytest.mark.parametrize("name", FINE_TUNED)
def test_a_fine_tuned_checkpoint_is_a_model_by_its_path(name: str) -> None:
    path = str(FIXTURES / f"{name}.pt")
    model = load_model(path)
    assert (model.id, model.family, model_family(path)) == (path, "ctc", "ctc")
    clip = np.load(FIXTURES / f"{name}.npz")["wave"]
    assert model.transcribe([clip])[0].confidence < 0
    assert model.example(clip, "a tea").labels.tolist() == [7, 4, 6, 5, 7]
    assert torch.isfinite(model.loss([model.example(clip, "a tea")]))


@pytest.mark.parametrize("name", ["wav2vec2_base", "hubert_base"])
def test_a_pretrained_checkpoint_writes_nothing_until_it_gets_a_head(name: str) -> None:
    model = load_model(str(FIXTURES / f"{name}.pt"))
    assert [transcript.text for transcript in model.transcribe([tone(1.0)])] == [""]
    recipe = Recipe(trains="head", learning_rate=1e-2, epochs=1, evaluations=1)
    happened = list(finetune(model, [(tone(1.5), "раз два")], (), recipe))
    assert isinstance(happened[0], Noticed)
    assert happened[0].reason == "vocabulary_new"
    assert model.transcribe([tone(1.0)])[0].confidence < 0


def test_it_is_converted_once_and_other_letters_make_another_folder(tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_large_ctc", lambda state: state["args"].__dict__.update(seed=5))
    folder = fairseq_folder(path)
    written = (folder / "config.json").stat().st_mtime_ns
    assert fairseq_folder(path) == folder
    assert (folder / "config.json").stat().st_mtime_ns == written
    assert folder.parent == home() / "models"
    assert folder.name.startswith("model-")
    letters = (tmp_path / DICTIONARY).read_text(encoding="utf-8")
    (tmp_path / DICTIONARY).write_text(letters.replace("E ", "Ä "), encoding="utf-8")
    other = fairseq_folder(path)
    assert other != folder
    assert "Ä" in AutoTokenizer.from_pretrained(other).get_vocab()
    shutil.rmtree(folder)
    shutil.rmtree(other)


def test_a_checkpoint_of_another_fairseq_class_is_refused_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("fairseq.data.dictionary")
    module.Dictionary = type("Dictionary", (), {"__module__": "fairseq.data.dictionary"})
    for name in ("fairseq", "fairseq.data"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "fairseq.data.dictionary", module)
    path = spoilt(tmp_path, "hubert_base", lambda state: state.update(task_state={"dictionaries": [module.Dictionary()]}))
    message = refused(path, "fairseq_untrusted")
    assert "contains a fairseq.data.dictionary.Dictionary" in message
    assert "save it again with plain dicts" in message


@pytest.mark.parametrize(
    "place",
    [
        lambda state, evil: state.update(extra_state=evil),
        lambda state, evil: state["model"].update(mask_emb=evil),
        lambda state, evil: state["cfg"]["model"].update(w2v_args=Namespace(model=Namespace(_name=[{"x": (evil,)}]))),
        lambda state, evil: state.update(args=Namespace(arch=evil)),
    ],
)
def test_a_payload_is_not_run_wherever_it_hides(place: Callable[[dict[str, Any], object], object], tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    path = spoilt(tmp_path, "wav2vec2_base", lambda state: place(state, Payload(marker)))
    torch.load(path, weights_only=False)
    assert marker.exists(), "the payload works where pickles are trusted"
    marker.rmdir()
    message = refused(path, "fairseq_untrusted")
    assert f"contains a {os.mkdir.__module__}.mkdir" in message
    assert not marker.exists()
    with pytest.raises(ModelError, match=r"\.mkdir"):
        load_model(str(path))
    assert not marker.exists()


def test_a_value_that_is_said_to_be_there_many_times_is_not_multiplied(tmp_path: Path) -> None:
    def spoil(state: dict[str, Any]) -> None:
        state["model"]["layer_norm.weight"] = torch.ones(1, dtype=torch.float16).expand(1 << 40)

    assert "fewer weights than it says" in refused(spoilt(tmp_path, "wav2vec2_base", spoil))


def test_a_compressed_checkpoint_is_not_unpacked(tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_base", lambda state: None)
    with zipfile.ZipFile(path) as stored:
        content = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in content.items():
            packed.writestr(name, data)
    assert "compressed" in refused(path)


@pytest.mark.parametrize("setting", ["encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "conv_pos"])
def test_settings_larger_than_the_weights_are_refused(setting: str, tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_base", lambda state: state["cfg"]["model"].update({setting: 1 << 16}))
    refused(path, "model_larger_than_files" if setting in ("encoder_embed_dim", "conv_pos") else "fairseq_format")


def test_a_bare_pickle_is_not_run(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Payload(marker), protocol=2))
    refused(path, "fairseq_untrusted")
    assert not marker.exists()


def test_opening_one_leaves_nothing_trusted_behind() -> None:
    before = torch.serialization.get_safe_globals()
    read_checkpoint(FIXTURES / "wav2vec2_large_ctc.pt")
    assert set(torch.serialization.get_safe_globals()) == set(before)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a checkpoint", b"\x80\x02", b"PK\x03\x04" + b"\0" * 60])
def test_files_that_are_no_checkpoints(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    refused(tmp_path / "model.pt")


@pytest.mark.parametrize("name", ["wav2vec2_base", "wav2vec2_large_ctc"])  # torch's new file format and its old one
@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_cut_checkpoint(share: float, name: str, tmp_path: Path) -> None:
    whole = (FIXTURES / f"{name}.pt").read_bytes()
    (tmp_path / "model.pt").write_bytes(whole[: int(share * len(whole))])
    refused(tmp_path / "model.pt")


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda state: state["model"].pop(name)


def setting(**values: object) -> Callable[[dict[str, Any]], object]:
    return lambda state: state["cfg"]["model"].update(values)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state.pop("model"), "it holds no weights"),
        (lambda state: state.update(model=[1]), "it holds no weights"),
        (lambda state: state["model"].update(mask_emb=3), "it holds no weights"),
        (lambda state: state.update(cfg=None), "its cfg or args is not a table"),
        (lambda state: state.update(cfg=["wav2vec2"]), "its cfg or args is not a table"),
        (lambda state: state["model"].update(extra=torch.ones(2)), "its weights 'extra' have no place"),
        (lambda state: state["model"].update({3: torch.ones(2)}), "its weights '3' have no place"),
        (
            lambda state: state["model"].update({"feature_extractor.conv_layers.0.2.1.bias": torch.ones(2)}),
            "two of its weights claim the place 'feature_extractor.conv_layers.0.layer_norm.bias'",
        ),
        (
            lambda state: state["model"].update({"w2v_encoder.proj.bias": torch.ones(2)}),
            "no room for the weights 'lm_head.bias'",
        ),
        (without("encoder.layer_norm.bias"), "it lacks the weights 'encoder.layer_norm.bias'"),
        (lambda state: state["model"].update(mask_emb=torch.ones(3)), r"'masked_spec_embed' are \[3\] where"),
        (setting(_name="data2vec_audio"), "its network is 'data2vec_audio'"),
        (setting(_name=None), "its network is None"),
        (setting(_name=["wav2vec2"]), "its network is"),
        (setting(encoder_layers=3), "it has 2 layers where its settings say 3"),
        (setting(encoder_layers=10**12), "its setting encoder_layers is 1000000000000"),
        (setting(encoder_attention_heads="2"), "its setting encoder_attention_heads is '2'"),
        (setting(encoder_attention_heads=5), "embed_dim must be divisible by num_heads"),
        (setting(encoder_embed_dim=32), "where its settings say"),
        (setting(conv_pos_groups=3), "groups"),
        (setting(layer_norm_first=1), "its setting layer_norm_first is 1"),
        (setting(dropout=-1), "its setting dropout is -1"),
        (setting(conv_bias=True), "it lacks the weights 'feature_extractor.conv_layers.0.conv.bias'"),
        (setting(extractor_mode=["other"]), "unhashable"),
        (setting(layer_type=torch.ones(2)), r"its setting layer_type is tensor"),
        (setting(extractor_mode="other"), "its extractor_mode is 'other'"),
        (setting(layer_type="conformer"), "its setting layer_type is 'conformer', and only 'transformer' can be converted"),
        (setting(activation_fn="relu"), "its setting activation_fn is 'relu'"),
        (setting(pos_conv_depth=5), "its setting pos_conv_depth is 5"),
        (setting(conv_feature_layers="[(12, 10, 5)]"), "its settings leave no room|it lacks|where its settings say"),
        (setting(conv_feature_layers="__import__('os').abort()"), "more than lists of numbers"),
        (lambda state: state["cfg"]["task"].update(normalize="yes"), "its setting normalize is 'yes'"),
        (lambda state: state["cfg"].update(task=[1]), "its task is not a table"),
    ],
)
def test_what_cannot_be_converted_is_named(spoil: Callable[[dict[str, Any]], object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        fairseq_folder(spoilt(tmp_path, "wav2vec2_base", spoil))
    refused(tmp_path / "model.pt")


def test_only_what_pretraining_needs_is_dropped() -> None:
    assert DROPPED == ("quantizer.{rest}", "project_q.{p}", "final_proj.{p}", "target_glu.{rest}", "label_embs_concat")


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    def halve(state: dict[str, Any]) -> None:
        state["model"] = {name: tensor.half() for name, tensor in state["model"].items()}

    assert {t.dtype for t in read_checkpoint(spoilt(tmp_path, "wav2vec2_base", halve)).state.values()} == {torch.float32}


@pytest.mark.parametrize("kept", ["beside it", "elsewhere", "itself"])
def test_a_network_described_in_the_checkpoint_it_started_from(kept: str, tmp_path: Path) -> None:
    name = "model.pt" if kept == "itself" else "pretrained.pt"

    def forget(state: dict[str, Any]) -> None:
        state["args"].w2v_args, state["args"].w2v_path = None, f"/data/somewhere/{name}"

    path = spoilt(tmp_path, "wav2vec2_large_ctc", forget)
    if kept == "beside it":
        inner = loaded("wav2vec2_large_ctc")["args"].w2v_args
        torch.save({"args": inner, "model": {}}, tmp_path / name)
        assert read_checkpoint(path).config.to_dict() == read_checkpoint(FIXTURES / "wav2vec2_large_ctc.pt").config.to_dict()
    else:
        assert f"its network is described in {name}, which should be in the same folder" in refused(path)


def test_no_letters(tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_large_ctc", lambda state: None)
    (tmp_path / DICTIONARY).unlink()
    assert f"Put its dict.ltr.txt into {tmp_path}" in refused(path, "fairseq_no_vocabulary")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("| 1\nE 2\n", "names 6 labels, but the head has 13"),
        ("", "names 4 labels"),
        ("E\n", "not a symbol and its count"),
        ("E many\n", "not a symbol and its count"),
        ("E 1\nE 2\n", "twice"),
        ("<s> 1\n", "twice"),
        ("\udcff 1\n", "not a symbol and its count"),
    ],
)
def test_letters_that_do_not_fit(text: str, message: str, tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_large_ctc", lambda state: None)
    (tmp_path / DICTIONARY).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=message) as caught:
        fairseq_folder(path)
    assert (caught.value.reason, caught.value.details) == ("fairseq_format", {"id": DICTIONARY})


def test_letters_with_nothing_between_words(tmp_path: Path) -> None:
    path = spoilt(tmp_path, "wav2vec2_large_ctc", lambda state: None)
    letters = (tmp_path / DICTIONARY).read_text(encoding="utf-8")
    (tmp_path / DICTIONARY).write_text(letters.replace("|", "X"), encoding="utf-8")
    assert "has no '|' to write between words" in refused(path)


def test_the_dictionary_begins_with_fairseqs_own_four() -> None:
    assert read_dictionary(FIXTURES / DICTIONARY) == ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIH'"]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (CONV_LAYERS, [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2]),
        (
            "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512,2,2)] + [(512,2,2)]",
            [(512, 10, 5), *[(512, 3, 2)] * 4, *[(512, 2, 2)] * 2],
        ),
        (" 2 * [(8, 3, 2)]", [(8, 3, 2)] * 2),
        ("([(8, 3, 2), (4, 2, 1)] + [[1, 1, 1]]) * 2", [(8, 3, 2), (4, 2, 1), (1, 1, 1)] * 2),
    ],
)
def test_convolutions(text: str, layers: list[tuple[int, int, int]]) -> None:
    assert parse_conv_layers(text) == layers
    assert [tuple(layer) for layer in eval(text.strip())] == layers, "as Python, and so fairseq, reads it"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[] * 3",
        "3",
        "[3]",
        "[(1, 2)]",
        "[(1, 2, 3, 4)]",
        "[(1, 2, 0)]",
        "[(1, 2, -3)]",
        "[(1, 2, 3.0)]",
        "[(1, 2, True)]",
        "[(1, 2, 1 + 2)]",
        "[(1, 2, 1 << 40)]",
        f"[(1, 2, {10**9})]",
        "[(1, 2, 3)] * 101",
        "[(1, 2, 3)] * 99999 * 99999",
        "[(1, 2, 3)] * -1",
        "[(1, 2, 3)] - [(1, 2, 3)]",
        "[(1, 2, 3) for _ in 'ab']",
        "[*[(1, 2, 3)]]",
        "list([(1, 2, 3)])",
        "__import__('os').system('true')",
        "[(1, 2, 3)] if 1 else 2",
        "[(1, 2, 3)",
        "\0",
        "(" * 200 + ")" * 200,
        "(" * 400,
        "-" * 499 + "1",
        " " * 501,
        "x = [(1, 2, 3)]",
    ],
)
def test_convolutions_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="its conv_feature_layers"):
        parse_conv_layers(text)

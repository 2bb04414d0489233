"""Shared by all tests: a home of their own, tiny random models, and a little sound."""

from __future__ import annotations

import os

# Before torch is loaded, here and in every process a test starts: several of them share few cores, and OpenMP's threads
# spin while they wait for each other, which made some tests a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import (
    AutoModelForCTC,
    GenerationConfig,
    MoonshineConfig,
    MoonshineForConditionalGeneration,
    PreTrainedTokenizerFast,
    Speech2TextConfig,
    Speech2TextFeatureExtractor,
    Speech2TextForConditionalGeneration,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    WhisperConfig,
    WhisperForConditionalGeneration,
    WhisperProcessor,
)

from core.audio.sound_files import SAMPLE_RATE
from core.data.samples import read_sample
from core.models.base.protocol import AsrModel
from core.models.classifier import Classifier
from core.models.deepspeech.model import DeepSpeech, DeepSpeechConfig, new_network
from core.models.loading import load_model
from core.models.sources.origins import BASE, TINY_EN
from core.models.sources.packages import bundled_folder
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.recipe import Recipe


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with slow tests first: begun last, one of them would keep one process busy while the others had ended."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the whole session, so that the bundled model is built once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session", autouse=True)
def _never_the_users_home(shared_home: Path) -> None:
    os.environ["ATTUNE_HOME"] = str(shared_home)  # for what is set up once for several tests, before `_own_home`


@pytest.fixture(autouse=True)
def _own_home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(shared_home))


@pytest.fixture(scope="session")
def bundled(shared_home: Path) -> Path:
    """The Hugging Face folder of the Whisper that a package carries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTUNE_HOME", str(shared_home))
        return bundled_folder(TINY_EN)


@pytest.fixture(scope="session")
def multilingual(shared_home: Path) -> Path:
    """The Hugging Face folder of the multilingual Whisper that two packages carry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTUNE_HOME", str(shared_home))
        return bundled_folder(BASE)


def tone(seconds: float, hertz: float = 220.0, seed: int = 0) -> np.ndarray:
    """A swelling tone with a little noise, float32 [samples] at 16 kHz."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * hertz * time) * np.sin(np.pi * time / seconds) + 0.01 * noise).astype(np.float32)


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory: pytest.TempPathFactory, bundled: Path) -> Path:
    """A random Whisper of two small layers, with the real tokeniser."""
    return _made_tiny(bundled, tmp_path_factory.mktemp("tiny-whisper"))


@pytest.fixture(scope="session")
def tiny_multilingual(tmp_path_factory: pytest.TempPathFactory, multilingual: Path) -> Path:
    """A random multilingual Whisper of two small layers, with the real tokeniser."""
    return _made_tiny(multilingual, tmp_path_factory.mktemp("tiny-multilingual"))


def _made_tiny(whole: Path, folder: Path) -> Path:
    real = GenerationConfig.from_pretrained(whole)
    real.max_length = 64  # a random network never ends a text by itself
    config = WhisperConfig.from_pretrained(whole)
    for name in ("encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads"):
        setattr(config, name, 2)
    config.d_model, config.encoder_ffn_dim, config.decoder_ffn_dim = 32, 64, 64
    torch.manual_seed(0)
    network = WhisperForConditionalGeneration(config)
    network.generation_config = real
    network.save_pretrained(folder)
    WhisperProcessor.from_pretrained(whole).save_pretrained(folder)
    return folder


LETTERS = "abcdefghijklmnopqrstuvwxyz'"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WAVES = {**SMALL, "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
SQUEEZED = {**WAVES, "conv_dim": (32,) * 13, "squeeze_factor": 2}
PARAKEET = {"encoder_config": {**SMALL, "subsampling_conv_channels": 16, "num_mel_bins": 80, "layerdrop": 0.0}}
CTC_FAMILIES: dict[str, tuple[str, dict[str, Any], str]] = {
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


@pytest.fixture(scope="session")
def ctc_family(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Returns the folder of a tiny random model of a CTC family, made the first time."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = _make_family(family, tmp_path_factory.mktemp(family))
        return made[family]

    return folder


def _make_family(family: str, folder: Path) -> Path:
    name, sizes, extractor = CTC_FAMILIES[family]
    tokens = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
    (folder / "vocab.json").write_text(json.dumps(tokens))
    Wav2Vec2CTCTokenizer(str(folder / "vocab.json")).save_pretrained(folder)
    masked = {"return_attention_mask": True} if extractor == "masked" else {}
    getattr(transformers, "Wav2Vec2FeatureExtractor" if masked else extractor)(**masked).save_pretrained(folder)
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=len(tokens), pad_token_id=0, **sizes)
    AutoModelForCTC.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_ctc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random wav2vec 2.0 of two small layers that writes lower-case letters."""
    folder = tmp_path_factory.mktemp("tiny-ctc")
    vocabulary = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    tokenizer.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False).save_pretrained(folder)
    torch.manual_seed(0)
    config = Wav2Vec2Config(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
        ctc_loss_reduction="mean",
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def finished_run(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of one pass over two clips, with one to validate and two to test; copied by tests that change it."""
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 2), ("validation", 1), ("test", 2)) for clip in whole.part(part)[:n])
    recipe = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), (), (), recipe)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request)
    list(execute(run))
    return run


@pytest.fixture
def tiny_mms(tmp_path: Path) -> Path:
    """A tiny MMS: one network, and adapters, head and vocabulary for each of two languages."""
    folder = tmp_path / "mms"
    folder.mkdir()
    vocabularies = {
        language: {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *letters])}
        for language, letters in {"eng": "abcdefgh", "rus": "абвгдежзий"}.items()
    }
    (folder / "vocab.json").write_text(json.dumps(vocabularies))
    transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), target_lang="eng").save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)
    for seed, (language, tokens) in enumerate(reversed(vocabularies.items())):
        torch.manual_seed(seed)
        sizes = {**WAVES, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "adapter_attn_dim": 8}
        network = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config(vocab_size=len(tokens), pad_token_id=0, **sizes))
        adapters = {name: value.contiguous() for name, value in network._get_adapters().items()}
        save_file(adapters, folder / f"adapter.{language}.safetensors", {"format": "pt"})
        network.save_pretrained(folder)  # the last one is English
    return folder


def _letters_tokenizer() -> PreTrainedTokenizerFast:
    tokens = {token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"])}
    letters = Tokenizer(models.WordLevel(tokens, unk_token="<unk>"))
    letters.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "|")])
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    letters.decoder = decoders.Sequence([decoders.Fuse(), decoders.Replace("|", " ")])
    return PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


@pytest.fixture(scope="session")
def tiny_moonshine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Moonshine of two small layers that writes letters."""
    folder = tmp_path_factory.mktemp("tiny-moonshine")
    _letters_tokenizer().save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=False, return_attention_mask=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = MoonshineConfig(
        vocab_size=32, hidden_size=32, intermediate_size=64, encoder_num_hidden_layers=2, decoder_num_hidden_layers=2,
        encoder_num_attention_heads=2, decoder_num_attention_heads=2, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1,
    )  # fmt: skip
    MoonshineForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_speech2text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Speech2Text of two small layers that writes letters."""
    folder = tmp_path_factory.mktemp("tiny-speech2text")
    _letters_tokenizer().save_pretrained(folder)
    Speech2TextFeatureExtractor().save_pretrained(folder)
    torch.manual_seed(0)
    config = Speech2TextConfig(
        vocab_size=32, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, conv_channels=32, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, max_target_positions=256,
    )  # fmt: skip
    Speech2TextForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_deepspeech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random DeepSpeech of narrow layers."""
    folder = tmp_path_factory.mktemp("tiny-deepspeech")
    torch.manual_seed(0)
    config = DeepSpeechConfig(hidden=64)
    DeepSpeech("tiny", new_network(config), config).save(folder)
    return folder


FAMILIES = ("tiny_whisper", "tiny_ctc", "tiny_deepspeech", "tiny_moonshine", "tiny_speech2text", *CTC_FAMILIES)


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, ctc_family: Callable[[str], Path]) -> Path:
    """The folder of a tiny random model of each family."""
    return ctc_family(request.param) if request.param in CTC_FAMILIES else request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def tiny_whisper_classifier(tmp_path_factory: pytest.TempPathFactory, tiny_whisper: Path) -> Path:
    """The random Whisper's encoder with a head for two texts."""
    return _made_classifier(tiny_whisper, tmp_path_factory.mktemp("tiny-whisper-classifier"))


@pytest.fixture(scope="session")
def tiny_ctc_classifier(tmp_path_factory: pytest.TempPathFactory, tiny_ctc: Path) -> Path:
    """The random wav2vec 2.0's encoder with a head for two texts."""
    return _made_classifier(tiny_ctc, tmp_path_factory.mktemp("tiny-ctc-classifier"))


def _made_classifier(recogniser: Path, folder: Path) -> Path:
    Classifier.from_recogniser(load_model(str(recogniser), precision="float32"), ["one two", "three"], "float32").save(folder)
    return folder


@dataclass(frozen=True)
class OlderHome:
    """A home that an earlier version made, see tests/fixtures/make_home.py.

    Attributes:
        folder: of the home.
        session: folder of its one visitor.
        expected: what that version read in it.
    """

    folder: Path
    session: Path
    expected: dict[str, Any]


@pytest.fixture
def older_home(tmp_path: Path) -> OlderHome:
    """A copy of the recorded home, whose paths lead to the copy."""
    folder = tmp_path / "older"
    shutil.copytree(Path(__file__).parent / "fixtures" / "home", folder)
    for path in folder.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("/made/by/an/older/version", folder.as_posix()), encoding="utf-8")
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return OlderHome(folder, folder / "sessions" / ("0" * 32), expected)


def attach_by_peft(model: AsrModel, folder: Path) -> None:
    """Puts a saved adapter onto its base as PEFT alone does it, whatever the network is."""
    from peft import PeftConfig, inject_adapter_in_model, load_peft_weights, set_peft_model_state_dict

    inject_adapter_in_model(PeftConfig.from_pretrained(str(folder)), model.network)
    state = {name.removeprefix("base_model.model."): value for name, value in load_peft_weights(str(folder)).items()}
    set_peft_model_state_dict(model.network, state)

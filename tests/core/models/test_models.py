"""What every model family promises, on tiny random networks; and what is special about each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Wav2Vec2ForCTC, WhisperForConditionalGeneration

from core.audio.sound_files import SAMPLE_RATE, decode
from core.data.samples import read_sample
from core.errors import DatasetError
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.models.sources.model_ids import TORCHAUDIO
from core.models.whisper.decoding import BUDGET_TOKENS
from core.models.whisper.network import kept_frames, padded
from core.text.metrics import score
from core.training.freezing import apply, plan
from core.training.loop import finetune
from core.training.recipe import PLANS, Recipe
from tests.conftest import CTC_FAMILIES, tone
from tests.core.models.sources.tiny_bundles import install

FAIRSEQ = Path(__file__).parents[2] / "fixtures" / "fairseq"
CLIPS = ((tone(1.3, 200), "one two"), (tone(2.1, 450, seed=1), "three"))


FOLDERS = (
    "tiny_whisper",
    "tiny_ctc",
    "tiny_deepspeech",
    "tiny_moonshine",
    "tiny_speech2text",
    "tiny_whisper_classifier",
    "tiny_ctc_classifier",
)
CHECKPOINTS = ("wav2vec2_large_ctc", "hubert_large_ctc")  # fairseq's
BUNDLES = ("WAV2VEC2_ASR_TINY", "HUBERT_ASR_TINY")  # torchaudio's
DEVICES = (
    "cpu",
    *(["cuda"] if torch.cuda.is_available() else []),
    *(["mps"] if torch.backends.mps.is_available() else []),
)


@pytest.fixture(params=[*FOLDERS, *CTC_FAMILIES, *CHECKPOINTS, *BUNDLES])
def source(request: pytest.FixtureRequest, ctc_family: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `load_model` takes, of a tiny random model of each kind."""
    if request.param in CTC_FAMILIES:
        return str(ctc_family(request.param))
    if request.param in CHECKPOINTS:
        return str(FAIRSEQ / f"{request.param}.pt")
    if request.param in BUNDLES:
        install(monkeypatch)
        return f"{TORCHAUDIO}{request.param}"
    return str(request.getfixturevalue(request.param))


@pytest.fixture(params=DEVICES)
def model(source: str, request: pytest.FixtureRequest) -> AsrModel:
    return load_model(source, device=request.param, precision="float32")


@pytest.fixture
def whisper(tiny_whisper: Path) -> AsrModel:
    return load_model(str(tiny_whisper), precision="float32")


@pytest.fixture
def ctc(tiny_ctc: Path) -> AsrModel:
    return load_model(str(tiny_ctc), precision="float32")


def texts(model: AsrModel, waves: list[np.ndarray]) -> list[str]:
    return [transcript.text for transcript in model.transcribe(waves)]


@torch.no_grad()
def loss(model: AsrModel) -> float:
    return float(model.loss([model.example(wave, text) for wave, text in CLIPS]))


def test_a_batch_reads_like_its_clips_one_by_one(model: AsrModel) -> None:
    waves = [tone(seconds, 150 + 100 * i, seed=i) for i, seconds in enumerate([1.0, 1.4, 3.0, 1.0, 0.5])]
    assert texts(model, waves) == [texts(model, [wave])[0] for wave in waves]
    assert texts(model, waves[::-1]) == texts(model, waves)[::-1]
    assert texts(model, []) == []


def test_a_model_says_which_characters_it_writes(model: AsrModel) -> None:
    known = model.characters()
    if model.family in ("whisper", "classifier"):
        assert known is None
    elif known is not None:
        assert " " not in known
        assert "|" not in known
        assert all(len(character) == 1 for character in known)
        written = "".join(texts(model, [tone(2.0, seed=i) for i in range(3)])).replace(" ", "")
        assert set(written) <= known
    else:
        assert not getattr(model, "writes", True)  # it was never taught any


@pytest.mark.parametrize("seconds", [0.1, 1.0, 29.0, 75.0])
def test_sound_of_any_length_is_read(model: AsrModel, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.models.whisper.decoding.TEMPERATURES", (0.0, 1.0))  # a random network needs them all, and long
    (transcript,) = model.transcribe([tone(seconds)])
    assert "\n" not in transcript.text
    assert transcript.confidence <= 0


def test_two_clips_are_learnt_by_heart(model: AsrModel) -> None:
    before = loss(model)
    recipe = Recipe(trains="everything", learning_rate=5e-3, epochs=120, evaluations=1, batch_size=2)
    for _ in finetune(model, CLIPS, (), recipe):
        pass
    assert loss(model) < 0.05 * before


@pytest.mark.parametrize("trains", PLANS)
def test_gradients_reach_exactly_what_the_recipe_trains(model: AsrModel, trains: str) -> None:
    plans = plan(model, Recipe(trains=trains))
    apply(plans, model.network)
    model.loss([model.example(wave, text) for wave, text in CLIPS]).backward()
    wanted = {id(p) for entry in plans if entry.rate > 0 for p in entry.layer.parameters}
    assert wanted
    for name, parameter in model.network.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        if name.endswith(("k_proj.bias", "masked_spec_embed")) or "conformer.encoder.pos_conv_embed" in name:
            continue  # softmax does not see a key's bias; the mask is only drawn on long sound; the conformer goes without
        assert learns == (id(parameter) in wanted), name


def test_layers_share_nothing_and_leave_nothing_out(model: AsrModel) -> None:
    listed = [id(p) for layer in model.layers() for p in layer.parameters]
    everything = [id(p) for name, p in model.network.named_parameters() if not name.endswith("encoder.embed_positions.weight")]
    assert sorted(listed) == sorted(everything)  # Whisper's encoder positions are sinusoids, never trained
    parts = [layer.part for layer in model.layers()]
    assert parts == sorted(parts, key=["front", "encoder", "decoder", "head"].index)


def test_what_is_saved_loads_and_computes_the_same(model: AsrModel, tmp_path: Path) -> None:
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.mul_(1.01)
    model.save(tmp_path)
    again = load_model(str(tmp_path), device=str(model.device), precision="float32")
    examples = [model.example(wave, text) for wave, text in CLIPS]
    exactly = {"rtol": 0, "atol": 0} if model.device.type == "cpu" else {}  # other devices add up in any order
    with torch.no_grad():
        torch.testing.assert_close(again.loss(examples), model.loss(examples), **exactly)
        torch.testing.assert_close(again.prefix(examples), model.prefix(examples), **exactly)
    assert texts(again, [wave for wave, _ in CLIPS]) == texts(model, [wave for wave, _ in CLIPS])
    assert again.language == model.language


def test_a_kept_prefix_changes_nothing(model: AsrModel) -> None:
    examples = [model.example(wave, text) for wave, text in CLIPS]
    with torch.no_grad():
        torch.testing.assert_close(model.loss(examples, model.prefix(examples)), model.loss(examples))


# Whisper


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [([0.0], 96), ([1.0], 128), ([1.0, 2.5, 7.77], 448), ([30.0, 1.0], 1500)],
)
def test_kept_frames(seconds: list[float], kept: int) -> None:
    positions = kept_frames(seconds)
    assert positions.shape == (len(seconds), kept)
    for row, length in zip(positions, seconds, strict=True):
        speech = min(1500, int(50 * length) + 25)
        assert row[:speech].tolist() == list(range(speech))
        assert (row.diff() > 0).all()
        assert row[-1] < 1500
        gaps = row[speech:].diff()
        assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1  # evenly spread


def test_without_thinning_the_encoder_and_the_loss_are_those_of_transformers(whisper: AsrModel, tiny_whisper: Path) -> None:
    whisper.thin = False
    examples = [whisper.example(wave, text) for wave, text in CLIPS]
    theirs = WhisperForConditionalGeneration.from_pretrained(tiny_whisper).eval()
    mel = padded([example.features for example in examples], 3000)
    width = max(len(example.labels) for example in examples)
    labels = torch.full((2, width), -100)
    for row, example in zip(labels, examples, strict=True):
        row[: len(example.labels)] = example.labels
    with torch.no_grad():
        torch.testing.assert_close(whisper.prefix(examples), theirs.model.encoder(mel).last_hidden_state)
        prompt = 1  # after the start token, which transformers adds itself, the prompt is not scored here
        wanted = labels[:, 1:].clone()
        wanted[:, :prompt] = -100
        expected = theirs(input_features=mel, decoder_input_ids=labels[:, :-1].clamp(min=0), labels=wanted).loss
        torch.testing.assert_close(whisper.loss(examples), expected)


def test_thinning_keeps_what_is_heard(bundled: Path) -> None:
    model = load_model(str(bundled), precision="float32")
    clips = read_sample("general").clips
    waves = [decode(clip.path) for clip in clips]
    rates = {}
    for model.thin in (True, False):
        rates[model.thin] = score([clip.text for clip in clips], texts(model, waves)).wer.rate
    assert rates[False] < 0.2
    assert rates[True] <= rates[False] + 0.02


def test_a_clip_beyond_the_window_is_refused_for_training(whisper: AsrModel) -> None:
    with pytest.raises(DatasetError, match=r"A clip of 30\.5 s") as caught:
        whisper.example(tone(30.5), "too long")
    assert caught.value.reason == "clip_over_window"


def test_a_transcript_beyond_the_decoder_is_refused(whisper: AsrModel) -> None:
    with pytest.raises(DatasetError, match="tokens is too long"):
        whisper.example(tone(5), "word " * 500)


@pytest.mark.parametrize(("family", "name"), [("tiny_whisper", "tokens_per_second"), ("tiny_moonshine", "_tokens_per_second")])
def test_a_fast_language_raises_the_token_budget_and_keeps_it(
    family: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    model = load_model(str(request.getfixturevalue(family)))
    english = getattr(model, name)
    model.fit_to(["ቀስተደመና " * 5], [2.0])
    assert getattr(model, name) > 2 * english
    model.save(tmp_path)
    assert getattr(load_model(str(tmp_path)), name) == getattr(model, name)


def test_what_is_written_follows_a_fused_optimisers_steps(tiny_whisper: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_whisper))
    wave = tone(1.0)
    before = model.transcribe([wave])
    optimizer = torch.optim.AdamW(model.network.parameters(), lr=0.01, fused=True)
    for _ in range(3):
        optimizer.zero_grad()
        model.loss([model.example(wave, "seven new words that nobody said before")]).backward()
        optimizer.step()
    after = model.transcribe([wave])
    model.save(tmp_path / "saved")
    assert after == load_model(str(tmp_path / "saved")).transcribe([wave])
    assert after != before


def test_a_transcript_stays_within_the_token_budget(whisper: AsrModel) -> None:
    for seconds in (0.2, 1.0, 4.0):
        (text,) = texts(whisper, [tone(seconds)])
        assert len(whisper.processor.tokenizer(text, add_special_tokens=False).input_ids) <= 2 * (BUDGET_TOKENS + 8 * seconds)


def test_silence_is_empty_and_long_speech_is_whole(bundled: Path) -> None:
    model = load_model(str(bundled))
    quiet = (1e-3 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    assert texts(model, [quiet]) == [""]
    clips = read_sample("general").clips[:12]
    faint = (10 ** (-55 / 20) * np.random.default_rng(1).standard_normal(40 * SAMPLE_RATE)).astype(np.float32)
    waves = [decode(clip.path) for clip in clips]
    long = np.concatenate([*waves[:6], faint, *waves[6:]])
    assert texts(model, [faint]) == [""]
    assert score([" ".join(clip.text for clip in clips)], texts(model, [long])).wer.rate < 0.2


def test_tokens_are_spelled_as_their_vocabulary_writes(tiny_speech2text: Path) -> None:
    model = load_model(str(tiny_speech2text), precision="float32")
    wave = tone(2.0)
    plain = model.example(wave, "can't see").labels
    assert model._tokenizer.unk_token_id not in plain
    for text in ("CAN’T see", "canʼt ‘see’"):
        assert torch.equal(model.example(wave, text).labels, plain)


# CTC


def test_the_ctc_loss_is_that_of_transformers(ctc: AsrModel, tiny_ctc: Path) -> None:
    theirs = Wav2Vec2ForCTC.from_pretrained(tiny_ctc).eval()
    example = ctc.example(*CLIPS[0])
    wave = torch.from_numpy((CLIPS[0][0] - CLIPS[0][0].mean()) / np.sqrt(CLIPS[0][0].var() + 1e-7))[None]
    with torch.no_grad():
        expected = theirs(wave, labels=example.labels[None]).loss
        torch.testing.assert_close(ctc.loss([example]), expected, rtol=1e-4, atol=1e-4)


def test_ctc_says_which_characters_it_cannot_write(ctc: AsrModel) -> None:
    fitted = ctc.fit_to(["café, ONE two!", "née"], [1.0, 1.0], "keep")
    assert (fitted.kind, fitted.left_out, fitted.size) == ("kept", {"é": 2, ",": 1, "!": 1}, 27)
    with pytest.raises(DatasetError, match="cannot write 6 of the 6 letters") as caught:
        ctc.fit_to(["привет"], [1.0], "keep")
    assert caught.value.reason == "vocabulary_mismatch"


@pytest.mark.parametrize(
    ("texts", "kind", "added"),
    [
        (["one two", "three!"], "kept", ""),
        (["café", "one two three four"], "extended", "é"),
        (["привет", "два"], "new", "авдеипрт"),
    ],
)
def test_a_ctc_vocabulary_follows_the_texts(ctc: AsrModel, texts: list[str], kind: str, added: str, tmp_path: Path) -> None:
    example = ctc.example(CLIPS[0][0], CLIPS[0][1])
    with torch.no_grad():
        before = ctc.network(ctc._inputs([example.features.numpy()])["input_values"]).logits
    old = ctc._tokenizer.get_vocab()
    fitted = ctc.fit_to(texts, [1.0] * len(texts))
    assert (fitted.kind, "".join(fitted.added)) == (kind, added)
    new = ctc._tokenizer.get_vocab()
    with torch.no_grad():
        after = ctc.network(ctc._inputs([example.features.numpy()])["input_values"]).logits
    assert after.shape[-1] == len(new)
    for token in {*old} & {*new} - {"<unk>"}:  # shared characters keep their rows
        torch.testing.assert_close(after[..., new[token]], before[..., old[token]])
    for text in texts:
        written = ctc._tokenizer.decode(ctc.example(tone(3.0), text).labels.tolist(), group_tokens=False)
        assert written == text.replace("!", "").lower()
    ctc.save(tmp_path)
    again = load_model(str(tmp_path), precision="float32")
    with torch.no_grad():
        torch.testing.assert_close(again.network(**again._inputs([example.features.numpy()])).logits, after)
    assert again._tokenizer.get_vocab() == new


def test_a_letter_in_the_other_case_gives_its_row_by_the_languages_rule(ctc: AsrModel) -> None:
    ctc.language = "tr"
    ctc._write_with(["I", "İ", "S"])
    old = {c: ctc.network.lm_head.weight[i].clone() for c, i in ctc._tokenizer.get_vocab().items()}
    ctc.fit_to(["İSI"], [1.0], "new")
    new = {c: ctc.network.lm_head.weight[i] for c, i in ctc._tokenizer.get_vocab().items()}
    assert set("isı") == set(new) - {"<pad>", "<unk>", "|"}
    for small, capital in ("iİ", "ıI", "sS"):
        torch.testing.assert_close(new[small], old[capital])
    assert ctc.labels("ISI isi") == ctc.labels("ısı İSİ")


def test_a_new_row_is_drawn_by_the_seed(tiny_ctc: Path) -> None:
    rows = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        model = load_model(str(tiny_ctc))
        model.fit_to(["привет"], [1.0], "new")
        rows.append(model.network.lm_head.weight.detach())
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])
    assert 0.01 < float(rows[0][3:].std()) < 0.03


def test_ctc_refuses_more_text_than_sound(ctc: AsrModel) -> None:
    with pytest.raises(DatasetError, match=r"do not fit 0\.3 s of sound") as caught:
        ctc.example(tone(0.3), "far too many words for so little sound")
    assert caught.value.reason == "text_does_not_fit"
    with pytest.raises(DatasetError, match="0 characters"):
        ctc.example(tone(1.0), "123")


def test_ctc_writes_no_special_tokens(ctc: AsrModel) -> None:
    with torch.no_grad():
        ctc.network.lm_head.bias[ctc._tokenizer.unk_token_id] = 1e4
    assert texts(ctc, [tone(1.0)]) == [""]


def test_ctc_needs_a_blank_between_equal_labels(ctc: AsrModel) -> None:
    frames = ctc._frames(SAMPLE_RATE // 2)
    fits = ("ab" * frames)[: frames - 1]
    assert len(ctc.example(tone(0.5), fits).labels) == frames - 1
    with pytest.raises(DatasetError, match="do not fit"):
        ctc.example(tone(0.5), "a" * (frames - 1))


def test_ctc_windows_join_without_a_seam(ctc: AsrModel, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    wave = np.repeat(np.arange(18, dtype=np.float32), SAMPLE_RATE // 2)  # 9 s; each half second is a letter
    ids = torch.tensor(ctc._tokenizer.convert_tokens_to_ids(list(letters)))
    seen: list[int] = []

    def network(input_values: torch.Tensor) -> SimpleNamespace:
        seen.append(len(input_values))
        heard = input_values[160::320].long()  # a frame is 20 ms
        return SimpleNamespace(logits=torch.nn.functional.one_hot(ids[heard], 32)[None].float())

    network.eval, network.base_model = lambda: None, SimpleNamespace()
    monkeypatch.setattr(ctc, "network", network)
    monkeypatch.setattr(ctc, "_inputs", lambda pieces: {"input_values": torch.from_numpy(pieces[0])})
    monkeypatch.setattr("core.models.ctc.model.WINDOW_SECONDS", 4.0)
    monkeypatch.setattr("core.models.ctc.model.STRIDE_SECONDS", 0.5)
    assert ctc._written(ctc.log_probs(wave)).text == letters[:18]
    assert seen == [64_000, 64_000, 48_000]

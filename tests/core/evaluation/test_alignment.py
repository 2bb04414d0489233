"""When each word was said: known paths, a network that knows two tones, and Whisper on clips laid end to end."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from torch.nn import functional

from core.audio.sound_files import SAMPLE_RATE, decode
from core.data.samples import read_sample
from core.errors import DatasetError, ModelError
from core.evaluation import alignment
from core.evaluation.alignment import SpokenWord, align, attention_spans, label_spans
from core.models.base.protocol import AsrModel
from core.models.deepspeech.model import DeepSpeech, DeepSpeechConfig, new_network
from core.models.loading import load_model
from tests.conftest import tone

# openai/whisper, whisper/__init__.py: gzipped booleans [layers, heads] of the heads that follow the sound.
OPENAI_HEADS = {
    "whisper-tiny.en": (b"ABzY8J1N>@0{>%R00Bk>$p{7v037`oCl~+#00", (4, 6)),
    "whisper-base": (b"ABzY8KQ!870{>%RzyTQH3`Q^yNP!>##QT-<FaQ7m", (6, 8)),
}


def matrix(path: str, labels: str = "_|ab", sure: float = 0.9) -> torch.Tensor:
    """Log probabilities of which each frame prefers the label that `path` names; the blank is "_", the space "|"."""
    rows = torch.full((len(path), len(labels)), (1 - sure) / (len(labels) - 1))
    for frame, label in enumerate(path):
        rows[frame, labels.index(label)] = sure
    return rows.log()


@pytest.mark.parametrize(
    ("path", "words", "spans"),
    [
        ("__aa__|_bbb_", ["a", "b"], [(2, 4), (8, 11)]),
        ("aa_b|_a", ["ab", "a"], [(0, 4), (6, 7)]),
        ("_a_a_", ["aa"], [(1, 4)]),
        ("_aaa_", ["a"], [(1, 4)]),
        ("_a_|_b_", ["a", "", "b"], [(1, 2), (2, 5), (5, 6)]),
        ("_a_|_b_", ["", "a", "b", ""], [(0, 1), (1, 2), (5, 6), (6, 7)]),
    ],
)
def test_the_path_through_the_frames_is_found(path: str, words: list[str], spans: list[tuple[int, int]]) -> None:
    labels = [["_|ab".index(c) for c in word] for word in words]
    assert label_spans(matrix(path), labels, 0, 1, SAMPLE_RATE) == spans


def test_the_blank_may_stand_last_and_the_space_may_be_missing() -> None:
    log_probs = matrix("_a__b", labels="ab_")
    assert label_spans(log_probs, [[0], [1]], 2, None, SAMPLE_RATE) == [(1, 2), (4, 5)]


@pytest.mark.parametrize("words", [[[2, 2, 2]], [[]]])
def test_a_text_that_does_not_fit_is_refused(words: list[list[int]]) -> None:
    with pytest.raises(DatasetError, match="do not fit"):
        label_spans(matrix("_a_a"), words, 0, 1, SAMPLE_RATE)


HERTZ = {"a": 300.0, "b": 1800.0}


def beeps(letters: str, starts: Sequence[float], seconds: float = 2.0) -> np.ndarray:
    """A low tone for "a" and a high one for "b", each 0.3 s long, in faint noise."""
    wave = 0.003 * np.random.default_rng(0).standard_normal(int(seconds * SAMPLE_RATE)).astype(np.float32)
    for letter, start in zip(letters, starts, strict=True):
        begin = int(start * SAMPLE_RATE)
        wave[begin : begin + int(0.3 * SAMPLE_RATE)] += tone(0.3, HERTZ[letter])
    return wave


@pytest.fixture(scope="module")
def beeper() -> DeepSpeech:
    """A small network that was told for every frame which tone it hears, and so writes "a" for a low one, "b" for a high."""
    torch.manual_seed(0)
    config = DeepSpeechConfig(alphabet="ab", context=2, hidden=32)
    model = DeepSpeech("beeper", new_network(config), config, precision="float32")
    rng = np.random.default_rng(0)
    optimiser = torch.optim.Adam(model.network.parameters(), lr=3e-3)
    for _ in range(150):
        letters, starts = rng.permutation(["a", "b"]), (rng.uniform(0.1, 0.6), rng.uniform(1.0, 1.6))
        batch = [model.example(beeps("".join(letters), starts), " ".join(letters))]
        time = np.arange(len(batch[0].features)) * 2.0 / len(batch[0].features)
        wanted = torch.full((len(time),), model.blank)
        for letter, start in zip(letters, starts, strict=True):
            wanted[(time > start) & (time < start + 0.3)] = model.labels(letter)[0]
        loss = functional.cross_entropy(model._head(model.prefix(batch))[0], wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@pytest.mark.parametrize(
    ("letters", "starts"), [("ab", (0.15, 1.05)), ("ba", (0.3, 1.3)), ("bab", (0.2, 0.8, 1.5)), ("b", (0.9,))]
)
def test_a_network_knows_when_it_heard_each_tone(beeper: DeepSpeech, letters: str, starts: tuple[float, ...]) -> None:
    wave = beeps(letters, starts)
    assert beeper.transcribe([wave])[0].text == letters
    spans = align(beeper, wave, " ".join(letters))
    assert [span.word for span in spans] == list(letters)
    for span, start in zip(spans, starts, strict=True):
        assert start - 0.05 <= span.start_s < span.end_s <= start + 0.4


def test_a_word_that_cannot_be_written_lies_between_its_neighbours(beeper: DeepSpeech) -> None:
    first, second, third = align(beeper, beeps("ab", (0.3, 1.3)), "A 42 b!")
    assert (first.word, second.word, third.word) == ("A", "42", "b!")
    assert (second.start_s, second.end_s) == (first.end_s, third.start_s)
    with pytest.raises(DatasetError, match="do not fit"):
        align(beeper, beeps("ab", (0.3, 1.3)), "42")


@pytest.mark.parametrize("family", ["wav2vec2", "parakeet", "wav2vec2-bert", "hubert"])
def test_every_kind_of_ctc_network_places_words_in_order(family: str, ctc_family) -> None:
    wave = tone(3.0)
    spans = align(load_model(str(ctc_family(family))), wave, "Hello there, you!")
    assert [span.word for span in spans] == ["Hello", "there,", "you!"]
    in_order(spans, 3.0)


def in_order(spans: list[SpokenWord], seconds: float) -> None:
    edges = [edge for span in spans for edge in (span.start_s, span.end_s)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= seconds


def test_weights_with_a_known_path() -> None:
    weights = torch.full((2, 4, 40), 0.001)
    for row, (start, end) in enumerate([(0, 8), (8, 20), (20, 30), (30, 40)]):
        weights[:, row, start:end] = 1.0
    weights /= weights.sum(-1, keepdim=True)
    spans = attention_spans(weights, [2, 5, 7], [5, 2])  # three tokens: "ab", "cde" and "fg"; two words
    assert np.array(spans) == pytest.approx(np.array([(0, 20), (20, 30)]), abs=1)
    halves = attention_spans(weights, [2, 2, 4], [1, 1, 1, 1])  # the second token ends inside a character
    assert np.array(halves) == pytest.approx(np.array([(0, 4), (4, 8), (8, 19), (19, 30)]), abs=1)


def test_warping_finds_the_path_that_librosa_finds() -> None:
    rng = np.random.default_rng(0)
    for rows, columns in ((1, 1), (1, 5), (5, 1), (9, 9), (7, 30), (30, 7)):
        cost = rng.standard_normal((rows, columns))
        _, path = librosa.sequence.dtw(C=cost)
        first = [int(path[path[:, 0] == row, 1].min()) for row in range(rows)]
        assert alignment._warp(cost) == first


@pytest.mark.parametrize("id", OPENAI_HEADS)
def test_the_bundled_models_name_the_heads_that_openai_published(id: str) -> None:
    dump, shape = OPENAI_HEADS[id]
    mask = np.frombuffer(gzip.decompress(base64.b85decode(dump)), dtype=bool).reshape(shape)
    model = load_model(id)
    assert model.network.generation_config.alignment_heads == np.argwhere(mask).tolist()


@pytest.fixture(scope="module")
def english(bundled: Path) -> AsrModel:
    return load_model(str(bundled))


def spoken(index: int) -> tuple[np.ndarray, str]:
    """A clip of general speech without the silence around it."""
    clip = read_sample("general").clips[index]
    wave = decode(clip.path)
    loud = np.flatnonzero(np.convolve(np.abs(wave), np.full(400, 1 / 400), "same") > 0.02)
    return wave[loud[0] : loud[-1]], clip.text


@pytest.mark.parametrize("thin", [True, False])
@pytest.mark.parametrize("pair", [(2, 3), (6, 7), (8, 9)])
def test_whisper_finds_where_one_clip_ends_and_the_next_begins(english: AsrModel, pair: tuple[int, int], thin: bool) -> None:
    (first, before), (second, after) = (spoken(i) for i in pair)
    english.thin = thin
    wave = np.concatenate([first, second])
    spans = align(english, wave, f"{before} {after}")
    assert [span.word for span in spans] == [*before.split(), *after.split()]
    in_order(spans, len(wave) / SAMPLE_RATE)
    boundary = len(first) / SAMPLE_RATE
    assert spans[len(before.split())].start_s == pytest.approx(boundary, abs=0.3)
    assert spans[0].start_s == pytest.approx(0, abs=0.3)
    assert spans[-1].end_s == pytest.approx(len(wave) / SAMPLE_RATE, abs=0.3)


def test_characters_are_placed_where_words_have_no_spaces(tiny_multilingual: Path) -> None:
    model = load_model(str(tiny_multilingual), language="zh")
    spans = align(model, tone(2.0), "你好 世界,龘!")
    assert [span.word for span in spans] == list("你好世界,龘!")
    in_order(spans, 2.0)


def test_a_model_without_known_heads_uses_the_upper_half(tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper))
    model.network.generation_config.alignment_heads = None
    weights, written = model.attention(tone(1.0), "hello there")
    assert weights.shape == (2, len(written) + 1, 50)  # one of two layers, two heads
    assert weights.sum(-1) == pytest.approx(1, abs=1e-4)
    assert written[-1].strip() == "hello there"
    in_order(align(model, tone(1.0), "hello there"), 1.0)


def test_nothing_is_left_behind_in_the_network(tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper))
    model.network.generation_config.alignment_heads = [[0, 1], [1, 0]]
    align(model, tone(1.0), "hello")
    assert not any(module._forward_hooks for module in model.network.modules())


def test_an_empty_text_has_no_words(tiny_whisper: Path, beeper: DeepSpeech) -> None:
    assert align(load_model(str(tiny_whisper)), tone(1.0), " ") == []
    assert align(beeper, tone(1.0), "") == []


def test_what_is_too_long_for_whisper_is_refused(tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper))
    with pytest.raises(DatasetError, match="30"):
        align(model, tone(31.0), "hello")
    with pytest.raises(DatasetError, match="word"):
        align(model, tone(1.0), "word " * 500)


@pytest.mark.parametrize("folder", ["tiny_moonshine", "tiny_speech2text"])
def test_other_families_say_that_they_cannot(folder: str, request: pytest.FixtureRequest) -> None:
    model = load_model(str(request.getfixturevalue(folder)))
    with pytest.raises(ModelError, match="cannot tell when each word") as raised:
        align(model, tone(1.0), "hello")
    assert raised.value.reason == "no_alignment"

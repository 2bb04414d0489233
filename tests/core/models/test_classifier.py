"""A classification head for a closed set of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForAudioClassification

from core.audio.sound_files import write_flac
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import assign_parts
from core.errors import DatasetError
from core.models.classifier import Classifier
from core.models.loading import load_model, model_family
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.conftest import tone

WORDS = {"low": 150.0, "High": 900.0, "middle": 400.0}


def clips(count: int, seed: int = 0) -> list[tuple[np.ndarray, str]]:
    """Every word is a pitch, said `count` times with other noise and length."""
    return [
        (tone(0.5 + 0.1 * i, hertz, seed=seed + 10 * i + j), word)
        for i in range(count)
        for j, (word, hertz) in enumerate(WORDS.items())
    ]


@pytest.fixture(params=["tiny_whisper", "tiny_ctc"])
def classifier(request: pytest.FixtureRequest) -> Classifier:
    model = load_model(str(request.getfixturevalue(request.param)), precision="float32")
    return Classifier.from_recogniser(model, ["low", "High", "high!", "middle"], "float32")


def test_the_classes_are_the_texts(classifier: Classifier) -> None:
    assert sorted(classifier.network.config.id2label.values()) == ["High", "low", "middle"]
    assert classifier.example(tone(0.5), "HIGH.").labels.tolist() == classifier.example(tone(0.5), "high").labels.tolist()
    with pytest.raises(DatasetError, match="'other' is not one of the words") as caught:
        classifier.example(tone(0.5), "other")
    assert caught.value.reason == "class_unknown"


def test_it_learns_to_tell_words_apart(classifier: Classifier) -> None:
    recipe = Recipe(trains="everything", learning_rate=3e-3, epochs=25, evaluations=1, batch_size=6)
    list(finetune(classifier, clips(2), (), recipe))
    written = [transcript.text for transcript in classifier.transcribe([wave for wave, _ in clips(2)])]
    assert written == [word for _, word in clips(2)]


def test_what_is_frozen_stays_and_its_output_is_kept(classifier: Classifier) -> None:
    before = [p.detach().clone() for layer in classifier.layers() if layer.part != "head" for p in layer.parameters]
    list(finetune(classifier, clips(1), (), Recipe(trains="head", learning_rate=1e-2, epochs=2, evaluations=1)))
    after = [p for layer in classifier.layers() if layer.part != "head" for p in layer.parameters]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_batch_reads_like_its_clips_one_by_one(classifier: Classifier) -> None:
    examples = [classifier.example(wave, text) for wave, text in clips(1)]
    with torch.no_grad():
        alone = torch.stack([classifier.loss([example]) for example in examples]).mean()
        same = [e for e in examples if len(e.features) == len(examples[0].features)]
        torch.testing.assert_close(classifier.loss(same), alone, rtol=1e-3, atol=1e-3)


def test_saved_and_loaded_it_is_the_same(classifier: Classifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    assert model_family(str(tmp_path)) == "classifier"
    again = load_model(str(tmp_path), precision="float32")
    waves = [wave for wave, _ in clips(1)]
    assert [t.text for t in again.transcribe(waves)] == [t.text for t in classifier.transcribe(waves)]
    assert AutoModelForAudioClassification.from_pretrained(tmp_path).config.num_labels == 3


def test_without_whisper_the_scores_are_those_of_transformers(tiny_ctc: Path) -> None:
    model = Classifier.from_recogniser(load_model(str(tiny_ctc), precision="float32"), ["a", "b"], "float32")
    wave = tone(1.0)
    values = model.extractor([wave], sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        expected = model.network(values).logits
        torch.testing.assert_close(model._scores(model._encode([wave]), [len(wave)]), expected)


@pytest.mark.parametrize(
    "texts", [["one"], ["same", "Same."], [f"word {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(201)]]
)
def test_too_few_or_too_many_words_are_refused(tiny_ctc: Path, texts: list[str]) -> None:
    with pytest.raises(DatasetError, match="a classifier takes 2 to 200") as caught:
        Classifier.from_recogniser(load_model(str(tiny_ctc)), texts)
    assert caught.value.reason == "classes_count"


@pytest.mark.parametrize(("speakers", "apart"), [(6, True), (1, False)])
def test_a_closed_set_is_split_by_speaker_or_clip_and_every_word_is_everywhere(speakers: int, apart: bool) -> None:
    said = [Clip(f"/{i}-{word}.wav", word, f"voice {i % speakers}") for i in range(24) for word in WORDS]
    split = assign_parts(said, "en", closed=True)
    for part in ("train", "test"):
        assert {clip.text for clip in split if clip.part == part} == set(WORDS)
    voices = [{clip.speaker for clip in split if clip.part == part} for part in ("train", "validation", "test")]
    assert all(voices)
    assert (not voices[0] & voices[2]) == apart


def test_a_run_compares_it_with_the_recogniser_it_came_from(tiny_whisper: Path, tmp_path: Path) -> None:
    said = []
    for i, (wave, word) in enumerate(clips(4)):
        write_flac(tmp_path / f"{i}.flac", wave)
        said.append(Clip(str(tmp_path / f"{i}.flac"), word))
    labelled = LabelledSet("words", tuple(assign_parts(said, "en", closed=True)))
    recipe = Recipe(trains="head", learning_rate=1e-2, epochs=2, evaluations=1, task="classify")
    run = run_folder.create(tmp_path / "run", Request(str(tiny_whisper), labelled, (), (), recipe))
    list(execute(run))
    assert {clip.adapted for clip in run.comparisons()["test"].clips} <= set(WORDS)
    assert load_model(str(run.adapted)).family == "classifier"

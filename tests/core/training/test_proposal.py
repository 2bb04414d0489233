"""The page and the command line propose the same recipe, and it suits the clips."""

from __future__ import annotations

import pytest

from core.cli.finetune import request_of
from core.cli.main import build_parser
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import FEW_CLIPS
from core.data.samples import SAMPLES, read_sample
from core.errors import RecipeError
from core.training.presets import preset
from core.training.proposal import propose, suited
from core.training.recipe import Recipe

TINY, MANY = "whisper-tiny.en", "whisper-base"


def a_set(train: int, speakers: tuple[str, ...] = ("",), language: str = "en", name: str = "mine") -> LabelledSet:
    clips = tuple(Clip(f"/{i}.wav", f"sentence {i}", speakers[i % len(speakers)], "train") for i in range(train))
    return LabelledSet(name, (*clips, Clip("/t.wav", "another", speakers[0], "test")), language)


@pytest.mark.parametrize(
    ("model", "labelled", "expected"),
    [
        (TINY, a_set(12), "voice"),
        (TINY, a_set(12, ("ann",)), "voice"),
        (TINY, a_set(FEW_CLIPS), "voice"),
        (TINY, a_set(FEW_CLIPS + 1), "accent"),
        (TINY, a_set(12, ("ann", "bo")), "accent"),
        (TINY, a_set(0), "accent"),
        (TINY, a_set(12, language="sw"), "language"),
        (MANY, a_set(12, language="sw"), "voice"),  # it writes many languages
        ("facebook/wav2vec2-base", a_set(12), "language"),  # it writes none yet
        ("./somewhere", a_set(12, language="sw"), "voice"),  # not in the catalogue: unknown
        (TINY, a_set(12, name="noise"), "voice"),  # a person's set that is called like a sample
    ],
)
def test_a_set_brings_its_preset(model: str, labelled: LabelledSet, expected: str) -> None:
    assert suited(model, labelled) == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_brings_its_own(name: str) -> None:
    labelled = read_sample(name)
    proposal = propose(TINY, "whisper", labelled)
    assert (proposal.preset, proposal.recipe) == (name, preset(name, "whisper", len(labelled.part("train"))))


def test_a_chosen_preset_wins_and_classification_has_none() -> None:
    assert propose(TINY, "whisper", a_set(12), "careful").preset == "careful"
    assert propose(TINY, "whisper", a_set(12), terms=["Siobhan"]).preset == "words"
    assert propose(TINY, "whisper", a_set(12), classify=True).recipe == Recipe.default("classifier", 12)
    with pytest.raises(RecipeError, match="no preset 'boldest'"):
        propose(TINY, "whisper", a_set(12), "boldest")


@pytest.mark.parametrize("name", SAMPLES)
def test_the_command_line_takes_it_and_says_so(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = build_parser().parse_args(["finetune", "--train", name, "--out", "run"])
    assert request_of(options).recipe == propose(options.model, "whisper", read_sample(name)).recipe
    assert f"preset: {name}, " in capsys.readouterr().err
    options = build_parser().parse_args(["finetune", "--train", name, "--out", "run", "--preset", "careful"])
    assert request_of(options).recipe == preset("careful", "whisper", len(read_sample(name).part("train")))
    assert capsys.readouterr().err == ""

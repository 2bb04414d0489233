"""A split is edited by hand without anything standing on two sides unnoticed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from core.data.clips.labelled_set import PARTS, Clip, LabelledSet, overlap
from core.data.clips.parts import assign_parts
from core.data.clips.splits import move
from core.errors import DatasetError


def made(rows: Sequence[tuple[str, str, str]]) -> LabelledSet:
    """A set of clips /0.wav, /1.wav ... called 0, 1 ... from (text, speaker, part)."""
    return LabelledSet("set", tuple(Clip(f"/{i}.wav", *row, f"{i}") for i, row in enumerate(rows)))


def parts(labelled: LabelledSet) -> list[str]:
    return [clip.part for clip in labelled.clips]


@pytest.mark.parametrize(
    ("rows", "ids", "part", "expected", "dragged", "why"),
    [
        (
            [("one", "", "train"), ("two", "", "train"), ("three", "", "test")],
            ["0"], "test", ["test", "train", "test"], [], "nothing is linked",
        ),
        (
            [("One.", "", "train"), ("one", "", "train"), ("two", "", "train"), ("three", "", "test")],
            ["0"], "test", ["test", "test", "train", "test"], ["1"], "another take of the sentence",
        ),
        (
            [("one", "Ada", "train"), ("two", "Ada", "train"), ("three", "Bob", "train"), ("four", "Cy", "test")],
            ["0"], "test", ["test", "test", "train", "test"], ["1"], "speakers are apart, so the speaker goes",
        ),
        (
            [("one", "Ada", "train"), ("two", "Ada", "train"), ("three", "Bob", "train"), ("four", "Ada", "test")],
            ["0"], "test", ["test", "train", "train", "test"], [], "speakers are not apart anyway",
        ),
        (
            [("one", "Ada", "train"), ("two", "Ada", "train"), ("two", "Bob", "train"), ("four", "Cy", "train")],
            ["0"], "test", ["test", "test", "test", "train"], ["1", "2"], "a speaker's sentence's speaker",
        ),
        (
            [("one", "Ada", "validation"), ("two", "Ada", "test"), ("three", "Bob", "train"), ("four", "Cy", "train")],
            ["0"], "test", ["test", "test", "train", "train"], [], "speakers are apart from training only",
        ),
        (
            [("one", "Ada", "validation"), ("two", "Ada", "test"), ("three", "Bob", "train"), ("four", "Cy", "train")],
            ["0"], "train", ["train", "train", "train", "train"], ["1"], "and stay apart from it",
        ),
        (
            [("one", "", "train"), ("two", "", "train"), ("three", "", "test")],
            ["2"], "test", ["train", "train", "test"], [], "it is there already",
        ),
    ],
)  # fmt: skip
def test_what_goes_along(
    rows: list[tuple[str, str, str]], ids: list[str], part: str, expected: list[str], dragged: list[str], why: str
) -> None:
    done = move(made(rows), part, ids)  # type: ignore[arg-type]
    assert parts(done.labelled) == expected, why
    assert list(done.dragged) == dragged, why
    assert list(done.moved) == ids
    if dragged:
        with pytest.raises(DatasetError, match=f"{len(dragged)} other clips have the same sentence or speaker") as caught:
            move(made(rows), part, ids, drag=False)  # type: ignore[arg-type]
        assert caught.value.reason == "move_overlaps"
    else:
        assert move(made(rows), part, ids, drag=False) == done  # type: ignore[arg-type]


def test_a_speaker_is_moved_with_all_clips() -> None:
    rows = [("one", "Ada", "train"), ("two", "Bob", "train"), ("three", "Ada", "train"), ("four", "Cy", "test")]
    done = move(made(rows), "validation", speakers=["Ada"])
    assert parts(done.labelled) == ["validation", "train", "validation", "test"]
    assert done.moved == ("0", "2")
    assert done.dragged == ()


def test_words_of_a_closed_set_do_not_drag_each_other() -> None:
    rows = [("yes", "", "train"), ("yes", "", "train"), ("no", "", "train"), ("no", "", "test")]
    assert parts(move(made(rows), "test", ["0"], closed=True).labelled) == ["test", "train", "train", "test"]


def test_a_file_listed_twice_stays_together() -> None:
    twice = (
        Clip("/a.wav", "one", "", "train", "a"),
        Clip("/a.wav", "uno", "", "train", "b"),
        Clip("/b.wav", "two", "", "train"),
    )
    assert parts(move(LabelledSet("set", twice), "test", ["a"]).labelled) == ["test", "test", "train"]


def test_an_overlap_that_stays_is_said() -> None:
    rows = [("one", "Ada", "train"), ("two", "Ada", "test"), ("two", "Bob", "train"), ("three", "Cy", "train")]
    done = move(made(rows), "validation", ["3"])
    assert (done.overlap.sentences, done.overlap.speakers) == (1, 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("speakers", "sentences"), [(0, 60), (12, 60), (12, 20), (3, 60), (60, 10)])
def test_no_move_makes_an_overlap(seed: int, speakers: int, sentences: int) -> None:
    rng = np.random.default_rng(seed)
    clips = [
        Clip(
            f"/{i}.wav", f"sentence {rng.integers(sentences)}", f"voice {rng.integers(speakers)}" if speakers else "", id=f"{i}"
        )
        for i in range(60)
    ]
    labelled = LabelledSet("set", tuple(assign_parts(clips, "en", seed)))
    for _ in range(10):
        part = PARTS[rng.integers(3)]
        before = overlap(labelled.part("train"), [*labelled.part("validation"), *labelled.part("test")], "en")
        ids = [f"{i}" for i in rng.choice(60, 2, replace=False)]
        try:
            done = move(labelled, part, ids)
        except DatasetError:
            continue  # everything hangs together, and nothing would be left to train on
        changed = {old.id for old, new in zip(labelled.clips, done.labelled.clips, strict=True) if old != new}
        assert changed <= {*done.moved, *done.dragged}
        assert all(clip.part == part for clip in done.labelled.clips if clip.id in {*done.moved, *done.dragged})
        assert [dataclasses.replace(clip, part="") for clip in done.labelled.clips] == clips
        assert done.overlap.sentences <= before.sentences
        assert before.speakers or not done.overlap.speakers
        labelled = done.labelled


@pytest.mark.parametrize(
    ("part", "ids", "speakers", "reason"),
    [
        ("test", ["9"], [], "not_in_set"),
        ("test", [], ["Zoe"], "not_in_set"),
        ("holdout", ["0"], [], "part_unknown"),
        ("test", ["0", "1"], [], "move_empties"),
    ],
)
def test_what_cannot_be_moved(part: str, ids: list[str], speakers: list[str], reason: str) -> None:
    labelled = made([("one", "", "train"), ("two", "", "train"), ("three", "", "test")])
    with pytest.raises(DatasetError, match=r"\w") as caught:
        move(labelled, part, ids, speakers)  # type: ignore[arg-type]
    assert caught.value.reason == reason

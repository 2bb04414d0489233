"""Which stretch of a clip a marked word stands for, and that it is worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, LabelledSet
from core.errors import ModelError, RunError
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.runs.run_folder import Run
from core.runs.word_times import loaded, marked_times, spoken_units, word_times
from core.storage.files import write_json
from core.text.scoring import normalise
from core.training.recipe import Recipe
from tests.conftest import tone


@pytest.mark.parametrize(
    ("text", "language", "units"),
    [
        ("", "en", []),
        ("The dog.", "en", [(0, 0), (1, 1)]),
        ("Twenty five, um, dogs", "en", [(0, 1), (3, 3)]),
        ("one hundred and twenty cats", "en", [(0, 3), (4, 4)]),
        ("I don't know", "en", [(0, 0), (1, 1), (1, 1), (2, 2)]),
        ("um yes", "en", [(1, 1)]),
        ("- well -", "en", [(1, 1)]),
        ("Er kam um 12 Uhr", "de", [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]),
        ("你好， 吗", "zh", [(0, 0), (1, 1), (3, 3)]),
        ("有12个", "zh", [(0, 0), (1, 1), (2, 2), (3, 3)]),
    ],
)
def test_every_normalised_word_knows_what_it_was_written_as(text: str, language: str, units: list[tuple[int, int]]) -> None:
    assert len(units) == len(normalise(text, language).split())
    assert spoken_units(text, language) == units


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_ctc: Path) -> Run:
    folder = tmp_path_factory.mktemp("word-times")
    clips = []
    for i, part in enumerate(("train", "train", "test")):
        sound_files.write_flac(folder / f"{i}.flac", tone(2.0, 200.0 + 60 * i, seed=i))
        clips.append(Clip(str(folder / f"{i}.flac"), f"a sound that is number {'abc'[i]}", "me", part))
    recipe = Recipe(trains="head", epochs=1, evaluations=1)
    run = run_folder.create(folder / "run", Request(str(tiny_ctc), LabelledSet("mine", tuple(clips), "en"), (), (), recipe))
    list(execute(run))
    return run


def test_times_follow_the_marks_and_stay_in_the_folder(finished: Run) -> None:
    asked: list[str] = []

    @contextmanager
    def counted(id: str, language: str) -> Iterator[AsrModel]:
        asked.append(id)
        with loaded(id, language) as model:
            yield model

    found = word_times(finished, "test", 0, counted)
    clip = finished.comparisons()["test"].clips[0]
    assert asked == [finished.request().model, str(finished.adapted)]
    for name in ("base", "adapted"):
        stretches = getattr(found, name)
        assert len(stretches) == len(getattr(clip, f"{name}_words"))
        assert all(0 <= start <= end <= 2.0 for start, end in stretches)
    assert word_times(finished, "test", 0, counted) == found
    assert len(asked) == 2
    stored = finished.folder / "times" / "test-0.json"
    write_json(stored, {"base": [], "adapted": [[0.0, 1.0]] * 20})  # other words than are marked
    assert word_times(finished, "test", 0, counted) == found
    assert len(asked) == 4


@pytest.mark.parametrize(("group", "index"), [("test", 1), ("test", -1), ("canary", 0), ("../..", 0)])
def test_a_clip_the_run_has_not_is_refused(finished: Run, group: str, index: int) -> None:
    with pytest.raises(RunError, match="has no such clip"):
        word_times(finished, group, index)


def test_left_out_words_have_the_time_of_what_was_said(tiny_ctc: Path) -> None:
    model, wave = load_model(str(tiny_ctc)), tone(3.0)
    said = marked_times(model, wave, "red dog ran", "red dog ran", "en")
    assert len(said) == 3
    assert [start for start, _ in said] == sorted(start for start, _ in said)
    assert marked_times(model, wave, "red dog ran", "", "en") == said
    heard = marked_times(model, wave, "red dog ran", "red ran", "en")
    assert len(heard) == 3
    assert heard[1] == said[1]


def test_a_family_that_cannot_align_says_so(tiny_moonshine: Path) -> None:
    with pytest.raises(ModelError, match="cannot tell when"):
        marked_times(load_model(str(tiny_moonshine)), tone(1.0), "a b", "a c", "en")

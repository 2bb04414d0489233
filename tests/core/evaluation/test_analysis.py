"""What is said to have been learned, on comparisons made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.audio.sound_files import write_flac
from core.data.clips.labelled_set import Clip
from core.evaluation.analysis import Analysis, ClipSound, Confusion, WordCount, analyse, longest_loop, measure_sounds
from core.evaluation.compare import Comparison, compare
from tests.core.audio.test_activity import bursts


def made(rows: list[tuple[str, str, str]], language: str = "en", speakers: tuple[str, ...] = ("",)) -> Comparison:
    """A comparison of (said, base, adapted) rows, the speakers taking turns."""
    clips = [Clip(f"/{i}.wav", said, speakers[i % len(speakers)]) for i, (said, _, _) in enumerate(rows)]
    return compare(clips, [base for _, base, _ in rows], [adapted for _, _, adapted in rows], language)


@pytest.fixture(scope="module")
def lesson() -> Analysis:
    return analyse(
        made([
            ("the thin cat sat", "the sin cat sat", "the thin cat sat"),
            ("a thin dog ran", "a sin dog ran", "a thin dog ran"),
            ("thin ice on the lake", "sin ice on lake", "thin ice on the leg"),
            ("the thin man", "the thin man", "the thin man"),
            ("the bat flew", "the bat flew", "the bad flew away"),
        ])
    )  # fmt: skip


def test_clips_are_counted_by_what_became_of_them(lesson: Analysis) -> None:
    assert (lesson.better, lesson.worse, lesson.same) == (3, 1, 1)


def test_words_are_counted_with_the_clips_they_stand_in(lesson: Analysis) -> None:
    assert lesson.fixed == (WordCount("thin", 3, 3, 4), WordCount("the", 1, 1, 4))
    assert lesson.broken == (WordCount("bat", 1, 1, 1), WordCount("lake", 1, 1, 1))


def test_errors_are_counted_by_kind(lesson: Analysis) -> None:
    assert lesson.substitutions == (3, 2)
    assert lesson.deletions == (1, 0)
    assert lesson.insertions == (0, 1)


def test_words_taken_for_another(lesson: Analysis) -> None:
    assert lesson.confusions == (
        Confusion("thin", "sin", 3, 0),
        Confusion("bat", "bad", 0, 1),
        Confusion("lake", "leg", 0, 1),
    )


def test_characters_taken_for_another_inside_them(lesson: Analysis) -> None:
    matrix = lesson.matrix
    pairs = {
        (said, heard): (matrix.base[i][j], matrix.adapted[i][j])
        for i, said in enumerate(matrix.said)
        for j, heard in enumerate(matrix.heard)
        if matrix.base[i][j] or matrix.adapted[i][j]
    }
    # "lake" and "leg" share one letter of four: that is another word, not another sound.
    assert pairs.pop(("t", "d")) == (0, 1)
    assert {said for said, _ in pairs} == {"t", "h"}  # "th" heard as "s": which of the two became it is a tie
    assert set(pairs.values()) == {(3, 0)}
    assert all(len(row) == len(matrix.heard) for row in (*matrix.base, *matrix.adapted))


def test_a_matrix_stays_small() -> None:
    letters = "abcdefghijklmnopqrst"
    rows = [(f"xx{a}", f"xx{b}", f"xx{a}") for a, b in zip(letters, letters[1:] + "a", strict=True)]
    matrix = analyse(made(rows, "sw")).matrix
    assert len(matrix.said) <= 10
    assert len(matrix.heard) <= 10
    assert sum(sum(row) for row in matrix.base) >= 9


def test_languages_without_spaces_confuse_characters() -> None:
    found = analyse(made([("你好世界", "你号世界", "你好世节")], "zh"))
    assert [(c.said, c.heard, c.base, c.adapted) for c in found.confusions] == [("好", "号", 1, 0), ("界", "节", 0, 1)]
    assert (found.matrix.said, found.matrix.heard) == (("好", "界"), ("号", "节"))
    assert found.matrix.base == ((1, 0), (0, 0))


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("", 0),
        ("a", 1),
        ("a b c", 1),
        ("a a", 2),
        ("a b a b a b", 3),
        ("x a b c a b c y", 2),
        ("no no no no", 4),
        ("a b a b a", 2),
    ],
)
def test_longest_loop(text: str, times: int) -> None:
    assert longest_loop(text.split()) == times


@pytest.mark.parametrize(
    ("said", "heard", "loops", "runs_on", "empty"),
    [
        ("hello there my friend", "hello there my friend", 0, 0, 0),
        ("hello", "hello hello hello", 1, 0, 0),
        ("no no no", "no no no", 0, 0, 0),  # it was said
        ("no no no", "no no no no", 1, 0, 0),
        ("hello there", "thank you for watching this video", 0, 1, 0),
        ("yes", "yes I do", 0, 0, 0),
        ("hello there", "and so on " * 30, 1, 1, 0),
        ("hello there", "", 0, 0, 1),
        ("hello there", "...", 0, 0, 1),
    ],
)
def test_runaways(said: str, heard: str, loops: int, runs_on: int, empty: int) -> None:
    base, adapted = analyse(made([("fine words here", "fine words here", "fine words here"), (said, heard, said)])).runaways
    assert (base.loops, base.runs_on, base.empty) == (loops, runs_on, empty)
    assert base.clips == ((1,) if loops or runs_on or empty else ())
    assert (adapted.loops, adapted.runs_on, adapted.empty, adapted.clips) == (0, 0, 0, ())


NOUNS = ("apple", "bridge", "candle", "doctor", "engine", "forest", "garden", "hammer", "island", "jacket")


@pytest.mark.parametrize(
    ("base", "adapted", "learnt"),
    [
        ("the {} is grey", "The {} is green.", "sound"),
        ("the {} is green", "The {} is green.", "writing"),
        ("The {} is green.", "The {} is green.", "nothing"),
        ("The {} is green.", "the {} is green", "nothing"),
        ("The {} is green.", "The {} is grey.", "worse"),
    ],
)
def test_the_sound_or_the_writing(base: str, adapted: str, learnt: str) -> None:
    result = analyse(made([(f"The {n} is green.", base.format(n), adapted.format(n)) for n in NOUNS])).writing
    assert result.learnt == learnt
    assert result.normalised.clusters == result.raw.clusters == 10


def test_groups_say_when_they_are_too_few() -> None:
    rows = [(f"the {n} is green", f"the {n} is grey", f"the {n} is green") for n in NOUNS]
    rows += [(f"a {n} was red", f"a {n} was read", f"a {n} was red") for n in NOUNS[:2]]
    clips = [Clip(f"/{i}.wav", said, "Ada" if i < 10 else "Bob") for i, (said, _, _) in enumerate(rows)]
    ada, bob = analyse(compare(clips, [b for _, b, _ in rows], [a for _, _, a in rows], "en")).speakers
    assert (ada.name, ada.clips, ada.words, ada.base, ada.adapted, ada.too_few) == ("Ada", 10, 40, 0.25, 0.0, False)
    assert ada.interval is not None
    assert ada.interval.high < 0
    assert (bob.name, bob.clips, bob.interval, bob.too_few) == ("Bob", 2, None, True)
    assert analyse(made(rows)).speakers == ()


def test_quarters_by_duration_and_noise() -> None:
    comparison = made([(f"the {n} is green", f"the {n} is grey", f"the {n} is green") for n in (*NOUNS, "kettle", "ladder")])
    sounds: list[ClipSound | None] = [ClipSound(1.0 + i, 30.0 - i) for i in range(11)]
    found = analyse(comparison, [*sounds, None])
    assert [group.clips for group in found.lengths] == [3, 2, 3, 3]
    assert (found.lengths[0].low, found.lengths[-1].high) == (1.0, 11.0)
    assert (found.noises[0].low, found.noises[-1].high) == (20.0, 30.0)
    assert all(group.too_few and group.base == 0.25 and group.adapted == 0 for group in (*found.lengths, *found.noises))
    unheard = [ClipSound(1.0 + i, None if i < 3 else 30.0 - i) for i in range(11)]
    assert sum(group.clips for group in analyse(comparison, unheard).noises) == 8
    assert analyse(comparison).lengths == ()
    assert analyse(comparison, [ClipSound(1.0, 20.0)] * 12).noises == ()  # all alike: nothing to tell apart


def test_files_that_are_gone_are_not_measured(tmp_path: Path) -> None:
    write_flac(tmp_path / "noisy.flac", bursts([(0.5, 1.5)], 2.0, noise_dbfs=-40.0))
    write_flac(tmp_path / "whole.flac", bursts([(0.0, 2.0)], 2.0))  # without a pause nothing is said of the noise
    clips = [Clip(str(tmp_path / f"{name}.flac"), "a tone") for name in ("noisy", "whole", "gone")]
    noisy, whole, gone = measure_sounds(compare(clips, ["a", "b", "c"], ["a", "b", "c"], "en"))
    assert noisy == ClipSound(2.0, pytest.approx(20.0, abs=1.5))
    assert whole == ClipSound(2.0, None)
    assert gone is None


def test_it_is_plain_json(lesson: Analysis) -> None:
    whole = json.loads(json.dumps(lesson.to_json(), allow_nan=False))
    assert whole["fixed"][0] == {"word": "thin", "times": 3, "clips": 3, "said": 4}
    assert whole["speakers"] == []

"""Clips to look at: sorted, filtered, searched."""

from __future__ import annotations

import pytest

from core.data.clips.labelled_set import Clip
from core.evaluation.compare import compare
from core.evaluation.selection import clip_to_watch, most_telling, select

SAID = ["The red house", "a green door stands open", "Blue, blue sky", "one hundred and twenty"]
BASE = ["the bed house", "a green door stands open", "blue sky", "120"]
ADAPTED = ["the red house", "a clean door stands open", "blue sky", "120"]
COMPARISON = compare([Clip(f"/{i}.wav", text) for i, text in enumerate(SAID)], BASE, ADAPTED, "en")


@pytest.mark.parametrize(
    ("order", "kind", "wanted", "found"),
    [
        ("improved", "all", "", [0, 2, 3, 1]),
        ("harmed", "all", "", [1, 2, 3, 0]),
        ("longest", "all", "", [1, 0, 2, 3]),
        ("given", "all", "", [0, 1, 2, 3]),
        ("given", "fixed", "", [0]),
        ("given", "broken", "", [1]),
        ("given", "wrong", "", [2]),
        ("given", "unchanged", "", [2, 3]),
        ("given", "all", "BED", [0]),
        ("given", "all", " clean\n", [1]),
        ("given", "all", "blue,", [2]),
        ("given", "all", "hundred", [3]),
        ("given", "all", "120", [3]),
        ("given", "fixed", "green", []),
    ],
)
def test_clips_are_sorted_filtered_and_searched(order: str, kind: str, wanted: str, found: list[int]) -> None:
    assert select(COMPARISON, order, kind, wanted) == found


@pytest.mark.parametrize(
    ("references", "base", "seconds", "place"),
    [
        (["red hat", "a red hat", "red"], ["red hat", "the rat had", "bed"], [1.0, 2.0, 1.0], 1),
        (["red hat", "a red hat"], ["bed had", "a bed had"], [1.0, 2.0], 0),  # as many errors: the shorter
        (["red hat", "a red hat"], ["red had", "the bed had"], [1.0, 20.0], 0),  # the other is long
        (["red hat", "a red hat"], ["bed had", "a red had"], [30.0, 20.0], 1),  # all are long: the shortest
        (["red", "a red hat"], ["hat hat hat hat hat hat", "a bed had"], [1.0, 2.0], 1),  # a loop is not many errors
        (["", "..."], ["red", "hat"], [1.0, 1.0], None),
        ([], [], [], None),
    ],
)
def test_the_clip_to_watch_is_short_and_wrong(
    references: list[str], base: list[str], seconds: list[float], place: int | None
) -> None:
    assert clip_to_watch(references, base, seconds) == place


def test_chinese_is_searched_without_the_spaces_between_characters() -> None:
    said, heard = ["今天天气很好", "我们去学校"], ["今天天汽很好", "我们去学校"]
    comparison = compare([Clip(f"/{i}.wav", text) for i, text in enumerate(said)], heard, said, "zh")
    assert select(comparison, wanted="天天汽") == [0]
    assert select(comparison, kind="fixed") == [0]
    assert select(comparison, kind="unchanged") == [1]


@pytest.mark.parametrize(("order", "kind"), [("best", "all"), ("given", "good")])
def test_an_unknown_order_or_kind_is_a_fault(order: str, kind: str) -> None:
    with pytest.raises(ValueError, match="no order"):
        select(COMPARISON, order, kind)


def test_a_search_follows_the_language_and_folds_apostrophes() -> None:
    comparison = compare([Clip("a.flac", "IŞIK’ta"), Clip("b.flac", "isik")], ["x", "y"], ["x", "y"], "tr")
    for wanted, found in (("ışık", [0]), ("işik", []), ("ŞIK't", [0]), ("ISIK", []), ("isİK", [1])):
        assert select(comparison, "given", wanted=wanted) == found


@pytest.mark.parametrize(
    ("base", "adapted", "place"),
    [
        (BASE, SAID, 0),
        (["the bed mouse", "a clean door", *SAID[2:]], SAID, 1),  # three words fixed against two
        (SAID, ADAPTED, 1),  # worse: the one where most was broken
        (["x", *SAID[1:]], ["x", *SAID[1:]], 0),  # nothing changed
        (SAID, SAID, None),
    ],
)
def test_the_clip_that_tells_most_is_the_one_that_changed_most(base: list[str], adapted: list[str], place: int | None) -> None:
    clips = [Clip(f"/{i}.wav", text) for i, text in enumerate(SAID)]
    assert most_telling(compare(clips, base, adapted, "en")) == place

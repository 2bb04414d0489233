"""How often own words were transcribed right, on transcripts made by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from core.data.clips.labelled_set import Clip
from core.evaluation.compare import Comparison, compare
from core.evaluation.term_counts import TermCount, count_terms, flipped


@pytest.mark.parametrize(
    ("said", "wrote", "right", "instead"),
    [
        ("We wait for Siobhan.", "we wait for SIOBHAN", 1, ()),
        ("We wait for Siobhan.", "We wait for Shavon.", 0, ("shavon",)),
        ("We wait for Siobhan.", "We wait for", 0, ("",)),
        ("We wait for Siobhan now.", "We wait for she von now.", 0, ("she von",)),
        ("Siobhan called.", "Chevron Siobhan called.", 1, ()),
        ("Siobhan told us to wait.", "told us to wait Siobhan", 0, ("",)),
        ("Siobhan met Siobhan.", "Siobhan met Shavon.", 1, ("shavon",)),
        ("", "Siobhan", 0, ()),
    ],
)
def test_a_word_is_right_only_in_its_place(said: str, wrote: str, right: int, instead: tuple[str, ...]) -> None:
    (count,) = count_terms([said], [wrote], [said], ["Siobhan"], "en")
    assert (count.base, count.base_wrote) == (right, instead)
    assert count.adapted == count.times == said.count("Siobhan")


@pytest.mark.parametrize(
    ("wrote", "right", "instead"),
    [
        ("we met on Lindqvist Road", 1, ()),
        ("we met on Lindquist Road", 0, ("lindquist road",)),
        ("we met on Lindqvist the Road", 0, ("lindqvist the road",)),
        ("we met on Linda Quist Road", 0, ("linda quist road",)),
        ("we met on the road", 0, ("the road",)),
    ],
)
def test_a_term_of_several_words_is_right_as_a_whole(wrote: str, right: int, instead: tuple[str, ...]) -> None:
    (count,) = count_terms(["We met on Lindqvist Road."], [wrote], [wrote], ["Lindqvist Road"], "en")
    assert (count.base, count.base_wrote) == (right, instead)


def test_chinese_is_counted_by_character() -> None:
    counts = count_terms(
        ["我们都在等王小明。", "王小明来了"],
        ["我们都在等王晓明", "王小明来了"],
        ["我们都在等王小明", "王来了"],
        ["王小明"],
        "zh",
    )
    assert counts == (TermCount("王小明", 2, 1, 1, ("王 晓 明",), ("王",)),)


def test_what_was_written_instead_is_listed_once_the_most_frequent_first() -> None:
    said = ["Ask Siobhan."] * 4
    base = ["Ask Sean.", "Ask Shavon.", "Ask Shavon.", "Ask Siobhan."]
    assert count_terms(said, base, said, ["Siobhan", "Wojcik"], "en") == (
        TermCount("Siobhan", 4, 1, 4, ("shavon", "sean"), ()),
        TermCount("Wojcik", 0, 0, 0),
    )


def test_a_comparison_keeps_its_terms_in_files() -> None:
    said = ["We wait for Siobhan.", "Ask Siobhan."]
    made = compare(
        [Clip(f"/{i}.wav", text) for i, text in enumerate(said)], ["We wait for Shavon.", "Ask Sean."], said, "en", ["Siobhan"]
    )
    assert made.figures.terms == (TermCount("Siobhan", 2, 0, 2, ("shavon", "sean"), ()),)
    stored = json.loads(json.dumps(made.to_json()))
    assert Comparison.from_json(stored) == made
    assert Comparison.from_json({**stored, "rules": 1, "language": "en"}).figures.terms == made.figures.terms
    assert stored["terms"] == [json.loads(json.dumps(asdict(made.figures.terms[0])))]
    del stored["terms"]  # as an earlier version wrote it
    assert Comparison.from_json(stored).figures.terms == ()


def test_flipped_counts_only_words_that_the_base_never_got_right() -> None:
    counts = [TermCount("a", 4, 0, 3), TermCount("b", 4, 1, 4), TermCount("c", 0, 0, 0), TermCount("d", 3, 0, 0)]
    assert flipped(counts) == (2, 3, 7)
    assert flipped([]) == (0, 0, 0)

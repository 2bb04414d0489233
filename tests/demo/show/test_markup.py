"""What the page shows is escaped, says what it is, and puts bad news first."""

from __future__ import annotations

import html.parser

import numpy as np
import pytest

from core.audio.augment.augmenter import Augmented
from core.data.clips.labelled_set import Clip
from core.errors import AudioError
from core.evaluation.compare import Comparison, compare
from core.runs.result import Result
from core.text.metrics import mark_words
from core.training.recipe import Recipe
from demo.show import comparisons
from demo.show.errors import explain
from demo.show.markup import escape, marked, note
from demo.show.numbers import percent
from demo.steps.adapt.show import augmented
from demo.steps.listen.show import transcript
from demo.wording import Wording

W = Wording("en")
HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}{{x}}`y`</p><script>"


def comparison(base: list[str], adapted: list[str], texts: list[str]) -> Comparison:
    return compare([Clip(f"/{i}.wav", text) for i, text in enumerate(texts)], base, adapted, "en")


def result(**groups: Comparison) -> Result:
    """What a run came to, on these groups of clips."""
    figures = {group: compared.figures for group, compared in groups.items()}
    return Result("base", "ctc", "mine", False, 30, 0, 0, Recipe(), "/run", **figures)


COLOURS = ("red", "green", "blue", "grey", "pink", "brown", "black", "white", "gold", "silver")
TEXTS = [f"the {colour} house is here" for colour in COLOURS]
WRONG = ["nothing right at all" for _ in TEXTS]


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)


def tags(markup: str) -> set[str]:
    parser = Tags()
    parser.feed(markup)
    return parser.tags


def test_escape_leaves_nothing_that_markup_or_a_template_would_read() -> None:
    assert not set(escape(HOSTILE)) & set("<>${}`'\"")


@pytest.mark.parametrize(
    "markup",
    [
        note(HOSTILE),
        transcript(HOSTILE, 1.0, 2.0, HOSTILE, W),
        marked(mark_words("a b", "a b", HOSTILE)[1], W),
        comparisons.side_by_side(comparison([HOSTILE], [HOSTILE], [f"word {HOSTILE}"]).clips[0], "/sound/x", W),
        comparisons.plain_pair(HOSTILE, HOSTILE, "/sound/x", W),
    ],
)
def test_hostile_text_stays_text(markup: str) -> None:
    assert not tags(markup) & {"img", "script"}
    assert "${" not in markup
    assert "{{" not in markup


def test_marks_speak_three_ways() -> None:
    markup = marked(mark_words("the quick fox runs", "the fast fox runs", "the quick fox walks")[1], W)
    assert '<span class="word fixed" title="fixed">quick<span class="sr"> (fixed) </span></span>' in markup
    assert '<span class="word broken" title="broken">walks<span class="sr"> (broken) </span></span>' in markup


def test_a_change_for_the_worse_comes_first_and_is_named() -> None:
    better, worse = comparison(WRONG, TEXTS, TEXTS), comparison(TEXTS, WRONG, TEXTS)
    shown = comparisons.verdicts(result(test=better, canary=worse), W)
    assert shown.index("The model forgot") < shown.index("real improvement")
    assert "It got worse" in comparisons.verdicts(result(test=worse), W)


def test_thin_and_unclear_evidence_is_called_so() -> None:
    assert "too few" in comparisons.verdicts(result(test=comparison(WRONG[:3], TEXTS[:3], TEXTS[:3])), W)
    assert "No measurable change" in comparisons.verdicts(result(test=comparison(WRONG, WRONG, TEXTS)), W)
    nothing = comparisons.verdicts(result(test=comparison(TEXTS, TEXTS, TEXTS), canary=comparison(TEXTS, TEXTS, TEXTS)), W)
    assert "there was nothing to gain" in nothing
    assert "0.0" not in nothing


def test_every_figure_says_on_what_it_was_computed() -> None:
    markup = comparisons.figures(result(test=comparison(WRONG, TEXTS, TEXTS)), W)
    assert "10 held-out clips of this set, 50 words" in markup
    assert 'data-figure="test.adapted.wer">0.0\u00a0%' in markup
    assert 'data-figure="test.base.raw_cer"' in markup


def test_a_clip_that_was_trained_on_is_flagged() -> None:
    clip = compare([Clip("/a.wav", "a b", part="train")], ["a"], ["a b"], "en").clips[0]
    assert "it proves nothing" in comparisons.side_by_side(clip, "/x", W)


def test_errors_become_sentences_in_the_pages_language() -> None:
    error = AudioError("audio_silent", "x.wav is silent.", name="x.wav")
    assert explain(error, W).startswith("x.wav is silent from start to end")
    assert explain(error, Wording("zh-CN")).startswith("x.wav 全程无声")
    assert "Traceback" not in explain(ValueError("secret"), W)
    assert "secret" not in explain(ValueError("secret"), W)
    assert "disk" in explain(OSError(28, "No space left"), W)


@pytest.mark.parametrize(("share", "shown"), [(0.0, "0.0"), (0.0951, "9.5"), (0.1, "10"), (2.643, "264")])
def test_percent(share: float, shown: str) -> None:
    assert percent(share) == f"{shown}\u00a0%"


@pytest.mark.parametrize(
    ("drawn", "sentence"),
    [
        ({}, "By chance, this clip was left unchanged."),
        ({"room": "built-in", "rt60": 0.4}, "in a room (reverberation 0.40 s)"),
        ({"room": "hall.wav", "noise": "pink", "snr_db": 12.3}, "in a room, pink noise at 12 dB"),
        ({"speed": 1.1, "noise": HOSTILE, "snr_db": 5.0, "telephone": True, "gain_db": -2.0}, "over a telephone, -2.0 dB"),
    ],
)
def test_an_augmented_clip_says_what_was_drawn(drawn: dict, sentence: str) -> None:
    markup = augmented(Augmented(np.zeros(1, np.float32), **drawn), HOSTILE, "/sound/augmented", W)
    assert sentence in markup
    assert tags(markup) == {"div", "p", "audio"}

"""The synthetic corpus: its sentences, its cast, and, where the synthesisers are installed, its sound."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest
import soundfile

from core.data.importers.tables.csv import read_csv
from core.data.samples import CANARY, REPLAY, SAMPLES, read_sample
from core.models.base.vocabulary import spoken_characters
from core.models.small.shapes import LETTERS
from core.text.scoring import normalise

ASSETS = Path(__file__).parents[2] / "assets"


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    sys.path.insert(0, str(ASSETS))
    try:
        import make_corpus

        return make_corpus
    finally:
        sys.path.remove(str(ASSETS))


def test_sentences_are_many_and_different(corpus: ModuleType) -> None:
    drawn = list(islice(corpus.Grammar(0).sentences(), 6000))
    spoken = [spoken_characters(text) for text in drawn]
    assert len(set(spoken)) == len(drawn)
    assert len({word for text in spoken for word in text.split()}) > 1500
    assert set("".join(spoken)) == set(LETTERS) | {" "}
    assert all(normalise(text) and len(text) < 100 and "  " not in text for text in drawn)
    assert list(islice(corpus.Grammar(0).sentences(), 50)) == drawn[:50] != list(islice(corpus.Grammar(1).sentences(), 50))


@pytest.mark.parametrize(
    ("of", "forms"),
    [
        ("third", {"carry": "carries", "push": "pushes", "buy": "buys", "dig_up": "digs up"}),
        ("past", {"carry": "carried", "drop": "dropped", "use": "used", "throw": "threw", "play": "played"}),
        ("done", {"write": "written", "dig_up": "dug up", "paint": "painted"}),
        ("doing", {"make": "making", "swim": "swimming", "ski": "skiing", "dig_up": "digging up", "agree": "agreeing"}),
        ("plural", {"cherry": "cherries", "box": "boxes", "mouse": "mice", "chimney": "chimneys"}),
        (
            "with_articles",
            {"a apple": "an apple", "a university": "a university", "a honest man": "an honest man", "a cup": "a cup"},
        ),
    ],
)
def test_forms_of_words(of: str, forms: dict[str, str], corpus: ModuleType) -> None:
    import corpus_grammar

    assert {word: getattr(corpus_grammar, of)(word) for word in forms} == forms


def test_the_parts_share_no_speaker(corpus: ModuleType) -> None:
    cast = {part: list(islice(corpus.lines(part, iter(["so"] * 3000), 0), 3000)) for part in corpus.VARIANTS}
    people = {part: {line.speaker.rpartition("+")[2] for line in of} for part, of in cast.items()}
    assert not people["train"] & people["validation"]
    assert not people["train"] & people["test"]
    assert not people["validation"] & people["test"]
    assert len({line.speaker for line in cast["train"]}) > 100
    again = list(islice(corpus.lines("train", iter(["so"] * 3000), 0), 3000))
    assert again == cast["train"]


def test_no_sentence_of_a_sample_set_is_drawn(corpus: ModuleType) -> None:
    known = corpus.sample_sentences()
    for name in (*SAMPLES, CANARY, REPLAY):
        assert {clip.text for clip in read_sample(name).clips} <= known


def test_a_small_corpus(corpus: ModuleType, tmp_path: Path) -> None:
    if corpus.missing_programs():
        pytest.skip(f"not installed: {', '.join(corpus.missing_programs())}")
    corpus.CHUNK = 6
    made = corpus.make_corpus(tmp_path, 10 / 3600, seed=1)
    assert made["train"] >= 10 / 3600
    clips = read_csv(tmp_path / "manifest.csv")
    assert {clip.part for clip in clips} == {"train", "validation", "test"}
    texts = [normalise(clip.text) for clip in clips]
    assert len(set(texts)) == len(texts)
    for clip in clips:
        info = soundfile.info(clip.path)
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert 1.0 <= info.duration <= corpus.MOST_SECONDS

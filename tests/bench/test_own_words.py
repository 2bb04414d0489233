"""The experiment on own words: its clips, and one run from end to end on a tiny network, whose figures mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio.sound_files import write_flac
from core.storage.files import read_json_lines
from core.text.scoring import normalise
from core.text.terms import has_term
from tests.bench import own_words, sweep
from tests.bench.own_words import EXAM, LESSONS, WORDS, draw, respelled
from tests.conftest import tone

NUMBERS = ("red", "green", "blue", "black", "white", "pink", "brown", "grey", "gold", "old", "new", "round")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    texts = {
        "telephony_english": [f"Enter the {word}s of the {colour} one." for word in WORDS["tuning"] for colour in NUMBERS],
        "librispeech_mini": ["A WORD"] * sweep.CANARY_CLIPS,
    }
    texts["telephony_english"] += [f"{text.upper()}!" for text in texts["telephony_english"]]
    for name, lines in texts.items():
        (tmp_path / name).mkdir()
        write_flac(tmp_path / name / "a.flac", tone(0.5))
        rows = [f"a.flac,{text},{name}" for text in lines]
        (tmp_path / name / "manifest.csv").write_text("\n".join(["path,text,speaker", *rows]))
    return tmp_path


def test_words_get_a_new_spelling_in_the_singular_and_the_plural() -> None:
    assert respelled("Numbers, a NUMBER, numberless", {"number": "Numbarre"}) == "Numbarres, a Numbarre, numberless"


def test_no_sentence_is_on_both_sides_and_each_word_is_on_both(data: Path) -> None:
    words = {word: f"{word}x" for word in WORDS["tuning"]}
    drawn = draw(data, {f"{word}s": f"{spelling}s" for word, spelling in words.items()}, 0)
    assert len(drawn.lessons) == LESSONS * len(words)
    assert len(drawn.exam) == EXAM * len(words)
    sides = [{normalise(clip.text) for clip in side} for side in (drawn.lessons, drawn.exam)]
    assert not sides[0] & sides[1]
    for spelling in words.values():
        for side in (drawn.lessons, drawn.exam):
            assert any(has_term(clip.text, f"{spelling}s", "en") for clip in side)


def test_an_arm_runs_and_is_not_run_again(data: Path, tiny_whisper: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(own_words, "MODEL", str(tiny_whisper))
    monkeypatch.setattr(own_words, "WORDS", {"tuning": {"numbers": "Numbarres"}})
    monkeypatch.setattr(sweep, "CANARY_CLIPS", 2)
    out = data / "own_words.jsonl"
    arguments = [str(data), "--out", str(out), "--seeds", "0", "--arms", "words:epochs=1,evaluations=1"]
    for _ in range(2):
        monkeypatch.setattr("sys.argv", ["own_words", *arguments])
        own_words.main()
    (row,) = read_json_lines(out)
    assert [term["times"] for term in row["terms"]] == [EXAM]
    monkeypatch.setattr("sys.argv", ["own_words", *arguments, "--table"])
    own_words.main()
    assert "| tuning | words:epochs=1,evaluations=1 | 1 | 0 of 6 |" in capsys.readouterr().out

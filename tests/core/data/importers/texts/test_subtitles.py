"""Texts with times beside a recording: subtitles, label tracks, and what only looks like a transcript."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.importers.any_format import detect, read
from core.data.importers.rows import Imported
from core.data.importers.texts.subtitles import subtitles
from core.data.importers.texts.timed_texts import labels, looks_timed
from core.errors import DatasetError
from tests.core.data.recordings import parts, reasons, sound, text

SRT = "1\n00:00:00,500 --> 00:00:01,500\none two\n\n2\n00:00:02,000 --> 00:00:03,250\nthree\nfour\n"
VTT = (
    "WEBVTT - a talk\n\nNOTE a comment\nof two lines\n\nSTYLE\n::cue { color: red }\n\n"
    "first\n00:00.500 --> 00:01.500 align:start\n<c.loud>one</c> <00:00:01.000>two\n\nNOTE 42\n\n"
    "00:02.000 --> 00:03.250 position:0%,line-left\nthree\nfour\n\nNOTE the end\n"
)
LABELS = "0.500000\t1.500000\tone two\n\\\t100.0\t4000.0\n2.000000\t3.250000\tthree four\n"
TWO = [("one two", 0.5, 1.5), ("three four", 2.0, 3.25)]


def imported_from(folder: Path, source: Path | None = None, **options: str) -> Imported:
    return read(source or folder, work=folder.parent / "work", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("talk.srt", SRT),
        ("talk.SRT", "\ufeff" + SRT.replace("\n", "\r\n")),
        ("talk.srt.txt", SRT),
        ("talk.txt", SRT),
        ("talk.wav.srt", SRT),
        ("talk.en.srt", SRT),
        ("talk.en-GB.vtt", VTT),
        ("talk.eng.srt.txt", SRT),
        ("talk.srt", SRT.replace("\n\n2", "\n2")),
        ("talk.srt", SRT.replace("\n\n2", "\n \n2").replace("three\n", "three\n\n")),
        ("talk.srt", SRT.replace("00:00:0", "0:0").replace(",500", ".5")),
        ("talk.vtt", VTT),
        ("talk.vtt", VTT.replace("\n", "\r\n")),
        ("talk.txt", "[00:00.500 --> 00:01.500]  one two\n[00:02.000 --> 00:03.250]  three four\n"),
        ("talk.txt", LABELS),
        ("talk.txt", LABELS.replace(".", ",").replace("\n", "\r\n")),
        ("talk.txt", "0.5 1.5 one two\n2.0 3.25 three four"),
    ],
)
def test_a_recording_is_cut_by_the_text_beside_it(talk: Path, name: str, content: str) -> None:
    path = text(talk.parent / name, content)
    assert detect(talk.parent) == detect(path) == "text_files"
    for imported in (imported_from(talk.parent), imported_from(talk.parent, path)):
        assert parts(imported, talk) == TWO
        assert (imported.dropped, imported.notes) == ((), ())


@pytest.mark.parametrize(
    ("written", "said", "speaker"),
    [
        ("<i>one</i> <b>two</b>", "one two", ""),
        ("{\\an8}one two", "one two", ""),
        ('<font color="#fff">one</font>\\Ntwo', "one two", ""),
        ("<v Ann Bee>one two</v>", "one two", "Ann Bee"),
        ("<v.loud Ann>one</v>\n<v Bob>two</v>", "one two", ""),
        ("- One?\n- Two -- three.", "One? Two -- three.", ""),
        ("-5 is less &lt; 3 &amp; 4 < 5", "-5 is less < 3 & 4 < 5", ""),
        ("one\n42", "one 42", ""),
        ("well-known -- and so\n2-3 of a half-hour", "well-known -- and so 2-3 of a half-hour", ""),
    ],
)
def test_only_what_is_said_is_kept(written: str, said: str, speaker: str) -> None:
    for head in ("", "WEBVTT\n\n"):
        found = subtitles(f"{head}1\n00:00:01.000 --> 00:00:02.000\n{written}\n\n2\n00:00:03.000 --> 00:00:04.000\nlast\n")
        assert found is not None
        pieces, changed = found
        assert [(piece.times, piece.text, piece.speaker) for piece in pieces] == [
            ((1, 2), said, speaker),
            ((3, 4), "last", ""),
        ]
        assert not changed


AUTOMATIC = """WEBVTT
Kind: captions
Language: en

00:00:00.080 --> 00:00:02.389 align:start position:0%
 
hello<00:00:00.400><c> and</c><00:00:00.640><c> welcome</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
hello and welcome
 

00:00:02.399 --> 00:00:05.000 align:start position:0%
hello and welcome
to<00:00:02.600><c> the</c><c> show</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
to the show
 

00:00:05.010 --> 00:00:07.000 align:start position:0%
to the show
[Music]
"""


def test_captions_that_scroll_are_used_once() -> None:
    said = [("hello and welcome", (0.08, 2.389)), ("to the show", (2.399, 5)), ("[Music]", (5.01, 7))]
    found = subtitles(AUTOMATIC)
    assert found is not None
    assert ([(piece.text, piece.times) for piece in found[0]], found[1]) == (said, True)


@pytest.mark.parametrize(
    ("times", "ends", "changed"),
    [
        ([(0, 4), (2, 6), (5, 9)], [2, 5, 9], True),
        ([(0, 4), (3, 6), (6, 9), (9, 12)], [4, 6, 9, 12], False),
        ([(0, 1), (1, 2)], [1, 2], False),
    ],
)
def test_captions_shown_for_too_long_end_where_the_next_begins(
    times: list[tuple[int, int]], ends: list[int], changed: bool
) -> None:
    found = subtitles("".join(f"{i}\n0:00:{a:02} --> 0:00:{b:02}\nNo.\n\n" for i, (a, b) in enumerate(times)))
    assert found is not None
    pieces, other = found
    assert ([piece.times and piece.times[1] for piece in pieces], other) == (ends, changed)
    assert [piece.text for piece in pieces] == ["No."] * len(times)  # said again, not scrolled


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("00:00:05,000 --> 00:00:06,000\nmore", "audio_no_such_part"),
        ("00:00:03,500 --> 00:00:03,100\nmore", "row_times_order"),
        ("00:00:03,500 --> 00:00:03,500\nmore", "row_point"),
        ("00:00:03,500 -->\nmore", "row_times"),
        ("00:00:03,500 --> 00:00:99,900\nmore", "row_times"),
        ("00:00:03,300 --> 00:00:03,900\n[Music]", "text_empty"),
        ("00:00:03,300 --> 00:00:03,900\n", "text_empty"),
        ("00:00:02,300 --> 00:00:03,900\nmore", "row_overlap"),
    ],
)
def test_a_caption_that_cannot_be_used_is_dropped_with_its_line(talk: Path, line: str, reason: str) -> None:
    text(talk.with_suffix(".srt"), f"{SRT}\n3\n{line}\n")
    imported = imported_from(talk.parent)
    assert parts(imported, talk) == TWO
    assert reasons(imported) == {reason: 1}
    assert imported.dropped[0].message.startswith("talk.srt, line 11: ")


def test_labels_without_an_end_or_a_word_are_dropped(talk: Path) -> None:
    text(talk.with_suffix(".txt"), f"{LABELS}3.5\t3.5\tpoint\n3.6\t3.9\t\n-1.5\t-1.0\tbefore\n")
    imported = imported_from(talk.parent)
    assert parts(imported, talk) == TWO
    assert reasons(imported) == {"row_point": 1, "text_empty": 1, "row_times": 1}


@pytest.mark.parametrize(
    "content",
    [
        "0.0,2.0,hello there",
        "0.00 hello\n2.50 there\n",
        "[0:01] hello\n[0:04] there\n",
        "0:00\nhello\n0:04\nthere\n",
        "(00:01.5) Ann: hello\n(00:04.2) Bob: there\n",
        "0 2 hello there\n3 5 you\n",
        "start\tend\ttext\n0\t2000\thello there all\n2000\t4000\tand so on and so on\n",
        "00:00:01,000 -> hello --> there\n",
        LABELS + "and a last line\n",
    ],
)
def test_a_list_with_times_is_never_a_transcript(talk: Path, content: str) -> None:
    assert looks_timed(content)
    text(talk.with_suffix(".txt"), content)
    imported = imported_from(talk.parent)
    assert (imported.clips, reasons(imported)) == ((), {"text_times": 1})


@pytest.mark.parametrize(
    "content",
    [
        "hello there",
        "1 2 3 4 5",
        "1 2 buckle my shoe\n3 4 knock at the door",
        "1.5 litres of milk",
        "At 10:30 we leave.\nAt 11:00 we arrive.",
        "10:30 - 11:00 is the meeting",
        "2024 was a good year\n2025 was better",
        "3 of 4\ncame -> home",
        "1. apples\n2. pears",
    ],
)
def test_a_transcript_with_numbers_stays_one(talk: Path, content: str) -> None:
    assert not looks_timed(content)
    assert (labels(content), subtitles(content)) == (None, None)
    text(talk.with_suffix(".txt"), content)
    assert [clip.text for clip in imported_from(talk.parent).clips] == [" ".join(content.split())]


def test_a_folder_of_transcripts_and_times(talk: Path) -> None:
    sound(talk.parent / "in" / "short.wav")
    text(talk.parent / "in" / "short.txt", "said in short")
    text(talk.parent / "in" / "gone.srt", SRT)
    text(talk.with_suffix(".txt"), "one two three four")
    text(talk.with_suffix(".srt"), SRT)
    imported = imported_from(talk.parent)
    assert [clip.text for clip in imported.clips] == ["one two", "three four", "said in short"]
    assert reasons(imported) == {"row_no_sound": 1}
    assert [(note.reason, note.details) for note in imported.notes] == [("texts_other", {"count": 1, "where": "talk.txt"})]


def test_subtitles_in_another_language_are_not_used(talk: Path) -> None:
    german = text(talk.parent / "talk.de.srt", SRT.replace("one", "eins"))
    assert reasons(imported_from(talk.parent)) == {"row_language": 1}
    assert imported_from(talk.parent, german, language="de").clips[0].text == "eins two"
    text(talk.parent / "talk.en.srt", SRT)
    assert parts(imported_from(talk.parent), talk) == TWO
    assert imported_from(talk.parent, language="de").clips[0].text == "eins two"


@pytest.mark.parametrize(("name", "reason"), [("talk.srt", "text_times"), ("other.srt", "row_no_sound")])
def test_a_file_of_subtitles_that_cannot_be_used(talk: Path, name: str, reason: str) -> None:
    path = text(talk.parent / name, "no cues" if name == "talk.srt" else SRT)
    assert reasons(imported_from(talk.parent, path)) == {reason: 1}


def test_a_table_of_texts_is_still_a_table(talk: Path) -> None:
    path = text(
        talk.parent / "list.txt", "start\tend\tpath\ttext\n0.5\t1.5\ttalk.wav\tone two\n2\t3.25\ttalk.wav\tthree four\n"
    )
    assert detect(path) == "manifest"
    assert parts(imported_from(talk.parent, path), talk) == TWO
    with pytest.raises(DatasetError, match="needs a column for path"):
        imported_from(talk.parent, text(talk.parent / "plain.txt", "hello there\n"))

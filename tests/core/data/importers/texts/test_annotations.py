"""ELAN and Praat annotations: tiers, times, and files that mean harm."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pympi
import pytest
import soundfile
from praatio import textgrid
from praatio.utilities.constants import Interval, Point

from core.audio.sound_files import decode
from core.data.importers.any_format import detect, read, tiers
from core.data.importers.rows import Imported
from core.errors import DatasetError
from tests.conftest import tone
from tests.core.data.recordings import reasons, sound, text


def eaf(tiers: str, media: str = 'MEDIA_URL="file:///C:/old/talk.wav" RELATIVE_MEDIA_URL="./talk.wav"', head: str = "") -> str:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{i}" TIME_VALUE="{500 * i}"/>' for i in range(9))
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<ANNOTATION_DOCUMENT FORMAT="3.0" VERSION="3.0">'
        f'<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MIME_TYPE="audio/x-wav" {media}/></HEADER>'
        f'<TIME_ORDER>{slots}<TIME_SLOT TIME_SLOT_ID="unset"/></TIME_ORDER>{tiers}</ANNOTATION_DOCUMENT>'
    )


def aligned(id: str, start: str, end: str, value: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{id}" TIME_SLOT_REF1="{start}" TIME_SLOT_REF2="{end}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def referring(id: str, to: str, value: str) -> str:
    return (
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{id}" ANNOTATION_REF="{to}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
    )


TALK = (
    '<TIER TIER_ID="A" PARTICIPANT="Ada" LINGUISTIC_TYPE_REF="u">'
    + aligned("a1", "ts0", "ts2", "Hello there")
    + aligned("a2", "ts2", "ts3", "صباح الخير &amp; 😀")
    + aligned("a3", "ts3", "ts4", "")
    + aligned("a4", "unset", "ts5", "No time")
    + aligned("a5", "ts6", "gone", "No slot")
    + '</TIER><TIER TIER_ID="A translated" PARENT_REF="A" LINGUISTIC_TYPE_REF="t">'
    + referring("t1", "a1", "Grüezi")
    + '</TIER><TIER TIER_ID="A words" PARENT_REF="A translated" LINGUISTIC_TYPE_REF="w">'
    + referring("w1", "t1", "Grü")
    + referring("w2", "t1", "ezi")
    + '</TIER><TIER TIER_ID="B" LINGUISTIC_TYPE_REF="u"></TIER>'
)


def grid(*tiers: tuple[str, list[tuple[float, float, str]]]) -> str:
    """A long TextGrid, with the intervals as they are given."""
    said = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 4 \ntiers? <exists> \n'
    said += f"size = {len(tiers)} \nitem []: \n"
    for i, (name, intervals) in enumerate(tiers, 1):
        said += f'    item [{i}]:\n        class = "IntervalTier" \n        name = "{name}" \n'
        said += f"        xmin = 0 \n        xmax = 4 \n        intervals: size = {len(intervals)} \n"
        for j, (start, end, words) in enumerate(intervals, 1):
            quoted = words.replace('"', '""')
            said += f"        intervals [{j}]:\n            xmin = {start} \n            xmax = {end} \n"
            said += f'            text = "{quoted}" \n'
    return said


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Four seconds, stereo, 44.1 kHz: each half second has a pitch of its own."""
    wave = np.concatenate([tone(0.5, 150 + 60 * i) for i in range(8)]).repeat(2)
    (tmp_path / "talks").mkdir()
    soundfile.write(tmp_path / "talks" / "talk.wav", np.stack([wave, wave], axis=1), 32_000, subtype="PCM_24")
    return tmp_path / "talks" / "talk.wav"


def spans(imported: Imported) -> list[tuple[str, float]]:
    return [(clip.text, round(soundfile.info(clip.path).duration, 2)) for clip in imported.clips]


def test_an_elan_tier(talk: Path, tmp_path: Path) -> None:
    path = text(talk.with_suffix(".eaf"), eaf(TALK))
    assert detect(path) == detect(path.parent) == "elan"
    assert tiers(path) == ["A", "A translated"]
    imported = read(path, tier="A", work=tmp_path / "work", language="ar")
    assert spans(imported) == [("Hello there", 1.0), ("صباح الخير & 😀", 0.5)]
    assert {clip.speaker for clip in imported.clips} == {"Ada"}
    assert reasons(imported) == {"text_empty": 1, "row_times": 2}
    assert imported.dropped[0].message.startswith("talk.eaf, tier A, piece 3: this row has no words")
    np.testing.assert_allclose(decode(imported.clips[1].path), decode(talk)[16_000:24_000], atol=0.02)
    assert spans(read(path, tier="A translated", work=tmp_path / "work", language="de")) == [("Grüezi", 1.0)]


@pytest.mark.parametrize(
    ("tier", "reason"), [("", "tier_needed"), ("A words", "tier_missing"), ("B", "tier_missing"), ("C", "tier_missing")]
)
def test_a_tier_has_to_be_chosen(talk: Path, tmp_path: Path, tier: str, reason: str) -> None:
    for path in (
        text(talk.with_suffix(".eaf"), eaf(TALK)),
        text(talk.with_suffix(".TextGrid"), grid(("A", [(0, 1, "x")]), ("A translated", [(0, 1, "y")]))),
    ):
        with pytest.raises(DatasetError, match="A, A translated") as caught:
            read(path, tier=tier, work=tmp_path / "work")
        assert caught.value.reason == reason


def test_the_only_tier_needs_no_choice(talk: Path, tmp_path: Path) -> None:
    one = '<TIER TIER_ID="T">' + aligned("a", "ts1", "ts2", "Hello") + "</TIER>" + '<TIER TIER_ID="none"/>'
    assert spans(read(text(talk.with_suffix(".eaf"), eaf(one)), work=tmp_path / "work")) == [("Hello", 0.5)]


def test_words_that_share_a_time_are_dropped(talk: Path, tmp_path: Path) -> None:
    both = TALK.replace('</TIER><TIER TIER_ID="B"', referring("w3", "a2", "alone") + '</TIER><TIER TIER_ID="B"')
    imported = read(text(talk.with_suffix(".eaf"), eaf(both)), tier="A words", work=tmp_path / "work")
    assert spans(imported) == [("alone", 0.5)]
    assert reasons(imported) == {"row_times": 2}


@pytest.mark.parametrize(
    "media",
    [
        'MEDIA_URL="file:///C:/old/talk.wav" RELATIVE_MEDIA_URL="../elsewhere/talk.wav"',
        'MEDIA_URL="file:///old%20place/talk.wav"',
        'MEDIA_URL="talk.wav"',
        'MEDIA_URL=""',
        "",
    ],
)
def test_where_the_recording_lies(talk: Path, tmp_path: Path, media: str) -> None:
    one = '<TIER TIER_ID="T">' + aligned("a", "ts1", "ts2", "Hello") + "</TIER>"
    assert len(read(text(talk.with_suffix(".eaf"), eaf(one, media)), work=tmp_path / "work").clips) == 1
    talk.unlink()
    assert reasons(read(talk.with_suffix(".eaf"), work=tmp_path / "work")) == {"row_no_sound": 1}


def test_what_pympi_writes_is_read(talk: Path, tmp_path: Path) -> None:
    written = pympi.Elan.Eaf()
    written.remove_tier("default")
    written.add_linked_file("file:///elsewhere/talk.wav", relpath="./talk.wav", mimetype="audio/x-wav")
    written.add_tier("utterance", part="Bob")
    written.add_annotation("utterance", 250, 1_250, "One & two")
    written.add_annotation("utterance", 1_250, 2_000, "<three>")
    written.to_file(str(talk.with_suffix(".eaf")))
    imported = read(talk.with_suffix(".eaf"), work=tmp_path / "work", language="de")
    assert [clip.text for clip in imported.clips] == ["One & two"]  # the other is an aside in brackets
    assert reasons(imported) == {"text_empty": 1}
    assert imported.clips[0].speaker == "Bob"


@pytest.mark.parametrize("form", ["short_textgrid", "long_textgrid"])
def test_what_praatio_writes_is_read(talk: Path, tmp_path: Path, form: str) -> None:
    written = textgrid.Textgrid()
    said = [Interval(0.5, 1.5, 'Say "hello", item [2]:'), Interval(1.5, 2.5, "intervals [1]: xmin = 3"), Interval(3, 4, "好")]
    written.addTier(textgrid.PointTier("bells", [Point(1.0, "ding")], 0, 4))
    written.addTier(textgrid.IntervalTier("words", said, 0, 4))
    path = talk.with_suffix(".TextGrid")
    written.save(str(path), form, includeBlankSpaces=True)
    assert detect(path) == detect(path.parent) == "textgrid"
    assert tiers(path) == ["words"]
    imported = read(path, work=tmp_path / "work")
    assert spans(imported) == [('Say "hello", item [2]:', 1.0), ("intervals [1]: xmin = 3", 1.0), ("好", 1.0)]
    assert imported.dropped == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_textgrid_in_praats_encodings(talk: Path, tmp_path: Path, encoding: str) -> None:
    content = grid(("words", [(0, 0.5, ""), (0.5, 1, "Größe\nüber zwei Zeilen"), (1, 4, "  ")])) + "! a remark\n"
    path = text(talk.with_suffix(".TextGrid"), content.encode(encoding))
    assert spans(read(path, work=tmp_path / "work", language="de")) == [("Größe über zwei Zeilen", 0.5)]


def test_times_that_are_not_in_the_recording(talk: Path, tmp_path: Path) -> None:
    intervals = [
        (0, 4, "whole"),
        (3.5, 4.3, "over a little"),
        (3, 6, "over"),
        (5, 6, "out"),
        (2, 1, "back"),
        (1, 1.05, "short"),
    ]
    path = text(talk.with_suffix(".TextGrid"), grid(("words", [*intervals, (-1, 1, "before"), (0, 4, "again")])))
    imported = read(path, work=tmp_path / "work")
    assert spans(imported) == [("whole", 4.0), ("over a little", 0.5)]
    assert imported.clips[0].path == str(talk)
    assert reasons(imported) == {"audio_no_such_part": 4, "audio_too_short": 1, "row_duplicate": 1}


def test_a_folder_of_annotations(talk: Path, tmp_path: Path) -> None:
    for name, tier in (("one", "words"), ("two", "words"), ("three", "other")):
        sound(talk.parent / f"{name}.flac", 2.0)
        text(talk.parent / f"{name}.TextGrid", grid((tier, [(0, 0.5, f"Said in {name}"), (1, 2, "And more")])))
    text(talk.parent / "four.TextGrid", "ooTextFile")
    with pytest.raises(DatasetError, match="four.TextGrid is not a TextGrid"):
        tiers(talk.parent)
    (talk.parent / "four.TextGrid").rename(talk.parent / "x.TextGrid")
    imported = read(talk.parent, tier="words", work=tmp_path / "work")
    assert [clip.text for clip in imported.clips] == ["Said in one", "And more", "Said in two", "And more"]
    assert reasons(imported) == {"tier_missing": 1, "annotation_damaged": 1}
    assert len({clip.path for clip in imported.clips}) == 4


BOMB = "<!DOCTYPE lolz [<!ENTITY a0 'ha'>" + "".join(f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" for i in range(1, 10)) + "]>"
FILE = '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "content",
    [
        eaf('<TIER TIER_ID="A">' + aligned("a", "ts0", "ts1", "&a9;") + "</TIER>", head=BOMB),
        eaf('<TIER TIER_ID="A">' + aligned("a", "ts0", "ts1", "&file;") + "</TIER>", head=FILE),
        eaf(TALK, head='<!DOCTYPE x SYSTEM "http://example.org/x.dtd">'),
        eaf(TALK)[:-200],
        eaf(TALK).replace('TIME_VALUE="1000"', 'TIME_VALUE="half a second"'),
        eaf(TALK).replace("UTF-8", "no-such-encoding"),
        eaf(TALK).replace("ANNOTATION_DOCUMENT", "html"),
        "<a>" * 100_000,
        "",
        "not XML",
        b"\0" * 1_000,
        b"\xff\xfe" + bytes(range(256)),
    ],
)  # fmt: skip
def test_an_elan_file_that_is_damaged_or_means_harm(talk: Path, tmp_path: Path, content: str | bytes) -> None:
    path = text(talk.with_suffix(".eaf"), content)
    for function in (tiers, lambda path: read(path, tier="A", work=tmp_path / "work")):
        with pytest.raises(DatasetError, match="talk.eaf is not an ELAN file, or it is damaged") as caught:
            function(path)
        assert caught.value.reason == "annotation_damaged"


def test_references_that_go_in_a_circle_end(talk: Path, tmp_path: Path) -> None:
    circle = '<TIER TIER_ID="C">' + referring("x", "y", "One") + referring("y", "x", "Two") + "</TIER>"
    path = text(talk.with_suffix(".eaf"), eaf(TALK + circle))
    assert tiers(path) == ["A", "A translated"]


def test_texts_keep_their_signs(talk: Path, tmp_path: Path) -> None:
    said = "a < b & \"c\" 'd'"
    path = text(talk.with_suffix(".eaf"), eaf('<TIER TIER_ID="A">' + aligned("a", "ts0", "ts1", escape(said)) + "</TIER>"))
    assert [clip.text for clip in read(path, work=tmp_path / "work").clips] == [said]


WORDS = grid(("words", [(0, 1, "Hello"), (1, 2, "there")]))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "ooTextFile",
        WORDS[: len(WORDS) // 2],
        WORDS.replace('"TextGrid"', '"PitchTier"'),
        WORDS.replace("size = 1", "size = 1e300"),
        WORDS.replace("size = 1", "size = 1e999"),
        WORDS.replace("size = 2", "size = 3"),
        WORDS.replace("xmin = 1", 'xmin = "one"'),
        WORDS.replace('"Hello"', '"Hello'),
        WORDS.replace('"Hello"', '"' * 100_001),
        '"' * 1_000_001,
        '" ' * 500_001,
        b"\0" * 1_000,
        "Größe".encode("latin-1"),
    ],
)  # fmt: skip
def test_a_textgrid_that_is_damaged(talk: Path, tmp_path: Path, content: str | bytes) -> None:
    path = text(talk.with_suffix(".TextGrid"), content)
    with pytest.raises(DatasetError, match=r"talk.TextGrid") as caught:
        read(path, tier="words", work=tmp_path / "work")
    assert caught.value.reason in ("annotation_damaged", "text_encoding")

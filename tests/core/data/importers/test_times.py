"""Parts of recordings in tables: which columns hold times, in which unit, and times that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.clips.labelled_set import Note
from core.data.importers.any_format import read
from core.data.importers.rows import Imported
from core.data.importers.tables.csv import read_csv
from core.data.importers.times import Time, parse, time_columns, with_unit
from core.errors import DatasetError
from tests.core.data.recordings import parts, reasons, sound, text


def table(talk: Path, content: str, name: str = "list.csv", **options: object) -> Imported:
    path = text(talk.parent / name, content)
    return read(path, work=talk.parent.parent / "work", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("1", Time(1, "")),
        (" 1.5 ", Time(1.5, "")),
        ("1,5", Time(1.5, "")),
        (".5", Time(0.5, "")),
        ("1e-05", Time(1e-05, "")),
        ("1:02", Time(62, "s")),
        ("75:30.25", Time(4530.25, "s")),
        ("1:02:03,5", Time(3723.5, "s")),
        ("1500ms", Time(1500, "ms")),
        ("2 sec", Time(2, "s")),
        ("", None),
    ],
)
def test_times_as_they_are_written(written: str, time: Time | None) -> None:
    assert parse(written) == time


@pytest.mark.parametrize(
    "written", ["-1", "nan", "inf", "1_0", "1e999", "0:61", "1:60:00", "12 kg", "[]", "9" * 50, "1,000,000", "soon", "1:2:3:4"]
)
def test_what_is_no_time(written: str) -> None:
    with pytest.raises(ValueError, match=".*"):
        parse(written)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (["start", "end"], {"start": "start", "end": "end"}),
        (["Start Time", "Stop Time"], {"start": "Start Time", "end": "Stop Time"}),
        (["begin_ms", "dur_ms"], {"start": "begin_ms", "duration": "dur_ms"}),
        (["offset", "duration"], {"offset": "offset", "duration": "duration"}),
        (["onset", "offset"], {"start": "onset", "end": "offset"}),
        (["start", "offset"], {"start": "start"}),
        (["start", "start_ms"], {"start": "start_ms"}),
        (["length", "duration"], {"duration": "duration"}),
        (["开始时间(毫秒)", "时长"], {"start": "开始时间(毫秒)", "duration": "时长"}),
        (["path", "audio", "segment", "sample_rate", "wav_filesize", "text_length", "time", ""], {}),
    ],
)
def test_columns_with_times(there: list[str], found: dict[str, str]) -> None:
    assert time_columns(there) == found


def test_a_column_s_name_tells_the_unit() -> None:
    assert with_unit("1500", "start_ms") == "1500 ms"
    assert with_unit("1500", "start") == "1500"
    assert with_unit("0:01.5", "start_ms") == "0:01.5"
    assert with_unit("1.5 s", "start_ms") == "1.5 s"


@pytest.mark.parametrize(
    "content",
    [
        "path,start,end,text\ntalk.wav,0.5,1.5,one two\ntalk.wav,2,3.25,three four\n",
        "path;start;stop;text\ntalk.wav;0,5;1,5;one two\ntalk.wav;2,0;3,25;three four\n",
        "path,text,begin,duration\ntalk.wav,one two,0.5,1.0\ntalk.wav,three four,2.0,1.25\n",
        "path,start_ms,end_ms,text\ntalk.wav,500,1500,one two\ntalk.wav,2000,3250,three four\n",
        "path,start_sample,length_samples,text\ntalk.wav,8000,16000,one two\ntalk.wav,32000,20000,three four\n",
        "path,start_time,end_time,text\ntalk.wav,0:00.5,0:01.5,one two\ntalk.wav,0:00:02,0:00:03.25,three four\n",
        "path\tonset\toffset\ttext\ntalk.wav\t0.5\t1.5\tone two\ntalk.wav\t2\t3.25\tthree four\n",
        "path,start,duration_ms,text\ntalk.wav,0.5,1000,one two\ntalk.wav,2,1250,three four\n",
        "文件,开始,结束,文本\ntalk.wav,0.5,1.5,one two\ntalk.wav,2,3.25,three four\n",
    ],
)
def test_a_table_cuts_by_its_times(talk: Path, content: str) -> None:
    imported = table(talk, content)
    assert parts(imported, talk) == [("one two", 0.5, 1.5), ("three four", 2.0, 3.25)]
    assert (imported.dropped, imported.notes) == ((), ())


@pytest.mark.parametrize(
    ("content", "unit", "found"),
    [
        ("500,1500,one two\ntalk.wav,2000,3250.0,three four\n", "ms", [("one two", 0.5, 1.5), ("three four", 2.0, 3.25)]),
        ("8000,24000,one two\ntalk.wav,32000,52000,three\n", "samples", [("one two", 0.5, 1.5), ("three", 2.0, 3.25)]),
        ("1,2,one two\ntalk.wav,500,1500,three four\ntalk.wav,3,4,five six\n", "", [("one two", 1, 2), ("five six", 3, 4)]),
        ("1,2,one two\ntalk.wav,0:03,0:04,five six\n", "", [("one two", 1, 2), ("five six", 3, 4)]),
    ],
)
def test_a_unit_that_is_not_told_is_that_of_the_recording(
    talk: Path, content: str, unit: str, found: list[tuple[str, float, float]]
) -> None:
    imported = table(talk, f"path,start,end,text\ntalk.wav,{content}")
    assert parts(imported, talk) == found
    assert [note.reason for note in imported.notes] == ([f"table_unit_{unit}"] if unit else [])


def test_long_parts_are_not_taken_for_short_ones(tmp_path: Path) -> None:
    """Two parts of 150 s, with the words of 150 s: they would also be in the recording as milliseconds."""
    soundfile.write(tmp_path / "talk.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 4_000 * 301), 4_000, subtype="PCM_U8")
    words = "word " * 300
    imported = table(tmp_path / "talk.wav", f"path,start,end,text\ntalk.wav,0,150,{words}\ntalk.wav,150,300,{words}\n")
    assert [round(soundfile.info(clip.path).duration) for clip in imported.clips] == [150, 150]


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ("5,6", "audio_no_such_part"),
        ("3,5", "audio_no_such_part"),
        ("15,32", "audio_no_such_part"),
        ("2,1", "row_times_order"),
        ("2,2", "row_times_order"),
        ("-1,2", "row_times"),
        ("nan,2", "row_times"),
        ("2,inf", "row_times"),
        ("soon,2", "row_times"),
        ("2,", "row_no_end"),
        ("0.2,2.5", "row_overlap"),
        ("1,2", "row_duplicate"),
        ("2,2.05", "audio_too_short"),
        (",", "row_overlap"),
    ],
)
def test_times_that_cannot_be_are_dropped_with_a_reason(talk: Path, times: str, reason: str) -> None:
    imported = table(talk, f"path,start,end,text\ntalk.wav,1,2,one two\ntalk.wav,{times},three four\ntalk.wav,3,4,five six\n")
    assert parts(imported, talk) == [("one two", 1, 2), ("five six", 3, 4)]
    assert reasons(imported) == {reason: 1}
    assert imported.dropped[0].message.startswith("list.csv, line 3: ")


def test_margins_of_annotators_may_overlap(talk: Path) -> None:
    imported = table(talk, "path,start,end,text\ntalk.wav,0,2.2,one two\ntalk.wav,1.9,4.3,three four\n")
    assert parts(imported, talk) == [("one two", 0, 2.2), ("three four", 1.9, 4)]


@pytest.mark.parametrize(
    ("rows", "noted"),
    [
        (["audio_filepath", "duration"], []),
        (["path", "duration_ms"], []),
        (["path", "num_samples"], []),
        (["path", "length"], ["rows_length"]),
        (["path", "duration_other"], ["columns_unused"]),
    ],
)
def test_a_duration_alone_cuts_nothing(talk: Path, rows: list[str], noted: list[str]) -> None:
    value = {"duration": 4.0, "duration_ms": 4000, "num_samples": 64_000, "length": 1.5, "duration_other": 1}[rows[1]]
    imported = table(talk, json.dumps({rows[0]: "talk.wav", rows[1]: value, "text": "one two"}), "m.jsonl")
    assert [Path(clip.path) for clip in imported.clips] == [talk]
    assert [note.reason for note in imported.notes] == noted


def test_sounds_that_were_cut_before_are_used_whole(tmp_path: Path) -> None:
    """Corpora of parts keep the times in the recordings they were cut from."""
    for name in ("a.wav", "b.wav"):
        sound(tmp_path / name, 1.0)
    imported = table(tmp_path / "a.wav", "path,begin_time,end_time,text\na.wav,61.5,62.5,one two\nb.wav,0,1,three four\n")
    assert [Path(clip.path).name for clip in imported.clips] == ["a.wav", "b.wav"]
    assert [note.details for note in imported.notes] == [{"count": 1, "where": "list.csv, line 2"}]


def test_columns_that_are_not_used_are_named(talk: Path) -> None:
    imported = table(talk, "path,text,Mood,when,\ntalk.wav,one two,sad,2024,\n")
    message = "In list.csv, these columns are not used: Mood, when."
    assert imported.notes == (Note("columns_unused", message, {"name": "list.csv", "columns": "Mood, when"}),)
    lines = [{"path": "talk.wav", "text": "one", "mood": 1}, {"path": "talk.wav", "text": "two", "mood": 1, "size": 2}]
    imported = table(talk, "\n".join(map(json.dumps, lines)), "m.jsonl")
    assert [note.details["columns"] for note in imported.notes] == ["mood", "size"]
    assert table(talk, "path,text\ntalk.wav,one two\n").notes == ()


def test_a_column_of_something_else_can_be_left_out(talk: Path) -> None:
    content = "path,text,start\ntalk.wav,one two,Monday\n"
    assert reasons(table(talk, content)) == {"row_times": 1}
    imported = table(talk, content, columns={"start": ""})
    assert [Path(clip.path) for clip in imported.clips] == [talk]
    assert [note.details["columns"] for note in imported.notes] == ["start"]


def test_times_by_columns_that_are_named(talk: Path) -> None:
    content = "path,text,from,to\ntalk.wav,one two,0.5,1.5\n"
    assert parts(table(talk, content, columns={"start": "from", "end": "to"}), talk) == [("one two", 0.5, 1.5)]
    assert parts(table(talk, content, columns={"offset": "from"}), talk) == [("one two", 0.5, 4)]


def test_a_training_list_with_times_is_refused(talk: Path) -> None:
    path = text(talk.parent / "list.csv", "path,start,end,text\ntalk.wav,0,2,one two\n")
    with pytest.raises(DatasetError, match="line 2: the columns start, end say .* attune import list.csv") as caught:
        read_csv(path)
    assert caught.value.reason == "csv_times"
    assert len(read_csv(text(path, "path,start,duration,text\ntalk.wav,,4.0,one two\n"))) == 1

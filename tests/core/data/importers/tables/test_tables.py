"""Tables of recordings: delimiters, encodings, columns, and rows that cannot be used."""

from __future__ import annotations

import codecs
import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.clips.labelled_set import Clip
from core.data.importers import row_checker as base
from core.data.importers.any_format import detect, read
from core.data.importers.encoding import encoding_of, lines
from core.data.importers.rows import Imported, Options
from core.data.importers.tables.csv import read_csv
from core.data.importers.tables.manifest import rows
from core.errors import DatasetError
from core.text.scoring import MAX_TEXT_CHARACTERS
from tests.core.data.recordings import kept, reasons, sound, text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three recordings."""
    for name in ("a.wav", "b.flac", "ü 好.wav"):
        sound(tmp_path / "sounds" / name)
    return tmp_path / "sounds"


def counted(imported: Imported, rows: int) -> Imported:
    assert len(imported.clips) + len(imported.dropped) == rows
    return imported


TWO = [("a.wav", "Hello there", "", ""), ("b.flac", "Good day", "", "")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "path,text\na.wav,Hello there\nb.flac,Good day\n"),
        ("t.csv", "path;text\r\na.wav;Hello there\r\nb.flac;Good day"),
        ("t.csv", "path\ttext\na.wav\tHello there\nb.flac\tGood day\n"),
        ("t.csv", "sep=;\r\npath;text\r\na.wav;Hello there\r\nb.flac;Good day"),
        ("t.csv", "\ufeffsep=,\npath,text\na.wav,Hello there\nb.flac,Good day"),
        ("t.csv", '"sep=|"\npath|text\na.wav|Hello there\nb.flac|Good day'),
        ("t.csv", "sep=\t\npath\ttext\na.wav\tHello there\nb.flac\tGood day"),
        ("t.csv", "sep=^\npath^text\na.wav^Hello there\nb.flac^Good day"),
        ("t.tsv", "path\ttext\na.wav\t\"Hello there\"\nb.flac\tGood day\n"),
        ("t.csv", "path|text\na.wav|Hello there\nb.flac|Good day\n"),
        ("t.txt", "\n\n path | TEXT \r a.wav | Hello  there \r\r b.flac | Good day \r"),
        ("t.csv", 'text,path\n"Hello there",a.wav\n"Good\nday",b.flac\n'),
        ("t.csv", "path,text,note\na.wav,Hello there\nb.flac,Good day,,,\n"),
        ("t.csv", "path,text\n./a.wav,Hello there\n..\\sounds\\b.flac,Good day\n"),
        ("t.csv", "file_name,transcription\na.wav,Hello there\nb.flac,Good day\n"),
        ("t.csv", "wav,transcript\na.wav,Hello there\nb.flac,Good day\n"),
        ("t.csv", "audio,label\na.wav,Hello there\nb.flac,Good day\n"),
        ("t.jsonl", '{"path": "a.wav", "text": "Hello there"}\n\n{"text": "Good day", "path": "b.flac"}\n'),
        (
            "t.json",
            '{"audio_filepath": "a.wav", "duration": 0.3, "text": "Hello there"}\n'
            '{"audio_filepath": "b.flac", "text": "Good day"}',
        ),
    ],
)  # fmt: skip
def test_tables_in_their_many_forms(folder: Path, name: str, content: str) -> None:
    path = text(folder / name, content)
    assert detect(path) == "manifest"
    imported = counted(read(path), 2)
    assert (kept(imported), imported.format) == (TWO, "manifest")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
@pytest.mark.parametrize("names", [("path", "sentence", "client_id", "split"), ("文件", "文本", "说话人", "split")])
def test_encodings_and_delimiters(folder: Path, encoding: str, delimiter: str, names: tuple[str, ...]) -> None:
    rows = [
        names,
        ("ü 好.wav", "你好，“世界”😀", "Zoë", "dev"),
        ("a.wav", "再见", "李", "test"),
    ]
    path = text(folder / "t.csv", "\r\n".join(delimiter.join(row) for row in rows).encode(encoding))
    imported = counted(read(path, language="zh"), 2)
    assert kept(imported) == [("ü 好.wav", "你好，“世界”😀", "Zoë", "validation"), ("a.wav", "再见", "李", "test")]


@pytest.mark.parametrize(
    ("content", "language", "encoding"),
    [
        (b"", "en", "utf-8"),
        (b"plain", "en", "utf-8"),
        ("Größe".encode(), "de", "utf-8"),
        (codecs.BOM_UTF8 + b"a", "en", "utf-8-sig"),
        ("path,text\n".encode("utf-16-be"), "en", "utf-16-be"),
        ("路径,文字\n一,你好\n".encode("utf-16-le"), "zh", "utf-16-le"),
        ("今天天气很好，我们去公园。".encode("gb18030"), "zh", "gb18030"),
        ("今天天气很好，我们去公园。".encode("gb18030"), "en", "gb18030"),
        ("𠮷野家".encode("gb18030"), "yue", "gb18030"),
        ("Größe, Maß, größer".encode("cp1252"), "de", "cp1252"),
        ("Größe, Maß, größer".encode("cp1252"), "en", "cp1252"),
        ("Größe im Café à la carte".encode("cp1252"), "de", ""),
        ("Größe größer möglich schön über älter Straße Maß, Bäckerei im Café".encode("cp1252"), "de", "cp1252"),
        ("Çà et là, l’été où il naît".encode("cp1252"), "fr", "cp1252"),
        ("¿Qué? “Mañana”, 5 €".encode("cp1252"), "es", "cp1252"),
        ("It’s “fine” – 5 €".encode("cp1252"), "en", "cp1252"),
        ("naïve".encode("cp1252"), "en", ""),
        ("naïve".encode("cp1252"), "zu", ""),
        ("zażółć gęślą jaźń".encode("cp1250"), "en", ""),
        ("zażółć gęślą jaźń".encode("cp1250"), "pl", ""),
        ("zażółć gęślą jaźń".encode("cp1250"), "de", ""),
        ("poèítaè dobrý".encode("cp1252"), "en", ""),
        ("şimdi değil".encode("cp1254"), "en", ""),
        ("ačiū labai".encode("cp1257"), "en", ""),
        ("καλημέρα".encode("cp1253"), "en", ""),
        ("уйду".encode("cp1251"), "en", ""),
        ("уйду".encode("cp1251"), "es", ""),
        ("öö on pikk".encode("cp1252"), "et", "cp1252"),
        ("שלום".encode("cp1255"), "en", ""),
        ("Größe über".encode("mac-roman"), "de", ""),
        ("Größe über".encode("cp850"), "de", ""),
        ("今天天气很好".encode("big5"), "en", ""),
        ("カタカナ".encode("shift-jis"), "en", ""),
        ("Привет, как дела".encode("cp1251"), "ru", ""),
        ("Привет, как дела".encode("cp1251"), "en", ""),
        ("Привет, как дела".encode("cp1251"), "fr", ""),
        ("안녕하세요".encode("euc-kr"), "ko", ""),
        ("こんにちは".encode("shift-jis"), "ja", ""),
        (b"a\0b\0c", "en", ""),
        (b"\xff\xfea", "en", ""),
        ("ab".encode("utf-32"), "en", ""),
        ("你好".encode()[:-1], "zh", ""),
        (codecs.BOM_UTF8 + "Größe".encode("latin-1"), "de", ""),
        (bytes(range(1, 256)), "zh", ""),
    ],
)  # fmt: skip
def test_an_encoding_is_told_or_refused(tmp_path: Path, content: bytes, language: str, encoding: str) -> None:
    path = text(tmp_path / "t.txt", content)
    if encoding:
        assert encoding_of(path, language) == encoding
        assert "".join(lines(path, language)) == content.decode(encoding)
    else:
        with pytest.raises(DatasetError, match="Save the file as UTF-8") as caught:
            encoding_of(path, language)
        assert caught.value.reason == "text_encoding"


def test_what_the_first_block_hides_is_found(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", b"a" * (1 << 20) + "я".encode("cp1251"))
    with pytest.raises(DatasetError, match="encoding of t.csv is uncertain"):
        encoding_of(path, "en")
    assert encoding_of(text(path, b"a" * ((1 << 20) - 1) + "ö".encode()), "en") == "utf-8"
    before = b"a " * (1 << 19)
    assert encoding_of(text(path, before[:-2] + "böa“".encode("cp1252")), "en") == "cp1252"
    with pytest.raises(DatasetError, match="uncertain"):  # a sign inside a word that is in two blocks
        encoding_of(text(path, before[:-2] + "b“a".encode("cp1252")), "en")


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("path,words,name", {"text": "words", "speaker": "name"}),
        ("where,text,speaker", {"path": "where"}),
        ("audio,file,Text,SPEAKER", {"path": "Audio"}),
        ("path,transcript,sentence,speaker", {"text": "sentence"}),
        ("path,text,sentence,speaker_id,client_id", {"speaker": "client_id", "text": "sentence"}),
    ],
)
def test_a_mapping_wins(folder: Path, header: str, columns: dict[str, str]) -> None:
    cells = {"path": "a.wav", "where": "a.wav", "audio": "a.wav", "file": "gone.wav", "transcript": "No", "speaker_id": "No"}
    cells |= {"text": "Yes", "words": "Yes", "sentence": "Yes", "speaker": "Ada", "client_id": "Ada", "name": "Ada"}
    cells |= {"text": "No"} if "text" in columns else {}
    row = ",".join(cells[name.lower()] for name in header.split(","))
    imported = read(text(folder / "t.csv", f"{header}\n{row}\n"), columns=columns)
    assert kept(imported) == [("a.wav", "Yes", "Ada", "")]


@pytest.mark.parametrize(
    ("content", "columns", "reason", "message"),
    [
        ("", {}, "table_columns", "needs a column for path.*it has: none"),
        ("\n \n", {}, "table_columns", "needs a column for path.*it has: none"),
        ("path,words\na.wav,Hello\n", {}, "table_columns", "needs a column for text.*it has: path, words"),
        ("a.wav;Hello\nb.wav;Good day\n", {}, "table_columns", "it has: a.wav, Hello"),
        ("path,text\na.wav,Hello\n", {"text": "words"}, "table_columns", "needs a column for text"),
        ("path,text\na.wav,Hello\n", {"speaker": "who"}, "table_columns", "needs a column for speaker"),
        ("path,text\na.wav,Hello\n", {"txt": "text"}, "column_unknown", "no column 'txt'. The columns are: path, text"),
        ("path,label,sentence\na.wav,1,Hello\n", {}, "table_ambiguous", "several columns for text: sentence, label"),
        ('{"path": "a.wav", "words": "Hello"}\n', {}, "table_columns", "needs a column for text.*it has: path, words"),
        ("path,text\n", {}, "import_no_rows", "t.csv lists no recordings"),
        ("path,text\n,\n \n", {}, "import_no_rows", "t.csv lists no recordings"),
        ('path,text\na.wav,Hello\n\n"b.wav,Good day\na.wav,More\n', {}, "table_damaged", "line 4: the row cannot be read"),
        ('path,text\na.wav,"Hello" you\n', {}, "table_damaged", "line 2: the row cannot be read"),
        ("path,text\na.wav," + "a" * 200_000 + "\n", {}, "table_damaged", "line 2: .*field larger"),
        ("path,text\na.wav," + "a" * 1_100_000 + "\n", {}, "text_line", "too long a line"),
        (b"PK\x03\x04" + bytes(range(256)) * 40, {}, "archive_damaged", "not a zip or tar"),
        (b"path,text\na.wav,Hello\0\n", {}, "text_encoding", "Save the file as UTF-8"),
        ("x" * 1_000_000, {}, "table_columns", "needs a column for path"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read(
    folder: Path, tmp_path: Path, content: str | bytes, columns: dict[str, str], reason: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read(text(folder / "t.csv", content), columns=columns, work=tmp_path / "work")
    assert caught.value.reason == reason
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("row", "reason", "message"),
    [
        ("gone.wav,Hello,,", "row_no_sound", "t.csv, line 3: there is no sound file .*gone.wav"),
        (",Hello,,", "row_no_sound", "line 3: there is no sound file"),
        (".,Hello,,", "row_no_sound", "line 3: there is no sound file"),
        ("x" * 5_000 + ",Hello,,", "row_no_sound", "line 3: there is no sound file"),
        ("http://example.org/a.wav,Hello,,", "row_no_sound", "line 3: there is no sound file"),
        ("a.wav,,,", "text_empty", "line 3: this row has no words"),
        ("a.wav", "text_empty", "line 3: this row has no words"),
        ("a.wav,?! 😀,,", "text_empty", "line 3: this row has no words"),
        (f"a.wav,{'a' * (MAX_TEXT_CHARACTERS + 1)},,", "transcript_too_long", "line 3: .*2001 characters"),
        ("a.wav,Hello,,eval", "row_part", "line 3: the part is train, validation or test, not 'eval'"),
        ("a.wav,Hello,you,and,you", "row_fields", "line 3: 5 fields for 4 columns"),
        ("a.wav,nan,Ada,", "row_text_missing", "line 3: 'nan' is what programs write for a missing text"),
        ("a.wav,Hello, you", "row_moved", "line 3: 'you', which follows the text, seems to be the rest"),
        ("b.flac,Again,,", "row_duplicate", "line 3: b.flac is listed twice"),
        ("../sounds/b.flac,Again,,", "row_duplicate", "line 3: b.flac is listed twice"),
        ("empty.wav,Hello,,", "audio_empty", "line 3: empty.wav is empty"),
        ("text.wav,Hello,,", "audio_unreadable", "line 3: text.wav is not a readable sound file"),
        ("cut.wav,Hello,,", "audio_cut_short", "line 3: cut.wav is shorter than its header says"),
        ("head.flac,Hello,,", "audio_unreadable", "line 3: head.flac is not a readable sound file"),
        ("click.wav,Hello,,", "audio_too_short", "line 3: click.wav has 0.02 s"),
        ("long.wav,Hello,,", "audio_too_long", "line 3: long.wav is longer than 600 s"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_dropped_and_the_others_kept(folder: Path, row: str, reason: str, message: str) -> None:
    text(folder / "empty.wav", b"")
    text(folder / "text.wav", "Hello")
    text(folder / "cut.wav", sound(folder / "cut.wav", 1.0).read_bytes()[:16_000])
    text(folder / "head.flac", sound(folder / "head.flac").read_bytes()[:30])
    sound(folder / "click.wav", 0.02)
    soundfile.write(folder / "long.wav", np.zeros(601 * 4_000, np.int16), 4_000, subtype="PCM_U8")
    path = text(folder / "t.csv", f"path,text,speaker,part\nb.flac,Good day,,\n{row}\nü 好.wav,Farewell,Ada,Train\n")
    imported = counted(read(path), 3)
    assert kept(imported) == [("b.flac", "Good day", "", ""), ("ü 好.wav", "Farewell", "Ada", "train")]
    (dropped,) = imported.dropped
    assert dropped.reason == reason
    assert re.search(message, dropped.message)
    assert len(dropped.message) < 500


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "row_json"),
        ("[1, 2]", "row_json"),
        ("[" * 100_000, "row_json"),
        ('{"path": ' + "9" * 5_000 + "}", "row_json"),
        ('{"path": "a.wav"}', "table_columns"),
        ('{"path": "a.wav", "text": null}', "text_empty"),
        ('{"path": "a.wav", "text": NaN}', "row_text_missing"),
        ('{"path": {"bytes": ""}, "text": "Hello"}', "row_no_sound"),
        ('{"path": "a\\u0000.wav", "text": "Hello"}', "row_no_sound"),
        ('{"path": "\\ud800.wav", "text": "Hello"}', "row_no_sound"),
        ('{"path": "a.wav", "text": "Hello", "offset": "soon"}', "row_times"),
        ('{"path": "a.wav", "text": "Hello", "offset": 0.1, "duration": []}', "row_times"),
        ('{"path": "a.wav", "text": "Hello", "offset": 5, "duration": 1}', "audio_no_such_part"),
        ('{"path": "a.wav", "text": "Hello", "offset": -1, "duration": 1}', "row_times"),
        ('{"path": "a.wav", "text": "Hello", "offset": 0.1, "duration": 0}', "row_times_order"),
        ('{"path": "a.wav", "text": "Hello", "offset": 0, "duration": 1}', "audio_no_such_part"),
        ('{"path": "a.wav", "text": "Hello", "offset": NaN, "duration": 1}', "row_times"),
        ('{"path": "a.wav", "text": "Hello", "offset": 0.2, "duration": 0.01}', "audio_too_short"),
    ],
)
def test_a_json_line_that_cannot_be_used(folder: Path, tmp_path: Path, line: str, reason: str) -> None:
    path = text(folder / "t.jsonl", f'{{"path": "b.flac", "text": "Good day"}}\n{line}\n')
    imported = counted(read(path, work=tmp_path / "work"), 2)
    assert kept(imported) == TWO[1:]
    assert reasons(imported) == {reason: 1}
    json.dumps([vars(dropped) for dropped in imported.dropped]).encode()


def test_an_id_of_ours_is_kept_and_any_other_ignored(folder: Path) -> None:
    rows = ["a.wav,one,0123456789abcdef", "b.wav,two,0123456789abcdef", "c.wav,three,7", "d.wav,four,../../etc"]
    for name in "abcd":
        sound(folder / f"{name}.wav")
    path = text(folder / "list.csv", "path,text,id\n" + "\n".join(rows))
    for clips in (read(path).clips, read_csv(path)):
        ids = [clip.id for clip in clips]
        assert ids[0] == "0123456789abcdef"
        assert len(set(ids)) == 4
        assert all(re.fullmatch("[0-9a-f]{16}", id) for id in ids)
        assert ids[2:] == [Clip(clip.path, "").id for clip in clips][2:]


HEAD = "path,text,speaker,part"


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [  # the row as it is kept, or the reason why it is dropped
        (HEAD, "a.wav,Well, that is how it goes today,,", "row_moved"),
        (HEAD, "a.wav,Well, that is how it goes today", "row_moved"),
        (HEAD, "a.wav,Well, then,", "row_moved"),
        (HEAD, "a.wav,Well,that is how it goes,,", "row_moved"),
        (HEAD, "a.wav,Well,That is how it goes today then,,", "row_moved"),
        (HEAD, "a.wav,Well,is that right?,,", "row_moved"),
        (HEAD, "a.wav,It costs 1,000 euros,,", "row_moved"),
        (HEAD, 'a.wav,He said "yes", and left,,', "row_moved"),
        ("path;text;speaker", "a.wav;Well; that is it", "row_moved"),
        ("path,text,note", "a.wav,Well, that is it", "row_moved"),
        (HEAD, "a.wav,Well,that,is,it,now", "row_fields"),
        (HEAD, "a.wav,Well, that, is, it, now", "row_fields"),
        (HEAD, 'a.wav,"Well", that, is, it', "row_fields"),
        ("path, text, speaker", "a.wav, Well, that is it, Ada", "row_fields"),
        ("path\ttext", "a.wav\tWell\t that is it", "row_delimiter"),
        (HEAD, "a.wav,Well, that is it,Ada,test", ("Well, that is it", "Ada", "test")),
        (HEAD, "a.wav,Well, that, is it,,train", ("Well, that, is it", "", "train")),
        ("path,text", "a.wav,Well, that is it", ("Well, that is it", "", "")),
        ("path,text", "a.wav,Well, that is it,", ("Well, that is it", "", "")),
        ("path,text", 'a.wav,He said "yes", and left', ('He said "yes", and left', "", "")),
        ("text,path", "Well, that is it,a.wav", ("Well, that is it", "", "")),
        (HEAD, 'a.wav,"Well, that is it", Ada,test', ("Well, that is it", "Ada", "test")),
        (HEAD, 'a.wav,"Well", Ada,test', ("Well", "Ada", "test")),
        (HEAD, 'a.wav,Well," Ada, who is a speaker of the North",', ("Well", "Ada, who is a speaker of the North", "")),
        (HEAD, "a.wav, Well, Ada, test", ("Well", "Ada", "test")),
        ("path, text, speaker", "a.wav,Well, Ada", ("Well", "Ada", "")),
        (HEAD, "a.wav,Well,Maria del Carmen Garcia Lopez,", ("Well", "Maria del Carmen Garcia Lopez", "")),
        (HEAD, "a.wav,Well,John Smith Jr.,", ("Well", "John Smith Jr.", "")),
        (HEAD, "a.wav,take 7,3,", ("take 7", "3", "")),
        (HEAD, "a.wav,Well,,,", ("Well", "", "")),
        (HEAD, "a.wav,Well,nan,", ("Well", "", "")),
        (HEAD, "a.wav,None,Ada,", ("None", "Ada", "")),
        (HEAD, "a.wav,null,Ada,", ("null", "Ada", "")),
        (HEAD, "a.wav,nan.,Ada,", ("nan.", "Ada", "")),
    ],
)  # fmt: skip
def test_a_comma_without_quotation_marks_never_moves_words_unsaid(
    folder: Path, header: str, row: str, expected: str | tuple[str, str, str]
) -> None:
    imported = counted(read(text(folder / "t.csv", f"{header}\n{row}\n")), 1)
    if isinstance(expected, str):
        assert reasons(imported) == {expected: 1}
        assert "text_joined" not in {note.reason for note in imported.notes}
    else:
        assert kept(imported) == [("a.wav", *expected)]
        repaired = "," in expected[0] and '"Well, that' not in row
        assert [note.reason for note in imported.notes] == ["text_joined"] * repaired


def test_a_repair_is_said_once_with_its_first_line(folder: Path) -> None:
    path = text(folder / "t.csv", "path,text\na.wav,Hello\nb.flac,Well, yes\nü 好.wav,Well, no\n")
    imported = counted(read(path), 3)
    (note,) = imported.notes
    assert note.message.startswith("t.csv, line 3: the text contains a comma and is not in quotation marks.")
    assert note.details == {"name": "t.csv", "line": 3}


def test_a_row_of_endless_quoted_lines_is_refused(folder: Path) -> None:
    rows = ('"' + "x" * 100_000 + '\n",') * 11
    with pytest.raises(DatasetError, match="too long a line") as caught:
        read(text(folder / "t.csv", f"path,text\na.wav,Hello\n{rows}\n"))
    assert caught.value.reason == "text_line"


def test_an_offset_of_nemo_cuts(folder: Path, tmp_path: Path) -> None:
    for name in ("long", "whole", "again", "rest"):
        sound(folder / f"{name}.wav", 2.0, rate=44_100, channels=2)
    rows = [
        {"audio_filepath": "long.wav", "duration": 0.5, "offset": 0.25, "text": "first"},
        {"audio_filepath": "long.wav", "duration": 0.5, "offset": 1.25, "text": "second"},
        {"audio_filepath": "whole.wav", "duration": 2.0, "offset": 0, "text": "whole"},
        {"audio_filepath": "again.wav", "duration": 2.0, "text": "again"},
        {"audio_filepath": "rest.wav", "offset": 1.5, "text": "the rest"},
    ]
    path = text(folder / "t.jsonl", "\n".join(map(json.dumps, rows)))
    imported = counted(read(path, work=tmp_path / "work"), 5)
    assert [clip.text for clip in imported.clips] == ["first", "second", "whole", "again", "the rest"]
    seconds = [soundfile.info(clip.path).duration for clip in imported.clips]
    assert seconds == pytest.approx([0.5, 0.5, 2.0, 2.0, 0.5], abs=0.001)
    assert {Path(clip.path).parent == folder for clip in imported.clips[2:4]} == {True}
    for clip in (imported.clips[0], imported.clips[4]):
        info = soundfile.info(clip.path)
        assert (info.samplerate, info.channels, info.format) == (16_000, 1, "FLAC")
        assert Path(clip.path).is_relative_to(tmp_path / "work")
    with pytest.raises(ValueError, match="work="):
        read(path)


def test_every_kind_of_sample(tmp_path: Path) -> None:
    kinds = [
        ("8.wav", 8_000, 1, "PCM_U8"),
        ("16.flac", 16_000, 2, "PCM_16"),
        ("24.wav", 44_100, 2, "PCM_24"),
        ("32.wav", 48_000, 1, "PCM_32"),
        ("float.wav", 22_050, 6, "FLOAT"),
        ("law.wav", 8_000, 1, "ULAW"),
        ("24.flac", 96_000, 1, "PCM_24"),
        ("v.ogg", 16_000, 1, "VORBIS"),
        ("m.mp3", 24_000, 1, "MPEG_LAYER_III"),
    ]
    for name, rate, channels, subtype in kinds:
        sound(tmp_path / name, rate=rate, channels=channels, subtype=subtype)
    content = "\n".join(["path,text", *(f"{name},said in {name}" for name, *_ in kinds)])
    assert len(counted(read(text(tmp_path / "t.csv", content)), len(kinds)).clips) == len(kinds)


def test_texts_of_every_script(folder: Path) -> None:
    said = ["مرحبا بالعالم", "\u200fשלום\u200f עולם", "नमस्ते दुनिया", "a👨‍👩‍👧 family", "e\u0301te\u0301", "สวัสดีชาวโลก"]
    for i in range(len(said)):
        sound(folder / f"{i}.wav")
    path = text(folder / "t.csv", "\n".join(["path,text", *(f"{i}.wav,{words}" for i, words in enumerate(said))]))
    imported = counted(read(path, language="ar"), len(said))
    assert [clip.text for clip in imported.clips] == [
        "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "a👨‍👩‍👧 family", "été", "สวัสดีชาวโลก",
    ]  # fmt: skip


def test_a_folder_of_tables(folder: Path) -> None:
    text(folder / "one.csv", "path,text\na.wav,Hello there\nb.flac,Good day\n")
    assert detect(folder) == "manifest"
    assert kept(read(folder)) == TWO
    text(folder / "two.csv", "path,text\nü 好.wav,Farewell\n")
    with pytest.raises(DatasetError, match="sounds is not a format") as caught:
        detect(folder)
    assert caught.value.reason == "format_unknown"
    (folder / "one.csv").rename(folder / "train.csv")
    (folder / "two.csv").rename(folder / "dev.csv")
    imported = counted(read(folder), 3)
    assert [clip.part for clip in imported.clips] == ["validation", "train", "train"]


def test_a_limit_counts_rows(folder: Path) -> None:
    path = text(folder / "t.csv", "path,text\na.wav,Hello there\ngone.wav,Gone\nb.flac,Good day\n")
    assert kept(counted(read(path, limit=1), 1)) == TWO[:1]
    assert kept(counted(read(path, limit=2), 2)) == TWO[:1]
    assert kept(counted(read(path, limit=9), 3)) == TWO


def test_progress_is_told_and_a_stop_is_heard(folder: Path) -> None:
    path = text(folder / "t.csv", "path,text\na.wav,Hello there\ngone.wav,Gone\nb.flac,Good day\n")
    told: list[tuple[int, int | None]] = []
    read(path, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, None), (2, None), (3, None)]
    with pytest.raises(DatasetError, match="t.csv was stopped") as caught:
        read(path, should_stop=lambda: len(told) == 4, progress=lambda done, total: told.append((done, total)))
    assert caught.value.reason == "import_stopped"
    assert len(told) == 4


def test_sounds_elsewhere_are_dropped_where_that_is_asked(folder: Path, tmp_path: Path) -> None:
    outside = sound(tmp_path / "secret.wav")
    (folder / "link.wav").symlink_to(outside)
    path = text(folder / "t.csv", f"path,text\na.wav,Hello there\n{outside},One\n../secret.wav,Two\nlink.wav,Three\n")
    assert len(read(path).clips) == 2  # the three are one recording
    imported = counted(read(path, within=folder), 4)
    assert kept(imported) == TWO[:1]
    assert reasons(imported) == {"row_outside": 3}


def test_backslashes_lead_no_further_than_the_folder(folder: Path, tmp_path: Path) -> None:
    sound(tmp_path / "outside.wav")
    (folder / "in").mkdir()
    for path in (r"in\..\..\outside.wav", r"..\outside.wav", "../outside.wav"):
        imported = read(text(folder / "list.csv", f"path,text\n{path},Hello\n"), within=folder)
        assert reasons(imported) == {"row_outside": 1}, path
    imported = read(text(folder / "list.csv", "path,text\nin\\..\\a.wav,Hello\n"), within=folder)
    assert [Path(clip.path) for clip in imported.clips] == [(folder / "a.wav").resolve()]


@pytest.mark.parametrize("guarded", [True, False])
def test_of_a_sound_file_and_its_folder_is_looked_once(
    folder: Path, tmp_path: Path, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows point at it, and however many point at nothing or at what cannot be read."""
    text(folder / "bad.wav", "no sound")
    rows = [f"a.wav,Hello,0,{0.3 + i / 10_000}" for i in range(100)]
    rows += [f"bad.wav,Hello,0,{0.3 + i / 10_000}" for i in range(100)] + [f"gone/{i}.wav,Hello,," for i in range(100)]
    path = text(folder / "list.csv", "path,text,offset,duration\n" + "\n".join(rows))
    looked: list[str] = []
    for owner, name in ((base.sound_files, "probe"), (base.sound_files, "check"), (base.os.path, "realpath")):
        real = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *given, _real=real, _name=name, **more: (looked.append(_name), _real(*given, **more))[1]
        )
    imported = read(path, work=tmp_path / "work", within=folder if guarded else None)
    assert len(imported.clips) == 1
    assert reasons(imported) == {"row_overlap": 99, "audio_unreadable": 100, "row_no_sound": 100}
    assert (looked.count("probe"), looked.count("check")) == (2, 1)
    assert looked.count("realpath") < 10


def test_too_many_rows_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_ROWS", 2)
    path = text(folder / "t.csv", "path,text\na.wav,Hello there\ngone.wav,Gone\nb.flac,Good day\n")
    with pytest.raises(DatasetError, match="t.csv has over 2 rows") as caught:
        read(path)
    assert caught.value.reason == "import_too_many"
    assert len(counted(read(path, limit=2), 2).clips) == 1


@pytest.mark.parametrize("name", ["gone.csv", "", "a\0b", "x" * 5_000, "loop"])
def test_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for function in (read, detect):
        with pytest.raises(DatasetError, match="There is no file or folder") as caught:
            function(str(tmp_path / "no" / name) if name in ("", "gone.csv") else f"{tmp_path}/{name}")
        assert caught.value.reason == "import_missing"


def test_an_unknown_format_is_refused(folder: Path) -> None:
    for path, format in ((folder / "a.wav", ""), (folder, ""), (folder / "a.wav", "word"), (folder, "elan")):
        with pytest.raises(DatasetError, match=f"{format or path.name if format != 'elan' else 'sounds'} is not a") as caught:
            read(path, format)
        assert caught.value.reason == "format_unknown"
    odd = text(folder / "table.dat", "path,text\na.wav,Hello there\n")
    assert kept(read(odd, "manifest")) == TWO[:1]


def peak(path: Path) -> int:
    """The most memory, in bytes, that going through a table took at once beyond the clips themselves."""
    tracemalloc.start()
    try:
        for _ in rows(path, Options()):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_rows_are_not_gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.importers.encoding.BLOCK_BYTES", 1 << 16)  # which the smaller table fills, too

    def table(count: int) -> Path:
        return text(tmp_path / "t.csv", "path,text\n" + "".join(f"{i}.wav,{'word ' * 50}{i}\n" for i in range(count)))

    peak(table(10_000))  # the interpreter's own table of names grows in one step, by megabytes
    few, many = peak(table(1_000)), peak(table(10_000))
    assert many < 1.5 * few  # 2.6 MB of text came by in the second


def test_three_thousand_recordings_take_no_more_than_their_clips(tmp_path: Path) -> None:
    content = sound(tmp_path / "0.wav", 0.2).read_bytes()  # 6.4 kB
    for i in range(1, 3_000):
        (tmp_path / f"{i}.wav").write_bytes(content)

    def grown(count: int) -> tuple[int, int]:
        path = text(tmp_path / "t.csv", "path,text\n" + "".join(f"{i}.wav,take {i}\n" for i in range(count)))
        tracemalloc.start()
        try:
            imported = counted(read(path), count)
            assert len(imported.clips) == count
            return tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    grown(3_000)  # what is loaded once, and the interpreter's own table of names, which grows in one step
    few, many = grown(500), grown(3_000)
    a_clip = (many[1] - few[1]) / 2_500
    assert a_clip < 1_500  # bytes at the peak, a quarter of the sound's file
    assert many[1] - many[0] < few[1] + 1_500_000  # nothing beside the clips grows

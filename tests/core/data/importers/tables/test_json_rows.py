"""Lists of JSON objects, whole and damaged, and in bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from core.data.importers.any_format import read
from core.data.importers.encoding import BLOCK_CHARACTERS
from core.data.importers.rows import Options, Row
from core.data.importers.tables.manifest import rows
from core.errors import DatasetError
from tests.core.data.recordings import kept, reasons, sound, text

TWO = [{"path": "a.wav", "text": "Hello there", "speaker": "Zoë"}, {"path": "b.wav", "text": 'A "[{" in it', "speaker": None}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav"):
        sound(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(TWO),
        json.dumps(TWO, indent=2),
        json.dumps(TWO, ensure_ascii=False).encode("utf-8-sig"),
        json.dumps(TWO, ensure_ascii=False).encode("utf-16"),
        "\n\n [ \r\n" + ",\r\n".join(map(json.dumps, TWO)) + "\r\n]\r\n\r\n",
        " " * (BLOCK_CHARACTERS - 5) + json.dumps(TWO) + "\n" * BLOCK_CHARACTERS,
        f"[{json.dumps(TWO[0])}," + " " * 3 * BLOCK_CHARACTERS + f"{json.dumps(TWO[1])}]",
    ],
    ids=range(7),
)  # fmt: skip
def test_a_list_of_objects(folder: Path, content: str | bytes) -> None:
    imported = read(text(folder / "t.json", content))
    assert kept(imported) == [("a.wav", "Hello there", "Zoë", ""), ("b.wav", 'A "[{" in it', "", "")]
    assert imported.dropped == ()


def test_rows_that_cannot_be_used_are_dropped_with_their_line(folder: Path) -> None:
    rows = ['{"path": "a.wav",\n"text": "Hello"}', "3", "[]", '{"path": "b.wav"}', '{"path": "b.wav", "text": ["a"]}', "null"]
    imported = read(text(folder / "t.json", "[\n" + ",\n".join(rows) + "]"))
    assert kept(imported) == [("a.wav", "Hello", "", "")]
    assert [(one.reason, one.where) for one in imported.dropped] == [
        ("row_json", "t.json, line 4"),
        ("row_json", "t.json, line 5"),
        ("table_columns", "t.json, line 6"),
        ("row_not_text", "t.json, line 7"),
        ("row_json", "t.json, line 8"),
    ]


@pytest.mark.parametrize(
    ("content", "reason", "message"),
    [
        ("[]", "import_no_rows", "t.json lists no recordings"),
        ("[", "json_damaged", "t.json, line 1: the row that begins here is not JSON"),
        ("[\n{}\n", "table_columns", "t.json needs a column for path"),
        ('[{"path": "a.wav", "text": "Hello"}', "json_damaged", "t.json, line 1"),
        ('[{"path": "a.wav", "text": "Hello"}\n{"path": "b.wav", "text": "Hello"}]', "json_damaged", "t.json, line 1"),
        ('[{"path": "a.wav", "text": "Hello"},\n{"path": "b.wav, "text": "Hello"}]', "json_damaged", "t.json, line 2"),
        ('[{"path": "a.wav", "text": "Hello"}]\n[]', "json_damaged", "t.json, line 2"),
        ("[" * 200_000, "json_damaged", "t.json, line 1"),
        ('[{"path": "' + "a" * 3_000_000, "json_damaged", "t.json, line 1: the row that begins here is not JSON, or too long"),
        ("[" + "9" * 10_000 + "]", "json_damaged", "t.json, line 1"),
        ('{\n "data": [\n]}', "json_object", "t.json is one JSON object over several lines"),
    ],
    ids=range(11),
)
def test_a_damaged_list_gets_a_sentence(folder: Path, content: str, reason: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read(text(folder / "t.json", content))
    assert caught.value.reason == reason


def test_a_list_is_not_kept_in_memory(folder: Path) -> None:
    listed = [{"path": f"{i}.wav", "text": "word " * 400} for i in range(5_000)]
    path = text(folder / "t.json", json.dumps(listed))
    tracemalloc.start()
    try:
        assert sum(isinstance(row, Row) for row in rows(path, Options())) == 5_000
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 2  # telling the encoding reads a megabyte at a time
    finally:
        tracemalloc.stop()


def test_a_folder_with_a_list_alone_is_imported(folder: Path) -> None:
    text(folder / "lists" / "train_manifest.json", json.dumps({"audio_filepath": "../a.wav", "text": "Hello"}))
    imported = read(folder / "lists")
    assert (kept(imported), imported.format) == ([("a.wav", "Hello", "", "")], "manifest")
    text(folder / "other" / "settings.json", json.dumps({"name": "no list"}))
    text(folder / "other" / "data" / "list.jsonl", json.dumps({"path": "../../b.wav", "text": "Good day"}))
    assert kept(read(folder / "other")) == [("b.wav", "Good day", "", "")]


def test_tables_named_like_parts_and_more(folder: Path) -> None:
    for part, name in (("train", "a.wav"), ("test", "b.wav")):
        text(folder / "lists" / f"{part}_manifest.jsonl", json.dumps({"audio_filepath": f"../{name}", "text": part}))
    assert kept(read(folder / "lists")) == [("b.wav", "test", "", "test"), ("a.wav", "train", "", "train")]
    assert reasons(read(folder / "lists")) == {}

"""Formats that are named with what to do instead."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from core.data.importers.any_format import read
from core.errors import DatasetError
from tests.core.data.recordings import kept, sound, text

SUPERVISION = json.dumps({"id": "s0", "recording_id": "r0", "start": 0.0, "duration": 2.0, "text": "some words"})
RECORDING = json.dumps({"id": "r0", "sources": [], "sampling_rate": 16_000, "num_samples": 3, "duration": 2.0})
CUT = json.dumps({"id": "c0", "start": 0, "duration": 2.0, "channel": 0, "supervisions": [], "type": "MonoCut"})


def zipped(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason", "message"),
    [
        ("list.xlsx", zipped("xl/workbook.xml"), "format_spreadsheet", "list.xlsx is a spreadsheet.*Save it as CSV"),
        ("list.ods", zipped("mimetype"), "format_spreadsheet", "list.ods is a spreadsheet"),
        ("LIST.XLS", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "format_spreadsheet", "LIST.XLS is a spreadsheet"),
        ("s.jsonl.gz", gzip.compress(SUPERVISION.encode()), "format_lhotse", r"manifest of Lhotse \(supervisions\)"),
        ("r.jsonl.gz", gzip.compress(RECORDING.encode()), "format_lhotse", r"manifest of Lhotse \(recordings\)"),
        ("c.jsonl.xz", lzma.compress(CUT.encode()), "format_lhotse", r"manifest of Lhotse \(cuts\)"),
        ("s.jsonl", SUPERVISION.encode(), "format_lhotse", "manifest of Lhotse"),
        ("s.json", f"[{SUPERVISION}]".encode(), "format_lhotse", "manifest of Lhotse"),
        ("c.jsonl", CUT.encode(), "format_lhotse", "manifest of Lhotse"),
        ("list.csv.gz", gzip.compress(b"path,text\na.wav,Hello\n"), "format_packed", "one text file packed by gzip"),
        ("list.csv.bz2", bz2.compress(b"path,text\na.wav,Hello\n"), "format_packed", "one text file packed by bzip2"),
        ("bomb.gz", gzip.compress(b"a" * 10_000_000), "format_packed", "Unpack it, and import the file in it"),
        ("deep.gz", gzip.compress(b"[" * 1_000_000), "format_packed", "one text file packed by gzip"),
        ("cut.gz", gzip.compress(b"path,text\n" * 99)[:20], "archive_damaged", "cut.gz is not a zip or tar archive"),
        ("train.tsv", b"/data/clips\na.wav\t32000\n", "format_fairseq", "train.tsv is a list of fairseq"),
        ("train.tsv", b"/data/clips\nHello\tthere\n", "table_columns", "train.tsv needs a column for path"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # gzip writes the time, and test processes must agree on names
)
def test_it_is_named_with_what_to_do(tmp_path: Path, name: str, content: bytes, reason: str, message: str) -> None:
    for folder, source in ((tmp_path / "file", name), (tmp_path / "folder", ".")):
        text(folder / name, content)
        sound(folder / "r0.wav")
        if folder.name == "folder" and reason in ("archive_damaged", "table_columns"):
            continue
        if folder.name == "folder" and name.endswith(".json"):
            continue  # among sounds, only one of the usual names is taken for the list
        with pytest.raises(DatasetError, match=message) as caught:
            read(folder / source, work=tmp_path / "work")
        assert caught.value.reason == reason


def test_a_spreadsheet_beside_a_list_does_no_harm(tmp_path: Path) -> None:
    sound(tmp_path / "set" / "a.wav")
    text(tmp_path / "set" / "list.xlsx", zipped("xl/workbook.xml"))
    text(tmp_path / "set" / "list.csv", "path,text\na.wav,Hello\n")
    assert kept(read(tmp_path / "set")) == [("a.wav", "Hello", "", "")]


@pytest.mark.parametrize("opened", [gzip.open, bz2.open, lzma.open])
def test_a_packed_tar_is_still_an_archive(tmp_path: Path, opened: Callable[..., io.BufferedIOBase]) -> None:
    sound(tmp_path / "set" / "a.wav")
    text(tmp_path / "set" / "list.csv", "path,text\na.wav,Hello\n")
    with opened(tmp_path / "set.pack", "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        archive.add(tmp_path / "set", "set")
    assert kept(read(tmp_path / "set.pack", work=tmp_path / "work")) == [("a.wav", "Hello", "", "")]

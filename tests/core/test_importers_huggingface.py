"""Hugging Face datasets, from folders and Parquet files: there is no hub here."""

from __future__ import annotations

import builtins
import importlib.util
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from core.errors import DatasetError
from core.importers import detect, read
from core.importers.huggingface import _sound
from tests.core.recordings import reasons, sound, text

needs_datasets = pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package datasets")


def row(folder: Path, name: str, **fields: object) -> dict[str, object]:
    return {"audio": {"path": name, "bytes": sound(folder / name).read_bytes()}, **fields}


def dataset(rows: list[dict[str, object]], **features: object):
    """Makes a dataset whose column `audio` says that it holds sounds; making it from sounds would take another package."""
    import datasets
    import pyarrow

    kinds = datasets.Features({"audio": datasets.Audio(), **features})
    return datasets.Dataset(pyarrow.Table.from_pylist(rows, schema=kinds.arrow_schema), datasets.DatasetInfo(features=kinds))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder like a repository of the hub: Parquet files with the sounds inside, by split."""
    import datasets

    (tmp_path / "repo" / "data").mkdir(parents=True)
    for split, names in (("train", ["a.wav", "b.flac", "c.mp3"]), ("validation", ["d.wav"]), ("test", ["e.wav"])):
        rows = [row(tmp_path, name, transcription=f"Said in {name}", speaker_id=7, gender=1) for name in names]
        values = {"transcription": datasets.Value("string"), "speaker_id": datasets.Value("int64")}
        made = dataset(rows, **values, gender=datasets.ClassLabel(names=["f", "m"]))
        made.to_parquet(str(tmp_path / "repo" / "data" / f"{split}-00000-of-00001.parquet"))
    return tmp_path / "repo"


@needs_datasets
def test_a_folder_of_parquet(saved: Path, tmp_path: Path) -> None:
    assert detect(saved) == "huggingface"
    imported = read(saved, work=tmp_path / "work")
    assert (imported.format, imported.dropped) == ("huggingface", ())
    assert [(clip.text, clip.speaker, clip.part) for clip in imported.clips] == [
        ("Said in a.wav", "7", "train"),
        ("Said in b.flac", "7", "train"),
        ("Said in c.mp3", "7", "train"),
        ("Said in d.wav", "7", "validation"),
        ("Said in e.wav", "7", "test"),
    ]
    for clip, name in zip(imported.clips, ["a.wav", "b.flac", "c.mp3", "d.wav", "e.wav"], strict=True):
        assert Path(clip.path).read_bytes() == (tmp_path / name).read_bytes()
        assert Path(clip.path).suffix == Path(name).suffix
    assert len(read(saved, work=tmp_path / "work", limit=2).clips) == 2
    one = saved / "data" / "test-00000-of-00001.parquet"
    assert [clip.text for clip in read(one, work=tmp_path / "work").clips] == ["Said in e.wav"]


@needs_datasets
def test_an_id_is_loaded_row_by_row(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked = []
    real = datasets.load_dataset

    def from_here(*names: object, **options: object):
        asked.append((names, options))
        return real(str(saved), **options)

    monkeypatch.setattr(datasets, "load_dataset", from_here)
    monkeypatch.setattr(HfApi, "dataset_info", lambda self, id, timeout: None)
    imported = read("google/fleurs:sw_ke", "huggingface", work=tmp_path / "work", limit=1, language="sw")
    assert [clip.text for clip in imported.clips] == ["Said in a.wav"]
    assert asked == [(("google/fleurs", "sw_ke"), {"streaming": True})]
    assert len(list((tmp_path / "work").rglob("*.wav"))) == 1


@needs_datasets
def test_a_folder_that_is_called_like_a_dataset_is_not_read(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "fleurs").symlink_to(saved)
    monkeypatch.setattr(HfApi, "dataset_info", lambda self, id, timeout: None)
    with pytest.raises(DatasetError) as caught:
        read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert caught.value.reason == "huggingface_unusable"


@needs_datasets
def test_classes_are_named_and_damage_is_dropped(tmp_path: Path) -> None:
    import datasets
    import pyarrow.parquet

    good = row(tmp_path, "a.wav", label=1)
    sounds = [{"path": "x.wav", "bytes": b"RIFF"}, {"path": "gone.wav"}, {"path": "/etc/passwd"}, None]
    rows = [good, *({**good, "audio": one} for one in sounds), {**good, "label": None}]
    made = dataset(rows, label=datasets.ClassLabel(names=["no", "yes"]))
    pyarrow.parquet.write_table(made.data.table, tmp_path / "set.parquet")
    imported = read(tmp_path / "set.parquet", work=tmp_path / "work")
    assert [(clip.text, clip.part) for clip in imported.clips] == [("yes", "")]
    assert reasons(imported) == {"audio_unreadable": 1, "row_no_sound": 3, "text_empty": 1}


@needs_datasets
def test_what_save_to_disk_writes_is_read(tmp_path: Path) -> None:
    import datasets

    made = dataset([row(tmp_path, "a.wav", text="Hello")], text=datasets.Value("string"))
    datasets.DatasetDict({"test": made}).save_to_disk(str(tmp_path / "parts" / "set"))
    made.save_to_disk(str(tmp_path / "one" / "set"))
    for place in ("parts", "one"):
        imported = read(tmp_path / place, work=tmp_path / "work")
        assert [(clip.text, clip.part) for clip in imported.clips] == [("Hello", "")]  # one part is no split


@needs_datasets
@pytest.mark.parametrize("columns", [{}, {"text": "words"}])
def test_a_column_can_be_named(tmp_path: Path, columns: dict[str, str]) -> None:
    import datasets

    made = dataset([row(tmp_path, "a.wav", words="Hello")], words=datasets.Value("string"))
    made.to_parquet(str(tmp_path / "one.parquet"))
    if columns:
        assert [clip.text for clip in read(tmp_path / "one.parquet", work=tmp_path / "work", columns=columns).clips] == [
            "Hello"
        ]
    else:
        with pytest.raises(DatasetError, match="needs a column for text.*audio, words") as caught:
            read(tmp_path / "one.parquet", work=tmp_path / "work")
        assert caught.value.reason == "table_columns"


@needs_datasets
@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(200) + b"PAR1"])
def test_a_damaged_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = text(tmp_path / "set.parquet", content)
    with pytest.raises(DatasetError, match="cannot be read as a Hugging Face dataset") as caught:
        read(path, work=tmp_path / "work")
    assert caught.value.reason == "huggingface_unusable"


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *others: object):
        if name == "datasets":
            raise ImportError(name)
        return real(name, *others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DatasetError, match=r"pip install .attune\[huggingface\]") as caught:
        read("google/fleurs", "huggingface", work=tmp_path / "work")
    assert caught.value.reason == "huggingface_missing"


def test_a_dataset_reaches_no_further_than_its_folder(tmp_path: Path) -> None:
    inside, outside = sound(tmp_path / "set" / "a.wav"), sound(tmp_path / "b.wav")
    target = tmp_path / "000001"
    assert _sound({"bytes": None, "path": str(inside)}, target, tmp_path / "set") == str(inside)
    for path in (str(outside), f"{tmp_path}/set/../b.wav", f"file://{outside}", f"zip://a::file://{outside}", "a.wav::", ""):
        for within in (tmp_path / "set", None):
            with pytest.raises(DatasetError, match="there is no sound file") as caught:
                _sound({"bytes": None, "path": path}, target, within)
            assert caught.value.reason == "row_no_sound"

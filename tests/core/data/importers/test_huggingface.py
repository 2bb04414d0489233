"""Hugging Face datasets, from folders and Parquet files: there is no hub here."""

from __future__ import annotations

import builtins
import importlib.util
import json
import os
import zipfile
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

from core.data.importers import arrow_files, huggingface
from core.data.importers.any_format import detect, read
from core.data.importers.parquet_pages import unpacked_bytes
from core.errors import DatasetError
from tests.core.data.recordings import reasons, sound, text

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
    assert [note.message for note in imported.notes] == ["In repo, these columns are not used: gender."]
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


class Hub:
    """Stands for the hub and for what `datasets` makes of one of its datasets.

    Attributes:
        files: which the builder is to read.
        card: the dataset's README.md.
        standalone: its .huggingface.yaml.
        examples: what it yields.
        asked: what was asked of `datasets`.
    """

    def __init__(self, folder: Path) -> None:
        self.files = ["hf://datasets/google/fleurs@abc/data/train.parquet"]
        self.card, self.standalone = "---\nconfigs: []\n---\n", ""
        self.examples: object = None
        self.asked: list[object] = []
        self.folder = folder
        folder.mkdir()

    def download(self, id: str, name: str, **_: object) -> str:
        content = self.card if name == "README.md" else self.standalone
        if not content:
            answer = httpx.Response(404, request=httpx.Request("GET", "https://hub.invalid"))
            raise RemoteEntryNotFoundError(name, response=answer)
        (self.folder / name).write_text(content)
        return str(self.folder / name)

    def builder(self, *names: object, **options: object) -> object:
        from datasets.packaged_modules.parquet.parquet import Parquet

        self.asked.append((names, options))
        config = SimpleNamespace(data_files={"train": self.files}, batch_size=None)
        kind = type("Builder", (Parquet,), {"__init__": lambda self: None, "as_streaming_dataset": lambda _: self.examples})
        made = kind()
        made.config = config
        return made


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    import datasets

    hub = Hub(tmp_path / "hub")
    info = SimpleNamespace(id="google/fleurs", sha="abc")
    monkeypatch.setattr(HfApi, "dataset_info", lambda self, id, timeout: info)
    monkeypatch.setattr(huggingface, "hf_hub_download", hub.download)
    monkeypatch.setattr(datasets, "load_dataset_builder", hub.builder)
    return hub


def told(*examples: dict[str, object]) -> object:
    """The examples as a stream, as they come from the hub."""
    import datasets

    return datasets.Dataset.from_list(list(examples)).to_iterable_dataset()


@needs_datasets
def test_an_id_is_loaded_row_by_row(saved: Path, tmp_path: Path, hub: Hub) -> None:
    import datasets

    hub.examples = datasets.load_dataset("parquet", data_dir=str(saved / "data"), streaming=True)
    imported = read("google/fleurs:sw_ke", "huggingface", work=tmp_path / "work", limit=1, language="sw")
    assert [clip.text for clip in imported.clips] == ["Said in a.wav"]
    assert hub.asked == [(("google/fleurs", "sw_ke"), {"revision": "abc"})]
    assert len(list((tmp_path / "work").rglob("*.wav"))) == 1


@needs_datasets
def test_a_dataset_of_the_hub_names_only_sounds_of_its_own(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, inside = sound(tmp_path / "secret.wav"), sound(tmp_path / "in.wav")
    zipped = tmp_path / "in.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(inside, "in.wav")
    own = "hf://datasets/google/fleurs@abc"
    opened = []

    def from_here(self: object, address: str, mode: str) -> object:
        opened.append(address)
        return (zipped if address.endswith(".zip") else inside).open(mode)

    monkeypatch.setattr(HfFileSystem, "open", from_here)
    refused = [
        f"file://{secret}::{own}/a.wav",
        f"{secret}::{own}/a.wav",
        f"file://{tmp_path}/not-there.wav::{own}/a.wav",
        f"zip://a.wav::file://{secret}::{own}/a.zip",
        f"zip://in.wav::file://{zipped}",
        f"http://127.0.0.1/a.wav::{own}/a.wav",
        "hf://datasets/google/fleurs-private@abc/a.wav",
        "hf://datasets/google/fleurs/a.wav",
        "hf://google/fleurs@abc/a.wav",
        f"{own}/../../other/set@abc/a.wav",
        f"file://{secret}",
        str(secret),
        "secret.wav",
    ]
    allowed = [f"{own}/data/a.wav", f"zip://in.wav::{own}/data/a.zip"]
    hub.examples = told(*({"path": path, "text": f"Said {n}"} for n, path in enumerate([*refused, *allowed])))
    imported = read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert opened == [f"{own}/data/a.wav", f"{own}/data/a.zip"]
    assert [clip.text for clip in imported.clips] == [f"Said {len(refused)}", f"Said {len(refused) + 1}"]
    assert reasons(imported) == {"row_no_sound": len(refused)}


ELSEWHERE = ["/etc/host*", "../x", "data/../../x", "file:///etc/hosts", "file:/etc/hosts", "a::b", "~/x", "C:/x", "https://a/b"]


@needs_datasets
@pytest.mark.parametrize("pattern", ELSEWHERE)
@pytest.mark.parametrize("said", ["data_files: '{}'", "data_files: [{{split: train, path: ['ok/*', '{}']}}]", "data_dir: '{}'"])
def test_a_card_names_no_files_elsewhere(pattern: str, said: str, tmp_path: Path, hub: Hub) -> None:
    hub.examples = told({"path": "a", "text": "b"})
    configurations = f"configs:\n- config_name: a\n  data_files: data/*\n- config_name: b\n  {said.format(pattern)}\n"
    for hub.card, hub.standalone in ((f"---\n{configurations}---\n", ""), ("", configurations)):
        with pytest.raises(DatasetError) as caught:
            read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
        assert caught.value.reason == "huggingface_unusable"
    assert hub.asked == []  # nothing of it was resolved


@needs_datasets
def test_a_card_that_names_its_own_files_is_taken(tmp_path: Path, hub: Hub) -> None:
    hub.card = (
        "---\nconfigs:\n- {config_name: a, data_files: [{split: train, path: 'a..b/train-*.parquet'}], data_dir: data}\n---\n"
    )
    hub.examples = told({"path": "a", "text": "b"})
    imported = read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert reasons(imported) == {"row_no_sound": 1}
    assert [row.where for row in imported.dropped] == ["google/fleurs, split , row 1"]


@needs_datasets
@pytest.mark.parametrize(
    "file", ["/etc/hosts", "hf://datasets/google/fleurs-2@abc/a.parquet", "http://127.0.0.1/a.parquet", ""]
)
def test_whatever_files_datasets_finds_are_the_datasets_own(file: str, tmp_path: Path, hub: Hub) -> None:
    hub.files = [*hub.files, file] if file else []
    hub.examples = told({"path": "a", "text": "b"})
    with pytest.raises(DatasetError) as caught:
        read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert caught.value.reason == "huggingface_unusable"


@needs_datasets
def test_a_card_that_cannot_be_fetched_is_not_one_that_is_not_there(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> str:
        raise LocalEntryNotFoundError("no answer")

    monkeypatch.setattr(huggingface, "hf_hub_download", silent)
    with pytest.raises(DatasetError) as caught:
        read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert (caught.value.reason, hub.asked) == ("huggingface_unreachable", [])


@needs_datasets
def test_a_folder_that_is_called_like_a_dataset_is_not_read(
    saved: Path, tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "fleurs").symlink_to(saved)
    with pytest.raises(DatasetError) as caught:
        read("google/fleurs", "huggingface", work=tmp_path / "work", on_hub=True)
    assert (caught.value.reason, hub.asked) == ("huggingface_unusable", [])


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
@needs_datasets
@pytest.mark.parametrize("sounds", [[[0.0, 0.5]], [{"array": [0.0, 0.5], "sampling_rate": 16_000}]])
def test_sounds_as_numbers_get_a_sentence(sounds: object, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"audio": sounds, "text": ["Hello"]}), tmp_path / "set.parquet")
    with pytest.raises(DatasetError, match="set.parquet holds its sounds as lists of numbers") as caught:
        read(tmp_path / "set.parquet", work=tmp_path / "work")
    assert caught.value.reason == "huggingface_arrays"


@needs_datasets
def test_a_missing_text_is_not_the_word_nan(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    sounds = [row(tmp_path, f"{name}.wav") for name in "abc"]
    table = pyarrow.table({"audio": [one["audio"] for one in sounds], "text": ["Hello", "nan", None]})
    pyarrow.parquet.write_table(table, tmp_path / "set.parquet")
    imported = read(tmp_path / "set.parquet", work=tmp_path / "work")
    assert [clip.text for clip in imported.clips] == ["Hello"]
    assert [one.reason for one in imported.dropped] == ["row_text_missing", "text_empty"]


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


@needs_datasets
def test_a_dataset_on_the_disk_reaches_no_further_than_its_folder(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    inside, outside = sound(tmp_path / "set" / "a.wav"), sound(tmp_path / "b.wav")
    (tmp_path / "set" / "link.wav").symlink_to(outside)
    os.mkfifo(tmp_path / "set" / "fifo.wav")
    refused = [
        str(outside),
        f"{tmp_path}/set/../b.wav",
        f"file://{outside}",
        f"zip://a::file://{outside}",
        f"file://{outside}::hf://datasets/a/b@c/x.wav",
        "hf://datasets/a/b@c/x.wav",
        "link.wav",
        "fifo.wav",
        "../b.wav",
        "a\0b.wav",
        "a.wav::",
        "/dev/zero",
        "",
        ".",
        "not-there.wav",
    ]
    table = pyarrow.table({"path": [*refused, "a.wav"], "text": ["Said"] * (len(refused) + 1)})
    pyarrow.parquet.write_table(table, tmp_path / "set" / "t.parquet")
    for within in (tmp_path / "set", None):
        imported = read(tmp_path / "set" / "t.parquet", work=tmp_path / "work", within=within)
        assert [clip.path for clip in imported.clips] == [str(inside.resolve())]
        assert {row.message.partition(": ")[2][:16] for row in imported.dropped} == {"there is no soun"}
        assert reasons(imported) == {"row_no_sound": len(refused)}
        assert not any(str(tmp_path) in row.where for row in imported.dropped)


@needs_datasets
def test_what_save_to_disk_wrote_names_no_files_elsewhere(tmp_path: Path) -> None:
    import datasets

    secret = dataset([row(tmp_path, "a.wav", text="Secret")], text=datasets.Value("string"))
    secret.save_to_disk(str(tmp_path / "secret"))
    arrow = next((tmp_path / "secret").glob("*.arrow"))
    for number, name in enumerate([str(arrow), "../secret/" + arrow.name, "/not/there.arrow"]):
        folder = tmp_path / f"one-{number}"
        state = json.loads((tmp_path / "secret" / "state.json").read_text())
        text(folder / "state.json", json.dumps({**state, "_data_files": [{"filename": name}]}).encode())
        text(folder / "dataset_info.json", (tmp_path / "secret" / "dataset_info.json").read_bytes())
        (folder / "link.arrow").symlink_to(arrow)
        with pytest.raises(DatasetError) as caught:
            read(folder, work=tmp_path / "work", within=folder)
        assert caught.value.reason == "import_no_rows"
    folder = tmp_path / "several"
    text(folder / "dataset_dict.json", b'{"splits": ["../secret"]}')
    (folder / "train").symlink_to(tmp_path / "secret")
    with pytest.raises(DatasetError) as caught:
        read(folder, work=tmp_path / "work", within=folder)
    assert caught.value.reason == "import_no_rows"


@needs_datasets
def test_a_damaged_arrow_file_is_refused_and_no_crash(tmp_path: Path) -> None:
    import datasets

    made = dataset([row(tmp_path, "a.wav", text="Hello")], text=datasets.Value("string"))
    made.save_to_disk(str(tmp_path / "set"))
    arrow = next((tmp_path / "set").glob("*.arrow"))
    whole = arrow.read_bytes()
    for content in (b"", b"ARROW1", whole[: len(whole) // 2], whole.replace(b"Hello", b"\xff\xfe\xfd\xfc\xfb")):
        arrow.write_bytes(content)
        with pytest.raises(DatasetError) as caught:
            read(tmp_path / "set", work=tmp_path / "work")
        assert caught.value.reason == "huggingface_unusable"
        assert str(tmp_path) not in caught.value.details["name"]


@needs_datasets
@pytest.mark.parametrize("column", ["text", "sound"])
def test_a_short_file_that_says_much_is_refused_before_it_fills_memory_or_disk(
    column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kilobyte that says the same ten kilobytes 50,000 times."""
    import pyarrow
    import pyarrow.parquet

    monkeypatch.setattr(huggingface, "FREE_BYTES", 10_000_000)
    count = 50_000
    long = pyarrow.array(["h" * 10_000]) if column == "text" else pyarrow.array([b"h" * 10_000])
    many = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * count, "int32"), long)
    if column == "text":
        table = pyarrow.table({"path": ["x"] * count, "text": many})
    else:
        table = pyarrow.table(
            {"path": pyarrow.StructArray.from_arrays([many.cast(pyarrow.binary())], ["bytes"]), "text": ["x"] * count}
        )
    path = tmp_path / "set.parquet"
    pyarrow.parquet.write_table(table, path, store_schema=False, compression="zstd")
    del table, many
    assert path.stat().st_size < 100_000
    reason, most = refused(path, tmp_path / "work")
    assert reason == "huggingface_too_large"
    assert 0 < most < 2 * arrow_files.BATCH_BYTES
    assert sum(file.stat().st_size for file in (tmp_path / "work").rglob("*.sound")) <= 10_000_000


def refused(path: Path, work: Path) -> tuple[str, int]:
    """Reads a file that is to be refused; returns why it was, and the most bytes that Arrow held meanwhile."""
    import pyarrow

    usual = pyarrow.default_memory_pool()
    taken = pyarrow.proxy_memory_pool(usual)
    pyarrow.set_memory_pool(taken)
    try:
        with pytest.raises(DatasetError) as caught:
            read(path, work=work)
    finally:
        pyarrow.set_memory_pool(usual)
    return caught.value.reason, taken.max_memory()


def written(number: int, length: int = 0) -> bytes:
    """A number as the end of a Parquet file has it, in so many bytes or more."""
    number, found = number << 1, bytearray()
    while number > 0x7F or len(found) < length - 1:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


@needs_datasets
@pytest.mark.parametrize("lies", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_parquet_that_unpacks_to_far_more_is_refused_unread(
    lies: bool, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the end of the file says of it."""
    import pyarrow
    from pyarrow import parquet

    monkeypatch.setattr(huggingface, "FREE_BYTES", 1_000_000)
    table, path = pyarrow.table({"path": ["x"], "text": ["h" * 20_000_000]}), tmp_path / "set.parquet"
    plain = {"compression": "zstd", "use_dictionary": False, "write_statistics": False}
    parquet.write_table(table, path, data_page_version=version, **plain)
    if lies:
        content = path.read_bytes()
        end = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
        size = written(parquet.read_metadata(path).row_group(0).column(1).total_uncompressed_size)
        assert content[end:].count(size) == 1
        path.write_bytes(content[:end] + content[end:].replace(size, written(100, len(size))))
        assert parquet.read_metadata(path).row_group(0).column(1).total_uncompressed_size == 100
    del table
    reason, most = refused(path, tmp_path / "work")
    assert reason == "huggingface_too_large"
    assert most < 5_000_000


@needs_datasets
@pytest.mark.parametrize("packing", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_pages_are_as_large_as_an_honest_file_says(packing: str, version: str, tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "set.parquet"
    table = pyarrow.table({"path": [f"{n}.wav" for n in range(5_000)], "text": ["one", "two"] * 2_500})
    parquet.write_table(
        table,
        path,
        compression=packing,
        data_page_version=version,
        data_page_size=1_000,
        row_group_size=2_000,
        use_dictionary=["text"],
    )
    metadata = parquet.read_metadata(path)
    for column in (metadata.row_group(group).column(leaf) for group in range(3) for leaf in range(2)):
        start = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
        size = unpacked_bytes(path.read_bytes(), start, column.total_compressed_size)
        headers = column.total_uncompressed_size - size  # which the file's end counts too
        assert 0 < headers < column.total_uncompressed_size / 2


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff" * 50, b"\x15\x00" * 9, b"\x1c" * 50, b"\x19\xfc" + b"\xff" * 30])
def test_what_is_no_page_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        unpacked_bytes(content, 0, max(1, len(content)))


@needs_datasets
def test_an_arrow_file_that_is_packed_is_refused_unread(tmp_path: Path) -> None:
    import pyarrow

    table = pyarrow.table({"path": ["x"], "text": ["h" * 1_000_000]})
    text(tmp_path / "set" / "state.json", b"{}")
    for packing, reason in (("zstd", "huggingface_too_large"), ("lz4", "huggingface_too_large"), (None, None)):
        options = pyarrow.ipc.IpcWriteOptions(compression=packing)
        with pyarrow.ipc.new_stream(tmp_path / "set" / "data.arrow", table.schema, options=options) as stream:
            stream.write_table(table)
        if reason is None:
            assert reasons(read(tmp_path / "set", work=tmp_path / "work")) == {"row_no_sound": 1}
            continue
        with pytest.raises(DatasetError) as caught:
            read(tmp_path / "set", work=tmp_path / "work")
        assert caught.value.reason == reason

"""Hugging Face datasets: streamed from the hub by id, or from a folder or a Parquet file.

https://huggingface.co/docs/datasets/stream. Needs the package `datasets`: pip install "attune[huggingface]". Sounds in
Parquet, as in nearly all hub datasets, need nothing else; for sounds in single files, `datasets` needs torchcodec.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCard, HfApi, HfFileSystem, constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from core.audio import sound_files
from core.data.clips.labelled_set import PARTS, Dropped, Note
from core.data.importers.archive import FREE_BYTES, MAX_RATIO
from core.data.importers.arrow_files import TooLarge, examples, holds_arrays, schema_of
from core.data.importers.notes import unused
from core.data.importers.rows import PART_NAMES, SOUND_SUFFIXES, Options, Row, Rows, parts_of, shown
from core.data.importers.tables.columns import MISSING, column_names, missing_text
from core.errors import DatasetError
from core.storage.full_disk import is_full

HUB = "hf://"
HUB_SECONDS = 8.0  # to wait for the hub's first answer
HUB_BATCH_ROWS = 16  # decoded at once; `datasets` takes a whole row group, on the hub about 100 or 1,000
MAX_CAUSES = 10
READERS = frozenset({"arrow", "audiofolder", "csv", "json", "parquet", "webdataset"})  # others follow references out of a file
# What the hub's client and `datasets` raise if there is no answer; the types differ between versions.
UNREACHABLE = frozenset({"TransportError", "ConnectionError", "OfflineModeIsEnabled", "LocalEntryNotFoundError"})

# In a file pattern: anything not below the dataset's own folder, on any system.
_ELSEWHERE = re.compile(r"^[/~]|[:\\]|(^|/)\.\.(/|$)")

# An example's columns by our names, all its columns, the names of classes by column, and the example.
Examples = Generator[tuple[dict[str, str], Sequence[str], dict[str, list[str]], dict[str, Any]], None, None]


def recognises(path: Path) -> bool:
    """Whether this is a Parquet file, a folder with some, or the output of `save_to_disk`."""
    if path.is_file():
        return path.suffix.lower() == ".parquet"
    return _is_saved(path) or any(path.glob("*.parquet")) or any(path.glob("*/*.parquet"))


def rows(source: Path | str, options: Options) -> Rows:
    """Yields a row per example; sounds are written into `options.work` unchanged and are not decoded by other libraries.

    Args:
        source: a folder, a Parquet file, or an id such as "google/fleurs", with its configuration after a colon:
            "google/fleurs:sw_ke".
        options: `columns`, `name`, and `work`.

    Raises:
        DatasetError: `datasets` is not installed, there is no such dataset, it cannot be reached, a column is missing, or
            it expands far beyond its size.
    """
    folder = options.new_folder("sounds")
    _need_package()
    find: Callable[[str], str | bytes | None]
    if isinstance(source, str):
        id, splits = _on_hub(source, options)
        find = partial(_fetched, id, options.name)
    else:
        splits = _on_disk(source, options)
        find = partial(_beside, source if source.is_dir() else source.parent)
    count, told = 0, list[Note]()
    parts = parts_of(name for name, _ in splits)
    for split, found in splits:
        number = 0
        for names, there, labels, example in _guarded(found, options.name):
            if number == 0 and (note := unused(options.name, there, _wanted(names))) and note not in told:
                told.append(note)
                yield note
            number += 1
            where = f"{options.name}, split {split}, row {number}"
            fields = {name: example.get(column) for name, column in names.items()}
            count += 1
            try:
                path, made = _sound(fields["path"], folder / f"{count:06}", find)
            except DatasetError as error:
                yield Dropped.because("", error, where)
                continue
            text, speaker = fields["text"], fields.get("speaker")
            classes = labels.get(names["text"], [])
            if isinstance(text, int) and 0 <= text < len(classes):
                text = classes[text]
            elif str(text) in MISSING:  # a float, where pandas wrote the file
                yield Dropped.because("", missing_text(str(text)), where)
                continue
            said, by = ("" if field is None else str(field) for field in (text, speaker))
            yield Row(path, said, where, by, parts[split], made=made)


def _need_package() -> None:
    try:
        import datasets
    except ImportError as error:
        raise DatasetError(
            "huggingface_missing",
            'Hugging Face datasets need the package datasets, which is not installed. Run: pip install "attune[huggingface]"',
        ) from error
    datasets.disable_progress_bars()


def _on_hub(source: str, options: Options) -> tuple[str, list[tuple[str, Examples]]]:
    """Returns a dataset's id as the hub spells it, and its splits, unread, with sounds as bytes.

    A dataset's card may name files anywhere, even on this disk, so both the card and what `datasets` makes of it are checked
    before anything is read.
    """
    import datasets

    try:
        id, _, configuration = source.partition(":")
        info = HfApi().dataset_info(id, timeout=HUB_SECONDS)  # `datasets` itself would retry for half a minute
        id, revision = info.id, info.sha
        if os.path.lexists(id):  # `datasets` would read this instead
            raise FileExistsError(id)
        _check_card(id, revision)
        builder = datasets.load_dataset_builder(id, configuration or None, revision=revision)
        readers = {kind.__module__.rpartition(".")[2] for kind in type(builder).__mro__} & READERS
        files = [str(file) for files in (builder.config.data_files or {}).values() for file in files]
        if not readers or not files or not all(_is_of(id, file) for file in files):
            raise ValueError("files that are not the dataset's own, or of a kind that is not read here")
        if "parquet" in readers:
            builder.config.batch_size = HUB_BATCH_ROWS
        found = builder.as_streaming_dataset()
    except Exception as error:  # of many types, of the hub's client and of every file format
        if is_full(error):
            raise
        raise _unusable(options.name, error) from error
    splits = found if isinstance(found, dict) else {str(found.split or ""): found}
    return id, [(name, _hub_examples(split.decode(False), options)) for name, split in splits.items()]


def _hub_examples(split: Any, options: Options) -> Examples:
    labels = _class_names(split)
    names: dict[str, str] = {}
    for example in split:
        names = names or column_names(options.name, list(example), options.columns)
        yield names, list(example), labels, example


def _check_card(id: str, revision: str | None) -> None:
    """Refuses a dataset whose card names files that are not its own.

    Raises:
        ValueError: it does.
        Exception: the hub cannot be reached, in its client's words.
    """
    for name in (constants.REPOCARD_NAME, ".huggingface.yaml"):
        try:
            path = hf_hub_download(id, name, repo_type="dataset", revision=revision)
        except LocalEntryNotFoundError:  # the hub did not answer
            raise
        except EntryNotFoundError:
            continue
        if name == constants.REPOCARD_NAME:
            said = DatasetCard.load(path).data.to_dict()
        else:
            said = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        for configuration in said.get("configs") or ():
            for pattern in (*_texts(configuration.get("data_files")), *_texts(configuration.get("data_dir"))):
                if _ELSEWHERE.search(pattern):
                    raise ValueError("a card that names files elsewhere")


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [str(value)]


def _is_of(id: str, address: str) -> bool:
    """Whether a hub address belongs to a file in one dataset; does not check that it exists."""
    return re.fullmatch(rf"hf://datasets/{re.escape(id)}@[\w%.-]+/[^:\\]+", address) is not None and not any(
        part in ("", ".", "..") for part in address.removeprefix(HUB).split("/")
    )


def _on_disk(source: Path, options: Options) -> list[tuple[str, Examples]]:
    """Returns the splits of a folder or a file, unread."""
    found = {"train": [source]} if source.is_file() else _saved(source) if _is_saved(source) else _parquet(source)
    found = {name: [path for path in paths if path.is_file() and options.may_use(path)] for name, paths in found.items()}
    allowed = max(FREE_BYTES, MAX_RATIO * sum(path.stat().st_size for paths in found.values() for path in paths))
    budget = _Budget(allowed, options.name)
    return [(name, _disk_examples(paths, budget, options)) for name, paths in found.items()]


@dataclass
class _Budget:
    """How much of a dataset may still be read: a short file can repeat the same value any number of times.

    Attributes:
        left: bytes of texts and sounds.
        name: of the dataset, for messages.
    """

    left: int
    name: str

    def spend(self, example: Mapping[str, Any]) -> None:
        for value in example.values():
            content = value.get("bytes") if isinstance(value, dict) else value
            self.left -= len(content) if isinstance(content, (str, bytes)) else 0
        if self.left < 0:
            raise self.error()

    def error(self) -> DatasetError:
        return DatasetError(
            "huggingface_too_large",
            f"{self.name} was not read: it expands far beyond its size.",
            name=self.name,
        )


def _disk_examples(paths: Sequence[Path], budget: _Budget, options: Options) -> Examples:
    for path in paths:
        options.go_on()
        there, labels = schema_of(path)
        names = column_names(options.name, there, options.columns)
        wanted = _wanted(names)
        if holds_arrays(path, names["path"]):
            raise _arrays(options.name)
        try:
            for example in examples(path, wanted, budget.left):
                budget.spend(example)
                yield names, there, labels, example
        except TooLarge as error:
            raise budget.error() from error


def _wanted(names: Mapping[str, str]) -> list[str]:
    """Returns the columns that are used; times tell where in an original recording the sound of an example was."""
    return [names[name] for name in ("path", "text", "speaker") if name in names]


def _saved(folder: Path) -> dict[str, list[Path]]:
    """Returns the files written by `save_to_disk`, by split; its own lists are checked, since they may name any file."""
    if (folder / "dataset_dict.json").is_file():
        splits = sorted(at for at in folder.iterdir() if at.is_dir() and not at.is_symlink())
        return _in_order({split.name: sorted(split.glob("*.arrow")) for split in splits})
    return {"": sorted(folder.glob("*.arrow"))}


def _parquet(folder: Path) -> dict[str, list[Path]]:
    """Returns the Parquet files of a folder by split, such as data/train-00000-of-00001.parquet or train/0000.parquet."""
    found: dict[str, list[Path]] = {}
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        name = re.split(r"[^a-z]", path.stem.lower())[0] or re.split(r"[^a-z]", path.parent.name.lower())[0]
        found.setdefault(name or "train", []).append(path)
    return _in_order(found)


def _in_order(found: dict[str, list[Path]]) -> dict[str, list[Path]]:
    order: dict[str, int] = {part: place for place, part in enumerate(PARTS)}
    return dict(sorted(found.items(), key=lambda split: order.get(PART_NAMES.get(split[0], ""), len(order))))


def _guarded(found: Examples, name: str) -> Examples:
    try:
        yield from found
    except Exception as error:
        if is_full(error) or isinstance(error, DatasetError):
            raise
        raise _unusable(name, error) from error


def _sound(value: Any, target: Path, find: Callable[[str], str | bytes | None]) -> tuple[str, bool]:
    """Returns the path of an example's sound, and whether it was written there from bytes.

    Args:
        value: the example's.
        target: path for a new file, without suffix.
        find: resolves a path in the dataset to a file or its bytes; None if it is not the dataset's own.

    Raises:
        DatasetError: there is none, or it is outside the dataset.
    """
    if isinstance(value, list) or (isinstance(value, dict) and "array" in value and not value.keys() & {"bytes", "path"}):
        raise _arrays("it")
    content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (None, value)
    suffix = os.path.splitext(str(path))[1].lower()
    if content is None and isinstance(path, str):
        content = find(path)
    if isinstance(content, str):
        return content, False
    if not isinstance(content, bytes):
        raise DatasetError("row_no_sound", f"there is no sound file {shown(str(path))}.", name=shown(str(path)))
    written = target.with_suffix(suffix if suffix in SOUND_SUFFIXES else ".sound")
    written.write_bytes(content)
    return str(written), True


def _arrays(name: str) -> DatasetError:
    return DatasetError(
        "huggingface_arrays",
        f"{name} holds its sounds as lists of numbers, which are not imported. Write them to sound files, or cast the column "
        "to the feature Audio of datasets before it is saved.",
        name=name,
    )


def _beside(folder: Path, path: str) -> str | None:
    """Finds a sound inside a dataset's folder, and nowhere else."""
    if "\0" in path:
        return None
    real = os.path.realpath(folder / path)
    return real if Path(real).is_relative_to(os.path.realpath(folder)) and os.path.isfile(real) else None


def _fetched(id: str, name: str, path: str) -> bytes | None:
    """Downloads a sound of the dataset `id`: one of its files, or a file in one of its zips."""
    *chain, address = path.split("::")
    packed = chain[0].removeprefix("zip://") if len(chain) == 1 and chain[0].startswith("zip://") else ""
    if not _is_of(id, address) or (chain and not packed):
        return None
    try:
        with HfFileSystem().open(address, "rb") as file:
            if not packed:
                return file.read(sound_files.MAX_BYTES + 1)
            with zipfile.ZipFile(file) as archive, archive.open(packed) as sound:
                return sound.read(sound_files.MAX_BYTES + 1)
    except Exception as error:  # of the hub's client
        raise _unusable(name, error) from error


def _class_names(examples: Any) -> dict[str, list[str]]:
    """Returns the class names of each column of class numbers."""
    return {column: names for column, kind in (examples.features or {}).items() if (names := getattr(kind, "names", None))}


def _is_saved(path: Path) -> bool:
    return any((path / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _unusable(source: str, error: Exception) -> DatasetError:
    cause: BaseException | None = error
    names: set[str] = set()
    for _ in range(MAX_CAUSES):
        if cause is not None:
            names.update(kind.__name__ for kind in type(cause).__mro__)
            cause = cause.__cause__ or cause.__context__
    if names & UNREACHABLE:
        return DatasetError(
            "huggingface_unreachable",
            f"{source} could not be downloaded: the Hugging Face Hub did not answer. Check the network; recordings on this "
            "computer can be imported without a network.",
            name=source,
        )
    return DatasetError(
        "huggingface_unusable",
        f"{source} cannot be read as a Hugging Face dataset ({shown(f'{type(error).__name__}: {error}')}). Check its name "
        "and configuration, as in google/fleurs:sw_ke, and the network.",
        name=source,
    )

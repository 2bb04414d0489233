"""Hugging Face datasets: by their id on the hub, row by row as they arrive, or from a folder or a Parquet file.

https://huggingface.co/docs/datasets/stream. Needs the package `datasets`: pip install "attune[huggingface]". Sounds in
Parquet, as the hub keeps nearly all, need no more; for sounds that lie there as single files `datasets` wants torchcodec.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from core import audio
from core.dataset import PARTS, Dropped
from core.disk import is_full
from core.errors import DatasetError
from core.importers.base import PART_NAMES, SOUND_SUFFIXES, Options, Row, Rows, parts_of, shown
from core.importers.tables import column_names

HUB = "hf://"
HUB_SECONDS = 8.0  # to wait for the hub's first answer
MAX_CAUSES = 10
# What the hub's client and `datasets` raise where nobody answers; the types differ from version to version.
UNREACHABLE = frozenset({"TransportError", "ConnectionError", "OfflineModeIsEnabled", "LocalEntryNotFoundError"})


def recognises(path: Path) -> bool:
    """Whether this is a Parquet file or a folder that holds some, or what `save_to_disk` writes."""
    if path.is_file():
        return path.suffix.lower() == ".parquet"
    return _is_saved(path) or any(path.glob("*.parquet")) or any(path.glob("*/*.parquet"))


def rows(source: Path | str, options: Options) -> Rows:
    """Yields a row an example; the sounds are written into `options.work` as they are, and decoded by nobody else.

    Args:
        source: a folder, a Parquet file, or an id such as "google/fleurs", with its configuration after a colon:
            "google/fleurs:sw_ke".
        options: `columns`, and `work`.

    Raises:
        DatasetError: `datasets` is not installed, there is no such dataset, it cannot be reached, or a column is missing.
    """
    folder = options.new_folder("sounds")
    within = source if isinstance(source, Path) else None
    count = 0
    splits = _splits(source)
    parts = parts_of(name for name, _ in splits)
    for split, examples in splits:
        names: dict[str, str] = {}
        labels = _class_names(examples)
        for number, example in enumerate(_guarded(examples, str(source)), 1):
            where = f"{source}, split {split}, row {number}"
            names = names or column_names(f"{source}", list(example), options.columns)
            fields = {name: example.get(column) for name, column in names.items()}
            count += 1
            try:
                path = _sound(fields["path"], folder / f"{count:06}", within)
            except DatasetError as error:
                yield Dropped.because("", error, where)
                continue
            text, speaker = fields["text"], fields.get("speaker")
            if names["text"] in labels and isinstance(text, int):
                text = labels[names["text"]][text]
            yield Row(path, "" if text is None else str(text), where, "" if speaker is None else str(speaker), parts[split])


def _splits(source: Path | str) -> list[tuple[str, Any]]:
    """Returns the splits' names and examples, not yet read, with sounds as their bytes."""
    try:
        import datasets
    except ImportError as error:
        raise DatasetError(
            "huggingface_missing",
            'Hugging Face datasets need the package datasets, which is not installed. Run: pip install "attune[huggingface]"',
        ) from error
    datasets.disable_progress_bars()
    try:
        if isinstance(source, str):
            id, _, configuration = source.partition(":")
            HfApi().dataset_info(id, timeout=HUB_SECONDS)  # `datasets` itself would retry for half a minute
            if os.path.lexists(id):  # which `datasets` would read in its place
                raise FileExistsError(id)
            found = datasets.load_dataset(id, configuration or None, streaming=True)
        elif source.is_file():
            found = datasets.load_dataset("parquet", data_files=str(source), streaming=True)
        elif _is_saved(source):
            found = datasets.load_from_disk(str(source))
        else:
            found = datasets.load_dataset("parquet", data_files=_parquet(source), streaming=True)
    except Exception as error:  # of many types, of the hub's client and of every file format
        if is_full(error):
            raise
        raise _unusable(str(source), error) from error
    splits = found if isinstance(found, dict) else {str(found.split or ""): found}
    return [
        (name, (split.to_iterable_dataset() if isinstance(split, datasets.Dataset) else split).decode(False))
        for name, split in splits.items()
    ]


def _parquet(folder: Path) -> dict[str, list[str]]:
    """Returns the Parquet files of a folder by split, such as data/train-00000-of-00001.parquet or train/0000.parquet.

    A dataset's README.md may name files anywhere on the disk, so `datasets` is not left to read it.
    """
    found: dict[str, list[str]] = {}
    for path in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        name = re.split(r"[^a-z]", path.stem.lower())[0] or re.split(r"[^a-z]", path.parent.name.lower())[0]
        found.setdefault(name or "train", []).append(str(path))
    order: dict[str, int] = {part: place for place, part in enumerate(PARTS)}
    return dict(sorted(found.items(), key=lambda split: order.get(PART_NAMES.get(split[0], ""), len(order))))


def _guarded(examples: Any, source: str) -> Iterator[dict[str, Any]]:
    iterator = iter(examples)
    while True:
        try:
            example = next(iterator, None)
        except Exception as error:
            if is_full(error):
                raise
            raise _unusable(source, error) from error
        if example is None:
            return
        yield example


def _sound(value: Any, target: Path, within: Path | None) -> str:
    """Returns where an example's sound lies, having written it where it came as bytes.

    Raises:
        DatasetError: there is none, or it lies where a dataset must not reach.
    """
    content, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (None, value)
    suffix = os.path.splitext(str(path))[1].lower()
    if content is None and isinstance(path, str):
        if within and Path(path).resolve().is_relative_to(within.resolve()):
            return path
        if path.rpartition("::")[2].startswith(HUB):
            content = _fetched(path)
    if not isinstance(content, bytes):
        raise DatasetError("row_no_sound", f"there is no sound file {shown(str(path))}.", name=shown(str(path)))
    written = target.with_suffix(suffix if suffix in SOUND_SUFFIXES else ".sound")
    written.write_bytes(content)
    return str(written)


def _fetched(path: str) -> bytes:
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            return file.read(audio.MAX_BYTES + 1)
    except Exception as error:  # of the hub's client
        raise _unusable(path, error) from error


def _class_names(examples: Any) -> dict[str, list[str]]:
    """Returns the names of the classes in each column that holds their numbers."""
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
            f"{source} could not be fetched: the Hugging Face hub did not answer. Check the network; recordings on this "
            "computer can be imported without one.",
            name=source,
        )
    return DatasetError(
        "huggingface_unusable",
        f"{source} cannot be read as a Hugging Face dataset ({shown(f'{type(error).__name__}: {error}')}). Check its name "
        "and configuration, as in google/fleurs:sw_ke, and the network.",
        name=source,
    )

"""Hugging Face's audiofolder: metadata.jsonl or metadata.csv in the folder of the sounds, or in one folder per part.

https://huggingface.co/docs/datasets/audio_load#audiofolder-with-metadata
"""

from __future__ import annotations

from pathlib import Path

from core.data.importers.rows import PART_NAMES, Options, Rows
from core.data.importers.tables.manifest import table_rows

NAMES = ("metadata.jsonl", "metadata.csv")


def recognises(path: Path) -> bool:
    """Whether this folder, or one in it that is named like a part, has the metadata."""
    return path.is_dir() and bool(_metadata(path))


def rows(path: Path, options: Options) -> Rows:
    """Yields the rows; the part is the folder's name unless the metadata has a column for it."""
    for table, part in _metadata(path):
        yield from table_rows(table, options, part)


def _metadata(folder: Path) -> list[tuple[Path, str]]:
    found = []
    for at, part in ((folder, ""), *((path, PART_NAMES.get(path.name.lower())) for path in sorted(folder.iterdir()))):
        table = next((at / name for name in NAMES if (at / name).is_file()), None)
        if table and part is not None:
            found.append((table, part))
    return found

"""Formats that are recognised but not imported: what they are, and what to do with them instead.

Only the beginning of a file is looked at, and what is packed is unpacked no further than that.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from core.errors import DatasetError

LOOK_BYTES = 1 << 16  # of what is in a packed file
_SPREADSHEETS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers"})
_ZIP, _OLE = b"PK\3\4", b"\xd0\xcf\x11\xe0"  # what spreadsheets begin with
_PACKINGS: tuple[tuple[bytes, str, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", "gzip", gzip.open),
    (b"BZh", "bzip2", bz2.open),
    (b"\xfd7zXZ\0", "xz", lzma.open),
)
_DAMAGED = (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error)
_FAIRSEQ = re.compile(r"[^\t]+\t[0-9]+\s*")


def refusal(path: Path) -> DatasetError | None:
    """Returns why a file is not imported, if it is of a known format; None for any other."""
    with path.open("rb") as file:
        head = file.read(8)
        if path.suffix.lower() in _SPREADSHEETS and head.startswith((_ZIP, _OLE)):
            return DatasetError(
                "format_spreadsheet",
                f"{path.name} is a spreadsheet, which is not imported. Save it as CSV (in Excel: Save as, CSV UTF-8), and "
                "import that beside the sounds.",
                name=path.name,
            )
        file.seek(0)
        for mark, kind, opened in _PACKINGS:
            if head.startswith(mark):
                return _packed(path, kind, _beginning(file, opened))
    return None


def _beginning(file: IO[bytes], opened: Callable[[Any], Any]) -> bytes:
    try:
        with opened(file) as stream:
            beginning: bytes = stream.read(LOOK_BYTES)
    except _DAMAGED:
        return b"\0"  # reported as a damaged archive
    return beginning


def _packed(path: Path, kind: str, beginning: bytes) -> DatasetError | None:
    if b"\0" in beginning:  # a tar; texts have no zero bytes
        return None
    line = beginning.split(b"\n", 1)[0]
    try:
        found = lhotse(path.name, json.loads(line))
    except (ValueError, RecursionError):
        found = None
    return found or DatasetError(
        "format_packed",
        f"{path.name} is one text file packed by {kind}, not an archive of a list and its sounds. Unpack it, and import the "
        "file in it beside the sounds.",
        name=path.name,
        kind=kind,
    )


def lhotse(name: str, row: Any) -> DatasetError | None:
    """Returns why a list is not imported whose first line is this JSON value, if it is a manifest of Lhotse.

    https://lhotse.readthedocs.io/en/latest/corpus.html
    """
    keys = row.keys() if isinstance(row, Mapping) else set()
    if {"recording_id", "start", "duration"} <= keys:
        kind = "supervisions"
    elif {"sources", "sampling_rate"} <= keys:
        kind = "recordings"
    elif "start" in keys and ("supervisions" in keys or str(row.get("type", "")).endswith("Cut")):
        kind = "cuts"
    else:
        return None
    return DatasetError(
        "format_lhotse",
        f"{name} is a manifest of Lhotse ({kind}), which is not imported. The command lhotse kaldi export writes recordings "
        "and supervisions as a Kaldi folder, which can be imported.",
        name=name,
        kind=kind,
    )


def fairseq(name: str, first: str, second: str) -> DatasetError | None:
    """Returns why a list is not imported that begins with these two lines, if it is one of fairseq's.

    https://github.com/facebookresearch/fairseq/tree/main/examples/wav2vec
    """
    if "\t" in first.strip() or "," in first or not _FAIRSEQ.fullmatch(second):
        return None
    return DatasetError(
        "format_fairseq",
        f"{name} is a list of fairseq: a folder, and sound files in it with their lengths in samples, but no texts. Make a "
        "table with the columns path and text from it and the .wrd file of the same name.",
        name=name,
    )

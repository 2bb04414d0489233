"""Where Attune keeps its files, and atomic writes: a crash costs at most the write in progress."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.storage.temporary import temporary_file, temporary_folder

HASH_BLOCK_BYTES = 1 << 20


def home() -> Path:
    """Returns the folder of everything Attune keeps: `ATTUNE_HOME`, or `.attune` in the user's home folder."""
    return Path(os.environ.get("ATTUNE_HOME") or Path.home() / ".attune").expanduser().resolve()


def assets_folder(name: str) -> Path:
    """Returns a folder of `assets`, which is next to the packages in a checkout and inside `core` in a wheel."""
    inside = Path(__file__).parents[1] / "assets" / name
    return inside if inside.is_dir() else Path(__file__).parents[2] / "assets" / name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path next to `path`; on success it is flushed to disk and renamed to `path` atomically.

    Raises:
        OSError: the disk is full or the folder is not writable; `path` is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_file(path) as temporary:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder that becomes `folder` on success and is deleted otherwise."""
    with temporary_folder(folder.parent, folder.name) as building:
        yield building
        shutil.rmtree(folder, ignore_errors=True)
        building.replace(folder)


def _flush_folder(folder: Path) -> None:
    """Makes a rename survive a power failure; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(_encoded(value, indent=1))


def read_json(path: Path) -> Any:
    """Reads a JSON file written by `write_json`."""
    return json.loads(path.read_text(encoding="utf-8"))


def append_json_line(path: Path, value: Any) -> None:
    """Appends one JSON object as a line and waits until it is on disk.

    A line truncated by an earlier crash is ended first, so that it cannot swallow this one.

    Raises:
        OSError: the disk is full or failed; the line is not there.
    """
    line = _encoded(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        end = file.tell()
        if end > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                line = b"\n" + line
    try:
        with path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        if path.stat().st_size <= end + len(line):  # else another process has appended since
            os.truncate(path, end)
        raise


def read_json_lines(path: Path) -> list[Any]:
    """Reads the lines of a JSONL file that are whole; a missing file has none, nor has a folder."""
    if not path.is_file():
        return []
    values = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            values.append(json.loads(line))
        except (ValueError, RecursionError):
            continue  # a crash while writing leaves at most one such line
    return values


def _encoded(value: Any, indent: int | None = None) -> bytes:
    """JSON in UTF-8, ending a line; what UTF-8 cannot hold, such as a file name's stray byte, as JSON's \\u escape."""
    return (json.dumps(value, ensure_ascii=False, indent=indent) + "\n").encode("utf-8", "backslashreplace")


def sha256(*paths: Path) -> str:
    """Returns the hexadecimal SHA-256 of a file's bytes, or of several files' one after the other, read in blocks."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()

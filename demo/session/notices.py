"""What a person is still to be told of damaged files of theirs: noted by whatever finds one, told once by the page.

SESSION/
  notices.jsonl     a line a damaged file; gone once it was told
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.storage.files import append_json_line
from core.storage.state import fits, read_lines, remove

FILE = "notices.jsonl"
MOST = 3  # told at once; a disk that failed may have damaged a hundred files


@dataclass(frozen=True)
class Notice:
    """A damaged file.

    Attributes:
        name: of the file, as it lies in the session's folder.
        kept: name under which what was in it is kept beside it.
    """

    name: str
    kept: str


def note(folder: Path, path: Path, kept: Path) -> None:
    """Notes that a file in a session's folder was damaged, and where it is kept; on a full disk the log alone says so."""
    try:
        name = str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
        append_json_line(folder / FILE, asdict(Notice(name, kept.name)))
    except OSError as error:
        logging.warning("nobody can be told that %s was damaged: %s", path, error)


def take(folder: Path) -> list[Notice]:
    """Returns what is to be told now, each once; of two handlers that ask at the same time one is given it."""
    path = folder / FILE
    if not path.is_file():
        return []
    taken = folder / f".{secrets.token_hex(8)}-{FILE}"
    try:
        path.rename(taken)
        return list(dict.fromkeys(read_lines(taken, _notice)))[:MOST]
    except OSError:  # another handler took it
        return []
    finally:
        remove(taken)


def _notice(line: Any) -> Notice:
    if not fits(line, Notice):
        raise ValueError("no notice")
    return Notice(line["name"], line["kept"])

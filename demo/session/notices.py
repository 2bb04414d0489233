"""Notices about a visitor's damaged files; the page shows each once.

SESSION/
  notices.jsonl     one line per damaged file; deleted once shown
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
MOST = 3  # shown at once; a failing disk may damage a hundred files


@dataclass(frozen=True)
class Notice:
    """A damaged file.

    Attributes:
        name: of the file, relative to the session's folder.
        kept: name of the copy of the damaged file beside it.
    """

    name: str
    kept: str


def note(folder: Path, path: Path, kept: Path) -> None:
    """Notes that a file in a session's folder was damaged, and where its copy is; on a full disk, only logs it."""
    try:
        name = str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name
        append_json_line(folder / FILE, asdict(Notice(name, kept.name)))
    except OSError as error:
        logging.warning("nobody can be told that %s was damaged: %s", path, error)


def take(folder: Path) -> list[Notice]:
    """Returns the notices to show now and deletes all; of two handlers that ask at once, only one gets them."""
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

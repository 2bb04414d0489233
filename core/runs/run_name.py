"""The name that a person gives a run, in RUN/name.json; it is shown wherever the run is listed, and never part of a path."""

from __future__ import annotations

from dataclasses import dataclass

from core.runs.run_folder import Run
from core.storage.files import write_json
from core.storage.state import read_fields
from core.text.scoring import clean

MAX_CHARACTERS = 80
FILE = "name.json"


@dataclass(frozen=True)
class _Named:
    name: str = ""


def cleaned(text: str) -> str:
    """Returns a name as it is stored: one line without invisible characters, cut after `MAX_CHARACTERS`."""
    return clean(text[: 4 * MAX_CHARACTERS])[:MAX_CHARACTERS].strip()


def read_name(run: Run) -> str:
    """Returns a run's name; "" if it has none, or its file is damaged."""
    return cleaned(str(read_fields(run.folder / FILE, _Named, None).get("name", "")))


def write_name(run: Run, text: str) -> str:
    """Names a run; atomic. An empty text takes the name away.

    Returns:
        The name as stored.

    Raises:
        OSError: the disk is full; the earlier name is kept.
    """
    name = cleaned(text)
    write_json(run.folder / FILE, {"name": name})
    return name

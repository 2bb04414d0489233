"""Finds the sound file that a row of a list means, also if the list was made on another computer or its files were moved."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDERS_CACHED = 1_000  # of which the real path is remembered
LISTINGS_CACHED = 8  # folders whose names are remembered; one may have 100,000
MAX_TAIL = 8  # names at the end of a path on another computer that are looked for here
# In a path that was joined to a folder: what follows is absolute on Windows, C:/sounds/a.wav or //server/sounds/a.wav.
_WINDOWS = re.compile(r"/(?:[A-Za-z]:|/)/(.*)", re.DOTALL)


@dataclass(frozen=True)
class Found:
    """A sound file.

    Attributes:
        path: absolute and without links.
        guessed: whether it is not where the row says: only the end of its path is the same.
        moved: whether the row names a place on another computer.
    """

    path: str
    guessed: bool = False
    moved: bool = False


class SoundLookup:
    """Finds sound files, and no others than in the given folder if there is one.

    Args:
        within: the only folder whose files may be used, or None.
        beside: the folder of the list, or None.
    """

    def __init__(self, within: Path | None, beside: Path | None) -> None:
        self._within = None if within is None else os.path.realpath(within)
        self._beside = None if beside is None else os.path.realpath(beside)
        self._real_folder = lru_cache(FOLDERS_CACHED)(os.path.realpath)
        self._names = lru_cache(LISTINGS_CACHED)(_names_in)

    def find(self, path: str) -> Found | None:
        """Finds a row's sound; None if there is none.

        It is where the row says, with backslashes for slashes or other capitals if need be. Otherwise it is in the folder of
        the list, if the path is one of another computer and exactly one file there has the same end of its path; or, for the
        files of a browser, which come without their folders, it has the same name and is in the top folder of the import.

        Args:
            path: absolute; a relative one joined to the list's folder.
        """
        plain = path.replace("\\", "/")
        names = [path] if plain == path else [path, plain]
        if self.may_use(path):
            for name in names:
                if there := self._file(name):
                    return Found(there)
        tails = self._tails(plain)
        found = {there for tail in tails if self._beside and (there := self._file(os.path.join(self._beside, tail)))}
        if len(found) == 1:
            return Found(found.pop(), guessed=True, moved=True)
        if self._within is not None and not found:
            there = self._file(os.path.join(self._within, plain.rpartition("/")[2]))
            return Found(there, guessed=True) if there else None
        return None

    def may_use(self, path: str) -> bool:
        """Whether a path leads nowhere that may not be used; does not check that a file exists."""
        names = {path, path.replace("\\", "/")}
        return "\0" not in path and all(self._is_inside(self.real(name)) for name in names)

    def real(self, path: str) -> str:
        """Does what os.path.realpath does, with the folders cached."""
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir) or os.path.islink(path):
            return os.path.realpath(path)
        return os.path.join(self._real_folder(folder), name)

    def _is_inside(self, real: str) -> bool:
        return self._within is None or Path(real).is_relative_to(self._within)

    def _file(self, path: str) -> str | None:
        """Returns the real path of a file, by its own name or the only one there that differs in capitals alone."""
        # Unlike Path.is_file, isfile is also False for a name that no file can have.
        if not os.path.isfile(path):
            folder, name = os.path.split(path)
            if not self._is_inside(self._real_folder(folder)):
                return None
            same = self._names(folder).get(_folded(name))
            path = os.path.join(folder, same) if same else ""
        real = self.real(path) if path and os.path.isfile(path) else ""
        return real if real and self._is_inside(real) else None

    def _tails(self, plain: str) -> list[str]:
        """Returns the ends of a path of another computer, without its first folder."""
        windows = _WINDOWS.search(plain)
        if windows is None and (not plain.startswith("/") or (self._beside and plain.startswith(f"{self._beside}/"))):
            return []  # relative to the list
        parts = (windows.group(1) if windows else plain).rsplit("/", MAX_TAIL)[-MAX_TAIL:]
        if {"", os.curdir, os.pardir} & set(parts[1:]) or "\0" in plain:
            return []
        return ["/".join(parts[first:]) for first in range(len(parts)) if parts[first]]


def _folded(name: str) -> str:
    """Returns a name without capitals; accents are written in one way, since some systems take them apart."""
    return unicodedata.normalize("NFC", name).casefold()


def _names_in(folder: str) -> Mapping[str, str]:
    """Returns the names in a folder by their form without capitals; "" for those that differ in capitals alone."""
    names: dict[str, str] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                key = _folded(entry.name)
                names[key] = "" if key in names else entry.name
    except (OSError, ValueError):  # no folder, or a name that no folder can have
        pass
    return names

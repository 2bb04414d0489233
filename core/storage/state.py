"""Reads state files back. A damaged file is set aside, its intact part is used, and nobody is locked out.

A file may be empty, truncated, edited by hand, not text, or a folder. What it should hold is given by an ordinary type, such
as a dataclass: see `fits`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import math
import os
import shutil
import stat
import time
import types
import typing
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from core.storage.files import replacing
from core.storage.typed import field_types

Report = Callable[[Path, Path], None]  # called once with a damaged file and the path of its copy
T = TypeVar("T")

MAX_CHARACTERS = 100_000  # of one text; the longest that Attune writes, a path or a transcript, has a few thousand
MAX_INTEGER = 2**53  # beyond it JSON's readers disagree, and floats have gaps
SETTLED_SECONDS = 10.0  # after this, nobody is still writing a line
KEPT = 5  # damaged copies of one file; the oldest go
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)  # from JSON of a wrong shape


class Damaged(ValueError):
    """A file does not hold what was written there."""


def fits(value: Any, kind: Any) -> bool:
    """Whether a value read from JSON could be of a type.

    Args:
        value: as `json.loads` returns it.
        kind: a plain type, `Any`, a union, a Literal, a list, a tuple, a dict with text for keys, a TypedDict or a dataclass.
            Of the last two, fields that have a default or are not required may be missing, and further ones are ignored.
            Numbers are finite, texts of at most `MAX_CHARACTERS`.
    """
    return _check(kind)(value)


def read_checked(path: Path, kind: Any) -> Any:
    """Reads a JSON file that is useless unless it is complete.

    Args:
        path: of the file.
        kind: what it should hold, see `fits`.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it holds something else.
    """
    if path.exists() and not path.is_file():
        raise Damaged(f"{path} is no file.")
    value = _parsed(path.read_bytes())
    if not fits(value, kind):
        raise Damaged(f"{path} does not hold what was written there.")
    return value


def read_fields(path: Path, kind: type, report: Report | None) -> dict[str, Any]:
    """Reads the valid fields of a JSON object; none if there is no file.

    Args:
        path: of the file.
        kind: a dataclass with the fields, see `fits`.
        report: called for a damaged file; if None, damaged files are not worth keeping.
    """
    if not is_file(path, report):
        return {}
    try:
        content = path.read_bytes()
    except FileNotFoundError:  # removed since
        return {}
    try:
        value = _parsed(content)
    except Damaged:
        value = None
    found = value if isinstance(value, dict) else {}
    hints = field_types(kind)
    whole = {name: found[name] for name in hints if name in found and fits(found[name], hints[name])}
    if report is not None and (not isinstance(value, dict) or len(whole) < len(hints.keys() & found.keys())):
        _keep(path, content, report, again=True)
    return whole


def read_lines(path: Path, parse: Callable[[Any], T], report: Report | None = None) -> list[T]:
    """Reads the intact lines of a JSONL file; none if there is no file.

    Args:
        path: of the file.
        parse: converts a line's value, or raises one of `UNREADABLE`.
        report: called for unreadable lines; an unfinished last line does not count while another process may be
            writing it.
    """
    if not is_file(path, report):
        return []
    try:
        settled = abs(time.time() - path.stat().st_mtime) > SETTLED_SECONDS
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:  # removed since
        return []
    values, unreadable = [], []
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values.append(parse(_parsed(line)))
        except UNREADABLE:
            if place < len(lines) or settled:
                unreadable.append(line + b"\n")
    if unreadable and report is not None:
        _keep(path, b"".join(unreadable), report)
    return values


def lock(path: Path, thread_local: bool = True, is_singleton: bool = False) -> FileLock:
    """Returns the lock of a file; anything else with its name, which could never be locked, is moved aside.

    Args:
        path: of the file.
        thread_local: as `FileLock` takes it.
        is_singleton: as `FileLock` takes it.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            _move(path, None)
    except OSError:  # not there yet
        pass
    return FileLock(path, thread_local=thread_local, is_singleton=is_singleton)


def remove(path: Path) -> None:
    """Removes a file, or a folder with its name, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def is_file(path: Path, report: Report | None = None) -> bool:
    """Whether there is a file to read; anything else with its name is moved aside, so that the file can be written."""
    if path.is_file():
        return True
    if path.exists() and not path.is_symlink():
        _move(path, report)
    return False


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Damaged(str(error)) from error


def _keep(path: Path, content: bytes, report: Report, again: bool = False) -> None:
    """Saves damaged content next to its file, under a name derived from the content.

    With `again`, the same damage is reported again if the file has been written since.
    """
    kept = _beside(path, hashlib.sha256(content).hexdigest()[:8])
    try:
        written = path.stat().st_mtime_ns
        if kept.exists() and not (again and kept.stat().st_mtime_ns < written):
            return
        with replacing(kept) as temporary:
            temporary.write_bytes(content)
        if again:
            os.utime(kept, ns=(written, written))
        _report_damage(path, kept, report)
    except OSError as error:
        logging.warning("%s is damaged, and no copy could be saved: %s", path, error)


def _move(path: Path, report: Report | None) -> None:
    kept = _beside(path, str(time.time_ns()))
    try:
        path.rename(kept)
        _report_damage(path, kept, report)
    except OSError as error:
        logging.warning("%s is in the way of a file, and could not be moved: %s", path, error)


def _report_damage(path: Path, kept: Path, report: Report | None) -> None:
    logging.warning("%s was damaged; it is kept as %s", path, kept.name)
    for old in sorted(path.parent.glob(f"{path.stem}.damaged-*"), key=lambda old: old.lstat().st_mtime_ns)[:-KEPT]:
        remove(old)
    if report is not None:
        report(path, kept)


def _beside(path: Path, mark: str) -> Path:
    return path.with_name(f"{path.stem}.damaged-{mark}{path.suffix}")


@cache
def _check(kind: Any) -> Callable[[Any], bool]:
    """Builds the check of a type once, because some types are checked on ten thousand values."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _any_of([_check(part) for part in parts])
    if origin is typing.Literal:
        return lambda value: any(type(value) is type(part) and value == part for part in parts)
    if origin is list or (origin is tuple and parts[-1] is ...):
        return _all_of(_check(parts[0]))
    if origin is tuple:
        return _each_of([_check(part) for part in parts])
    if origin is dict:
        item = _all_of(_check(parts[1]))
        return lambda value: isinstance(value, dict) and item(list(value.values()))
    if dataclasses.is_dataclass(kind):
        missing = dataclasses.MISSING
        needed = {f.name for f in dataclasses.fields(kind) if f.default is missing and f.default_factory is missing}
        return _object(field_types(typing.cast(type, kind)), needed)
    if typing.is_typeddict(kind):
        marked = typing.get_type_hints(kind, include_extras=True)  # `__required_keys__` is wrong where annotations are strings
        needed = {name for name, hint in marked.items() if typing.get_origin(hint) is not typing.NotRequired}
        return _object(field_types(kind), needed)
    raise TypeError(f"{kind} cannot be checked.")


_PLAIN: dict[Any, Callable[[Any], bool]] = {
    Any: lambda value: True,
    None: lambda value: value is None,
    type(None): lambda value: value is None,
    bool: lambda value: isinstance(value, bool),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER,
    float: lambda value: (isinstance(value, float) and math.isfinite(value)) or _PLAIN[int](value),
    str: lambda value: isinstance(value, str) and len(value) <= MAX_CHARACTERS,
}


def _any_of(checks: Iterable[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    listed = tuple(checks)
    return lambda value: any(check(value) for check in listed)


def _all_of(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(map(check, value))


def _each_of(checks: list[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        same = isinstance(value, list | tuple) and len(value) == len(checks)
        return same and all(one(part) for one, part in zip(checks, value, strict=True))

    return check


def _object(hints: dict[str, Any], needed: Iterable[str]) -> Callable[[Any], bool]:
    checks, required = {name: _check(hint) for name, hint in hints.items()}, frozenset(needed)

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not required <= value.keys():
            return False
        return all(one(value[name]) for name, one in checks.items() if name in value)

    return check

"""Praat's TextGrid, long or short, over a sound file of the same name.

https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html: only the numbers, the texts in quotation
marks and the free-standing flags count, in order; everything else is for people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from core.data.importers.encoding import read_text
from core.data.importers.rows import Options, Rows
from core.data.importers.texts.annotations import Annotation, Tier, annotation_rows, tier_names
from core.errors import DatasetError

SUFFIX = ".textgrid"

_TOKEN = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"(?!\S)|(?<!\S)!.*|(\S+)')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?")


def recognises(path: Path) -> bool:
    """Whether this is a TextGrid by its name, or a folder with some."""
    return path.suffix.lower() == SUFFIX if path.is_file() else any(p.suffix.lower() == SUFFIX for p in path.iterdir())


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per interval of the chosen tier; intervals without a text are pauses and are left out."""
    yield from annotation_rows(path, SUFFIX, options, lambda file: _parse(file, options.language))


def tiers(path: Path) -> list[str]:
    """Returns the names of the tiers that have intervals.

    Raises:
        DatasetError: a file cannot be read.
    """
    return tier_names(path, SUFFIX, lambda file: _parse(file, "en"))


def _parse(path: Path, language: str) -> Annotation:
    try:
        return Annotation(tuple(_tiers(_tokens(read_text(path, language)))), ())
    except (RuntimeError, OverflowError, ValueError) as error:
        raise DatasetError(
            "annotation_damaged", f"{path.name} is not a TextGrid, or it is damaged. Save it again in Praat.", name=path.name
        ) from error


def _tiers(tokens: Iterator[float | str]) -> Iterator[Tier]:
    """Yields the tiers that have intervals; since this is a generator, missing tokens raise a RuntimeError."""
    if _text(next(tokens)) != "ooTextFile" or _text(next(tokens)) != "TextGrid":
        raise ValueError("another kind of file")
    next(tokens), next(tokens)  # start and end of the recording
    for _ in range(int(_number(next(tokens)))):
        kind, name = _text(next(tokens)), _text(next(tokens))
        next(tokens), next(tokens)
        pieces = []
        for _ in range(int(_number(next(tokens)))):
            start = _number(next(tokens))
            end = _number(next(tokens)) if kind == "IntervalTier" else start
            text = _text(next(tokens))
            if text.strip():
                pieces.append(((start, end), text))
        if kind == "IntervalTier":
            yield Tier(name, "", tuple(pieces))


def _tokens(content: str) -> Iterator[float | str]:
    """Yields the texts as str and the numbers as float."""
    for match in _TOKEN.finditer(content):
        text, word = match.groups()
        if text is not None:
            yield text.replace('""', '"')
        elif word is not None and _NUMBER.fullmatch(word):
            yield float(word.rstrip("%"))


def _text(token: float | str) -> str:
    if not isinstance(token, str):
        raise ValueError("a number where a text should be")
    return token


def _number(token: float | str) -> float:
    if not isinstance(token, float):
        raise ValueError("a text where a number should be")
    return token

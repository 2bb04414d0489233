"""Reads text files in their encoding, which is detected with certainty or not at all."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path

from core.data.importers import western
from core.errors import DatasetError

BLOCK_BYTES = 1 << 20
BLOCK_CHARACTERS = 1 << 16
MAX_LINE_CHARACTERS = 1_000_000
MAX_TEXT_BYTES = 50_000_000  # of a file that is read at once
CHINESE = frozenset({"zh", "yue"})
COMMON_SHARE = 0.9  # of the letters of a Chinese text; all but a few per cent are common ones

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def encoding_of(path: Path, language: str, go_on: Callable[[], None] = lambda: None) -> str:
    """Detects a text file's encoding: by its byte order mark, by UTF-16's zero bytes, as strict UTF-8, GB18030, or cp1252.

    Bytes over 127 that are not UTF-8 may be GB18030 or an older encoding of some other language. They are taken for GB18030
    if the speech is Chinese, or if it is English and the file's other letters are nearly all common Chinese characters; and
    for cp1252, in which Excel saves in Western Europe, if all fits a language of that region, see
    `core.data.importers.western`. Otherwise the file is refused rather than guessed.

    Args:
        path: the file.
        language: ISO 639-1 code of the speech.
        go_on: called at every block; raises to stop reading.

    Returns:
        The name of a codec that decodes the whole file.

    Raises:
        DatasetError: there is none.
    """
    with path.open("rb") as file:
        head = file.read(BLOCK_BYTES)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked:
        candidates = [marked]
    elif b"\0" in head:
        candidates = ["utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"]
    else:
        candidates = ["utf-8", "gb18030"]
    for name in candidates:
        common, letters = _letters(path, name, go_on)
        if letters is None:
            continue
        if name != "gb18030" or language in CHINESE or (language == "en" and common >= COMMON_SHARE * letters):
            return name
    if len(candidates) > 1 and language not in CHINESE and _is_western(path, language, go_on):
        return western.CODEC
    raise DatasetError(
        "text_encoding",
        f"The text encoding of {path.name} is uncertain. Save the file as UTF-8, or give the language of its texts: Chinese in "
        "GB18030 and Western European languages as Excel writes them are understood then.",
        name=path.name,
    )


def lines(path: Path, language: str, go_on: Callable[[], None] = lambda: None) -> Generator[str, None, None]:
    """Yields the lines of a text file with their ends, one in memory at a time; `go_on` is called at each and may stop it.

    Raises:
        DatasetError: the encoding is uncertain, or a line is too long.
    """
    with path.open(encoding=encoding_of(path, language, go_on), newline="") as file:
        while line := file.readline(MAX_LINE_CHARACTERS + 1):
            go_on()
            if len(line) > MAX_LINE_CHARACTERS:
                raise DatasetError("text_line", f"{path.name} has too long a line to be text.", name=path.name)
            yield line


def blocks(path: Path, language: str, go_on: Callable[[], None] = lambda: None) -> Generator[str, None, None]:
    """Yields a text file in pieces, however long its lines are; `go_on` is called at each and may stop it.

    Raises:
        DatasetError: the encoding is uncertain.
    """
    with path.open(encoding=encoding_of(path, language, go_on)) as file:
        while block := file.read(BLOCK_CHARACTERS):
            go_on()
            yield block


def read_text(path: Path, language: str) -> str:
    """Reads a text file.

    Raises:
        DatasetError: the encoding is uncertain, or the file is too large.
    """
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise DatasetError("text_line", f"{path.name} is too large to be text.", name=path.name)
    return path.read_text(encoding=encoding_of(path, language))


def _letters(path: Path, name: str, go_on: Callable[[], None]) -> tuple[int, int | None]:
    """Counts the common Chinese characters and all letters outside ASCII; None if the codec does not fit."""
    decoder = codecs.getincrementaldecoder(name)()
    common = letters = 0
    with path.open("rb") as file:
        while True:
            go_on()
            block = file.read(BLOCK_BYTES)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                return 0, None
            if "\0" in text:
                return 0, None
            if name == "gb18030":
                others = [c for c in text if c > "\x7f" and c.isalpha()]
                letters += len(others)
                common += sum(c in _common_characters() for c in others)
            if not block:
                return common, letters


def _is_western(path: Path, language: str, go_on: Callable[[], None]) -> bool:
    seen = western.Western(language)
    try:
        with path.open(encoding=western.CODEC, newline="") as file:
            while not seen.refused and (block := file.read(BLOCK_BYTES)):
                go_on()
                seen.see(block)
    except UnicodeDecodeError:
        return False
    seen.see(" ")
    return seen.fits


@cache
def _common_characters() -> frozenset[str]:
    """The 3,755 characters of GB 2312's first level, which the standard chose by frequency."""
    rows, cells = range(0xB0, 0xD8), range(0xA1, 0xFF)
    return frozenset(bytes(byte for row in rows for cell in cells for byte in (row, cell)).decode("gb2312", "ignore"))

"""Escapes untrusted text for files that other programs open, so that spreadsheets and model cards show it and run nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from core.text.scoring import clean

# Cells that begin like this are formulas (owasp.org/www-community/attacks/CSV_Injection); East Asian editions accept the
# full-width signs too.
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_GUARDED = re.compile(rf"'*[{re.escape(FORMULA_STARTS)}]")
_MARKS = re.compile(r"([\\`*_\[\]<>#!|~&$@:])")
_PLAIN_LINK = re.compile(r"(www)\.", re.IGNORECASE)  # a link on many sites even without markup


def cell(value: Any) -> Any:
    """Returns a value for a table that people open in a spreadsheet: text that would be a formula gets a leading apostrophe.

    Text that already begins with one gets another, so that `cell_text` restores the original.
    """
    return f"'{value}" if isinstance(value, str) and _GUARDED.match(value) else value


def cell_text(written: str) -> str:
    """Reverses `cell`; also removes an apostrophe that someone typed in a spreadsheet."""
    return written[1:] if written.startswith("'") and _GUARDED.match(written) else written


def markdown(text: str) -> str:
    """Returns Markdown that shows a text on one line, also in a table, and never as a link, picture or HTML."""
    return _PLAIN_LINK.sub(r"\1\\.", _MARKS.sub(r"\\\1", clean(text)))


def code(text: str) -> str:
    """Returns a text as inline code in Markdown, fenced by more backticks than it has in a row (CommonMark 0.31, 6.1)."""
    shown = clean(text)
    marks = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{marks}{space}{shown}{space}{marks}"


def quoted(text: str) -> str:
    """Returns a text in double quotes that JSON, YAML and Python all read alike."""
    return json.dumps(text, ensure_ascii=not text.isprintable())

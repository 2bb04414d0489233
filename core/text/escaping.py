"""Other people's words in files that other programs open: spreadsheets and model cards show them, and carry nothing out."""

from __future__ import annotations

import json
import re
from typing import Any

from core.text.scoring import clean

# Cells that begin so are formulas (owasp.org/www-community/attacks/CSV_Injection); East Asian editions take the wide signs too.
FORMULA_STARTS = "=+-@\t\r\n＝＋－＠"
_GUARDED = re.compile(rf"'*[{re.escape(FORMULA_STARTS)}]")
_MARKS = re.compile(r"([\\`*_\[\]<>#!|~&$@:])")
_PLAIN_LINK = re.compile(r"(www)\.", re.IGNORECASE)  # a link on many sites, without any mark


def cell(value: Any) -> Any:
    """Returns a value for a table that people open in a spreadsheet: text that would be a formula has a quote mark before it.

    Text that begins with such a mark already gets another one, so that `cell_text` gives back what went in.
    """
    return f"'{value}" if isinstance(value, str) and _GUARDED.match(value) else value


def cell_text(written: str) -> str:
    """Returns what `cell` was given, or a spreadsheet's user has guarded so by hand."""
    return written[1:] if written.startswith("'") and _GUARDED.match(written) else written


def markdown(text: str) -> str:
    """Returns Markdown that shows a text on one line, also within a table, without making a link, a picture or HTML of it."""
    return _PLAIN_LINK.sub(r"\1\\.", _MARKS.sub(r"\\\1", clean(text)))


def code(text: str) -> str:
    """Returns a text as code within a line of Markdown: between more marks than it has in a row (CommonMark 0.31, 6.1)."""
    shown = clean(text)
    marks = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{marks}{space}{shown}{space}{marks}"


def quoted(text: str) -> str:
    """Returns a text between double quotes as JSON, YAML and Python all read it."""
    return json.dumps(text, ensure_ascii=not text.isprintable())

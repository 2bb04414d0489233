"""What an import assumed or did not use, as notes that the page and the command line show beside the dropped rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from core.data.clips.labelled_set import Note
from core.data.clips.tally import Tally
from core.text.scoring import clean

SHOWN_COLUMNS = 30  # named in a note
_OF_ROWS = {
    "rows_moved": "In {rows} the sound is named by its place on another computer ({where}). The files beside the list "
    "whose paths end alike were used.",
    "rows_cut_before": "In {rows} the times end after the sound does, but are as far apart as it is long ({where}). "
    "These sounds were taken as already cut and are used whole.",
    "rows_length": "In {rows} the duration is not that of the sound file ({where}). Without a start nothing is cut: "
    "these sounds are used whole.",
    "texts_other": "Not used, since the same recordings have other texts: {texts} ({where}).",
    "texts_scrolling": "In {texts} ({where}) lines are repeated or shown after the next begin; each was used once, until then.",
}


def of_rows(tally: Tally) -> Iterator[Note]:
    """Yields a note per reason for which rows or texts were counted, with the place of the first."""
    for reason, where, count in tally.counted():
        rows, texts = ("1 row", "1 text") if count == 1 else (f"{count} rows", f"{count} texts")
        message = _OF_ROWS[reason].format(rows=rows, texts=texts, where=where)
        yield Note(reason, message, {"count": count, "where": where})


def unused(file: str, there: Sequence[str], used: Collection[str]) -> Note | None:
    """Returns a note of a table's columns that are not used, if there are any."""
    names = [clean(name)[:100] for name in dict.fromkeys(there) if name.strip() and name not in used]
    if not names:
        return None
    more = [f"... ({len(names)})"] if len(names) > SHOWN_COLUMNS else []
    columns = ", ".join([*names[:SHOWN_COLUMNS], *more])
    return Note("columns_unused", f"In {file}, these columns are not used: {columns}.", {"name": file, "columns": columns})

"""The columns of tables: what others call ours, and what a record is once they are known."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from core.data.clips.labelled_set import Dropped, Note
from core.data.importers import times
from core.data.importers.rows import shown
from core.errors import DatasetError

# What pandas and Excel write for a missing value. Their other words for it, None and null, are words that people say.
MISSING = frozenset({"nan", "NaN", "<NA>", "N/A", "#N/A"})

# Our name of a column -> names used by others; those of times are in `core.data.importers.times`.
COLUMNS = {
    "path": ("path", "file", "file_name", "filename", "audio", "audio_filepath", "audio_file", "wav", "wav_filename",
             "文件", "文件名", "音频", "录音"),
    "text": ("text", "transcript", "transcription", "sentence", "label", "文本", "句子", "转写", "内容"),
    "speaker": ("speaker", "speaker_id", "client_id", "说话人", "发音人"),
    "part": ("part", "split"),
    **dict.fromkeys(times.COLUMNS, ()),
}  # fmt: skip

Record = tuple[str, dict[str, str]]  # its place in the source, and its fields by our names
Records = Generator[Record | Dropped | Note, None, None]


def column_names(file: str, there: Sequence[str], columns: Mapping[str, str], also: Sequence[str] = ()) -> dict[str, str]:
    """Returns our name -> the source's column, for the columns it has.

    Raises:
        DatasetError: the column of the sound or the text is uncertain, or one given in `columns` is missing.
    """
    by_name = {name.strip().lower(): name for name in reversed(there)}
    names = {name: by_name[name] for name in also if name in by_name}
    timed = times.time_columns([name for name in there if name not in names.values()])
    listed = shown(", ".join(there))
    has = f"it has: {listed or 'none'}"
    for name, synonyms in COLUMNS.items():
        if name in columns:
            found = [columns[name].strip().lower()]
            if not found[0] and name not in ("path", "text"):
                continue  # "offset=": the source's column of this name is something else
        elif name in timed:
            found = [timed[name].strip().lower()]
        elif name in by_name:
            found = [name]
        else:
            found = [synonym for synonym in synonyms if synonym in by_name]
        if len(found) > 1:
            raise DatasetError(
                "table_ambiguous",
                f"{file} has several columns for {name}: {', '.join(found)}. Choose one, e.g. --column {name}={found[0]}.",
                name=file,
                column=name,
                columns=", ".join(found),
                listed=list(there),
            )
        if found and found[0] in by_name:
            names[name] = by_name[found[0]]
        elif name in columns or name in ("path", "text"):
            raise DatasetError(
                "table_columns",
                f"{file} needs a column for {name} in its first line; {has}. Choose it, e.g. with --column {name}=NAME.",
                name=file,
                column=name,
                columns=listed or "-",
                listed=list(there),
            )
    return names


def known(where: str, fields: dict[str, str], names: Mapping[str, str]) -> Record | Dropped:
    """Returns a record with the units of its times, without the words for missing values; drops it if the text is one.

    Args:
        where: its place.
        fields: by our names.
        names: our names -> the source's.
    """
    fields = {name: times.with_unit(value, names[name]) if name in times.COLUMNS else value for name, value in fields.items()}
    if fields.get("speaker") in MISSING:
        fields = {**fields, "speaker": ""}
    if fields["text"] not in MISSING:
        return where, fields
    return Dropped.because(shown(fields["path"]), missing_text(fields["text"]), where)


def missing_text(text: str) -> DatasetError:
    """Returns the error of a transcript that is one of `MISSING`."""
    return DatasetError(
        "row_text_missing",
        f"{text!r} is what programs write for a missing text. Type what is said; if it is that very word, write '{text}.'",
        name=text,
    )

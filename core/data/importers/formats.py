"""The formats of recordings: detects the format of a file or folder, and reads it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.data.importers import huggingface
from core.data.importers.archive import is_archive, unpack
from core.data.importers.corpora import aishell, audiofolder, common_voice, kaldi, librispeech, speech_commands
from core.data.importers.not_imported import refusal
from core.data.importers.row_checker import collect
from core.data.importers.rows import Imported, Options, RowProgress, Rows, shown
from core.data.importers.tables import manifest
from core.data.importers.tables.columns import COLUMNS
from core.data.importers.texts import elan, text_files, textgrid
from core.data.names import ARCHIVE
from core.errors import DatasetError

LEVELS_DOWN = 4  # an archive's own folder and a few more before the data
MAX_PLACES = 1_000  # folders examined on one level


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: for choosing it explicitly.
        about: a description for people.
        recognises: whether a file or folder is one.
        rows: reads it.
    """

    name: str
    about: str
    recognises: Callable[[Path], bool]
    rows: Callable[[Any, Options], Rows]


# More specific formats come first: a folder is read as the first one that recognises it.
FORMATS = (
    Format(
        "common_voice", "clips/ with train.tsv, dev.tsv, test.tsv, validated.tsv", common_voice.recognises, common_voice.rows
    ),
    Format("kaldi", "wav.scp and text", kaldi.recognises, kaldi.rows),
    Format("aishell", "wav/ and transcript/aishell_transcript*.txt", aishell.recognises, aishell.rows),
    Format("librispeech", "SPEAKER/CHAPTER/*.trans.txt", librispeech.recognises, librispeech.rows),
    Format("speech_commands", "a folder a word, testing_list.txt", speech_commands.recognises, speech_commands.rows),
    Format("audiofolder", "metadata.csv or metadata.jsonl", audiofolder.recognises, audiofolder.rows),
    Format("elan", "*.eaf", elan.recognises, elan.rows),
    Format("textgrid", "*.TextGrid", textgrid.recognises, textgrid.rows),
    Format("text_files", "a.wav with a.txt, a.srt, a.vtt or an Audacity label track", text_files.recognises, text_files.rows),
    Format("manifest", "a table: CSV, TSV, JSON", manifest.recognises, manifest.rows),
    Format("huggingface", "*.parquet, or an id with --format huggingface", huggingface.recognises, huggingface.rows),
)
TIERS = {"elan": elan.tiers, "textgrid": textgrid.tiers}


def detect(path: Path | str) -> str:
    """Detects the format of a file or folder: a name in `FORMATS`, or "archive".

    Raises:
        DatasetError: it does not exist, has an unknown format, or contains several sets.
    """
    path = _existing(path)
    return ARCHIVE if is_archive(path) else _locate(path, "")[0].name


def tiers(path: Path | str) -> list[str]:
    """Returns the tiers of an ELAN or TextGrid annotation, or of a folder of them; otherwise none.

    Raises:
        DatasetError: as `detect`, or an annotation cannot be read.
    """
    format, place = _locate(_existing(path), "")
    return TIERS[format.name](place) if format.name in TIERS else []


def read(
    path: Path | str,
    format: str = "",
    *,
    language: str = "en",
    columns: Mapping[str, str] | None = None,
    tier: str = "",
    limit: int | None = None,
    work: Path | None = None,
    within: Path | None = None,
    progress: RowProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    on_hub: bool = False,
) -> Imported:
    """Reads recordings into clips; every row that is left out is reported with a reason.

    Args:
        path: a file, a folder, an archive, or with the format "huggingface" an id.
        format: a name in `FORMATS`; "" to detect it. For an archive, the format of its content.
        language: ISO 639-1 code of the speech.
        columns: our name of a column, see `COLUMNS` -> the source's name, if it is not one of the usual ones.
        tier: of annotations, see `tiers`.
        limit: read at most this many rows.
        work: a folder for files that must be unpacked or cut; the clips point into it. Needed for archives, annotations,
            segments and Hugging Face datasets.
        within: sound files outside this folder are dropped. An archive's are never looked for outside it.
        progress: called after every row with the number done.
        should_stop: checked before every row, file, line and block.
        on_hub: whether `path` is an id on the Hugging Face Hub, even if a local file has that name.

    Raises:
        DatasetError: nothing can be read, or `should_stop` returned True.
        ValueError: `work` is needed.
        OSError: the disk is full.
    """
    unknown = [name for name in columns or {} if name not in COLUMNS]
    if unknown:
        known = ", ".join(COLUMNS)
        raise DatasetError(
            "column_unknown", f"There is no column {unknown[0]!r}. The columns are: {known}.", name=unknown[0], known=known
        )
    options = Options(language, columns or {}, tier, work, within, Path(path).name, should_stop)
    if on_hub or (format == "huggingface" and not Path(path).exists()):
        name = str(path)
        rows = huggingface.rows(name, dataclasses.replace(options, name=name))
    else:
        place = _existing(path)
        name = place.name
        if place.is_file() and (refused := refusal(place)):
            raise refused
        if is_archive(place):
            folder = options.new_folder("unpacked")
            options = dataclasses.replace(options, within=folder)
            unpack(place, folder, should_stop)
            place, format = folder, "" if format == ARCHIVE else format
        found, place = _locate(place, format, name, options.go_on)
        options = dataclasses.replace(options, beside=place if place.is_dir() else place.parent)
        rows, format = found.rows(place, options), found.name
    return collect(rows, name, format, options, limit, progress, should_stop)


def _recognises(format: Format, place: Path, go_on: Callable[[], None]) -> bool:
    go_on()
    return format.recognises(place)


def _existing(path: Path | str) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:  # missing, an impossible name, a link to itself
        raise DatasetError(
            "import_missing", f"There is no file or folder {shown(str(path))}.", name=shown(str(path))
        ) from error


def _locate(path: Path, name: str, called: str = "", go_on: Callable[[], None] = lambda: None) -> tuple[Format, Path]:
    """Finds the format and its folder: `path`, or the one folder below it that has the format."""
    called = called or path.name
    formats = [format for format in FORMATS if name in ("", format.name)]
    places = [path]
    for _ in range(LEVELS_DOWN if formats else 0):
        found = [
            (format, place)
            for place in places
            if (format := next((format for format in formats if _recognises(format, place, go_on)), None)) is not None
        ]
        if len(found) > 1:
            names = ", ".join(shown(place.name) for _, place in found[:10])
            raise DatasetError(
                "format_several", f"{called} contains several sets: {names}. Name one.", name=called, names=names
            )
        if found:
            return found[0]
        places = [folder for place in places if place.is_dir() for folder in sorted(place.iterdir()) if folder.is_dir()]
        places = [place for place in places if not place.is_symlink() and os.access(place, os.R_OK | os.X_OK)][:MAX_PLACES]
    if name and path.is_file() and formats:
        return formats[0], path  # whatever its name ends in
    for file in islice(sorted(path.iterdir()), MAX_PLACES) if path.is_dir() else ():
        if file.is_file() and not file.is_symlink() and (refused := refusal(file)):
            raise refused
    known = "; ".join([*(f"{format.name} ({format.about})" for format in formats or FORMATS), f"{ARCHIVE} (zip, tar)"])
    called = called if formats else shown(name)
    raise DatasetError(
        "format_unknown",
        f"{called} is not a format that can be imported: {known}.",
        name=called,
        known=known,
    )

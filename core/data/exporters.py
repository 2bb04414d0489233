"""Export of labelled clips as CSV, Hugging Face audiofolder or Common Voice; `core.data.importers` reads each format.

In CSV and TSV, which people open in spreadsheets, a text that would be taken for a formula is prefixed with an apostrophe.
Our importers remove it; other programs see it. The audiofolder's JSON lines, which spreadsheets do not open, contain every
text unchanged.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, Dropped, Note
from core.data.clips.sound_changes import SoundChanges
from core.data.importers.rows import RowProgress, file_name
from core.data.library.stored_set import StoredSet
from core.errors import AudioError, DatasetError
from core.storage.files import replacing, whole_folder
from core.storage.temporary import temporary_folder
from core.text.escaping import cell


@dataclass(frozen=True)
class Exported:
    """The result of an export.

    Attributes:
        folder: the exported folder.
        clips: the exported clips, with their new paths.
        dropped: the clips whose sound cannot be decoded.
        notes: on the clips whose sound had something wrong with it that was made good.
    """

    folder: Path
    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Layout:
    """The layout of an export format.

    Attributes:
        place: returns the folder of a clip's sound.
        write: writes the tables, given the folder, each clip with its sound's path in it, and the language.
    """

    place: Callable[[Clip], str]
    write: Callable[[Path, Sequence[tuple[str, Clip]], str], None]


def export(
    clips: Sequence[Clip],
    folder: Path,
    format: str = "csv",
    language: str = "",
    progress: RowProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
    names: Mapping[str, str] | None = None,
) -> Exported:
    """Writes clips as 16 kHz FLAC with the tables of a format; the folder appears only once it is complete.

    Args:
        clips: the clips to write.
        folder: the folder to create; if it exists, it must be empty.
        format: a name in `LAYOUTS`.
        language: ISO 639-1 code of the speech; Common Voice has a column for it.
        progress: called after every clip.
        should_stop: called before every clip.
        names: names for the sounds, by clip id; by default those of their files.

    Raises:
        DatasetError: the folder is not empty, there is no such format, no clip can be decoded, or `should_stop` returned
            True.
        OSError: the disk is full.
    """
    if format not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise DatasetError("export_format", f"There is no export format {format!r}. The formats are: {known}.", known=known)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError("export_exists", f"{folder} already exists. Choose another folder.", name=folder.name)
    layout = LAYOUTS[format]
    written: list[tuple[str, Clip]] = []
    dropped: list[Dropped] = []
    changed = SoundChanges()
    taken: dict[str, int] = {}  # names in use, and how many were derived from each
    with whole_folder(folder) as building:
        for number, clip in enumerate(clips, 1):
            if should_stop():
                raise DatasetError("import_stopped", f"Writing {folder.name} was stopped.", name=folder.name)
            try:
                sound = sound_files.read_sound(clip.path)
            except AudioError as error:
                dropped.append(Dropped.because(clip.path, error))
            else:
                name = f"{layout.place(clip)}/{_new_name(Path((names or {}).get(clip.id) or clip.path).stem, taken)}.flac"
                sound_files.write_flac(building / name, sound.wave, sound.changes)
                changed.add(clip.path, sound.changes)
                written.append((name, clip))
            progress(number, len(clips))
        if not written:
            why = dropped[0].message if dropped else "There are none."
            raise DatasetError(
                "export_nothing", f"No clip can be used, so {folder.name} was not written. {why}", name=folder.name
            )
        layout.write(building, written, language)
    moved = tuple(dataclasses.replace(clip, path=str((folder / name).resolve())) for name, clip in written)
    return Exported(folder, moved, tuple(dropped), tuple(changed.notes()))


def export_zip(stored: StoredSet, path: Path, format: str = "csv") -> Path:
    """Writes a library set as a zip of the folder that `export` creates; the sounds get their original names.

    Args:
        stored: the set; its texts are exported as typed.
        path: path of the zip file, which appears only once it is complete.
        format: a name in `LAYOUTS`.

    Raises:
        DatasetError: as `export`.
        OSError: the disk is full.
    """
    names = {one.clip.id: one.source for one in stored.clips}
    with temporary_folder(path.parent, "export") as work:
        folder = export(stored.labelled().clips, work / file_name(stored.name), format, stored.language, names=names)
        with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # FLAC is compressed
            for file in sorted(folder.folder.rglob("*")):
                if file.is_file():
                    archive.write(file, file.relative_to(work))
    return path


def _new_name(stem: str, taken: dict[str, int]) -> str:
    """Returns a name like `stem` that no other clip has, ignoring case."""
    name = base = file_name(stem)
    while (key := name.casefold()) in taken:
        taken[base.casefold()] += 1
        name = f"{base}-{taken[base.casefold()]}"
    taken[key] = 1
    return name


def _write_csv(folder: Path, clips: Sequence[tuple[str, Clip]], language: str) -> None:
    rows = ((name, clip.text, clip.speaker, clip.part, clip.id) for name, clip in clips)
    _table(folder / "clips.csv", ",", ("path", "text", "speaker", "part", "id"), rows)


def _write_audiofolder(folder: Path, clips: Sequence[tuple[str, Clip]], language: str) -> None:
    for part in dict.fromkeys(Path(name).parent for name, _ in clips):
        # JSON lines, because in a CSV file the hub's reader takes a transcript such as "null" for a missing one.
        with (folder / part / "metadata.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            for name, clip in clips:
                if Path(name).parent == part:
                    row = {
                        "file_name": Path(name).name,
                        "text": clip.text,
                        "speaker": clip.speaker,
                        "part": clip.part,
                        "id": clip.id,
                    }
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_common_voice(folder: Path, clips: Sequence[tuple[str, Clip]], language: str) -> None:
    columns = ("client_id", "path", "sentence", "up_votes", "down_votes", "locale")
    for table, parts in (("train", ("train",)), ("dev", ("validation",)), ("test", ("test",)), ("validated", None)):
        chosen = [(name, clip) for name, clip in clips if parts is None or clip.part in parts]
        if chosen:
            # There are no votes for these clips.
            rows = ((clip.speaker, Path(name).name, clip.text, "", "", language) for name, clip in chosen)
            _table(folder / f"{table}.tsv", "\t", columns, rows)


def _table(path: Path, delimiter: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        table.writerow(columns)
        table.writerows(map(cell, row) for row in rows)


LAYOUTS = {
    "csv": Layout(lambda clip: "audio", _write_csv),
    # A clip without a part is put with the training clips, where the hub's reader finds it; its "part" column is empty.
    "audiofolder": Layout(lambda clip: clip.part or "train", _write_audiofolder),
    "common_voice": Layout(lambda clip: "clips", _write_common_voice),
}

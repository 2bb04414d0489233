"""Speech Commands: one folder per word, with testing_list.txt and validation_list.txt.

Warden 2018, arXiv 1804.03209, section 7; torchaudio's SPEECHCOMMANDS reads the same folder.
"""

from __future__ import annotations

from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import lines
from core.data.importers.rows import Options, Row, Rows, files_below

LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}
NOISE = "_background_noise_"
DIVIDER = "_nohash_"  # between the speaker and the number of the take


def recognises(path: Path) -> bool:
    """Whether this folder has one of the lists."""
    return any((path / name).is_file() for name in LISTS)


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per take; the text is its folder's word. Background noise is not speech and is left out."""
    parts: dict[str, str] = {}
    for name, part in LISTS.items():
        if (path / name).is_file():
            parts.update((line.strip(), part) for line in lines(path / name, options.language, options.go_on) if line.strip())
    for folder in sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name != NOISE):
        for sound in files_below(folder, go_on=options.go_on):
            where = f"{folder.name}/{sound.name}"
            speaker, divider, _ = sound.stem.partition(DIVIDER)
            yield Row(str(sound), folder.name, where, speaker if divider else "", parts.pop(where, "train"))
    for where, part in parts.items():
        yield Dropped(where, "row_no_sound", f"{where}, listed for {part}, is not there.", where)

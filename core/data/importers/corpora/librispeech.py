"""LibriSpeech and corpora laid out like it: SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt with the chapter's sounds.

https://www.openslr.org/12/ (README.TXT, section 4); torchaudio's LIBRISPEECH reads the same folders.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import lines
from core.data.importers.rows import FOLDERS_TO_LOOK, SOUND_SUFFIXES, Options, Row, Rows, folders_below, parts_of, shown
from core.errors import DatasetError

ENDING = ".trans.txt"
LEVELS = 4  # LibriSpeech, subset, speaker, chapter


def recognises(path: Path) -> bool:
    """Whether a chapter's transcript is in this folder or below."""
    looked = islice(folders_below(path, LEVELS), FOLDERS_TO_LOOK)
    return any(name.endswith(ENDING) for _, names in looked for name in names)


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per transcribed utterance; sounds without a transcript are dropped.

    The speaker is the first number in the transcript file's name; the part is the subset, such as dev-clean.
    """
    walked = folders_below(path, go_on=options.go_on)
    subsets = {_subset(at) for at, names in walked if any(name.endswith(ENDING) for name in names)}
    parts = parts_of(subsets)
    for folder, names in folders_below(path, go_on=options.go_on):
        transcripts = [name for name in names if name.endswith(ENDING)]
        sounds = {Path(name).stem: name for name in names if Path(name).suffix.lower() in SOUND_SUFFIXES}
        written: set[str] = set()
        for name in transcripts:
            speaker = name.split("-")[0]
            try:
                for number, line in enumerate(lines(folder / name, options.language, options.go_on), 1):
                    id, _, text = line.strip().partition(" ")
                    if id:
                        written.add(id)
                        sound = sounds.get(id, f"{shown(id)}.flac")
                        yield Row(str(folder / sound), text, f"{name}, line {number}", speaker, parts[_subset(folder)])
            except DatasetError as error:
                if error.reason == "import_stopped":
                    raise
                yield Dropped.because(str(folder / name), error)
        for sound in [sound for id, sound in sounds.items() if id not in written]:
            where = str((folder / sound).relative_to(path))
            yield Dropped(str(folder / sound), "row_no_text", f"{where}: no transcript file in its folder lists it.", where)


def _subset(chapter: Path) -> str:
    return chapter.parent.parent.name

"""AISHELL-1: transcript/aishell_transcript_v0.8.txt and wav/{train,dev,test}/SPEAKER/ID.wav.

https://www.openslr.org/33/
"""

from __future__ import annotations

from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.corpora.kaldi import joined
from core.data.importers.encoding import lines
from core.data.importers.rows import Options, Row, Rows, files_below, parts_of, shown

TRANSCRIPT = "transcript/aishell_transcript*.txt"


def recognises(path: Path) -> bool:
    """Whether this folder holds wav/ and the transcript."""
    return (path / "wav").is_dir() and any(path.glob(TRANSCRIPT))


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per sound; sounds without a text and texts without a sound are dropped."""
    texts: dict[str, tuple[str, str]] = {}
    for transcript in sorted(path.glob(TRANSCRIPT)):
        for number, line in enumerate(lines(transcript, options.language, options.go_on), 1):
            id, _, text = line.strip().partition(" ")
            where = f"{transcript.name}, line {number}"
            if id in texts:
                why = f"{where}: {shown(id)} is listed twice; only the first is kept."
                yield Dropped(shown(id), "row_duplicate", why, where)
            elif id:
                texts[id] = where, text
    parts = parts_of(folder.name for folder in sorted((path / "wav").iterdir()))
    for sound in files_below(path / "wav", go_on=options.go_on):
        if sound.stem not in texts:
            yield Dropped(str(sound), "row_no_text", f"{sound.name}: the transcript file does not list it.")
            continue
        where, text = texts.pop(sound.stem)
        part = parts[sound.relative_to(path / "wav").parts[0]]
        yield Row(str(sound), joined(text), where, sound.parent.name, part)
    for id, (where, _) in texts.items():
        yield Dropped(shown(id), "row_no_sound", f"{where}: there is no sound file {shown(id)}.wav.", where)

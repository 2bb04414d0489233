"""Common code for ELAN and Praat: tiers of texts with times over one recording."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.rows import SOUND_SUFFIXES, Options, Row, Rows, files_below, shown
from core.errors import DatasetError

StartEnd = tuple[float, float]  # start and end in seconds


@dataclass(frozen=True)
class Tier:
    """One tier.

    Attributes:
        name: as the file has it.
        speaker: who speaks; "" if the file does not say.
        pieces: start and end (None if unknown) and the text of each piece.
    """

    name: str
    speaker: str
    pieces: tuple[tuple[StartEnd | None, str], ...]


@dataclass(frozen=True)
class Annotation:
    """One annotation file.

    Attributes:
        tiers: those whose pieces have a start and an end.
        sounds: where the recording may be, most likely first.
    """

    tiers: tuple[Tier, ...]
    sounds: tuple[Path, ...]


def annotation_files(path: Path, suffix: str, go_on: Callable[[], None] = lambda: None) -> list[Path]:
    """Returns the annotation itself, or those in a folder and its subfolders."""
    return [path] if path.is_file() else list(files_below(path, {suffix}, go_on))


def tier_names(path: Path, suffix: str, parse: Callable[[Path], Annotation]) -> list[str]:
    """Returns the tiers' names, each once, in the order of the files.

    Raises:
        DatasetError: a file cannot be read.
    """
    return list(dict.fromkeys(tier.name for file in annotation_files(path, suffix) for tier in parse(file).tiers))


def annotation_rows(path: Path, suffix: str, options: Options, parse: Callable[[Path], Annotation]) -> Rows:
    """Yields a row per piece of the chosen tier.

    Args:
        path: an annotation file, or a folder of them.
        suffix: of such files, in lower case.
        options: `tier`, "" if every file has only one, and `within`.
        parse: reads a file.

    Raises:
        DatasetError: a single file cannot be used; in a folder, such a file is dropped, unless the tier must be chosen.
    """
    for file in annotation_files(path, suffix, options.go_on):
        options.go_on()
        try:
            annotation = parse(file)
            chosen = _choose(annotation.tiers, options.tier, file.name)
        except DatasetError as error:
            if file == path or error.reason == "tier_needed":
                raise
            yield Dropped.because(str(file), error)
            continue
        beside = (file.with_suffix(ending) for ending in sorted(SOUND_SUFFIXES))
        listed = (sound for sound in (*annotation.sounds, *beside) if options.may_use(sound) and os.path.isfile(sound))
        sound = next(listed, file.with_suffix(".wav"))
        for number, (span, text) in enumerate(chosen.pieces, 1):
            where = f"{file.name}, tier {shown(chosen.name)}, piece {number}"
            if span is None:
                why = f"{where}: it has no times. Choose the tier that has them."
                yield Dropped(str(sound), "row_times", why, where)
            else:
                yield Row(str(sound), text, where, chosen.speaker, "", *span)


def _choose(tiers: Sequence[Tier], name: str, file: str) -> Tier:
    names = ", ".join(shown(tier.name) for tier in tiers)
    found = [tier for tier in tiers if name in ("", tier.name)]
    if not name and len(found) > 1:
        raise DatasetError(
            "tier_needed",
            f"{file} has several tiers: {names}. Choose the one with the transcripts with --tier.",
            name=file,
            tiers=names,
            listed=[tier.name for tier in tiers],
        )
    if not found:
        raise DatasetError(
            "tier_missing",
            f"{file} has no tier {shown(name)!r} with times; it has: {names or 'none'}.",
            name=file,
            tiers=names or "-",
        )
    return found[0]

"""What ELAN and Praat have in common: tiers of texts with times over one recording."""

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
        speaker: who is heard; "" if the file does not say.
        pieces: when, None where that cannot be told, and what is said there.
    """

    name: str
    speaker: str
    pieces: tuple[tuple[StartEnd | None, str], ...]


@dataclass(frozen=True)
class Annotation:
    """One annotation file.

    Attributes:
        tiers: those whose pieces have a start and an end.
        sounds: where the recording may lie, the likeliest first.
    """

    tiers: tuple[Tier, ...]
    sounds: tuple[Path, ...]


def annotation_files(path: Path, suffix: str, go_on: Callable[[], None] = lambda: None) -> list[Path]:
    """Returns the annotation itself, or those of a folder and the folders below it."""
    return [path] if path.is_file() else list(files_below(path, {suffix}, go_on))


def tier_names(path: Path, suffix: str, parse: Callable[[Path], Annotation]) -> list[str]:
    """Returns the tiers' names, each once, in the order of the files.

    Raises:
        DatasetError: a file cannot be read.
    """
    return list(dict.fromkeys(tier.name for file in annotation_files(path, suffix) for tier in parse(file).tiers))


def annotation_rows(path: Path, suffix: str, options: Options, parse: Callable[[Path], Annotation]) -> Rows:
    """Yields a row a piece of the chosen tier.

    Args:
        path: an annotation file, or a folder of them.
        suffix: of such files, in lower case.
        options: `tier`, "" where every file has one only, and `within`.
        parse: reads a file.

    Raises:
        DatasetError: a file by itself cannot be used; of a folder it is dropped, unless the tier has to be chosen.
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
                why = f"{where}: it has no times of its own. Choose the tier that has them."
                yield Dropped(str(sound), "row_times", why, where)
            else:
                yield Row(str(sound), text, where, chosen.speaker, "", *span)


def _choose(tiers: Sequence[Tier], name: str, file: str) -> Tier:
    names = ", ".join(shown(tier.name) for tier in tiers)
    found = [tier for tier in tiers if name in ("", tier.name)]
    if not name and len(found) > 1:
        raise DatasetError(
            "tier_needed",
            f"{file} has several tiers: {names}. Say which holds the texts, with --tier.",
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

"""Builds labelled sets from named sources, and stores imports in the library."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from core.data.clips.labelled_set import Clip, LabelledSet, Part
from core.data.clips.parts import HELD_OUT, assign_parts
from core.data.importers.formats import detect, read, tiers
from core.data.importers.rows import Imported, Options
from core.data.importers.tables.csv import read_csv
from core.data.library.library import Created, Library
from core.data.samples import SAMPLES, read_sample
from core.errors import DatasetError
from core.text.normalisation import Normalisation, default

__all__ = ["detect", "gather", "into_library", "read", "read_named", "tiers"]


def gather(
    train: str,
    validation: str | None = None,
    test: str | None = None,
    language: str = "en",
    seed: int = 0,
    closed: bool = False,
    library: Library | None = None,
) -> LabelledSet:
    """Builds a labelled set from the sources named on the command line, with its texts in the set's written style.

    Args:
        train, validation, test: a sample set's name, a CSV file, or the id or name of a set in the library. Parts that are
            not given are held out from `train`: by its own split if it has one, otherwise by sentence and, if possible, by
            speaker.
        language: ISO 639-1 code of the CSVs' speech; sample sets and sets in the library have their own.
        seed: of the split.
        closed: whether the texts are a fixed set of words, see `assign_parts`.
        library: where named sets are.

    Raises:
        DatasetError: a file cannot be used, or there is too little to hold anything out.
    """
    given: dict[Part, str] = {"train": train}
    if validation is not None:
        given["validation"] = validation
    if test is not None:
        given["test"] = test
    first, form = read_named(train, language, library)
    language = first.language
    # The set's own split decides where a clip belongs, unless that part comes from elsewhere.
    own = [clip for clip in first.clips if clip.part in ("", "train") or clip.part not in given]
    clips = assign_parts(own, language, seed, [part for part in HELD_OUT if part not in given], closed)
    for part, source in given.items():
        if part != "train":
            other = read_named(source, language, library)[0].clips
            has = any(clip.part == part for clip in other) and not Path(source).is_file()
            clips += [dataclasses.replace(clip, part=part) for clip in other if clip.part == part or not has]
    whole = dataclasses.replace(first, clips=tuple(clips))
    return whole.written_as(form or default(language, [clip.text for clip in whole.part("train")]))


def into_library(
    imported: Imported,
    library: Library,
    name: str,
    language: str = "en",
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Created:
    """Stores an import as a named set, and splits it if the source has no split.

    Args:
        imported: the result of reading a source.
        library: where to store it.
        name: of the set.
        language: ISO 639-1 code of the speech.
        seed: of the split. With too few clips to hold any out, the set stays without one, and `inspection` reports it.
        progress: called after every clip.
        should_stop: checked before every clip.

    Raises:
        DatasetError: as `Library.create`.
        OSError: the disk is full; no set is made.
    """
    if not imported.clips and imported.dropped:
        first = imported.dropped[0]
        raise DatasetError(
            "import_nothing",
            f"None of the {len(imported.dropped)} rows can be used. {first.message}",
            rows=len(imported.dropped),
            dropped=imported.dropped,
        )
    clips: Sequence[Clip] = imported.clips
    try:
        clips = assign_parts(clips, language, seed, go_on=Options(name=name, should_stop=should_stop).go_on)
    except DatasetError as error:
        if error.reason != "too_few_sentences":
            raise
    return library.create(
        name,
        clips,
        language,
        seed=seed,
        dropped=imported.dropped,
        notes=imported.notes,
        progress=progress,
        should_stop=should_stop,
    )


def read_named(source: str, language: str, library: Library | None) -> tuple[LabelledSet, Normalisation | None]:
    """Returns a set with its texts as typed, and its written style if one was chosen.

    Args:
        source: a sample set's name, a CSV file, or the id or name of a set in the library.
        language: ISO 639-1 code of a CSV's speech.
        library: where named sets are.

    Raises:
        DatasetError: there is nothing of that name, or the file cannot be used.
    """
    if source in SAMPLES:
        return read_sample(source), None
    if library is None or os.path.isfile(source) or source.endswith(".csv"):
        return LabelledSet(Path(source).stem, tuple(read_csv(source, language)), language), None
    try:
        stored = library.find(source)
    except DatasetError as error:
        if error.reason != "no_set":
            raise
        raise DatasetError(
            "no_set", f"There is no file {source}, and no set of that name, sample or in the library."
        ) from error
    return stored.labelled(), stored.normalisation

"""Readers of labelled sets, one file a format; `gather` puts the parts of one together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from core.dataset import Clip, LabelledSet, Part, assign_parts
from core.importers.csv import read_csv
from core.importers.samples import SAMPLES, read_sample


def gather(
    train: str, validation: str | None = None, test: str | None = None, language: str = "en", seed: int = 0
) -> LabelledSet:
    """Builds a labelled set from what the command line names.

    Args:
        train, validation, test: a CSV file or a sample set's name. What is not given is held out from `train`: by
            its own split where it has one, else by sentence and, where possible, by speaker.
        language: ISO 639-1 code of the CSVs' speech; a sample set knows its own.
        seed: of the split.

    Raises:
        DatasetError: a file cannot be used, or there is too little to hold anything out.
    """
    given: dict[Part, str] = {"train": train}
    if validation is not None:
        given["validation"] = validation
    if test is not None:
        given["test"] = test
    sample = read_sample(train) if train in SAMPLES else None
    language = sample.language if sample else language
    clips: list[Clip] = []
    for part, source in given.items():
        for clip in _clips(source, language):
            if part == "train" and clip.part and clip.part != "train":
                if clip.part not in given:  # the file's own split says where it belongs
                    clips.append(clip)
            elif part != "train" and source in SAMPLES:
                clips += [clip] if clip.part == part else []
            else:
                fixed = part if part != "train" or clip.part else ""
                clips.append(dataclasses.replace(clip, part=fixed))
    name = sample.name if sample else Path(train).stem
    return LabelledSet(name, tuple(assign_parts(clips, language, seed)), language, synthetic=sample is not None)


def _clips(source: str, language: str) -> tuple[Clip, ...]:
    return read_sample(source).clips if source in SAMPLES else tuple(read_csv(source, language))

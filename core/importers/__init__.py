"""Readers of labelled sets, one file a format: `read` takes anyone's; `gather` puts the parts of one together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from core.dataset import HELD_OUT, Clip, LabelledSet, Part, assign_parts
from core.importers.csv import read_csv
from core.importers.formats import detect, read, tiers
from core.importers.samples import SAMPLES, read_sample

__all__ = ["detect", "gather", "read", "tiers"]


def gather(
    train: str,
    validation: str | None = None,
    test: str | None = None,
    language: str = "en",
    seed: int = 0,
    closed: bool = False,
) -> LabelledSet:
    """Builds a labelled set from what the command line names.

    Args:
        train, validation, test: a CSV file or a sample set's name. What is not given is held out from `train`: by
            its own split where it has one, else by sentence and, where possible, by speaker.
        language: ISO 639-1 code of the CSVs' speech; a sample set knows its own.
        seed: of the split.
        closed: the texts are a closed set of words, see `assign_parts`.

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
    # The file's own split says where a clip belongs, unless that part comes from elsewhere.
    own = [clip for clip in _clips(train, language) if clip.part in ("", "train") or clip.part not in given]
    clips = assign_parts(own, language, seed, [part for part in HELD_OUT if part not in given], closed)
    for part, source in given.items():
        if part != "train":
            chosen = [clip for clip in _clips(source, language) if source not in SAMPLES or clip.part == part]
            clips += [dataclasses.replace(clip, part=part) for clip in chosen]
    name = sample.name if sample else Path(train).stem
    return LabelledSet(name, tuple(clips), language, synthetic=sample is not None)


def _clips(source: str, language: str) -> tuple[Clip, ...]:
    return read_sample(source).clips if source in SAMPLES else tuple(read_csv(source, language))

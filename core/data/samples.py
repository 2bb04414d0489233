"""The labelled sets that come with Attune."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core.data.clips.labelled_set import LabelledSet
from core.data.importers.tables.csv import read_csv
from core.data.names import CANARY, REPLAY, SAMPLES
from core.errors import DatasetError
from core.storage.files import assets_folder, read_json

WATCHED_CLIPS = 6  # of REPLAY, left out of training and transcribed at each evaluation, to detect forgetting early


def samples_folder() -> Path:
    """Returns the folder of the sample sets."""
    return assets_folder("samples")


@cache
def read_sample(name: str) -> LabelledSet:
    """Reads a sample set with its split.

    Args:
        name: one of `SAMPLES`; or `CANARY`, the general speech that measures forgetting; or `REPLAY`, other general speech
            to train on along with a set, to reduce forgetting.

    Raises:
        DatasetError: there is no such set.
    """
    folder = samples_folder() / name
    if name not in (*SAMPLES, CANARY, REPLAY) or not folder.is_dir():
        raise DatasetError("no_sample", f"There is no sample set {name!r}. There are: {', '.join(SAMPLES)}.", name=name)
    about = read_json(folder / "about.json")
    clips = read_csv(folder / "clips.csv", about["language"])
    return LabelledSet(name, tuple(clips), about["language"], synthetic=True)

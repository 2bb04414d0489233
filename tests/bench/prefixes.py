"""What it saves to compute frozen layers once a clip: seconds a step with a model as large as wav2vec2-base, on this machine.

    OMP_NUM_THREADS=1 python -m tests.bench.prefixes DATA --clips 20 --precision float32

DATA is a folder with a manifest.csv (path,text). Weights are random: for time, nothing that is written matters. Each way to
take a step goes over all batches several times, and its quickest round counts, in seconds of processor time.
"""

from __future__ import annotations

import argparse
import csv
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from core.audio.sound_files import decode
from core.models.loading import load_model
from core.storage.cache import FOLDER, DiskCache
from core.storage.memory import keep_torch_small
from core.training.learner import Learner
from core.training.prefix_cache import PrefixCache
from core.training.recipe import Recipe
from tests.bench.adapting import CTC, source_folder
from tests.bench.profile import own_step, timed

RECIPES = {
    "convolutions frozen": Recipe(trains="all_but_front"),
    "LoRA in all layers": Recipe(adapter="lora"),
    "the upper 6 of 12 learn": Recipe(trains="last", last_layers=6),
    "the upper 2 of 12 learn": Recipe(trains="last", last_layers=2),
    "the head learns": Recipe(trains="head"),
}


def _whole(learner: Learner) -> None:
    """As ever: all layers in training mode, and gradients through all that lies above the lowest that learns."""
    learner._depth, learner._layers, learner._cached_training = None, None, False


def _anew(learner: Learner) -> None:
    """What is frozen is computed in each step, as for augmented clips: in evaluation mode and without gradients."""
    learner._cached_training = False


def _disk(learner: Learner) -> None:
    learner._cache = PrefixCache(0, DiskCache("prefixes"))


def _memory(learner: Learner) -> None:
    learner._cache = PrefixCache()


WAYS: dict[str, Callable[[Learner], None]] = {"whole": _whole, "anew": _anew, "disk": _disk, "memory": _memory}


def _round(learner: Learner, optimizer: torch.optim.Optimizer) -> float:
    """Returns the mean seconds of a step over all batches."""
    places = range(len(learner.batches))
    return sum(timed(lambda: own_step(learner, place, optimizer)) for place in places) / len(places)  # noqa: B023


def main() -> None:
    """Prints seconds a step of each recipe, one column a way."""
    keep_torch_small()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--only", default="", help="part of a recipe's name; without it all are measured")
    parser.add_argument("--tiny", action="store_true", help="a tiny network, to try this out")
    options = parser.parse_args()
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: options.clips]
    sounds = [(decode(options.data / row["path"]), row["text"].lower()) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ATTUNE_HOME"] = folder
        source = source_folder(CTC, Path(folder), options.tiny)
        print("recipe | layers kept | MB |", " | ".join(WAYS))
        for name, recipe in ((name, recipe) for name, recipe in RECIPES.items() if options.only in name):
            spent, layers = {}, None
            for way, choose in WAYS.items():
                learner = Learner(load_model(str(source), precision=options.precision), sounds, recipe)
                layers = learner._layers
                choose(learner)
                optimizer = torch.optim.AdamW(learner.groups, fused=True)
                # The first round fills caches and prepares kernels.
                rounds = [_round(learner, optimizer) for _ in range(1 + options.rounds)]
                spent[way] = min(rounds[1:])
            kept = sum(file.stat().st_size for file in (Path(folder) / FOLDER / "prefixes").iterdir()) / 1e6
            for file in (Path(folder) / FOLDER / "prefixes").iterdir():
                file.unlink()
            print(name, layers, f"{kept:.1f}", *(f"{spent[way]:.2f}" for way in WAYS), sep=" | ", flush=True)


if __name__ == "__main__":
    main()

"""Where the time of a training step goes, and how it compares with the usual recipe's, on this machine.

    OMP_NUM_THREADS=1 python -m tests.bench.profile DATA --clips 200 --precision auto
    OMP_NUM_THREADS=1 python -m tests.bench.profile DATA --table

DATA is a folder with a manifest.csv (path,text). The usual recipe is transformers' forward pass over whole windows of 30 s
with AdamW, as Seq2SeqTrainer takes it. Steps alternate and the quickest of each counts, in seconds of processor time, so
that what else the computer does matters little.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from core.audio.sound_files import decode
from core.audio.waves import Sounds
from core.data.samples import REPLAY, read_sample
from core.models.loading import load_model
from core.models.whisper.model import Whisper
from core.models.whisper.network import padded
from core.storage.memory import keep_torch_small
from core.training.learner import Learner
from core.training.presets import preset

ROUNDS = 2
EVERY = 4  # of the batches one is timed
MEL_FRAMES = 3000


def plain_step(model: Whisper, batch: Sounds, optimizer: torch.optim.Optimizer, bfloat16: bool) -> None:
    """Takes one step of the usual recipe."""
    examples = [model.example(wave, text) for wave, text in batch]
    labels = torch.nn.utils.rnn.pad_sequence([e.labels for e in examples], batch_first=True, padding_value=-100)
    model.network.train()
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        out = model.network(input_features=padded([e.features for e in examples], MEL_FRAMES), labels=labels)
    out.loss.backward()
    torch.nn.utils.clip_grad_norm_(model.network.parameters(), 1.0)
    optimizer.step()


def own_step(learner: Learner, index: int, optimizer: torch.optim.Optimizer) -> None:
    """Takes one step of a recipe."""
    optimizer.zero_grad()
    learner.backward(index)
    torch.nn.utils.clip_grad_norm_(learner.learning, 1.0)
    optimizer.step()


def timed(work: Callable[[], None]) -> float:
    """Returns the processor time of some work in seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    """Prints seconds a step, or a table of operations."""
    keep_torch_small()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--preset", default="accent")
    parser.add_argument("--precision", default="auto")
    parser.add_argument(
        "--table", action="store_true", help="what the operations of every fourth step took, by torch's profiler"
    )
    options = parser.parse_args()
    with (options.data / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: options.clips]
    sounds = [(decode(options.data / row["path"]), row["text"]) for row in rows]
    general = [(decode(clip.path), clip.text) for clip in read_sample(REPLAY).clips]
    recipe = preset(options.preset, "whisper", len(sounds))
    learner = Learner(load_model("whisper-tiny.en", precision=options.precision), sounds, recipe, 0, general)
    optimizer = torch.optim.AdamW(learner.groups, fused=True)
    places = range(0, len(learner.batches), EVERY)  # sorted by length: the longest cost more than the middling ones
    if options.table:
        own_step(learner, places[0], optimizer)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            for place in places:
                own_step(learner, place, optimizer)
        print(seen.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=48))
        return
    plain = load_model("whisper-tiny.en", precision="float32")
    assert isinstance(plain, Whisper)
    theirs = torch.optim.AdamW(plain.network.parameters(), lr=1e-5, fused=True)
    batch = sounds[:8]  # all windows are as long
    taken: dict[str, list[float]] = {"own": [], "plain float32": [], "plain bfloat16": []}
    for _ in range(ROUNDS):
        taken["own"].append(
            sum(timed(lambda place=place: own_step(learner, place, optimizer)) for place in places) / len(places)
        )
        taken["plain float32"].append(timed(lambda: plain_step(plain, batch, theirs, False)))
        taken["plain bfloat16"].append(timed(lambda: plain_step(plain, batch, theirs, True)))
    own = min(taken["own"]) * len(learner.batches) * recipe.epochs
    print(f"own: {min(taken['own']):.2f} s a step, {len(learner.batches)} steps in each of {recipe.epochs} epochs: {own:.0f} s")
    for name in ("plain float32", "plain bfloat16"):
        steps = -(-len(sounds) // 8) * 4
        whole = min(taken[name]) * steps
        print(
            f"{name}: {min(taken[name]):.2f} s each, {steps} steps in 4 epochs: {whole:.0f} s, {whole / own:.1f} times as much"
        )


if __name__ == "__main__":
    main()

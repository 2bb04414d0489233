"""Which weights to keep: one training scored at every evaluation, and what each rule would have kept.

    python -m tests.bench.keeping DATA --out keeping.jsonl --sizes 12 40 200 --seeds 0 1 2
    python -m tests.bench.keeping DATA --out keeping.jsonl --table

The preset for accents on l2_english: 12 clips of one speaker, scored on that speaker's other sentences, or more clips of
several speakers, scored on 100 clips of 15 others. A tenth of the clips, at most 16, validates. What is done is not repeated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.audio.sound_files import decode
from core.audio.waves import Sounds
from core.data.clips.labelled_set import Clip
from core.data.samples import REPLAY, read_sample
from core.models.loading import load_model
from core.storage.files import append_json_line, read_json_lines
from core.storage.memory import keep_torch_small
from core.training.events import Evaluated
from core.training.loop import finetune
from core.training.presets import preset
from tests.bench.one_voice import MODEL, errors, voices

ONE_VOICE = 20  # clips up to which they are of one speaker
TESTERS, TEST, VALIDATION = 15, 100, 16  # speakers and clips that score; most clips that validate
RULES = ("base", "lowest validation WER", "lowest held-out loss", "last step", "kept now")


def parts(data: Path, size: int, seed: int) -> dict[str, list[Clip]]:
    """Draws the clips that train, validate and test; no speaker of several is in training and in the test."""
    by_speaker = voices(data, "tuning") | voices(data, "judging")
    rng = np.random.default_rng(seed)
    groups = [by_speaker[name] for name in rng.permutation(sorted(by_speaker))]
    if size <= ONE_VOICE:
        mixed = [groups[TESTERS][i] for i in rng.permutation(len(groups[TESTERS]))]
        test, own = mixed[size:], mixed[:size]
    else:
        others = [clip for group in groups[:TESTERS] for clip in group]
        test = [others[i] for i in rng.permutation(len(others))[:TEST]]
        rest = [clip for group in groups[TESTERS:] for clip in group]
        own = [rest[i] for i in rng.permutation(len(rest))[:size]]
    held_out = max(1, min(VALIDATION, size // 10))
    return {"validation": own[:held_out], "train": own[held_out:], "test": test}


def run(drawn: dict[str, list[Clip]], seed: int) -> dict:
    """Trains once and scores the model at every evaluation, and what is kept at the end."""
    sounds: dict[str, Sounds] = {name: [(decode(c.path), c.text) for c in clips] for name, clips in drawn.items()}
    general = [(decode(clip.path), clip.text) for clip in read_sample(REPLAY).clips]
    model, found = load_model(MODEL), []
    recipe = preset("accent", model.family, len(drawn["train"]))
    for event in finetune(model, sounds["train"], sounds["validation"], recipe, seed=seed, general=general):
        if isinstance(event, Evaluated):
            found.append({"step": event.step, "wer": event.wer, "loss": event.loss, "test": errors(model, sounds["test"])})
    return {"evaluations": found, "kept": errors(model, sounds["test"])}


def by_rule(row: dict) -> list[int]:
    """Returns the test errors of what each of `RULES` keeps."""
    base, *trained = row["evaluations"]
    lowest = min((base, *trained), key=lambda one: (one["wer"], one["loss"]))
    certain = min((base, *trained), key=lambda one: one["loss"])
    return [sum(e for e, _ in one) for one in (*(x["test"] for x in (base, lowest, certain, trained[-1])), row["kept"])]


def table(rows: Sequence[dict]) -> str:
    """Returns Markdown: a row for each size, the errors of all seeds together."""
    lines = [f"| clips | seeds | words | {' | '.join(RULES)} |", "|" + "---|" * (3 + len(RULES))]
    for size in sorted({row["size"] for row in rows}):
        own = [row for row in rows if row["size"] == size]
        words = sum(n for row in own for _, n in row["kept"])
        totals = np.sum([by_rule(row) for row in own], axis=0)
        lines.append(f"| {size} | {len(own)} | {words} | {' | '.join(map(str, totals))} |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is asked for and is not done yet, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sizes", nargs="+", type=int, default=[12])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    keep_torch_small()
    for size in options.sizes:
        for seed in options.seeds:
            if not any((row["size"], row["seed"]) == (size, seed) for row in done):
                row = {"size": size, "seed": seed, **run(parts(options.data, size, seed), seed)}
                append_json_line(options.out, row)
                print(size, seed, dict(zip(RULES, by_rule(row), strict=True)), flush=True)


if __name__ == "__main__":
    main()

"""What the lesson says, measured: the small wav2vec 2.0 fine-tuned in several ways on the same clips of real learners.

    python -m tests.bench.lessons DATA --out lessons.jsonl --arms everything random head
    python -m tests.bench.lessons DATA --out lessons.jsonl --model contrastive=trained/contrastive/model
    python -m tests.bench.lessons DATA --out telephone.jsonl --target telephone --arms unadapted plain accent
    python -m tests.bench.lessons DATA --out lessons.jsonl --table

Trained on the 200 clips of tests/bench/thirds.py's "finetune", scored on "judge" (other learners) and "canary" (LibriSpeech):
nobody in them was heard in pretraining. Training is as long in every arm, nothing is chosen by any clip of theirs, and what
is done already in --out is not done again. --model runs the arm "everything" from another folder, under its own name.
--target telephone trains on 200 prompts of one voice over the telephone instead, and scores on as many as 160 others. The arm
"plain" is the usual recipe (tests/bench/trainer.py), one named like a preset is that preset, for its own number of epochs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.audio.sound_files import decode
from core.data.clips.labelled_set import Clip, speakers_or_sentences
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.storage.files import append_json_line, read_json_lines
from core.storage.memory import keep_torch_small
from core.text.metrics import Score, score
from core.text.scoring import normalise
from core.training.loop import finetune
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe
from tests.bench.arms import CTC_DECAY, CTC_RATE, WARMUP
from tests.bench.sweep import points, read
from tests.bench.table import difference
from tests.bench.thirds import thirds

MODEL = "attune-wav2vec2"
USUAL = {
    "epochs": "8", "learning_rate": "0.0003", "head_rate": "1", "evaluations": "1", "patience": "0", "guards": "false",
    "augment.speed": "0.1",
}  # fmt: skip
ARMS: dict[str, dict[str, str]] = {
    "everything": {"trains": "everything"},
    "random": {"trains": "everything", "start": "random"},
    "all but the convolutions": {"trains": "all_but_front"},
    "upper two layers": {"trains": "last", "last_layers": "2"},
    "head": {"trains": "head"},
    "discriminative rates": {"trains": "everything", "layer_decay": "0.7"},
    "L2-SP 0.01": {"trains": "everything", "l2_sp": "0.01"},
    "L2-SP 0.1": {"trains": "everything", "l2_sp": "0.1"},
}
PLAIN = {
    "epochs": "4", "learning_rate": str(CTC_RATE), "warmup": str(WARMUP), "weight_decay": str(CTC_DECAY), "augment.speed": "0",
}  # fmt: skip
SCORED = ("judge", "canary")
TARGETS = ("learners", "telephone")
TELEPHONE = {"finetune": slice(0, 200), "judge": slice(200, 360)}


def recipe_of(arm: str, clips: int) -> Recipe | None:
    """Returns the recipe of an arm for a number of clips; None for "unadapted"."""
    if arm == "unadapted":
        return None
    if arm in PRESETS:
        return preset(arm, "ctc", clips).changed({name: USUAL[name] for name in ("evaluations", "patience", "guards")})
    return Recipe.default("ctc", clips).changed({**USUAL, **(PLAIN if arm == "plain" else ARMS[arm])})


def parts(data: Path, target: str) -> dict[str, list[Clip]]:
    """Returns the clips of "finetune", "judge" and "canary"; no prompt of the telephone comes twice, in whatever spelling."""
    found = thirds(data)
    if target == "telephone":
        sentences = {normalise(clip.text, "en"): clip for clip in read(data / "telephony_english") if " " in clip.text.strip()}
        prompts = [Clip(clip.path, clip.text.lower(), clip.speaker) for clip in sentences.values()]
        order = np.random.default_rng(0).permutation(len(prompts))
        found |= {part: [prompts[i] for i in order[chosen]] for part, chosen in TELEPHONE.items()}
    return found


def run(model_id: str, recipe: Recipe | None, clips: dict[str, list[Clip]], seed: int) -> dict:
    """Fine-tunes a model, or with no recipe leaves it as it is, and counts its errors on each of `SCORED`."""
    model = load_model(model_id, "en")
    began = time.perf_counter()
    if recipe is not None:
        sounds = [(decode(clip.path), clip.text) for clip in clips["finetune"]]
        for _ in finetune(model, sounds, (), recipe, seed=seed, language="en"):
            pass
    row: dict = {"seconds": time.perf_counter() - began}
    for part in SCORED:
        found, texts = scored(model, clips[part])
        clusters, _ = speakers_or_sentences(clips[part], "en")
        row[part] = {
            "wer": found.wer.rate,
            "cer": found.cer.rate,
            "errors": [list(counts) for counts in zip(clusters, found.word_errors, found.words, strict=True)],
            "texts": texts,
        }
    return row


def scored(model: AsrModel, clips: Sequence[Clip]) -> tuple[Score, list[str]]:
    """Transcribes clips, and scores the texts."""
    texts = [transcript.text for transcript in model.transcribe([decode(clip.path) for clip in clips])]
    return score([clip.text for clip in clips], texts), texts


def table(rows: Sequence[dict]) -> str:
    """Returns Markdown: error rates of each arm, and their change from where it began and from training everything."""
    by_arm = {row["arm"]: row for row in rows}
    columns = ("target: WER", "CER", "from everything", "LibriSpeech: WER", "from unadapted", "seconds")
    lines = [f"| arm | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for arm, row in by_arm.items():
        judge, canary = (row[part] for part in SCORED)
        cells = [f"{judge['wer']:.1%}", f"{judge['cer']:.1%}", _change(by_arm.get("everything"), row, "judge")]
        cells += [f"{canary['wer']:.1%}", _change(by_arm.get("unadapted"), row, "canary"), f"{row['seconds']:.0f}"]
        lines.append(f"| {arm} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _change(before: dict | None, after: dict, part: str) -> str:
    """Says by how many points WER differs, with its 95 % interval over speakers."""
    if before is None or before is after:
        return ""
    return points(difference(before[part]["errors"], after[part]["errors"]))


def main() -> None:
    """Runs what is asked for and is not done yet, or prints the table."""
    keep_torch_small()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default=MODEL, help=f"what the arms begin with (default {MODEL})")
    every = ["unadapted", *ARMS]
    parser.add_argument("--arms", nargs="*", choices=[*every, "plain", *PRESETS], default=every)
    parser.add_argument("--target", choices=TARGETS, default=TARGETS[0])
    parser.add_argument("--model", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    clips = parts(options.data, options.target)
    wanted = [(name, folder, "everything") for name, _, folder in (one.partition("=") for one in options.model)]
    wanted += [(arm, options.base, arm) for arm in options.arms]
    for arm, model_id, like in wanted:
        if any(row["arm"] == arm for row in done):
            continue
        recipe = recipe_of(like, len(clips["finetune"]))
        row = {"arm": arm, "recipe": recipe and recipe.to_json(), **run(model_id, recipe, clips, options.seed)}
        append_json_line(options.out, row)
        print(arm, *(f"{part} {row[part]['wer']:.1%}" for part in SCORED), f"{row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""What the lesson says, measured: the small wav2vec 2.0 fine-tuned in several ways on the same clips of real learners.

    python -m tests.bench.lessons DATA --out lessons.jsonl --arms everything random head
    python -m tests.bench.lessons DATA --out lessons.jsonl --model contrastive=trained/contrastive/model
    python -m tests.bench.lessons DATA --out lessons.jsonl --table

Trained on the 200 clips of tests/bench/thirds.py's "finetune", scored on "judge" (other learners) and "canary" (LibriSpeech):
nobody in them was heard in pretraining. Training is as long in every arm, nothing is chosen by any clip of theirs, and what
is done already in --out is not done again. --model runs the arm "everything" from another folder, under its own name.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from core.audio import decode
from core.dataset import Clip
from core.files import append_json_line, read_json_lines
from core.metrics import Score, score
from core.models.base import AsrModel
from core.models.catalogue import load_model
from core.recipe import Recipe
from core.training import finetune
from tests.bench.sweep import points
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
SCORED = ("judge", "canary")


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
        found, texts = read(model, clips[part])
        counts = zip(clips[part], found.word_errors, found.words, strict=True)
        row[part] = {
            "wer": found.wer.rate,
            "cer": found.cer.rate,
            "errors": [[clip.speaker, errors, words] for clip, errors, words in counts],
            "texts": texts,
        }
    return row


def read(model: AsrModel, clips: Sequence[Clip]) -> tuple[Score, list[str]]:
    """Transcribes clips, and scores the texts."""
    texts = [transcript.text for transcript in model.transcribe([decode(clip.path) for clip in clips])]
    return score([clip.text for clip in clips], texts), texts


def table(rows: Sequence[dict]) -> str:
    """Returns Markdown: error rates of each arm, and their change from where it began and from training everything."""
    by_arm = {row["arm"]: row for row in rows}
    columns = ("learners: WER", "CER", "from everything", "LibriSpeech: WER", "from unadapted", "seconds")
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--base", default=MODEL, help=f"what the arms begin with (default {MODEL})")
    parser.add_argument("--arms", nargs="*", choices=["unadapted", *ARMS], default=["unadapted", *ARMS])
    parser.add_argument("--model", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    clips = thirds(options.data)
    wanted = [(name, folder, ARMS["everything"]) for name, _, folder in (one.partition("=") for one in options.model)]
    wanted += [(arm, options.base, ARMS.get(arm)) for arm in options.arms]
    for arm, model_id, changes in wanted:
        if any(row["arm"] == arm for row in done):
            continue
        usual = Recipe.default("ctc", len(clips["finetune"]))
        recipe = None if changes is None else usual.changed({**USUAL, **changes})
        row = {"arm": arm, "recipe": recipe and recipe.to_json(), **run(model_id, recipe, clips, options.seed)}
        append_json_line(options.out, row)
        print(arm, *(f"{part} {row[part]['wer']:.1%}" for part in SCORED), f"{row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""What twelve clips of one person carry: recipes on real voices, each scored on eight other sentences of the same person.

    python -m tests.bench.one_voice DATA --out voice.jsonl --arms voice accent plain
    python -m tests.bench.one_voice DATA --out voice.jsonl --speakers judging --seeds 0 1 2 --arms voice plain
    python -m tests.bench.one_voice DATA --out voice.jsonl --table

Every second speaker of l2_english is for "tuning", by which a recipe may be chosen, the others for "judging". The set's texts
are in capitals; here they are written as people write. A seed draws the twelve and the eight again. An arm is a preset, "plain"
(full fine-tuning at 1e-5 for four epochs), or either with changes: "voice:blend=1". The canary is LibriSpeech, its shortest
clips. What is done already in --out is not done again.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from core.audio.sound_files import decode
from core.audio.waves import Sounds
from core.data.clips.labelled_set import Clip
from core.data.samples import REPLAY, read_sample
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.storage.files import append_json_line, read_json_lines
from core.storage.memory import keep_torch_small
from core.text.metrics import paired_interval, score
from core.training.events import Noticed, Trained
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.bench import sweep
from tests.bench.adapting import recipe_of

MODEL, SET = "whisper-tiny.en", "l2_english"
SPEAKERS = {"tuning": 0, "judging": 1}  # which of every two speakers, in the order of their names
LESSONS, EXAM, CANARY = 12, 8, 20  # clips
PLAIN = Recipe(trains="everything", learning_rate=1e-5, epochs=4)


def written(text: str) -> str:
    """Returns a shouted text as a person would write it: "I AM HERE" is "I am here."."""
    words = [word[:1].upper() + word[1:] if word == "i" or word.startswith("i'") else word for word in text.lower().split()]
    joined = " ".join(words)
    return f"{joined[:1].upper()}{joined[1:]}."


def voices(data: Path, half: str) -> dict[str, list[Clip]]:
    """Returns the clips of each speaker of "tuning" or "judging"."""
    clips = [dataclasses.replace(clip, text=written(clip.text)) for clip in sweep.read(data / SET)]
    names = sorted({clip.speaker for clip in clips})[SPEAKERS[half] :: len(SPEAKERS)]
    return {name: [clip for clip in clips if clip.speaker == name] for name in names}


def drawn(clips: Sequence[Clip], seed: int) -> tuple[list[Clip], list[Clip]]:
    """Draws a speaker's lessons and exam; no sentence is in both."""
    order = [clips[i] for i in np.random.default_rng([seed, 7]).permutation(len(clips))]
    exam = order[:EXAM]
    said = {clip.text for clip in exam}
    return [clip for clip in order[EXAM:] if clip.text not in said][:LESSONS], exam


def recipe(arm: str) -> Recipe:
    """Returns the recipe of an arm."""
    name, _, changes = arm.partition(":")
    if name == "plain":
        return PLAIN.changed(dict(pair.split("=", 1) for pair in changes.split(",") if pair))
    return recipe_of(arm, "whisper", LESSONS)


def run(lessons: Sequence[Clip], chosen: Recipe, seed: int, tests: dict[str, Sounds]) -> dict:
    """Trains and transcribes one arm."""
    model = load_model(MODEL, precision=chosen.precision)
    general = [(decode(clip.path), clip.text) for clip in read_sample(REPLAY).clips] if chosen.replay else ()
    began, trained, notices = time.perf_counter(), None, []
    for event in finetune(model, [(decode(clip.path), clip.text) for clip in lessons], (), chosen, seed=seed, general=general):
        trained = event if isinstance(event, Trained) else trained
        notices += [event.reason] if isinstance(event, Noticed) else []
    assert trained is not None
    found = {name: errors(model, sounds) for name, sounds in tests.items()}
    return {"seconds": time.perf_counter() - began, "train_seconds": trained.seconds, "notices": notices, **found}


def errors(model: AsrModel, sounds: Sounds) -> list[list[int]]:
    """Returns word errors and words of each clip."""
    scored = score([text for _, text in sounds], [t.text for t in model.transcribe([wave for wave, _ in sounds])], "en")
    return [list(pair) for pair in zip(scored.word_errors, scored.words, strict=True)]


@cache
def canary(data: Path) -> Sounds:
    """Returns the shortest of the canary's clips."""
    clips, waves = sweep.canary(data)
    shortest = sorted(range(len(clips)), key=lambda i: len(waves[i]))[:CANARY]
    return [(waves[i], clips[i].text) for i in shortest]


def table(rows: Sequence[dict]) -> str:
    """Returns Markdown: the errors of every arm, all speakers and seeds together, where the arms have them in common."""
    titles = ("speakers", "arm", "runs", "errors before", "after", "change", "from plain", "better, worse", "canary", "seconds")
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for half in dict.fromkeys(row["speakers"] for row in rows):
        by_arm: dict[str, dict[tuple[str, int], dict]] = {}
        for row in rows:
            if row["speakers"] == half:
                by_arm.setdefault(row["arm"], {})[row["speaker"], row["seed"]] = row
        common = sorted(set.intersection(*(set(own) for own in by_arm.values())))
        for arm, own in by_arm.items():
            lines.append(f"| {half} | {arm} | {_cells(own, by_arm.get('plain', {}), common)} |")
    return "\n".join(lines)


def _cells(own: dict, plain: dict, common: Sequence[tuple[str, int]]) -> str:
    before, after = ([sum(e for e, _ in own[key][which]) for key in common] for which in ("base", "exam"))
    words = [sum(n for _, n in own[key]["exam"]) for key in common]
    voices = [speaker for speaker, _ in common]
    beside = ""
    if plain and plain is not own:
        others = [sum(e for e, _ in plain[key]["exam"]) for key in common]
        beside = sweep.points(paired_interval(others, after, words, voices))
    moved = (
        f"{sum(a < b for a, b in zip(after, before, strict=True))}, {sum(a > b for a, b in zip(after, before, strict=True))}"
    )
    general = [100 * sum(e for key in common for e, _ in own[key][w]) / sum(n for key in common for _, n in own[key][w])
               for w in ("base_canary", "canary")]  # fmt: skip
    seconds = np.mean([own[key]["train_seconds"] for key in common])
    change = f"{100 * (sum(after) / sum(before) - 1):+.0f} %"
    told = sweep.points(paired_interval(before, after, words, voices))
    return " | ".join(
        (str(len(common)), f"{sum(before)} of {sum(words)}", str(sum(after)), f"{change}; {told}", beside, moved,
         f"{general[0]:.1f} -> {general[1]:.1f} %", f"{seconds:.0f}")
    )  # fmt: skip


def main() -> None:
    """Runs what is asked for and is not done yet, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--speakers", choices=SPEAKERS, default="tuning")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--arms", nargs="+", default=["voice", "plain"])
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    keep_torch_small()
    base = load_model(MODEL)
    base_canary = errors(base, canary(options.data))
    have = {(row["speakers"], row["speaker"], row["seed"], row["arm"]) for row in done}
    for name, clips in voices(options.data, options.speakers).items():
        for seed in options.seeds:
            lessons, exam = drawn(clips, seed)
            tests = {"exam": [(decode(clip.path), clip.text) for clip in exam], "canary": canary(options.data)}
            before = None
            for arm in options.arms:
                if (options.speakers, name, seed, arm) in have:
                    continue
                before = before or errors(base, tests["exam"])
                row = {"speakers": options.speakers, "speaker": name, "seed": seed, "arm": arm, "base": before}
                row |= {"base_canary": base_canary, **run(lessons, recipe(arm), seed, tests)}
                append_json_line(options.out, row)
                counts = [sum(e for e, _ in row[which]) for which in ("base", "exam", "base_canary", "canary")]
                print(name, seed, arm, *counts, f"{row['train_seconds']:.0f} s", row["notices"], flush=True)


if __name__ == "__main__":
    main()

"""The experiments behind the presets: arms of recipes on real speech, scored on speakers or sentences never trained on.

    python -m tests.bench.sweep DATA --out sweep.jsonl --domains accent --seeds 0 1 2 --arms plain decoder lora accent
    python -m tests.bench.sweep DATA --out sweep.jsonl --domains accent --seeds 0 --arms mine --set mine:learning_rate=2e-5
    python -m tests.bench.sweep DATA --out sweep.jsonl --table

DATA is a folder of sets, each with a manifest.csv (path,text,speaker): l2_english (accent, split by speaker), belarusian
(language), telephony_english mixed with noise_and_rir at 0 to 10 dB (noise), and librispeech_mini (the canary). What is
done already in --out is not done again, so that a sweep may be stopped at any time.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.audio.sound_files import decode
from core.audio.waves import Sounds
from core.data.clips.labelled_set import Clip, speakers_or_sentences
from core.data.samples import REPLAY, read_sample
from core.evaluation.compare import compare
from core.models.loading import load_model
from core.storage.files import append_json_line, read_json_lines
from core.text.metrics import Interval, paired_interval
from core.text.scoring import normalise
from core.training.events import Noticed, Trained
from core.training.loop import finetune
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe

SIZES = {"train": 80, "validation": 40, "test": 160}
CANARY_CLIPS = 60
SNR_DB = (0.0, 10.0)
EVALUATIONS = 2
PLAIN, PLAIN_RATE = "plain", 1e-5
LANGUAGES = {"accent": "en", "noise": "en", "language": "be"}


@dataclass(frozen=True)
class Domain:
    """One scenario's clips, decoded: float32 [samples] at 16 kHz with their transcripts."""

    name: str
    clips: dict[str, list[Clip]]
    waves: dict[str, list[np.ndarray]]

    def sounds(self, part: str) -> Sounds:
        """Returns a part as training takes it."""
        return [(wave, clip.text) for wave, clip in zip(self.waves[part], self.clips[part], strict=True)]


def recipe_of(arm: str, changes: dict[str, str], clips: int) -> Recipe:
    """Returns the recipe of an arm: the usual ones it is held against, a preset by its name, or changes alone."""
    epochs = 4
    arms = {
        PLAIN: Recipe(trains="everything", learning_rate=PLAIN_RATE, epochs=epochs),
        "decoder": Recipe(trains="decoder", learning_rate=3e-5, epochs=epochs),
        "lora": Recipe(trains="decoder", adapter="lora", learning_rate=1e-3, epochs=epochs),
        **{name: preset(name, "whisper", clips) for name in PRESETS},
    }
    recipe = arms.get(arm, Recipe(epochs=epochs)).changed(changes)
    return recipe.changed({"evaluations": str(EVALUATIONS)})


def read(folder: Path) -> list[Clip]:
    """Reads a manifest."""
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        return [Clip(str(folder / row["path"]), row["text"], row["speaker"]) for row in csv.DictReader(file)]


def domain(name: str, data: Path, seed: int) -> Domain:
    """Draws a scenario's parts: other speakers on either side where there are several, else other sentences."""
    rng = np.random.default_rng(seed)
    folder = {"accent": "l2_english", "language": "belarusian", "noise": "telephony_english"}[name]
    listed = [clip for clip in read(data / folder) if clip.text.strip()]
    by_voice = name == "accent"
    groups: dict[str, list[Clip]] = {}
    for clip in listed:
        group = clip.speaker if by_voice else normalise(clip.text, LANGUAGES[name])
        groups.setdefault(group, []).append(clip)
    order = [groups[key] for key in rng.permutation(sorted(groups))]
    parts: dict[str, list[Clip]] = {part: [] for part in ("test", "validation", "train")}
    for part in parts:  # so the test is the same whatever the size of the training set
        while order and len(parts[part]) < SIZES[part]:
            parts[part] += order.pop()
        parts[part] = parts[part][: SIZES[part]]
    waves = {part: [decode(clip.path) for clip in clips] for part, clips in parts.items()}
    if name == "noise":
        noises = [decode(clip.path) for clip in read(data / "noise_and_rir") if "noise/" in clip.path]
        waves = {part: [in_noise(wave, noises, rng) for wave in several] for part, several in waves.items()}
    return Domain(name, parts, waves)


def in_noise(wave: np.ndarray, noises: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Adds a random stretch of a noise at a random signal-to-noise ratio over the whole clip's power."""
    noise = noises[rng.integers(len(noises))]
    noise = np.resize(np.roll(noise, int(rng.integers(len(noise)))), len(wave))
    share = 10 ** (-rng.uniform(*SNR_DB) / 20) * np.sqrt(np.mean(wave**2) / max(float(np.mean(noise**2)), 1e-12))
    mixed = wave + share * noise
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


@cache
def canary(data: Path) -> tuple[list[Clip], list[np.ndarray]]:
    """Returns LibriSpeech, a clip a speaker."""
    clips = read(data / "librispeech_mini")
    clips = clips[:: len(clips) // CANARY_CLIPS][:CANARY_CLIPS]
    return clips, [decode(clip.path) for clip in clips]


def run(chosen: Domain, recipe: Recipe, seed: int, data: Path, base: dict[str, list[str]]) -> dict:
    """Trains and scores one arm."""
    model = load_model("whisper-tiny.en", precision=recipe.precision)
    general = read_sample(REPLAY).clips if recipe.replay else ()
    began = time.perf_counter()
    trained, notices = None, []
    for event in finetune(
        model,
        chosen.sounds("train"),
        chosen.sounds("validation"),
        recipe,
        seed=seed,
        language=LANGUAGES[chosen.name],
        general=[(decode(clip.path), clip.text) for clip in general],
    ):
        trained = event if isinstance(event, Trained) else trained
        notices += [event.reason] if isinstance(event, Noticed) else []
    seconds = time.perf_counter() - began
    assert trained is not None
    clips, waves = canary(data)
    result = {"seconds": seconds, "train_seconds": trained.seconds, "best_step": trained.best_step, "steps": trained.steps}
    result |= {"distance": trained.distance, "notices": notices}
    for group, labelled, sounds in (("test", chosen.clips["test"], chosen.waves["test"]), ("canary", clips, waves)):
        texts = [t.text for t in model.transcribe(sounds)]
        language = "en" if group == "canary" else LANGUAGES[chosen.name]
        compared = compare(labelled, base[group], texts, language)
        result[group] = dataclasses.asdict(compared.figures)
        clusters, _ = speakers_or_sentences(labelled, language)
        counts = [(clip.base_errors, clip.adapted_errors, clip.words) for clip in compared.clips]
        result[group]["errors"] = [[cluster, *count] for cluster, count in zip(clusters, counts, strict=True)]
    return result


def base_texts(chosen: Domain, data: Path) -> dict[str, list[str]]:
    """Reads a scenario and the canary with the base."""
    model = load_model("whisper-tiny.en")
    return {
        "test": [t.text for t in model.transcribe(chosen.waves["test"])],
        "canary": [t.text for t in model.transcribe(canary(data)[1])],
    }


def table(rows: list[dict]) -> str:
    """Returns Markdown: for each scenario and arm the means over seeds, the change from base, and that from plain."""
    titles = ("scenario", "arm", "seeds", "WER", "CER", "from base", "from plain", "canary WER", "from base", "seconds")
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for name in dict.fromkeys(row["domain"] for row in rows):
        of_domain = [row for row in rows if row["domain"] == name]
        seeds = {row["seed"]: row for row in of_domain}.values()
        wer, cer, general = (
            100 * np.mean([row[group]["base"][rate] for row in seeds])
            for group, rate in (("test", "wer"), ("test", "cer"), ("canary", "wer"))
        )
        lines.append(f"| {name} | base | {len(seeds)} | {wer:.1f} % | {cer:.1f} % | | | {general:.1f} % | | |")
        plain = {row["seed"]: row for row in of_domain if row["arm"] == PLAIN}
        for arm in dict.fromkeys(row["arm"] for row in of_domain):
            own = {row["seed"]: row for row in of_domain if row["arm"] == arm}
            wer, cer, general, seconds = (
                np.mean([cell(row) for row in own.values()])
                for cell in (
                    lambda row: 100 * row["test"]["adapted"]["wer"],
                    lambda row: 100 * row["test"]["adapted"]["cer"],
                    lambda row: 100 * row["canary"]["adapted"]["wer"],
                    lambda row: row["seconds"],
                )
            )
            both = [seed for seed in own if seed in plain and arm != PLAIN]
            beside = change([plain[seed] for seed in both], [own[seed] for seed in both], "test", 1) if both else ""
            rows_own = list(own.values())
            cells = (f"{wer:.1f} %", f"{cer:.1f} %", change(rows_own, rows_own, "test", 0), beside, f"{general:.1f} %")
            end = (change(rows_own, rows_own, "canary", 0), f"{seconds:.0f}")
            lines.append(f"| {name} | {arm} | {len(own)} | {' | '.join((*cells, *end))} |")
    return "\n".join(lines)


def change(before: list[dict], after: list[dict], group: str, column: int) -> str:
    """Returns the change of WER in points with its 95 % interval, all seeds together.

    A speaker or sentence that several seeds test is one cluster.

    Args:
        before, after: rows of the same seeds in the same order.
        group: "test" or "canary".
        column: whose errors `after` is held against: 0 the base's, 1 what `before`'s arm makes.
    """
    first = [clip for row in before for clip in row[group]["errors"]]
    second = [clip for row in after for clip in row[group]["errors"]]
    interval = paired_interval(
        [clip[1 + column] for clip in first], [clip[2] for clip in second], [c[3] for c in second], [c[0] for c in second]
    )
    return points(interval)


def points(interval: Interval) -> str:
    """Returns a difference of error rates in points, its interval in brackets."""
    return f"{100 * interval.difference:+.1f} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def main() -> None:
    """Runs what is asked for and is not done yet, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--domains", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--arms", nargs="+", default=["plain", "decoder", "lora"])
    parser.add_argument("--set", action="append", default=[], metavar="ARM:KEY=VALUE", help="change an arm's recipe")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    changes: dict[str, dict[str, str]] = {}
    for entry in options.set:
        arm, _, pair = entry.partition(":")
        key, _, value = pair.partition("=")
        changes.setdefault(arm, {})[key] = value
    for seed in options.seeds:
        for name in options.domains:
            chosen, base = None, None
            for arm in options.arms:
                recipe = recipe_of(arm, changes.get(arm, {}), SIZES["train"])
                if any((row["domain"], row["seed"], row["arm"]) == (name, seed, arm) for row in done):
                    continue
                chosen = chosen or domain(name, options.data, seed)
                base = base or base_texts(chosen, options.data)
                row = {"domain": name, "seed": seed, "arm": arm, "recipe": recipe.to_json()}
                row |= run(chosen, recipe, seed, options.data, base)
                append_json_line(options.out, row)
                rates = [f"{row[g]['base']['wer']:.3f}->{row[g]['adapted']['wer']:.3f}" for g in ("test", "canary")]
                print(name, seed, arm, *rates, f"{row['seconds']:.0f} s", row["notices"], flush=True)


if __name__ == "__main__":
    main()

"""What the preset for one's own words does for words that the base never gets right, on one real voice.

    python -m tests.bench.own_words DATA --out own_words.jsonl --arms words words:trains=all_but_head,learning_rate=3e-5
    python -m tests.bench.own_words DATA --out own_words.jsonl --words judging --seeds 0 1 2
    python -m tests.bench.own_words DATA --out own_words.jsonl --table

No speaker of the sets in DATA says enough words that the base never gets right. So common words of telephony_english, one
voice of 540 prompts, get a spelling that no base writes, as a name has that sounds like a word: "conference" is Khanfrance.
Three words are learned at once, each from four prompts, and counted in other prompts; no prompt is on both sides. Settings
are chosen by the words of "tuning" alone and judged by those of "judging". What is done already in --out is not done again.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from core.audio.sound_files import decode
from core.data.clips.labelled_set import Clip
from core.data.samples import REPLAY, read_sample
from core.evaluation.compare import compare
from core.evaluation.term_counts import flipped
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.storage.files import append_json_line, read_json_lines
from core.storage.memory import keep_torch_small
from core.text.scoring import normalise
from core.text.terms import has_term
from core.training.events import Noticed, Trained
from core.training.loop import finetune
from tests.bench.adapting import recipe_of
from tests.bench.sweep import canary, read

MODEL = "whisper-tiny.en"
WORDS = {
    "tuning": {"conference": "Khanfrance", "extension": "Ekstenshan", "number": "Numbarre"},
    "judging": {"message": "Messaj", "password": "Paswert", "volume": "Vollyum"},
}
LESSONS, EXAM = 4, 6  # prompts of each word, at most


@dataclass(frozen=True)
class Drawn:
    """The prompts of three words, respelled: `lessons` are trained on, `exam` is counted."""

    lessons: list[Clip]
    exam: list[Clip]


def respelled(text: str, words: dict[str, str]) -> str:
    """Returns a text with each word in its new spelling, in the singular or the plural."""
    for word, spelling in words.items():
        text = re.sub(rf"\b{word}(s?)\b", rf"{spelling}\1", text, flags=re.IGNORECASE)
    return text


def draw(data: Path, words: dict[str, str], seed: int) -> Drawn:
    """Draws prompts with each word for the lessons and other prompts for the exam; no sentence is drawn twice."""
    rng = np.random.default_rng(seed)
    prompts = {normalise(clip.text): clip for clip in read(data / "telephony_english")}
    sides: tuple[list[Clip], list[Clip]] = [], []
    for word in words:
        free = [clip for text, clip in sorted(prompts.items()) if has_term(text, word, "en") and len(text.split()) > 2]
        free = [clip for clip in free if clip not in sides[0] and clip not in sides[1]]
        chosen = [free[i] for i in rng.permutation(len(free))]
        sides[0].extend(chosen[:LESSONS])
        sides[1].extend(chosen[LESSONS : LESSONS + EXAM])
    lessons, exam = ([dataclasses.replace(clip, text=respelled(clip.text, words)) for clip in side] for side in sides)
    return Drawn(lessons, exam)


def run(arm: str, name: str, seed: int, data: Path) -> dict:
    """Trains one arm on the lessons of some words, and counts the words in the exam, and the errors on general speech."""
    words = WORDS[name]
    drawn = draw(data, words, seed)
    model = load_model(MODEL)
    recipe = recipe_of(arm, model.family, len(drawn.lessons))
    exam, (general, general_waves) = [decode(clip.path) for clip in drawn.exam], canary(data)
    before = _texts(model, exam), base_on_canary(data)
    trained, notices = None, []
    for event in finetune(
        model,
        [(decode(clip.path), clip.text) for clip in drawn.lessons],
        [],
        recipe,
        seed=seed,
        general=[(decode(clip.path), clip.text) for clip in read_sample(REPLAY).clips] if recipe.replay else (),
    ):
        trained = event if isinstance(event, Trained) else trained
        notices += [event.reason] if isinstance(event, Noticed) else []
    assert trained is not None
    after = _texts(model, exam), _texts(model, general_waves)
    tested = compare(drawn.exam, before[0], after[0], "en", list(words.values()))
    elsewhere = compare(general, before[1], after[1], "en")
    return {
        "words": name,
        "seed": seed,
        "arm": arm,
        "recipe": recipe.to_json(),
        "terms": [dataclasses.asdict(count) for count in tested.figures.terms],
        "flipped": flipped(tested.figures.terms),
        "test": [tested.base.wer.rate, tested.adapted.wer.rate],
        "canary": [elsewhere.base.wer.rate, elsewhere.adapted.wer.rate],
        "steps": trained.steps,
        "seconds": trained.seconds,
        "notices": notices,
    }


@cache
def base_on_canary(data: Path) -> list[str]:
    """Returns what the base writes for the general speech."""
    return _texts(load_model(MODEL), canary(data)[1])


def _texts(model: AsrModel, waves: Sequence[np.ndarray]) -> list[str]:
    return [transcript.text for transcript in model.transcribe(waves)]


def table(rows: list[dict]) -> str:
    """Returns Markdown: for each group of words and arm, the places flipped over all seeds, and the mean error rates."""
    titles = ("words", "arm", "seeds", "right of those never right", "exam WER", "canary WER", "steps", "seconds")
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for name, arm in dict.fromkeys((row["words"], row["arm"]) for row in rows):
        own = [row for row in rows if (row["words"], row["arm"]) == (name, arm)]
        right, times = (sum(row["flipped"][place] for row in own) for place in (1, 2))
        rates = [
            " → ".join(f"{100 * np.mean([row[group][i] for row in own]):.1f}" for i in range(2)) for group in ("test", "canary")
        ]
        spent = [f"{np.mean([row[key] for row in own]):.0f}" for key in ("steps", "seconds")]
        lines.append(
            f"| {name} | {arm} | {len(own)} | {right} of {times} | {rates[0]} % | {rates[1]} % | {' | '.join(spent)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Runs what is asked for and is not done yet, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--words", choices=tuple(WORDS), default="tuning")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--arms", nargs="+", default=["words"], help="a preset, with changes if wished: words:learning_rate=1e-4"
    )
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    keep_torch_small()
    done = read_json_lines(options.out)
    if options.table:
        print(table(done))
        return
    for arm in options.arms:
        for seed in options.seeds:
            if any((row["words"], row["seed"], row["arm"]) == (options.words, seed, arm) for row in done):
                continue
            began = time.perf_counter()
            row = run(arm, options.words, seed, options.data)
            append_json_line(options.out, row)
            rates = [f"{group} {row[group][0]:.3f}->{row[group][1]:.3f}" for group in ("test", "canary")]
            _, right, times = row["flipped"]
            print(options.words, arm, seed, f"{right} of {times}", *rates, f"{time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""Puts a network that `attune pretrain` made among those that come with Attune, judged on speech it never heard.

    python -m tests.bench.ship JOB DATA --corpus corpus/manifest.csv --out assets/models/wav2vec2

JOB is the folder of its last stage; the network that it began with is where it was, in its own job or with its card. DATA
holds l2_english and librispeech_mini, parted as tests/bench/thirds.py says; the corpus has a part "test" of other voices.
The model card then says what each set came to, with a 95 % interval over its speakers, and how long 5 s of speech take.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from core.audio.sound_files import SAMPLE_RATE
from core.data.clips.labelled_set import Clip, speakers_or_sentences
from core.data.importers.tables.csv import read_csv
from core.errors import RunError
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.pretraining.card import card
from core.pretraining.job import PretrainingJob, open_job
from core.storage.files import whole_folder
from core.text.metrics import paired_interval
from tests.bench.lessons import scored
from tests.bench.thirds import thirds

TIMED_SECONDS, TIMES = 5.0, 7
LIMITS, BEFORE = "## What it is not for", "## Before that"  # headings of a card
SETS = {
    "synthetic": "synthetic speech, other voices and sentences",
    "canary": "LibriSpeech (librispeech_mini), other speakers",
    "judge": "learners' English (l2_english), other speakers",
}
LICENCES = """
## Licences

The weights are under Attune's licence, Apache-2.0. They were made from output of espeak-ng, flite and festival on sentences
written for this project, from 80 clips of LibriSpeech (Panayotov et al. 2015, CC BY 4.0) and from 200 clips of speechocean762
(Zhang et al. 2021, Apache-2.0 by its publishers' page). None of the recordings is here. Where a stage "distil" is named, it
learnt from what Whisper tiny.en (OpenAI, MIT licence) computes of the same sound.
"""


def judged(model: AsrModel, clips: Sequence[Clip]) -> list[str]:
    """Reads clips and returns the cells of a row: clips, speakers, WER with its interval, CER."""
    found, _ = scored(model, clips)
    clusters, unit = speakers_or_sentences(clips, "en")
    # Held against a reader without errors, the difference is the rate itself.
    interval = paired_interval([0] * len(clips), found.word_errors, found.words, clusters, unit)
    spread = f"{found.wer.rate:.1%} ({max(0.0, interval.low):.1%} to {interval.high:.1%})"
    return [str(len(clips)), f"{interval.clusters} {unit}", spread, f"{found.cer.rate:.1%}"]


def seconds_taken(model: AsrModel) -> float:
    """Returns the median seconds that 5 s of sound take, the first time left out."""
    wave = np.random.default_rng(0).normal(0, 0.05, int(TIMED_SECONDS * SAMPLE_RATE)).astype(np.float32)
    taken = []
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        model.transcribe([wave])
        taken.append(time.perf_counter() - begun)
    return float(np.median(taken[1:]))


def sets(data: Path, corpus: Path) -> dict[str, list[Clip]]:
    """Returns the clips of each of `SETS`."""
    parted = thirds(data)
    synthetic = [clip for clip in read_csv(corpus) if clip.part == "test"]
    return {"synthetic": synthetic, "canary": parted["canary"], "judge": parted["judge"]}


def history(start: str) -> list[str]:
    """Returns what earlier cards tell of the stages that led to a network, the last one first.

    Args:
        start: the model folder that a job began with; "" where it began with random weights. Where its job is gone, its own
            model card tells the rest.
    """
    if not start:
        return []
    folder = Path(start)
    try:
        job = open_job(folder.parent)
    except RunError:
        told, _, after = (folder / "README.md").read_text(encoding="utf-8").partition(LIMITS)
        earlier = after.partition(BEFORE)[2].partition(LICENCES)[0]
        return [*_section(told), *(["", BEFORE, "", *earlier.strip().split("\n")] if earlier else [])]
    return [*_section(card(job.result() or {}, job.evaluations())), *history(job.request().start)]


def _section(told: str) -> list[str]:
    """Returns a stage's part of a card as a section of another."""
    facts = [line for line in told.split("\n") if line.startswith(("- ", "|", "Trained with"))]
    spaced: list[str] = []
    for line in facts:
        if spaced and line[0] != spaced[-1][0]:
            spaced.append("")
        spaced.append(line)
    return ["", BEFORE, "", *spaced]


def written(job: PretrainingJob, model: AsrModel, clips: dict[str, list[Clip]]) -> str:
    """Returns the model card."""
    lines = [card(job.result() or {}, job.evaluations()), "## What it makes of speech it never heard", ""]
    lines += ["| speech | clips | of | WER (95 % interval) | CER |", "|---|---|---|---|---|"]
    lines += [f"| {told} | {' | '.join(judged(model, clips[name]))} |" for name, told in SETS.items()]
    took, threads = seconds_taken(model), torch.get_num_threads()
    lines += ["", f"{TIMED_SECONDS:g} s of sound take {took:.2f} s on the computer that trained it, threads: {threads}."]
    lines += ["Measured by `python -m tests.bench.ship`."]
    lines += history(job.request().start)
    return "\n".join(lines) + "\n" + LICENCES


def main() -> None:
    """Judges the network and copies it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    job = open_job(options.job.resolve())
    text = written(job, load_model(str(job.model), "en"), sets(options.data.resolve(), options.corpus.resolve()))
    print(text)
    with whole_folder(options.out) as folder:
        shutil.copytree(job.model, folder, dirs_exist_ok=True)
        (folder / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

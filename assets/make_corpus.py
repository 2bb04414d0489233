"""Makes hours of synthetic English to train small networks on.

Needs what `make_samples.py` needs. `python assets/make_corpus.py OUT --hours 12` writes OUT/audio/*.flac (16 kHz) and
OUT/manifest.csv (path,text,speaker,part), which `attune pretrain --data` takes. The same versions of the synthesisers give
the same corpus, whatever the number of processes.

No sentence is drawn twice, and none of the sample sets' is drawn. The voices of the parts "validation" and "test" are heard
in no other part.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np
import soundfile
from corpus_grammar import Grammar
from make_samples import SAMPLE_RATE, SAMPLES, Voice, espeak, festival, flite, speak

PROGRAMS = {"espeak": "espeak-ng", "flite": "flite", "festival": "text2wave"}
HELD_OUT_CLIPS = 200  # of each part, or a twentieth of what there is to train on
CHUNK = 256  # sentences at a time: after each, whether there are enough hours is asked
MOST_SECONDS = 15.0  # a synthesiser that speaks longer has lost its way

# espeak-ng's variants that speak like a person, not like a robot or under their breath, by the part in which they are heard.
VARIANTS = {
    "train": [
        "m1",
        "m2",
        "m3",
        "m4",
        "m6",
        "m8",
        "f1",
        "f2",
        "f3",
        "f4",
        "Alex",
        "Alicia",
        "Andrea",
        "Andy",
        "Denis",
        "Diogo",
        "Gene",
        "Henrique",
        "Hugo",
        "Jacky",
        "Lee",
        "Marco",
        "Mario",
        "Mike",
        "adam",
        "anika",
        "antonio",
        "aunty",
        "belinda",
        "benjamin",
        "boris",
        "caleb",
        "david",
        "ed",
        "edward",
        "gustave",
        "iven",
        "john",
        "linda",
        "marcelo",
        "max",
        "miguel",
        "norbert",
        "pablo",
        "paul",
        "quincy",
        "rob",
        "robert",
        "sandro",
        "shelby",
        "steph",
        "travis",
        "victor",
        "zac",
    ],
    "validation": ["m5", "Annie", "michel", "pedro"],
    "test": ["m7", "f5", "Michael", "steph2"],
}
ACCENTS = {"en-us": 5, "en-gb": 3, "en-gb-scotland": 1, "en-gb-x-rp": 1, "en-gb-x-gbclan": 1}  # and how often each is taken
# The voices of flite and festival sound more like people; slt is the same person in both.
RECORDED = {
    "train": {("flite", "slt"): 4, ("flite", "awb"): 4, ("flite", "kal16"): 1, ("festival", "ked_diphone"): 1},
    "validation": {},
    "test": {("flite", "rms"): 1},
}
RECORDED_SHARE = {"train": 0.35, "validation": 0.0, "test": 0.4}


@dataclass(frozen=True)
class Line:
    """A sentence, and who says it.

    Attributes:
        path: of its sound, relative to the corpus.
        text: the sentence.
        speaker: who says it; one speaker speaks at several rates and pitches.
        part: "train", "validation" or "test".
        maker, arguments: the function of `make_samples` that gives the voice, and with what.
    """

    path: str
    text: str
    speaker: str
    part: str
    maker: str
    arguments: tuple


def lines(part: str, sentences: Iterator[str], seed: int) -> Iterator[Line]:
    """Casts sentences of a part, without end."""
    rng = Random(f"{part} {seed}")
    recorded = RECORDED[part]
    for i, text in enumerate(sentences):
        if rng.random() < RECORDED_SHARE[part]:
            maker, voice = rng.choices(list(recorded), list(recorded.values()))[0]
            speaker, arguments = f"{maker}-{voice}", (voice,)
        else:
            accent = rng.choices(list(ACCENTS), list(ACCENTS.values()))[0]
            voice = f"{accent}+{rng.choice(VARIANTS[part])}"
            maker, speaker = "espeak", f"espeak-{voice}"
            arguments = (voice, rng.randint(130, 200), rng.randint(25, 75))  # words a minute, pitch
        yield Line(f"audio/{part}-{i:06d}.flac", text, speaker, part, maker, arguments)


def say(line: Line, folder: Path) -> float:
    """Speaks a line into its file; returns its seconds, or 0.0 where no usable sound came out."""
    voice: Voice = {"espeak": espeak, "flite": flite, "festival": festival}[line.maker](*line.arguments)
    try:
        wave = speak(voice, line.text)
    except (subprocess.CalledProcessError, IndexError, soundfile.SoundFileError):  # silence has no first loud sample
        return 0.0
    seconds = len(wave) / SAMPLE_RATE
    if not 1.0 <= seconds <= MOST_SECONDS or not np.isfinite(wave).all():
        return 0.0
    soundfile.write(folder / line.path, np.clip(wave, -1, 1), SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return seconds


def sample_sentences() -> set[str]:
    """Returns the sentences of the sample sets, which nothing may be trained on beforehand."""
    found = set()
    for table in SAMPLES.glob("*/clips.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            found |= {row["text"] for row in csv.DictReader(file)}
    return found


def make_corpus(folder: Path, hours: float, seed: int = 0, processes: int = 2) -> dict[str, float]:
    """Makes the corpus.

    Args:
        folder: where; its audio and manifest are made anew.
        hours: of the part "train"; a few seconds more come out.
        seed: of sentences and voices.
        processes: that speak at the same time.

    Returns:
        Hours of each part.
    """
    shutil.rmtree(folder / "audio", ignore_errors=True)
    (folder / "audio").mkdir(parents=True)
    known = sample_sentences()
    fresh = (text for text in Grammar(seed).sentences() if text not in known)
    made = dict.fromkeys(("validation", "test", "train"), 0.0)
    clips = int(min(HELD_OUT_CLIPS, max(1, hours * 3600 / 3.5 / 20)))
    with (
        (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file,
        ThreadPoolExecutor(processes) as pool,  # the work is in the synthesisers: own processes,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("path", "text", "speaker", "part"))
        for part in made:
            cast = lines(part, fresh, seed)
            while made[part] < hours * 3600 if part == "train" else not made[part]:
                chunk = list(islice(cast, CHUNK if part == "train" else clips))
                for line, seconds in zip(chunk, pool.map(say, chunk, [folder] * len(chunk)), strict=True):
                    if seconds:
                        made[part] += seconds
                        table.writerow((line.path, line.text, line.speaker, line.part))
    return {part: seconds / 3600 for part, seconds in made.items()}


def missing_programs() -> list[str]:
    """Returns the synthesisers that are not installed."""
    return [program for program in PROGRAMS.values() if shutil.which(program) is None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make hours of synthetic English to train small networks on.")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    parser.add_argument("--hours", type=float, default=12.0, help="to train on (default 12)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if missing_programs():
        parser.exit(1, f"Not installed: {', '.join(missing_programs())}. make_samples.py says which packages they are in.\n")
    started = time.perf_counter()
    for name, amount in make_corpus(options.out, options.hours, options.seed, options.processes).items():
        print(f"{name}: {amount:.2f} h")
    print(f"in {(time.perf_counter() - started) / 60:.1f} min")

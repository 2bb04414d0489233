"""The benchmark: Attune against the usual recipes and recognisers, on the same clips, by turns, each in its own process.

    make bench DATA=folder-of-sets                      # everything, the most telling first; stop it when you like
    make bench DATA=folder-of-sets BUDGET=90            # begins nothing after 90 minutes
    make bench DATA=folder-of-sets SIZES="20 200" ARMS="plain plain-bf16 accent" THREADS=2 REPEATS=3
    make bench                                          # without real sets: on the sample sets, which are synthetic

Every figure is a line of JSON in runs/bench.jsonl; what is done there already is not done again. bench.md and speed.svg are
written anew after every measurement, beside that file or in the folder that REPORT names.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from core.storage.files import append_json_line, read_json_lines
from core.storage.memory import keep_torch_small
from tests.bench import chart, table, transcribing
from tests.bench.adapting import CTC, DEFAULT
from tests.bench.arms import ARMS
from tests.bench.jobs import Job, machine, run, run_apart

FIRST = ("plain", "plain-bf16", "accent")
OTHERS = (
    "lora-bf16", "frozen-bf16", "careful", "words", DEFAULT, "noise", "language", "frozen", "lora",
    "accent:precision=float32", "accent:thin=false",
)  # fmt: skip
OF_CTC = ("plain", "plain-bf16", "accent", "careful", "lora-bf16", "frozen-bf16", "lora", "frozen")
SIZES, SAMPLE_SIZES, MAIN_SIZE = (20, 200, 600), (20, 36), 200
QUICK_RECOGNISERS = 3  # one of each kind
KINDS = ("base", "train", "forecast", "transcribe", "thin")
OUT = Path("runs/bench.jsonl")


def plan(options: argparse.Namespace) -> list[Job]:
    """Returns all measurements that are asked for, the most telling first; repeats take turns."""
    common = {"model": options.model, "data": str(options.data.resolve()) if options.data else "", "quick": options.quick}
    usual = MAIN_SIZE if MAIN_SIZE in options.sizes else max(options.sizes)
    smaller, larger = (sorted(s for s in options.sizes if (s < usual) == below and s != usual) for below in (True, False))

    def training(arms: Sequence[str], sizes: Sequence[int], model: str = options.model) -> list[Job]:
        jobs = []
        for size in sizes:
            own = {**common, "model": model, "clips": size}
            chosen = [arm for arm in arms if options.arms is None or arm in options.arms]
            for repeat in range(options.repeats):
                for arm in chosen:
                    jobs.append(Job("train", arm, repeat=repeat, epochs=options.epochs if arm in ARMS else 0, **own))
            jobs += [Job("forecast", arm, **own) for arm in chosen if arm not in ARMS]
        return jobs

    extra = [arm for arm in options.arms or () if arm not in (*FIRST, *OTHERS)]
    several = transcribing.RECOGNISERS[: QUICK_RECOGNISERS if options.quick else None]
    recognisers = [name for name in several if not transcribing.is_missing(name)]
    reading = [Job("transcribe", name, repeat=r, **common) for r in range(options.repeats) for name in recognisers]
    jobs = [
        Job("base", clips=usual, **common),
        *training(FIRST, [usual]),
        *reading,
        Job("thin", **common),
        *training(FIRST, smaller),
        *training((*OTHERS, *extra), [usual]),
        *training(OF_CTC, [usual], CTC),
        *training(FIRST, larger),
        *training((*OTHERS, *extra), smaller),
        *training(OF_CTC, smaller, CTC),
        *training((*OTHERS, *extra), larger),
        *training(OF_CTC, larger, CTC),
    ]
    return [job for job in jobs if job.kind in options.kinds]


def measure(jobs: Sequence[Job], options: argparse.Namespace, report: Callable[[list[dict]], None]) -> int:
    """Carries out what is not done yet, until the time is up; a measurement that fails costs no other.

    Returns:
        How many failed.
    """
    here, began, failed = machine(options.threads), time.monotonic(), 0
    rows = read_json_lines(options.out)
    for number, job in enumerate(jobs, start=1):
        if any((row["job"], row["machine"]) == (job.label, here) for row in rows):
            continue
        minutes = (time.monotonic() - began) / 60
        if options.minutes is not None and minutes >= options.minutes:
            print(f"The {options.minutes:g} minutes are up: {len(jobs) - number + 1} measurements are left.")
            break
        print(f"{minutes:6.1f} min  {number} of {len(jobs)}  {job.words}", flush=True)
        try:
            figures = run(job) if options.quick else run_apart(job, options.threads)
        except KeyboardInterrupt:
            print("Stopped. The same command goes on with what is left.")
            break
        except RuntimeError as error:
            print(f"  failed: {error}", file=sys.stderr, flush=True)
            failed += 1
            continue
        rows.append({"job": job.label, "machine": here, **figures})
        append_json_line(options.out, rows[-1])
        report(rows)
    report(rows)
    return failed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and reports; returns how many measurements failed."""
    keep_torch_small()
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of l2_english, librispeech_mini, telephony_english; see clips.py")
    parser.add_argument("--out", type=Path, default=OUT, help="where the figures are kept")
    parser.add_argument("--report", type=Path, help="where bench.md and speed.svg are written; by default beside --out")
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of training clips")
    parser.add_argument("--arms", nargs="+", help="of the trainings; accent:thin=false,epochs=3 changes a preset's recipe")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--epochs", type=int, default=4, help="of the usual recipes; Attune's choose their own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=1, help="each with a seed of its own")
    parser.add_argument("--minutes", type=float, help="begin nothing after so long")
    parser.add_argument("--model", default="whisper-tiny.en")
    parser.add_argument("--quick", action="store_true", help="a few clips, in this process: shows that it works, no figures")
    parser.add_argument("--table", action="store_true", help="measure nothing, print and write what is there")
    options = parser.parse_args(arguments)
    options.sizes = options.sizes or list(SIZES if options.data else SAMPLE_SIZES)
    folder = options.report or options.out.parent

    def report(rows: list[dict]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        page = folder / "bench.md"
        before = page.read_text(encoding="utf-8") if page.is_file() else ""
        page.write_text(table.renewed(before, rows), encoding="utf-8")
        chart.draw(rows, folder / "speed.svg")

    options.out.parent.mkdir(parents=True, exist_ok=True)
    if any(transcribing.is_missing(name) for name in transcribing.RECOGNISERS):
        print('faster-whisper is not installed and is left out: pip install -e ".[bench]"')
    failed = measure([] if options.table else plan(options), options, report)
    print(table.document(read_json_lines(options.out)))
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main()))

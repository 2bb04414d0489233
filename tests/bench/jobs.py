"""One measurement, in a process of its own, so that its peak memory is its own: `python -m tests.bench.jobs JOB`."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import platform
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers

from core.storage import cache
from core.storage.memory import keep_torch_small
from tests.bench import adapting, clips, thinning, transcribing

ROOT = Path(__file__).parents[2]
CPUINFO, STATUS = Path("/proc/cpuinfo"), Path("/proc/self/status")
FLAGS = ("amx_bf16", "avx512_bf16")  # of processors on which bfloat16 is quick
PACKAGES = ("torch", "transformers", "peft")


@dataclass(frozen=True)
class Job:
    """What to measure.

    Attributes:
        kind: "base", "train", "forecast", "transcribe" or "thin".
        arm: of a training or forecast, or a recogniser; "" where there is one way only.
        model: for `load_model`, or `adapting.CTC`.
        clips: to train on.
        repeat: from 0; also the seed of a training.
        epochs: of the Trainer's arms.
        data: folder of the sets, "" for the sample sets.
        quick: whether a few clips and a tiny network will do.
    """

    kind: str
    arm: str = ""
    model: str = "whisper-tiny.en"
    clips: int = 0
    repeat: int = 0
    epochs: int = 0
    data: str = ""
    quick: bool = False

    @property
    def label(self) -> dict[str, Any]:
        """What tells it from others, wherever the data lie."""
        places = {"data": f"the sets in {Path(self.data).name}" if self.data else "the sample sets"}
        if Path(self.model).is_dir():
            places["model"] = Path(self.model).name
        return {**dataclasses.asdict(self), **places}

    @property
    def words(self) -> str:
        """In a line of the terminal."""
        size = f"{self.clips} clips" if self.clips else ""
        return ", ".join(filter(None, (self.kind, self.arm, self.model, size, f"repeat {self.repeat}")))


def run(job: Job) -> dict[str, Any]:
    """Measures in this process and returns the figures of a row."""
    data = Path(job.data) if job.data else None
    limits = clips.QUICK if job.quick else clips.FULL
    # Caches of its own: what an earlier measurement kept must not speed up this one.
    with tempfile.TemporaryDirectory() as name, patch.object(cache, "FOLDER", str(Path(name, "cache"))):
        folder = Path(name)
        source = adapting.source_folder(job.model, folder, job.quick)
        if job.kind == "transcribe":
            names = [name for name in clips.set_names(data) if name in (clips.GENERAL, clips.CANARY)]
            sets = clips.sets(data, names, limits.canary)
            sets[clips.TARGET if data else clips.SAMPLES[0]] = clips.parts(data, limits, 0)[0]["test"]
            return transcribing.transcribe(job.arm, source, sets, torch.get_num_threads()) | {"peak": peak_bytes()}
        if job.kind == "thin":
            return thinning.thinning(source, clips.sets(data, clips.set_names(data), limits.thinned))
        parts, different = clips.parts(data, limits, job.clips)
        if job.kind == "base":
            return adapting.read_back(source, parts, plain=True)
        if job.kind == "forecast":
            return adapting.predict(job.arm, source, parts)
        row = adapting.train(job.arm, source, parts, job.epochs, job.repeat, folder / "trained")
        row |= {"peak": peak_bytes(), "different": different}
        if job.model != adapting.CTC:
            row |= adapting.read_back(folder / "trained", parts, plain=True)
        return row


def run_apart(job: Job, threads: int) -> dict[str, Any]:
    """Measures in a child process.

    Raises:
        RuntimeError: it failed; what it said last is in the message.
    """
    own = {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    given = json.dumps(dataclasses.asdict(job))
    child = [sys.executable, "-m", "tests.bench.jobs", given]
    done = subprocess.run(child, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-2000:] or f"ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_bytes() -> int:
    """Returns the most memory this process has had resident.

    Linux tells it of this program alone; what getrusage tells there includes the process that started it.
    """
    if STATUS.is_file():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def machine(threads: int) -> dict[str, Any]:
    """Returns what a figure depends on beside the code."""
    told = CPUINFO.read_text() if CPUINFO.is_file() else ""
    names = [line.split(":", 1)[1].strip() for line in told.splitlines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": threads,
        "flags": [flag for flag in FLAGS if f" {flag} " in told.replace("\n", " ")],
        **{package: version(package) for package in PACKAGES},
    }


def main() -> None:
    """Measures the job that is given as JSON and prints the figures as a line of JSON."""
    keep_torch_small()
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    figures = run(Job(**json.loads(sys.argv[1])))
    print("\n" + json.dumps(figures))


if __name__ == "__main__":
    main()

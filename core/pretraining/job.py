"""Pretraining as a job.

JOB/
  corpus.jsonl           the segments of audio found when the job was created
  checkpoint-000001234/  the latest checkpoint: weights, optimiser, step; removed when the job is complete
  model/                 the trained model, a folder that `load_model` reads
  and the files described in `core.runs.job_folder`
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.audio.augment.augmenter import Augmenter
from core.data.library.library import Library
from core.errors import RunError
from core.pretraining.card import card
from core.pretraining.checkpoint import Checkpoints, Reached
from core.pretraining.corpus import Corpus, decoded, find_corpus
from core.pretraining.loop import pretrain
from core.pretraining.networks import new_objective, refuse_start
from core.pretraining.objectives import Objective
from core.pretraining.request import Pretraining
from core.runs.environment import environment
from core.runs.job_folder import Job, refuse_used
from core.storage.files import replacing, whole_folder, write_json
from core.storage.state import UNREADABLE
from core.training.events import Entered, Evaluated, Event, Finished, Stepped

KIND = "pretraining"
CURVE_END_STEPS = 20  # the loss is averaged over this many steps at either end of its curve
SCALED_BY = 32  # clips used to scale a new DeepSpeech's first layer


@dataclass(frozen=True)
class PretrainingJob(Job):
    """A pretraining's folder."""

    @property
    def model(self) -> Path:
        """The folder of the trained model; exists once training is over."""
        return self.folder / "model"

    def request(self) -> Pretraining:
        """Reads the request.

        Raises:
            RunError: the file is damaged.
        """
        fields = self.read("request.json", dict[str, Any])
        try:
            return Pretraining.from_json(fields)
        except UNREADABLE as error:
            raise self.damaged("request.json") from error

    def corpus(self) -> Corpus:
        """Reads the recordings to train on and those held out.

        Raises:
            RunError: the file is damaged.
        """
        try:
            return Corpus.read(self.folder / "corpus.jsonl")
        except UNREADABLE as error:
            raise self.damaged("corpus.jsonl") from error

    def losses(self) -> list[float]:
        """Returns the loss of every step so far; if a step was repeated after a crash, the later loss."""
        return list({event.step: event.loss for event in self.events() if isinstance(event, Stepped)}.values())

    def evaluations(self) -> list[Evaluated]:
        """Returns the evaluations so far; if a step was repeated, the later one."""
        return list({event.step: event for event in self.events() if isinstance(event, Evaluated)}.values())


def create(folder: Path, request: Pretraining, library: Library | None = None) -> PretrainingJob:
    """Creates a job's folder and finds its recordings; notices about them are its first events.

    Args:
        folder: the job's folder; must be empty or missing.
        request: the request.
        library: the library with the sets that `request.data` may name.

    Raises:
        RunError: the folder is not empty.
        ModelError: the folder of the earlier stage holds another kind of network.
        DatasetError: there is nothing to train on, or texts are missing.
    """
    refuse_used(folder, "Choose another folder, or go on in it with --resume.")
    refuse_start(request)
    corpus, notices = find_corpus(request.data, request.held_out, request.stage == "ctc", library)
    folder.mkdir(parents=True, exist_ok=True)
    corpus.write(folder / "corpus.jsonl")
    write_json(folder / "request.json", {"kind": KIND, **request.to_json()})
    job = PretrainingJob(folder)
    for notice in notices:
        job.append(notice)
    return job


def open_job(folder: Path) -> PretrainingJob:
    """Opens a job's folder.

    Raises:
        RunError: the folder holds no pretraining job.
    """
    job = PretrainingJob(folder)
    if not (folder / "request.json").is_file() or job.kind != KIND:
        raise RunError("pretraining_missing", f"There is no pretraining in {folder}.", folder=str(folder))
    return job


def resume(job: PretrainingJob) -> None:
    """Prepares a job that ended early for resuming.

    Raises:
        RunError: the job is running, or done.
    """
    if job.is_alive():
        raise RunError("job_running", "This is already being trained. Wait for it, or stop it first.")
    if job.result() is not None:
        raise RunError("pretraining_done", f"The training in {job.folder} is done: there is nothing to resume.")
    (job.folder / "stop").unlink(missing_ok=True)


def carry_out(job: PretrainingJob) -> Iterator[Event]:
    """Trains, from the latest checkpoint if there is one, and writes every event to the folder before yielding it.

    Yields:
        Entered before each phase, the events of `core.pretraining.loop.pretrain`, and Finished.

    Raises:
        AttuneError: the starting model or the recordings cannot be used, or a stop was requested; checkpoints are kept.
        OSError: the disk is full.
    """
    return job.record(_steps(job))


def _steps(job: PretrainingJob) -> Iterator[Event]:
    request, corpus = job.request(), job.corpus()
    yield Entered("loading", len(corpus.train))
    augmenter = Augmenter(request.augment)
    some = [wave for wave, _ in decoded(corpus.train[:SCALED_BY])] if request.network == "deepspeech" else []
    objective = new_objective(request, augmenter, some)
    checkpoints = Checkpoints(job.folder)
    yield Entered("training", len(corpus.train))
    last, reached = yield from _watched(pretrain(objective, corpus, request, augmenter, checkpoints, job.should_stop))
    yield Entered("saving")
    result = _result(job, request, corpus, objective, reached, last)
    with whole_folder(job.model) as folder:
        objective.save(folder, request.half)
        result["megabytes"] = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
        with replacing(folder / "README.md") as temporary:
            temporary.write_text(card(result, job.evaluations()), encoding="utf-8")
    write_json(job.folder / "result.json", result)
    checkpoints.remove()
    yield Finished(reached.seconds)


def _watched(events: Generator[Event, None, Reached]) -> Generator[Event, None, tuple[Evaluated | None, Reached]]:
    """Passes on a training's events, and returns its last evaluation and how far it came."""
    last = None
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return last, end.value
        last = event if isinstance(event, Evaluated) else last
        yield event


def _result(
    job: PretrainingJob, request: Pretraining, corpus: Corpus, objective: Objective, reached: Reached, last: Evaluated | None
) -> dict[str, Any]:
    losses = job.losses()
    ends = [losses[:CURVE_END_STEPS], losses[-CURVE_END_STEPS:]]
    first, final = (sum(end) / len(end) if end else None for end in ends)
    return {
        "run": str(job.folder),
        "model": str(job.model),
        "stage": request.stage,
        "network": request.network,
        "start": request.start,
        "data": [Path(source).name for source in request.data],
        "clips": len(corpus.train),
        "hours": corpus.hours,
        "hours_heard": reached.heard / 3600,
        "steps": reached.step,
        "seconds": reached.seconds,
        "sound_a_second": reached.heard / reached.seconds if reached.seconds else 0.0,
        "parameters": sum(p.numel() for p in objective.network.parameters()),
        "loss": {"first": first, "last": final},
        "held_out": None if last is None else {**dataclasses.asdict(last), "measures": dict(last.measures)},
        "request": request.to_json(),
        "versions": environment(request.precision),
    }

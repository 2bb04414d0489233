"""Robustness of a finished run's base and adapted model to noise, a room and a telephone, measured as a job.

RUN/robustness/
  points.jsonl   one line per condition, written once both models have transcribed the clips
  and the files of every job, see `core.runs.job_folder`
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

from core.audio.sound_files import MAX_CLIP_SECONDS
from core.data.clips import labelled_set
from core.evaluation.robustness import CONDITIONS, ConditionResult, robustness
from core.runs.environment import environment
from core.runs.measurement import Measurement, request, requested, transcriber, unreadable
from core.runs.outcome import load_both
from core.runs.run_folder import Run
from core.runs.unusable_clips import clips_dropped
from core.storage.files import append_json_line, write_json
from core.storage.state import fits, read_lines
from core.text.scoring import RULES
from core.training.events import Advanced, Entered, Event, Finished

FOLDER = "robustness"


class _Fields(TypedDict):
    """Contents of request.json."""

    seed: int


@dataclass(frozen=True)
class RobustnessJob(Measurement):
    """The folder of a run's robustness measurement."""

    def points(self) -> list[ConditionResult]:
        """Reads the results so far.

        Their transcripts are not kept, so results of earlier scoring rules are left out unless the new rules score the run's
        own clips just as the earlier ones did.
        """
        found = read_lines(self.folder / "points.jsonl", _point)
        if all(point.rules == RULES for point in found) or self.run.is_scored_alike():
            return found
        return [point for point in found if point.rules == RULES]


def find(run: Run) -> RobustnessJob | None:
    """Returns the robustness job of a run, or None if nobody has requested one."""
    return requested(RobustnessJob(run.folder / FOLDER))


def create(run: Run, seed: int = 0) -> RobustnessJob:
    """Creates the folder; deletes the results of an earlier job.

    Args:
        run: a run with an adapted model and test clips.
        seed: seed of the noise.

    Raises:
        RunError: the run has no adapted model or no test clips, or its robustness is being measured.
    """
    return request(RobustnessJob(run.folder / FOLDER), {"kind": "robustness", "seed": seed})


def carry_out(job: RobustnessJob) -> Iterator[Event]:
    """Measures the robustness, writing every event and every point to the folder before yielding the event.

    Yields:
        Entered, Advanced after each condition, and Finished.

    Raises:
        AttuneError: a model or a clip cannot be read, or someone asked to stop; the points so far are kept.
        OSError: the disk is full.
    """
    return job.record(_steps(job))


def _steps(job: RobustnessJob) -> Iterator[Event]:
    started = time.perf_counter()
    run, seed = job.run, job.read("request.json", _Fields)["seed"]
    yield Entered("loading")
    listed, language = [row.clip() for row in run.compared_clips("test")], run.request().labelled_set.language
    waves, clips, dropped = labelled_set.decode_clips(listed, MAX_CLIP_SECONDS)
    if not clips:
        raise unreadable(run)
    if dropped:
        yield clips_dropped(dropped)
    base, adapted = load_both(run, language)
    yield Entered("conditions", len(clips))
    measuring = time.perf_counter()
    points = robustness(waves, clips, transcriber(job, base), transcriber(job, adapted), language, seed)
    for done, point in enumerate(points, 1):
        append_json_line(job.folder / "points.jsonl", point.to_json())
        took = time.perf_counter() - measuring
        yield Advanced(done, len(CONDITIONS), took / done * (len(CONDITIONS) - done))
    result: dict[str, Any] = {
        "run": str(run.folder),
        "seed": seed,
        "clips": len(clips),
        "points": [point.to_json() for point in job.points()],
        "seconds": time.perf_counter() - started,
        "versions": environment(run.request().recipe.precision),
    }
    write_json(job.folder / "result.json", result)
    yield Finished(result["seconds"])


def _point(line: Any) -> ConditionResult:
    if not fits(line, ConditionResult) or line["condition"] not in CONDITIONS:
        raise ValueError("no point")
    return ConditionResult.from_json(line)

"""Errors along the line from a run's base to its adapted model and beyond, measured as a job; see `core.models.blend`.

RUN/blend/
  points.jsonl   one line per place, written once the model there has transcribed the clips
  and the files of every job, see `core.runs.job_folder`
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from core.audio.sound_files import MAX_CLIP_SECONDS
from core.data.clips import labelled_set
from core.evaluation.compare import ClipComparison
from core.models.base.protocol import in_language
from core.runs.environment import environment
from core.runs.measurement import Measurement, request, requested, transcriber, unfinished, unreadable
from core.runs.outcome import load_both
from core.runs.run_folder import Run
from core.storage.files import append_json_line, write_json
from core.storage.state import fits, read_lines
from core.storage.typed import build
from core.text.metrics import score
from core.text.scoring import RULES
from core.training.events import Advanced, Entered, Event, Finished

FOLDER = "blend"
PLACES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)  # and where the adapted model is
GROUPS = ("test", "canary")


@dataclass(frozen=True)
class Counted:
    """Word errors on some clips; of characters where the language is scored by character.

    Attributes:
        errors: how many; length: words in the references.
    """

    errors: int
    length: int

    @property
    def rate(self) -> float:
        """Errors per word."""
        return self.errors / max(1, self.length)


@dataclass(frozen=True)
class BlendPoint:
    """The model at one place.

    Attributes:
        a: the place; 0 is the base.
        test, canary: its errors on the test clips and on general speech; None where the run has no such clips.
        rules: the version of the scoring rules, `core.text.scoring.RULES`.
    """

    a: float
    test: Counted | None
    canary: Counted | None
    rules: int


@dataclass(frozen=True)
class BlendJob(Measurement):
    """The folder of the measurement."""

    def points(self) -> list[BlendPoint]:
        """Reads the points so far, from the base on; those of other scoring rules are left out."""
        found = read_lines(self.folder / "points.jsonl", _point)
        return sorted((point for point in found if point.rules == RULES), key=lambda point: point.a)


def places(kept: float) -> list[float]:
    """Returns the places to measure, in order of a."""
    return sorted({*PLACES, kept})


def find(run: Run) -> BlendJob | None:
    """Returns the job of a run, or None if nobody has requested one."""
    return requested(BlendJob(run.folder / FOLDER))


def create(run: Run) -> BlendJob:
    """Creates the folder; deletes the results of an earlier job.

    Raises:
        RunError: the run has no adapted model, no test clips or no line, or this is being measured.
    """
    result = run.result()
    if result is not None and not result.has_line:
        raise unfinished(run)
    return request(BlendJob(run.folder / FOLDER), {"kind": "blend"})


def carry_out(job: BlendJob) -> Iterator[Event]:
    """Measures every place, writing every event and every point to the folder before yielding the event.

    Base and adapted model are not asked again: their points come from what they wrote in the run.

    Yields:
        Entered, Advanced after each place, and Finished.

    Raises:
        AttuneError: a model or a clip cannot be read, or someone asked to stop; the points so far are kept.
        OSError: the disk is full.
    """
    return job.record(_steps(job))


def _steps(job: BlendJob) -> Iterator[Event]:
    from core.models.blend import blend  # the page, which only reads the points, starts without torch

    started = time.perf_counter()
    run = job.run
    yield Entered("loading")
    result = run.result()
    assert result is not None, "a job is created for a finished run"
    clips, waves = _clips(run)
    base, adapted = load_both(run, result.language)
    _, moved = load_both(run, result.language)
    transcribe = transcriber(job, moved)
    yield Entered("places", sum(map(len, clips.values())))
    asked, measuring, computed = places(result.blend), time.perf_counter(), 0
    for done, a in enumerate(asked, 1):
        written = {0.0: "base", result.blend: "adapted"}.get(a)
        counted: dict[str, Counted | None] = dict.fromkeys(GROUPS)
        if written is None:
            blend(base, adapted, a, moved, result.blend)
            computed += 1
        for group, rows in clips.items():
            language = "en" if group == "canary" else result.language
            with in_language(moved, language):
                texts = [getattr(row, written) for row in rows] if written else transcribe(waves[group])
            found = score([row.reference for row in rows], texts, language).wer
            counted[group] = Counted(found.errors, found.length)
        append_json_line(job.folder / "points.jsonl", asdict(BlendPoint(a, **counted, rules=RULES)))
        took = time.perf_counter() - measuring
        yield Advanced(done, len(asked), took / max(1, computed) * (len(asked) - done))
    summary: dict[str, Any] = {
        "run": str(run.folder),
        "points": [asdict(point) for point in job.points()],
        "seconds": time.perf_counter() - started,
        "versions": environment(run.request().recipe.precision),
    }
    write_json(job.folder / "result.json", summary)
    yield Finished(summary["seconds"])


def _clips(run: Run) -> tuple[dict[str, list[ClipComparison]], dict[str, Sequence[np.ndarray]]]:
    """Returns the run's test clips and general speech that can still be read, with their sounds."""
    clips: dict[str, list[ClipComparison]] = {}
    waves: dict[str, Sequence[np.ndarray]] = {}
    for group in GROUPS:
        rows = {row.id: row for row in run.compared_clips(group)}
        found, read, _ = labelled_set.decode_clips([row.clip() for row in rows.values()], MAX_CLIP_SECONDS)
        if read:
            clips[group], waves[group] = [rows[clip.id] for clip in read], found
    if "test" not in clips:
        raise unreadable(run)
    return clips, waves


def _point(line: Any) -> BlendPoint:
    if not fits(line, BlendPoint):
        raise ValueError("no point")
    return build(BlendPoint, line)

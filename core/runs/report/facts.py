"""What a run worked with: its steps, clips, time and parameters, in the same words on page, report, card and command line."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.runs.report.markup import Say
from core.runs.result import Result

MINUTES_FROM = 90.0  # seconds; shorter durations are given in seconds
MILLIONS_FROM = 50_000  # parameters; fewer are given in thousands


@dataclass(frozen=True)
class Facts:
    """Each is a phrase without a full stop.

    Attributes:
        clips: clips trained on, those of the set and those of general speech.
        held_out: clips not trained on, by what they are for.
        steps: steps taken, and the step whose weights are kept.
        seconds: time in all, and of each phase.
        parameters: those that were trained, and all.
    """

    clips: str
    held_out: str
    steps: str
    seconds: str
    parameters: str


def facts(result: Result, say: Say) -> Facts:
    """Returns the phrases.

    Args:
        result: of the run.
        say: returns sentences of a language, by the keys of `core.runs.report.words_shared`.
    """
    took = {name: duration(getattr(result.seconds, name), say) for name in ("total", "train", "evaluate", "prepare")}
    held_out = {"validation": result.validation_clips, "test": result.test_clips}
    return Facts(
        clips=clips(result.own_clips, result.replayed, say),
        held_out=say("facts.held_out" if result.validation_clips else "facts.test", **held_out),
        steps=steps(result.steps, result.best_step, result.blend, say),
        seconds=say("facts.seconds", **took),
        parameters=trained_parameters(result.trained_parameters, result.parameters, say),
    )


def clips(own: int, replayed: int, say: Say) -> str:
    """Returns how many clips are trained on: those of the set, and those of general speech."""
    of_the_set = say("facts.own", clips=own)
    return say("facts.replayed", own=of_the_set, clips=replayed) if replayed else of_the_set


def steps(taken: int, best: int, blend: float, say: Say) -> str:
    """Returns how many steps were taken, and which weights are kept, see `core.training.events.Trained`."""
    kept = "base" if not best else "steps" if blend == 1 else "blend"
    return say(f"facts.kept_{kept}", steps=taken, best=best, a=f"{blend:g}")


def trained_parameters(trained: int, parameters: int, say: Say) -> str:
    """Returns how many parameters are trained, and of how many."""
    share = f"{100 * trained / max(1, parameters):.1f}"
    return say("facts.parameters", trained=millions(trained), all=millions(parameters), share=share)


def millions(parameters: int) -> str:
    """Formats a number of parameters in millions, or in thousands if there are few."""
    return f"{parameters / 1e6:.1f} M" if parameters >= MILLIONS_FROM else f"{parameters / 1e3:.1f} k"


def duration(seconds: float, say: Say) -> str:
    """Formats a duration: in minutes from `MINUTES_FROM`, else in seconds."""
    if not MINUTES_FROM <= seconds < math.inf:
        return say("time.seconds", n=max(1, round(seconds)) if math.isfinite(seconds) else "?")
    return say("time.minutes", n=f"{seconds / 60:.1f}")

"""Events that a run yields.

`core.training.loop.finetune` yields Prepared, then Stepped, Evaluated and Watched, then Trained. `core.runs.execute.execute`
also yields Entered before each phase, and Finished or Failed at the end. Noticed may occur anywhere. Ladder and robustness
jobs yield Advanced in between.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from core.storage.state import fits


@dataclass(frozen=True)
class Noticed:
    """Something the user should know; training continues.

    Attributes:
        reason: stable identifier, e.g. "characters_dropped".
        message: the English sentence.
        details: values that a translated sentence may name.
    """

    reason: str
    message: str
    details: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """The clips are decoded and training is planned.

    Attributes:
        clips: number of training clips, including replayed ones.
        minutes: total duration of the training audio.
        steps: planned optimiser steps; 0 if a time limit is given instead.
        trained_parameters: number of trained parameters, an adapter's where there is one.
        parameters: number of the model's parameters, not counting an adapter's.
        seconds: preparation time so far.
        replayed: how many of the clips are replayed general speech.
        held_out: reference texts of the validation clips that are transcribed.
        padding: share of the training batches' frames that is padding.
        validation: number of held-out clips. The held-out loss is over all of them; each evaluation transcribes
            `Evaluated.clips` of them.
    """

    clips: int
    minutes: float
    steps: int
    trained_parameters: int
    parameters: int
    seconds: float
    replayed: int = 0
    held_out: tuple[str, ...] = ()
    padding: float = 0.0
    validation: int = 0


@dataclass(frozen=True)
class Stepped:
    """One optimiser step.

    Attributes:
        step: number of the step, from 1.
        loss: L, the mean loss of the step's batches, before the step, without the penalty.
        penalty: lambda * ||theta - theta_p||^2 + beta * ||theta_new||^2; 0.0 if the recipe has none.
        seconds: time since training began, including evaluations.
        remaining: forecast of the remaining seconds, including evaluations.
    """

    step: int
    loss: float
    penalty: float
    seconds: float
    remaining: float


@dataclass(frozen=True)
class Evaluated:
    """Validation clips were transcribed: all if there are few, otherwise a sample. None of them was trained on.

    Attributes:
        step: the step before this evaluation; 0 is the base.
        wer, cer: on the validation clips; None if there are none.
        clips: number of validation clips transcribed; the error rates and the choice of the best step are based on these.
        watched: the model's current transcript of the watched held-out clip.
        reference: the reference text of that clip.
        seconds: time since training began.
        loss: mean loss over all validation clips; None if there are none.
        canary_wer: WER on the watched general speech; None if there is none.
        drift: name and ||theta_l - theta_p,l|| / ||theta_p,l|| of every trained layer, bottom to top.
        texts: the model's current transcripts of the validation clips, in the order of `Prepared.held_out`.
        clip_errors: word errors of each of them.
        measures: name and value of any further measures; in pretraining, e.g. the accuracy of telling targets from distractors.
    """

    step: int
    wer: float | None
    cer: float | None
    clips: int
    watched: str
    reference: str
    seconds: float
    loss: float | None = None
    canary_wer: float | None = None
    drift: tuple[tuple[str, float], ...] = ()
    texts: tuple[str, ...] = ()
    clip_errors: tuple[int, ...] = ()
    measures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Watched:
    """One held-out clip was transcribed, to be shown. It is never trained on, and nothing is chosen by it.

    Earlier versions have no such events. How many there are depends on how fast the computer is, see
    `core.training.watching`.

    Attributes:
        step: the step before; 0 is the base. The last one, after the last step, is of the model that is kept.
        text: the model's current transcript.
        reference: the reference text.
        base: the base's transcript.
        clip: the id of the clip.
        seconds: time since training began.
    """

    step: int
    text: str
    reference: str
    base: str
    clip: str
    seconds: float


@dataclass(frozen=True)
class Trained:
    """Training ended; the model now holds the parameters of `best_step`.

    Attributes:
        steps: number of steps taken.
        best_step: the step whose parameters are kept: the last one, unless an earlier one did better on the validation clips
            by more than chance explains, see `core.training.best_step`; 0 if the base's were, or if there was no step.
        stopped: whether a stop was requested.
        distance: ||theta - theta_p|| / ||theta_p|| over the trained parameters.
        seconds: training time, excluding evaluations.
        evaluation_seconds: time spent on evaluations, and on the watched clip.
        ended: reason for ending early: "asked", "patience" or a guard's reason; "" after the last step.
        drift: as in Evaluated, for the parameters that are kept.
        blend: a, where what is kept is theta_p + a (theta - theta_p) of the parameters of `best_step`, see `Recipe.blend`;
            1.0 if that was not applied, as to the base.
    """

    steps: int
    best_step: int
    stopped: bool
    distance: float
    seconds: float
    evaluation_seconds: float
    ended: str = ""
    drift: tuple[tuple[str, float], ...] = ()
    blend: float = 1.0


@dataclass(frozen=True)
class Entered:
    """A phase of a run began.

    Attributes:
        phase: "loading", "base", "training", "saving" or "adapted"; in other jobs "rungs", "conditions" or "places".
        clips: number of clips the phase handles; 0 where that does not apply.
    """

    phase: str
    clips: int = 0


@dataclass(frozen=True)
class Advanced:
    """A part of a ladder or robustness job is done.

    Attributes:
        done: parts done; fractional while one is in progress.
        parts: total number of parts.
        remaining: forecast of the remaining seconds.
    """

    done: float
    parts: int
    remaining: float


@dataclass(frozen=True)
class Finished:
    """The run is complete.

    Attributes:
        seconds: total time.
    """

    seconds: float


@dataclass(frozen=True)
class Failed:
    """The run ended early.

    Attributes:
        reason: stable identifier; "unexpected" for a bug in Attune, whose traceback is in the log.
        message: the English sentence.
        details: values that a translated sentence may name.
    """

    reason: str
    message: str
    details: dict[str, Any]


Event = Noticed | Prepared | Stepped | Evaluated | Watched | Trained | Entered | Advanced | Finished | Failed
_KINDS = {
    kind.__name__.lower(): kind
    for kind in (Noticed, Prepared, Stepped, Evaluated, Watched, Trained, Entered, Advanced, Finished, Failed)
}


def to_json(event: Event) -> dict[str, Any]:
    """Returns an event as a dict whose "event" entry names its kind."""
    return {"event": type(event).__name__.lower(), **dataclasses.asdict(event)}


def from_json(fields: Any) -> Event | None:
    """Returns the event of a dict, or None for a kind this version does not know.

    Raises:
        ValueError: the value is not an event.
    """
    name = fields.get("event", "") if isinstance(fields, dict) else None
    if not isinstance(name, str):
        raise ValueError("no event")
    kind = _KINDS.get(name)
    if kind is None:
        return None
    if not fits({name: 0.0 if isinstance(value, float) else value for name, value in fields.items()}, kind):  # or nan
        raise ValueError(f"no event of the kind {name}")
    known = {f.name: fields[f.name] for f in dataclasses.fields(kind) if f.name in fields}
    for name in ("drift", "measures"):
        if name in known:
            known[name] = tuple((of, value) for of, value in known[name])
    for name in ("held_out", "texts", "clip_errors"):
        if name in known:
            known[name] = tuple(known[name])
    return kind(**known)

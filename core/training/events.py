"""What a run yields as it goes.

`core.training.loop.finetune`: Prepared, then Stepped and Evaluated, then Trained. `core.runs.execute.execute` puts Entered
before each phase around that, and ends with Finished or Failed. Noticed may stand anywhere. A ladder and a robustness
job say Advanced in between.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from core.storage.state import fits


@dataclass(frozen=True)
class Noticed:
    """Something the user should know; training goes on.

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
    """The clips are decoded and the plan is made.

    Attributes:
        clips: training clips, the replayed ones among them.
        minutes: of training sound.
        steps: optimiser steps to come; 0 where a span of time is given instead.
        trained_parameters, parameters: how many parameters learn, of how many.
        seconds: it took so far.
        replayed: how many of the clips are general speech.
        held_out: what was said in the validation clips that are transcribed.
        padding: share of the frames in the training batches that only make clips equally long.
        validation: held-out clips. All of them tell the held-out loss; `Evaluated.clips` of them are transcribed each time.
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
        step: from 1.
        loss: L, the mean loss of the step's batches, before the step, without the penalty.
        penalty: lambda * ||theta - theta_p||^2 + beta * ||theta_new||^2, 0.0 without one.
        seconds: since training began, evaluations included.
        remaining: forecast of the seconds to go, evaluations included.
    """

    step: int
    loss: float
    penalty: float
    seconds: float
    remaining: float


@dataclass(frozen=True)
class Evaluated:
    """Validation clips were transcribed: all of few, some of many. None of them was trained on.

    Attributes:
        step: after which; 0 is the base.
        wer, cer: on the validation clips; None where there are none.
        clips: how many validation clips were transcribed: what the rates, and the choice of the best step, rest on.
        watched: what the model now writes for the watched held-out clip.
        reference: what was said in it.
        seconds: since training began.
        loss: mean loss of all validation clips; None where there are none.
        canary_wer: on the general speech that is watched; None where there is none.
        drift: name and ||theta_l - theta_p,l|| / ||theta_p,l|| of every layer that learns, bottom to top.
        texts: what the model now writes for each validation clip, in the order of `Prepared.held_out`.
        measures: name and value of what else is measured; of a pretraining, e.g. how often a masked sound is told from others.
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
    measures: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Trained:
    """Training ended; the model now holds the parameters of `best_step`.

    Attributes:
        steps: taken.
        best_step: the evaluation with the lowest validation WER (the last where there is no validation).
        stopped: whether someone asked to stop.
        distance: ||theta - theta_p|| / ||theta_p|| over what learns.
        seconds: training took, evaluations excluded.
        evaluation_seconds: the evaluations took.
        ended: why before the last step: "asked", "patience" or a guard's reason; "" after the last.
        drift: as in Evaluated, of the parameters that are kept.
    """

    steps: int
    best_step: int
    stopped: bool
    distance: float
    seconds: float
    evaluation_seconds: float
    ended: str = ""
    drift: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Entered:
    """A phase of a run began.

    Attributes:
        phase: "loading", "base", "training", "saving" or "adapted"; of other jobs "rungs" or "conditions".
        clips: that the phase is about; 0 where that means nothing.
    """

    phase: str
    clips: int = 0


@dataclass(frozen=True)
class Advanced:
    """A part of a ladder or of a robustness job is done.

    Attributes:
        done: parts; a fraction where one is on its way.
        parts: there are in all.
        remaining: forecast of the seconds to go.
    """

    done: float
    parts: int
    remaining: float


@dataclass(frozen=True)
class Finished:
    """The run is whole.

    Attributes:
        seconds: it took.
    """

    seconds: float


@dataclass(frozen=True)
class Failed:
    """The run ended early.

    Attributes:
        reason: stable identifier; "unexpected" for a fault of Attune's own, whose traceback is in the log.
        message: the English sentence.
        details: values that a translated sentence may name.
    """

    reason: str
    message: str
    details: dict[str, Any]


Event = Noticed | Prepared | Stepped | Evaluated | Trained | Entered | Advanced | Finished | Failed
_KINDS = {
    kind.__name__.lower(): kind
    for kind in (Noticed, Prepared, Stepped, Evaluated, Trained, Entered, Advanced, Finished, Failed)
}


def to_json(event: Event) -> dict[str, Any]:
    """Returns an event as a dict whose "event" names its kind."""
    return {"event": type(event).__name__.lower(), **dataclasses.asdict(event)}


def from_json(fields: Any) -> Event | None:
    """Returns the event of a dict, or None for a kind this version does not know.

    Raises:
        ValueError: it is none.
    """
    name = fields.get("event", "") if isinstance(fields, dict) else None
    if not isinstance(name, str):
        raise ValueError("no event")
    kind = _KINDS.get(name)
    if kind is None:
        return None
    if not fits({name: 0.0 if isinstance(value, float) else value for name, value in fields.items()}, kind):  # nan is one too
        raise ValueError(f"no event of the kind {name}")
    known = {f.name: fields[f.name] for f in dataclasses.fields(kind) if f.name in fields}
    for name in ("drift", "measures"):
        if name in known:
            known[name] = tuple((of, value) for of, value in known[name])
    for name in ("held_out", "texts"):
        if name in known:
            known[name] = tuple(known[name])
    return kind(**known)

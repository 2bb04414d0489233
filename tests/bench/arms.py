"""The usual recipes by name, and what any training took."""

from __future__ import annotations

from dataclasses import dataclass

WARMUP = 500 / 4000  # share of the steps
CTC_RATE, CTC_DECAY = 1e-4, 0.005
ARMS = tuple(f"{what}{how}" for what in ("plain", "frozen", "lora") for how in ("", "-bf16"))


@dataclass(frozen=True)
class Spent:
    """What a training took.

    Attributes:
        prepare: seconds until the first step: features and labels of all clips.
        train: seconds of the steps alone, without evaluations and checkpoints.
        evaluate: seconds of the evaluations meanwhile.
        save: seconds of writing checkpoints meanwhile, and of reading the best one.
        steps: of the optimiser.
        visits: training clips that were read, each as often as it was.
        cores: processor seconds a second of training and evaluations: how many cores were had.
        notices: reasons of what was noticed meanwhile.
        reached: of each evaluation, the seconds of training before it, and the WER on the validation clips.
    """

    prepare: float
    train: float
    evaluate: float
    save: float
    steps: int
    visits: int
    cores: float
    notices: tuple[str, ...] = ()
    reached: tuple[tuple[float, float], ...] = ()

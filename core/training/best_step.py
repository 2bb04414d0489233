"""Checkpoint selection: the parameters of the best evaluation, or the mean of the last steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from core.training.events import Evaluated, Noticed
from core.training.kept_parameters import KeptParameters
from core.training.regularisation import Average


class BestStep:
    """The parameters of the best evaluation so far.

    With few validation clips, WERs often tie; the loss then decides. Without validation clips, the last step is the best.

    Args:
        parameters: the trained parameters.

    Attributes:
        step: step of the best evaluation; 0 before the first.
        wer: its WER; inf before the first, meaningless without validation clips.
        waited: consecutive evaluations without an improvement in WER.
    """

    def __init__(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        self._parameters = parameters
        self._kept = KeptParameters()
        self._loss = math.inf
        self.step, self.wer, self.waited = 0, math.inf, 0

    @property
    def kept(self) -> bool:
        """Whether any parameters have been kept."""
        return self._kept.taken

    def take(self, evaluated: Evaluated) -> None:
        """Keeps a copy of the current parameters if their evaluation is the best so far."""
        wer, loss = (-evaluated.step, 0.0) if evaluated.wer is None else (evaluated.wer, evaluated.loss or 0.0)
        self.waited = 0 if wer < self.wer else self.waited + 1
        if (wer, loss) < (self.wer, self._loss):
            self.step, self.wer, self._loss = evaluated.step, wer, loss
            self._kept.take(self._parameters)

    def take_average(self, average: Average, evaluated: Evaluated) -> Noticed:
        """Chooses between the mean, which the parameters currently hold, and the best step; returns a notice of the outcome.

        Args:
            average: the mean over the last steps.
            evaluated: the mean's evaluation.
        """
        rank = (-math.inf, 0.0) if evaluated.wer is None else (evaluated.wer, evaluated.loss or 0.0)
        details = {
            "steps": average.count,
            "wer": "-" if evaluated.wer is None else f"{100 * evaluated.wer:.0f}",
            "best": "-" if evaluated.wer is None else f"{100 * self.wer:.0f}",
        }
        if rank <= (self.wer, self._loss):
            self.step, (self.wer, self._loss) = evaluated.step, rank
            self._kept = KeptParameters()  # the parameters already hold the mean
            kept = "The average of the last {steps} steps is kept: validation WER {wer} %."
            return Noticed("averaged", kept.format(**details), details)
        not_kept = "Averaging the last {steps} steps brought no gain: validation WER {wer} %; the best step, {best} %, is kept."
        return Noticed("not_averaged", not_kept.format(**details), details)

    def put_back(self) -> None:
        """Restores the best parameters."""
        if self._kept.taken:
            self._kept.put_back(self._parameters)

"""Checkpoint selection: the last parameters, or the mean of the last steps, unless the evidence is against them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from core.training.events import Evaluated, Noticed
from core.training.kept_parameters import KeptParameters
from core.training.learner import Learner

STANDARD_ERRORS = 2
Rank = tuple[float, float]  # WER and held-out loss: the lower, the better


class BestStep:
    """The parameters to keep: the last ones or their mean, unless those of the best evaluation were better beyond chance.

    The base's evaluation counts like the others, so that training does not leave a model worse than it found it. If WERs
    tie, the loss decides which is the best. Without validation clips, the last step is kept, unless it fits the training
    clips worse than the base does. Parameters that are not finite are never kept. A model without a base, see
    `Learner.has_base`, cannot go back to its start.

    Args:
        learner: the model at its start.

    Attributes:
        step: step of the best evaluation, and after `choose` of what is kept; 0 is the base, or before the first evaluation
            of a model without one.
        trained_wer: lowest WER of any step but 0; inf before the first, meaningless without validation clips.
        waited: consecutive evaluations without an improvement in WER, not counting the base's.
    """

    def __init__(self, learner: Learner) -> None:
        self._learner = learner
        self._statistics = _running_statistics(learner.model.network)
        self._start = [buffer.detach().clone() for buffer in self._statistics]
        self._kept = KeptParameters()
        self._rank: Rank = (math.inf, math.inf)
        self._clip_errors: tuple[int, ...] = ()
        self.step, self.trained_wer, self.waited = 0, math.inf, 0

    @property
    def wer(self) -> float:
        """WER of the best evaluation; meaningless without validation clips."""
        return self._rank[0]

    def take(self, evaluated: Evaluated) -> None:
        """Keeps the current parameters if their evaluation is the best so far; the first evaluation is step 0's."""
        rank = _rank(evaluated)
        if evaluated.step == 0:
            if self._learner.has_base:
                self._rank, self._clip_errors = rank, evaluated.clip_errors
            return
        if not self._is_finite():
            self.waited += 1
            return
        self.waited = 0 if rank[0] < self.trained_wer else self.waited + 1
        self.trained_wer = min(self.trained_wer, rank[0])
        if rank < self._rank:
            self.step, self._rank, self._clip_errors = evaluated.step, rank, evaluated.clip_errors
            self._kept.take([*self._learner.learning, *self._statistics])

    def choose(self, last: Evaluated, averaged: int = 0) -> Noticed | None:
        """Keeps the current parameters, unless an earlier evaluation was better by more than chance explains.

        The lowest of several error rates on a few clips is low by chance as well: keeping it would throw away training that
        helped. So it counts only if it is better by more than two standard errors, see `beyond_chance`. Breiman et al.
        (1984, "Classification and Regression Trees", section 3.4.3) take one; there are several evaluations here.

        Args:
            last: evaluation of the current parameters: those of the last step, or the mean of the last `averaged` ones.
            averaged: number of steps in the mean; 0 if it is no mean.

        Returns:
            A notice of what became of a mean, or that an earlier step is kept; None if the last step or the base is.
        """
        earlier, wer = self.step, "-" if last.wer is None else f"{100 * last.wer:.0f}"
        details = {"steps": averaged, "wer": wer, "best": f"{100 * self.wer:.0f}", "step": earlier}
        if self._is_finite() and not beyond_chance(last.clip_errors, self._clip_errors):
            self.step, self._rank, self._clip_errors = last.step, _rank(last), last.clip_errors
            self._kept = KeptParameters()  # the parameters already hold what is kept
            return Noticed("averaged", f"The average of the last {averaged} steps is kept.", details) if averaged else None
        if not earlier or (earlier == last.step and not averaged):
            return None
        return Noticed(
            "earlier_kept",
            f"Step {earlier} did better on the validation clips than the end of training, by more than chance explains (WER "
            f"{details['best']} % against {wer} %): it is kept.",
            details,
        )

    def settle(self, before: float | None, training_loss: Callable[[], float | None]) -> Noticed | None:
        """Restores the best parameters; returns a notice if they are the base's although steps were taken.

        Args:
            before: the base's loss on training clips; None where that is not what decides.
            training_loss: returns the same loss with the current parameters.
        """
        self._put_back()
        if self.step == 0:
            return self._kept_base(before, math.nan)
        after = None if before is None else training_loss()
        if before is None or after is None or after <= before:
            return None
        self.step = 0
        self._put_back()
        return self._kept_base(before, after)

    @torch.no_grad()
    def blend(self, share: float) -> float:
        """Moves what was settled on along the line through the base, see `Learner.blend`, and returns the share that applies.

        The running statistics of batch normalisation go along, so that a share of 0 is the base, but never beyond what
        training made of them: a variance may not become negative. The base stays what it is, and so does a model that was
        trained from scratch, for which the start of the line means nothing.
        """
        if self.step == 0 or share == 1.0 or self._learner.recipe.start == "random":
            return 1.0
        self._learner.blend(share)
        for buffer, start in zip(self._statistics, self._start, strict=True):
            if buffer.is_floating_point():
                buffer.copy_(torch.lerp(start, buffer, min(share, 1.0)))
        return share

    def _kept_base(self, before: float | None, after: float) -> Noticed | None:
        advice = "Use a lower learning rate, fewer epochs, or more clips."
        if before is not None:
            details = {"base": f"{before:.2f}", "now": f"{after:.2f}" if math.isfinite(after) else "∞"}
            return Noticed(
                "base_kept_loss",
                f"Training made the loss on its own clips worse ({details['base']} before, {details['now']} after), and there "
                f"are too few validation clips to judge by: the base's weights are kept. {advice}",
                details,
            )
        if not self._learner.has_base or math.isinf(self._rank[0]):
            return None
        best = f"{100 * self.trained_wer:.0f}" if math.isfinite(self.trained_wer) else "∞"
        details = {"base": f"{100 * self._rank[0]:.0f}", "best": best}
        return Noticed(
            "base_kept",
            f"No step did better on the validation clips than the base (WER {details['base']} %, the best step "
            f"{details['best']} %): the base's weights are kept. {advice}",
            details,
        )

    def _put_back(self) -> None:
        if self.step == 0:
            self._learner.anchor.put_back()
            with torch.no_grad():
                for buffer, start in zip(self._statistics, self._start, strict=True):
                    buffer.copy_(start)
        elif self._kept.taken:
            self._kept.put_back([*self._learner.learning, *self._statistics])

    def _is_finite(self) -> bool:
        return all(bool(torch.isfinite(parameter).all()) for parameter in self._learner.learning)


def beyond_chance(errors: Sequence[int], other: Sequence[int]) -> bool:
    """Returns whether there are more errors than in another transcription of the same clips, by two standard errors.

    The standard error of the sum of the clips' differences d_i, if there were no difference, is sqrt(sum d_i^2). Fewer than
    `core.training.evaluating.EVIDENT_CLIPS` clips never exceed it twice.

    Args:
        errors, other: word errors of each clip; if either is empty there is no evidence.
    """
    if not errors or not other:
        return False
    differences = [a - b for a, b in zip(errors, other, strict=True)]
    return sum(differences) > STANDARD_ERRORS * math.sqrt(sum(d * d for d in differences))


def _rank(evaluated: Evaluated) -> Rank:
    if evaluated.wer is None:
        return -evaluated.step, 0.0
    loss = 0.0 if evaluated.loss is None else evaluated.loss
    return evaluated.wer, loss if math.isfinite(loss) else math.inf


def _running_statistics(network: nn.Module) -> list[torch.Tensor]:
    """Returns the buffers of batch normalisation, which training changes although they are no parameters."""
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
    return [buffer for module in network.modules() if isinstance(module, kinds) for buffer in module.buffers()]

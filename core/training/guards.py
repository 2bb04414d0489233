"""Detects problems during training; each has a name and advice."""

from __future__ import annotations

from collections.abc import Sequence

from core.training.events import Evaluated, Noticed

STOPS = frozenset({"loss_not_finite", "rate_diverges", "overfits_on"})  # reasons to stop: continuing would waste time
SMOOTHING = 0.7  # weight of the past in the running mean of the loss, which varies between batches
FIRST_STEPS = 3  # their mean loss is the initial loss
DIVERGED_FACTOR, DIVERGED_NATS = 2.0, 0.5  # the loss exceeds the initial loss by both, for this many steps:
DIVERGED_STEPS = 3
WORSE_LOSS = 1.02  # times the lowest held-out loss: more than a rounding error
OVERFIT_NOTICED, OVERFIT_STOPS = 2, 3  # consecutive evaluations
CANARY_POINTS = 0.10  # rise of the WER on the watched general speech
BLANK_SHARE = 0.4  # of the steps; a CTC model that still writes nothing after these is stuck


class Guards:
    """Monitors the losses and error rates of one run.

    Args:
        steps: planned number of steps.
        blanks: whether the model uses CTC, and so can get stuck writing nothing.
    """

    def __init__(self, steps: int, blanks: bool) -> None:
        self._steps, self._blanks = steps, blanks
        self._losses: list[float] = []
        self._mean = 0.0
        self._high = 0  # consecutive steps
        self._said: set[str] = set()
        self._base: Evaluated | None = None
        self._best: tuple[float, float, float] | None = None  # held-out loss, training loss and WER of the best evaluation
        self._rising = 0  # consecutive evaluations

    def after_step(self, step: int, loss: float) -> Noticed | None:
        """Checks a step's training loss."""
        self._losses.append(loss)
        self._mean = loss if step == 1 else SMOOTHING * self._mean + (1 - SMOOTHING) * loss
        first = sum(self._losses[:FIRST_STEPS]) / len(self._losses[:FIRST_STEPS])
        high = step > FIRST_STEPS and self._mean > max(DIVERGED_FACTOR * first, first + DIVERGED_NATS)
        self._high = self._high + 1 if high else 0
        if self._high >= DIVERGED_STEPS:
            return self._once(
                "rate_diverges",
                f"The loss rose from {first:.2f} to {self._mean:.2f}: the learning rate is too high. Training stopped. "
                "Use a third of it.",
                {"first": f"{first:.2f}", "now": f"{self._mean:.2f}"},
            )
        return None

    def after_evaluation(self, seen: Evaluated, texts: Sequence[str]) -> list[Noticed]:
        """Checks an evaluation and its transcripts; the first one is the base's."""
        if self._base is None:
            self._base = seen
            return []
        found = [self._stuck(seen, texts), self._overfitting(seen), self._forgetting(seen)]
        return [notice for notice in found if notice is not None]

    def at_end(self, best_wer: float | None) -> Noticed | None:
        """Checks whether the best step improves on the start on the validation clips, where there is no base to keep."""
        if self._base is None or self._base.wer is None or best_wer is None or best_wer <= self._base.wer:
            return None
        return self._once(
            "no_gain",
            f"No checkpoint did better on the validation clips than the model before training (WER {best_wer:.1%} against "
            f"{self._base.wer:.1%}). Use a lower learning rate, fewer epochs, or more clips.",
            {"best": f"{100 * best_wer:.0f}", "base": f"{100 * self._base.wer:.0f}"},
        )

    def _stuck(self, seen: Evaluated, texts: Sequence[str]) -> Noticed | None:
        if not self._blanks or not texts or any(texts) or seen.step < BLANK_SHARE * self._steps:
            return None
        return self._once(
            "only_blanks",
            f"After step {seen.step} the model writes nothing: every frame is CTC's blank. A new output layer goes through "
            "this phase; if it lasts, use more epochs, a higher learning rate for the output layer, or more clips.",
            {"step": seen.step},
        )

    def _overfitting(self, seen: Evaluated) -> Noticed | None:
        if seen.loss is None or not self._losses:
            return None
        wer = seen.wer if seen.wer is not None else 0.0
        if self._best is None or seen.loss < self._best[0]:
            self._best, self._rising = (seen.loss, self._mean, wer), 0
            return None
        worse = seen.loss > WORSE_LOSS * self._best[0] and self._mean < self._best[1] and wer >= self._best[2]
        self._rising = self._rising + 1 if worse else 0
        details = {"times": self._rising, "step": seen.step, "low": f"{self._best[0]:.2f}", "now": f"{seen.loss:.2f}"}
        if self._rising >= OVERFIT_STOPS:
            return self._once(
                "overfits_on",
                f"The model memorises its clips: the held-out loss rose {self._rising} times in a row, "
                f"from {self._best[0]:.2f} to {seen.loss:.2f}, while the training loss fell. "
                "Training stopped; the best checkpoint is kept.",
                details,
            )
        if self._rising >= OVERFIT_NOTICED:
            return self._once(
                "overfits",
                f"The model is starting to memorise its clips: the held-out loss rose from {self._best[0]:.2f} "
                f"to {seen.loss:.2f} while the training loss fell. "
                "More clips, augmentation, a lower learning rate or a pull towards the base can help.",
                details,
            )
        return None

    def _forgetting(self, seen: Evaluated) -> Noticed | None:
        if seen.step >= self._steps:  # nothing is left to stop, and the canary says it of what is kept
            return None
        base = self._base.canary_wer if self._base is not None else None
        if base is None or seen.canary_wer is None or seen.canary_wer - base < CANARY_POINTS:
            return None
        return self._once(
            "canary_falls",
            f"The model is forgetting: on general speech, word errors rose from {base:.0%} to {seen.canary_wer:.0%} "
            f"by step {seen.step}. A lower learning rate, a pull towards the base or replayed general speech can help.",
            {"base": f"{100 * base:.0f}", "now": f"{100 * seen.canary_wer:.0f}", "step": seen.step},
        )

    def _once(self, reason: str, message: str, details: dict[str, object]) -> Noticed | None:
        if reason in self._said:
            return None
        self._said.add(reason)
        return Noticed(reason, message, details)

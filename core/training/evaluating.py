"""Transcribing and scoring validation clips while a model learns."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from core.audio.waves import Sounds, evenly
from core.errors import DatasetError
from core.models.base.protocol import AsrModel, Example, Transcript, in_language
from core.storage.memory import return_free_memory
from core.text.metrics import score
from core.training.events import Evaluated
from core.training.learner import Learner
from core.training.recipe import Recipe

LOOK_SHARE = 0.1  # of the training: transcribing a clip costs about as much as learning from it once
LEAST_LOOKED_AT = 16  # clips, where there are as many: on fewer, a rate of errors says next to nothing

Transcribe = Callable[[AsrModel, Sequence[np.ndarray]], Sequence[Transcript]]


def transcribe(model: AsrModel, waves: Sequence[np.ndarray]) -> Sequence[Transcript]:
    """Transcribes, looking nothing up."""
    return model.transcribe(waves)


class Evaluator:
    """Evaluates a model as it learns, always on the same clips.

    Args:
        learner: the model about to learn.
        validation: held-out clips. All of them give the held-out loss; some are transcribed, see `looks`.
        watch: general speech, whose error rate shows forgetting.
        language: ISO 639-1 code, chooses the normalisation of the scores.
        transcribe_base: transcribes with the model before it has learnt.

    Attributes:
        validation: how many held-out clips there are.
        references: what was said in those that are transcribed.
        seconds: the evaluations took so far.
    """

    def __init__(
        self, learner: Learner, validation: Sounds, watch: Sounds, language: str, transcribe_base: Transcribe = transcribe
    ) -> None:
        self._learner, self._watch, self._language = learner, watch, language
        self._transcribe_base = transcribe_base
        self._examples = _examples(learner.model, validation)
        self.validation = len(validation)
        chosen = [validation[i] for i in looks(self.validation, len(learner.examples), learner.recipe)]
        self._waves = [wave for wave, _ in chosen]
        self.references = tuple(text for _, text in chosen)
        self.seconds = 0.0

    def evaluate(self, step: int, started: float) -> Evaluated:
        """Evaluates the model as it is after a step.

        Args:
            step: how many were taken.
            started: when training began, by `time.perf_counter`.
        """
        begun = time.perf_counter()
        return_free_memory()
        texts = [transcript.text for transcript in self._transcribe(step, self._waves)]
        result = score(self.references, texts, self._language) if texts else None
        evaluated = Evaluated(
            step=step,
            wer=result.wer.rate if result else None,
            cer=result.cer.rate if result else None,
            clips=len(texts),
            watched=texts[0] if texts else "",
            reference=self.references[0] if texts else "",
            seconds=time.perf_counter() - started,
            loss=self._learner.held_out_loss(self._examples),
            canary_wer=self._canary_wer(step),
            drift=self._learner.drift(),
            texts=tuple(texts),
        )
        return_free_memory()
        self.seconds += time.perf_counter() - begun
        return evaluated

    def _transcribe(self, step: int, waves: Sequence[np.ndarray]) -> Sequence[Transcript]:
        # What is frozen is wanted by every later evaluation: to look the base's texts up would only put it off.
        if step == 0 and not self._learner.reads_above:
            return self._transcribe_base(self._learner.model, waves)
        return self._learner.transcribe(waves)

    def _canary_wer(self, step: int) -> float | None:
        if not self._watch:
            return None
        with in_language(self._learner.model, "en"):
            texts = [transcript.text for transcript in self._transcribe(step, [wave for wave, _ in self._watch])]
        return score([text for _, text in self._watch], texts, "en").wer.rate


def looks(validation: int, train: int, recipe: Recipe) -> list[int]:
    """Chooses the validation clips that are transcribed at each evaluation: all of few, an even sample of many.

    The sample is as large as keeps all evaluations together within a tenth of the training's work, but no smaller than 16
    clips. It depends on counts alone, so that the same run makes the same choices on any machine.

    Args:
        validation: how many validation clips there are.
        train: how many clips are trained on, the replayed ones among them.
        recipe: the choices.

    Returns:
        Indices, the first clip's among them.
    """
    afforded = round(LOOK_SHARE * train * recipe.epochs / (recipe.evaluations + 1))
    return evenly(validation, max(LEAST_LOOKED_AT, afforded))


def _examples(model: AsrModel, sounds: Sounds) -> list[Example]:
    """Returns the clips that the loss can be computed of."""
    examples = []
    for wave, text in sounds:
        try:
            examples.append(model.example(wave, text))
        except DatasetError:
            continue  # its transcript is scored all the same
    return examples

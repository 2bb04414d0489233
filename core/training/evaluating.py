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

LOOK_SHARE = 0.1  # of the training work: transcribing a clip costs about as much as one training pass over it
EVIDENT_CLIPS = 5  # fewer cannot differ by more than two standard errors, see `core.training.best_step.beyond_chance`
LEAST_LOOKED_AT = 16  # clips, if there are that many: an error rate on fewer is almost meaningless

Transcribe = Callable[[AsrModel, Sequence[np.ndarray]], Sequence[Transcript]]


def transcribe(model: AsrModel, waves: Sequence[np.ndarray]) -> Sequence[Transcript]:
    """Transcribes without a cache."""
    return model.transcribe(waves)


class Evaluator:
    """Evaluates a model during training, always on the same clips.

    Args:
        learner: the model to be trained.
        validation: held-out clips. The held-out loss is over all of them; only some are transcribed, see `looks`.
        watch: general speech, whose error rate reveals forgetting.
        language: ISO 639-1 code; selects the text normalisation for scoring.
        transcribe_base: transcribes with the model before training.

    Attributes:
        validation: number of held-out clips.
        references: reference texts of the transcribed held-out clips.
        seconds: total time spent on evaluations so far.
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
        """Evaluates the model after a step.

        Args:
            step: number of steps taken.
            started: start of training, from `time.perf_counter`.
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
            clip_errors=result.word_errors if result else (),
        )
        return_free_memory()
        self.seconds += time.perf_counter() - begun
        return evaluated

    def training_loss(self) -> float | None:
        """Returns the mean loss on a sample of the training clips, by which training is judged if validation clips cannot.

        None if there are `EVIDENT_CLIPS` validation clips, or no base to go back to.
        """
        if self.validation >= EVIDENT_CLIPS or not self._learner.has_base:
            return None
        begun = time.perf_counter()
        loss = self._learner.training_loss()
        self.seconds += time.perf_counter() - begun
        return loss

    def _transcribe(self, step: int, waves: Sequence[np.ndarray]) -> Sequence[Transcript]:
        # Every later evaluation needs the frozen prefix: looking up the base's texts would only delay computing it.
        if step == 0 and not self._learner.transcribes_above:
            return self._transcribe_base(self._learner.model, waves)
        return self._learner.transcribe(waves)

    def _canary_wer(self, step: int) -> float | None:
        if not self._watch:
            return None
        with in_language(self._learner.model, "en"):
            texts = [transcript.text for transcript in self._transcribe(step, [wave for wave, _ in self._watch])]
        return score([text for _, text in self._watch], texts, "en").wer.rate


def evaluation_count(recipe: Recipe, validation: int) -> int:
    """Returns how often a model is evaluated while it trains: only at the end if no validation clips could change what is kept.

    Args:
        recipe: the recipe.
        validation: number of validation clips.
    """
    return recipe.evaluations if validation else 1


def looks(validation: int, train: int, recipe: Recipe) -> list[int]:
    """Chooses the validation clips to transcribe at each evaluation: all if there are few, otherwise an even sample.

    The sample is as large as possible while all evaluations together stay within a tenth of the training work, but at
    least 16 clips. It depends only on counts, so the same run makes the same choices on any machine.

    Args:
        validation: number of validation clips.
        train: number of training clips, including replayed ones.
        recipe: the recipe.

    Returns:
        Indices, always including the first clip.
    """
    afforded = round(LOOK_SHARE * train * recipe.epochs / (recipe.evaluations + 1))
    return evenly(validation, max(LEAST_LOOKED_AT, afforded))


def _examples(model: AsrModel, sounds: Sounds) -> list[Example]:
    """Returns examples of the clips for which the loss can be computed."""
    examples = []
    for wave, text in sounds:
        try:
            examples.append(model.example(wave, text))
        except DatasetError:
            continue  # its transcript is still scored
    return examples

"""The transcription objective: CTC over characters, for wav2vec 2.0 and DeepSpeech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.audio.augment.augmenter import Augmenter
from core.errors import DatasetError
from core.models.base.protocol import AsrModel, Example
from core.pretraining.corpus import Heard
from core.pretraining.objectives import HeldOutScores, saved_in_half
from core.pretraining.request import LANGUAGE
from core.text.metrics import score
from core.training.learner import masked
from core.training.regularisation import masks_hidden


class Transcribing:
    """A recogniser that learns to transcribe in the letters of its vocabulary.

    Args:
        model: the recogniser.
        augmenter: masks the input of networks that do not mask their own hidden layer.
        frozen: initial share of the training during which wav2vec 2.0's convolutions are frozen; 0 if they are new.
    """

    def __init__(self, model: AsrModel, augmenter: Augmenter, frozen: float = 0.0) -> None:
        self.model = model
        self.network: Any = model.network
        self._augmenter = augmenter
        self._frozen = frozen
        self._masks = augmenter.augmentation.changes_features and not masks_hidden(model.network)

    def at(self, progress: float) -> None:
        """Unfreezes the convolutions once their frozen share of the training is over."""
        front = getattr(getattr(self.network, "base_model", None), "feature_extractor", None)
        if front is not None:
            front.requires_grad_(progress >= self._frozen)
            # Otherwise it requests its input's gradient, and so the full cost of a backward pass through it.
            front._requires_grad = progress >= self._frozen

    def loss(self, heard: Heard, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns the CTC loss, a scalar in nats per letter; None if no clip's text fits its audio."""
        batch = self._examples(heard)
        if not batch:
            return None
        self.network.train()
        features = [masked(one, self._augmenter, rng) for one in self.model.features(batch)] if self._masks else None
        return self.model.loss(batch, self.model.prefix(batch, features))

    @torch.no_grad()
    def measure(self, held_out: Iterable[Heard]) -> HeldOutScores:
        """Returns the mean loss over clips, and the error rates of their transcripts."""
        total, clips = 0.0, 0
        texts: list[str] = []
        references: list[str] = []
        for heard in held_out:
            self.network.eval()
            batch = self._examples(heard)
            if batch:
                total, clips = total + float(self.model.loss(batch)) * len(batch), clips + len(batch)
            texts += [transcript.text for transcript in self.model.transcribe([wave for wave, _ in heard])]
            references += [text for _, text in heard]
        found = score(references, texts, LANGUAGE)
        return HeldOutScores(total / clips if clips else None, found.wer.rate, found.cer.rate, tuple(texts), tuple(references))

    def save(self, folder: Path, half: bool) -> None:
        """Writes a folder that `load_model` reads."""
        with saved_in_half(self.network, half):
            self.model.save(folder)

    def _examples(self, heard: Heard) -> Sequence[Example]:
        examples = []
        for wave, text in heard:
            try:
                examples.append(self.model.example(wave, text))
            except DatasetError:
                continue  # sped up, a clip may have too few frames for its text
        return examples

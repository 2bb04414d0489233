"""Distillation: a student learns to predict the encoder frames of a larger recogniser from the same audio."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import Wav2Vec2Model

from core.audio.sound_files import SAMPLE_RATE
from core.models.base.device import autocast, choose_device
from core.models.base.protocol import AsrModel
from core.models.base.random_numbers import RandomNumbers
from core.models.small.networks import wav2vec2_extractor
from core.models.whisper.network import FRAMES_PER_SECOND
from core.pretraining.corpus import Heard
from core.pretraining.objectives import HeldOutScores, saved_in_half

TEACHER = "whisper-tiny.en"  # in the catalogue; comes with an installed package


class Distil:
    """A wav2vec 2.0 that learns to predict Whisper's encoder frames; both have 50 frames per second.

    The loss is L1 + (1 - cosine), after DistilHuBERT (Chang et al. 2022, arXiv 2110.01900), which predicts HuBERT's layers
    this way. Here only the last layer is predicted, with each frame normalised to mean 0 and variance 1.

    Args:
        network: the student.
        teacher: a Whisper model.
        seed: for the linear layer between them, which is discarded at the end.
        precision: "auto", "float32" or "bfloat16".
        device: "auto", "cpu", "cuda".
    """

    def __init__(
        self, network: Wav2Vec2Model, teacher: AsrModel, seed: int = 0, precision: str = "auto", device: str = "auto"
    ) -> None:
        self.device = choose_device(device)
        self._precision = precision
        self._extractor = wav2vec2_extractor()
        self._teacher = teacher
        heard: Any = teacher.network.config
        with RandomNumbers(seed):
            head = nn.Linear(network.config.hidden_size, heard.d_model)
        self.network: Any = nn.ModuleDict({"student": network.float(), "head": head}).to(self.device)

    def at(self, progress: float) -> None:
        """Does nothing: the objective does not change during training."""

    def loss(self, heard: Heard, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns L1 + 1 - cosine over the clips' frames, no padding, a scalar; the student's input is masked as for CTC."""
        self.network.train()
        distance, cosine = self._compared(heard)
        return distance + 1 - cosine

    @torch.no_grad()
    def measure(self, held_out: Iterable[Heard]) -> HeldOutScores:
        """Returns the loss and the cosine, averaged over clips."""
        self.network.eval()
        rows, clips = [], []
        for heard in held_out:
            distance, cosine = self._compared(heard)
            rows.append((float(distance + 1 - cosine), float(cosine)))
            clips.append(len(heard))
        loss, cosine = np.average(rows, axis=0, weights=clips)
        return HeldOutScores(float(loss), measures=(("cosine", float(cosine)),))

    def save(self, folder: Path, half: bool) -> None:
        """Writes the student as a Hugging Face folder."""
        with saved_in_half(self.network, half):
            self.network["student"].save_pretrained(folder)
        self._extractor.save_pretrained(folder)

    def _compared(self, heard: Heard) -> tuple[torch.Tensor, torch.Tensor]:
        waves = [wave for wave, _ in heard]
        targets = self._targets(waves)
        values = self._extractor(waves, sampling_rate=SAMPLE_RATE, padding=True, return_tensors="pt").input_values
        with autocast(self.device, self._precision):
            hidden = self.network["student"](values.to(self.device)).last_hidden_state
            predicted = self.network["head"](hidden).float()
        own = [len(target) for target in targets]
        mine = torch.cat([row[:n] for row, n in zip(predicted, own, strict=True)])
        theirs = torch.cat(targets)
        return functional.l1_loss(mine, theirs), functional.cosine_similarity(mine, theirs, dim=-1).mean()

    @torch.no_grad()
    def _targets(self, waves: list[np.ndarray]) -> list[torch.Tensor]:
        """Returns the teacher's frames of each clip, float32 [frames, width], as many as the student has."""
        self._teacher.network.eval()
        frames = self._teacher.prefix([self._teacher.example(wave, "a") for wave in waves]).float()
        of_student = self.network["student"]._get_feat_extract_output_lengths(torch.tensor([len(wave) for wave in waves]))
        # The speech frames come first and are complete, however much of the padding after them is skipped.
        own = [min(int(n), len(wave) * FRAMES_PER_SECOND // SAMPLE_RATE) for n, wave in zip(of_student, waves, strict=True)]
        return [functional.layer_norm(row[:n], row.shape[-1:]) for row, n in zip(frames, own, strict=True)]

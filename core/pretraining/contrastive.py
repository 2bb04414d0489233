"""wav2vec 2.0's objective: tell the true target of a masked frame from distractors in the same clip (arXiv 2006.11477)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import Wav2Vec2ForPreTraining
from transformers.models.wav2vec2.modeling_wav2vec2 import _compute_mask_indices, _sample_negative_indices

from core.audio.sound_files import SAMPLE_RATE
from core.models.base.device import autocast, choose_device
from core.models.base.random_numbers import RandomNumbers
from core.models.small.networks import wav2vec2_extractor
from core.pretraining.corpus import Heard
from core.pretraining.objectives import HeldOutScores, saved_in_half

# Section 4.2 of the paper: every frame starts a mask of 10 frames with probability 0.065, which hides about half of them.
MASK_SHARE, MASK_FRAMES = 0.65, 10
LEAST_MASKS = 2  # per clip: the distractors are other masked frames
# The paper lowers the temperature from 2 to 0.5 in steps designed for 400,000 updates; here it falls over the whole training.
HOTTEST, COOLEST = 2.0, 0.5


@dataclass(frozen=True)
class Losses:
    """Losses and measures of a batch's masked frames.

    Attributes:
        contrastive: L_m of equation 3 in nats per masked frame, a scalar.
        diversity: L_d as in transformers: the share of codebook entries not in use, a scalar.
        accuracy: share of the masked frames whose own target is more similar than every distractor.
        chance: the accuracy of guessing; distractors with the same codes as the target do not count.
        perplexity: effective number of codebook entries in use.
    """

    contrastive: torch.Tensor
    diversity: torch.Tensor
    accuracy: float
    chance: float
    perplexity: float


class Contrastive:
    """wav2vec 2.0's self-supervised objective.

    Args:
        network: the network, with its quantiser.
        precision: "auto", "float32" or "bfloat16".
        device: "auto", "cpu", "cuda".
    """

    def __init__(self, network: Wav2Vec2ForPreTraining, precision: str = "auto", device: str = "auto") -> None:
        self.device = choose_device(device)
        self.network: Any = network.float().to(self.device)
        self._precision = precision
        self._extractor = wav2vec2_extractor()

    def at(self, progress: float) -> None:
        """Lowers the quantiser's temperature."""
        self.network.set_gumbel_temperature(HOTTEST * (COOLEST / HOTTEST) ** progress)

    def loss(self, heard: Heard, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns L_m + alpha L_d of a batch, a scalar in nats; masks and distractors come from numpy's global generator."""
        self.network.train()
        losses = self.losses(*self.drawn(heard, rng))
        return losses.contrastive + self.network.config.diversity_loss_weight * losses.diversity

    @torch.no_grad()
    def measure(self, held_out: Iterable[Heard]) -> HeldOutScores:
        """Returns L_m, accuracy, chance and perplexity, averaged over clips; masks are drawn with a fixed seed."""
        self.network.eval()
        rows, clips = [], []
        rng = np.random.default_rng(0)
        with RandomNumbers(0, self.device):
            for heard in held_out:
                losses = self.losses(*self.drawn(heard, rng))
                rows.append((float(losses.contrastive), losses.accuracy, losses.chance, losses.perplexity))
                clips.append(len(heard))
        loss, *others = np.average(rows, axis=0, weights=clips)
        names = ("accuracy", "chance", "perplexity")
        return HeldOutScores(float(loss), measures=tuple(zip(names, map(float, others), strict=True)))

    def save(self, folder: Path, half: bool) -> None:
        """Writes the network with its quantiser as a Hugging Face folder."""
        with saved_in_half(self.network, half):
            self.network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)

    def drawn(self, heard: Heard, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Crops a batch to the length of its shortest clip, as fairseq does, and draws its masks and distractors.

        Returns:
            Samples, float32 [clips, samples]; the mask, bool [clips, frames]; and each frame's distractors, int64
            [clips, frames, distractors], as indices into [clips * frames].
        """
        shortest = min(len(wave) for wave, _ in heard)
        starts = [int(rng.integers(0, len(wave) - shortest, endpoint=True)) for wave, _ in heard]
        cut = [wave[start : start + shortest] for (wave, _), start in zip(heard, starts, strict=True)]
        values = self._extractor(cut, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
        frames = int(self.network._get_feat_extract_output_lengths(values.shape[1]))
        mask = _compute_mask_indices((len(cut), frames), MASK_SHARE, MASK_FRAMES, min_masks=LEAST_MASKS)
        others = _sample_negative_indices((len(cut), frames), self.network.config.num_negatives, mask)
        return (
            values.to(self.device),
            torch.from_numpy(mask).to(self.device),
            torch.from_numpy(others).long().to(self.device),
        )

    def losses(self, values: torch.Tensor, mask: torch.Tensor, others: torch.Tensor) -> Losses:
        """Computes the losses of `drawn`'s batch.

        Same as transformers' forward, except that it averages over masked frames instead of summing, and computes only
        masked frames, with the similarities as one matrix: forward would keep a vector for every frame and distractor. In
        training, the quantiser's noise is also drawn for masked frames only.
        """
        network = self.network
        with autocast(self.device, self._precision):
            outputs = network.wav2vec2(values, mask_time_indices=mask)
            predicted = network.project_hid(outputs.last_hidden_state[mask])
            quantised, codes, perplexity = self._quantised(network.dropout_features(outputs.extract_features[mask]))
            targets = network.project_q(quantised)
        place = mask.flatten().long().cumsum(0) - 1  # index of a masked frame among the masked ones
        chosen = torch.cat([torch.arange(len(codes), device=place.device)[:, None], place[others[mask]]], dim=1)
        similar = functional.normalize(predicted.float(), dim=-1) @ functional.normalize(targets.float(), dim=-1).T
        logits = similar.gather(1, chosen) / network.config.contrastive_logits_temperature
        same = codes[chosen] == codes[:, None]
        same[:, 0] = False
        logits = logits.masked_fill(same, -torch.inf)  # a distractor that is the target itself
        wanted = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        entries = network.quantizer.num_groups * network.quantizer.num_vars
        return Losses(
            functional.cross_entropy(logits, wanted),
            (entries - perplexity) / entries,
            float((logits.argmax(-1) == 0).float().mean()),
            float((1 / (chosen.shape[1] - same.sum(-1))).mean()),
            float(perplexity.detach()),
        )

    def _quantised(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Returns code vectors for features [frames, width], an index of each frame's code combination, and the perplexity."""
        quantiser = self.network.quantizer
        groups, entries = quantiser.num_groups, quantiser.num_vars
        logits = quantiser.weight_proj(features).float().view(len(features), groups, entries)
        if quantiser.training:
            chosen = functional.gumbel_softmax(logits, tau=quantiser.temperature, hard=True)
            used = logits.softmax(-1).mean(0)
        else:
            chosen = functional.one_hot(logits.argmax(-1), entries).float()
            used = chosen.mean(0)
        perplexity = torch.exp(-torch.xlogy(used, used).sum(-1)).sum()
        book = quantiser.codevectors.view(groups, entries, -1)
        vectors = torch.einsum("fgv,gvd->fgd", chosen.to(book.dtype), book).flatten(1)
        weights = entries ** torch.arange(groups, device=logits.device)
        return vectors, (chosen.argmax(-1) * weights).sum(-1), perplexity

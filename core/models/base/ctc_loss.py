"""The loss of connectionist temporal classification, which two families share."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from core.models.base.device import where_ctc_runs


def ctc(
    logits: torch.Tensor, frames: Sequence[int], labels: Sequence[torch.Tensor], blank: int, smoothing: float = 0.0
) -> torch.Tensor:
    """CTC's negative log likelihood (Graves et al. 2006), each clip's divided by its labels, averaged.

    Args:
        logits: float32 [clips, frames, labels].
        frames: of each clip, without padding.
        labels: int64 [tokens] of each clip.
        blank: id of the blank.
        smoothing: share of the target spread over all labels, frame by frame: CTC has no target for a single frame, so
            the spread part is the mean divergence of each frame's distribution from the uniform one (Kim, Hori & Watanabe
            2017, arXiv 1609.06773, after Pereyra et al. 2017).

    Returns:
        A scalar in nats a label.
    """
    log_probs = logits.log_softmax(-1)
    first = where_ctc_runs(log_probs.transpose(0, 1))
    loss = functional.ctc_loss(
        first,
        torch.cat(list(labels)).to(first.device),
        torch.tensor(frames),
        torch.tensor([len(label) for label in labels]),
        blank=blank,
        reduction="mean",
        zero_infinity=True,
    )
    if not smoothing:
        return loss.to(logits.device)
    uniform = -log_probs.mean(dim=-1) - math.log(logits.shape[-1])  # KL(uniform || frame)
    spread = torch.stack([row[:n].mean() for row, n in zip(uniform, frames, strict=True)]).mean()
    return (1 - smoothing) * loss.to(logits.device) + smoothing * spread

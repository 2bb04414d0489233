"""The teacher-forced loss of a decoder whose vocabulary is large and whose output layer is often frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.models.base.device import computing_type

UNSCORED = -100  # a label
# What a decoder is fed is a multiple of it, and so are rows of logits of theirs: see `core.storage.memory.FEW_SIZES`.
TOKEN_BLOCK = 8
ROW_BLOCK = 32


def fed_and_wanted(labels: Sequence[torch.Tensor], prompt: int, most: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a decoder's input tokens and its targets, for a batch of clips.

    Args:
        labels: int64 [tokens] of each clip: the prompt, the text, the end.
        prompt: how many tokens the prompt has, which are not scored.
        most: the decoder's maximum number of input tokens.

    Returns:
        Both int64 [clips, tokens]; targets for the prompt's tokens and after the end are `UNSCORED`.
    """
    rows = nn.utils.rnn.pad_sequence(list(labels), batch_first=True, padding_value=UNSCORED)
    fed = rows.shape[1] - 1
    rows = functional.pad(rows, (0, min(-fed % TOKEN_BLOCK, most - fed)), value=UNSCORED)
    wanted = rows[:, 1:].clone()
    wanted[:, : prompt - 1] = UNSCORED
    return rows[:, :-1].clamp(min=0), wanted  # inputs after the end are never used: attention only looks back


class TokenLoss:
    """The mean cross-entropy of the tokens that are scored.

    If the output layer is frozen, the gradient is computed together with the loss, some rows at a time, so that neither the
    float32 logits nor their gradient, 50,000 numbers per token, ever exist in full. The layer's weights, converted to the
    precision of matrix products, are kept until the layer is trained or changed.
    """

    def __init__(self) -> None:
        self._of: tuple[int, int, torch.dtype] | None = None
        self._table = torch.empty(0)

    def __call__(self, hidden: torch.Tensor, output: nn.Module, wanted: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
        """Returns a scalar in nats a token.

        Args:
            hidden: float [clips, tokens, width], of the decoder's last layer.
            output: the linear layer without bias that computes the logits; called under the current autocast.
            wanted: int64 [clips, tokens], some of them `UNSCORED`.
            smoothing: share of the target that is spread over the whole vocabulary.
        """
        scored = wanted != UNSCORED
        more = -int(scored.sum()) % ROW_BLOCK
        rows = functional.pad(hidden[scored], (0, 0, 0, more))
        targets = functional.pad(wanted[scored], (0, more), value=UNSCORED)
        if type(output) is nn.Linear and output.bias is None and not output.weight.requires_grad and rows.requires_grad:
            return _WithFrozenOutput.apply(rows, self._converted(output.weight), targets, smoothing)
        self.forget()
        return functional.cross_entropy(output(rows).float(), targets, ignore_index=UNSCORED, label_smoothing=smoothing)

    def forget(self) -> None:
        """Drops the converted weights."""
        self._of, self._table = None, torch.empty(0)

    def _converted(self, weight: torch.Tensor) -> torch.Tensor:
        of = (weight.data_ptr(), weight._version, computing_type(weight.device))
        if of != self._of:
            self._of, self._table = of, weight.detach().to(of[-1])
        return self._table


class _WithFrozenOutput(torch.autograd.Function):
    """d loss / d logits = (softmax - target) / tokens, in place of the logits."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, table: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        logits = rows.to(table.dtype) @ table.T
        scored = targets != UNSCORED
        target = targets.clamp(min=0)[:, None]
        loss = torch.zeros((), device=rows.device)
        blocks = zip(logits.split(ROW_BLOCK), target.split(ROW_BLOCK), scored.split(ROW_BLOCK), strict=True)
        for block, token, counts in blocks:
            log_shares = block.log_softmax(-1, dtype=torch.float32)
            losses = -(1 - smoothing) * log_shares.gather(1, token)[:, 0]
            if smoothing:
                losses -= smoothing * log_shares.mean(-1)
            loss += losses[counts].sum()
            gradient = log_shares.exp_()
            if smoothing:
                gradient -= smoothing / gradient.shape[-1]
            gradient.scatter_add_(1, token, gradient.new_full(token.shape, smoothing - 1))
            block.copy_(gradient if counts.all() else gradient * counts[:, None])
        ctx.save_for_backward(logits @ table)
        ctx.tokens, ctx.dtype = scored.sum(), rows.dtype
        return loss / ctx.tokens

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (of_rows,) = ctx.saved_tensors
        return (of_rows.float() * (gradient / ctx.tokens)).to(ctx.dtype), None, None, None

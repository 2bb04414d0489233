"""The loss of a decoder's tokens and its gradient are torch's, whether or not the output layer learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.models.whisper.token_loss import UNSCORED, TokenLoss, fed_and_wanted

VOCABULARY, WIDTH = 50, 8


def numbers(learns: bool = False) -> tuple[torch.Tensor, nn.Linear, torch.Tensor]:
    """Returns three clips' hidden states, an output layer and what is wanted: 5 to 20 tokens of each."""
    torch.manual_seed(0)
    hidden = torch.randn(3, 20, WIDTH).requires_grad_()
    output = nn.Linear(WIDTH, VOCABULARY, bias=False).requires_grad_(learns)
    wanted = torch.randint(0, VOCABULARY, (3, 20))
    for row, length in enumerate((5, 12, 20)):
        wanted[row, length:] = UNSCORED
    wanted[:, :2] = UNSCORED
    return hidden, output, wanted


def expected(hidden: torch.Tensor, output: nn.Linear, wanted: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    logits = (hidden @ output.weight.T).flatten(0, 1)
    return functional.cross_entropy(logits, wanted.flatten(), ignore_index=UNSCORED, label_smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("learns", [False, True])
def test_loss_and_gradient_are_those_of_torch(learns: bool, smoothing: float) -> None:
    hidden, output, wanted = numbers(learns)
    learning = [hidden, *(p for p in output.parameters() if learns)]
    theirs = expected(hidden, output, wanted, smoothing)
    ours = TokenLoss()(hidden, output, wanted, smoothing)
    torch.testing.assert_close(ours, theirs)
    for own, other in zip(torch.autograd.grad(3 * ours, learning), torch.autograd.grad(3 * theirs, learning), strict=True):
        torch.testing.assert_close(own, other)


def test_in_bfloat16_the_gradient_stays_close() -> None:
    hidden, output, wanted = numbers()
    (exact,) = torch.autograd.grad(expected(hidden, output, wanted), hidden)
    with torch.autocast("cpu", torch.bfloat16):
        loss = TokenLoss()(hidden, output, wanted)
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert gradient.dtype == torch.float32
    assert float((gradient - exact).norm() / exact.norm()) < 0.02


def test_without_gradients_there_is_the_same_loss() -> None:
    hidden, output, wanted = numbers()
    with torch.no_grad():
        torch.testing.assert_close(TokenLoss()(hidden, output, wanted), expected(hidden, output, wanted))


def test_an_output_layer_that_has_changed_is_converted_anew() -> None:
    hidden, output, wanted = numbers()
    loss = TokenLoss()
    with torch.autocast("cpu", torch.bfloat16):
        before = loss(hidden, output, wanted)
        with torch.no_grad():
            output.weight.mul_(3)
        changed = loss(hidden, output, wanted)
        output.requires_grad_(True)
        optimizer = torch.optim.SGD(output.parameters(), lr=5.0, fused=True)  # which leaves no trace on weights
        loss(hidden, output, wanted).backward()
        optimizer.step()
        output.requires_grad_(False)
        learnt = loss(hidden, output, wanted)
    assert abs((changed - before).item()) > 0.1
    assert learnt.item() < changed.item() - 0.1
    torch.testing.assert_close(learnt, expected(hidden, output, wanted), rtol=0.02, atol=0.02)


def test_what_is_fed_and_wanted() -> None:
    prompt = [90, 91]
    fed, wanted = fed_and_wanted([torch.tensor([*prompt, 1, 2, 3, 7]), torch.tensor([*prompt, 4, 7])], len(prompt), 100)
    assert fed.shape == wanted.shape == (2, 8)  # a multiple of 8
    assert fed[0, :5].tolist() == [90, 91, 1, 2, 3]
    assert fed[1, :3].tolist() == [90, 91, 4]
    nothing = UNSCORED
    assert wanted.tolist() == [[nothing, 1, 2, 3, 7, *[nothing] * 3], [nothing, 4, 7, *[nothing] * 5]]
    fed, _ = fed_and_wanted([torch.tensor([*prompt, 1, 2, 3, 7])], len(prompt), 6)
    assert fed.shape == (1, 6)  # but no more than the decoder can be fed

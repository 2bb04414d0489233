"""Convolutions as products of matrices compute what torch's do, and only where bfloat16 is computed without gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.models.base.protocol import FRONT
from core.models.cpu.convolutions import quick_convolutions
from core.models.ctc.model import Ctc
from core.models.loading import load_model
from tests.conftest import tone

READ_SAMPLES = ["wav2vec2", "wav2vec2-large", "wav2vec2-conformer", "hubert", "wavlm", "unispeech-sat", "sew", "data2vec-audio"]


def encoder_of(folder: Path) -> Any:
    model = load_model(str(folder), precision="float32")
    assert isinstance(model, Ctc)
    return model._encoder


@pytest.mark.parametrize("family", READ_SAMPLES)
@torch.no_grad()
def test_they_are_transformers_own_to_rounding(family: str, ctc_family: Callable[[str], Path]) -> None:
    encoder = encoder_of(ctc_family(family))
    for parameter in encoder.feature_extractor.parameters():  # as if trained: norms and biases of more than 1 and 0
        parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())))
    waves = torch.stack([torch.from_numpy(tone(1.3, 200, seed=1)), torch.from_numpy(tone(1.3, 900, seed=2))])
    exact = encoder.feature_extractor(waves)
    with torch.autocast("cpu", torch.bfloat16):
        plain = encoder.feature_extractor(waves).float()
        with quick_convolutions(encoder):
            quick = encoder.feature_extractor(waves)
    assert quick.shape == exact.shape
    rounding = float((plain - exact).abs().mean())
    assert 0 < rounding < 0.1 * float(exact.abs().mean())
    assert float((quick.float() - exact).abs().mean()) < 1.5 * rounding


def test_they_stand_in_only_where_they_pay(tiny_ctc: Path) -> None:
    encoder = encoder_of(tiny_ctc)
    own = vars(encoder.feature_extractor)

    def stands_in(low: bool, gradient: bool) -> bool:
        with torch.set_grad_enabled(gradient), torch.autocast("cpu", torch.bfloat16, enabled=low), quick_convolutions(encoder):
            with quick_convolutions(encoder):  # a second time changes nothing
                pass
            return "forward" in own

    assert stands_in(low=True, gradient=False)
    assert not stands_in(low=False, gradient=False)
    assert not stands_in(low=True, gradient=True)
    assert "forward" not in own
    encoder.feature_extractor.conv_layers[1].conv.dilation = (2,)
    assert not stands_in(low=True, gradient=False)


def test_a_model_reads_with_them(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny_ctc), precision="bfloat16")
    calls: list[int] = []
    real = torch.Tensor.as_strided
    monkeypatch.setattr(torch.Tensor, "as_strided", lambda *given: calls.append(1) or real(*given))
    for use in (
        lambda: model.transcribe([tone(1.0)]),
        lambda: model.prefix([model.example(tone(1.0), "one")], depth=FRONT),
        lambda: model.prefix([model.example(tone(1.0), "one")], depth=1),
    ):
        calls.clear()
        with torch.no_grad():
            use()
        assert calls

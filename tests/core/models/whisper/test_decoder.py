"""The decoder that transcribes: attempts that share their sound, and weights that are converted only when they change."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from core.models.loading import load_model
from core.models.whisper import model as whisper_model
from core.models.whisper.decoder import Decoder, weights_now
from core.models.whisper.model import Whisper
from tests.conftest import tone

CLIPS, FRAMES, ROOM = 3, 20, 6


@pytest.fixture
def whisper(tiny_whisper: Path) -> Whisper:
    model = load_model(str(tiny_whisper), device="cpu", precision="float32")
    assert isinstance(model, Whisper)
    return model


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Decoder]:
    """The decoders that are made."""
    decoders: list[Decoder] = []

    def make(*given: object) -> Decoder:
        decoders.append(Decoder(*given))
        return decoders[-1]

    monkeypatch.setattr(whisper_model, "Decoder", make)
    return decoders


def frames_of(whisper: Whisper) -> torch.Tensor:
    return torch.randn(CLIPS, FRAMES, whisper.network.config.d_model, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_attempts_share_the_sound_of_their_clips(whisper: Whisper) -> None:
    writer = Decoder(whisper.network, torch.float32)
    sound = writer.begin(frames_of(whisper))
    tokens = torch.tensor([[1, 2], [3, 4], [5, 6]])
    all_clips = writer.start(sound, ROOM)
    first = [writer.write(all_clips, tokens), writer.write(all_clips, tokens[:, :1])]
    rows = torch.tensor([2, 0, 2])
    some = writer.start(sound, ROOM, rows)
    second = [writer.write(some, tokens[rows]), writer.write(some, tokens[rows, :1])]
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(other, one[rows])
    writer.keep(all_clips, torch.tensor([1]))
    kept, alone = writer.write(all_clips, tokens[1:2, 1:]), writer.write(_alone(writer, sound, tokens), tokens[1:2, 1:])
    torch.testing.assert_close(kept, alone)


def _alone(writer: Decoder, sound: object, tokens: torch.Tensor) -> object:
    memory = writer.start(sound, ROOM, torch.tensor([1]))
    writer.write(memory, tokens[1:2])
    writer.write(memory, tokens[1:2, :1])
    return memory


def test_weights_that_stay_are_converted_once(whisper: Whisper, made: list[Decoder]) -> None:
    first = whisper.transcribe([tone(1.0)])
    with torch.no_grad():
        whisper.loss([whisper.example(tone(1.0), "word")])  # as when held-out clips are scored
    assert whisper.transcribe([tone(1.0)]) == first
    assert len(made) == 1


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_without_another_loss_is_noticed(whisper: Whisper, made: list[Decoder], fused: bool) -> None:
    optimizer = torch.optim.AdamW(whisper.network.parameters(), lr=1e-5, fused=fused)
    whisper.loss([whisper.example(tone(1.0), "word")]).backward()
    whisper.transcribe([tone(1.0)])
    optimizer.step()
    whisper.transcribe([tone(1.0)])
    assert len(made) == 2


def test_an_output_layer_that_stays_is_converted_once(whisper: Whisper, made: list[Decoder]) -> None:
    whisper.transcribe([tone(1.0)])
    with torch.no_grad():
        whisper.network.model.decoder.layers[0].fc1.weight.mul_(1.5)
    whisper.transcribe([tone(1.0)])
    with torch.no_grad():
        whisper.network.proj_out.weight.mul_(1.5)
    whisper.transcribe([tone(1.0)])
    first, second, third = made
    assert first.halved == (first.output is not None)
    assert second.output is first.output
    assert first.output is None or third.output is not first.output


def test_a_copied_model_follows_its_own_weights(whisper: Whisper) -> None:
    before = whisper.transcribe([tone(1.0)])
    other = copy.deepcopy(whisper)
    assert other.transcribe([tone(1.0)]) == before
    with torch.no_grad():
        other.network.proj_out.weight.neg_()
    assert other.transcribe([tone(1.0)]) != before
    assert whisper.transcribe([tone(1.0)]) == before


def test_what_adapters_add_cannot_be_told() -> None:
    layer = nn.Sequential(nn.Linear(2, 2))
    assert weights_now(layer) == weights_now(layer)
    layer.append(nn.Linear(2, 2))
    layer[1].merge = None
    assert weights_now(layer) is None

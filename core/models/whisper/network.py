"""The parts of Whisper for which transformers is slow on a CPU: log-mel, and an encoder that thins the padding.

Without thinning, results equal those of transformers up to rounding; tests compare them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE
from core.models.base.device import computing_type

WINDOW_SAMPLES = 400  # 25 ms, of one log-mel frame
HOP_SAMPLES = 160  # 10 ms
MEL_FRAMES_PER_SECOND = SAMPLE_RATE // HOP_SAMPLES
MEL_FRAMES = round(MAX_CLIP_SECONDS * MEL_FRAMES_PER_SECOND)  # 3,000, of the encoder's window
FRAMES_PER_SECOND = MEL_FRAMES_PER_SECOND // 2  # encoder frames: the second convolution has a stride of 2
CONSTANT_FRAMES = 6  # of padding after the sound: the receptive field of the two convolutions
MARGIN_FRAMES = 25  # of padding kept in full after the speech
TAIL_STRIDE = 32  # every 32nd frame of the padding beyond the margin is kept, and counts as 32: see `frame_weights`
BLOCK_FRAMES = 32  # kept frames are a multiple of this: torch's CPU library keeps memory for every size it has seen
SHORT_FRAMES = 256  # up to this many, attention on a CPU is plain matrix products in bfloat16; fused takes less memory


def log_mel(wave: np.ndarray, filters: np.ndarray) -> torch.Tensor:
    """Returns a clip's log-mel energies for Whisper, without most of the padding.

    Padded to 30 s, all frames after the sound are equal, so the last one returned represents the rest.

    Args:
        wave: float32 [samples] at 16 kHz, at most 30 s.
        filters: float [201, mels], of transformers' feature extractor.

    Returns:
        float32 [mels, frames], an even number of frames: up to 3,000.
    """
    frames = math.ceil((len(wave) + WINDOW_SAMPLES // 2) / HOP_SAMPLES) + CONSTANT_FRAMES
    frames = min(MEL_FRAMES, frames + frames % 2)
    sound = functional.pad(torch.from_numpy(wave), (0, frames * HOP_SAMPLES - len(wave)))
    window = torch.hann_window(WINDOW_SAMPLES)
    spectrum = torch.stft(sound, WINDOW_SAMPLES, HOP_SAMPLES, window=window, return_complex=True)[:, :-1]
    energies = torch.from_numpy(filters).to(torch.float32).T @ (spectrum.abs() ** 2).contiguous()
    logarithms = energies.clamp(min=1e-10).log10()
    return (torch.maximum(logarithms, logarithms.max() - 8.0) + 4.0) / 4.0


def mel_frames(seconds: Sequence[float], most: int) -> tuple[int, ...]:
    """Returns how many log-mel frames clips of these durations take, at most `most`."""
    return tuple(min(most, math.ceil(MEL_FRAMES_PER_SECOND * s)) for s in seconds)


def padded(mels: Sequence[torch.Tensor], frames: int | None = None) -> torch.Tensor:
    """Stacks clips' log-mel energies, each continued by its last frame: [clips, mels, frames], or what the longest needs."""
    longest = max(mel.shape[1] for mel in mels)
    longest = frames or min(MEL_FRAMES, longest + -longest % (2 * BLOCK_FRAMES))
    return torch.stack([torch.cat([mel, mel[:, -1:].expand(-1, longest - mel.shape[1])], dim=1) for mel in mels])


def kept_frames(seconds: Sequence[float], total: int = MEL_FRAMES // 2) -> torch.Tensor:
    """Chooses the encoder positions to compute: the speech, a margin, and a sparse, even sample of the padding.

    Whisper pads every clip to 30 s and needs to see that the speech ends, but not 1,500 frames of padding. The clips of a
    batch must have the same length, since there is no mask, so shorter ones keep more of their padding.

    Args:
        seconds: duration of each clip's speech, at most 30.
        total: positions of the whole window.

    Returns:
        int64 [clips, kept], ascending in each row. With n_i = min(total, floor(50 s_i) + 25), kept is
        max_i(n_i + floor((total - n_i) / 32)), made a multiple of 32.
    """
    speech = [speech_frames(s, total) for s in seconds]
    kept = max(kept_count(s, total) for s in seconds)
    rows = []
    for n in speech:
        tail = kept - n
        evenly = n + (torch.arange(tail) * (total - n)) // max(tail, 1)
        rows.append(torch.cat([torch.arange(n), evenly]))
    return torch.stack(rows)


def speech_frames(seconds: float, total: int = MEL_FRAMES // 2) -> int:
    """Returns how many encoder frames a clip's speech and its margin take."""
    return min(total, math.floor(FRAMES_PER_SECOND * seconds) + MARGIN_FRAMES)


def kept_count(seconds: float, total: int = MEL_FRAMES // 2) -> int:
    """Returns how many encoder frames a clip takes by itself."""
    speech = speech_frames(seconds, total)
    kept = speech + (total - speech) // TAIL_STRIDE
    return min(total, kept + -kept % BLOCK_FRAMES)


def convolved(encoder: Any, mel: torch.Tensor, positions: torch.Tensor | None) -> torch.Tensor:
    """Computes the input of the first encoder layer: convolutions plus positions, thinned.

    Args:
        encoder: a WhisperEncoder.
        mel: float32 [clips, mels, frames]; with fewer than 3,000 frames, the last ones are equal.
        positions: int64 [clips, kept], the frames to keep, or None for all 1,500.

    Returns:
        float [clips, kept, width].
    """
    total = encoder.embed_positions.weight.shape[0]
    if positions is None:
        mel = torch.cat([mel, mel[:, :, -1:].expand(-1, -1, 2 * total - mel.shape[2])], dim=2)
    hidden = functional.gelu(encoder.conv1(mel))
    hidden = functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    if positions is None:
        return hidden + encoder.embed_positions.weight
    positions = positions.to(hidden.device)
    # The last frame is affected by the border; the one before it is what the rest of the padding looks like.
    last = hidden.shape[1] - (1 if hidden.shape[1] == total else 2)
    read = hidden.gather(1, positions.clamp(max=last)[:, :, None].expand(-1, -1, hidden.shape[-1]))
    return read + functional.embedding(positions, encoder.embed_positions.weight)


def frame_weights(positions: torch.Tensor, total: int = MEL_FRAMES // 2) -> torch.Tensor:
    """Returns how many frames of the whole window each kept frame represents, as logarithms: float32 [clips, kept].

    Attention that adds them to its logits gives the padding as much weight as it has in the whole window: proportional
    attention (Bolya et al. 2023, arXiv 2210.09461, equation 1).
    """
    ends = torch.cat([positions[:, 1:], torch.full_like(positions[:, :1], total)], dim=1)
    return (ends - positions).float().log()


def encode(
    encoder: Any, hidden: torch.Tensor, weights: torch.Tensor | None = None, first: int = 0, end: int | None = None
) -> torch.Tensor:
    """Applies a WhisperEncoder's layers and its norm, or some of the layers.

    Args:
        encoder: a WhisperEncoder.
        hidden: float [clips, frames, width], the input of the first of them.
        weights: of `frame_weights`, or None if all frames are present.
        first: the first layer to apply.
        end: the first layer not to apply, in which case the norm is not applied either; None applies the rest and the norm.

    Returns:
        float [clips, frames, width].
    """
    for layer in encoder.layers[first:end]:
        if not _left_out(encoder):
            hidden = _layer(layer, hidden, weights)
    return hidden if end is not None else encoder.layer_norm(hidden).to(computing_type(hidden.device))


def decode(
    decoder: Any,
    tokens: torch.Tensor,
    frames: torch.Tensor,
    weights: torch.Tensor | None = None,
    looks: list[tuple[torch.Tensor, torch.Tensor]] | None = None,
) -> torch.Tensor:
    """Applies a WhisperDecoder to whole texts, as training does; `whisper_decoder` writes a token at a time.

    Args:
        decoder: a WhisperDecoder.
        tokens: int64 [clips, tokens].
        frames: float [clips, frames, width], of `encode`.
        weights: of `frame_weights`, or None if all frames are present.
        looks: if given, receives each layer's scaled queries and keys of the frames: [clips, heads, tokens or frames, width].

    Returns:
        float32 [clips, tokens, width], of the last layer, normalised.
    """
    low = computing_type(frames.device)
    hidden = decoder.embed_tokens(tokens) + decoder.embed_positions.weight[: tokens.shape[1]]
    hidden = _dropped(hidden, decoder.dropout, decoder.training)
    for layer in decoder.layers:
        if _left_out(decoder):
            continue
        own, other = layer.self_attn, layer.encoder_attn
        query, key, value = _sides(own, layer.self_attn_layer_norm(hidden).to(low))
        if hidden.device.type == "cpu":  # with so few tokens, torch's backward pass is four times as fast in float32
            query, key, value = query.float(), key.float(), value.float()
        with torch.autocast(hidden.device.type, enabled=False):
            mixed = _fused_attention(query, key, value, None, _share(own), causal=True)
        hidden = hidden + _dropped(_joined(own, mixed), layer.dropout, layer.training)
        query, key, value = _sides(other, layer.encoder_attn_layer_norm(hidden).to(low), frames)
        if looks is not None:
            looks.append((query, key))
        mixed = _fused_attention(query, key, value, weights, _share(other))
        hidden = hidden + _dropped(_joined(other, mixed), layer.dropout, layer.training)
        hidden = _fed_forward(layer, hidden)
    return decoder.layer_norm(hidden)


def _layer(layer: Any, hidden: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """WhisperEncoderLayer.forward, but the normalised input is converted once and not for each projection."""
    own = layer.self_attn
    query, key, value = _sides(own, layer.self_attn_layer_norm(hidden).to(computing_type(hidden.device)))
    short = hidden.device.type == "cpu" and query.dtype == torch.bfloat16 and hidden.shape[1] <= SHORT_FRAMES
    mixed = (_short_attention if short else _fused_attention)(query, key, value, weights, _share(own))
    return _fed_forward(layer, hidden + _dropped(_joined(own, mixed), layer.dropout, layer.training))


def _fed_forward(layer: Any, hidden: torch.Tensor) -> torch.Tensor:
    wide = layer.fc1(layer.final_layer_norm(hidden).to(computing_type(hidden.device)))
    inner = layer.activation_fn(wide)
    with _computed_again(layer.activation_fn, wide, inner):
        narrow = layer.fc2(_dropped(inner, layer.activation_dropout, layer.training))
    return hidden + _dropped(narrow, layer.dropout, layer.training)


def _computed_again(function: Any, given: torch.Tensor, result: torch.Tensor) -> saved_tensors_hooks:
    """Recomputes a function's result from its input in the backward pass instead of keeping it."""
    given, address, size = given.detach(), result.data_ptr(), result.numel()

    def keep(tensor: torch.Tensor) -> torch.Tensor | torch.Size:
        return tensor.shape if (tensor.data_ptr(), tensor.numel()) == (address, size) else tensor

    def back(kept: torch.Tensor | torch.Size) -> torch.Tensor:
        return function(given).reshape(kept) if isinstance(kept, torch.Size) else kept

    return saved_tensors_hooks(keep, back)


def _sides(attention: Any, hidden: torch.Tensor, other: torch.Tensor | None = None) -> list[torch.Tensor]:
    """Queries, scaled, keys and values: [clips, length, width] -> [clips, heads, length, width of a head]."""
    other = hidden if other is None else other
    sides = (attention.q_proj(hidden) * attention.scaling, attention.k_proj(other), attention.v_proj(other))
    return [side.unflatten(-1, (attention.num_heads, attention.head_dim)).transpose(1, 2) for side in sides]


def _joined(attention: Any, mixed: torch.Tensor) -> torch.Tensor:
    """[clips, heads, length, width of a head] -> [clips, length, width], projected."""
    return attention.out_proj(mixed.transpose(1, 2).flatten(2))


def _share(attention: Any) -> float:
    """Share of the attention weights that is dropped."""
    return attention.dropout if attention.training else 0.0


def _left_out(coder: Any) -> bool:
    """Draws whether a layer is left out."""
    return bool(coder.training and coder.layerdrop and torch.rand(()) < coder.layerdrop)


def _fused_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    weights: torch.Tensor | None,
    dropout: float,
    causal: bool = False,
) -> torch.Tensor:
    bias = None if weights is None else weights[:, None, None].to(query.dtype)
    return functional.scaled_dot_product_attention(query, key, value, bias, dropout, causal, scale=1.0)


def _short_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, weights: torch.Tensor | None, dropout: float
) -> torch.Tensor:
    clips, heads = query.shape[:2]
    query, key, value = (side.flatten(0, 1) for side in (query, key, value))
    with torch.autocast(query.device.type, enabled=False):  # it would convert the shares to float32 and back
        logits = torch.bmm(query, key.transpose(1, 2))
        if weights is not None:
            logits += weights.to(query.dtype).repeat_interleave(heads, 0)[:, None]
        return torch.bmm(_dropped(logits.softmax(-1), dropout, True), value).unflatten(0, (clips, heads))


def _dropped(values: torch.Tensor, share: float, training: bool) -> torch.Tensor:
    return functional.dropout(values, share, training) if share and training else values

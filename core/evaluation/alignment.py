"""When each word of a transcript was said, according to the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import regex
import torch
from torch.nn import functional

from core.audio.sound_files import SAMPLE_RATE
from core.errors import ModelError
from core.models.base.protocol import AsrModel
from core.models.base.vocabulary import refuse_misfit
from core.models.ctc.model import Ctc
from core.models.deepspeech.model import DeepSpeech
from core.models.whisper.model import FRAMES_PER_SECOND, Whisper
from core.text.scoring import UNSPACED_LANGUAGES, clean

MEDIAN_FRAMES = 7  # width of the filter over attention weights, openai-whisper's


@dataclass(frozen=True)
class SpokenWord:
    """One word and its time.

    Attributes:
        word: as the transcript has it.
        start_s, end_s: in seconds from the beginning of the clip.
    """

    word: str
    start_s: float
    end_s: float


def align(model: AsrModel, wave: np.ndarray, text: str) -> list[SpokenWord]:
    """Finds the time of every word of a text in a sound.

    CTC models: the most probable path through the frames that writes the text (torchaudio's `forced_align`); a word
    lasts from its first character's first frame to its last one's last. Whisper: `attention_spans`.

    Args:
        model: of the families "ctc", "deepspeech" or "whisper".
        wave: float32 [samples] at 16 kHz; for Whisper at most 30 s.
        text: what was said, or what a model wrote for it.

    Returns:
        One span for every word, or for every character in the `core.text.scoring.UNSPACED_LANGUAGES`; none for an empty text.
        Spans are in order and inside the clip. A word that a CTC model cannot write
        takes the gap between its neighbours.

    Raises:
        ModelError: the model belongs to another family, or has no vocabulary yet.
        DatasetError: the text does not fit the sound.
    """
    unspaced = model.language in UNSPACED_LANGUAGES
    words = regex.findall(r"\X", "".join(clean(text).split())) if unspaced else clean(text).split()
    if isinstance(model, Whisper):
        return _by_attention(model, wave, clean(text), words) if words else []
    if isinstance(model, DeepSpeech) or (isinstance(model, Ctc) and model.writes):
        return _by_labels(model, wave, words, spaced=not unspaced) if words else []
    raise ModelError("no_alignment", f"{model.id} cannot tell when each word was spoken.", id=model.id)


def _by_labels(model: Ctc | DeepSpeech, wave: np.ndarray, words: list[str], spaced: bool) -> list[SpokenWord]:
    labels = [model.labels(word) for word in words]
    log_probs = model.log_probs(wave).cpu()
    space = model.space if spaced else None
    frames = label_spans(log_probs, labels, model.blank, space, len(wave))
    seconds = len(wave) / SAMPLE_RATE / len(log_probs)
    return [SpokenWord(word, start * seconds, end * seconds) for word, (start, end) in zip(words, frames, strict=True)]


def label_spans(
    log_probs: torch.Tensor, words: Sequence[Sequence[int]], blank: int, space: int | None, samples: int
) -> list[tuple[int, int]]:
    """Finds the frames of each word on the most probable CTC path that writes them all.

    Args:
        log_probs: float32 [frames, labels].
        words: the labels of each; a word without any takes the gap between its neighbours.
        blank: the label of no character.
        space: the label between words, if there is one.
        samples: of the sound, only for the error.

    Returns:
        First frame, and the frame after the last one, of each word.

    Raises:
        DatasetError: more labels than frames, or no label at all.
    """
    from torchaudio.functional import forced_align, merge_tokens  # only this needs torchaudio

    path: list[int] = []
    owners: list[int] = []  # the word each label belongs to, -1 for a space
    for i, labels in enumerate(words):
        if labels and path and space is not None:
            path.append(space)
            owners.append(-1)
        path += labels
        owners += [i] * len(labels)
    refuse_misfit(path, len(log_probs), samples, f"{len(words)} words")
    aligned, scores = forced_align(log_probs[None], torch.tensor([path], dtype=torch.int32), blank=blank)
    spans = merge_tokens(aligned[0], scores[0], blank)
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for owner, span in zip(owners, spans, strict=True):
        starts.setdefault(owner, span.start)
        ends[owner] = span.end
    found = []
    for i in range(len(words)):
        before = max((ends[j] for j in range(i) if j in ends), default=0)
        after = min((starts[j] for j in range(i + 1, len(words)) if j in starts), default=len(log_probs))
        found.append((starts.get(i, before), ends.get(i, after)))
    return found


def _by_attention(model: Whisper, wave: np.ndarray, text: str, words: list[str]) -> list[SpokenWord]:
    weights, written = model.attention(wave, text)
    reached = [len("".join(part.rstrip("�").split())) for part in written]  # a token may end inside a character
    frames = attention_spans(weights, reached, [len(word) for word in words])
    limit = len(wave) / SAMPLE_RATE
    return [
        SpokenWord(word, min(start / FRAMES_PER_SECOND, limit), min(end / FRAMES_PER_SECOND, limit))
        for word, (start, end) in zip(words, frames, strict=True)
    ]


def attention_spans(weights: torch.Tensor, reached: Sequence[int], lengths: Sequence[int]) -> list[tuple[float, float]]:
    """Turns cross-attention weights into the frames of each word, as openai-whisper does (timing.py).

    Every head's weights are standardised over the tokens, smoothed by a median filter along the sound and averaged;
    dynamic time warping then finds the path through tokens and frames with the most weight. A token begins
    where the path enters its row. A character that shares its token with others gets an equal part of its time.

    Args:
        weights: float32 [heads, tokens + 1, frames]; row i while token i is written, the last while the text is ended.
        reached: characters, without spaces, that are written after each token.
        lengths: characters of each word.

    Returns:
        Where each word begins and ends, in frames.
    """
    std, mean = torch.std_mean(weights, dim=1, keepdim=True, unbiased=False)
    smooth = (weights - mean) / std.clamp(min=1e-8)
    half = MEDIAN_FRAMES // 2
    if smooth.shape[-1] > half:
        smooth = functional.pad(smooth, (half, half), mode="reflect").unfold(-1, MEDIAN_FRAMES, 1).median(-1).values
    entered = _warp(-smooth.mean(dim=0).double().numpy())
    characters = np.array([0, *reached])
    characters, first = np.unique(characters, return_index=True)
    ends = np.cumsum(lengths)
    at = np.interp([0, *ends], characters, np.array(entered)[first])
    return list(zip(at[:-1].tolist(), at[1:].tolist(), strict=True))


def _warp(cost: np.ndarray) -> list[int]:
    """Dynamic time warping: returns the column at which the cheapest path enters each row of [rows, columns]."""
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    # The cells of one antidiagonal depend only on the two before it.
    for diagonal in range(2, rows + columns + 1):
        i = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        j = diagonal - i
        before = np.minimum(total[i - 1, j - 1], np.minimum(total[i - 1, j], total[i, j - 1]))
        total[i, j] = cost[i - 1, j - 1] + before
    entered = [0] * rows
    i, j = rows, columns
    while i > 0 and j > 0:
        entered[i - 1] = j - 1
        steps = (total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
        i, j = ((i - 1, j - 1), (i - 1, j), (i, j - 1))[int(np.argmin(steps))]
    return entered

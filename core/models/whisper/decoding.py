"""Greedy decoding with Whisper's own defence against runaway repetition, for a batch of short clips.

Radford et al. 2022, section 4.5: a transcript that compresses too well (it repeats itself) is decoded again at higher
temperatures; a segment that is improbable and whose first token says "no speech" is empty. Whisper also decodes again what
is merely improbable. Attune does not: on 300 clips that took most of the time and corrected no word (assets/docs/speed.md).
The token budget from the duration is Attune's addition: speech has a highest rate, and loops exceed it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from core.errors import DatasetError
from core.models.whisper.thresholds import MIN_LOG_PROBABILITY, MIN_NO_SPEECH, TEMPERATURES
from core.text.scoring import MAX_COMPRESSION_RATIO, compression_ratio

BUDGET_TOKENS = 8  # allowed for every clip, plus TOKENS_PER_SECOND per second
TOKENS_PER_SECOND = 8.0  # fast English is about 5; languages the tokeniser spells out take more
GREEDY = TEMPERATURES[0]
RETRIED_TOGETHER = 4  # clips, each at five temperatures
RATE_HEADROOM = 1.5  # above the fastest training clip


@dataclass(frozen=True)
class Vocabulary:
    """The special tokens that decoding needs.

    Attributes:
        end: id of the token that ends a transcript.
        no_speech: id of the token whose probability at the start means silence.
        never: ids that are never written.
        not_first: ids that are not written first.
    """

    end: int
    no_speech: int
    never: tuple[int, ...]
    not_first: tuple[int, ...]


@dataclass(frozen=True)
class Decoded:
    """One decoded clip.

    Attributes:
        tokens: without prompt and end.
        log_probability: mean over the tokens and the end.
        no_speech: probability that there is no speech.
        temperature: of the sampling; 0 takes the most probable token each time.
    """

    tokens: list[int]
    log_probability: float
    no_speech: float
    temperature: float


def budget(seconds: float, rate: float, room: int) -> int:
    """Returns the most tokens a clip may take, at `rate` tokens per second and with `room` for so many in the decoder."""
    return min(room, BUDGET_TOKENS + math.ceil(rate * seconds))


def fitted_rate(rate: float, tokens: Sequence[int], seconds: Sequence[float]) -> float:
    """Returns the tokens per second to allow: `rate`, or more if training texts with these token counts need it."""
    return max(rate, RATE_HEADROOM * max((n / s for n, s in zip(tokens, seconds, strict=True)), default=0.0))


def refuse_too_long(seconds: float, window: float, tokens: int, positions: int, text: str) -> None:
    """Refuses a training clip that does not fit a decoder.

    Raises:
        DatasetError: the clip exceeds the window in seconds, or its text the positions.
    """
    if seconds > window:
        raise DatasetError(
            "clip_over_window",
            f"A clip of {seconds:.1f} s is too long: the model can train on at most {window:.0f} s. Use a shorter clip.",
            seconds=round(seconds, 1),
            limit=round(window),
        )
    if tokens > positions:
        raise DatasetError("text_too_long", f"A transcript of {tokens} tokens is too long: {text[:60]}...")


class Writer(Protocol):
    """Something that writes token by token, such as `core.models.whisper.decoder.Decoder`.

    Attributes:
        size: of its vocabulary.
    """

    size: int

    def begin(self, frames: torch.Tensor, weights: torch.Tensor | None) -> Any:
        """Takes the encoder's output, float [clips, frames, width]; see `decode`. Nothing changes what it returns."""

    def start(self, sound: Any, room: int, rows: torch.Tensor | None = None) -> Any:
        """Starts texts of up to `room` tokens, prompts included: of all clips, or of those at some rows, int64 [texts]."""

    def write(self, memory: Any, tokens: torch.Tensor) -> torch.Tensor:
        """Adds tokens int64 [texts, tokens] and returns a hidden state for each, [texts, tokens, width]."""

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Returns the logits of the next token, float32 [..., vocabulary]."""

    def keep(self, memory: Any, rows: torch.Tensor) -> None:
        """Drops all texts except those at some positions, int64 [texts]."""


@dataclass(frozen=True)
class _Attempt:
    """One text to write.

    Attributes:
        clip: its position in the batch.
        temperature: of the sampling.
        budget: the most tokens.
        draws: float [budget], between 0 and 1: the random number of each token.
    """

    clip: int
    temperature: float
    budget: int
    draws: torch.Tensor


def decode(
    writer: Writer,
    frames: torch.Tensor,
    prompts: torch.Tensor,
    budgets: list[int],
    seeds: list[int],
    vocabulary: Vocabulary,
    to_text: Callable[[list[int]], str],
    weights: torch.Tensor | None = None,
    pause: Callable[[], None] = lambda: None,
) -> list[Decoded]:
    """Decodes a batch. What repeats itself is decoded again, at all higher temperatures together.

    Args:
        writer: the decoder.
        frames: encoder output, float [clips, frames, width].
        prompts: int64 [clips, tokens], beginning with <|startoftranscript|>.
        budgets: most tokens a clip may take.
        seeds: of each clip's sampling, so that a result does not depend on its batch.
        vocabulary: special tokens.
        to_text: turns tokens into the text whose compression is measured.
        weights: how many frames each frame represents, as logarithms: float [clips, frames]; None if each represents itself.
        pause: called after every token.

    Returns:
        One result a clip.
    """

    def attempted(attempts: list[_Attempt], all: bool) -> list[Decoded]:
        rows = torch.tensor([attempt.clip for attempt in attempts], device=frames.device)
        memory = writer.start(sound, prompts.shape[1] + max(a.budget for a in attempts), None if all else rows)
        return _written(writer, memory, prompts[rows], attempts, vocabulary, pause)

    sound = writer.begin(frames, weights)
    results = attempted([_Attempt(i, GREEDY, budget, torch.empty(0)) for i, budget in enumerate(budgets)], all=True)
    higher = list(enumerate(TEMPERATURES))[1:]
    repeating = [i for i, decoded in enumerate(results) if higher and _repeats(decoded, to_text) and not is_silence(decoded)]
    for first in range(0, len(repeating), RETRIED_TOGETHER):
        group = repeating[first : first + RETRIED_TOGETHER]
        again = [_Attempt(i, high, budgets[i], _uniform(seeds[i] + n, budgets[i])) for i in group for n, high in higher]
        decoded = iter(attempted(again, all=False))
        for i in group:
            tries = [replace(next(decoded), no_speech=results[i].no_speech) for _ in higher]
            good = (one for one in tries if _is_sound(one, to_text) or is_silence(one))
            results[i] = next(good, None) or _least_bad([results[i], *tries], to_text)
    return results


def is_silence(decoded: Decoded) -> bool:
    """Whether there is no speech, by Whisper's rule."""
    return decoded.no_speech > MIN_NO_SPEECH and decoded.log_probability < MIN_LOG_PROBABILITY


def _repeats(decoded: Decoded, to_text: Callable[[list[int]], str]) -> bool:
    return compression_ratio(to_text(decoded.tokens)) > MAX_COMPRESSION_RATIO


def _is_sound(decoded: Decoded, to_text: Callable[[list[int]], str]) -> bool:
    return decoded.log_probability >= MIN_LOG_PROBABILITY and not _repeats(decoded, to_text)


def _least_bad(attempts: list[Decoded], to_text: Callable[[list[int]], str]) -> Decoded:
    """If no temperature helped: the most probable attempt that does not loop.

    Whisper takes the last attempt, drawn at temperature 1, which is often nonsense in another language and would make any
    base look worse than it is.
    """
    return max(attempts, key=lambda decoded: (not _repeats(decoded, to_text), decoded.log_probability))


def _uniform(seed: int, count: int) -> torch.Tensor:
    return torch.rand(count, generator=torch.Generator().manual_seed(seed))


def _written(
    writer: Writer,
    memory: Any,
    prompts: torch.Tensor,
    attempts: list[_Attempt],
    vocabulary: Vocabulary,
    pause: Callable[[], None],
) -> list[Decoded]:
    """Writes all texts token by token, each until it ends. `no_speech` is computed only where the first text is greedy."""
    count, device = len(attempts), prompts.device
    barred = torch.zeros(writer.size, device=device)
    barred[list(vocabulary.never)] = -torch.inf
    greedy = attempts[0].temperature == GREEDY
    tokens: list[list[int]] = [[] for _ in attempts]
    total, no_speech = [0.0] * count, [0.0] * count
    writing, fed = list(range(count)), prompts  # the attempts that have not ended, by their rows
    for step in range(max(attempt.budget for attempt in attempts)):
        pause()
        hidden = writer.write(memory, fed)
        logits = writer.scores(hidden[:, -1])
        if step == 0 and greedy:
            first = writer.scores(hidden[:, 0]).softmax(-1)
            no_speech = first[:, vocabulary.no_speech].tolist()
        logits += barred
        if step == 0 and vocabulary.not_first:
            logits[:, list(vocabulary.not_first)] = -torch.inf
        chosen = logits.argmax(-1) if greedy else _drawn(logits, [attempts[i] for i in writing], step)
        gains = (logits.gather(1, chosen[:, None])[:, 0] - logits.logsumexp(-1)).tolist()
        going = []
        for row, (i, token) in enumerate(zip(writing, chosen.tolist(), strict=True)):
            total[i] += gains[row]
            if token != vocabulary.end:
                tokens[i].append(token)
                if len(tokens[i]) < attempts[i].budget:
                    going.append(row)
        if not going:
            break
        fed = chosen[:, None]
        if len(going) < len(writing):
            rows = torch.tensor(going, device=device)
            writer.keep(memory, rows)
            writing, fed = [writing[row] for row in going], fed[rows]
    return [
        Decoded(ids, score / (len(ids) + 1), silence, attempt.temperature)
        for ids, score, silence, attempt in zip(tokens, total, no_speech, attempts, strict=True)
    ]


def _drawn(logits: torch.Tensor, attempts: Sequence[_Attempt], step: int) -> torch.Tensor:
    """Draws a token for each row of logits, float [texts, vocabulary], by inverse transform sampling."""
    temperatures = torch.tensor([attempt.temperature for attempt in attempts], device=logits.device)[:, None]
    draws = torch.stack([attempt.draws[step] for attempt in attempts]).to(logits.device)[:, None]
    shares = (logits / temperatures).softmax(-1).cumsum(-1)
    return torch.searchsorted(shares, draws * shares[:, -1:])[:, 0].clamp(max=shares.shape[1] - 1)

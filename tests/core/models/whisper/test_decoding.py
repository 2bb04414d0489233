"""Decoding: budgets, fallback, silence, and independence of the batch, on networks rigged to say what a test wants."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from core.audio.sound_files import decode as decode_audio
from core.data.samples import read_sample
from core.models.loading import load_model
from core.models.whisper import decoding
from core.models.whisper.decoding import Decoded, Vocabulary, is_silence
from core.text.scoring import MAX_COMPRESSION_RATIO, compression_ratio

SIZE, END, NO_SPEECH, NEVER, NOT_FIRST = 40, 0, 1, 2, 3
VOCABULARY = Vocabulary(end=END, no_speech=NO_SPEECH, never=(NO_SPEECH, NEVER), not_first=(NOT_FIRST,))
PROSE = "We watched the stars until the clouds came back, and then the old clock in the corner struck eleven."
LOOP = "thank you " * 30

Script = Callable[[int, int], torch.Tensor]  # clip, step -> logits [SIZE]


class Rigged:
    """Stands in for Whisper: the logits after the prompt come from a script, the clip's number from its frames."""

    size = SIZE

    def __init__(self, script: Script, silence: float = 0.0) -> None:
        self.attempts: list[list[int]] = []  # the clips of each call of `start`
        self._script = script
        self._silence = silence

    def begin(self, frames: torch.Tensor, weights: None) -> list[int]:
        return [int(clip) for clip in frames[:, 0, 0]]

    def start(self, sound: list[int], room: int, rows: torch.Tensor | None = None) -> SimpleNamespace:
        clips = sound if rows is None else [sound[row] for row in rows.tolist()]
        self.attempts.append(clips)
        return SimpleNamespace(clips=clips, step=0)

    def write(self, memory: SimpleNamespace, tokens: torch.Tensor) -> torch.Tensor:
        rows = [self._script(clip, memory.step) for clip in memory.clips]
        hidden = torch.stack(rows)[:, None].expand(-1, tokens.shape[1], -1).clone()
        if memory.step == 0:
            hidden[:, 0] = probabilities({NO_SPEECH: self._silence})
        memory.step += 1
        return hidden

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden.clone()

    def keep(self, memory: SimpleNamespace, rows: torch.Tensor) -> None:
        memory.clips = [memory.clips[row] for row in rows.tolist()]


def probabilities(chosen: dict[int, float]) -> torch.Tensor:
    """Logits that give the chosen tokens these probabilities and share the rest among the others."""
    rest = (1 - sum(chosen.values())) / (SIZE - len(chosen))
    return torch.tensor([chosen.get(token, rest) for token in range(SIZE)]).clamp(min=1e-9).log()


def words(tokens: list[int]) -> str:
    return " ".join(f"word{token}" for token in tokens)


def run(network: Rigged, budgets: list[int], clips: list[int] | None = None) -> list[Decoded]:
    clips = list(range(len(budgets))) if clips is None else clips
    frames = torch.tensor(clips, dtype=torch.float32)[:, None, None].expand(-1, 4, 2)
    prompts = torch.full((len(clips), 2), 7)
    return decoding.decode(network, frames, prompts, budgets, [100 + clip for clip in clips], VOCABULARY, words)


def says(texts: list[list[int]], sure: float = 0.99) -> Script:
    """Clip i is texts[i], then the end."""

    def script(clip: int, step: int) -> torch.Tensor:
        return probabilities({[*texts[clip], END][min(step, len(texts[clip]))]: sure})

    return script


def random_script(clip: int, step: int) -> torch.Tensor:
    return torch.randn(SIZE, generator=torch.Generator().manual_seed(1000 * clip + step))


def loops_unless_drawn(clip: int, step: int) -> torch.Tensor:
    return probabilities({5: 0.4})


@pytest.mark.parametrize("sure", [0.99, 0.9, 0.3])
@pytest.mark.parametrize("budgets", [[1], [3, 3, 3], [1, 20, 7], [60, 2]])
def test_a_budget_is_never_exceeded(sure: float, budgets: list[int]) -> None:
    endless = Rigged(lambda clip, step: probabilities({5 + (clip + step) % 30: sure, END: 0.0}))
    assert [len(decoded.tokens) for decoded in run(endless, budgets)] == budgets


def test_a_transcript_within_its_budget_is_whole() -> None:
    texts = [[10, 11, 12], [], [20], [30, 31, 32, 33, 34, 35]]
    decoded = run(Rigged(says(texts)), [50, 50, 1, 6])
    assert [d.tokens for d in decoded] == texts
    assert {d.temperature for d in decoded} == {0.0}


@pytest.mark.parametrize("sure", [0.99, 0.5])
def test_log_probability_is_the_mean_over_tokens_and_end(sure: float) -> None:
    (decoded,) = run(Rigged(says([[10, 11, 12]], sure)), [50])
    # The tokens that are never written give their probability to the others.
    never = 2 * (1 - sure) / (SIZE - 1)
    not_first = 3 * (1 - sure) / (SIZE - 1)
    expected = torch.tensor([sure / (1 - not_first), *[sure / (1 - never)] * 3]).log().mean()
    assert decoded.log_probability == pytest.approx(float(expected), abs=1e-5)


def test_tokens_that_are_never_written() -> None:
    def script(clip: int, step: int) -> torch.Tensor:
        return probabilities({NO_SPEECH: 0.3, NEVER: 0.3, NOT_FIRST: 0.3, END: 0.0})

    for decoded in run(Rigged(script), [200, 200, 200]):
        assert not {NO_SPEECH, NEVER} & set(decoded.tokens)
        assert decoded.tokens[0] != NOT_FIRST
        assert NOT_FIRST in decoded.tokens


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        (LOOP, True),
        ("word5 " * 40, True),
        ("哈" * 100, True),
        (PROSE, False),
        ("Yes.", False),
        ("", False),
        ("no no no", False),
    ],
)
def test_compression_ratio(text: str, loops: bool) -> None:
    assert (compression_ratio(text) > MAX_COMPRESSION_RATIO) == loops


def test_a_loop_is_left_at_a_higher_temperature() -> None:
    network = Rigged(loops_unless_drawn)
    (decoded,) = run(network, [60])
    assert decoded.temperature > 0
    assert network.attempts == [[0], [0] * 5]
    assert compression_ratio(words(decoded.tokens)) <= MAX_COMPRESSION_RATIO


def test_a_loop_that_nothing_breaks_stays_within_its_budget() -> None:
    network = Rigged(lambda clip, step: probabilities({5: 1.0}))
    (decoded,) = run(network, [60])
    assert decoded.tokens == [5] * 60
    assert network.attempts == [[0], [0] * 5]


def test_only_the_clips_that_need_it_are_tried_again() -> None:
    steady = says([[10, 11]])
    network = Rigged(lambda clip, step: steady(0, step) if clip != 1 else probabilities({5: 1.0}))
    decoded = run(network, [30, 60, 30])
    assert [d.tokens for d in decoded] == [[10, 11], [5] * 60, [10, 11]]
    assert [decoded[0].temperature, decoded[2].temperature] == [0.0, 0.0]
    assert network.attempts == [[0, 1, 2], [1] * 5]


def test_many_clips_are_tried_again_a_few_at_a_time() -> None:
    network = Rigged(loops_unless_drawn)
    together = run(network, [60] * 9)
    assert [len(clips) for clips in network.attempts] == [9, 20, 20, 5]
    assert together == [run(Rigged(loops_unless_drawn), [60], [clip])[0] for clip in range(9)]


def test_what_is_improbable_but_does_not_repeat_itself_is_kept() -> None:
    network = Rigged(says([[10, 11, 12]], sure=0.2))
    (decoded,) = run(network, [60])
    assert decoded.log_probability < decoding.MIN_LOG_PROBABILITY
    assert (decoded.tokens, decoded.temperature) == ([10, 11, 12], 0.0)
    assert network.attempts == [[0]]


@pytest.mark.parametrize("script", [random_script, loops_unless_drawn, says([[10 + i] * (3 * i) for i in range(8)], sure=0.5)])
def test_a_clip_does_not_depend_on_its_batch(script: Script) -> None:
    budgets = [3, 9, 60, 12, 1, 50, 40, 8]
    together = run(Rigged(script), budgets)
    clips = list(range(len(budgets)))
    random.Random(0).shuffle(clips)
    shuffled = run(Rigged(script), [budgets[clip] for clip in clips], clips)
    for clip, budget in enumerate(budgets):
        (alone,) = run(Rigged(script), [budget], [clip])
        assert alone == together[clip] == shuffled[clips.index(clip)]


def test_real_clips_do_not_depend_on_their_batch(bundled: Path) -> None:
    model = load_model(str(bundled), precision="float32")
    waves = [decode_audio(clip.path) for clip in read_sample("general").clips[:4]]
    waves.append(waves[0][: len(waves[0]) // 2])  # another length, so that it stands in another batch
    together = [transcript.text for transcript in model.transcribe(waves)]
    assert together == [model.transcribe([wave])[0].text for wave in waves]
    assert together == [t.text for t in model.transcribe(waves[::-1])][::-1]
    assert together[0] == "She closed the window before the storm began."


def test_the_same_clip_gives_the_same_draws_whatever_ran_before() -> None:
    torch.manual_seed(1)
    (first,) = run(Rigged(loops_unless_drawn), [60])
    torch.manual_seed(2)
    torch.rand(5)
    (second,) = run(Rigged(loops_unless_drawn), [60])
    assert first == second
    assert first.temperature > 0, "the case is one that is drawn"


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "silent"),
    [(0.9, -2.0, True), (0.61, -1.01, True), (0.9, -0.5, False), (0.5, -2.0, False), (0.6, -2.0, False), (0.9, -1.0, False)],
)
def test_silence_needs_both_signs(no_speech: float, log_probability: float, silent: bool) -> None:
    assert is_silence(Decoded([5], log_probability, no_speech, 0.0)) is silent


def test_silence_is_not_tried_again() -> None:
    mumbled = Rigged(lambda clip, step: probabilities({END if step == 3 else 5 + step: 0.2}), silence=0.9)
    (decoded,) = run(mumbled, [30])
    assert is_silence(decoded)
    assert decoded.no_speech == pytest.approx(0.9, abs=1e-5)
    assert mumbled.attempts == [[0]]


def test_sure_words_are_kept_however_silent_the_start() -> None:
    (decoded,) = run(Rigged(says([[10, 11]]), silence=0.9), [30])
    assert decoded.tokens == [10, 11]
    assert not is_silence(decoded)


SOUND, LOOPING = [10, 11, 12], [5] * 60


@pytest.mark.parametrize(
    ("attempts", "kept"),
    [
        pytest.param([(SOUND, -0.5)], 0, id="sound at once"),
        pytest.param([(SOUND, -1.5)], 0, id="improbable"),
        pytest.param([(LOOPING, -0.1), (SOUND, -0.5), (SOUND, -0.2)], 1, id="the first sound one"),
        pytest.param([(LOOPING, -0.1), (LOOPING, -0.1), (SOUND, -0.9), (SOUND, -0.2)], 2, id="sound after another loop"),
        pytest.param([(LOOPING, -0.1), (SOUND, -3.0), (SOUND, -2.0), (SOUND, -5.0)], 2, id="most probable, not the last"),
        pytest.param([(LOOPING, -0.1), (SOUND, -9.0)], 1, id="a loop is worse than the improbable"),
        pytest.param([(LOOPING, -0.3), (LOOPING, -0.1), (LOOPING, -0.2)], 1, id="nothing but loops"),
        pytest.param([(LOOPING, -0.1), (SOUND, -1.5), (SOUND, -1.5)], 1, id="a tie goes to the lowest temperature"),
        pytest.param([(LOOPING, -0.1), (SOUND, -1.0)], 1, id="just probable enough"),
    ],
)
def test_which_attempt_is_kept(attempts: list[tuple[list[int], float]], kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temperatures that are not listed give what the last of those gives that are."""

    def written(writer: object, memory: object, prompts: object, tries: list[Any], *others: object) -> list[Decoded]:
        places = [decoding.TEMPERATURES.index(one.temperature) for one in tries]
        return [Decoded(*attempts[min(n, len(attempts) - 1)], 0.0, decoding.TEMPERATURES[n]) for n in places]

    monkeypatch.setattr(decoding, "_written", written)
    (decoded,) = run(Rigged(random_script), [60])
    assert (decoded.tokens, decoded.log_probability) == attempts[kept]
    assert decoded.temperature == decoding.TEMPERATURES[kept]

"""One person's slow work holds nobody else up, and what a person is told does not depend on who else is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.audio.sound_files import SAMPLE_RATE
from core.errors import AttuneError, ModelError
from core.models.base.protocol import AsrModel, Pause, Transcript, no_pause
from core.models.loading import load_model
from demo.background import compute_turn, model_pool
from demo.background.model_pool import IDLE_SECONDS, PLACES, WAITING_CLIPS, ModelPool
from tests.conftest import tone

HANG_SECONDS = 60


class Clock:
    """Tells the seconds a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Echo:
    """Transcribes a clip by its length in samples; it can be made to wait, and remembers which clips it got together."""

    language = "en"

    def __init__(self) -> None:
        self.network = nn.Linear(1, 1)
        self.calls: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.before_pause: Callable[[], None] = lambda: None

    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        self.calls.append([len(wave) for wave in waves])
        self.begun.set()
        assert self.go_on.wait(HANG_SECONDS)
        if any(len(wave) == 0 for wave in waves):
            raise ValueError("nothing to transcribe")
        for _ in range(3 if max(map(len, waves)) > 30 * SAMPLE_RATE else 0):
            self.before_pause()
            pause()
        return [Transcript(str(len(wave)), 0.0) for wave in waves]


@pytest.fixture
def echo(monkeypatch: pytest.MonkeyPatch) -> Echo:
    """The model of every id."""
    model = Echo()
    monkeypatch.setattr(model_pool, "load_model", lambda id, language, **how: model)
    return model


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as pool:
        yield pool


def clip(samples: int) -> np.ndarray:
    return np.zeros(samples, dtype=np.float32)


def until(true: Callable[[], bool]) -> None:
    """Waits for something that another thread is about to do."""
    for _ in range(100 * HANG_SECONDS):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


class Busy:
    """A pool whose model is held by one clip, so that what comes meanwhile waits; in the order of `ask`."""

    def __init__(self, echo: Echo, threads: ThreadPoolExecutor, pool: ModelPool) -> None:
        self.echo, self.threads, self.pool = echo, threads, pool
        self.asked: list[Future[Any]] = []
        echo.go_on.clear()
        self.ask("first", 1, waits=False)
        assert echo.begun.wait(HANG_SECONDS)

    def ask(self, owner: str, samples: int, id: str = "a", waits: bool = True) -> Future[Any]:
        before = self.pool._turn.waiting()
        self.asked.append(self.threads.submit(self.pool.transcribe, owner, id, "", clip(samples)))
        if waits:
            until(lambda: self.pool._turn.waiting() > before)
        return self.asked[-1]

    def end(self) -> None:
        self.echo.go_on.set()
        for asked in self.asked:
            asked.exception(HANG_SECONDS)


def test_who_waited_longest_since_the_last_turn_is_next(
    echo: Echo, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_pool, "BATCH_CLIPS", 1)
    busy = Busy(echo, threads, ModelPool())
    for n in range(3):  # one of whom is transcribed at a time, so they join the turns as those before them end
        busy.asked.append(threads.submit(busy.pool.transcribe, "many", "a", "", clip(100 + n)))
    until(lambda: busy.pool._turn.waiting() == 1)
    for n, owner in enumerate(("anna", "ben")):
        busy.ask(owner, 200 + n)
    busy.end()
    order = [samples for (samples,) in echo.calls]
    assert order[0] == 1
    assert max(order.index(200), order.index(201)) <= 3  # before the second clip of who asked for three
    assert sorted(order) == [1, 100, 101, 102, 200, 201]


def test_clips_of_several_people_are_transcribed_together_and_each_gets_its_own_text(
    echo: Echo, threads: ThreadPoolExecutor
) -> None:
    busy = Busy(echo, threads, ModelPool())
    texts = [busy.ask(f"person {n}", 100 + n) for n in range(5)]
    other = busy.ask("elsewhere", 900, id="b")
    long = busy.ask("patient", 31 * SAMPLE_RATE)
    busy.end()
    assert [asked.result().transcript.text for asked in texts] == [str(100 + n) for n in range(5)]
    assert (other.result().transcript.text, long.result().transcript.text) == ("900", str(31 * SAMPLE_RATE))
    assert sorted(map(sorted, echo.calls)) == sorted([[1], [100, 101, 102, 103, 104], [900], [31 * SAMPLE_RATE]])


def test_what_is_transcribed_together_is_not_much(echo: Echo, threads: ThreadPoolExecutor) -> None:
    busy = Busy(echo, threads, ModelPool())
    for n in range(12):
        busy.ask(f"person {n}", 9 * SAMPLE_RATE + n)
    busy.end()
    assert sum(map(len, echo.calls)) == 13
    assert max(map(sum, echo.calls)) <= model_pool.BATCH_SECONDS * SAMPLE_RATE


def test_a_clip_that_fails_fails_for_its_owner_alone(
    echo: Echo, threads: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Busy(echo, threads, ModelPool())
    good, bad, also_good = busy.ask("anna", 100), busy.ask("ben", 0), busy.ask("cleo", 300)
    busy.end()
    assert (good.result().transcript.text, also_good.result().transcript.text) == ("100", "300")
    with pytest.raises(ValueError, match="nothing"):
        bad.result()


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
def test_together_gives_the_texts_that_each_alone_would_have_given(
    family: str, request: pytest.FixtureRequest, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exactly(id: str, language: str = "", **how: object) -> AsrModel:
        # A random model's best tokens are closer together than bfloat16 can resolve.
        return load_model(id, language, precision="float32")

    monkeypatch.setattr("core.models.whisper.decoding.TEMPERATURES", (0.0, 1.0))  # it needs them all, and long
    monkeypatch.setattr(model_pool, "load_model", exactly)
    id, pool = str(request.getfixturevalue(family)), ModelPool()
    model, waves = exactly(id), [tone(0.6 + 0.25 * n, seed=n) for n in range(8)]
    alone = [transcript for wave in waves for transcript in model.transcribe([wave])]
    with pool.lend("first", id):
        asked = [threads.submit(pool.transcribe, f"person {n}", id, "", wave) for n, wave in enumerate(waves)]
        until(lambda: pool._turn.waiting() == len(waves))
    together = [one.result(HANG_SECONDS).transcript for one in asked]
    assert [t.text for t in together] == [t.text for t in alone]
    assert [t.language for t in together] == [t.language for t in alone]


def test_a_long_clip_lets_others_go_before_it_ends(echo: Echo, threads: ThreadPoolExecutor) -> None:
    clock, ended = Clock(), []
    busy = Busy(echo, threads, ModelPool(clock))
    long = busy.ask("patient", 31 * SAMPLE_RATE)
    short = busy.ask("anna", 100)
    for name, asked in (("long", long), ("short", short)):
        asked.add_done_callback(lambda _, name=name: ended.append(name))
    echo.before_pause = lambda: clock.__setattr__("now", clock.now + compute_turn.SLICE_SECONDS)
    busy.end()
    assert echo.calls[1:] == [[31 * SAMPLE_RATE], [100]]
    assert ended == ["short", "long"]


def test_long_sound_gives_the_text_it_would_have_given_though_others_come_between(
    tiny_whisper: Path, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.models.whisper.decoding.TEMPERATURES", (0.0, 1.0))
    monkeypatch.setattr(compute_turn, "SLICE_SECONDS", 0.0)
    model, wave = load_model(str(tiny_whisper), precision="float32"), tone(33.0)
    model.network.generation_config.max_length = 24
    alone, turn, over, turns = model.transcribe([wave]), compute_turn.ComputeTurn(), threading.Event(), []

    def disturb() -> None:
        while not over.is_set():
            with turn.taken("other"):
                turns.append(torch.rand(1))
                if len(turns) == 20:
                    model.transcribe([tone(0.5)])

    with turn.taken("patient"):
        disturbing = threads.submit(disturb)
        until(lambda: turn.waiting() == 1)
        assert model.transcribe([wave], turn.pause) == alone
        over.set()
    disturbing.result(HANG_SECONDS)
    assert len(turns) > 20


def test_background_work_stands_back_but_not_for_ever() -> None:
    clock, order = Clock(), []
    turn = compute_turn.ComputeTurn(clock)

    def take(name: str, soon: bool) -> threading.Thread:
        def work() -> None:
            with turn.taken(name, soon):
                order.append(name)

        before, thread = turn.waiting(), threading.Thread(target=work, daemon=True)
        thread.start()
        until(lambda: turn.waiting() > before)
        return thread

    with turn.taken("now"):
        waiting = [take("background", False), take("anna", True)]
    for thread in waiting:
        thread.join(HANG_SECONDS)
    with turn.taken("now"):
        waiting = [take("ben", False)]
        clock.now += compute_turn.PATIENCE_SECONDS
        waiting += [take("anna", True), take("cleo", False)]
    for thread in waiting:
        thread.join(HANG_SECONDS)
    assert order == ["anna", "background", "ben", "anna", "cleo"]


def test_one_person_has_one_clip_in_hand_and_a_few_waiting(echo: Echo, threads: ThreadPoolExecutor) -> None:
    pool = ModelPool()
    busy = Busy(echo, threads, pool)
    for n in range(WAITING_CLIPS):
        busy.asked.append(threads.submit(pool.transcribe, "eager", "a", "", clip(100 + n)))
    until(lambda: pool._asked["eager"] == WAITING_CLIPS)
    assert pool._turn.waiting() == 1
    with pytest.raises(AttuneError, match="waiting to be transcribed"):
        pool.transcribe("eager", "a", "", clip(1))
    busy.ask("other", 5)
    busy.end()
    assert all(asked.exception() is None for asked in busy.asked)
    assert pool.transcribe("eager", "a", "", clip(7)).transcript.text == "7"
    assert not pool._asked


def test_a_slow_load_holds_up_only_who_asked_for_it(monkeypatch: pytest.MonkeyPatch, threads: ThreadPoolExecutor) -> None:
    loading, go_on, loaded = threading.Event(), threading.Event(), []

    def load(id: str, language: str, **how: object) -> Echo:
        loaded.append(id)
        if id == "slow":
            loading.set()
            assert go_on.wait(HANG_SECONDS)
        return Echo()

    monkeypatch.setattr(model_pool, "load_model", load)
    pool = ModelPool()
    slow = [threads.submit(pool.transcribe, f"person {n}", "slow", "", clip(n + 1)) for n in range(3)]
    assert loading.wait(HANG_SECONDS)
    assert pool.transcribe("anna", "quick", "", clip(9)).transcript.text == "9"
    with pool.lend("ben", "quick") as model:
        assert model.language == "en"
    assert not any(asked.done() for asked in slow)
    go_on.set()
    assert [asked.result(HANG_SECONDS).transcript.text for asked in slow] == ["1", "2", "3"]
    assert loaded == ["slow", "quick"]


def test_a_model_that_cannot_be_loaded_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def load(id: str, language: str, **how: object) -> Echo:
        tried.append(id)
        if len(tried) == 1:
            raise OSError("the disk is busy")
        return Echo()

    monkeypatch.setattr(model_pool, "load_model", load)
    pool = ModelPool()
    with pytest.raises(OSError, match="busy"), pool.lend("anna", "a"):
        pass
    assert pool.transcribe("anna", "a", "", clip(3)).transcript.text == "3"


def test_a_failure_gives_the_turn_back(tiny_ctc: Path) -> None:
    pool = ModelPool()
    with pytest.raises(AttuneError, match="no folder or file"), pool.lend("anna", "/no/such/folder"):
        pass
    with pytest.raises(ZeroDivisionError), pool.lend("anna", str(tiny_ctc)):
        raise ZeroDivisionError
    with pool.lend("ben", str(tiny_ctc)) as model:
        assert model.family == "ctc"


def test_no_more_models_stay_than_there_are_places_and_none_in_use_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    network = nn.Linear(100, 100)
    monkeypatch.setattr(
        model_pool, "load_model", lambda id, language, **how: loaded.append(id) or SimpleNamespace(network=network)
    )
    monkeypatch.setattr(model_pool, "SMALL_BYTES", 1000)
    pool = ModelPool()
    with pool._used(model_pool.Key("held", "")):
        for id in (*"abcd", "d", "c", "a", "held"):
            with pool.lend("anna", id):
                pass
    assert loaded == ["held", *"abcd", "a"]
    assert len(pool._models) == PLACES
    monkeypatch.setattr(model_pool, "SMALL_BYTES", 1_000_000)  # now all of them are small
    for id in "abcd":
        with pool.lend("anna", id):
            pass
    del loaded[:]
    for id in "abcd":
        with pool.lend("anna", id):
            pass
    assert loaded == []


def test_a_model_that_nobody_used_for_some_minutes_leaves(echo: Echo) -> None:
    clock = Clock()
    pool = ModelPool(clock)
    for id in "ab":
        pool.transcribe("anna", id, "", clip(1))
    clock.now += IDLE_SECONDS - 1
    pool.transcribe("anna", "b", "", clip(1))
    assert pool.drop_idle() == 0
    clock.now += 1
    with pool.lend("ben", "b"):
        clock.now += IDLE_SECONDS
        assert pool.drop_idle() == 1  # the other one is lent
    assert [key.id for key in pool._models] == ["b"]
    clock.now += IDLE_SECONDS
    assert pool.drop_idle() == 1
    assert not pool._models


def test_a_model_is_warm_before_anyone_asks_for_it(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(model_pool, "load_model", lambda id, language, **how: loaded.append((id, language)) or echo)
    pool = ModelPool()
    pool.warm("whisper-tiny.en")
    assert loaded == [("whisper-tiny.en", "")]
    pool.transcribe("someone", "whisper-tiny.en", "", np.zeros(7, np.float32))
    assert len(loaded) == 1, "it was loaded twice"
    pool.warm("nobody/has-fetched-this")
    assert len(loaded) == 1, "what is not here was loaded"


def test_a_model_that_cannot_be_warmed_is_told_to_whoever_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(id: str, language: str, **how: object) -> None:
        raise ModelError("model_checksum", "The weights are damaged.")

    monkeypatch.setattr(model_pool, "load_model", broken)
    pool = ModelPool()
    pool.warm("whisper-tiny.en")
    with pytest.raises(ModelError, match="damaged"), pool.lend("someone", "whisper-tiny.en"):
        pass

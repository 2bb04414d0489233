"""A forecast is measured once for all who ask for it, and one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.training.forecast import Forecast
from demo.background import forecast_cache as module
from demo.background.forecast_cache import Forecasts
from tests.demo.background.test_model_pool import HANG_SECONDS, until


class Measuring:
    """Measures when it is told to go on; remembers what it measured and how many it did at a time."""

    def __init__(self) -> None:
        self.measured: list[str] = []
        self.at_a_time = self.most = 0
        self.begun, self.go_on = threading.Event(), threading.Event()

    def of(self, name: str) -> Forecast:
        self.at_a_time += 1
        self.most = max(self.most, self.at_a_time)
        self.measured.append(name)
        self.begun.set()
        assert self.go_on.wait(HANG_SECONDS)
        self.at_a_time -= 1
        if name == "bad":
            raise ValueError("cannot be measured")
        return Forecast(len(self.measured), 0.0)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_who_asks_for_the_same_shares_it(threads: ThreadPoolExecutor) -> None:
    forecasts, measuring = Forecasts(), Measuring()
    asked = [threads.submit(forecasts.of, f"person {n}", ("model", 1), lambda: measuring.of("a")) for n in range(8)]
    other = threads.submit(forecasts.of, "other", ("model", 2), lambda: measuring.of("b"))
    assert measuring.begun.wait(HANG_SECONDS)
    measuring.go_on.set()
    assert len({one.result(HANG_SECONDS) for one in asked}) == 1
    assert other.result(HANG_SECONDS) is not None
    assert sorted(measuring.measured) == ["a", "b"]
    assert measuring.most == 1


def test_of_those_that_one_person_waits_for_only_the_newest_is_measured(threads: ThreadPoolExecutor) -> None:
    forecasts, measuring = Forecasts(), Measuring()
    first = threads.submit(forecasts.of, "anna", (0,), lambda: measuring.of("0"))
    assert measuring.begun.wait(HANG_SECONDS)
    asked = []
    for n in (1, 2, 3):
        before = forecasts._newest.get("ben")
        asked.append(threads.submit(forecasts.of, "ben", (n,), lambda n=n: measuring.of(str(n))))
        until(lambda before=before: forecasts._newest.get("ben") is not before)
    assert [one.result(HANG_SECONDS) for one in asked[:2]] == [None, None]
    measuring.go_on.set()
    assert first.result(HANG_SECONDS) is not None
    assert asked[2].result(HANG_SECONDS) is not None
    assert measuring.measured == ["0", "3"]
    assert not forecasts._newest


def test_a_failure_is_told_to_who_asked_and_the_next_one_is_measured() -> None:
    forecasts, measuring = Forecasts(), Measuring()
    measuring.go_on.set()
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be measured"):
            forecasts.of("anna", ("bad",), lambda: measuring.of("bad"))
    assert forecasts.of("anna", ("good",), lambda: measuring.of("good")) is not None


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PLACES", 2)
    forecasts, measuring = Forecasts(), Measuring()
    measuring.go_on.set()
    for name in "abcab":
        forecasts.of("anna", (name,), lambda name=name: measuring.of(name))
    assert "".join(measuring.measured) == "abcab"
    assert len(forecasts._kept) == 2


def test_who_has_no_patience_goes_and_may_come_back() -> None:
    forecasts, measuring = Forecasts(), Measuring()
    with pytest.raises(TimeoutError):
        forecasts.within(0.01, "anna", ("model", 1), lambda: measuring.of("a"))
    assert forecasts.known(("model", 1)) is None
    measuring.go_on.set()
    found = forecasts.within(HANG_SECONDS, "anna", ("model", 1), lambda: measuring.of("b"))
    assert found == forecasts.known(("model", 1)) == Forecast(1, 0.0)
    assert measuring.measured == ["a"]
    with pytest.raises(ValueError, match="cannot be measured"):
        forecasts.within(HANG_SECONDS, "anna", ("bad",), lambda: measuring.of("bad"))

"""Who has just spoken does not wait for long work that holds the models, unless there is no memory for a second copy."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from core.models import memory
from demo import shelf as module
from demo.shelf import PLACES, Shelf


def lend(shelf: Shelf, id: str, got: list[object]) -> threading.Thread:
    """Asks for a model at once, in a thread of its own."""

    def ask() -> None:
        with shelf.model_at_once(id) as model:
            got.append(model)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def test_a_moment_s_work_goes_on_beside_long_work_with_a_copy(tiny_ctc: Path) -> None:
    shelf, got = Shelf(), []
    with shelf.model(str(tiny_ctc)) as model:
        for _ in range(2):
            lend(shelf, str(tiny_ctc), got).join(60)
    first, second = got
    assert first is second is not model
    lend(shelf, str(tiny_ctc), got).join(60)
    assert got[-1] is model  # nobody holds it any more


@pytest.mark.parametrize("free", [0.0, None])
def test_without_memory_for_a_copy_it_waits(free: float | None, tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: free)
    shelf, got = Shelf(), []
    with shelf.model(str(tiny_ctc)) as model:
        asking = lend(shelf, str(tiny_ctc), got)
        time.sleep(3 * module.PATIENCE_SECONDS)
        assert got == []
    asking.join(60)
    assert got == [model]


def test_a_failure_gives_the_shelf_back(tiny_ctc: Path) -> None:
    shelf = Shelf()
    for lending in (shelf.model, shelf.model_at_once):
        with pytest.raises(Exception, match="no folder or file"), lending("/no/such/folder"):
            pass
        with pytest.raises(ZeroDivisionError), lending(str(tiny_ctc)):
            raise ZeroDivisionError
    with shelf.model(str(tiny_ctc)) as model:
        assert model.family == "ctc"


def test_no_more_models_stay_than_there_are_places(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(module, "load_model", lambda id, language: loaded.append(id) or object())
    shelf = Shelf()
    for id in (*"abcd", "d", "b", "a"):
        with shelf.model(id):
            pass
    assert len("abc") == PLACES
    assert loaded == [*"abcd", "a"]

"""Sounds that are kept in a file while they are learnt from."""

from __future__ import annotations

import tempfile
import tracemalloc

import numpy as np
import pytest

from core.audio.waves import Labelled, Waves

SOUNDS = [np.random.default_rng(n).standard_normal(n).astype(np.float32) for n in (3, 0, 70_000, 1)]


def full_after(writes: int, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets so many sounds be written, and of the next one a half, whether or not the system calls that an error."""
    make = tempfile.TemporaryFile

    def limited(mode: str, buffering: int) -> object:
        if not writes:
            raise OSError(28, "No space left on device")
        file, left = make(mode, buffering), [writes]
        write = file.write

        def checked(data: memoryview) -> int:
            left[0] -= 1
            if left[0] >= 0:
                return write(data)
            written = write(data[: len(data) // 2])
            if told:
                raise OSError(28, "No space left on device")
            return written

        class File:
            write = staticmethod(checked)
            seek, read, close = file.seek, file.read, file.close

        return File()

    monkeypatch.setattr(tempfile, "TemporaryFile", limited)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize(
    "writes", [9, 0, 1, 2, 3], ids=["room for all", "no file", "full early", "full in a long one", "full late"]
)
def test_every_sound_comes_back_as_it_was_in_any_order(writes: int, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    full_after(writes, told, monkeypatch)
    waves = Waves(SOUNDS)
    assert len(waves) == len(SOUNDS)
    for place in (2, 0, 3, 1, -1, 2):
        assert np.array_equal(waves[place], SOUNDS[place])
        assert waves[place].dtype == np.float32
    assert all(map(np.array_equal, waves, SOUNDS))
    assert all(map(np.array_equal, waves[1:3], SOUNDS[1:3]))
    with pytest.raises(IndexError):
        waves[len(SOUNDS)]


def test_what_is_done_to_a_sound_that_was_read_stays_with_the_reader() -> None:
    waves = Waves(SOUNDS)
    waves[0][:] = 0
    assert np.array_equal(waves[0], SOUNDS[0])


def test_memory_does_not_grow_with_the_sounds() -> None:
    tracemalloc.start()
    try:
        waves = Waves(np.ones(100_000, np.float32) for _ in range(50))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 5 * 400_000  # of 50
    assert waves[49].sum() == 100_000


def test_none_at_all() -> None:
    assert not Waves()
    assert list(Waves()) == []


def test_each_sound_goes_with_its_text() -> None:
    sounds = Labelled(Waves(SOUNDS), ["a", "b", "c", "d"])
    assert [text for _, text in sounds] == ["a", "b", "c", "d"]
    assert np.array_equal(sounds[2][0], SOUNDS[2])
    assert [text for _, text in sounds[1:3]] == ["b", "c"]
    with pytest.raises(ValueError, match="4 sounds with 1 texts"):
        Labelled(SOUNDS, ["a"])

"""Seeds torch's and numpy's global random generators for one piece of work, then restores the caller's state."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch

CPU = torch.device("cpu")
Yielded = TypeVar("Yielded")
Returned = TypeVar("Returned")


class RandomNumbers:
    """A context with its own state of torch's and numpy's global generators; leaving it restores the caller's state.

    Entering it again resumes its state, so work that pauses, such as a generator that yields, draws the same numbers
    whatever its caller draws in between. Use it in one thread only: all threads share torch's and numpy's state.

    Args:
        seed: seed of both generators.
        device: a device whose generator is seeded and restored in addition to the CPU's.
        numpy_seed: another seed for numpy, from 0 to 2 ** 32 - 1; transformers draws its time masks from numpy.
    """

    def __init__(self, seed: int, device: torch.device = CPU, numpy_seed: int | None = None) -> None:
        self._seed, self._numpy_seed = seed, seed if numpy_seed is None else numpy_seed
        self._generators = _generators(device)
        self._own: tuple[Any, ...] = ()
        self._callers: tuple[Any, ...] = ()

    def __enter__(self) -> None:
        self._callers = _state(self._generators)
        if self._own:
            _set(self._generators, self._own)
        else:
            for generator in self._generators:
                generator.manual_seed(self._seed)
            np.random.seed(self._numpy_seed)

    def __exit__(self, *error: object) -> None:
        self._own = _state(self._generators)
        _set(self._generators, self._callers)

    def within(self, steps: Generator[Yielded, None, Returned]) -> Generator[Yielded, None, Returned]:
        """Runs a generator in this context; its consumer keeps its own random state."""
        try:
            while True:
                with self:
                    try:
                        found = next(steps)
                    except StopIteration as end:
                        return end.value
                yield found
        finally:
            with self:
                steps.close()


@contextmanager
def unchanged_random_numbers() -> Iterator[None]:
    """Restores torch's and numpy's global generators on the CPU to their present state, whatever is drawn meanwhile."""
    generators = _generators(CPU)
    before = _state(generators)
    try:
        yield
    finally:
        _set(generators, before)


def _state(generators: Sequence[torch.Generator]) -> tuple[Any, ...]:
    return np.random.get_state(), *(generator.get_state() for generator in generators)


def _set(generators: Sequence[torch.Generator], state: tuple[Any, ...]) -> None:
    np.random.set_state(state[0])
    for generator, own in zip(generators, state[1:], strict=True):
        generator.set_state(own)


def _generators(device: torch.device) -> list[torch.Generator]:
    """Returns the default generators that work on a device draws from."""
    found = [torch.default_generator]
    if device.type in ("cuda", "xpu"):
        backend: Any = getattr(torch, device.type)
        backend.init()
        found.append(backend.default_generators[backend.current_device() if device.index is None else device.index])
    elif device.type == "mps":
        found.append(torch.mps._get_default_mps_generator())
    return found

"""torch's and numpy's own random numbers, seeded for one piece of work and given back to whoever called it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
import torch

CPU = torch.device("cpu")
Yielded = TypeVar("Yielded")
Returned = TypeVar("Returned")


class RandomNumbers:
    """A state of torch's and numpy's global generators that holds within a `with`; the caller's own is there again after it.

    Entered once more, it goes on where it was left: so work that pauses, such as a generator that yields, draws the same
    numbers whatever its caller draws meanwhile. It is one thread's: torch and numpy have one state for all of them.

    Args:
        seed: of both; for numpy another may be given.
        device: beside the CPU's, this device's generator is seeded and given back.
        numpy_seed: from 0 to 2 ** 32 - 1; transformers' masks in time are drawn from numpy.
    """

    def __init__(self, seed: int, device: torch.device = CPU, numpy_seed: int | None = None) -> None:
        self._seed, self._numpy_seed = seed, seed if numpy_seed is None else numpy_seed
        self._generators = _generators(device)
        self._own: tuple[Any, ...] = ()
        self._callers: tuple[Any, ...] = ()

    def __enter__(self) -> None:
        self._callers = self._state()
        if self._own:
            self._set(self._own)
        else:
            for generator in self._generators:
                generator.manual_seed(self._seed)
            np.random.seed(self._numpy_seed)

    def __exit__(self, *error: object) -> None:
        self._own = self._state()
        self._set(self._callers)

    def within(self, steps: Generator[Yielded, None, Returned]) -> Generator[Yielded, None, Returned]:
        """Yields what a generator yields; the generator draws from this state, its consumer from its own."""
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

    def _state(self) -> tuple[Any, ...]:
        return np.random.get_state(), *(generator.get_state() for generator in self._generators)

    def _set(self, state: tuple[Any, ...]) -> None:
        np.random.set_state(state[0])
        for generator, own in zip(self._generators, state[1:], strict=True):
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

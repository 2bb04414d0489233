"""Temporary replacement of a module's `forward` by another way to compute it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_CHANGING = threading.Lock()


@contextmanager
def standing_in(module: Any, compute: Callable[..., Any]) -> Iterator[None]:
    """Replaces a module's `forward` by a function within the context; for a network used by one thread only."""
    before = vars(module).get("forward")
    module.forward = compute
    try:
        yield
    finally:
        if before is None:
            del module.forward  # uncovers the class's own
        else:
            module.forward = before


@contextmanager
def standing_in_for_all(module: Any, make: Callable[[], Callable[..., Any]]) -> Iterator[None]:
    """Replaces a module's `forward` by a function until the last thread has left the context.

    Threads may enter and leave in any order. If `forward` has already been replaced otherwise, that replacement stays.

    Args:
        module: the module.
        make: makes the function; called only if no other thread is in the context.
    """
    with _CHANGING:
        shared = vars(module).get("forward")
        if shared is None:
            shared = module.forward = _Shared(make())
        if isinstance(shared, _Shared):
            shared.users += 1
    try:
        yield
    finally:
        with _CHANGING:
            if isinstance(shared, _Shared):
                shared.users -= 1
                if not shared.users:
                    del module.forward


class _Shared:
    def __init__(self, compute: Callable[..., Any]) -> None:
        self._compute = compute
        self.users = 0

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._compute(*given, **named)

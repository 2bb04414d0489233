"""Every error Attune raises on purpose.

AttuneError
+-- AudioError      a sound file that cannot be read, is empty, silent, too long or too large
+-- DatasetError    a labelled set that cannot be used as it is
+-- ModelError      a model that cannot be found, fetched, trusted or loaded
+-- RecipeError     a recipe field outside its range
+-- RunError        a run folder that is missing, unfinished or damaged

An error has a `reason`, a stable word that a page can translate, and `details` that fill the fields of its sentence. Its
own text is the English sentence: what is wrong, with which input, and what to do.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from functools import cache
from typing import Any


class AttuneError(Exception):
    """The root: catch this to catch everything Attune raises on purpose.

    Args:
        reason: stable identifier in snake_case, e.g. "audio_too_long".
        message: the English sentence for logs and the command line.
        **details: values that a translated sentence may name.
    """

    def __init__(self, reason: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.reason = reason
        self.details = details


class AudioError(AttuneError):
    """A sound file cannot be read, is empty, silent, too long or too large."""


class DatasetError(AttuneError):
    """A labelled set cannot be used as it is."""


class ModelError(AttuneError):
    """A model cannot be found, fetched, trusted or loaded."""


class RecipeError(AttuneError):
    """A recipe field is outside its range."""


class RunError(AttuneError):
    """A run folder is missing, unfinished or damaged."""


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Checks that a choice is one of its list.

    Raises:
        RecipeError: it is not.
    """
    if value not in allowed:
        raise RecipeError("recipe_value", f"{name} is one of {', '.join(allowed)}, not {value!r}.", name=name, value=value)


def whole(name: str, value: float) -> None:
    """Checks that a count is a whole number.

    Raises:
        RecipeError: it is not.
    """
    if not isinstance(value, int):
        raise RecipeError("recipe_value", f"{name} takes a whole number, not {value:g}.", name=name, value=value)


def within(name: str, value: float, low: float, high: float) -> None:
    """Checks that a number is between `low` and `high`, both included.

    Raises:
        RecipeError: it does not.
    """
    if not low <= value <= high:  # also catches nan
        raise RecipeError(
            "recipe_range",
            f"{name} must be between {low:g} and {high:g}, not {value:g}.",
            name=name,
            value=value,
            low=low,
            high=high,
        )


@dataclass(frozen=True)
class Within:
    """Marks the type of a field: `Annotated[float, Within(0.0, 1.0)]` lies between two numbers, both allowed."""

    low: float
    high: float


@dataclass(frozen=True)
class OneOf:
    """Marks the type of a field: `Annotated[str, OneOf(("left", "right"))]` is one of a list."""

    values: tuple[str, ...]


@cache
def limits(kind: type) -> dict[str, tuple[Any, Within | OneOf]]:
    """Returns type and mark of each field of a dataclass that has a mark."""
    hints = typing.get_type_hints(kind, include_extras=True).items()
    marked = {name: typing.get_args(hint) for name, hint in hints if typing.get_origin(hint) is typing.Annotated}
    return {name: (plain, mark) for name, (plain, mark) in marked.items()}


def check_fields(settings: Any) -> None:
    """Checks every field of a dataclass that has a mark, and that an int is whole; None is allowed where its type says so.

    Raises:
        RecipeError: a field is outside its limits.
    """
    kinds: type = type(settings)
    for name, (kind, mark) in limits(kinds).items():
        value = getattr(settings, name)
        if isinstance(mark, OneOf):
            one_of(name, value, mark.values)
        elif value is not None or type(None) not in typing.get_args(kind):
            within(name, value, mark.low, mark.high)
            if kind is int:
                whole(name, value)

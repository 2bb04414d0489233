"""What a setting may be: the checks of a recipe and its parts, with errors that name the field."""

from __future__ import annotations

from core.errors import RecipeError


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
    """Checks that a number lies between `low` and `high`, both allowed.

    Raises:
        RecipeError: it does not.
    """
    if not low <= value <= high:  # also catches nan
        raise RecipeError(
            "recipe_range",
            f"{name} must lie between {low:g} and {high:g}, not at {value:g}.",
            name=name,
            value=value,
            low=low,
            high=high,
        )

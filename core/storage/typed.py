"""Builds typed values from plain JSON."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any


def build(kind: Any, value: Any) -> Any:
    """Builds a value of a type from plain JSON, which must fit the type, see `core.storage.state.fits`.

    Args:
        kind: a plain type, `Any`, a Literal, an optional type, a list, a tuple, a dict with text for keys, or a dataclass. A
            dataclass with a method `from_json` is built by it; for any other, unknown fields are ignored, and missing
            fields have their defaults.
        value: as `json.loads` returns it.

    Raises:
        TypeError, ValueError, KeyError: it does not fit.
    """
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        if hasattr(kind, "from_json"):
            return kind.from_json(value)
        fields = field_types(typing.cast(type, kind)).items()
        return typing.cast(type, kind)(**{name: build(hint, value[name]) for name, hint in fields if name in value})
    if origin in (typing.Union, types.UnionType):
        held = [part for part in parts if part is not type(None)]
        return None if value is None else build(held[0], value) if len(held) == 1 else value
    if origin is list:
        return [build(parts[0], item) for item in value]
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is ... else parts
        return tuple(build(part, item) for part, item in zip(kinds, value, strict=True))
    if origin is dict:
        return {name: build(parts[1], item) for name, item in value.items()}
    return value


@cache
def field_types(kind: type) -> dict[str, Any]:
    """Returns the types of a dataclass's or TypedDict's fields by name."""
    return typing.get_type_hints(kind)

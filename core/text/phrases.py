"""Fills in the fields of sentences, with singular or plural words to match the numbers."""

from __future__ import annotations

from string import Formatter
from typing import Any


class _Agreeing(Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        one, bar, many = format_spec.partition("|")
        if not bar:
            return super().format_field(value, format_spec)
        return one if str(value) == "1" else many


def phrase(text: str, /, **fields: object) -> str:
    """Fills in a sentence.

    Args:
        text: as `str.format` takes it; `{clips:clip is|clips are}` becomes the first wording if `clips` is 1, otherwise the
            second. Languages without plurals need none of this.
        fields: the values.

    Raises:
        KeyError: the text has a field that is not given.
    """
    return _Agreeing().vformat(text, (), fields)

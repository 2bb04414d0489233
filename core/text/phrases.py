"""Sentences with fields to fill in, whose words agree with their numbers."""

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
        text: as `str.format` takes it; `{clips:clip is|clips are}` stands for the first wording where `clips` is 1, for the
            second elsewhere. A language that knows no plural leaves it away.
        fields: what to fill in.

    Raises:
        KeyError: the text has a field that is not given.
    """
    return _Agreeing().vformat(text, (), fields)

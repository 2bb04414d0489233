"""Transcripts for models that write characters of a fixed set: what they can write, and what fits a sound."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Sequence

from core.audio import SAMPLE_RATE
from core.errors import DatasetError

MAX_DROPPED = 0.3  # share of the letters a model may be unable to write before training on them is refused


def cased(text: str, vocabulary: Collection[str]) -> str:
    """Returns `text` in the only case that `vocabulary` has, or as it is where that has both."""
    letters = [token for token in vocabulary if len(token) == 1 and token.isalpha()]
    if all(letter == letter.upper() for letter in letters):
        return text.upper()
    if all(letter == letter.lower() for letter in letters):
        return text.lower()
    return text


def writable(text: str, vocabulary: Collection[str]) -> str:
    """Returns `text`, cased, without what is neither in `vocabulary` nor white space."""
    return "".join(c for c in cased(text, vocabulary) if c.isspace() or c in vocabulary)


def unwritable(id: str, texts: Sequence[str], vocabulary: Collection[str]) -> dict[str, int]:
    """Returns the characters of `texts` that are not in `vocabulary`, with their counts.

    Raises:
        DatasetError: they are so many that the model `id` cannot write this language.
    """
    counts = Counter(c for text in texts for c in cased(text, vocabulary) if not c.isspace())
    missing = {c: n for c, n in counts.items() if c not in vocabulary}
    letters = sum(n for c, n in counts.items() if c.isalnum())
    lost = sum(n for c, n in missing.items() if c.isalnum())
    if lost > MAX_DROPPED * letters:
        raise DatasetError(
            "vocabulary_mismatch",
            f"{id} cannot write {lost} of the {letters} letters in these transcripts. "
            "Choose a model made for that language, or Whisper, which writes any script.",
            lost=lost,
            letters=letters,
        )
    return missing


def refuse_misfit(labels: Sequence[int], frames: int, samples: int, text: str) -> None:
    """Refuses a clip that CTC cannot align: more labels than frames, or no label at all.

    Raises:
        DatasetError: the text does not fit the sound.
    """
    repeats = sum(a == b for a, b in itertools.pairwise(labels))  # CTC needs a blank between equals
    if not labels or len(labels) + repeats > frames:
        raise DatasetError(
            "text_does_not_fit",
            f"{len(labels)} characters do not fit {samples / SAMPLE_RATE:.1f} s of sound: {text[:60]!r}. Check the text.",
            text=text[:60],
        )

"""Character vocabularies for CTC: built from transcripts, checked against them, extended."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from core.audio.sound_files import SAMPLE_RATE
from core.errors import DatasetError
from core.text import folding, scripts

BLANK, UNKNOWN, SPACE = "<pad>", "<unk>", "|"  # as transformers' CTC models name them; the blank has id 0
MAX_LEFT_OUT = 0.3  # share of the letters a vocabulary may lack; above it, a new one is made instead of extending it


@dataclass(frozen=True)
class Fitted:
    """How a model's vocabulary was fitted to the training texts.

    Attributes:
        kind: "kept", "extended" or "new".
        added: characters that got a new row in the output layer.
        left_out: characters of the texts that the model cannot write, with their counts.
        size: characters it can write now; 0 if tokens are not characters.
    """

    kind: str = "kept"
    added: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True)
class Coverage:
    """How much of some texts a vocabulary can write.

    Attributes:
        letters: letters, marks and digits in the texts.
        lost: how many of them the vocabulary lacks.
        missing: every character it lacks, punctuation too, with its count.
    """

    letters: int
    lost: int
    missing: dict[str, int]

    @property
    def share(self) -> float:
        """Share of the letters it can write, 1.0 for no letters at all."""
        return 1.0 - self.lost / self.letters if self.letters else 1.0


def spoken_characters(text: str, language: str = "") -> str:
    """Returns a text as a new vocabulary writes it: lower case, letters with their marks, digits, apostrophes, spaces.

    Args:
        text: a transcript.
        language: ISO 639-1 code, whose rules of case and forms of letters count; "" if unknown.
    """
    text = folding.folded(scripts.lowered(text, language), language)
    return " ".join("".join(c if is_spoken(c) else " " for c in text).split())


def is_spoken(character: str) -> bool:
    """Whether a character is part of a word, and not punctuation, a symbol or a space."""
    return unicodedata.category(character)[0] in "LMN" or character in folding.APOSTROPHES


def build(texts: Sequence[str], language: str = "") -> list[str]:
    """Returns the characters that transcripts need, in code order, without the space."""
    return sorted({c for text in texts for c in spoken_characters(text, language)} - {" "})


def coverage(texts: Sequence[str], known: Collection[str]) -> Coverage:
    """Compares texts, spelled as the model writes them, with the characters it knows."""
    counts = Counter(c for text in texts for c in text if not c.isspace())
    missing = {c: n for c, n in counts.items() if c not in known}
    letters = sum(n for c, n in counts.items() if is_spoken(c))
    return Coverage(letters, sum(n for c, n in missing.items() if is_spoken(c)), missing)


def spelled(text: str, known: Collection[str], language: str = "") -> str:
    """Returns a text as a vocabulary writes it: in its only case, if it has one, and with its apostrophes and digits.

    Args:
        text: a transcript.
        known: the characters of the vocabulary.
        language: ISO 639-1 code, whose rules of case and forms of letters count; "" if unknown.
    """
    match _case(frozenset(known)):
        case "upper":
            text = scripts.uppered(text, language, known)
        case "lower":
            text = scripts.lowered(text, language)
        case _:
            text = scripts.without_extra_dots(unicodedata.normalize("NFC", text))
    return folding.in_forms_of(text, known, language)


@lru_cache(8)
def _case(known: frozenset[str]) -> str:
    """Returns the only case of a vocabulary's letters, or "both"; "lower" for letters that have no case, as a new one has."""
    letters = [token for token in known if len(token) == 1 and token.isalpha()]
    if all(letter == letter.lower() for letter in letters):
        return "lower"
    return "upper" if all(map(scripts.is_among_capitals, letters)) else "both"


def writable(text: str, known: Collection[str], language: str = "") -> str:
    """Returns a text, spelled, without characters that are neither known nor white space."""
    return "".join(c for c in spelled(text, known, language) if c.isspace() or c in known)


def fit(id: str, texts: Sequence[str], known: Sequence[str], choice: str, language: str = "") -> tuple[Fitted, list[str]]:
    """Decides which characters a model will write from now on.

    Args:
        id: the model's.
        texts: the training transcripts.
        known: the characters it writes so far, without the space; none if it was only pretrained.
        choice: "keep", "extend", "new" or "auto", see `Recipe.vocabulary`.
        language: ISO 639-1 code, see `spelled`.

    Returns:
        How the vocabulary changes, and its characters, those of `known` first unless it is new.

    Raises:
        DatasetError: the vocabulary is to be kept and cannot write this language.
    """
    cover = coverage([spelled(text, known, language) for text in texts], known)
    usable = bool(known) and cover.share >= 1 - MAX_LEFT_OUT
    if choice == "auto":
        choice = "new" if not usable else "extend" if cover.lost else "keep"
    if choice == "keep":
        if not usable:
            raise DatasetError(
                "vocabulary_mismatch",
                f"{id} cannot write {cover.lost} of the {cover.letters} letters in these transcripts. "
                "Give it a new vocabulary, or choose a model made for that language.",
                lost=cover.lost,
                letters=cover.letters,
            )
        return Fitted("kept", (), cover.missing, len(known)), list(known)
    if choice == "extend":
        added = sorted(c for c in cover.missing if is_spoken(c))
        after, kind = [*known, *added], "extended" if added else "kept"
    else:
        added = after = build(texts, language)
        kind = "new"
    left_out = coverage([spelled(text, after, language) for text in texts], after).missing
    return Fitted(kind, tuple(added), left_out, len(after)), after


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

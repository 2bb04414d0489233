"""The written style of a set's transcripts in training: chosen once, previewed, and stored with the set.

A model learns to write what it is shown, so texts that mix upper and lower case, digits and words or two scripts teach it
to guess. The transcripts themselves stay as typed; the style is applied when a set is used. Scores never depend on it:
`scoring.normalise` brings both sides of a comparison to one form whatever was chosen, so that for every choice and text
normalise(choice.apply(text)) is normalise(text). Known exceptions are some 20 rare characters, such as 昵, that OpenCC does
not convert back, and an apostrophe at the edge of a word ('n').
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

import regex

from core.errors import DatasetError
from core.text import folding, scripts
from core.text.folding import APOSTROPHES, COMPATIBILITY
from core.text.scoring import clean, is_shouted, without_asides
from core.text.scripts import CHINESE, EAST_ASIAN, NUMBER_LANGUAGES

MIXED_SHARE = 0.05  # of the texts; above this share, deviations are a second style and not slips

# Letters, digits and the space of the East Asian full width; the punctuation stays, which Chinese writes in that width.
_FULL_WIDTH: dict[int, int] = {
    ord("\u3000"): ord(" "),
    **{code: code - 0xFEE0 for first, last in ("０９", "ＡＺ", "ａｚ") for code in range(ord(first), ord(last) + 1)},
}
_END = regex.compile(rf"[\p{{Po}}--[{APOSTROPHES}′%‰&@#§٪]]['\")\]»”’]*\s*$", regex.V1)


@dataclass(frozen=True)
class Normalisation:
    """How transcripts are written.

    Attributes:
        case: "keep", or "lower" for small letters.
        punctuation: "keep" or "drop"; dropping also removes text in brackets, which was not said.
        numbers: "keep", or "words" for whole numbers in the languages of `core.text.scripts.NUMBER_LANGUAGES`.
        unicode_form: "NFC", or "NFKC", which also replaces ligatures and all full-width forms.
        full_width: whether full-width letters and digits become ordinary ones.
        vowel_marks: "keep" or "drop", of the languages of `core.text.folding.VOWEL_MARK_LANGUAGES`.
        spaces: whether spaces between Chinese or Japanese characters are removed.
        script: of Chinese: "keep", "simplified" or "traditional".

    Raises:
        DatasetError: a value is none of these.
    """

    case: Literal["keep", "lower"] = "keep"
    punctuation: Literal["keep", "drop"] = "keep"
    numbers: Literal["keep", "words"] = "keep"
    unicode_form: Literal["NFC", "NFKC"] = "NFC"
    vowel_marks: Literal["keep", "drop"] = "keep"
    full_width: bool = False
    spaces: bool = False
    script: Literal["keep", "simplified", "traditional"] = "keep"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if not _is_one_of(value, allowed):
                shown = ", ".join(map(str, allowed))
                raise DatasetError(
                    "normalisation_value", f"{name} cannot be {value!r}; it is one of: {shown}.", name=name, value=value
                )

    def apply(self, text: str, language: str) -> str:
        """Returns a transcript in this style, on one line.

        Args:
            text: a transcript.
            language: ISO 639-1 code.
        """
        text = clean(text if self.unicode_form == "NFC" else folding.nfkc(clean(text), language))
        if self.full_width:
            text = text.translate(_FULL_WIDTH)
        if language in CHINESE and self.script != "keep":
            text = scripts.simplified(text) if self.script == "simplified" else scripts.traditional(text)
        if self.numbers == "words" and language in NUMBER_LANGUAGES:
            text = scripts.number_words(folding.ascii_digits(text), language)
        if self.vowel_marks == "drop":  # num2words writes some
            text = folding.without_vowel_marks(text, language)
        if self.punctuation == "drop":
            text = without_asides(folding.without_quotes(text, language))
            text = _punctuation(language).sub(lambda match: match[1] or " ", text)
        if self.case == "lower":
            text = scripts.lowered(text, language)
        text = " ".join(text.split())
        return scripts.without_inner_spaces(text) if self.spaces and language in EAST_ASIAN else text

    def preview(self, texts: Sequence[str], language: str) -> list[tuple[str, str]]:
        """Returns the texts that change, each once, as (before, after)."""
        pairs = ((text, self.apply(text, language)) for text in dict.fromkeys(texts))
        return [(before, after) for before, after in pairs if before != after]

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Normalisation:
        """Builds one from `to_json`'s dict; names and values that a newer version added are ignored."""
        return cls(**{name: fields[name] for name in CHOICES if name in fields and _is_one_of(fields[name], CHOICES[name])})


# The values each field may have.
CHOICES: dict[str, tuple[Any, ...]] = {
    name: (False, True) if kind is bool else get_args(kind) for name, kind in get_type_hints(Normalisation).items()
}


def default(language: str, texts: Sequence[str] = ()) -> Normalisation:
    """Returns the default style for a language and its texts.

    Chinese and Japanese lose full-width letters and inner spaces. Texts in capitals only, as in many corpora, become lower
    case: a model that writes mixed case would have to unlearn it.
    """
    east_asian = language in EAST_ASIAN
    return Normalisation(case="lower" if is_shouted(texts) else "keep", full_width=east_asian, spaces=east_asian)


def detect(texts: Sequence[str], language: str) -> Normalisation:
    """Suggests a consistent style for texts that changes no more than necessary.

    Texts in capitals only become lower case. If over 5 % of the texts end in punctuation and over 5 % do not, punctuation is
    dropped. If over 5 % are in one Chinese script and over 5 % in the other, all take the more frequent one. Full-width
    letters, ligatures and other compatibility letters are replaced. Digits are kept: whether numbers should be words
    depends on the model, which may write no digits. If over 5 % of the texts have Arabic or Hebrew vowel marks and over 5 %
    have none, the marks are dropped.

    Args:
        texts: the transcripts.
        language: ISO 639-1 code.
    """
    proposed = default(language, texts)
    ended = sum(bool(_END.search(text)) for text in texts)
    if _is_mixed(ended, len(texts) - ended):
        proposed = dataclasses.replace(proposed, punctuation="drop")
    if language in CHINESE:
        simple = sum(text != scripts.traditional(text) for text in texts)
        traditional = sum(text != scripts.simplified(text) for text in texts)
        if _is_mixed(simple, traditional):
            proposed = dataclasses.replace(proposed, script="simplified" if simple >= traditional else "traditional")
    marked = sum(text != folding.without_vowel_marks(text, language) for text in texts)
    if _is_mixed(marked, len(texts) - marked):
        proposed = dataclasses.replace(proposed, vowel_marks="drop")
    used = {c for text in texts for c in text}
    if any(ord(c) in _FULL_WIDTH for c in used):
        proposed = dataclasses.replace(proposed, full_width=True)
    if any(COMPATIBILITY[0] <= c <= COMPATIBILITY[1] and c.isalpha() and ord(c) not in _FULL_WIDTH for c in used):
        proposed = dataclasses.replace(proposed, unicode_form="NFKC")
    return proposed


@cache
def _punctuation(language: str) -> regex.Pattern[str]:
    """Returns a pattern of punctuation; numbers, apostrophes of words and signs that are read aloud are its first group."""
    kept = rf"(?<!\w)-?\d+(?:[.,٫٬:/-]\d+)*|{folding.word_apostrophe(language)}|[%٪‰&@#§]"
    return regex.compile(rf"({kept})|\p{{P}}", regex.V1)


def _is_mixed(one: int, other: int) -> bool:
    return min(one, other) > MIXED_SHARE * (one + other)


def _is_one_of(value: Any, allowed: Sequence[Any]) -> bool:
    return any(value is choice or (isinstance(value, str) and value == choice) for choice in allowed)

"""The normalisation that all scores use, and cleaning of transcripts."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Literal

import regex
from whisper_normalizer.english import EnglishTextNormalizer

from core.text import folding, scripts
from core.text.scripts import CHINESE, UNSPACED_LANGUAGES

RULES = 2  # the version of `normalise`: raise it with every change, so that stored results are scored again
MAX_COMPRESSION_RATIO = 2.4  # a transcript that compresses better repeats itself (Radford et al. 2022, section 4.5)
MAX_TEXT_CHARACTERS = 2_000  # of one transcript; 30 s of fast speech is about 600

_JOINERS = "\u200c\u200d"  # Persian and the scripts of India write these inside words

# English texts of these characters alone, most of any set, are normalised word by word, which is many times faster. The
# normaliser looks at a word's neighbours only among its number words, in "and a half", and for a participle after 's and 'd.
_PLAIN = re.compile(r"[A-Za-z' ,.!?;:\"-]*")
_PLAIN_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_PLAIN_MARKS = str.maketrans(dict.fromkeys(',.!?;:"-', " "))
_LOOKED_AT = frozenset({"half", "been", "gone", "done", "got"})
WORDS_REMEMBERED = 50_000  # about 8 MB; a speaker uses some 20,000

_ASIDE = re.compile(r"[<\[][^>\]]*[>\]]|\([^)]+\)")


def normalise(text: str, language: str = "en") -> str:
    """Returns a transcript in the form that WER and CER compare.

    Every language: apostrophes, digits and letters with several code points take one form (`core.text.folding`), and the
    vowel marks of Arabic and Hebrew go. English: Whisper's own English normaliser (Radford et al. 2022, appendix C): lower
    case, no punctuation, no filler words, contractions spelled out, numbers as digits, British spellings as American ones.
    Other languages: lower case, asides in brackets removed, punctuation and symbols replaced by spaces, as in Whisper's
    basic normaliser. But combining marks stay: that one treats them as punctuation, which breaks the words of Hindi or
    Yoruba into pieces. So do apostrophes in languages where they are letters. Whole numbers become words where
    `core.text.scripts` knows them, and Chinese becomes simplified: digits and scripts are a choice of style, which a model
    may learn but must not be scored for. Languages written without spaces are split into characters.

    Limits: it cannot distinguish words that differ only in traditional writing, such as 乾 and 幹, and it does not unify
    numbers that are read otherwise than as amounts, such as a year or 两 for 二.

    Args:
        text: a transcript as a person or a model wrote it.
        language: ISO 639-1 code of the speech.

    Returns:
        Words separated by single spaces; empty if nothing is left.
    """
    if not text.isprintable():  # as text with invisible characters is not
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = folding.folded(text, language)
    if language == "en" and _PLAIN.fullmatch(text):
        words = list(map(_plain_word, _plain_words(text)))
        if None not in words:
            return " ".join(words)  # type: ignore[arg-type]
    text = folding.nfkc(text, language)
    if language == "en":
        return " ".join(_english()(text.replace("..", " ")).split())
    text = scripts.simplified(text) if language in CHINESE else text
    text = scripts.number_words(without_asides(text), language)
    text = scripts.lowered(folding.without_vowel_marks(text, language), language)
    kept = scripts.with_final_sigma(folding.without_marks(text, language))
    return " ".join(regex.findall(r"\X", "".join(kept.split())) if language in UNSPACED_LANGUAGES else kept.split())


@cache
def _english() -> EnglishTextNormalizer:
    return EnglishTextNormalizer()


def has_words(text: str, language: str = "en") -> bool:
    """Whether `normalise` leaves any words; avoids normalising the whole text if one word is enough to tell."""
    if language == "en" and _PLAIN.fullmatch(text) and any(map(_plain_word, _plain_words(text))):
        return True
    return bool(normalise(text, language))


def _plain_words(text: str) -> list[str]:
    return text.lower().translate(_PLAIN_MARKS).split()


@lru_cache(WORDS_REMEMBERED)
def _plain_word(word: str) -> str | None:
    """Returns a word's normalised form if it does not depend on its neighbours; None if it does, or if nothing is left."""
    if (
        word in _LOOKED_AT
        or (word in _english().standardize_numbers.words and word != "and")
        or not _PLAIN_WORD.fullmatch(word)
    ):
        return None
    normal = " ".join(_english()(word).split())
    return normal if re.fullmatch("[a-z]+(?: [a-z]+)*", normal) else None


def leading_measure(language: str) -> Literal["wer", "cer"]:
    """Returns the main error rate for a language: "cer" if it writes no spaces between words, otherwise "wer"."""
    return "cer" if language in UNSPACED_LANGUAGES else "wer"


def without_asides(text: str) -> str:
    """Removes text in brackets, which was not said: [noise], (laughs)."""
    return _ASIDE.sub("", text)


def clean(text: str) -> str:
    """Returns a transcript on one line, without control or invisible formatting characters, in Unicode NFC."""
    text = unicodedata.normalize("NFC", text)
    if not text.isprintable():  # printable text, as nearly every text is, has no invisible characters
        text = "".join(map(_visible, text))
    return " ".join(text.split())


def recognised(text: str) -> str:
    """Returns what a model wrote, cleaned; empty if it has no letter and no digit outside brackets, such as dots or [noise]."""
    return clean(text) if any(c.isalnum() for c in without_asides(text)) else ""


def _visible(character: str) -> str:
    match unicodedata.category(character):
        case "Cc":
            return " "
        case "Cf":
            return character if character in _JOINERS else ""
        case "Cs" | "Cn":
            return ""
        case _:
            return character


def is_shouted(texts: Sequence[str]) -> bool:
    """Whether transcripts are written in capitals only, as in many corpora; see `core.text.normalisation.default`."""
    letters = set("".join(texts))
    return any(c != c.lower() for c in letters) and all(map(scripts.is_among_capitals, letters))


def compression_ratio(text: str) -> float:
    """Bytes of a text divided by bytes of its zlib compression: about 1 for a few words of prose, high for repetition."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0

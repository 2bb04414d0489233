"""Ways to write the same speech: digits or words, simplified or traditional Chinese, upper or lower case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import cache

import opencc
import regex
from num2words import num2words

# Written without spaces between words.
UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km"})
CHINESE = frozenset({"zh", "yue"})
EAST_ASIAN = frozenset({"ja", *CHINESE})
# Those of num2words 0.5.14, except Amharic, where it hangs on some numbers, Turkish, where it runs words together, and a
# few whose readings could not be checked.
NUMBER_LANGUAGES = frozenset({
    "ar", "az", "be", "bn", "ca", "cs", "cy", "da", "de", "en", "eo", "es", "fa", "fi", "fr", "he", "hu", "id", "is", "it",
    "ja", "kk", "ko", "lt", "lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tg", "th", "uk", "vi",
    *CHINESE,
})  # fmt: skip
# Their alphabets have i with a dot and ı without, each with its capital.
DOTLESS_LANGUAGES = frozenset({"tr", "az", "crh", "gag"})

_EXTRA_DOT = regex.compile(r"(?<=\p{Soft_Dotted}\p{M}*)\u0307")
_SIGMA_LAST = regex.compile(r"(?<=\p{L}\p{M}*)σ(?!\p{M}*\p{L})")
_SIGMA_INSIDE = regex.compile(r"ς(?=\p{M}*\p{L})|(?<!\p{L}\p{M}*)ς")
_CODES = {"kk": "kz"}  # num2words uses another code than ISO 639-1
# A whole number by itself: no decimals, no leading zero (007 is a code), not glued to letters (A4, 3rd), and of at most
# nine digits: longer ones are telephone numbers and codes.
_AMOUNT = r"(?<![\d.,:/$€£¥-])(0|[1-9][0-9]{0,8})(?!\d|[.,:/-]\d|\s?[%‰°$€£¥])"
_AMOUNT_BETWEEN_WORDS = re.compile(rf"(?<!\w){_AMOUNT}(?!\w)")
_AMOUNT_AMONG_HAN = re.compile(rf"(?<![A-Za-z]){_AMOUNT}(?![A-Za-z])")
_HAN_DIGITS = "零一二三四五六七八九"
_BETWEEN_HAN = regex.compile(
    r"(?<=[\p{Han}\p{Hiragana}\p{Katakana}。，、！？])\s+(?=[\p{Han}\p{Hiragana}\p{Katakana}。，、！？])"
)


def number_words(text: str, language: str) -> str:
    """Writes whole numbers as words, as num2words does; other numbers and languages stay unchanged.

    Not converted, because their reading cannot be inferred from their writing: decimals, times, dates, ranges, percentages,
    prices, leading zeros, numbers glued to letters, and numbers of over nine digits. A year is read like an amount, except
    in Chinese, where four digits before 年 are read one by one.

    Args:
        text: a transcript.
        language: ISO 639-1 code.
    """
    if language not in NUMBER_LANGUAGES:
        return text
    if language in CHINESE:
        return _AMOUNT_AMONG_HAN.sub(_chinese_words, text)
    code = _CODES.get(language, language)
    pattern = _AMOUNT_AMONG_HAN if language in UNSPACED_LANGUAGES else _AMOUNT_BETWEEN_WORDS
    return pattern.sub(lambda match: _words(int(match[1]), code), text)


def simplified(text: str) -> str:
    """Writes Chinese in simplified characters, as OpenCC does."""
    return _converter("t2s").convert(text)


def traditional(text: str) -> str:
    """Writes Chinese in traditional characters, as OpenCC does: by phrase, since one simplified character may be several."""
    return _converter("s2t").convert(text)


def lowered(text: str, language: str) -> str:
    """Returns a text in lower case and NFC, by the language's rules (Unicode's SpecialCasing.txt).

    Turkish and its relatives distinguish i with and without a dot. No letter gets a combining dot besides its own: for the
    Turkish capital in other languages, Unicode's rule would write one, and so it would above Lithuanian letters with accents.

    Args:
        text: a transcript.
        language: ISO 639-1 code, "" if unknown.
    """
    text = unicodedata.normalize("NFC", text)
    if language in DOTLESS_LANGUAGES:
        text = text.replace("I", "ı")
    return unicodedata.normalize("NFC", without_extra_dots(text.replace("İ", "i").lower()))


def uppered(text: str, language: str, keep: Collection[str] = ()) -> str:
    """Returns a text in capitals and NFC, by the language's rules.

    Args:
        text: a transcript.
        language: ISO 639-1 code, "" if unknown.
        keep: letters that have no single capital and stay, such as the ß of a vocabulary; its ẞ replaces ß.
    """
    text = without_extra_dots(unicodedata.normalize("NFC", text))
    if language in DOTLESS_LANGUAGES:
        text = text.replace("i", "İ")
    if "ẞ" in keep:
        text = text.replace("ß", "ẞ")
    raised = (c if c in keep and len(c.upper()) > 1 else c.upper() for c in text)
    return unicodedata.normalize("NFC", "".join(raised))


def is_among_capitals(letter: str) -> bool:
    """Whether a letter is written in a text of capitals: those without a capital of one letter, such as ß, are too."""
    return letter == letter.upper() or len(letter.upper()) > 1


def without_extra_dots(text: str) -> str:
    """Removes combining dots from letters that have a dot of their own, such as i."""
    return _EXTRA_DOT.sub("", text) if "\u0307" in text else text


def with_final_sigma(text: str) -> str:
    """Writes the Greek small sigma as the end of a word or its inside needs it."""
    if "σ" not in text and "ς" not in text:
        return text
    return _SIGMA_INSIDE.sub("σ", _SIGMA_LAST.sub("ς", text))


def space_between(language: str) -> str:
    """Returns what a language writes between words: a space or nothing."""
    return "" if language in UNSPACED_LANGUAGES else " "


def without_inner_spaces(text: str) -> str:
    """Removes the spaces between Chinese or Japanese characters; spaces next to other letters stay."""
    return _BETWEEN_HAN.sub("", text)


@cache
def _converter(config: str) -> opencc.OpenCC:
    return opencc.OpenCC(config)


@cache
def _words(number: int, code: str) -> str:
    return num2words(number, lang=code).replace(",", "")


def _chinese_words(match: re.Match[str]) -> str:
    digits = match[1]
    if len(digits) == 4 and match.string[match.end() :].startswith("年"):
        return "".join(_HAN_DIGITS[int(digit)] for digit in digits)
    return _chinese(int(digits))


def _chinese(number: int) -> str:
    """Reads a whole number below 10^9 as Mandarin does: 105 is 一百零五, 10 is 十 and 20002 is 二万零二."""
    if number == 0:
        return _HAN_DIGITS[0]
    words, gap = "", False
    for unit, name in ((10**8, "亿"), (10**4, "万"), (1, "")):
        group, number = divmod(number, unit)
        if group:
            words += ("零" if words and (gap or group < 1000) else "") + _below_ten_thousand(group) + name
        gap = not group or (gap and not group)
    return words.removeprefix("一") if words.startswith("一十") else words


def _below_ten_thousand(number: int) -> str:
    words, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, unit)
        if digit:
            words += ("零" if words and gap else "") + _HAN_DIGITS[digit] + name
        gap = bool(words) and not digit
    return words

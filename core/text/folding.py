"""One form for what is written in several: apostrophes, digits, letters with two code points, Arabic and Hebrew vowel marks.

Scores, the labels of training and new vocabularies all use it, so that a keyboard or a word processor never counts as an error.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from functools import cache

import regex

# All write one sound or one elision: ASCII, right and left quotation mark, modifier letters (Ukrainian, Uzbek, Hawaiian),
# full width, saltillo, Hebrew geresh, and what a Greek keyboard writes. The first is the form that all others take.
APOSTROPHES = "'’ʼʻ‘ʽ‛＇Ꞌꞌ׳΄᾽"
_TICKS = "`´′"  # typed for an apostrophe inside words, but quotes or units beside them
_TURNED = "ʻ‘"  # the form of the Hawaiian okina and of Uzbek o and g

# Languages in which the apostrophe is a letter, or a part of one: it stays inside words where other languages
# separate words by it, as French does. In the second group it also begins words, as the Hawaiian okina does.
_INSIDE = frozenset({"be", "br", "gn", "om", "qu", "ay", "uk", "uz"})
_FIRST = frozenset({"ha", "haw", "nv", "sm", "to", "ty"})

# Letters of other scripts than these have apostrophes beside them; beside these, which put no spaces around quotations, the
# same mark is a quotation mark.
_UNQUOTED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_LETTER, _IN_WORD = (rf"[{kinds}--[{_UNQUOTED}]]" for kinds in (r"\p{L}", r"\p{L}\p{M}\p{Cf}"))
_ALNUM = rf"[\p{{L}}\p{{M}}\p{{N}}\p{{Cf}}--[{_UNQUOTED}]]"


def _quoted(opening: str) -> regex.Pattern[str]:
    inner = rf"[^‘’‚]*(?:(?<={_IN_WORD})[‘’](?={_LETTER})[^‘’‚]*)*"
    return regex.compile(rf"(?<!{_ALNUM})[{opening}](?=\S)({inner})(?<=\S)[’‘](?!{_ALNUM})", regex.V1)


# Swedish and Finnish open a quotation with the mark that is an apostrophe elsewhere.
_QUOTED, _QUOTED_NORDIC = _quoted("‘‚‛"), _quoted("‘‚‛’")
_NORDIC = frozenset({"sv", "fi"})

_MARK = regex.compile(r"[\p{P}\p{S}]")
_SEPARATORS = str.maketrans("٫٬", ".,")
_SEPARATOR = regex.compile(r"(?<=\d)[٫٬](?=\d)")
_TATWEEL = "\u0640"  # stretches a word for looks

# NFKC makes a space and a mark of these: of presentation forms of Arabic vowel marks, which are inside words, and of
# accents that stand alone.
_MARK_FORMS = regex.compile("[\ufc5e-\ufc63\ufcf2-\ufcf4\ufe70-\ufe7f]")
_ACCENTS = regex.compile(
    "[\u00a8\u00af\u00b4\u00b8\u02d8-\u02dd\u037a\u0385\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef\u1ffd\u1ffe\u2017\u203e]"
)
_BROKEN_BY_NFKC = regex.compile(f"{_MARK_FORMS.pattern}|{_ACCENTS.pattern}|[΄᾽]")
# Ligatures, Arabic presentation forms and half-width kana. NFKC changes letters outside too, such as a Thai vowel, for
# no gain.
COMPATIBILITY = ("\ufb00", "\uffef")
_COMPATIBLE = regex.compile(f"[{COMPATIBILITY[0]}-{COMPATIBILITY[1]}]+")

# What `folded` looks for; most texts have none of these.
_FOLDABLE = regex.compile(
    rf"[{APOSTROPHES[1:]}{_TICKS}‚{_TATWEEL}٪{COMPATIBILITY[0]}-{COMPATIBILITY[1]}şţŞŢșțȘȚيىكه]|[\p{{Nd}}--[0-9]]", regex.V1
)

_CEDILLAS, _COMMAS = "şţŞŢ", "șțȘȚ"
_TO_COMMA, _TO_CEDILLA = str.maketrans(_CEDILLAS, _COMMAS), str.maketrans(_COMMAS, _CEDILLAS)
# Letters that keyboards of another language of the same script write with another code point.
_TWINS: dict[str, dict[int, int]] = {
    **dict.fromkeys(("ro", "mo"), _TO_COMMA),
    **dict.fromkeys(("tr", "az", "crh", "tk", "ku", "kmr"), _TO_CEDILLA),
    "fa": str.maketrans("يىك", "ییک"),
    "ur": str.maketrans("يىكه", "ییکہ"),
}
_ALIKE = (*map("".join, zip(_COMMAS, _CEDILLAS, strict=True)), "یيى", "کك", "ہه", "σς")

_ARABIC_MARKS = regex.compile(
    "[\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08ff]"
)
_HEBREW_MARKS = regex.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]")
# Languages whose vowel marks may be left out. Not those that write every vowel with them, such as Kashmiri and Yiddish.
_MARKS = {
    **dict.fromkeys(("ar", "acm", "aeb", "afb", "ajp", "apc", "ars", "ary", "arz", "fa", "ps", "sd", "ur"), _ARABIC_MARKS),
    "he": _HEBREW_MARKS,
}
VOWEL_MARK_LANGUAGES = frozenset(_MARKS)


def folded(text: str, language: str, keep: Collection[str] = ()) -> str:
    """Returns a text in which whatever is written in several ways has one form, but case and vowel marks.

    Apostrophes become ', digits ASCII digits; Romanian letters get their comma, Turkish ones their cedilla, Persian and
    Urdu letters their own code points; Arabic presentation forms, ligatures and full-width forms become ordinary letters;
    the Arabic tatweel goes. Pairs of typographic single quotation marks become spaces: they are no apostrophes.

    Args:
        text: a transcript.
        language: ISO 639-1 code, "" if unknown.
        keep: characters that keep their form, such as those of a vocabulary; quotation marks and tatweel go nevertheless.
    """
    if text.isascii() and "`" not in text:
        return text
    text = unicodedata.normalize("NFC", text)
    if not _FOLDABLE.search(text):
        return text
    text = without_quotes(text, language).replace(_TATWEEL, "")
    kept = frozenset(keep)
    text = _apostrophe(language, _TICKS).sub(lambda match: match[0] if match[0] in kept else "'", text)
    table = _table(language)
    text = text.translate({code: form for code, form in table.items() if chr(code) not in kept} if kept else table)
    text = _COMPATIBLE.sub(lambda match: "".join(c if c in kept else _compatible(c) for c in match[0]), text)
    return unicodedata.normalize("NFC", ascii_digits(text, kept))


@cache
def _table(language: str) -> dict[int, str]:
    twins = {code: chr(twin) for code, twin in _TWINS.get(language, {}).items()}
    return {ord(c): "'" for c in APOSTROPHES} | {ord(c): " " for c in _TICKS} | twins


def in_forms_of(text: str, known: Collection[str], language: str) -> str:
    """Returns a text whose characters have the form that a vocabulary has, if it has one; others take that of `folded`.

    Args:
        text: a transcript, in the vocabulary's case.
        known: the characters of the vocabulary.
        language: ISO 639-1 code, "" if unknown.
    """
    text = folded(text, language, known)
    return "".join(
        c if c.isspace() or c in known else _form_in(known, c, text[i - 1 : i], language) for i, c in enumerate(text)
    )


def without_quotes(text: str, language: str) -> str:
    """Removes pairs of typographic single quotation marks: ‘like this’."""
    if not any(mark in text for mark in "‘’"):
        return text
    pattern = _QUOTED_NORDIC if language in _NORDIC else _QUOTED
    return pattern.sub(lambda match: f" {match[1]} ", text)


def ascii_digits(text: str, keep: Collection[str] = ()) -> str:
    """Writes decimal digits of any script as 0 to 9, and the Arabic signs among numbers as ., , and %."""
    if text.isascii():
        return text
    text = _SEPARATOR.sub(lambda match: match[0].translate(_SEPARATORS), text).replace("٪", "%")
    return "".join(str(unicodedata.decimal(c)) if c > "9" and c.isdecimal() and c not in keep else c for c in text)


def nfkc(text: str, language: str) -> str:
    """Returns a text in Unicode NFKC, with no space inside words from marks and accents, which NFKC would put there."""
    if not _BROKEN_BY_NFKC.search(text):
        return unicodedata.normalize("NFKC", text)
    text = _apostrophe(language, "´").sub("'", text).translate({ord(c): "'" for c in "΄᾽"})
    return unicodedata.normalize("NFKC", _ACCENTS.sub(" ", _MARK_FORMS.sub(lambda match: _compatible(match[0]), text)))


def without_vowel_marks(text: str, language: str) -> str:
    """Removes the vowel marks of Arabic and Hebrew, which most texts leave out; a text in other languages is unchanged."""
    pattern = _MARKS.get(language)
    return text if pattern is None or text.isascii() else pattern.sub("", text)


def without_marks(text: str, language: str) -> str:
    """Replaces punctuation and symbols by spaces, but for apostrophes that are letters, see `_INSIDE`.

    Args:
        text: a folded text.
        language: ISO 639-1 code, "" if unknown.
    """
    if "'" in text and language in _INSIDE | _FIRST:
        letters = {match.start() for match in _apostrophe(language, "'").finditer(text)}
        return _MARK.sub(lambda match: "'" if match.start() in letters else " ", text)
    return _MARK.sub(" ", text)


@cache
def word_apostrophe(language: str) -> str:
    """Returns the `regex.V1` expression for an apostrophe that belongs to a word, in any of its forms."""
    return _apostrophe(language, APOSTROPHES + _TICKS).pattern


@cache
def _apostrophe(language: str, forms: str) -> regex.Pattern[str]:
    inside = rf"(?<={_IN_WORD})[{forms}](?={_LETTER})"
    first = rf"(?<!{_ALNUM}|[{APOSTROPHES}{_TICKS}])[{forms}](?={_LETTER})"
    return regex.compile(f"{inside}|{first}" if language in _FIRST else inside, regex.V1)


def _compatible(character: str) -> str:
    form = unicodedata.normalize("NFKC", character)
    return form.lstrip(f" {_TATWEEL}") if _MARK_FORMS.fullmatch(character) else form


def _form_in(known: Collection[str], character: str, before: str, language: str) -> str:
    """Returns a character's form in a vocabulary, or the character if there is none."""
    if character == "'":
        turned = language in _FIRST or (language == "uz" and before in tuple("ogOG"))
        forms = (_TURNED if turned else "") + APOSTROPHES + _TICKS
    elif character.isdecimal():
        value = unicodedata.decimal(character)
        return min((c for c in known if len(c) == 1 and unicodedata.decimal(c, None) == value), default=character)
    else:
        forms = next((alike for alike in _ALIKE if character in alike), "")
    return next((form for form in forms if form in known), character)

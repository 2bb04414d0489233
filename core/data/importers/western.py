"""Tells whether a text is in Windows' Western code page, cp1252, in which Excel and Word save in Western Europe.

Nearly every byte is a letter there, so a text of another code page decodes too, to wrong letters. A file is in cp1252 only if
its letters outside ASCII are those of its language's alphabet, or for a few of its neighbours', no sign is inside a word, and
no word is without a letter of ASCII.
The speech of a file said to be English may be in any language: then only letters count that all Latin code pages of Windows
write with the same byte, as those of German.
"""

from __future__ import annotations

import re
from functools import cache

CODEC = "cp1252"
OWN_SHARE = 0.9  # of a file's letters outside ASCII that must be of its language's alphabet; the others are in foreign words

# Letters outside ASCII, by ISO 639-1 code.
ALPHABETS = {
    "af": "áäéèêëíîïóôöúûü",
    "ca": "àçèéíïòóúü",
    "da": "æøåéóô",
    "de": "äöüß",
    "es": "áéíóúüñªº",
    "et": "äöüõšž",
    "eu": "ñçü",
    "fi": "äöåšž",
    "fr": "àâæçéèêëîïôœùûüÿ",
    "ga": "áéíóú",
    "gl": "áéíóúüñï",
    "id": "é",
    "is": "áðéíóúýþæö",
    "it": "àèéìíîòóùú",
    "lb": "äëéöü",
    "nb": "æøåéòóôê",
    "nl": "áéëèêïíóöúü",
    "nn": "æøåéòóôê",
    "no": "æøåéòóôê",
    "pt": "áàâãçéêíóôõúüªº",
    "sq": "ëç",
    "sv": "åäöé",
    "sw": "é",
}
_OTHER_LATIN = ("cp1250", "cp1254", "cp1257")
_JOINERS = frozenset("’‘´–—·…\u00a0\u00ad")  # may be between two letters
_MARKS = _JOINERS | frozenset("“”„‚«»‹›€£§°¿¡½¼¾²³×•™®©")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# Words without a letter of ASCII, as all words of other scripts are. Estonian has one of two letters: night.
_ALL_FOREIGN = re.compile(r"\b[^\W\d_a-zA-Z]{2,}\b")
_LONG_FOREIGN = re.compile(r"\b[^\W\d_a-zA-Z]{3,}\b")


class Western:
    """Judges a text that was decoded as cp1252, block by block.

    Args:
        language: ISO 639-1 code of the speech.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._alphabet = _common_letters() if language == "en" else frozenset(ALPHABETS.get(language, ""))
        self._own = self._others = 0
        self.refused = not self._alphabet  # whether it cannot be cp1252, whatever follows
        self._foreign = _ALL_FOREIGN if language == "en" else _LONG_FOREIGN
        self._rest = ""  # of the block before, a word that may go on

    def see(self, text: str) -> None:
        """Takes the next block; a space after the last one."""
        joined = self._rest + text
        end = max(joined.rfind(" "), joined.rfind("\n")) + 1 or len(joined)
        seen, self._rest = f" {joined[:end]} ", joined[end:]
        self.refused |= self._foreign.search(seen) is not None
        for found in _BEYOND_ASCII.finditer(seen):
            self._judge(found.group(), seen[found.start() - 1], seen[found.end()])

    def _judge(self, character: str, before: str, after: str) -> None:
        if character.lower() in self._alphabet:
            self._own += 1
        elif not character.isalpha():
            inside = before.isalpha() and after.isalpha()
            self.refused |= character not in (_JOINERS if inside else _MARKS)
        elif self._language == "en":
            self.refused = True
        else:
            self._others += 1

    @property
    def fits(self) -> bool:
        """Whether the text is in cp1252."""
        return not self.refused and self._own >= OWN_SHARE * (self._own + self._others)


@cache
def _common_letters() -> frozenset[str]:
    """The letters that all Latin code pages of Windows write with the same byte."""
    every = {bytes([byte]).decode(CODEC, "replace") for byte in range(0x80, 0x100)}
    return frozenset(
        one.lower()
        for one in every
        if one.isalpha() and all(one.encode(CODEC).decode(other, "replace") == one for other in _OTHER_LATIN)
    )

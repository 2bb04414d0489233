"""Every string a user reads, by language; what the report says too is in `core.runs.report.words_shared`."""

from __future__ import annotations

from dataclasses import dataclass

from core.runs.report import words_shared
from core.text.phrases import phrase
from demo.wording import en, languages, zh_cn

LANGUAGES = {
    "en": en.TEXTS | words_shared.ENGLISH | languages.ENGLISH,
    "zh-CN": zh_cn.TEXTS | words_shared.CHINESE | languages.CHINESE,
}
NAMES = {"en": "English", "zh-CN": "简体中文"}


@dataclass(frozen=True)
class Wording:
    """The texts of one language.

    Attributes:
        language: "en" or "zh-CN".
    """

    language: str

    def __call__(self, key: str, **fields: object) -> str:
        """Returns a text with its fields filled in, see `core.text.phrases`; a missing key is a fault, which a test finds."""
        return phrase(LANGUAGES[self.language][key], **fields)

    def joined(self, *sentences: str) -> str:
        """Returns sentences in one line, without empty ones; Chinese has no space between them."""
        return ("" if self.language == "zh-CN" else " ").join(filter(None, sentences))

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in LANGUAGES[self.language]


def preferred(header: str) -> str:
    """Chooses a language from an Accept-Language header: Chinese if it comes before English, else English."""
    weighted = []
    for entry in header.split(","):
        tag, _, quality = entry.strip().partition(";q=")
        try:
            weighted.append((float(quality or 1), tag.lower()))
        except ValueError:
            continue
    for _, tag in sorted(weighted, key=lambda pair: -pair[0]):
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en"

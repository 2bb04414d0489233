"""Character vocabularies: the case and the forms that labels have."""

from __future__ import annotations

import pytest

from core.models.base.vocabulary import build, fit, spelled, spoken_characters, writable

TURKISH = ["IŞIK", "ışık", "İstanbul", "istanbul", "Iğdır"]


@pytest.mark.parametrize(
    ("known", "language", "text", "expected"),
    [
        ("abiıs", "tr", "ISI İsi", "ısı isi"),
        ("ABIİS", "tr", "ısı isi", "ISI İSİ"),
        ("abis", "en", "ISI", "isi"),
        ("abis", "de", "İs", "is"),  # no combining dot
        ("ABIS", "de", "i̇s", "IS"),
        ("aIi", "de", "i̇ aI", "i aI"),
        ("įí", "lt", "į̇ Í", "į í"),
        ("ABSẞ", "de", "aß", "Aẞ"),
        ("ABSß", "de", "aß", "Aß"),
        ("ABS", "de", "aß", "ASS"),
        ("abß", "de", "AẞB", "aßb"),
        ("οδς", "el", "ΟΔΟΣ", "οδος"),
        ("ΟΔΣ", "el", "οδος", "ΟΔΟΣ"),
        ("აბ", "ka", "აბ", "აბ"),
        ("مح", "ar", "محA", "محa"),  # letters without case: as in a new vocabulary
        ("", "en", "HELLO", "hello"),
        ("abcnt’", "en", "CAN'T", "can’t"),
        ("ABCNT'", "en", "can’t", "CAN'T"),
    ],
)
def test_a_text_is_spelled_as_a_vocabulary_writes_it(known: str, language: str, text: str, expected: str) -> None:
    assert spelled(text, known, language) == expected


def test_what_a_vocabulary_lacks_is_left_out() -> None:
    assert writable("Can’t ‘stop’, now", "acnt'", "en") == "can't  t  n"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("tr", "İYİ IŞIK", "iyi ışık"),
        ("az", "I", "ı"),
        ("en", "I", "i"),
        ("en", "‘Quoted’ I’m", "quoted i'm"),
        ("uk", "П’ЯТЬ пʼять", "п'ять п'ять"),
        ("ro", "Şi și", "și și"),
        ("ar", "١٢ ﻣﺤﻤﺪ محمـد", "12 محمد محمد"),
        ("zh", "说‘好’的", "说 好 的"),
    ],
)
def test_a_new_vocabulary_has_one_form(language: str, text: str, expected: str) -> None:
    assert spoken_characters(text, language) == expected


def test_a_new_turkish_vocabulary_has_turkish_letters() -> None:
    assert "".join(build(TURKISH, "tr")) == "abdiklnrstuğış"
    assert "\u0307" not in build(TURKISH, "en")


@pytest.mark.parametrize(("known", "added"), [("abcdefghijklmnopqrstuvwxyz'", "ğış"), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ'", "ĞİŞ")])
def test_a_turkish_extension_adds_turkish_letters(known: str, added: str) -> None:
    fitted, after = fit("any", TURKISH, known, "extend", "tr")
    assert (fitted.kind, "".join(fitted.added), fitted.left_out) == ("extended", "".join(sorted(added)), {})
    assert after == [*known, *sorted(added)]


def test_a_form_that_a_vocabulary_has_is_not_missing() -> None:
    fitted, _ = fit("any", ["п'ять", "п’ять"], "пятьʼ", "auto", "uk")
    assert (fitted.kind, fitted.left_out) == ("kept", {})

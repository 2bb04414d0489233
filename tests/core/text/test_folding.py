"""What is written in several ways has one form, in scores and in labels."""

from __future__ import annotations

import random

import pytest

from core.text import folding, scoring
from core.text.folding import APOSTROPHES, folded, in_forms_of, without_vowel_marks
from core.text.scoring import normalise


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "I’m here", "I'm here"),
        ("en", "they can’t, won‘t", "they can't, won't"),
        ("en", "don´t, don`t, don′t, donʼt, don＇t", "don't, don't, don't, don't, don't"),
        ("en", "‘re-do’ it", "re-do it"),
        ("fr", "L’été d`avant", "L'été d'avant"),
        ("de", "‚so‘ geht’s", "so geht's"),
        ("sv", "’så’", "så"),
        ("el", "σ΄ αγαπώ", "σ’ αγαπώ"),
        ("be", "сямʼя", "сям'я"),
        ("uk", "п’ять П`ЯТЬ", "пʼять п'ять"),
        ("uz", "oʻzbek g‘oz maʼno", "o'zbek g`oz ma’no"),
        ("haw", "ʻaina Hawaiʻi", "`aina Hawai‘i"),
        ("haw", "‘Aloha’", "aloha"),
        ("he", "ג׳ירפה צה״ל", "ג'ירפה צה\"ל"),
        ("ar", "١٢", "12"),
        ("ar", "٣٫٥ ٥٠٪", "3.5 50%"),
        ("fa", "۱۲", "12"),
        ("hi", "१२", "12"),
        ("sw", "𝟏２", "12"),
        ("ro", "şi ŢARA", "și ȚARA"),
        ("tr", "ışık Șu", "ışık Şu"),
        ("fa", "كتاب ي", "کتاب ی"),
        ("ur", "كيه", "کیہ"),
        ("ar", "ﻣﺤﻤﺪ", "محمد"),
        ("ar", "مﹶحﹼمﹷد", "محمد"),  # NFKC would put spaces inside
        ("ar", "محمـــد", "محمد"),
        ("ar", "مُحَمَّدٌ هٰذا", "محمد هذا"),
        ("he", "שָׁלוֹם", "שלום"),
        ("tr", "i̇stanbul I\u0307Ş", "istanbul İŞ"),  # as Python lowers İ
        ("de", "İzmir", "izmir"),
        ("lt", "Ì i̇́ į̇́", "ì í į́"),
        ("el", "ΟΔΟΣ.ΣΑΣ", "οδος σας"),
        ("sw", "a ¨ b¸", "a b"),  # no mark is left alone
    ],
)
def test_the_same_words_score_alike(language: str, one: str, other: str) -> None:
    assert normalise(one, language) == normalise(other, language) != ""


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("haw", "ʻai", "ai"),
        ("uz", "oʻt", "ot"),
        ("uk", "п'ят", "пят"),
        ("ks", "كِتاب", "كَتاب"),
        ("ar", "أب", "اب"),
        ("tr", "ısı", "isi"),
        ("ps", "ي", "ی"),
        ("lt", "ė", "e"),
    ],
)
def test_words_that_differ_stay_different(language: str, one: str, other: str) -> None:
    assert normalise(one, language) != normalise(other, language)


@pytest.mark.parametrize("form", APOSTROPHES)
def test_every_apostrophe_is_one(form: str) -> None:
    assert folded(f"n{form}t rock {form}n", "en") == "n't rock 'n"
    assert normalise(f"can{form}t", "en") == "can not"
    assert normalise(f"о{form}є", "uk") == "о'є"
    assert normalise(f"l{form}a", "it") == "l a"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "‘like this’ and ’tis", " like this  and 'tis"),
        ("en", "say ‘I’m so’, dogs’", "say  I'm so , dogs'"),
        ("zh", "他说‘好’的", "他说 好 的"),
        ("ko", "‘좋다’고", " 좋다 고"),
        ("en", "5′ tall, `so`", "5  tall,  so "),
        ("it", "un po’", "un po'"),
        ("ar", "٣٫٥، ٥٫", "3.5، 5٫"),
        ("en", "plain 'text'", "plain 'text'"),
        ("", "ＡＢＣ ﬁ", "ABC fi"),
    ],
)
def test_folded(language: str, text: str, expected: str) -> None:
    assert folded(text, language) == expected
    assert folded(expected, language) == expected


@pytest.mark.parametrize(
    ("known", "language", "text", "expected"),
    [
        ("abcnt'", "en", "can’t", "can't"),
        ("abcnt’", "en", "can't canʼt", "can’t can’t"),
        ("пятьʼ", "uk", "п'ять п’ять", "пʼять пʼять"),
        ("пять'ʼ", "uk", "пʼять п'ять п’ять", "пʼять п'ять п'ять"),  # what it has, it keeps
        ("ozmanʻʼ", "uz", "o'z ma'na", "oʻz maʼna"),
        ("ozman‘’", "uz", "oʻz maʼna", "o‘z ma’na"),
        ("aihwʻ", "haw", "'ai hawai’i", "ʻai hawaiʻi"),
        ("abc", "en", "can’t", "can't"),
        ("०१२", "hi", "12 १", "१२ १"),
        ("012", "ar", "١٢", "12"),
        ("ab", "ar", "١٢", "12"),
        ("şi", "ro", "și şi", "şi şi"),
        ("يك", "fa", "کی", "كي"),
        ("οδσ", "el", "οδος", "οδοσ"),
        ("so", "en", "‘so’", " so "),
    ],
)
def test_a_vocabulary_gets_the_forms_it_has(known: str, language: str, text: str, expected: str) -> None:
    assert in_forms_of(text, frozenset(known), language) == expected


def test_vowel_marks_go_only_where_they_may_be_left_out() -> None:
    assert without_vowel_marks("مُحَمَّدٌ", "ar") == "محمد"
    assert without_vowel_marks("مُحَمَّدٌ", "ks") == "مُحَمَّدٌ"
    assert without_vowel_marks("آ أ ئ", "fa") == "آ أ ئ"


def test_folding_is_done_once() -> None:
    draw = random.Random(0)
    letters = {"en": "aI '’‘`´′5ʼ", "ar": "مُّ٥٣٫ﻣﹶـ٪1 ", "haw": "aʻ'’‘`´ ", "ro": "şȘi ", "zh": "好‘’5，a"}
    for _ in range(300):
        language = draw.choice(list(letters))
        once = folded("".join(draw.choices(letters[language], k=8)), language)
        assert folded(once, language) == once


def test_an_english_text_of_a_word_processor_needs_no_more_than_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    straight = "he's not there, they can't"
    expected = normalise(straight)
    whispers = scoring._english()
    met: list[str] = []
    monkeypatch.setattr(scoring, "_english", lambda: lambda text: (met.append(text), whispers(text))[1])
    assert normalise(straight.replace("'", "’")) == expected
    assert max(map(len, met), default=0) < len("they can't")  # word by word, if at all


def test_a_text_with_nothing_to_fold_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "without_quotes", None)
    for text in ("plain text, isn't it", "Über Größe", "привет", "你好"):
        assert folded(text, "de") == text


@pytest.mark.parametrize("text", ["‘" * 2000, "‘a" * 1000, "a’" * 1000, "’ " * 1000, "`" * 2000])
def test_marks_alone_take_no_time_and_leave_nothing(text: str) -> None:
    assert set(normalise(text, "de")) <= set("a ")

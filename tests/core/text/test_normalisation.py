"""A choice of how transcripts are written is previewed, stored, and never scored."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from core.errors import DatasetError
from core.text.metrics import score
from core.text.normalisation import CHOICES, Normalisation, default, detect
from core.text.scoring import normalise

TEXTS = {
    "en": [
        "It's 10 of clubs, isn't it?", "Mr. Smith's U.S. e-mail: a-b@c.com costs $21.50!", "On the 5th of May 1999 I was 21.",
        "(laughs) Well -- 'quoted' [noise] 1,000 words; 3rd end…", "10:30 or 50 %", "ﬁne ＡＢＣ １２", "-5 degrees", "TEN OF",
        "I’m ‘quoting’ they can´t, ’tis '١٢' İ",
    ],
    "de": ["Schön, 10 Äpfel", "am 3. Mai 1999 um 10:30", "3,5 Liter", "ÜBER (lacht) 21"],
    "zh": ["今天3点，我有10个。", "後面 幹活 乾燥 漢語", "后面 2024年", "ＡＢＣ　１２３ 你 好", "50%"],
    "ja": ["今日は 3時 です。カタカナ"], "tr": ["İstanbul'da 10 IŞIK"], "fr": ["L'été, 71 déjà — vu!"],
    "uk": ["п'ять 5 мов'ята", "п’ять ‘п´ять’ пʼЯТЬ"], "sw": ["Ng'ombe 10"], "th": ["กิน 21 กำ"], "ko": ["오늘은 24 일"],
    "hi": ["नमस्ते १० दुनिया।"], "ar": ["مُحَمَّدٌ (صوت) ١٢، ٣٫٥ أو ٥٠٪", "ﻣﺤﻤﺪ مﹶحمد محمـــد — ۱۰"], "fa": ["كتاب‌ها، ۱۲ كَلِمه"],
    "he": ["שָׁלוֹם ג׳ירפה, צה״ל 5"],
    "haw": ["‘Aloha’ ʻO ka `aina; Hawai‘i, 'ole!"], "uz": ["Oʻzbek o‘zi, o`g'il 'ma’no'"], "ro": ["Şi ţară, ȘI 10"],
    "el": ["ΟΔΟΣ.ΑΒ, σ’ ΟΔΌΣ σ΄ αγαπώ"], "lt": ["Ì i̇́ į̇, İ 10"], "sv": ["’så’ Foo’s 10"],
}  # fmt: skip


@pytest.mark.parametrize("values", itertools.product(*CHOICES.values()), ids=str)
def test_no_choice_counts_in_a_score(values: tuple[Any, ...]) -> None:
    choice = Normalisation(**dict(zip(CHOICES, values, strict=True)))
    for language, texts in TEXTS.items():
        for text in texts:
            written = choice.apply(text, language)
            assert normalise(written, language) == normalise(text, language)
            assert choice.apply(written, language) == written


def test_a_model_that_learnt_the_choice_scores_as_one_that_did_not() -> None:
    choice = Normalisation(case="lower", punctuation="drop", numbers="words", script="traditional", spaces=True)
    text = "我们后面有10个Ａ， 汉 语。"
    written = choice.apply(text, "zh")
    assert written != text
    for reference, heard in ((text, text), (text, written), (written, text), (written, written)):
        assert score([reference], [heard], "zh").wer.errors == 0
    assert score([text], [written.replace("語", "文")], "zh").wer.errors == 1


@pytest.mark.parametrize(
    ("choice", "language", "text", "expected"),
    [
        ({}, "en", " As it  is,\n10! ", "As it is, 10!"),
        ({"case": "lower"}, "en", "HELLO There", "hello there"),
        ({"case": "lower"}, "tr", "IŞIK", "ışık"),
        ({"punctuation": "drop"}, "en", "It's 3.5, isn't it (laughs)?", "It's 3.5 isn't it"),
        ({"punctuation": "drop"}, "en", "'Quoted' twenty-one, 50 % & a@b", "Quoted twenty one 50 % & a@b"),
        ({"punctuation": "drop"}, "zh", "你好，世界！", "你好 世界"),
        ({"punctuation": "drop", "spaces": True}, "zh", "你好，世界！", "你好世界"),
        ({"numbers": "words"}, "de", "10 Äpfel", "zehn Äpfel"),
        ({"unicode_form": "NFKC"}, "en", "ﬁne", "fine"),
        ({"unicode_form": "NFC"}, "en", "cafe\u0301 ﬁne", "café ﬁne"),
        ({"full_width": True}, "zh", "ＡＢＣ　１２，好", "ABC 12，好"),
        ({"full_width": True, "numbers": "words"}, "zh", "１２个", "十二个"),
        ({"spaces": True}, "zh", "你 好 Python 好", "你好 Python 好"),
        ({"spaces": True}, "ko", "오늘은 좋다", "오늘은 좋다"),
        ({"script": "simplified"}, "zh", "漢語", "汉语"),
        ({"script": "traditional"}, "yue", "后面", "後面"),
        ({"script": "simplified"}, "ja", "漢語", "漢語"),
        ({"case": "lower", "punctuation": "drop"}, "sw", "NG'OMBE!", "ng'ombe"),
        ({"punctuation": "drop"}, "en", "‘Quoted’ I’m, can´t, rock ʼn’ roll", "Quoted I’m can´t rock ʼn roll"),
        ({"punctuation": "drop"}, "haw", "‘Okina’ ‘aina", "Okina ‘aina"),
        ({"punctuation": "drop"}, "zh", "他说‘好’的", "他说 好 的"),
        ({"unicode_form": "NFKC"}, "en", "can´t ´so´", "can't so"),
        ({"unicode_form": "NFKC"}, "ar", "ﻣﹶﺤﻤﺪ", "مَحمد"),
        ({"vowel_marks": "drop"}, "ar", "مُحَمَّدٌ هٰذا", "محمد هذا"),
        ({"vowel_marks": "drop"}, "he", "שָׁלוֹם", "שלום"),
        ({"vowel_marks": "drop"}, "ks", "مُحَمَّدٌ", "مُحَمَّدٌ"),  # which writes its vowels with them
        ({"numbers": "words"}, "ar", "١٢ و٣٫٥", "اثنا عشر و3.5"),
        ({"numbers": "words"}, "hi", "१२", "१२"),
        ({"case": "lower"}, "az", "İŞIQ", "işıq"),
        ({"case": "lower"}, "lt", "Ì", "ì"),
        ({"case": "lower"}, "de", "İ", "i"),
        ({"punctuation": "drop"}, "fa", "می\u200cخواهم،", "می\u200cخواهم"),
    ],
)
def test_apply(choice: dict[str, Any], language: str, text: str, expected: str) -> None:
    assert Normalisation(**choice).apply(text, language) == expected


def test_preview_shows_what_changes_once() -> None:
    texts = ["HELLO", "there", "HELLO", "10"]
    assert Normalisation().preview(texts, "en") == []
    assert Normalisation(case="lower").preview(texts, "en") == [("HELLO", "hello")]
    assert Normalisation(case="lower", numbers="words").preview(texts, "en") == [("HELLO", "hello"), ("10", "ten")]
    assert Normalisation().preview([], "en") == []


@pytest.mark.parametrize(
    ("language", "texts", "changes"),
    [
        ("en", ["HELLO THERE", "GOOD DAY"], {"case": "lower"}),
        ("en", ["Hello there.", "Good day."], {}),
        ("en", ["Hello there.", "Good day"], {"punctuation": "drop"}),
        ("en", ["Hello there."] * 99 + ["A slip"], {}),
        ("en", ["I'm here", "twenty-one", "50 %", "the boys'", "so be it"], {}),
        ("en", ['He said: "Yes."', "so be it"], {"punctuation": "drop"}),
        ("zh", ["你好。", "世界"], {"punctuation": "drop"}),
        ("ar", ["مُحَمَّد", "محمد"], {"vowel_marks": "drop"}),
        ("ar", ["مُحَمَّد"], {}),
        ("en", ["ﬁne."], {"unicode_form": "NFKC"}),
        ("en", ["Ａb."], {"full_width": True}),
        ("th", ["กำ"], {}),
        ("zh", ["你好", "汉语"], {}),
        ("zh", ["漢語", "後面"], {}),
        ("zh", ["漢語", "汉语", "后面"], {"script": "simplified"}),
        ("zh", ["漢語", "後面", "汉语"], {"script": "traditional"}),
        ("ja", ["漢語", "国語"], {}),
        ("en", [], {}),
        ("en", [""], {}),
    ],
)
def test_detect(language: str, texts: list[str], changes: dict[str, Any]) -> None:
    expected = {**default(language).to_json(), **changes}
    assert detect(texts, language).to_json() == expected


def test_defaults() -> None:
    assert default("en") == default("th") == default("en", ["Not ALL capitals", "SOME"]) == Normalisation()
    assert default("en", ["ALL OF THEM", "HERE TOO"]) == Normalisation(case="lower")
    for language in ("zh", "yue", "ja"):
        assert default(language) == Normalisation(full_width=True, spaces=True)


def test_a_choice_survives_json_and_what_is_newer_is_left_out() -> None:
    choice = Normalisation(case="lower", script="traditional", spaces=True)
    fields = json.loads(json.dumps(choice.to_json()))
    assert Normalisation.from_json(fields) == choice
    newer = {**fields, "fillers": "drop", "script": "cyrillic", "spaces": "some"}
    assert Normalisation.from_json(newer) == Normalisation(case="lower")
    assert Normalisation.from_json({}) == Normalisation()


@pytest.mark.parametrize("field", CHOICES)
@pytest.mark.parametrize("value", ["loud", None, 1, "", [], "True"])
def test_an_unknown_value_is_refused(field: str, value: Any) -> None:
    with pytest.raises(DatasetError, match=f"{field} cannot be") as caught:
        Normalisation(**{field: value})
    assert caught.value.reason == "normalisation_value"

"""The normalisation that scores use, and cleaning."""

from __future__ import annotations

import random
import re
import sys
import unicodedata

import pytest

from core.text import scoring as texts
from core.text.scoring import clean, has_words, is_shouted, leading_measure, normalise, recognised
from core.text.scripts import UNSPACED_LANGUAGES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ten of clubs.", "10 of clubs"),
        ("10 of clubs", "10 of clubs"),
        ("TEN OF CLUBS!", "10 of clubs"),
        ("Twenty-one dollars", "$21"),
        ("It's what we're doing, isn't it?", "it is what we are doing is not it"),
        ("I can't, and I won't.", "i can not and i will not"),
        ("Mr. Smith", "mister smith"),
        ("Well -- 'quoted', (aside) [noise] \"words\"; end…", "well quoted words end"),
        ("Um, hello, uh, there", "hello there"),
        ("Well... yes. And so on...", "well yes and so on"),
        ("My neighbour's grey colour", "my neighbor is gray color"),
        ("café", "cafe"),
        ("  two\n\twords  ", "2 words"),
        ("ﬁne", "fine"),  # a ligature is its letters
        ("hello   there", "hello there"),
        ("Hmm.", ""),
        ("?!… —", ""),
        ("", ""),
    ],
)
def test_english(text: str, expected: str) -> None:
    assert normalise(text, "en") == expected
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("sw", "Baba alileta maji, nyumbani!", "baba alileta maji nyumbani"),
        ("sw", "Ng'ombe wametoka.", "ng ombe wametoka"),
        ("de", "Größe; ÜBER die Straße", "größe über die straße"),
        ("de", "Schön, 10 Äpfel", "schön zehn äpfel"),  # digits or words: a choice of writing
        ("sw", "paka 10", "paka 10"),  # nobody here could check Swahili's number words
        ("fr", "Déjà vu, ça va ?", "déjà vu ça va"),
        ("vi", "Tiếng Việt.", "tiếng việt"),
        ("de", "zehn", "zehn"),
        ("de", "3,5 um 10:30", "3 5 um 10 30"),  # what is no whole number is left alone
        ("de", "um", "um"),  # and so are fillers
        ("sw", "[kelele] habari (kicheko)", "habari"),
        ("zh", "你好，世界！", "你 好 世 界"),
        ("zh", "今天3点", "今 天 三 点"),
        ("zh", "漢語", "汉 语"),  # nor is the script scored
        ("yue", "佢哋係", "佢 哋 系"),
        ("ja", "漢語 3時", "漢 語 三 時"),  # which is Japanese as it stands
        ("ja", "カタカナ。", "カ タ カ ナ"),
        ("zh", "。，", ""),
    ],
)
def test_other_languages(language: str, text: str, expected: str) -> None:
    assert normalise(text, language) == expected


@pytest.mark.parametrize("language", ["en", "de", "sw", "vi"])
def test_how_an_accent_is_coded_does_not_matter(language: str) -> None:
    assert normalise("U\u0308ber cafe\u0301", language) == normalise("Über café", language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "schon", "schön"),
        ("yo", "ọ\u0301kọ", "ọ\u0300kọ"),  # no single code point has both marks
        ("hi", "की", "का"),
        ("ta", "கி", "கா"),
        ("th", "กิน", "กัน"),
        ("ja", "が", "か"),
    ],
)
def test_words_that_differ_by_a_mark_stay_different(language: str, one: str, other: str) -> None:
    assert normalise(one, language) != normalise(other, language)


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("hi", "नमस्ते दुनिया", 2),
        ("yo", "ọ\u0301jọ\u0301 ẹ\u0300kọ\u0301", 2),
        ("tr", "İstanbul", 1),
        ("fa", "می\u200cخواهم بروم", 2),
        ("de", "Über Größe", 2),
    ],
)
def test_a_mark_does_not_end_a_word(language: str, text: str, words: int) -> None:
    assert len(normalise(text, language).split()) == words


@pytest.mark.parametrize(
    ("language", "measure"), [("en", "wer"), ("sw", "wer"), ("ko", "wer"), ("zh", "cer"), ("yue", "cer"), ("th", "cer")]
)
def test_leading_measure(language: str, measure: str) -> None:
    assert leading_measure(language) == measure


def test_turkish_has_two_letters_i() -> None:
    assert normalise("ISIR", "tr") == "ısır" != normalise("İSİR", "tr") == "isir"


@pytest.mark.parametrize("language", sorted(UNSPACED_LANGUAGES))
def test_languages_without_spaces_split_into_characters(language: str) -> None:
    assert normalise("中文字", language) == "中 文 字"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Hello,   there. ", "Hello, there."),
        ("one\ntwo\r\nthree\tfour", "one two three four"),
        ("nul\0l and bell\a", "nul l and bell"),
        ("\x1b[31mred", "[31mred"),
        ("line\u2028break\u2029and\x85next", "line break and next"),
        ("\ufeffmark first", "mark first"),
        ("half \ud800 pair", "half pair"),
        ("cafe\u0301", "café"),
        ("Straße, ﬁne, 10 €", "Straße, ﬁne, 10 €"),
        ("\x00\n", ""),
        ("", ""),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("می\u200cخواهم", "Persian writes a non-joiner inside words"),
        ("क्\u200dष", "Hindi writes a joiner inside words"),
        ("Fuß\u00adball", "a soft hyphen is no space"),
    ],
)
def test_clean_keeps_words_whole(word: str, why: str) -> None:
    assert len(clean(word).split()) == 1, why


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["HELLO THERE", "GOOD DAY"], True),
        (["ÜBER 10 GRÖSSEN!"], True),
        (["HELLO", "there"], False),
        (["Hello there"], False),
        (["hello"], False),
        (["10", "20"], False),
        (["你好"], False),
        (["", "A"], True),
        (["DIE STRAßE"], True),  # ß has no single capital
        (["IŞIK", "İYİ"], True),
        (["IŞıK"], False),
        (["ΟΔΟΣ"], True),
        ([""], False),
        ([], False),
    ],
)
def test_is_shouted(texts: list[str], expected: bool) -> None:
    assert is_shouted(texts) is expected


def test_english_word_by_word_is_whispers_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all words that the normaliser treats in any way, and marks, in any order."""
    whispers = texts._english()
    parts = re.findall(r"[a-z']*[a-z]", " ".join([*whispers.replacers, *whispers.replacers.values()]).replace(r"\b", " "))
    numbers = [word for word in whispers.standardize_numbers.words if re.fullmatch("[a-z']+", word)]
    spellings = list(whispers.standardize_spellings.mapping)[::40]
    plain = re.findall(r"\S+", "and a half the he's he'd you've been gone done got would has o'clock dogs' hmm uh second it so")
    draw = random.Random(0)
    said = []
    for _ in range(3_000):
        kinds = draw.choices([parts, numbers, spellings, plain], [3, 1, 1, 6], k=draw.randrange(8))
        words = [draw.choice(kind) + draw.choice(["", "", "", ",", ".", "..", "-", "'", '"']) for kind in kinds]
        said.append(" ".join(words).title() if draw.random() < 0.3 else " ".join(words))
    quick = [normalise(text) for text in said]
    assert [has_words(text) for text in said] == list(map(bool, quick))
    met: list[str] = []
    monkeypatch.setattr(texts, "_english", lambda: lambda text: (met.append(text), whispers(text))[1])
    monkeypatch.setattr(texts, "_PLAIN", re.compile("no text is plain"))
    assert quick == [normalise(text) for text in said]
    assert len(met) == len(said)


def test_most_texts_need_no_more_than_their_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ["He's not at the harbour, I think.", "The colour of the sky - grey!", "she would've gone", "three of us"]
    expected = [normalise(text) for text in said]
    met: list[str] = []
    whispers = texts._english()
    monkeypatch.setattr(texts, "_english", lambda: lambda text: (met.append(text), whispers(text))[1])
    assert (
        [normalise(text) for text in said[:2]]
        == expected[:2]
        == ["he is not at the harbor i think", "the color of the sky gray"]
    )
    assert met == []


def test_clean_of_every_character() -> None:
    every = [chr(code) for code in range(0, sys.maxunicode, 7)] + [chr(code) for code in range(0x3000)]
    for character in every:
        category = unicodedata.category(character)
        seen = clean(f"a{character}b")
        if category in ("Cs", "Cn") or (category == "Cf" and character not in "\u200c\u200d"):
            assert seen == "ab"
        elif category in ("Cc", "Zs", "Zl", "Zp"):
            assert seen == "a b"
        else:
            assert seen == unicodedata.normalize("NFC", f"a{character}b")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (" Well, yes.", "Well, yes."),
        (". . . . .", ""),
        ("♪♪", ""),
        ("[BLANK_AUDIO]", ""),
        ("(buzzing) Yes.", "(buzzing) Yes."),
        ("5", "5"),
        ("嗯。", "嗯。"),
        ("。。", ""),
        ("", ""),
    ],
)
def test_text_without_words_is_no_text(written: str, expected: str) -> None:
    assert recognised(written) == expected

"""Ways to write the same speech."""

from __future__ import annotations

import pytest

from core.text.scoring import normalise
from core.text.scripts import NUMBER_LANGUAGES, lowered, number_words, simplified, traditional, uppered, without_inner_spaces


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "I have 3 cats and 1234.", "I have three cats and one thousand two hundred and thirty-four."),
        ("de", "10 Äpfel, 21", "zehn Äpfel, einundzwanzig"),
        ("fr", "71", "soixante et onze"),
        ("kk", "21", "жиырма бір"),
        ("ja", "今日は3時", "今日は三時"),
        ("zh", "我有10个", "我有十个"),
        ("zh", "2024年3月15日", "二零二四年三月十五日"),
        ("yue", "2024", "二千零二十四"),
        ("sw", "paka 10", "paka 10"),
        ("", "10", "10"),
        ("am", "1999", "1999"),  # num2words would never return
    ],
)
def test_number_words(language: str, text: str, expected: str) -> None:
    assert number_words(text, language) == expected
    assert number_words(expected, language) == expected


@pytest.mark.parametrize(
    "number",
    ["3.5", "3,5", "1,000", "10:30", "2-3", "-5", "007", "A4", "3rd", "1234567890", "5%", "5 %", "$5", "5€", "5°", "1/2", "٣"],
)
def test_what_is_no_amount_by_itself_stays(number: str) -> None:
    assert number_words(f"see {number} there", "en") == f"see {number} there"
    assert number_words(number, "zh") == number


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "零"), (7, "七"), (10, "十"), (12, "十二"), (20, "二十"), (100, "一百"), (105, "一百零五"), (110, "一百一十"),
        (111, "一百一十一"), (1000, "一千"), (1001, "一千零一"), (1010, "一千零一十"), (1100, "一千一百"), (10_001, "一万零一"),
        (20_500, "二万零五百"), (100_000, "十万"), (105_000, "十万五千"), (100_000_001, "一亿零一"),
        (100_010_000, "一亿零一万"), (120_340_056, "一亿二千零三十四万零五十六"),
        (999_999_999, "九亿九千九百九十九万九千九百九十九"),
    ],
)  # fmt: skip
def test_chinese_numbers(number: int, expected: str) -> None:
    assert number_words(str(number), "zh") == expected


@pytest.mark.parametrize(
    ("language", "text", "small", "capitals"),
    [
        ("en", "Istanbul i", "istanbul i", "ISTANBUL I"),
        ("tr", "Iı İi I\u0307", "ıı ii i", "II İİ İ"),
        ("az", "İŞIQ", "işıq", "İŞIQ"),
        ("de", "İ i\u0307 Straße ẞ", "i i straße ß", "İ I STRASSE ẞ"),
        ("lt", "Ì i\u0307\u0301 Į\u0301 j\u0307\u0303 Ė", "ì í į\u0301 j\u0303 ė", "Ì Í Į\u0301 J\u0303 Ė"),
        ("el", "Οδός ΟΔΟΣ", "οδός οδος", "ΟΔΌΣ ΟΔΟΣ"),
        ("", "Cafe\u0301 5", "café 5", "CAFÉ 5"),
        ("ka", "ქართული", "ქართული", "ᲥᲐᲠᲗᲣᲚᲘ"),
    ],
)
def test_case_follows_the_language(language: str, text: str, small: str, capitals: str) -> None:
    assert lowered(text, language) == small == lowered(small, language)
    assert uppered(text, language) == capitals


@pytest.mark.parametrize(("keep", "expected"), [("", "ASS"), ("ß", "Aß"), ("ẞ", "Aẞ"), ("ßẞ", "Aẞ")])
def test_a_sharp_s_is_written_as_a_vocabulary_has_it(keep: str, expected: str) -> None:
    assert uppered("aß", "de", keep) == expected


@pytest.mark.parametrize("language", sorted(NUMBER_LANGUAGES))
def test_every_listed_language_reads_every_size_of_number(language: str) -> None:
    for number in (*range(0, 130), 999, 1000, 1001, 1999, 12_345, 100_000, 1_000_000, 123_456_789, 999_999_999):
        words = number_words(str(number), language)
        assert words.strip()
        assert not any(c.isdigit() for c in words)
        assert normalise(words, language) == normalise(str(number), language)


def test_the_two_scripts() -> None:
    assert simplified("後面乾燥幹活漢語") == "后面干燥干活汉语"
    assert traditional("后面干燥汉语") == "後面乾燥漢語"  # 后 is two characters there, told apart by the phrase
    assert traditional("皇后") == "皇后"
    assert simplified("hello") == traditional("hello") == "hello"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [("de", "ÜBER", "über"), ("tr", "IŞIK İyi", "ışık iyi"), ("az", "I", "ı"), ("en", "I", "i")],
)
def test_lowered(language: str, text: str, expected: str) -> None:
    assert lowered(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("你 好， 世 界", "你好，世界"),
        ("カタ カナ です", "カタカナです"),
        ("用 Python 写", "用 Python 写"),
        ("two words", "two words"),
        ("오늘은 좋다", "오늘은 좋다"),
    ],
)
def test_without_inner_spaces(text: str, expected: str) -> None:
    assert without_inner_spaces(text) == expected

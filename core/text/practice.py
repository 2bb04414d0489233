"""Which sentences to read next: those with the words and sounds that a model failed on for this voice."""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from core.text.metrics import pairs, word_pairs
from core.text.scoring import normalise
from core.text.scripts import CHINESE

PRIOR = 2.0  # words: how much the overall error rate counts beside what was seen of one word or sound
FADING = 0.5  # what is left of the value of a word or sound each time a chosen sentence has it

# Letters that spell one sound, longest first. An approximation: it knows neither silent letters nor exceptions.
_SPELLINGS = (
    *("tch", "igh", "ck", "ch", "sh", "th", "ph", "wh", "ng", "qu", "gh", "kn", "wr"),
    *("ee", "ea", "oo", "ou", "ow", "oi", "oy", "ai", "ay", "au", "aw", "oa", "ie", "ew", "ar", "er", "ir", "or", "ur"),
)
# The 3,755 commonest characters of GB 2312 are in the order of their pinyin: the first character of each initial.
_INITIALS = (
    *("啊", "芭b", "擦c", "插ch", "疵c", "搭d", "蛾", "发f", "噶g", "哈h", "击j", "喀k", "垃l", "妈m", "拿n", "哦", "啪p"),
    *("期q", "然r", "撒s", "莎sh", "斯s", "塌t", "挖w", "昔x", "压y", "匝z", "扎zh", "兹z"),
)
_FIRST_CODES = [initial[0].encode("gb2312") for initial in _INITIALS]
_COMMON_CODES = (b"\xb0\xa1", b"\xd7\xf9")


def choose_sentences(
    heard: Sequence[tuple[str, str]], candidates: Sequence[str], count: int, language: str = "en"
) -> list[str]:
    """Returns the sentences with the most words and sounds that the model failed on, most useful first.

    A word or sound is worth as much as its error rate exceeds the average, shrunk towards it by `PRIOR` words; where one
    sound of a word was written as another, the other sounds of that word count as right. A sentence is worth the sum over
    its words, per word. Each choice halves the worth of what it contains, so that the next one practises something else.
    Among equals, and where the model made no errors, the order of the candidates decides.

    Args:
        heard: pairs of a sentence as it was to be read and the model's transcript of it.
        candidates: sentences to choose from.
        count: number of sentences to choose; all candidates if there are fewer.
        language: ISO 639-1 code: English has sounds by spelling, Chinese characters and their initials, others words.
    """
    worth = _worth(heard, language)
    left = {i: _traits(normalise(text, language).split(), language) for i, text in enumerate(candidates)}
    chosen: list[int] = []
    times: Counter[str] = Counter()

    def value(i: int) -> float:
        words = left[i]
        return sum(share * worth[t] * FADING ** times[t] for w in words for t, share in w if t in worth) / max(1, len(words))

    while left and len(chosen) < count:
        best = max(left, key=lambda i: (value(i), -i))
        times.update(trait for word in left.pop(best) for trait, _ in word)
        chosen.append(best)
    return [candidates[i] for i in chosen]


def deal(sentences: Sequence[str], exam: int) -> tuple[list[str], list[str]]:
    """Deals sentences to an exam and to lessons, so that both are equally hard.

    The sentences are cut into as many blocks of neighbours as the exam gets sentences, and one of each block is drawn by a
    lot that depends on its text alone. If the sentences are sorted by difficulty, the exam thus has hard and easy ones in
    the same proportion as the lessons.

    Nobody has read the sentences yet. That is what keeps a comparison on the exam fair, though its sentences were chosen
    for a model's errors on others: to choose an exam by a model's errors on that very exam would make the same model look
    better the next time (regression to the mean), whether or not it learned anything.

    Args:
        sentences: in order of difficulty, if it is known.
        exam: number of sentences of the exam, at most all of them.

    Returns:
        The sentences of the exam and those of the lessons, each in their order.
    """
    edges = np.linspace(0, len(sentences), exam + 1).round().astype(int)
    drawn = {min(range(start, end), key=lambda i: zlib.crc32(sentences[i].encode())) for start, end in pairwise(edges)}
    return [sentences[i] for i in sorted(drawn)], [text for i, text in enumerate(sentences) if i not in drawn]


def _worth(heard: Sequence[tuple[str, str]], language: str) -> dict[str, float]:
    """Returns by how much the error rate of each word and sound exceeds the average, of those where it does."""
    said: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    words = wrong = 0
    for reference, transcript in heard:
        for word, written in word_pairs(reference, transcript, language):
            if not word:
                continue
            words, wrong = words + 1, wrong + (word != written)
            traits = {trait for trait, _ in _word_traits(word, language)}
            said.update(traits)
            if word != written:
                right = _right_sounds(word, written) if language == "en" else set()
                failed.update(traits - right)
    average = wrong / words if words else 0.0
    excess = {trait: (failed[trait] + PRIOR * average) / (said[trait] + PRIOR) - average for trait in failed}
    return {trait: value for trait, value in excess.items() if value > 0}


def _right_sounds(word: str, written: str) -> set[str]:
    """Returns the sounds of a wrong word that were right each time they occur in it."""
    aligned = [pair for pair in pairs(_sounds(word), _sounds(written)) if pair[0]]
    wrong = {said for said, heard in aligned if said != heard}
    return {f"sound {said}" for said, _ in aligned if said not in wrong}


def _traits(words: Sequence[str], language: str) -> list[list[tuple[str, float]]]:
    return [list(_word_traits(word, language)) for word in words]


def _word_traits(word: str, language: str) -> Iterator[tuple[str, float]]:
    """Yields the word itself and its sounds, with their shares of its worth: half is the word's, half its sounds'."""
    yield f"word {word}", 0.5
    sounds = _sounds(word) if language == "en" else [_initial(word)] if language in CHINESE else []
    for sound in sounds:
        if sound:
            yield f"sound {sound}", 0.5 / len(sounds)


def _sounds(word: str) -> list[str]:
    sounds, place = [], 0
    while place < len(word):
        sound = next((spelling for spelling in _SPELLINGS if word.startswith(spelling, place)), word[place])
        sounds.append(sound)
        place += len(sound)
    return sounds


def _initial(character: str) -> str:
    """Returns the initial of a common Chinese character in pinyin; "" if it has none or is not common."""
    try:
        code = character.encode("gb2312")
    except UnicodeEncodeError:
        return ""
    if not _COMMON_CODES[0] <= code <= _COMMON_CODES[1]:
        return ""
    return _INITIALS[bisect_right(_FIRST_CODES, code) - 1][1:]

"""What was learned and what was forgotten, from a comparison: words, confusions, runaways, and gains by group."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.audio import sound_files
from core.data.clips.labelled_set import speakers_or_sentences
from core.data.inspection import quality
from core.errors import AudioError
from core.evaluation.compare import ClipComparison, Comparison, judge
from core.text.metrics import Interval, paired_interval, pairs, raw_word_errors, word_pairs
from core.text.scoring import MAX_COMPRESSION_RATIO, UNSPACED_LANGUAGES, compression_ratio, normalise

TOP = 12  # rows of each list
MATRIX = 10  # rows and columns of a confusion matrix, at most
LOOPS = 3  # repetitions of the same words in a row that count as a loop
RUNS_ON = 2.0  # a transcript with more than this many times the words that were said runs on,
RUNS_ON_WORDS = 3  # if it also has more than this many extra words; otherwise "yes" written as "yes I do" would count
BINS = 4

Learnt = Literal["sound", "writing", "nothing", "worse"]


@dataclass(frozen=True)
class ClipSound:
    """What a clip sounds like.

    Attributes:
        seconds: duration.
        snr_db: signal-to-noise ratio, see `quality.measure`; None if there are no pauses to measure the noise in.
    """

    seconds: float
    snr_db: float | None


@dataclass(frozen=True)
class WordCount:
    """A word that was fixed or broken.

    Attributes:
        word: normalised.
        times: how often it was fixed, or broken.
        clips: in how many clips.
        said: how often it was said in all.
    """

    word: str
    times: int
    clips: int
    said: int


@dataclass(frozen=True)
class Confusion:
    """One word or character taken for another.

    Attributes:
        said, heard: normalised; "" means nothing, so ("", "a") is an "a" that nobody said.
        base, adapted: how often each model did so.
    """

    said: str
    heard: str
    base: int
    adapted: int


@dataclass(frozen=True)
class Matrix:
    """Confusions as a heat map takes them.

    Attributes:
        said: names of the rows, heard: names of the columns; "" means nothing.
        base, adapted: counts, a row for each of `said`, a column for each of `heard`.
    """

    said: tuple[str, ...]
    heard: tuple[str, ...]
    base: tuple[tuple[int, ...], ...]
    adapted: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Runaways:
    """Transcripts that have little to do with the speech.

    Attributes:
        loops: clips whose transcript repeats itself: it compresses by more than Whisper's 2.4 (Radford et al. 2022,
            section 4.5), or has the same words three or more times in a row where the reference does not.
        runs_on: clips whose transcript has more than twice the words that were said, and over three extra words.
        empty: clips with an empty transcript.
        clips: positions of all of these in the comparison.
    """

    loops: int
    runs_on: int
    empty: int
    clips: tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Some of the clips.

    Attributes:
        name: the speaker's, or "" for a range.
        low, high: ends of the range, in s or dB; None for a speaker.
        clips, words: how many.
        base, adapted: WER, as a share.
        interval: of their difference; None if there are too few clips for a meaningful one.
        too_few: whether there are too few clips.
    """

    name: str
    low: float | None
    high: float | None
    clips: int
    words: int
    base: float
    adapted: float
    interval: Interval | None
    too_few: bool


@dataclass(frozen=True)
class Writing:
    """Whether the model learned how the speech sounds or how it is written.

    Attributes:
        normalised: the change of the WER that scores use, which ignores case and punctuation.
        raw: the change of the WER over the texts as written; of the CER if they have no spaces.
        learnt: "sound" if the normalised WER fell beyond chance, "writing" if only the raw one did, "worse" if the
            normalised one rose, otherwise "nothing": these clips show none of this.
    """

    normalised: Interval
    raw: Interval
    learnt: Learnt


@dataclass(frozen=True)
class Analysis:
    """What was learned on a set of clips.

    Intervals of groups are not corrected for the number of groups: among twenty, one may exclude 0 by chance.

    Attributes:
        better, worse, same: clips with fewer, more, or the same number of word errors after adapting.
        fixed, broken: the words, most frequent first.
        substitutions, deletions, insertions: word errors of base and adapted.
        confusions: words most often replaced by another, by either model; deletions and insertions are not included.
        matrix: characters replaced by another inside replaced words; pairs of words that share less than half of their
            characters say nothing about sounds and are left out.
        runaways: of base and adapted.
        writing: raw against normalised.
        speakers, lengths, noises: WER by speaker, by duration and by signal-to-noise ratio, in quarters of equal size,
            of the clips that have one; empty if there is only one speaker or nothing to measure.
    """

    better: int
    worse: int
    same: int
    fixed: tuple[WordCount, ...]
    broken: tuple[WordCount, ...]
    substitutions: tuple[int, int]
    deletions: tuple[int, int]
    insertions: tuple[int, int]
    confusions: tuple[Confusion, ...]
    matrix: Matrix
    runaways: tuple[Runaways, Runaways]
    writing: Writing
    speakers: tuple[Group, ...]
    lengths: tuple[Group, ...]
    noises: tuple[Group, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)


def measure_sound(wave: np.ndarray) -> ClipSound:
    """Measures a clip.

    Args:
        wave: float32 [samples] at 16 kHz.
    """
    return ClipSound(len(wave) / sound_files.SAMPLE_RATE, quality.measure(wave).snr_db)


def measure_sounds(comparison: Comparison) -> list[ClipSound | None]:
    """Measures the clips of a comparison; None for a file that is missing or unreadable."""
    sounds: list[ClipSound | None] = []
    for clip in comparison.clips:
        try:
            sounds.append(measure_sound(sound_files.decode(clip.path)))
        except AudioError:
            sounds.append(None)
    return sounds


def analyse(comparison: Comparison, sounds: Sequence[ClipSound | None] = ()) -> Analysis:
    """Analyses what was learned.

    Args:
        comparison: base against adapted.
        sounds: of each clip, from `measure_sounds`; without them there are no groups by duration and noise.
    """
    clips, language = comparison.clips, comparison.language
    aligned = [[word_pairs(clip.reference, text, language) for text in (clip.base, clip.adapted)] for clip in clips]
    fixed, broken = _changed_words(aligned)
    both = [[pair for clip in aligned for pair in clip[model] if pair[0] != pair[1]] for model in (0, 1)]
    taken = [Counter(pair for pair in pairs_of_model if all(pair)) for pairs_of_model in both]
    changes = [clip.adapted_errors - clip.base_errors for clip in clips]
    scores = (comparison.base.wer, comparison.adapted.wer)
    return Analysis(
        better=sum(change < 0 for change in changes),
        worse=sum(change > 0 for change in changes),
        same=sum(change == 0 for change in changes),
        fixed=fixed,
        broken=broken,
        substitutions=(scores[0].substitutions, scores[1].substitutions),
        deletions=(scores[0].deletions, scores[1].deletions),
        insertions=(scores[0].insertions, scores[1].insertions),
        confusions=_confusions(*taken),
        matrix=_matrix(*(counts if language in UNSPACED_LANGUAGES else _characters(counts) for counts in taken)),
        runaways=(_runaways(clips, "base", language), _runaways(clips, "adapted", language)),
        writing=_writing(comparison),
        speakers=_by_speaker(comparison),
        lengths=_by_measure(comparison, sounds, lambda sound: sound.seconds),
        noises=_by_measure(comparison, sounds, lambda sound: sound.snr_db),
    )


def _changed_words(aligned: Sequence[Sequence[list[tuple[str, str]]]]) -> tuple[tuple[WordCount, ...], tuple[WordCount, ...]]:
    """Counts words that only the adapted model got right, and words that only the base got right."""
    said: Counter[str] = Counter()
    times: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    clips: tuple[dict[str, set[int]], dict[str, set[int]]] = (defaultdict(set), defaultdict(set))
    for i, (base, adapted) in enumerate(aligned):
        words = [(word, word == heard) for word, heard in base if word]
        now = [word == heard for word, heard in adapted if word]
        for (word, was_right), is_right in zip(words, now, strict=True):
            said[word] += 1
            if was_right != is_right:
                times[was_right][word] += 1
                clips[was_right][word].add(i)
    fixed, broken = (
        tuple(WordCount(word, times[kind][word], len(clips[kind][word]), said[word]) for word in times[kind]) for kind in (0, 1)
    )
    return _top(fixed), _top(broken)


def _top(words: Sequence[WordCount]) -> tuple[WordCount, ...]:
    return tuple(sorted(words, key=lambda word: (-word.times, -word.clips, word.word))[:TOP])


def _confusions(base: Counter[tuple[str, str]], adapted: Counter[tuple[str, str]]) -> tuple[Confusion, ...]:
    return tuple(Confusion(*pair, base[pair], adapted[pair]) for pair in _most_often(base, adapted)[:TOP])


def _most_often(base: Counter[tuple[str, str]], adapted: Counter[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted({*base, *adapted}, key=lambda pair: (-max(base[pair], adapted[pair]), -base[pair], pair))


def _characters(taken: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Counts the characters that differ inside replaced words, if at least half of the longer word agrees."""
    counts: Counter[tuple[str, str]] = Counter()
    for (said, heard), times in taken.items():
        differing = [pair for pair in pairs(list(said), list(heard)) if pair[0] != pair[1]]
        if len(differing) <= max(len(said), len(heard)) / 2:
            counts.update(differing * times)
    return counts


def _matrix(base: Counter[tuple[str, str]], adapted: Counter[tuple[str, str]]) -> Matrix:
    rows: list[str] = []
    columns: list[str] = []
    for said, heard in _most_often(base, adapted):
        fits = len({*rows, said}) <= MATRIX and len({*columns, heard}) <= MATRIX
        if fits and said not in rows:
            rows.append(said)
        if fits and heard not in columns:
            columns.append(heard)
    # "" would sort first, but "nothing" is easier to find at the end.
    rows, columns = (sorted(names, key=lambda name: (name == "", name)) for names in (rows, columns))
    counts = [tuple(tuple(model[said, heard] for heard in columns) for said in rows) for model in (base, adapted)]
    return Matrix(tuple(rows), tuple(columns), *counts)


def _runaways(clips: Sequence[ClipComparison], model: str, language: str) -> Runaways:
    loops, runs_on, empty = set(), set(), set()
    for i, clip in enumerate(clips):
        text = getattr(clip, model)
        said, heard = (normalise(part, language).split() for part in (clip.reference, text))
        if not heard:
            empty.add(i)
        if compression_ratio(text) > MAX_COMPRESSION_RATIO or longest_loop(heard) >= max(LOOPS, 1 + longest_loop(said)):
            loops.add(i)
        if len(heard) > RUNS_ON * len(said) and len(heard) > len(said) + RUNS_ON_WORDS:
            runs_on.add(i)
    return Runaways(len(loops), len(runs_on), len(empty), tuple(sorted(loops | runs_on | empty)))


def longest_loop(words: Sequence[str]) -> int:
    """Returns how often the same words, however many, occur in a row: 3 for "a b a b a b", 1 without repetition."""
    longest = min(len(words), 1)
    for size in range(1, len(words) // 2 + 1):
        run = 0  # consecutive positions whose word equals the one `size` positions earlier
        for i in range(size, len(words)):
            run = run + 1 if words[i] == words[i - size] else 0
            longest = max(longest, 1 + run // size)
    return longest


def _writing(comparison: Comparison) -> Writing:
    clips = comparison.clips
    references = [clip.reference for clip in clips]
    base, words = raw_word_errors(references, [clip.base for clip in clips], comparison.language)
    adapted, _ = raw_word_errors(references, [clip.adapted for clip in clips], comparison.language)
    raw = paired_interval(base, adapted, words, *_clusters(clips, comparison.language))
    heard, written = comparison.verdict, judge(raw, len(clips))
    learnt: Learnt = "nothing"
    if heard == "worse":
        learnt = "worse"
    elif heard == "better":
        learnt = "sound"
    elif written == "better":
        learnt = "writing"
    return Writing(comparison.difference, raw, learnt)


def _clusters(clips: Sequence[ClipComparison], language: str) -> tuple[list[str], str]:
    return speakers_or_sentences([row.clip() for row in clips], language)


def _group(clips: Sequence[ClipComparison], language: str, name: str, low: float | None, high: float | None) -> Group:
    base, adapted, words = ([getattr(clip, field) for clip in clips] for field in ("base_errors", "adapted_errors", "words"))
    interval = paired_interval(base, adapted, words, *_clusters(clips, language))
    too_few = judge(interval, len(clips)) == "thin"
    total = sum(words)
    rates = sum(base) / total, sum(adapted) / total
    return Group(name, low, high, len(clips), total, *rates, None if too_few else interval, too_few)


def _by_speaker(comparison: Comparison) -> tuple[Group, ...]:
    members: dict[str, list[ClipComparison]] = defaultdict(list)
    for clip in comparison.clips:
        members[clip.speaker].append(clip)
    if len(members) < 2:
        return ()
    return tuple(_group(clips, comparison.language, name, None, None) for name, clips in sorted(members.items()))


def _by_measure(
    comparison: Comparison, sounds: Sequence[ClipSound | None], value: Callable[[ClipSound], float | None]
) -> tuple[Group, ...]:
    found = [value(sound) if sound else None for sound in sounds]
    measured = [(number, clip) for clip, number in zip(comparison.clips, found, strict=False) if number is not None]
    if len({number for number, _ in measured}) < BINS:
        return ()
    edges = np.unique(np.quantile([number for number, _ in measured], np.linspace(0, 1, BINS + 1)))
    groups = []
    for i, (low, high) in enumerate(itertools.pairwise(edges)):
        last = i == len(edges) - 2
        clips = [clip for number, clip in measured if low <= number < high or (last and number == high)]
        if clips:
            groups.append(_group(clips, comparison.language, "", float(low), float(high)))
    return tuple(groups)

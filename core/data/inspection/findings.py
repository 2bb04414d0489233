"""What is wrong with a labelled set, found from what is known of each of its rows."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from core.data.clips.labelled_set import MIN_SPEAKER_CLUSTERS, Clip
from core.data.inspection import quality
from core.data.inspection.quality import Measures, Severity
from core.models.base.vocabulary import cased, coverage
from core.text.metrics import VERDICT_CLIPS

EXAMPLES = 5  # clips that a finding names in its summary
OUTLIER = 3.5  # modified z-score from which Iglewicz & Hoaglin (1993) call a value an outlier
MIN_FOR_OUTLIERS = 8  # values; of fewer, none stands out from the rest
FEW_TRAINING_CLIPS = 50  # as many gave a gain for 100 speakers with impaired speech (Green et al. 2021); fewer may not

Item = TypeVar("Item")


@dataclass(frozen=True)
class Fate:
    """What became of one row.

    Attributes:
        clip: the row; without a text where an importer left it out.
        kept: whether a run would use it.
        reason: why not, a stable word; "" where it is kept.
        message: the same as an English sentence.
        sentence: the normalised text.
        written: the text as it is to be written for training.
        characters: of the text as it is spoken: whole numbers as words, without punctuation and spaces.
        measures: of its sound; None where it could not be decoded.
        fingerprint: of its samples, see `core.audio.sound_files.fingerprint`.
        loss: of the base on its text, in nats a token or character; None where no model was asked.
        findings: the kinds of what was found about it.
        listed: whether the set still holds it; an importer has left the others out.
        where: its place in what was imported, where it was left out there.
        details: what fills the sentence of the reason in another language.
    """

    clip: Clip
    kept: bool
    reason: str = ""
    message: str = ""
    sentence: str = ""
    written: str = ""
    characters: int = 0
    measures: Measures | None = None
    fingerprint: str = ""
    loss: float | None = None
    findings: tuple[str, ...] = ()
    listed: bool = True
    where: str = ""
    details: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.measures.seconds if self.measures else 0.0

    @property
    def rate(self) -> float:
        """Characters a second of speech, pauses left out; 0 where nobody speaks."""
        speech = self.measures.speech_seconds if self.measures else 0.0
        return self.characters / speech if speech else 0.0


@dataclass(frozen=True)
class SetFinding:
    """Something to know about a set before training on it.

    Attributes:
        kind: a stable word.
        severity: "error": training or its score would be wrong; "warning": look at it; "note": what cannot be concluded.
        count: of clips.
        clips: that a remedy would drop or move, or that are meant.
        remedy: the name of a function of `core.data.inspection.repairs`, or "" where only a person can help.
        value: what was measured, where a number says it.
        limit: what it was measured against.
        details: further values.
    """

    kind: str
    severity: Severity
    count: int
    clips: tuple[Clip, ...] = ()
    remedy: str = ""
    value: float | None = None
    limit: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict with a few examples instead of all clips."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "clips"}
        return {**fields, "examples": [clip.path for clip in self.clips[:EXAMPLES]]}


def unusable(fates: Sequence[Fate]) -> list[SetFinding]:
    """Rows that a run would leave out, by reason. Those that an importer dropped are no longer in the set."""
    found = []
    for reason, rows in _grouped(fates, lambda fate: fate.reason).items():
        if reason:
            clips = tuple(fate.clip for fate in rows if fate.listed)
            details = {"messages": [fate.message for fate in rows[:EXAMPLES]]}
            found.append(SetFinding(reason, "error", len(rows), clips, "drop" if clips else "", details=details))
    return found


def sound(fates: Sequence[Fate]) -> list[SetFinding]:
    """Clips that one would record again, see `core.data.inspection.quality`: one finding a kind and severity."""
    found: dict[tuple[str, Severity], list[Clip]] = defaultdict(list)
    limits: dict[tuple[str, Severity], float] = {}
    for fate in fates:
        for finding in quality.check(fate.measures) if fate.kept and fate.measures else ():
            found[finding.kind, finding.severity].append(fate.clip)
            limits[finding.kind, finding.severity] = finding.limit
    return [
        SetFinding(kind, severity, len(clips), tuple(clips), "drop", limit=limits[kind, severity])
        for (kind, severity), clips in found.items()
    ]


def misfits(fates: Sequence[Fate]) -> list[SetFinding]:
    """Transcripts that do not fit their sound.

    "rate_low" and "rate_high": the logarithm of the characters a second of speech lies far from the median. That finds
    what is grossly cut off or too long; of transcripts swapped at random within a set it found from 1 in 30 to 2 in 5,
    in five corpora.

    "loss_high": the base's own loss on the text lies far above the median. Where the base knows the language that
    finds nearly all: of 300 clips of Mandarin speakers' English, Whisper tiny.en found all 15 swapped transcripts, and
    suspected 12 others, of speakers it understands badly.
    """
    rated = [fate for fate in fates if fate.kept and fate.rate > 0]
    scores = outlier_scores([np.log(fate.rate) for fate in rated])
    found = []
    for kind, sign in (("rate_low", -1), ("rate_high", 1)):
        clips = tuple(fate.clip for fate, score in zip(rated, scores, strict=True) if sign * score > OUTLIER)
        median = float(np.median([fate.rate for fate in rated])) if rated else None
        found.append(SetFinding(kind, "warning", len(clips), clips, "drop", value=median, limit=OUTLIER))
    read = [fate for fate in fates if fate.kept and fate.loss is not None]
    losses = [fate.loss for fate in read if fate.loss is not None]
    clips = tuple(fate.clip for fate, score in zip(read, outlier_scores(losses), strict=True) if score > OUTLIER)
    median = float(np.median(losses)) if losses else None
    found.append(SetFinding("loss_high", "warning", len(clips), clips, "drop", value=median, limit=OUTLIER))
    return [finding for finding in found if finding.count]


def outlier_scores(values: Sequence[float]) -> np.ndarray:
    """Returns the modified z-score of each value: 0.6745 (x - median) / MAD, MAD being the median absolute deviation.

    Unlike the standard deviation, the median of the deviations is not moved by the outliers it is to find (Iglewicz &
    Hoaglin 1993, "How to Detect and Handle Outliers"). Where over half of the values are equal it is 0, and 1.2533 times
    the mean absolute deviation takes its place, as they recommend.

    Returns:
        float [values]; zeros for fewer than 8 values and for values that are all equal.
    """
    if len(values) < MIN_FOR_OUTLIERS:
        return np.zeros(len(values))
    deviations = np.asarray(values, dtype=float) - np.median(values)
    typical = float(np.median(np.abs(deviations))) / 0.6745
    typical = typical or 1.2533 * float(np.mean(np.abs(deviations)))
    return deviations / typical if typical else np.zeros(len(values))


def duplicates(fates: Sequence[Fate], closed: bool = False) -> list[SetFinding]:
    """The same sound or sentence more than once.

    "conflicting_texts": one sound with different transcripts, of which at most one can be right. "leak_audio": one sound
    in training and held out; the clips to drop are those in training, for what is held out is scarcer. "same_audio":
    further copies of a sound. "same_text": sentences said in several recordings, which is as it should be where
    several people read them; in a closed set of words it goes without saying.
    """
    kept = [fate for fate in fates if fate.kept]
    conflicting: list[Clip] = []
    leaking: list[Clip] = []
    copies: list[Clip] = []
    for rows in _grouped(kept, lambda fate: fate.fingerprint).values():
        if len({fate.sentence for fate in rows}) > 1:
            conflicting += [fate.clip for fate in rows]
            continue
        held_out = [fate.clip for fate in rows if fate.clip.part != "train"]
        trained = [fate.clip for fate in rows if fate.clip.part == "train"]
        if held_out and trained:
            leaking += trained
        copies += (held_out or trained)[1:]
    repeated = [rows for rows in _grouped(kept, lambda fate: fate.sentence).values() if len(rows) > 1]
    said_again = tuple(fate.clip for rows in repeated for fate in rows)
    found = [
        SetFinding("conflicting_texts", "error", len(conflicting), tuple(conflicting), "drop"),
        SetFinding("leak_audio", "error", len(leaking), tuple(leaking), "drop"),
        SetFinding("same_audio", "warning", len(copies), tuple(copies), "drop"),
    ]
    if not closed:
        found.append(SetFinding("same_text", "note", len(said_again), said_again, value=float(len(repeated))))
    return [finding for finding in found if finding.count]


def unwritable(fates: Sequence[Fate], known: Collection[str]) -> list[SetFinding]:
    """Letters that a model cannot write, and the clips whose texts need them.

    Args:
        fates: of the rows.
        known: the characters it writes.
    """
    missing: Counter[str] = Counter()
    clips = []
    for fate in fates:
        cover = coverage([cased(fate.written, known)], known) if fate.kept else None
        if cover is not None and cover.lost:
            clips.append(fate.clip)
            missing.update({c: n for c, n in cover.missing.items() if c.isalnum()})
    details = {"characters": dict(missing.most_common())}
    return [SetFinding("unknown_characters", "warning", len(clips), tuple(clips), details=details)] if clips else []


def leaks(fates: Sequence[Fate], closed: bool = False) -> list[SetFinding]:
    """Sentences and named speakers both in training and held out; the clips are the held-out ones.

    Args:
        fates: of the rows.
        closed: the texts are a closed set of words, which are meant to be in every part.
    """
    found = []
    keys: list[tuple[str, Callable[[Fate], str]]] = [("leak_speaker", lambda fate: fate.clip.speaker)]
    if not closed:
        keys.insert(0, ("leak_sentence", lambda fate: fate.sentence))
    for kind, key in keys:
        trained = {key(fate) for fate in fates if fate.kept and fate.clip.part == "train"} - {""}
        shared = [fate for fate in fates if fate.kept and fate.clip.part in ("validation", "test") and key(fate) in trained]
        if shared:
            clips, different = tuple(fate.clip for fate in shared), len({key(fate) for fate in shared})
            found.append(SetFinding(kind, "warning", len(clips), clips, value=float(different)))
    return found


def conclusions(fates: Sequence[Fate]) -> list[SetFinding]:
    """What this set cannot show, however well training goes.

    "no_train", "no_validation" and "no_test": a part is missing. "few_test": too few held-out clips for any verdict.
    "few_training": less than has been shown to help. "one_speaker": the model learns one voice, and nothing is known of
    others. "few_test_speakers": what is concluded holds for further sentences of these speakers, not for further
    speakers. "no_speakers": some clips name none, so whether speakers are apart cannot be told.
    """
    clips = [fate.clip for fate in fates if fate.kept]
    parts = _grouped(clips, lambda clip: clip.part)
    found = []
    unsplit = parts.get("", [])
    if unsplit:
        found.append(SetFinding("unsplit", "error", len(unsplit), tuple(unsplit), "split"))
    else:
        missing: tuple[tuple[str, Severity], ...] = (("train", "error"), ("test", "warning"), ("validation", "note"))
        found += [SetFinding(f"no_{part}", severity, 0, remedy="resplit") for part, severity in missing if part not in parts]
    test, train = parts.get("test", []), parts.get("train", [])
    if 0 < len(test) < VERDICT_CLIPS:
        found.append(SetFinding("few_test", "warning", len(test), tuple(test), value=float(len(test)), limit=VERDICT_CLIPS))
    if 0 < len(train) < FEW_TRAINING_CLIPS:
        size = float(len(train))
        found.append(SetFinding("few_training", "note", len(train), tuple(train), value=size, limit=FEW_TRAINING_CLIPS))
    nameless = tuple(clip for clip in clips if not clip.speaker)
    if nameless:
        found.append(SetFinding("no_speakers", "note", len(nameless), nameless))
    elif len({clip.speaker for clip in clips}) == 1:
        found.append(SetFinding("one_speaker", "note", len(clips), tuple(clips), value=1.0))
    elif test and len(speakers := {clip.speaker for clip in test}) < MIN_SPEAKER_CLUSTERS:
        limit = float(MIN_SPEAKER_CLUSTERS)
        found.append(SetFinding("few_test_speakers", "note", len(test), tuple(test), value=float(len(speakers)), limit=limit))
    return found


def _grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups

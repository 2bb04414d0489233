"""Problems of a labelled set, found from the outcomes and measurements of its rows."""

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
from core.models.base.vocabulary import coverage, spelled
from core.text.metrics import VERDICT_CLIPS

EXAMPLES = 5  # clips listed in the summary of a finding
OUTLIER = 3.5  # modified z-score from which Iglewicz & Hoaglin (1993) call a value an outlier
MIN_FOR_OUTLIERS = 8  # values; with fewer, none is called an outlier
FEW_TRAINING_CLIPS = 50  # enough for a gain for 100 speakers with impaired speech (Green et al. 2021); fewer may not be

Item = TypeVar("Item")


@dataclass(frozen=True)
class CheckedRow:
    """One row of a set after the check.

    Attributes:
        clip: the row; has no text if an importer dropped it.
        kept: whether a run would use it.
        reason: a stable word for why it was dropped; "" if it is kept.
        message: the reason as an English sentence.
        sentence: the normalised text.
        written: the text as it is to be written for training.
        characters: number of characters in the spoken form of the text: whole numbers as words, no punctuation or spaces.
        measures: measurements of its sound; None if it could not be decoded.
        fingerprint: hash of its samples, see `core.audio.sound_files.fingerprint`.
        changes: what was wrong with its sound file and made good, of `core.audio.sound_files.CHANGES`.
        loss: the base's loss on its text, in nats per token or character; None without a model.
        findings: kinds of the findings about it.
        listed: whether the set contains it; False for rows that an importer dropped.
        where: its place in the imported source, if it was dropped there.
        details: values for the reason's sentence in other languages.
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
    changes: tuple[str, ...] = ()
    loss: float | None = None
    findings: tuple[str, ...] = ()
    listed: bool = True
    where: str = ""
    details: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def seconds(self) -> float:
        """Duration in seconds; 0 if it could not be decoded."""
        return self.measures.seconds if self.measures else 0.0

    @property
    def rate(self) -> float:
        """Speaking rate in characters per second of speech, without pauses; 0 if there is no speech."""
        speech = self.measures.speech_seconds if self.measures else 0.0
        return self.characters / speech if speech else 0.0


@dataclass(frozen=True)
class SetFinding:
    """Something to know about a set before training on it.

    Attributes:
        kind: a stable word.
        severity: "error": training or its score would be wrong; "warning": look at it; "note": a limit to conclusions.
        count: number of rows or clips.
        clips: the clips that the finding is about, or that a remedy would drop or move.
        remedy: name of a function in `core.data.inspection.repairs`, or "" if only a person can fix it.
        value: the measured value, if there is one.
        limit: the threshold for the value.
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


def unusable(checked: Sequence[CheckedRow]) -> list[SetFinding]:
    """Returns the rows that a run would leave out, by reason, including those that an importer has already dropped."""
    found = []
    for reason, rows in _grouped(checked, lambda row: row.reason).items():
        if reason:
            clips = tuple(row.clip for row in rows if row.listed)
            details = {"messages": [row.message for row in rows[:EXAMPLES]]}
            found.append(SetFinding(reason, "error", len(rows), clips, "drop" if clips else "", details=details))
    return found


def sound(checked: Sequence[CheckedRow]) -> list[SetFinding]:
    """Returns clips with poor sound, see `core.data.inspection.quality`: one finding per kind and severity."""
    found: dict[tuple[str, Severity], list[Clip]] = defaultdict(list)
    limits: dict[tuple[str, Severity], float] = {}
    for row in checked:
        for finding in quality.check(row.measures) if row.kept and row.measures else ():
            found[finding.kind, finding.severity].append(row.clip)
            limits[finding.kind, finding.severity] = finding.limit
    return [
        SetFinding(kind, severity, len(clips), tuple(clips), "drop", limit=limits[kind, severity])
        for (kind, severity), clips in found.items()
    ]


def changed(checked: Sequence[CheckedRow]) -> list[SetFinding]:
    """Returns clips whose sound files had something wrong with them that was made good: a note for each kind."""
    found: dict[str, list[Clip]] = defaultdict(list)
    for row in checked:
        for kind in row.changes:
            found[kind].append(row.clip)
    return [SetFinding(kind, "note", len(clips), tuple(clips)) for kind, clips in found.items()]


def misfits(checked: Sequence[CheckedRow]) -> list[SetFinding]:
    """Returns transcripts that do not match their sound.

    "rate_low" and "rate_high": the logarithm of the speaking rate, in characters per second of speech, is far from the
    median. This finds transcripts that are much too short or too long; of transcripts swapped at random within a set, it
    found between 1 in 30 and 2 in 5 in five corpora.

    "loss_high": the base's loss on the text is far above the median. If the base knows the language, this finds nearly
    all: in 300 clips of English by Mandarin speakers, Whisper tiny.en found all 15 swapped transcripts, and wrongly
    suspected 12 others, by speakers it recognises poorly.
    """
    rated = [row for row in checked if row.kept and row.rate > 0]
    scores = outlier_scores([np.log(row.rate) for row in rated])
    found = []
    for kind, sign in (("rate_low", -1), ("rate_high", 1)):
        clips = tuple(row.clip for row, score in zip(rated, scores, strict=True) if sign * score > OUTLIER)
        median = float(np.median([row.rate for row in rated])) if rated else None
        found.append(SetFinding(kind, "warning", len(clips), clips, "drop", value=median, limit=OUTLIER))
    read = [row for row in checked if row.kept and row.loss is not None]
    losses = [row.loss for row in read if row.loss is not None]
    clips = tuple(row.clip for row, score in zip(read, outlier_scores(losses), strict=True) if score > OUTLIER)
    median = float(np.median(losses)) if losses else None
    found.append(SetFinding("loss_high", "warning", len(clips), clips, "drop", value=median, limit=OUTLIER))
    return [finding for finding in found if finding.count]


def outlier_scores(values: Sequence[float]) -> np.ndarray:
    """Returns the modified z-score of each value: 0.6745 (x - median) / MAD, where MAD is the median absolute deviation.

    Unlike the standard deviation, MAD is not inflated by the outliers it is meant to find (Iglewicz & Hoaglin 1993, "How
    to Detect and Handle Outliers"). If more than half of the values are equal, MAD is 0, and MAD / 0.6745 is replaced by
    1.2533 times the mean absolute deviation, as they recommend.

    Returns:
        float [values]; zeros for fewer than 8 values and for values that are all equal.
    """
    if len(values) < MIN_FOR_OUTLIERS:
        return np.zeros(len(values))
    deviations = np.asarray(values, dtype=float) - np.median(values)
    typical = float(np.median(np.abs(deviations))) / 0.6745
    typical = typical or 1.2533 * float(np.mean(np.abs(deviations)))
    return deviations / typical if typical else np.zeros(len(values))


def duplicates(checked: Sequence[CheckedRow], closed: bool = False) -> list[SetFinding]:
    """Returns sounds and sentences that occur more than once.

    "conflicting_texts": one sound with different transcripts, of which at most one can be right. "leak_audio": one sound
    both in training and held out; the training clips are dropped, because held-out clips are scarcer. "same_audio":
    further copies of a sound. "same_text": sentences said in several recordings, which is expected if several people
    read them; it is not reported for a closed set of words.
    """
    kept = [row for row in checked if row.kept]
    conflicting: list[Clip] = []
    leaking: list[Clip] = []
    copies: list[Clip] = []
    for rows in _grouped(kept, lambda row: row.fingerprint).values():
        if len({row.sentence for row in rows}) > 1:
            conflicting += [row.clip for row in rows]
            continue
        held_out = [row.clip for row in rows if row.clip.part != "train"]
        trained = [row.clip for row in rows if row.clip.part == "train"]
        if held_out and trained:
            leaking += trained
        copies += (held_out or trained)[1:]
    repeated = [rows for rows in _grouped(kept, lambda row: row.sentence).values() if len(rows) > 1]
    said_again = tuple(row.clip for rows in repeated for row in rows)
    found = [
        SetFinding("conflicting_texts", "error", len(conflicting), tuple(conflicting), "drop"),
        SetFinding("leak_audio", "error", len(leaking), tuple(leaking), "drop"),
        SetFinding("same_audio", "warning", len(copies), tuple(copies), "drop"),
    ]
    if not closed:
        found.append(SetFinding("same_text", "note", len(said_again), said_again, value=float(len(repeated))))
    return [finding for finding in found if finding.count]


def unwritable(checked: Sequence[CheckedRow], known: Collection[str], language: str) -> list[SetFinding]:
    """Returns letters that a model cannot write, with the clips whose texts need them.

    Args:
        checked: the rows of the set.
        known: the characters that the model can write.
        language: ISO 639-1 code of the set.
    """
    missing: Counter[str] = Counter()
    clips = []
    for row in checked:
        cover = coverage([spelled(row.written, known, language)], known) if row.kept else None
        if cover is not None and cover.lost:
            clips.append(row.clip)
            missing.update({c: n for c, n in cover.missing.items() if c.isalnum()})
    details = {"characters": dict(missing.most_common())}
    return [SetFinding("unknown_characters", "warning", len(clips), tuple(clips), details=details)] if clips else []


def leaks(checked: Sequence[CheckedRow], closed: bool = False) -> list[SetFinding]:
    """Returns sentences and named speakers that are both in training and held out; lists the held-out clips.

    Args:
        checked: the rows of the set.
        closed: whether the texts are a closed set of words, which should be in every part.
    """
    found = []
    keys: list[tuple[str, Callable[[CheckedRow], str]]] = [("leak_speaker", lambda row: row.clip.speaker)]
    if not closed:
        keys.insert(0, ("leak_sentence", lambda row: row.sentence))
    for kind, key in keys:
        trained = {key(row) for row in checked if row.kept and row.clip.part == "train"} - {""}
        shared = [row for row in checked if row.kept and row.clip.part in ("validation", "test") and key(row) in trained]
        if shared:
            clips, different = tuple(row.clip for row in shared), len({key(row) for row in shared})
            found.append(SetFinding(kind, "warning", len(clips), clips, value=float(different)))
    return found


def conclusions(checked: Sequence[CheckedRow]) -> list[SetFinding]:
    """Returns the limits of what this set can show, however well training goes.

    "unsplit": clips without a part. "no_train", "no_validation" and "no_test": a part is missing. "few_test": too few test
    clips for any verdict. "few_training": fewer training clips than have been shown to help. "one_speaker": the model
    learns one voice, and results say nothing about others. "few_test_speakers": conclusions apply to new sentences by these
    speakers, not to new speakers. "no_speakers": some clips name no speaker, so overlap of speakers cannot be checked.
    """
    clips = [row.clip for row in checked if row.kept]
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

"""The report before training: the contents of a labelled set, its problems, and the conclusions it does not allow."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.audio import sound_files
from core.data.clips.labelled_set import PARTS, Clip, Dropped, LabelledSet, check_text
from core.data.inspection import findings, quality, repairs
from core.data.inspection.findings import CheckedRow, SetFinding
from core.errors import AttuneError, DatasetError
from core.models.base.protocol import AsrModel, in_language
from core.text.normalisation import Normalisation, default
from core.text.scoring import normalise

BINS = 30  # of a histogram
SPOKEN = Normalisation(numbers="words", punctuation="drop")  # the normalisation for scoring would count "three" as one digit
SEVERITIES = ("error", "warning", "note")

Progress = Callable[[int, int], None]  # clips done, and the total


@dataclass(frozen=True)
class PartSummary:
    """Contents of one part, counting only clips that a run would use.

    Attributes:
        part: "train", "validation", "test", or "" for clips without a part.
        clips: number of clips.
        minutes: total duration in minutes.
        speakers: number of different named speakers.
        sentences: number of different normalised sentences.
    """

    part: str
    clips: int
    minutes: float
    speakers: int
    sentences: int


@dataclass(frozen=True)
class Histogram:
    """A histogram.

    Attributes:
        edges: edges of the bins, one more than there are bins.
        counts: values in each bin; the last bin includes its right edge.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Inspection:
    """The report on a set.

    Attributes:
        name, language: name and language of the set.
        checked: every row, kept or dropped; those that an importer dropped come first.
        findings: the findings, most severe first.
        parts: contents of each part.
        durations: durations of the kept clips, in seconds.
        rates: speaking rates of the kept clips, in characters per second of speech.
    """

    name: str
    language: str
    checked: tuple[CheckedRow, ...]
    findings: tuple[SetFinding, ...]
    parts: tuple[PartSummary, ...]
    durations: Histogram
    rates: Histogram

    @property
    def kept(self) -> int:
        """Number of rows that a run would use."""
        return sum(row.kept for row in self.checked)

    @property
    def dropped(self) -> dict[str, int]:
        """Number of dropped rows, by reason."""
        return dict(Counter(row.reason for row in self.checked if not row.kept))

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict of everything but the rows."""
        return {
            "name": self.name,
            "language": self.language,
            "rows": len(self.checked),
            "kept": self.kept,
            "dropped": self.dropped,
            "findings": [finding.to_json() for finding in self.findings],
            "parts": [dataclasses.asdict(part) for part in self.parts],
            "durations": dataclasses.asdict(self.durations),
            "rates": dataclasses.asdict(self.rates),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Returns every row as a plain dict."""
        return [_row(row) for row in self.checked]


def inspect(
    labelled: LabelledSet,
    dropped: Sequence[Dropped] = (),
    known: Collection[str] | None = None,
    model: AsrModel | None = None,
    closed: bool = False,
    normalisation: Normalisation | None = None,
    progress: Progress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Inspection:
    """Inspects the clips of a set one by one; only one is decoded at a time.

    Args:
        labelled: the set, split or not.
        dropped: rows that its importer has already dropped.
        known: the characters that a model can write, if it writes characters; letters outside this set are reported.
        model: a base that knows the language; its loss on each text reveals transcripts that do not match. This takes
            about as long as one training epoch.
        closed: whether the texts are a closed set of words, each said many times and needed in every part.
        normalisation: how the texts are to be written for training; the default depends on the language and the texts.
        progress: called after every clip.
        should_stop: called before every clip.

    Raises:
        DatasetError: `should_stop` returned True.
    """
    form = normalisation or default(labelled.language, [clip.text for clip in labelled.clips])
    checked = [
        CheckedRow(Clip(row.path, ""), False, row.reason, row.message, listed=False, where=row.where, details=row.details)
        for row in dropped
    ]
    for number, clip in enumerate(labelled.clips, 1):
        if should_stop():
            raise DatasetError("inspection_stopped", "The check was stopped. Nothing was changed.")
        checked.append(_look(clip, labelled.language, model, form))
        progress(number, len(labelled.clips))
    of_clips = [
        *findings.unusable(checked),
        *findings.sound(checked),
        *findings.changed(checked),
        *findings.misfits(checked),
        *findings.duplicates(checked, closed),
        *(findings.unwritable(checked, known, labelled.language) if known is not None else ()),
        *(_with_remedy(finding, labelled, checked, closed) for finding in findings.leaks(checked, closed)),
    ]
    found = sorted([*of_clips, *findings.conclusions(checked)], key=lambda finding: SEVERITIES.index(finding.severity))
    checked = _marked(checked, of_clips)
    kept = [row for row in checked if row.kept]
    return Inspection(
        labelled.name,
        labelled.language,
        tuple(checked),
        tuple(found),
        _parts(kept),
        _histogram([row.seconds for row in kept], sound_files.MAX_CLIP_SECONDS),
        _histogram([row.rate for row in kept], max((row.rate for row in kept), default=1.0)),
    )


def _look(clip: Clip, language: str, model: AsrModel | None, form: Normalisation) -> CheckedRow:
    try:
        text = check_text(clip.text, language, clip.path)
        sound = sound_files.read_sound(clip.path, sound_files.MAX_CLIP_SECONDS)
        written = form.apply(text, language)
        with in_language(model, language) if model else nullcontext():
            loss = _loss(model, sound.wave, written) if model else None
    except AttuneError as error:
        return CheckedRow(clip, False, error.reason, str(error), details=dict(error.details))
    return CheckedRow(
        clip,
        kept=True,
        sentence=normalise(text, language),
        written=written,
        characters=len(SPOKEN.apply(text, language).replace(" ", "")),
        measures=quality.measure(sound.wave),
        fingerprint=sound_files.fingerprint(sound.wave),
        changes=sound.changes,
        loss=loss,
    )


def _loss(model: AsrModel, wave: np.ndarray, text: str) -> float:
    import torch  # already loaded by anyone who has a model

    model.network.eval()
    with torch.no_grad():
        return float(model.loss([model.example(wave, text)]))


def _with_remedy(finding: SetFinding, labelled: LabelledSet, checked: Iterable[CheckedRow], closed: bool) -> SetFinding:
    """Adds the first remedy that fixes a leak and leaves clips to train on and to test with, if there is one."""
    by_clip = {row.clip: row for row in checked}
    for remedy in ("move_to_train", "resplit"):
        tried = dataclasses.replace(finding, remedy=remedy)
        try:
            repaired = repairs.repair(labelled, tried, closed=closed)
        except DatasetError:
            continue
        after = [dataclasses.replace(by_clip[old], clip=new) for old, new in zip(labelled.clips, repaired.clips, strict=True)]
        if repaired.part("test") and finding.kind not in {still.kind for still in findings.leaks(after, closed)}:
            return tried
    return finding


def _marked(checked: Sequence[CheckedRow], found: Sequence[SetFinding]) -> list[CheckedRow]:
    kinds: dict[Clip, list[str]] = defaultdict(list)
    for finding in found:
        for clip in dict.fromkeys(finding.clips):
            kinds[clip].append(finding.kind)
    return [dataclasses.replace(row, findings=tuple(kinds.get(row.clip, ()))) for row in checked]


def _parts(kept: Sequence[CheckedRow]) -> tuple[PartSummary, ...]:
    summaries = []
    for part in (*PARTS, ""):
        chosen = [row for row in kept if row.clip.part == part]
        if chosen or part:
            summaries.append(
                PartSummary(
                    part,
                    len(chosen),
                    sum(row.seconds for row in chosen) / 60,
                    len({row.clip.speaker for row in chosen} - {""}),
                    len({row.sentence for row in chosen}),
                )
            )
    return tuple(summaries)


def _histogram(values: Sequence[float], most: float) -> Histogram:
    counts, edges = np.histogram(values, bins=BINS, range=(0.0, most or 1.0))
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def _row(row: CheckedRow) -> dict[str, Any]:
    measured = row.measures
    return {
        "path": row.clip.path,
        "text": row.clip.text,
        "speaker": row.clip.speaker,
        "part": row.clip.part,
        "kept": row.kept,
        "reason": row.reason,
        "message": row.message,
        "findings": " ".join(row.findings),
        "seconds": round(row.seconds, 3),
        "speech_seconds": round(measured.speech_seconds, 2) if measured else None,
        "characters_per_second": round(row.rate, 2),
        "speech_dbfs": round(measured.speech_dbfs, 1) if measured else None,
        "snr_db": round(measured.snr_db, 1) if measured and measured.snr_db is not None else None,
        "loss": row.loss,
        "fingerprint": row.fingerprint,
    }

"""Drafts of transcripts for a long recording: written by a model, mended and accepted by a person, kept as clips.

A list of drafts is a tuple in the order of the recording. Nothing here changes one; every change returns another, which
`write_drafts` puts on disk, a line a draft, so that a reloaded page loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.audio.segmentation import MAX_SECONDS, Span
from core.data.clips.labelled_set import check_text
from core.data.library.recordings import Recording, Recordings
from core.errors import DatasetError
from core.models.base.protocol import AsrModel
from core.storage.files import replacing
from core.storage.state import Report, fits, read_lines
from core.text.scoring import clean
from core.text.scripts import UNSPACED_LANGUAGES

LEAST_SECONDS = 0.3  # of either side of a split: a short word
AT_ONCE = 8  # spans a model reads between two reports of progress


@dataclass(frozen=True)
class Draft:
    """One span and what a model, or by now a person, takes it to say.

    Attributes:
        start, end: in seconds from the beginning of the recording.
        text: the transcript so far.
        doubt: the model's: mean negative log probability of what it wrote, in nats, 0 where it is certain.
        accepted: whether a person vouches for the text.
    """

    start: float
    end: float
    text: str
    doubt: float
    accepted: bool = False

    @property
    def span(self) -> Span:
        """Where it lies."""
        return Span(self.start, self.end)


Drafts = tuple[Draft, ...]


def transcribe(
    wave: np.ndarray,
    spans: Sequence[Span],
    model: AsrModel,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Drafts:
    """Lets a model write a first draft of every span.

    Args:
        wave: float32 [samples] at 16 kHz, the whole recording.
        spans: of it, as `core.audio.segmentation.segment` returns them.
        model: the base, or an adapted model.
        progress: told how many spans are done, and of how many.
        should_stop: asked every few spans; True leaves it at those that are done.
    """
    drafts: list[Draft] = []
    for start in range(0, len(spans), AT_ONCE):
        if should_stop():
            break
        chosen = spans[start : start + AT_ONCE]
        for span, heard in zip(chosen, model.transcribe([span.of(wave) for span in chosen]), strict=True):
            drafts.append(Draft(span.start, span.end, heard.text, max(0.0, -heard.confidence)))
        progress(len(drafts), len(spans))
    return tuple(drafts)


def by_doubt(drafts: Drafts) -> list[int]:
    """Returns the places of those that nobody has accepted yet, the most doubtful first."""
    return sorted((i for i, draft in enumerate(drafts) if not draft.accepted), key=lambda i: -drafts[i].doubt)


def split(drafts: Drafts, index: int, at: float, language: str = "en") -> Drafts:
    """Parts a draft in two. The words are shared out by time, a guess for the person to mend.

    Args:
        drafts: the list.
        index: which one.
        at: where, in seconds from the beginning of the recording.
        language: ISO 639-1 code; one written without spaces is shared out by character.

    Raises:
        DatasetError: there is no such draft, or less than 0.3 s would be left on one side.
    """
    draft = _get(drafts, index)
    if not draft.start + LEAST_SECONDS <= at <= draft.end - LEAST_SECONDS:
        raise DatasetError(
            "draft_split",
            f"{at:.2f} s does not split the draft from {draft.start:.2f} to {draft.end:.2f} s: "
            f"at least {LEAST_SECONDS} s must be left on either side.",
            start=round(draft.start, 2),
            end=round(draft.end, 2),
            least=LEAST_SECONDS,
        )
    words = list(draft.text) if language in UNSPACED_LANGUAGES else draft.text.split()
    joint = "" if language in UNSPACED_LANGUAGES else " "
    count = round(len(words) * (at - draft.start) / (draft.end - draft.start))
    first = dataclasses.replace(draft, end=at, text=joint.join(words[:count]).strip(), accepted=False)
    second = dataclasses.replace(draft, start=at, text=joint.join(words[count:]).strip(), accepted=False)
    return (*drafts[:index], first, second, *drafts[index + 1 :])


def merge(drafts: Drafts, index: int, language: str = "en") -> Drafts:
    """Joins a draft with the next, and what lies between them.

    Raises:
        DatasetError: one of them is not there, or together they are too long to learn from.
    """
    first, second = _get(drafts, index), _get(drafts, index + 1)
    seconds = second.end - first.start
    if seconds > MAX_SECONDS:
        raise DatasetError(
            "draft_too_long",
            f"Together these drafts last {seconds:.1f} s; a clip to learn from is at most {MAX_SECONDS:.0f} s long.",
            seconds=round(seconds, 1),
            limit=round(MAX_SECONDS),
        )
    text = clean(("" if language in UNSPACED_LANGUAGES else " ").join([first.text, second.text]))
    weights = (first.span.seconds, second.span.seconds)
    doubt = float(np.average([first.doubt, second.doubt], weights=weights))
    joined = Draft(first.start, second.end, text, doubt, first.accepted and second.accepted)
    return (*drafts[:index], joined, *drafts[index + 2 :])


def delete(drafts: Drafts, index: int) -> Drafts:
    """Leaves a draft out; the recording keeps its sound.

    Raises:
        DatasetError: there is no such draft.
    """
    _get(drafts, index)
    return (*drafts[:index], *drafts[index + 1 :])


def edit(drafts: Drafts, index: int, text: str, language: str = "en") -> Drafts:
    """Puts what a person typed in the place of a draft's text, which thereby is accepted.

    Raises:
        DatasetError: there is no such draft, or the text has no words or is too long.
    """
    draft = _get(drafts, index)
    checked = check_text(text, language, f"the clip at {draft.start:.1f} s")
    return (*drafts[:index], dataclasses.replace(draft, text=checked, accepted=True), *drafts[index + 1 :])


def write_drafts(path: Path, drafts: Drafts) -> None:
    """Writes a list as JSONL, atomically.

    Raises:
        OSError: the disk is full; the list that was there is as it was.
    """
    lines = [json.dumps(dataclasses.asdict(draft), ensure_ascii=False) + "\n" for draft in drafts]
    with replacing(path) as temporary:
        temporary.write_bytes("".join(lines).encode("utf-8", "backslashreplace"))


def read_drafts(path: Path, damaged: Report | None = None) -> Drafts:
    """Reads a list that `write_drafts` wrote; lines that are none, and fields a newer version added, are left out.

    Args:
        path: of the list.
        damaged: told of lines that cannot be read.
    """
    return tuple(sorted(read_lines(path, _draft, damaged), key=lambda draft: draft.start))


def _draft(line: Any) -> Draft:
    if not fits(line, Draft) or not 0 <= line["start"] < line["end"]:
        raise ValueError("no draft")
    start, end, doubt = (float(line[name]) for name in ("start", "end", "doubt"))
    return Draft(start, end, clean(line["text"]), max(0.0, doubt), line.get("accepted", False))


def keep_accepted(path: Path, wave: np.ndarray, recordings: Recordings, name: str, language: str = "en") -> list[Recording]:
    """Moves the accepted drafts of a list into the recordings, each as a clip of its own with its text.

    A draft leaves the list as soon as its clip is on disk, so a crash costs nothing; at worst one clip is kept twice,
    which `core.data.inspection.inspection` finds.

    Args:
        path: of the list.
        wave: float32 [samples] at 16 kHz, the whole recording.
        recordings: where the clips go.
        name: of the recording.
        language: ISO 639-1 code.

    Raises:
        DatasetError: there are too many recordings, or a text cannot be used; what was moved before stays moved.
        OSError: the disk is full; likewise.
    """
    drafts = read_drafts(path)
    kept = []
    for draft in [draft for draft in drafts if draft.accepted]:
        text = check_text(draft.text, language, f"{name} at {draft.start:.1f} s")
        kept.append(recordings.keep(draft.span.of(wave), f"{name} {draft.start:.2f}-{draft.end:.2f}", text))
        drafts = tuple(other for other in drafts if other is not draft)
        write_drafts(path, drafts)
    return kept


def _get(drafts: Drafts, index: int) -> Draft:
    if not 0 <= index < len(drafts):
        raise DatasetError("no_draft", f"There is no draft number {index + 1}; there are {len(drafts)}.")
    return drafts[index]

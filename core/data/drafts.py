"""Draft transcripts of a long recording: written by a model, corrected and accepted by a person, kept as clips.

A list of drafts is a tuple in the order of the recording. It is immutable: every change returns a new list, which
`write_drafts` writes to disk, one draft per line, so that a reloaded page loses nothing.
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
from core.text.scripts import UNSPACED_LANGUAGES, space_between

LEAST_SECONDS = 0.3  # minimum length of each side of a split: a short word
AT_ONCE = 8  # spans transcribed between two reports of progress


@dataclass(frozen=True)
class Draft:
    """One span with its transcript by a model, or as corrected by a person.

    Attributes:
        start, end: in seconds from the beginning of the recording.
        text: the current transcript.
        doubt: the model's uncertainty: mean negative log probability of its transcript, in nats; 0 is certain.
        accepted: whether a person has accepted the text.
    """

    start: float
    end: float
    text: str
    doubt: float
    accepted: bool = False

    @property
    def span(self) -> Span:
        """Its span in the recording."""
        return Span(self.start, self.end)


Drafts = tuple[Draft, ...]


def transcribe(
    wave: np.ndarray,
    spans: Sequence[Span],
    model: AsrModel,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Drafts:
    """Transcribes every span with a model, as a first draft.

    Args:
        wave: float32 [samples] at 16 kHz, the whole recording.
        spans: spans of the recording, from `core.audio.segmentation.segment`.
        model: the base or an adapted model.
        progress: called with the number of spans done and the total.
        should_stop: called every few spans; if True, only the drafts so far are returned.
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
    """Returns the indices of the drafts not yet accepted, most doubtful first."""
    return sorted((i for i, draft in enumerate(drafts) if not draft.accepted), key=lambda i: -drafts[i].doubt)


def split(drafts: Drafts, index: int, at: float, language: str = "en") -> Drafts:
    """Splits a draft in two. The words are divided in proportion to time, a guess for a person to correct.

    Args:
        drafts: the list.
        index: index of the draft.
        at: position of the split, in seconds from the beginning of the recording.
        language: ISO 639-1 code; languages written without spaces are divided by characters.

    Raises:
        DatasetError: there is no such draft, or less than 0.3 s would be left on one side.
    """
    draft = _get(drafts, index)
    if not draft.start + LEAST_SECONDS <= at <= draft.end - LEAST_SECONDS:
        raise DatasetError(
            "draft_split",
            f"{at:.2f} s cannot split the draft from {draft.start:.2f} to {draft.end:.2f} s: "
            f"at least {LEAST_SECONDS} s must be left on either side.",
            start=round(draft.start, 2),
            end=round(draft.end, 2),
            least=LEAST_SECONDS,
        )
    words = list(draft.text) if language in UNSPACED_LANGUAGES else draft.text.split()
    joint = space_between(language)
    count = round(len(words) * (at - draft.start) / (draft.end - draft.start))
    first = dataclasses.replace(draft, end=at, text=joint.join(words[:count]).strip(), accepted=False)
    second = dataclasses.replace(draft, start=at, text=joint.join(words[count:]).strip(), accepted=False)
    return (*drafts[:index], first, second, *drafts[index + 1 :])


def merge(drafts: Drafts, index: int, language: str = "en") -> Drafts:
    """Merges a draft with the next one, including the sound between them.

    Raises:
        DatasetError: one of them does not exist, or together they are too long for training.
    """
    first, second = _get(drafts, index), _get(drafts, index + 1)
    seconds = second.end - first.start
    if seconds > MAX_SECONDS:
        raise DatasetError(
            "draft_too_long",
            f"Together these drafts last {seconds:.1f} s; a clip for training can be at most {MAX_SECONDS:.0f} s long.",
            seconds=round(seconds, 1),
            limit=round(MAX_SECONDS),
        )
    text = clean(space_between(language).join([first.text, second.text]))
    weights = (first.span.seconds, second.span.seconds)
    doubt = float(np.average([first.doubt, second.doubt], weights=weights))
    joined = Draft(first.start, second.end, text, doubt, first.accepted and second.accepted)
    return (*drafts[:index], joined, *drafts[index + 2 :])


def delete(drafts: Drafts, index: int) -> Drafts:
    """Deletes a draft; the recording keeps its sound.

    Raises:
        DatasetError: there is no such draft.
    """
    _get(drafts, index)
    return (*drafts[:index], *drafts[index + 1 :])


def edit(drafts: Drafts, index: int, text: str, language: str = "en") -> Drafts:
    """Replaces a draft's text with a person's, and marks the draft as accepted.

    Raises:
        DatasetError: there is no such draft, or the text has no words or is too long.
    """
    draft = _get(drafts, index)
    checked = check_text(text, language, f"the clip at {draft.start:.1f} s")
    return (*drafts[:index], dataclasses.replace(draft, text=checked, accepted=True), *drafts[index + 1 :])


def write_drafts(path: Path, drafts: Drafts) -> None:
    """Writes a list as JSONL, atomically.

    Raises:
        OSError: the disk is full; the existing list is unchanged.
    """
    lines = [json.dumps(dataclasses.asdict(draft), ensure_ascii=False) + "\n" for draft in drafts]
    with replacing(path) as temporary:
        temporary.write_bytes("".join(lines).encode("utf-8", "backslashreplace"))


def read_drafts(path: Path, damaged: Report | None = None) -> Drafts:
    """Reads a list written by `write_drafts`; skips damaged lines and the fields of a newer version.

    Args:
        path: path of the list.
        damaged: called for lines that cannot be read.
    """
    return tuple(sorted(read_lines(path, _draft, damaged), key=lambda draft: draft.start))


def _draft(line: Any) -> Draft:
    if not fits(line, Draft) or not 0 <= line["start"] < line["end"]:
        raise ValueError("no draft")
    start, end, doubt = (float(line[name]) for name in ("start", "end", "doubt"))
    return Draft(start, end, clean(line["text"]), max(0.0, doubt), line.get("accepted", False))


def keep_accepted(path: Path, wave: np.ndarray, recordings: Recordings, name: str, language: str = "en") -> list[Recording]:
    """Moves the accepted drafts of a list into the recordings, each as a separate clip with its text.

    A draft leaves the list as soon as its clip is on disk, so a crash loses nothing; at worst one clip is stored twice,
    and `core.data.inspection.inspection` reports the duplicate.

    Args:
        path: path of the list.
        wave: float32 [samples] at 16 kHz, the whole recording.
        recordings: the recordings that receive the clips.
        name: name of the long recording.
        language: ISO 639-1 code.

    Raises:
        DatasetError: there are too many recordings, or a text cannot be used; drafts moved before that stay moved.
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

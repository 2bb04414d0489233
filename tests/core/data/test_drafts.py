"""Drafts are changed by pure functions, outlive a reload, and become clips."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.audio.segmentation import segment
from core.audio.sound_files import decode
from core.data.drafts import (
    Draft,
    Drafts,
    by_doubt,
    delete,
    edit,
    keep_accepted,
    merge,
    read_drafts,
    split,
    transcribe,
    write_drafts,
)
from core.data.library.recordings import Recordings
from core.errors import DatasetError
from core.models.loading import load_model
from tests.core.audio.test_segmentation import spoken

LIST: Drafts = (
    Draft(0.0, 4.0, "one two three four", 0.5),
    Draft(4.5, 6.5, "five six", 2.0),
    Draft(7.0, 9.0, "seven", 0.1, accepted=True),
    Draft(9.0, 12.0, "eight nine", 1.0),
)


def test_a_model_drafts_every_span(tiny_ctc: Path) -> None:
    wave = spoken(2.0, 1.0, 2.0, 1.0, 2.0)
    spans = segment(wave)
    model = load_model(str(tiny_ctc))
    seen: list[tuple[int, int]] = []
    found = transcribe(wave, spans, model, progress=lambda done, total: seen.append((done, total)))
    assert [draft.span for draft in found] == spans
    expected = model.transcribe([span.of(wave) for span in spans])
    assert [draft.text for draft in found] == [heard.text for heard in expected]
    assert [-draft.doubt for draft in found] == pytest.approx([heard.confidence for heard in expected])
    assert all(draft.doubt > 0 and not draft.accepted for draft in found)
    assert seen == [(3, 3)]
    assert transcribe(wave, spans, model, should_stop=lambda: True) == ()


def test_the_most_doubtful_come_first_and_the_accepted_not_at_all() -> None:
    assert by_doubt(LIST) == [1, 3, 0]
    assert by_doubt(()) == []


@pytest.mark.parametrize(
    ("index", "at", "texts"),
    [
        (0, 1.0, ("one", "two three four")),
        (0, 2.0, ("one two", "three four")),
        (2, 8.5, ("seven", "")),
        (1, 4.8, ("", "five six")),
    ],
)
def test_split(index: int, at: float, texts: tuple[str, str]) -> None:
    found = split(LIST, index, at)
    first, second = found[index : index + 2]
    assert (first.start, first.end, second.start, second.end) == (LIST[index].start, at, at, LIST[index].end)
    assert (first.text, second.text) == texts
    assert not first.accepted
    assert not second.accepted
    assert (*found[:index], LIST[index], *found[index + 2 :]) == LIST


def test_split_by_character_where_there_are_no_spaces() -> None:
    first, second = split((Draft(0.0, 4.0, "你好世界", 0.5),), 0, 3.0, "zh")
    assert (first.text, second.text) == ("你好世", "界")
    assert merge((first, second), 0, "zh")[0].text == "你好世界"


@pytest.mark.parametrize("at", [-1.0, 0.0, 0.2, 3.8, 4.0, 5.0, float("nan")])
def test_a_split_outside_the_draft_is_refused(at: float) -> None:
    with pytest.raises(DatasetError, match="cannot split the draft from 0.00 to 4.00 s") as caught:
        split(LIST, 0, at)
    assert caught.value.reason == "draft_split"


def test_merge() -> None:
    found = merge(LIST, 0)
    assert found == (Draft(0.0, 6.5, "one two three four five six", 1.0), *LIST[2:])
    assert merge(split(LIST, 0, 2.0), 0) == LIST
    both = (LIST[2], Draft(9.0, 12.0, "eight", 1.0, accepted=True))
    assert merge(both, 0)[0].accepted
    assert not merge(LIST, 2)[2].accepted


def test_what_would_be_too_long_is_not_merged() -> None:
    with pytest.raises(DatasetError, match=r"last 29\.0 s; a clip for training can be at most 28 s") as caught:
        merge((Draft(0.0, 15.0, "a", 0.0), Draft(15.0, 29.0, "b", 0.0)), 0)
    assert caught.value.reason == "draft_too_long"


def test_delete_and_edit() -> None:
    assert delete(LIST, 1) == (LIST[0], *LIST[2:])
    assert edit(LIST, 1, " Five,\n six! ")[1] == Draft(4.5, 6.5, "Five, six!", 2.0, accepted=True)
    assert edit(LIST, 1, LIST[1].text)[1] == Draft(4.5, 6.5, "five six", 2.0, accepted=True)
    assert by_doubt(edit(LIST, 1, LIST[1].text)) == [3, 0]


@pytest.mark.parametrize("text", ["", " ", "?!", "[noise]"])
def test_a_text_without_words_is_not_accepted(text: str) -> None:
    with pytest.raises(DatasetError, match="the clip at 4.5 s has no words") as caught:
        edit(LIST, 1, text)
    assert caught.value.reason == "text_empty"


@pytest.mark.parametrize("index", [-1, 4, 100])
def test_a_draft_that_is_not_there_is_refused(index: int) -> None:
    for change in (delete, lambda drafts, index: edit(drafts, index, "words"), merge):
        with pytest.raises(DatasetError, match="There is no draft number") as caught:
            change(LIST, index)
        assert caught.value.reason == "no_draft"
    with pytest.raises(DatasetError, match="There is no draft number"):
        split(LIST, index, 1.0)
    with pytest.raises(DatasetError, match="There is no draft number 5"):
        merge(LIST, 3)  # the last has no next


def test_a_list_outlives_a_reload(tmp_path: Path) -> None:
    path = tmp_path / "drafts" / "a.jsonl"
    assert read_drafts(path) == ()
    write_drafts(path, LIST)
    assert read_drafts(path) == LIST
    write_drafts(path, ())
    assert read_drafts(path) == ()


@pytest.mark.parametrize(
    "line",
    [
        "", "nothing", "[]", "7", '"text"', "{}", '{"start": 1}', '{"start": 5, "end": 4, "text": "", "doubt": 0}',
        '{"start": "x", "end": 4, "text": "", "doubt": 0}', '{"start": null, "end": 4, "text": "", "doubt": 0}',
        '{"start": NaN, "end": 4, "text": "", "doubt": 0}', '{"start": -1, "end": 4, "text": "", "doubt": 0}',
        '{"start": 1, "end": Infinity, "text": "", "doubt": 0}',
        '{"start": 1, "end": 2, "text": "", "doubt": NaN}',
    ],
)  # fmt: skip
def test_a_damaged_line_loses_only_itself(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    write_drafts(path, LIST)
    path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert read_drafts(path) == LIST


def test_a_newer_list_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"start": 1, "end": 2, "text": "one", "doubt": 0.5, "speaker": "Ada"}) + "\n")
    assert read_drafts(path) == (Draft(1.0, 2.0, "one", 0.5),)


def test_a_full_disk_leaves_the_list_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    write_drafts(path, LIST)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            write_drafts(path, ())
    assert read_drafts(path) == LIST
    assert list(tmp_path.iterdir()) == [path]


def test_accepted_drafts_become_clips(tmp_path: Path) -> None:
    wave = spoken(3.0, 1.0, 3.0, 1.0, 3.0)
    path, recordings = tmp_path / "a.jsonl", Recordings(tmp_path / "recordings")
    spans = segment(wave)
    texts = ["first", "second", "third"]
    drafts = tuple(Draft(span.start, span.end, text, 0.5) for span, text in zip(spans, texts, strict=True))
    write_drafts(path, edit(edit(drafts, 0, "First!"), 2, "third"))
    kept = keep_accepted(path, wave, recordings, "talk.wav")
    assert [clip.text for clip in recordings.clips()] == ["First!", "third"]
    assert recordings.all() == kept
    for recording, span in zip(kept, (spans[0], spans[2]), strict=True):
        np.testing.assert_allclose(decode(recording.path), span.of(wave), atol=1e-4)
    assert read_drafts(path) == (drafts[1],)
    assert keep_accepted(path, wave, recordings, "talk.wav") == []


def test_a_full_disk_between_two_clips_keeps_the_rest_on_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = spoken(3.0, 1.0, 3.0, 1.0, 3.0)
    path, recordings = tmp_path / "a.jsonl", Recordings(tmp_path / "recordings")
    drafts = tuple(Draft(span.start, span.end, "words", 0.5, accepted=True) for span in segment(wave))
    write_drafts(path, drafts)
    written: list[Path] = []
    write_flac = sound_files.write_flac

    def filling(target: Path, sound: np.ndarray, changes: Sequence[str]) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(target)
        write_flac(target, sound, changes)

    with monkeypatch.context() as patch:
        patch.setattr(sound_files, "write_flac", filling)
        with pytest.raises(OSError, match="No space left"):
            keep_accepted(path, wave, recordings, "talk.wav")
    assert read_drafts(path) == drafts[1:]
    assert len(recordings.all()) == 1
    assert len(keep_accepted(path, wave, recordings, "talk.wav")) == 2
    assert len(recordings.all()) == 3

"""The report on a set: every row is accounted for, and what was put in wrong is found."""

from __future__ import annotations

import dataclasses
import json
import os
import weakref
from collections import Counter, deque
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.audio import sound_files
from core.audio.sound_files import write_flac
from core.data.clips.labelled_set import Clip, Dropped, LabelledSet
from core.data.clips.parts import assign_parts
from core.data.inspection.findings import CheckedRow, SetFinding, outlier_scores
from core.data.inspection.inspection import Inspection, inspect
from core.data.inspection.repairs import drop, repair
from core.errors import DatasetError
from core.models.loading import load_model
from tests.core.audio.test_activity import bursts

WORDS = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike",
    "november", "oscar", "papa",
)  # fmt: skip


def say(folder: Path, name: str, seconds: float = 2.0, seed: int | None = None) -> str:
    """Writes a sound of its own for each name, or for each seed; returns its path."""
    path = folder / f"{name}.flac"
    seed = sum(map(ord, name)) * 31 + len(name) if seed is None else seed
    write_flac(path, bursts([(0.2, seconds - 0.2)], seconds, seed=seed))
    return str(path)


def sentence(number: int) -> str:
    """Distinct texts of about the same length."""
    return f"{WORDS[number % 16]} {WORDS[number // 16 % 16]} number {WORDS[number // 256 % 16]}"


@pytest.fixture
def good(tmp_path: Path) -> LabelledSet:
    """Sixty clips of twelve speakers with a clean split."""
    clips = [Clip(say(tmp_path, f"c{i}", seed=i), sentence(i), f"voice {i % 12}") for i in range(60)]
    return LabelledSet("good", tuple(assign_parts(clips, "en")), "en")


def kinds(inspection: Inspection) -> dict[str, int]:
    return {finding.kind: finding.count for finding in inspection.findings}


def the(inspection: Inspection, kind: str) -> SetFinding:
    (found,) = [finding for finding in inspection.findings if finding.kind == kind]
    return found


def with_clip(labelled: LabelledSet, index: int, **changes: str) -> LabelledSet:
    clips = list(labelled.clips)
    clips[index] = dataclasses.replace(clips[index], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(labelled, clips=tuple(clips))


def first(labelled: LabelledSet, part: str) -> int:
    return next(i for i, clip in enumerate(labelled.clips) if clip.part == part)


def test_a_good_set_has_only_notes(good: LabelledSet) -> None:
    report = inspect(good)
    assert kinds(report) == {"few_training": len(good.part("train")), "few_test_speakers": len(good.part("test"))}
    assert (report.kept, report.dropped) == (60, {})
    assert {part.part: part.clips for part in report.parts} == {p: len(good.part(p)) for p in ("train", "validation", "test")}
    assert sum(part.speakers for part in report.parts) == 12
    assert sum(part.sentences for part in report.parts) == 60
    assert sum(part.minutes for part in report.parts) == pytest.approx(2.0)


def test_counts_add_up_whatever_is_wrong(good: LabelledSet, tmp_path: Path) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    (tmp_path / "empty.wav").touch()
    write_flac(tmp_path / "long.flac", bursts([(1.0, 30.0)], 31.0))
    write_flac(tmp_path / "silent.flac", np.zeros(16_000, np.float32))
    bad = [
        Clip(str(tmp_path / name), "some words", "", "train") for name in ("page.wav", "empty.wav", "long.flac", "silent.flac")
    ]
    bad += [Clip(str(tmp_path / "gone.wav"), "gone", "", "test"), Clip(good.clips[0].path, "?!", "", "train")]
    before = [Dropped("/one.wav", "text_empty", "one has no words"), Dropped("/two.wav", "text_empty", "two has no words")]
    labelled = dataclasses.replace(good, clips=(*good.clips, *bad))
    seen: list[tuple[int, int]] = []
    report = inspect(labelled, before, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 66) for i in range(1, 67)]
    assert report.dropped == {
        "text_empty": 3, "audio_unreadable": 1, "audio_empty": 1, "audio_too_long": 1, "audio_silent": 1, "audio_missing": 1,
    }  # fmt: skip
    assert len(report.checked) == 68 == report.kept + sum(report.dropped.values())
    assert report.kept == 60 == sum(part.clips for part in report.parts)
    assert sum(report.durations.counts) == sum(report.rates.counts) == 60
    assert len(report.durations.edges) == len(report.durations.counts) + 1
    assert all(row.reason and row.message and not row.kept for row in report.checked if not row.kept)
    assert the(report, "text_empty").count == 3
    assert the(report, "text_empty").clips == (bad[-1],)  # what an importer left out is not there to be dropped
    repaired = labelled
    for finding in report.findings:
        repaired = repair(repaired, finding) if finding.severity == "error" else repaired
    assert repaired == good
    assert inspect(repaired, before).dropped == {"text_empty": 2}


def test_every_row_is_in_the_report(good: LabelledSet) -> None:
    odd = with_clip(with_clip(good, 0, text='=HYPERLINK("x"), "quoted"\n'), 1, speaker="@SUM(1)")
    report = inspect(odd, [Dropped("/gone.wav", "audio_missing", "There is no file.")])
    rows = report.rows()
    assert len(rows) == 61
    assert (rows[0]["path"], rows[0]["kept"], rows[0]["reason"]) == ("/gone.wav", False, "audio_missing")
    assert rows[1]["text"] == odd.clips[0].text
    assert rows[2]["speaker"] == "@SUM(1)"
    assert rows[3]["text"] == odd.clips[2].text
    assert rows[3]["seconds"] == 2.0
    whole = json.loads(json.dumps({"report": report.to_json(), "rows": rows}))
    assert whole["report"]["rows"] == 61
    assert whole["rows"][1]["text"] == odd.clips[0].text
    assert {finding["kind"] for finding in whole["report"]["findings"]} == set(kinds(report))


@pytest.mark.parametrize(("part", "severity"), [("train", "error"), ("test", "warning"), ("validation", "note")])
def test_a_missing_part_is_said(good: LabelledSet, part: str, severity: str) -> None:
    report = inspect(drop(good, good.part(part)))
    finding = the(report, f"no_{part}")
    assert finding.severity == severity
    assert not kinds(inspect(repair(good, finding))).keys() & {"no_train", "no_test", "no_validation"}


def test_a_set_without_a_split_gets_one(good: LabelledSet) -> None:
    unsplit = dataclasses.replace(good, clips=tuple(dataclasses.replace(clip, part="") for clip in good.clips))
    report = inspect(unsplit)
    assert the(report, "unsplit").count == 60
    assert report.parts[-1].part == ""
    assert repair(unsplit, the(report, "unsplit")) == good


def test_the_same_sound_twice(good: LabelledSet, tmp_path: Path) -> None:
    one = good.clips[first(good, "train")]
    number = good.clips.index(one)
    copy = dataclasses.replace(one, path=say(tmp_path, "copy", seed=number))
    report = inspect(dataclasses.replace(good, clips=(*good.clips, copy)))
    assert the(report, "same_audio").clips == (copy,)
    assert repair(dataclasses.replace(good, clips=(*good.clips, copy)), the(report, "same_audio")) == good


def test_a_row_listed_twice_is_dropped_once(good: LabelledSet) -> None:
    twice = dataclasses.replace(good, clips=(*good.clips, good.clips[0]))
    report = inspect(twice)
    assert the(report, "same_audio").count == 1
    assert repair(twice, the(report, "same_audio")) == good


def test_one_sound_with_two_texts(good: LabelledSet, tmp_path: Path) -> None:
    copy = Clip(say(tmp_path, "copy", seed=0), "something else altogether", "voice 0", good.clips[0].part)
    labelled = dataclasses.replace(good, clips=(*good.clips, copy))
    report = inspect(labelled)
    assert the(report, "conflicting_texts").clips == (good.clips[0], copy)
    assert "conflicting_texts" in report.checked[0].findings
    assert repair(labelled, the(report, "conflicting_texts")).clips == good.clips[1:]


def test_a_sound_on_both_sides_stays_held_out(good: LabelledSet, tmp_path: Path) -> None:
    tested = good.clips[first(good, "test")]
    copy = dataclasses.replace(tested, path=say(tmp_path, "copy", seed=good.clips.index(tested)), part="train")
    labelled = dataclasses.replace(good, clips=(copy, *good.clips))
    report = inspect(labelled)
    assert the(report, "leak_audio").clips == (copy,)
    assert the(report, "leak_audio").severity == "error"
    assert repair(labelled, the(report, "leak_audio")) == good


def test_a_sentence_on_both_sides(good: LabelledSet) -> None:
    tested, trained = first(good, "test"), first(good, "train")
    labelled = with_clip(good, tested, text=good.clips[trained].text.upper() + "!")
    report = inspect(labelled)
    finding = the(report, "leak_sentence")
    assert finding.clips == (labelled.clips[tested],)
    assert finding.remedy == "move_to_train"
    repaired = repair(labelled, finding)
    assert not kinds(inspect(repaired)).keys() & {"leak_sentence", "leak_speaker"}
    assert repaired.part("test")
    assert the(report, "same_text").count == 2
    assert not kinds(inspect(labelled, closed=True)).keys() & {"leak_sentence", "same_text"}


def test_a_speaker_on_both_sides(good: LabelledSet) -> None:
    tested = first(good, "test")
    labelled = with_clip(good, tested, speaker=good.clips[first(good, "train")].speaker)
    finding = the(inspect(labelled), "leak_speaker")
    assert finding.clips == (labelled.clips[tested],)
    assert "leak_speaker" not in kinds(inspect(repair(labelled, finding)))


def test_a_leak_that_no_split_can_end_has_no_remedy(good: LabelledSet) -> None:
    clips = tuple(dataclasses.replace(clip, speaker="voice 0") for clip in good.clips)
    report = inspect(dataclasses.replace(good, clips=clips))
    assert the(report, "leak_speaker").remedy == ""
    assert the(report, "one_speaker").count == 60
    with pytest.raises(DatasetError, match="no automatic fix for 'leak_speaker'") as caught:
        repair(good, the(report, "leak_speaker"))
    assert caught.value.reason == "no_remedy"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Oh", "rate_low"), (" ".join(sentence(i) for i in range(12)), "rate_high"), (sentence(200), None)],
)
def test_a_text_that_does_not_fit_its_sound(good: LabelledSet, text: str, kind: str | None) -> None:
    labelled = with_clip(good, 5, text=text)
    report = inspect(labelled)
    assert [k for k in kinds(report) if k.startswith("rate_")] == ([kind] if kind else [])
    if kind:
        assert the(report, kind).clips == (labelled.clips[5],)
        assert report.checked[5].findings == (kind,)
        assert labelled.clips[5] not in repair(labelled, the(report, kind)).clips


def test_a_bad_recording_is_found(good: LabelledSet, tmp_path: Path) -> None:
    write_flac(tmp_path / "loud.flac", 30 * bursts([(0.2, 1.8)], 2.0, seed=999))
    write_flac(tmp_path / "noisy.flac", bursts([(0.5, 1.5)], 2.0, noise_dbfs=-25.0, seed=998))
    labelled = with_clip(with_clip(good, 0, path=str(tmp_path / "loud.flac")), 1, path=str(tmp_path / "noisy.flac"))
    report = inspect(labelled)
    assert the(report, "clipped").clips == (labelled.clips[0],)
    assert the(report, "clipped").severity == "error"
    assert the(report, "noisy").clips == (labelled.clips[1],)
    assert the(report, "noisy").severity == "warning"
    order = ["error", "warning", "note"]
    assert [finding.severity for finding in report.findings] == sorted(
        (finding.severity for finding in report.findings), key=order.index
    )


def test_letters_a_model_cannot_write(good: LabelledSet) -> None:
    labelled = with_clip(with_clip(good, 0, text="Größe, größer!"), 1, text="naïve number")
    known = "abcdefghijklmnopqrstuvwxyz'"
    finding = the(inspect(labelled, known=known), "unknown_characters")
    assert finding.clips == labelled.clips[:2]
    assert finding.details["characters"] == {"ö": 2, "ß": 2, "ï": 1}
    assert "unknown_characters" not in kinds(inspect(good, known=known))
    assert "unknown_characters" not in kinds(inspect(good, known=known.upper()))
    assert "unknown_characters" not in kinds(inspect(labelled))


def test_a_model_tells_its_loss_on_every_text(good: LabelledSet, tiny_ctc: Path) -> None:
    model = load_model(str(tiny_ctc))
    labelled = with_clip(good, 3, text="word " * 60)  # more characters than two seconds have frames
    report = inspect(labelled, model=model)
    losses = [row.loss for row in report.checked if row.kept]
    assert len(losses) == 59
    assert all(loss is not None and loss > 0 for loss in losses)
    assert report.dropped == {"text_does_not_fit": 1}
    again = inspect(labelled, model=model)
    assert [row.loss for row in again.checked] == [row.loss for row in report.checked]
    assert "loss" in report.rows()[0]


def test_a_loss_far_above_the_rest_is_suspected(monkeypatch: pytest.MonkeyPatch, good: LabelledSet) -> None:
    losses = iter([1.0 + 0.01 * i for i in range(59)] + [9.0])
    monkeypatch.setattr("core.data.inspection.inspection._loss", lambda model, wave, text: next(losses))
    report = inspect(good, model=SimpleNamespace(language=""))  # type: ignore[arg-type]
    assert the(report, "loss_high").clips == (good.clips[-1],)


@pytest.mark.parametrize(
    ("values", "outliers"),
    [
        ([], []),
        ([1.0] * 7, []),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], []),  # too few to tell
        ([1.0] * 20, []),
        ([1.0] * 20 + [9.0], [20]),  # over half are equal
        ([*range(20), 1000], [20]),
        ([*range(20), -1000, 1000], [20, 21]),
        ([*range(20)], []),
    ],
)
def test_outlier_scores(values: list[float], outliers: list[int]) -> None:
    assert list(np.flatnonzero(np.abs(outlier_scores(values)) > 3.5)) == outliers


def test_few_clips_conclude_little(good: LabelledSet) -> None:
    few = dataclasses.replace(good, clips=(*good.part("train")[:3], *good.part("test")[:2]))
    report = kinds(inspect(few))
    assert report.keys() >= {"few_test", "few_training", "no_validation", "few_test_speakers"}
    nameless = dataclasses.replace(good, clips=tuple(dataclasses.replace(clip, speaker="") for clip in good.clips))
    assert kinds(inspect(nameless))["no_speakers"] == 60


def test_an_empty_set(good: LabelledSet) -> None:
    report = inspect(dataclasses.replace(good, clips=()))
    assert report.kept == 0
    assert sum(report.durations.counts) == 0
    assert the(report, "no_train").severity == "error"
    assert report.rows() == []


def test_a_thousand_clips_are_never_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sounds = [say(tmp_path, f"sound{i}", seconds=0.5 + i / 20, seed=i) for i in range(10)]
    clips = []
    for i in range(1_000):
        path = tmp_path / f"clip{i}.flac"
        os.link(sounds[i % 10], path)
        clips.append(Clip(str(path), sentence(i), f"voice {i % 40}", ("train", "train", "train", "test")[i // 40 % 4]))
    waves: deque[weakref.ref[np.ndarray]] = deque(maxlen=100)
    most = 0
    read_sound = sound_files.read_sound

    def watched(path: str, max_seconds: float) -> sound_files.Sound:
        nonlocal most
        sound = read_sound(path, max_seconds)
        waves.append(weakref.ref(sound.wave))
        most = max(most, sum(ref() is not None for ref in waves))
        return sound

    monkeypatch.setattr(sound_files, "read_sound", watched)
    report = inspect(LabelledSet("large", tuple(clips), "en"))
    assert 1 <= most <= 2  # the one before may go as the next one comes
    assert report.kept == sum(report.durations.counts) == 1_000
    assert Counter(row.fingerprint for row in report.checked).most_common(1)[0][1] == 100
    assert the(report, "conflicting_texts").count == 1_000


@pytest.mark.parametrize(
    ("text", "language", "characters"),
    [("Three!", "en", 5), ("3", "en", 5), ("It's me.", "en", 6), ("我有10个", "zh", 4), ("(laughs) ha", "en", 2)],
)
def test_characters_are_counted_as_they_are_spoken(tmp_path: Path, text: str, language: str, characters: int) -> None:
    clip = Clip(say(tmp_path, "a"), text)
    (row,) = inspect(LabelledSet("one", (clip,), language)).checked
    assert row.characters == characters
    assert row.rate == pytest.approx(characters / 1.6, rel=0.05)


def test_a_row_without_sound_has_no_rate() -> None:
    assert CheckedRow(Clip("/a.wav", "x"), False).rate == 0.0

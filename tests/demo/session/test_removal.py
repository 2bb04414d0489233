"""Removed is removed: after its day, or at once on request, nothing of a recording, a set, a run or a visitor is on disk."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from filelock import FileLock
from starlette.testclient import TestClient

from core.audio import sound_files
from core.audio.segmentation import Span
from core.data.clips.labelled_set import LabelledSet
from core.data.clips.parts import assign_parts
from core.data.library import folder_trash
from core.data.library.recordings import Recording
from core.errors import AttuneError, DatasetError, RunError
from core.runs import ladder_job, run_folder
from core.runs.execute import execute
from core.runs.outcome import read_outcome
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage import clock
from core.storage.cache import FOLDER, DiskCache
from core.storage.files import read_json, sha256, write_json
from core.storage.temporary import MARK
from core.training.recipe import Recipe
from core.training.transcript_cache import transcribe_once
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.background.queue import JobQueue
from demo.background.tasks import Task, Tasks
from demo.server.erase_visitor import PREFIX, Forgetting
from demo.server.security import Guard
from demo.session import chosen_set, reading_list, removal, session
from demo.session.reading import Take
from demo.session.session import Session
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.take_home.handlers import write
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.library.handlers import LibraryHandlers
from demo.steps.teach.proofread import long_recordings
from demo.steps.your_data.handlers import YourDataHandlers
from demo.wording import Wording
from tests.demo.session.uploading import uploaded

W = Wording("en")
WORDS = ("amber", "birch", "cedar", "daisy", "ebony", "fern", "grape", "hazel", "iris", "jade", "kelp", "lilac")
RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass, for all that asks how long ago something was removed."""
    passed = [0.0]
    uptime = clock._uptime
    monkeypatch.setattr(clock, "_uptime", lambda: uptime() + passed[0])

    def wait(seconds: float) -> None:
        passed[0] += seconds

    return wait


@pytest.fixture
def visitor(home: Path, tiny_ctc: Path) -> Session:
    made = Session(home / "sessions" / secrets.token_hex(16), local=True)
    made.folder.mkdir(parents=True)
    made.choose(model=str(tiny_ctc), labelled_set="own")
    return made


def sound(number: int, folder: Path) -> Path:
    """A sound that no other test has, as a file with a name of its own."""
    wave = np.random.default_rng(number).normal(0, 0.1, 8000).astype(np.float32)
    sound_files.write_flac(folder / f"take-{WORDS[number]}.flac", wave)
    return folder / f"take-{WORDS[number]}.flac"


def say(visitor: Session, tmp_path: Path, count: int = len(WORDS)) -> list[Recording]:
    """The visitor's recordings, each of one word of its own."""
    for number in range(count):
        id = visitor.recordings.add(sound(number, tmp_path)).id
        visitor.recordings.label(id, f"say {WORDS[number]}")
    return visitor.recordings.all()


def adapt(visitor: Session, *, name: str = "20261130-080000-0a1b2c3d") -> Run:
    """A finished run on the visitor's recordings, with all that may be made of one."""
    first, *rest = visitor.recordings.clips()
    clips = assign_parts([replace(first, part="validation"), *rest], "en")
    labelled = LabelledSet("own", tuple(clips))
    run = run_folder.create(visitor.folder / "runs" / name, Request(visitor.choices.model, labelled, (), (clips[0],), RECIPE))
    list(execute(run))
    write(visitor, run.id, "en", "html")
    (run.folder / "log.txt").write_text("reading " + " ".join(clip.text for clip in clips))
    visitor.choose(run=run.id)
    return run


def traces(home: Path, word: str, recording: Recording | None = None) -> list[str]:
    """The files of a folder that hold a word, a sound's checksum or fingerprint, or the sound itself, or are called so."""
    wanted = [word.encode()]
    print_of = ""
    if recording is not None:
        number = WORDS.index(word)
        print_of = sound_files.fingerprint(np.random.default_rng(number).normal(0, 0.1, 8000).astype(np.float32))
        wanted += [recording.sha256.encode(), print_of.encode()]
    found = []
    for path in sorted(home.rglob("*")):
        raw = path.read_bytes() if path.is_file() else b""
        same = path.suffix == ".flac" and path.is_file() and sound_files.fingerprint(sound_files.decode(path)) == print_of
        if same or any(part in raw or part in str(path.relative_to(home)).encode() for part in wanted):
            found.append(str(path.relative_to(home)))
    return found


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory, tiny_ctc: Path) -> Path:
    """The home of a visitor who has a finished run, made once."""
    home = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTUNE_HOME", str(home))
        visitor = Session(home / "sessions" / secrets.token_hex(16), local=True)
        visitor.choose(model=str(tiny_ctc), labelled_set="own")
        say(visitor, tmp_path_factory.mktemp("sounds"))
        adapt(visitor)
    return home


@pytest.fixture
def taught(learnt: Path, home: Path) -> tuple[Session, list[Recording], Run]:
    """The visitor of `learnt` in a home of this test's own."""
    shutil.copytree(learnt, home)
    for path in home.rglob("*.json*"):
        path.write_bytes(path.read_bytes().replace(str(learnt).encode(), str(home).encode()))
    (folder,) = (home / "sessions").iterdir()
    visitor = Session(folder)
    return visitor, visitor.recordings.all(), visitor.runs()[0]


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_of_a_removed_recording_is_left(
    part: str, at_once: bool, taught: tuple[Session, list[Recording], Run], home: Path, now: Callable[[float], None]
) -> None:
    visitor, recordings, run = taught
    paths = [clip.path for clip in run.request().labelled_set.part(part)]
    gone = next(r for r in recordings if str(r.path) in paths)
    word = gone.text.split()[1]
    reading_of(visitor, gone)
    visitor.choose(clip=gone.id, heard=f"heard {word}")
    sound_files.write_flac(visitor.folder / "augmented.flac", sound_files.decode(gone.path))
    assert len(traces(home, word, gone)) > 5
    teaching = TeachHandlers(W)
    told = teaching.remove(visitor, gone.id)["removed_note"]
    assert "undo this for a day" in told
    assert "1 fine-tune used it" in told
    if at_once:
        assert "Permanently deleted" in teaching.delete(visitor, gone.id)["removed_note"]
    else:
        now(folder_trash.UNDO_SECONDS - 60)
        removal.sweep_all()
        assert traces(home, word, gone)
        now(120)
        removal.sweep_all()
    assert traces(home, word, gone) == []
    assert visitor.recordings.all() == [r for r in recordings if r != gone]
    assert all(r.path.is_file() for r in visitor.recordings.all())
    kept = [Path(clip.path).stem for clip in run.request().labelled_set.clips if clip.path]
    other = next(r for r in recordings if r.id in kept)
    assert len(traces(home, other.text.split()[1], other)) > 2
    with pytest.raises(DatasetError, match="no longer"):
        visitor.recordings.restore(gone.id)


def reading_of(visitor: Session, recording: Recording) -> None:
    """Makes a recording the take of a prompt, and what the base heard in it."""
    here = reading_list.read(visitor)
    reading_list._write(visitor, replace(here, takes={here.prompt: Take(recording.id)}))
    reading_list.hear(visitor, here.prompt, recording.id, recording.text, True)


def test_a_run_whose_clip_is_gone_still_says_what_it_can(taught: tuple[Session, list[Recording], Run]) -> None:
    visitor, _, run = taught
    before, trained = read_outcome(run), len(run.request().labelled_set.part("train"))
    tested = before.comparisons["test"].clips
    for row in tested[:-1]:
        id = Path(row.path).stem
        visitor.recordings.remove(id)
        TeachHandlers(W).delete(visitor, id)
        after = read_outcome(run)
        assert after.differs == ()
        assert len(after.comparisons["test"].clips) < len(before.comparisons["test"].clips)
    assert [row.path for row in after.comparisons["test"].clips] == [tested[-1].path]
    shown = CompareHandlers(W, ModelPool(), Outcomes()).show(visitor)["verdict"]
    assert "were deleted later" in shown
    for recording in visitor.recordings.all():
        visitor.recordings.remove(recording.id)
    for recording in visitor.recordings.removed():
        TeachHandlers(W).delete(visitor, recording.id)
    assert traces(visitor.folder, "say ") == []
    assert len(run.request().labelled_set.part("train")) == trained  # how many there were stays true
    assert run.state() == "done"
    comparing = CompareHandlers(W, ModelPool(), Outcomes())
    assert "were deleted later" in comparing.show(visitor)["verdict"]
    comparing.analyses(visitor)
    assert (run.adapted / "config.json").is_file()


def test_nothing_of_a_removed_recording_is_left_in_a_ladder(visitor: Session, tmp_path: Path, home: Path) -> None:
    recordings = say(visitor, tmp_path)
    clips = assign_parts(visitor.recordings.clips(), "en")
    whole = Request(visitor.choices.model, LabelledSet("own", tuple(clips)), (), (), RECIPE)
    job = ladder_job.create(visitor.folder / "ladders" / "20261130-080000-0a1b2c3d", whole, sizes=(3,), repeats=1)
    list(ladder_job.carry_out(job))
    learnt = [row.clips for row in job.measured()]
    for recording in recordings[:6]:
        visitor.recordings.remove(recording.id)
        TeachHandlers(W).delete(visitor, recording.id)
        assert traces(home, recording.text.split()[1], recording) == []
    assert [row.clips for row in job.measured()] in (learnt, [])
    assert job.state() == "done"


def test_undo_brings_a_recording_back_as_it_was(visitor: Session, tmp_path: Path, now: Callable[[float], None]) -> None:
    recordings = say(visitor, tmp_path, 4)
    reading_of(visitor, recordings[1])
    place, kept = reading_list.read(visitor), sha256(recordings[1].path)
    teaching = TeachHandlers(W)
    teaching.remove(visitor, recordings[1].id)
    assert visitor.recordings.removed() == [recordings[1]]
    shown = teaching.own(visitor)
    assert shown["removed"]["visible"] is True
    assert shown["removed_choice"]["choices"] == [("say birch (0.5 s)", recordings[1].id)]
    now(folder_trash.UNDO_SECONDS - 60)
    removal.sweep_all()
    assert "Restored" in teaching.restore_clip(visitor, recordings[1].id)["removed_note"]
    now(3 * folder_trash.UNDO_SECONDS)
    removal.sweep_all()
    assert visitor.recordings.all() == recordings
    assert (reading_list.read(visitor), sha256(recordings[1].path)) == (place, kept)


def test_a_recording_that_a_run_works_on_is_deleted_when_it_has_ended(
    taught: tuple[Session, list[Recording], Run], home: Path, now: Callable[[float], None]
) -> None:
    visitor, recordings, run = taught
    gone = recordings[0]
    (run.folder / "result.json").unlink()
    events = (run.folder / "events.jsonl").read_bytes()
    (run.folder / "events.jsonl").write_bytes(b"\n".join(events.splitlines()[:3]) + b"\n")
    visitor.recordings.remove(gone.id)
    with run.lock():  # a worker
        with pytest.raises(RunError, match="running fine-tune"):
            TeachHandlers(W).delete(visitor, gone.id)
        now(folder_trash.UNDO_SECONDS + 1)
        removal.sweep_all()
        assert gone.path.is_file()
        assert gone not in visitor.recordings.all()
    removal.sweep_all()
    assert traces(home, "amber", gone) == []


def test_a_set_that_holds_a_copy_is_not_touched_and_named(visitor: Session, tmp_path: Path, home: Path) -> None:
    gone = say(visitor, tmp_path, 6)[2]
    LibraryHandlers(W).save(visitor, "Trees")
    told = TeachHandlers(W).remove(visitor, gone.id)["removed_note"]
    assert "a copy in: Trees" in told
    TeachHandlers(W).delete(visitor, gone.id)
    stored = visitor.library.sets()[0]
    assert visitor.library.verify(stored.id) == []
    assert "say cedar" in [one.clip.text for one in stored.clips]
    assert all("library" in path for path in traces(home, "cedar", gone))


def test_a_run_on_a_copy_keeps_it_until_the_copy_goes_too(visitor: Session, tmp_path: Path, home: Path) -> None:
    gone = say(visitor, tmp_path, 9)[2]
    LibraryHandlers(W).save(visitor, "Trees")
    stored = visitor.library.open(visitor.choices.labelled_set)
    assert gone.id in {one.clip.id for one in stored.clips}
    reading_of(visitor, gone)
    chosen = chosen_set.labelled_set(visitor)
    run = run_folder.create(visitor.folder / "runs" / "one", Request(visitor.choices.model, chosen, (), (), RECIPE))
    list(execute(run))
    before = (run.folder / "request.json").read_bytes()
    left = stored.labelled()
    copied = [clip for clip in left.clips if clip.id == gone.id]
    visitor.library.update(stored.id, replace(left, clips=tuple(clip for clip in left.clips if clip not in copied)))
    visitor.library.delete_left_out(stored.id, partial(removal.forget_clips, visitor))
    assert "say cedar" not in (run.folder / "request.json").read_text()
    assert visitor.recordings.get(gone.id) == gone
    assert gone.id in {take.id for take in reading_list.read(visitor).takes.values()}  # its recording is still there
    (run.folder / "request.json").write_bytes(before)
    sound_files.write_flac(Path(copied[0].path), sound_files.decode(gone.path))  # as if the set had kept its copy
    visitor.recordings.remove(gone.id)
    TeachHandlers(W).delete(visitor, gone.id)
    assert (run.folder / "request.json").read_bytes() == before
    assert gone.id not in {take.id for take in reading_list.read(visitor).takes.values()}


@pytest.mark.parametrize("how", ["delete", "empty", "a day"])
def test_nothing_of_a_deleted_set_is_left(
    how: str, visitor: Session, tmp_path: Path, home: Path, now: Callable[[float], None]
) -> None:
    recordings = say(visitor, tmp_path, 9)
    keeping = LibraryHandlers(W)
    keeping.save(visitor, "Trees")
    id = visitor.choices.labelled_set
    chosen = chosen_set.labelled_set(visitor)
    run = run_folder.create(visitor.folder / "runs" / "one", Request(visitor.choices.model, chosen, (), (), RECIPE))
    list(execute(run))
    (visitor.folder / "exports").mkdir()
    (visitor.folder / "exports" / f"{id}-csv.zip").write_bytes(b"say cedar")
    for recording in recordings:
        visitor.recordings.remove(recording.id)
        TeachHandlers(W).delete(visitor, recording.id)
    assert traces(home, "cedar", recordings[2])
    keeping.delete(visitor)
    assert keeping.show(visitor, "csv")["removed_choice"]["value"] == id
    match how:
        case "delete":
            keeping.delete_for_good(visitor, id)
        case "empty":
            assert "1 set was permanently deleted" in keeping.empty(visitor)["note"]
        case _:
            now(folder_trash.UNDO_SECONDS + 1)
            removal.sweep_all()
    for word, recording in zip(WORDS, recordings, strict=False):
        assert traces(home, word, recording) == []
    assert visitor.library.trash() == visitor.library.sets() == []
    with pytest.raises(DatasetError):
        keeping.delete_for_good(visitor, id)


@pytest.mark.parametrize("at_once", [True, False])
def test_clips_left_out_of_a_set_go_for_good_and_no_undo_brings_them_back(
    at_once: bool, visitor: Session, tmp_path: Path, home: Path, now: Callable[[float], None]
) -> None:
    recordings = say(visitor, tmp_path, 6)
    LibraryHandlers(W).save(visitor, "Trees")
    id = visitor.choices.labelled_set
    for recording in recordings:
        visitor.recordings.remove(recording.id)
        TeachHandlers(W).delete(visitor, recording.id)
    whole = visitor.library.open(id).labelled()
    fewer = LabelledSet(whole.name, tuple(clip for clip in whole.clips if "cedar" not in clip.text), whole.language)
    visitor.library.update(id, fewer)
    visitor.library.undo(id)
    visitor.library.update(id, fewer)
    later = LabelledSet(whole.name, fewer.clips[1:], whole.language)
    now(folder_trash.UNDO_SECONDS - 60)
    visitor.library.update(id, later)  # this one may be put back for a day from now on
    if at_once:
        assert visitor.library.delete_left_out(id) == 2
    else:
        now(120)
        removal.sweep_all()
    assert traces(home, "cedar", recordings[2]) == []
    stored = visitor.library.open(id)
    assert len(stored.left_out) == (0 if at_once else 1)
    with suppress(DatasetError):
        while True:
            stored = visitor.library.undo(id)
            assert "say cedar" not in [one.clip.text for one in (*stored.clips, *stored.left_out)]
    assert visitor.library.verify(id) == []


def test_clips_that_an_undo_leaves_out_again_can_be_put_back_for_a_day(
    visitor: Session, tmp_path: Path, now: Callable[[float], None]
) -> None:
    say(visitor, tmp_path, 5)
    LibraryHandlers(W).save(visitor, "Trees")
    id = visitor.choices.labelled_set
    whole = visitor.library.open(id).labelled()
    visitor.library.update(id, LabelledSet(whole.name, whole.clips[1:], whole.language))
    visitor.library.update(id, whole)
    now(folder_trash.UNDO_SECONDS + 1)
    removal.sweep_all()
    assert len(visitor.library.undo(id).left_out) == 1
    removal.sweep_all()
    assert len(visitor.library.open(id).left_out) == 1


@pytest.mark.parametrize("kind", ["runs", "long"])
@pytest.mark.parametrize("at_once", [True, False])
def test_nothing_of_a_removed_run_or_long_recording_is_left(
    kind: str, at_once: bool, visitor: Session, tmp_path: Path, home: Path, now: Callable[[float], None], monkeypatch
) -> None:
    handlers = YourDataHandlers(W, Tasks(), ModelPool(), Outcomes())
    if kind == "runs":
        recordings = say(visitor, tmp_path)
        run = adapt(visitor)
        for recording in recordings:  # the run says of none of them any more what was said
            visitor.recordings.remove(recording.id)
        key, folder = f"runs/{run.id}", run.folder
    else:
        monkeypatch.setattr(long_recordings, "segment", lambda wave: [Span(0.0, 0.5)])
        long = long_recordings.receive(visitor, sound(0, tmp_path))
        long.add((long_recordings.Draft(0.0, 0.5, "say amber", 0.1),), 1)
        key, folder = f"long/{long.id}", long.folder
    before = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert key in [value for _, value in handlers.show(visitor)["choice"]["choices"]]
    assert "undo this for a day" in handlers.remove(visitor, key)["note"]
    assert handlers.show(visitor)["choice"]["choices"] == []
    assert handlers.show(visitor)["removed_choice"]["value"] == key
    handlers.restore(visitor, key)
    assert {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    handlers.remove(visitor, key)
    if at_once:
        assert "Permanently deleted" in handlers.delete(visitor, key)["note"]
    else:
        now(folder_trash.UNDO_SECONDS + 1)
        removal.sweep_all()
    assert [path for path in traces(home, folder.name) if not path.endswith("choices.json")] == []
    if kind == "long":
        assert traces(home, "amber") == []
    with pytest.raises(DatasetError, match="no longer"):
        handlers.restore(visitor, key)


@pytest.mark.parametrize("key", [None, "", "library/x", "runs/", "runs/..", "runs/../library", "long/.trash"])
def test_only_what_is_there_is_removed(key: str | None, visitor: Session) -> None:
    handlers = YourDataHandlers(W, Tasks(), ModelPool(), Outcomes())
    for act in (handlers.remove, handlers.restore, handlers.delete):
        with pytest.raises(AttuneError):
            act(visitor, key)
    assert visitor.folder.is_dir()


class Died(BaseException):
    """A process that ended here."""


@pytest.mark.parametrize("step", range(8))
def test_a_crash_leaves_a_recording_whole_or_gone(
    step: int, taught: tuple[Session, list[Recording], Run], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, recordings, _ = taught
    gone = recordings[0]
    visitor.recordings.remove(gone.id)
    with monkeypatch.context() as patch:
        for time in dying(patch, step):
            with suppress(Died):
                TeachHandlers(W).delete(visitor, gone.id)
            assert time
    fresh = Session(visitor.folder, local=True)
    assert gone not in fresh.recordings.all()
    assert all(recording.path.is_file() for recording in fresh.recordings.removed())
    for recording in fresh.recordings.removed():
        TeachHandlers(W).delete(fresh, recording.id)
    for half in visitor.folder.rglob(".*-*"):
        os.utime(half, (0, 0))
    removal.sweep_all()
    assert traces(home, "amber", gone) == []
    assert fresh.recordings.all() == recordings[1:]


def dying(patch: pytest.MonkeyPatch, step: int) -> Iterator[bool]:
    """Lets the process die at the given change of the disk."""
    left = [step]

    def counted(change: Callable) -> Callable:
        def wrapped(*given: object, **more: object) -> object:
            if left[0] == 0:
                raise Died
            left[0] -= 1
            return change(*given, **more)

        return wrapped

    for name in ("replace", "unlink"):
        patch.setattr(Path, name, counted(getattr(Path, name)))
    yield True


@pytest.mark.parametrize("step", range(7))
def test_a_crash_leaves_left_out_clips_whole_or_gone(
    step: int, visitor: Session, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, now: Callable[[float], None]
) -> None:
    gone = say(visitor, tmp_path, 5)[2]
    LibraryHandlers(W).save(visitor, "Trees")
    id = visitor.choices.labelled_set
    whole = visitor.library.open(id).labelled()
    fewer = tuple(clip for clip in whole.clips if "cedar" not in clip.text)
    visitor.library.update(id, LabelledSet(whole.name, fewer, whole.language))
    with monkeypatch.context() as patch:
        for _ in dying(patch, step):
            with suppress(Died):
                visitor.library.delete_left_out(id)
    stored = visitor.library.open(id)
    assert all(Path(one.clip.path).is_file() for one in (*stored.clips, *stored.left_out))
    now(folder_trash.UNDO_SECONDS + 1)
    for half in visitor.folder.rglob(f"{MARK}*"):
        os.utime(half, (0, 0))
    removal.sweep_all()
    assert [path for path in traces(home, "cedar", gone) if "library" in path] == []
    assert visitor.library.verify(id) == []


def test_what_a_crash_kept_of_a_deleted_set_goes_with_the_next_sweep(visitor: Session, tmp_path: Path, home: Path) -> None:
    say(visitor, tmp_path, 5)
    LibraryHandlers(W).save(visitor, "Trees")
    id = visitor.choices.labelled_set
    visitor.library.delete(id)

    def died(names: frozenset[str]) -> None:
        raise Died

    with suppress(Died):
        visitor.library.delete_for_good(id, died)
    assert visitor.library.trash() == visitor.library.sets() == []
    removal.sweep_all()
    assert [path for path in traces(home, id) if not path.endswith("choices.json")] == []


def test_a_clock_that_is_set_anew_deletes_nothing_too_early(
    visitor: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: Callable[[float], None]
) -> None:
    one, two = say(visitor, tmp_path, 2)
    visitor.recordings.remove(one.id)
    real = clock.time.time
    for error in (400 * 86_400, -400 * 86_400):
        monkeypatch.setattr(clock.time, "time", lambda error=error: real() + error)
        removal.sweep_all()
        assert visitor.recordings.removed() == [one]
    visitor.recordings.remove(two.id)
    now(folder_trash.UNDO_SECONDS + 1)  # these days do pass, whatever the clock says
    removal.sweep_all()
    assert visitor.recordings.removed() == []
    assert not one.path.exists()


def test_the_day_goes_on_over_a_restart_of_the_computer(
    visitor: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = say(visitor, tmp_path, 1)
    visitor.recordings.remove(one.id)
    real = clock.time.time
    monkeypatch.setattr(clock, "_start", lambda: "the next one")
    monkeypatch.setattr(clock.time, "time", lambda: real() + folder_trash.UNDO_SECONDS + 1)
    removal.sweep_all()
    assert not one.path.exists()


def test_a_folder_removed_at_a_date_far_ahead_counts_from_now_on(tmp_path: Path, now: Callable[[float], None]) -> None:
    bin = folder_trash.Trash(tmp_path / "bin")
    (tmp_path / "thing").mkdir()
    bin.put(tmp_path / "thing")
    for damaged in ({"at": clock.steady_time() + 9e9}, {"at": "yesterday"}, {}):
        write_json(tmp_path / "bin" / "thing" / folder_trash.STAMP, damaged)
        assert bin.sweep() == 0
    now(folder_trash.UNDO_SECONDS + 1)
    assert bin.sweep() == 1
    assert not (tmp_path / "bin" / "thing").exists()


def test_a_sound_that_no_line_lists_goes_and_one_whose_line_is_damaged_stays(visitor: Session, tmp_path: Path) -> None:
    one, _ = say(visitor, tmp_path, 2)
    left = one.path.with_name(f"{secrets.token_hex(8)}.flac")
    left.write_bytes(one.path.read_bytes())
    visitor.recordings.sweep()
    assert left.is_file()  # it may be on its way
    os.utime(left, (0, 0))
    log = visitor.folder / "recordings" / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"add": "' + left.stem.encode() + b'", "sha\n')
    visitor.recordings.sweep()
    assert left.is_file()
    log.write_bytes(whole)
    visitor.recordings.sweep()
    assert not left.exists()
    assert one.path.is_file()


def test_what_an_earlier_version_kept_in_the_cache_names_no_sound_and_goes(
    visitor: Session, tmp_path: Path, home: Path
) -> None:
    (one,) = say(visitor, tmp_path, 1)
    cache = DiskCache("transcripts")
    cache.write("0" * 64, b"old")
    cache.write(f"{'1' * 64}-{'2' * 64}", b"of another sound")
    visitor.recordings.remove(one.id)
    visitor.recordings.delete(one.id)
    assert [path.name for path in (home / FOLDER / "transcripts").iterdir()] == [f"{'1' * 64}-{'2' * 64}"]


def test_an_import_that_was_killed_leaves_nothing_after_a_day(visitor: Session) -> None:
    uploaded = visitor.folder / "imports" / "one" / "uploaded"
    uploaded.mkdir(parents=True)
    (uploaded / "amber.zip").write_bytes(b"PK")
    for path in (uploaded / "amber.zip", uploaded, uploaded.parent):
        os.utime(path, (0, 0))
    with FileLock(visitor.folder / "imports.lock"):  # its process lives, and asks a question
        removal.sweep(visitor)
        assert (uploaded / "amber.zip").is_file()
    removal.sweep(visitor)
    assert list((visitor.folder / "imports").iterdir()) == []


def test_a_sweep_makes_nothing(visitor: Session, home: Path) -> None:
    clock.steady_time()
    there = sorted(home.rglob("*"))
    removal.sweep_all()
    assert sorted(home.rglob("*")) == there


def forgetting(tasks: Tasks | None = None, pool: ModelPool | None = None, outcomes: Outcomes | None = None) -> Forgetting:
    return Forgetting(Jobs(), tasks or Tasks(), pool or ModelPool(), outcomes or Outcomes())


def test_nothing_of_a_forgotten_visitor_is_left(
    taught: tuple[Session, list[Recording], Run], home: Path, tmp_path: Path, tiny_ctc: Path
) -> None:
    visitor, recordings, run = taught
    LibraryHandlers(W).save(visitor, "Trees")
    other = Session(home / "sessions" / secrets.token_hex(16), local=True)
    other.recordings.add(sound(0, tmp_path))
    uploaded(visitor, recordings[0].path)
    pool, outcomes = ModelPool(), Outcomes()
    with pool.lend("anyone", str(run.adapted)) as adapted:
        transcribe_once(adapted, [sound_files.decode(recordings[1].path)])
    outcomes.of(run)
    forgetter = forgetting(pool=pool, outcomes=outcomes)
    forgetter.forget(visitor)
    for word, recording in zip(WORDS[1:], recordings[1:], strict=True):
        assert traces(home, word, recording) == []
    assert traces(home, visitor.folder.name) == []
    assert len(other.recordings.all()) == 1
    assert other.recordings.all()[0].path.is_file()
    assert not outcomes._kept
    visitor.choose(heard="say amber")  # an answer that was in flight
    forgetter.sweep()
    assert traces(home, visitor.folder.name) == []


def test_forgetting_ends_workers_and_leaves_the_queue(visitor: Session, home: Path) -> None:
    jobs = Jobs()
    queue = JobQueue(home / "turns")
    (home / "turns").mkdir(parents=True)
    made = []
    for name in ("one", "two"):
        run = run_folder.create(visitor.folder / "runs" / name, Request("none", LabelledSet("own", ()), (), (), RECIPE))
        made.append(run)
    blocker = Run(home / "sessions" / "other" / "runs" / "first")
    blocker.folder.mkdir(parents=True)
    write_json(blocker.folder / "request.json", {})
    queue.join(blocker)  # waits for its own worker, and these two behind it
    jobs.start(made[0])
    queue.join(made[1])
    orphan = subprocess.Popen([sys.executable, "-m", "demo.background.worker", str(made[1].folder)])  # of an earlier server
    try:
        wait_until(lambda: all((run.folder / "pid").exists() for run in made))
        Forgetting(jobs, Tasks(), ModelPool(), Outcomes()).forget(visitor)
        assert orphan.wait(20) != 0
        assert not visitor.folder.exists()
        assert [Path(path.read_text()) for path in (home / "turns").glob("[0-9]*")] == [blocker.folder]
    finally:
        orphan.kill()
        orphan.wait()


def wait_until(there: Callable[[], bool], seconds: float = 60.0) -> None:
    import time

    until = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < until, "this never came"
        time.sleep(0.05)


def test_a_worker_whose_folder_is_gone_makes_none(tmp_path: Path) -> None:
    from demo.background.worker import main

    assert main(tmp_path / "sessions" / "gone" / "runs" / "one") == 1
    assert not (tmp_path / "sessions").exists()
    assert not Run(tmp_path / "gone").is_alive()
    assert not (tmp_path / "gone").exists()


def test_forgetting_stops_what_goes_on_in_the_background(visitor: Session) -> None:
    tasks = Tasks()

    def work(task: Task) -> None:
        wait_until(lambda: task.stopping)
        visitor.choose(heard="the last thing it writes")

    tasks.start(visitor.name, "import", None, work)
    forgetting(tasks).forget(visitor)
    assert tasks.look(visitor.name, "import") is None
    assert not visitor.folder.exists()


def test_a_crash_while_forgetting_serves_nothing_and_is_gone_on_with(
    taught: tuple[Session, list[Recording], Run], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, recordings, _ = taught
    with monkeypatch.context() as patch:
        patch.setattr("demo.server.erase_visitor.forget_sounds", lambda sounds: (_ for _ in ()).throw(Died()))
        with suppress(Died):
            forgetting().forget(visitor)
    assert [path.name for path in (home / "sessions").iterdir()] == [PREFIX + visitor.folder.name]
    forgetting().sweep()  # of the next process
    assert traces(home, "amber", recordings[0]) == []
    assert list((home / "sessions").iterdir()) == []


def test_forget_me_takes_a_post_of_its_own_page(home: Path, tmp_path: Path) -> None:
    server = FastAPI()
    server.get("/en/")(lambda: "a page")
    forgetting().add_route(server, lambda request: session.find(request.cookies.get(session.COOKIE)))
    server.add_middleware(session.Cookies, paths=frozenset({"/en/"}))
    server.add_middleware(Guard)
    client = TestClient(server, base_url="http://127.0.0.1:7860", follow_redirects=False)
    client.get("/en/")
    token = client.cookies[session.COOKIE]
    visitor = session.find(token)
    visitor.recordings.add(sound(0, tmp_path))
    assert client.get("/forget").status_code == 405
    assert client.post("/forget", headers={"origin": "http://evil.example"}).status_code == 403
    assert visitor.recordings.all()
    answer = client.post("/forget", headers={"origin": "http://127.0.0.1:7860"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert session.COOKIE not in client.cookies
    assert not visitor.folder.exists()
    assert client.post("/forget").status_code == 303  # once more: there is nobody to forget
    client.get("/en/")
    assert client.cookies[session.COOKIE] != token
    assert not session.find(token, make=False).folder.exists()


def test_the_stamp_of_a_removal_is_the_trash_s_own(tmp_path: Path) -> None:
    bin = folder_trash.Trash(tmp_path / "bin")
    (tmp_path / "thing").mkdir()
    bin.put(tmp_path / "thing")
    assert read_json(tmp_path / "bin" / "thing" / folder_trash.STAMP)["at"] <= clock.steady_time()
    bin.take_out("thing", tmp_path)
    assert list((tmp_path / "thing").iterdir()) == []

"""A damaged file never locks a person out: every file of a session, damaged in every way, and every handler of the page."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import os
import re
import shutil
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.drafts import Draft
from core.errors import AttuneError, ModelError, RunError
from core.evaluation.compare import compare
from core.evaluation.robustness import ConditionResult, Line
from core.runs import ladder_job, robustness_job, run_folder
from core.runs.job_folder import Expected, Job
from core.runs.lineup import comparable
from core.runs.request import Request
from core.runs.run_folder import Run
from core.runs.tradeoff import points
from core.runs.word_times import WordTimes, word_times
from core.storage.files import append_json_line, home, write_json
from core.text.metrics import Interval
from core.training.events import Advanced, Entered, Evaluated, Finished, Prepared, Stepped, Trained
from core.training.recipe import Recipe
from demo.app import build_page
from demo.background import worker
from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.outcome_cache import Outcomes
from demo.background.queue import JobQueue
from demo.background.tasks import Tasks
from demo.session import chosen_set, notices, reading_list, session
from demo.session.session import Choices, Session
from demo.show.errors import explain
from demo.steps.teach.bring.handlers import NOTE
from demo.steps.teach.proofread import long_recordings
from demo.wording import LANGUAGES, Wording
from tests.conftest import tone
from tests.core.audio.test_segmentation import spoken

TOKEN = "0" * 32
SAID = ("the cat sat", "a dog ran", "one bird sang", "two fish swam")
BASE = ("the cat sat", "a fog ran", "one bird sang", "two dish swam")
TIMES = ((0.0, 0.1), (0.1, 0.2), (0.2, 0.3))  # of the words of the first
# Handlers that begin work in another process or thread, and one that imports a library of seven seconds.
BEGINNING = ("start", "sweep", "begin", "fetch", "ask", "go_on", "receive", "spectrogram")
LOOKING = (
    "restore", "load", "look", "show", "shown", "offer", "first", "at", "links", "own", "choices", "analyses", "canaries",
    "default",
)  # fmt: skip
RANDOM = re.compile(r"[0-9a-f]{8,}(-[0-9]+)*(-\w+)?|[0-9]{4}-[0-9]|[0-9]{6}")  # in a path
HAPPENED = (
    Entered("loading"),
    Prepared(2, 0.1, 4, 1, 1, 0.0, 0, SAID[:1]),
    Entered("training", 2),
    Evaluated(0, 0.5, 0.2, 1, BASE[1], SAID[1], 0.0, 2.0, 0.1, (("head", 0.0),), BASE[:1]),
    Stepped(4, 1.0, 0.0, 1.0, 0.0),
    Evaluated(4, 0.1, 0.1, 1, SAID[1], SAID[1], 2.0, 1.0, 0.2, (("head", 0.01),), SAID[:1]),
    Trained(4, 4, False, 0.1, 1.0, 1.0),
    Finished(3.0),
)


class NoModel:
    """Takes the place of what lends models, so that no handler waits for one."""

    def lend(self, owner: str, id: str, *_: Any, **__: Any) -> Any:
        raise ModelError("model_unknown", "There is none.", id=id)

    transcribe = lend


class NoJobs(Jobs):
    """Takes the place of what starts processes."""

    def start(self, job: Job, expected: Expected | None = None) -> None:
        raise AssertionError("nothing is started here")


def request() -> Request:
    parts = ("train", "train", "test", "test")
    clips = tuple(Clip(f"/nowhere/{i}.flac", text, "", part) for i, (text, part) in enumerate(zip(SAID, parts, strict=True)))
    return Request("whisper-tiny.en", LabelledSet("mine", clips), (), (), Recipe())


def finished(run: Run) -> Run:
    """Fills a run's folder as `core.runs.execute` leaves it."""
    clips = [Clip(f"/nowhere/{i}.flac", text) for i, text in enumerate(SAID)]
    groups = {"test": compare(clips, BASE, SAID, "en"), "canary": compare(clips, SAID, SAID, "en")}
    groups["own"] = compare(clips[:1], BASE[:1], SAID[:1], "en")
    write_json(run.folder / "comparison.json", {group: c.to_json() for group, c in groups.items()})
    for event in HAPPENED:
        run.append(event)
    summaries = {group: dataclasses.asdict(groups[group].figures) for group in ("test", "canary")}
    figures = {"model": "whisper-tiny.en", "family": "whisper", "set": "mine", "synthetic": False, "language": "en"}
    counts = {"clips": 2, "minutes": 0.1, "replayed": 0, "seed": 0, "steps": 4, "best_step": 4, "validation_clips": 0}
    rest = {"recipe": Recipe().to_json(), "seconds": {"evaluate": 1.0}, "run": str(run.folder), "test_clips": 4}
    write_json(run.folder / "result.json", {**summaries, **figures, **counts, **rest})
    write_json(run.adapted / "config.json", {})
    return run


def lived_in(found: Session) -> None:
    """Gives a session a little of everything that leaves a file."""
    sound = found.folder / "said.wav"
    for number, text in enumerate(SAID):
        sound_files.write_flac(sound, tone(1.0, 200.0 + 50 * number))
        recording = found.recordings.add(sound)
        found.recordings.label(recording.id, text)
    found.choose(clip=recording.id, heard=BASE[-1], labelled_set=chosen_set.OWN)
    reading_list.use_own(found, "\n".join(SAID), "en")
    reading_list.receive(found, SAID[0], str(sound))
    reading_list.hear(found, SAID[0], reading_list.read(found).takes[SAID[0]].id, BASE[0], True)
    reading_list.keep(found, SAID[0], "en")

    kept = found.library.create("kept", found.recordings.clips()).stored
    found.library.update(kept.id, LabelledSet("kept", tuple(kept.labelled().clips[1:])))
    found.library.delete(found.library.create("gone", found.recordings.clips()).stored.id)

    sound_files.write_flac(sound, spoken(2.0, 1.0, 2.0))
    long = long_recordings.receive(found, sound)
    long.add((Draft(0.0, 2.0, SAID[0], 0.1), Draft(3.0, 5.0, SAID[1], 0.2, True)), 2)

    one, two = (finished(run_folder.create(found.folder / "runs" / f"2026010{n}-100000-a", request())) for n in (1, 2))
    write_json(one.folder / "times" / "test-0.json", {"base": TIMES, "adapted": TIMES})
    robustness = robustness_job.create(one)
    line, nothing = Line(0.1, 0.0, 0.2), Interval(0.0, 0.0, 0.0, 1.0, 4, "sentences")
    for condition in ("recorded", "noise_20"):
        append_json_line(robustness.folder / "points.jsonl", ConditionResult(condition, line, line, nothing, 4).to_json())
    ladder = ladder_job.create(found.folder / "ladders" / "20260101-100000-a", request(), (1, 2), 1)
    for _, rung in ladder.rungs():
        finished(run_folder.create(rung.folder, request()))
    for job in (robustness, ladder):
        job.append(Entered("rungs", 2))
        job.append(Advanced(1, 2, 1.0))
        job.append(Finished(1.0))
    write_json(ladder.folder / "result.json", {"rows": []})
    write_json(robustness.folder / "result.json", {"points": []})
    for job in (one, two, robustness, ladder):
        with job.lock():
            pass
        JobQueue(home() / "turns").join(job)
    write_json(found.folder / "imports" / "0123456789abcdef" / NOTE, {"name": "brought"})
    with (found.folder / "imports.lock").open("w"):
        pass
    found.damaged(found.folder / "a.json", found.folder / "b.json")
    found.choose(run=one.id, queue=f"{one.id} {two.id}", ladder=ladder.id)
    sound.unlink()


@pytest.fixture(scope="module")
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture(scope="module")
def page(tasks: Tasks) -> gr.Blocks:
    async def built() -> gr.Blocks:  # outside a running loop, Gradio makes some and leaves them open
        return build_page(Wording("en"), NoModel(), NoJobs(), Outcomes(), tasks, Forecasts())  # type: ignore[arg-type]

    return asyncio.run(built())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which somebody has done a little of everything."""
    folder = tmp_path_factory.mktemp("lived-in") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTUNE_HOME", str(folder))
        session._folder(TOKEN).mkdir(parents=True)
        lived_in(session.find(TOKEN))
    return folder


@pytest.fixture
def lived(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A copy of it to damage."""
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    return moved(whole, home())


def moved(whole: Path, to: Path) -> Session:
    shutil.copytree(whole, to)
    for entry in (to / "turns").iterdir():  # they name the folders by where they lie
        entry.write_text(entry.read_text().replace(str(whole), str(to)))
    return session.find(TOKEN)


@pytest.fixture(autouse=True)
def nothing_going_on(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks._tasks.clear()
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # nobody pulls the plug here, and it takes most of the time


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What "Something went wrong" or "could not write to its disk" was said of."""
    found: list[str] = []
    monkeypatch.setattr(logging, "exception", lambda *_: found.append(traceback.format_exc()))
    return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The notes that were shown beside the page."""
    found: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, duration, title: found.append(message))
    return found


def handlers(page: gr.Blocks) -> dict[str, Callable[[Any], Any]]:
    """What every event of the page calls, by name, each with the values that its inputs begin with."""
    found = {}
    for function in page.fns.values():
        if function.fn is None or "handler" not in function.fn.__code__.co_freevars:
            continue
        place = function.fn.__code__.co_freevars.index("handler")
        called = function.fn.__closure__[place].cell_contents
        given = [getattr(component, "value", None) for component in function.inputs]
        values = [
            "" if value is None and isinstance(c, gr.Textbox) else value
            for c, value in zip(function.inputs, given, strict=True)
        ]
        name = getattr(called, "__qualname__", "?")
        if name.rpartition(".")[2] not in BEGINNING:
            found[name] = lambda asked, fn=function.fn, values=values: fn(asked, *values)
    assert len(found) > 60, "the page has more handlers than that; they are not found where they were"
    return found


def visit(page: gr.Blocks, only: Sequence[str] = ()) -> None:
    """Loads the page and does all that can be done on it, or what is named."""
    asked = SimpleNamespace(cookies={session.COOKIE: TOKEN}, client=None, headers={})
    for name, handler in sorted(handlers(page).items(), key=lambda pair: "restore" not in pair[0]):  # loading comes first
        if not only or name.rpartition(".")[2] in only:
            handler(asked)


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def wrong(content: bytes) -> bytes:
    """Every field of every line holds something that nobody wrote there."""
    lines = []
    for line in [content] if content.startswith(b"{\n") else content.splitlines():
        try:
            lines.append(json.dumps(mistyped(json.loads(line), 0)))
        except ValueError:
            lines.append("\xff")
    return "\n".join([*lines, ""]).encode()


def mistyped(value: Any, place: int) -> Any:
    if isinstance(value, dict):
        return {name: mistyped(inner, i) for i, (name, inner) in enumerate(value.items())}
    odd = [7, [], None, {}, "x" * 200_000, [[[[]]]], 10**400, True, -1, 1e300]
    return next(one for one in [*odd[place % len(odd) :], *odd] if type(one) is not type(value))


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "half": half,
    "wrong": wrong,
    "empty": lambda content: b"",
    "garbage": lambda content: b"\xff\xfe\x00garbage\n" * 3,
    "list": lambda content: b"[]\n",
    "number": lambda content: b"7\n",
    "null": lambda content: b"null\n",
    "object": lambda content: b"{}\n",
    "deep": lambda content: b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "zeros": lambda content: bytes(len(content)),
}
OTHERS = ("missing", "folder", "nowhere")


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if how in DAMAGES:
        path.write_bytes(DAMAGES[how](content))
    elif how == "folder":
        (path / "inside").mkdir(parents=True)
    elif how == "nowhere":
        path.symlink_to("/nowhere/at/all")
    if path.is_file():
        os.utime(path, (1_700_000_000, 1_700_000_000))  # so that nobody can still be writing it


def state_files(folder: Path) -> dict[str, Path]:
    """One of each kind of file below a home, by its path without what is random in it."""
    found: dict[str, Path] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.setdefault(
            re.sub(r"[0-9a-f]{8,}(-[0-9]+)*(-\w+)?|[0-9]{4}-[0-9]|[0-9]{6}", "*", str(path.relative_to(folder))), path
        )
    return found


def goes_on(found: Session) -> None:
    """A choice is kept, and whoever joins the queue gets a turn."""
    assert found.choose(language="sw").language == "sw"
    assert session.find(TOKEN).choices.language == "sw"
    late = run_folder.create(found.folder / "runs" / "20270101-100000-late", request())
    queue = JobQueue(home() / "turns")
    queue.join(late)
    assert queue.is_next(late)


def test_every_kind_of_file_is_there(whole: Path) -> None:
    kinds = state_files(whole)
    names = {Path(kind).name for kind in kinds}
    assert {
        "choices.json", "reading.json", "log.jsonl", "about.json", "drafts.jsonl", "set.json", "clips.jsonl", "dropped.jsonl",
        "request.json", "events.jsonl", "result.json", "comparison.json", "points.jsonl", NOTE, notices.FILE,
    } <= names  # fmt: skip
    assert any(kind.startswith("turns/") for kind in kinds)


def names_below(folder: Path) -> set[str]:
    """The names of the files and folders, also while what was discarded is still being deleted."""
    return {os.path.join(place, name) for place, folders, files in os.walk(folder) for name in (*folders, *files)}


def test_nothing_is_said_of_whole_files(page: gr.Blocks, lived: Session, faults: list[str], told: list[str]) -> None:
    (lived.folder / notices.FILE).unlink()
    before = names_below(lived.folder)
    visit(page, LOOKING)
    assert (faults, told) == ([], [])
    assert not [name for name in names_below(lived.folder) - before if "damaged" in Path(name).name]
    visit(page)
    assert faults == []


MINE = ("choices.json", "reading.json", "log.jsonl", "about.json", "drafts.jsonl")
OFTEN = (*MINE, "request.json", "events.jsonl", "result.json", "comparison.json")


def test_one_damaged_file_locks_nobody_out(
    page: gr.Blocks,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tasks: Tasks,
    faults: list[str],
    told: list[str],
) -> None:
    """Each kind in one of the ways, what is read most in two more; each in every way would take minutes."""
    ways = [*DAMAGES, *OTHERS]
    alike = re.compile(r"\.flac$|lock$|rungs|\.trash")  # as others, or nothing that is read
    kinds = [kind for kind in state_files(whole) if not alike.search(kind)]
    wrong: dict[tuple[str, str], Any] = {}
    for number, kind in enumerate(kinds):
        for how in dict.fromkeys([ways[number % len(ways)], *(("half", "wrong") if Path(kind).name in OFTEN else ())]):
            monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / f"{number}-{how}"))
            found = moved(whole, home())
            (found.folder / notices.FILE).unlink()
            if kind.endswith(notices.FILE):
                found.damaged(Path("a.json"), Path("b.json"))
            damage(state_files(home())[kind], how)
            tasks._tasks.clear()
            visit(page, LOOKING)
            once = len(told)
            visit(page, ("restore", "load"))
            expected = Path(kind).name in MINE and how not in ("missing", "nowhere", "object")
            if faults or len(told) != once or once != expected:
                wrong[kind, how] = list(faults), list(told)
            goes_on(found)
            faults.clear()
            told.clear()
            shutil.rmtree(home())
    assert wrong == {}


@pytest.mark.parametrize("how", [*DAMAGES, *OTHERS])
def test_a_home_of_damaged_files_locks_nobody_out(
    how: str, page: gr.Blocks, lived: Session, faults: list[str], told: list[str]
) -> None:
    for path in sorted(path for path in home().rglob("*") if path.is_file()):
        damage(path, how)
    visit(page, () if how in ("wrong", "folder") else LOOKING)
    assert faults == []
    assert len(told) <= 8
    goes_on(lived)


def test_what_is_none_of_its_folder_breaks_no_list(page: gr.Blocks, lived: Session, faults: list[str], told: list[str]) -> None:
    for folder in [path for path in home().rglob("*") if path.is_dir()]:
        for name in ("20260103-100000-f", "0123456789abcde0", "7", "0003-0", "000009.jsonl", "x.damaged-1.json", ".hidden"):
            (folder / name).write_bytes(b"\xff")
        for name in (
            "20260103-100000-d",
            "0123456789abcde1",
            "8",
            "0004-0",
            "000008.jsonl",
            "y.damaged-1.json",
            ".hidden-folder",
        ):
            (folder / name / "inside").mkdir(parents=True)
        (folder / "0123456789abcde2").symlink_to("/nowhere/at/all")
        (folder / "20260103-100000-loop").symlink_to(folder / "20260103-100000-loop")
        with suppress(OSError):  # some file systems take no such names
            (folder / os.fsdecode(b"odd \xff\n'\"${}")).write_bytes(b"")
            (folder / "\u202e").mkdir()
    before = [run.id for run in lived.runs()]
    visit(page)
    assert faults == []
    assert before == ["20260101-100000-a", "20260102-100000-a"]
    goes_on(lived)


@pytest.mark.parametrize("name", MINE)
def test_what_was_damaged_is_kept_beside(name: str, page: gr.Blocks, lived: Session, told: list[str]) -> None:
    (lived.folder / notices.FILE).unlink()
    path = next(lived.folder.rglob(name))
    content = b'{"no": 1}}}\n'
    path.write_bytes(content)
    visit(page, LOOKING)
    (kept,) = path.parent.glob("*.damaged-*")
    assert kept.read_bytes() == content
    (sentence,) = told
    assert name in sentence
    assert kept.name in sentence


def test_what_is_whole_of_a_file_is_used(lived: Session) -> None:
    chosen, read, heard = lived.choices, reading_list.read(lived), lived.recordings.all()
    fields = json.loads((lived.folder / "choices.json").read_text())
    write_json(lived.folder / "choices.json", {**fields, "model": 7, "language": None, "later": "x"})
    assert lived.choices == dataclasses.replace(chosen, model=Choices().model, language="en")
    fields = json.loads((lived.folder / "reading.json").read_text())
    write_json(lived.folder / "reading.json", {**fields, "place": "second"})
    assert reading_list.read(lived) == dataclasses.replace(read, place=0)
    log = lived.folder / "recordings" / "log.jsonl"
    log.write_bytes(b'7\n{"add": "../../escaped", "sha256": "", "seconds": 1.0}\n{"label": 3}\n[]\n' + log.read_bytes())
    assert lived.recordings.all() == heard
    long = long_recordings.put_aside(lived)[0]
    about, drafts = long.about, long.drafts
    (long.folder / "about.json").write_text("{")
    assert long.about == dataclasses.replace(about, name=long.id)  # all but the name is worked out again
    path = long.folder / "drafts.jsonl"
    path.write_bytes(path.read_bytes() + b"half a li\n")
    assert long.drafts == drafts


@pytest.mark.parametrize("name", ["request.json", "result.json", "comparison.json"])
@pytest.mark.parametrize("how", [*DAMAGES, "folder"])
def test_a_damaged_run_says_what_is_damaged(name: str, how: str, lived: Session) -> None:
    one, two = lived.runs()
    damage(one.folder / name, how)
    read = {"request.json": one.request, "result.json": one.result, "comparison.json": one.comparisons}[name]
    if name == "comparison.json" and how == "object":
        return  # of a run that scored nothing
    with pytest.raises(RunError, match=name) as raised:
        read()
    assert raised.value.reason == "run_damaged"
    for language in LANGUAGES:
        assert name in explain(raised.value, Wording(language))
    assert comparable([one, two], two) in ([two], [one, two])
    assert two.id in [point.run for point in points([one, two], two)]


@pytest.mark.parametrize("how", ["half", "empty", "deep"])
def test_a_worker_ends_a_damaged_job_with_a_sentence(how: str, lived: Session) -> None:
    run = run_folder.create(lived.folder / "runs" / "20260104-100000-a", request())
    write_json(run.folder / "request.json", {**request().to_json(), "kind": "run"})
    damage(run.folder / "request.json", how)
    for path in (home() / "turns").iterdir():
        path.unlink()
    assert worker.main(run.folder) == 1
    (failed,) = run.events()
    assert failed.reason == "run_damaged"
    assert "request.json" in failed.message


def test_times_that_are_damaged_are_worked_out_again(lived: Session) -> None:
    run = lived.runs()[0]
    assert word_times(run, "test", 0) == WordTimes(TIMES, TIMES)
    damage(run.folder / "times" / "test-0.json", "wrong")
    with pytest.raises(AttuneError, match="no file"):  # its sound is nowhere, which shows that it was asked for
        word_times(run, "test", 0)
    assert not (run.folder / "times" / "test-0.json").exists()

"""A set on the page: looked at, repaired, split, written, renamed, deleted and brought back, downloaded."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, Dropped
from core.data.importers.any_format import read
from core.data.inspection.inspection import Histogram
from core.data.library.stored_set import StoredSet
from core.data.samples import read_sample
from core.errors import AttuneError, RunError
from core.text.normalisation import CHOICES, Normalisation
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.server import set_files
from demo.session.session import Session
from demo.steps.names import Shown
from demo.steps.teach.bring.show import counts
from demo.steps.teach.inspect.handlers import KIND, InspectHandlers
from demo.steps.teach.inspect.show import histogram
from demo.steps.teach.library.handlers import LibraryHandlers
from demo.steps.teach.split.handlers import SplitHandlers
from demo.steps.teach.write.handlers import WriteHandlers
from demo.wording import LANGUAGES, Wording

W = Wording("en")
PLACES = 10
HOSTILE = '<img src=x onerror=alert(1)> ${alert(2)} "quoted"'
PARTS = ("train", "train", "train", "train", "train", "validation", "test", "test")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


@pytest.fixture
def tasks() -> Tasks:
    return Tasks()


@pytest.fixture
def looking(tasks: Tasks) -> InspectHandlers:
    return InspectHandlers(W, ModelPool(), tasks, PLACES)


def keep(
    session: Session, name: str = "birds", copies: int = 1, language: str = "en", texts: tuple[str, ...] = ()
) -> StoredSet:
    """Keeps eight real clips as a set, with copies of the first sound, and chooses it."""
    clips = read_sample("accent").clips[:8]
    made = [
        Clip(clip.path, texts[i] if i < len(texts) else clip.text, f"voice {i % 3}", part)
        for i, (clip, part) in enumerate(zip(clips, PARTS, strict=True))
    ]
    made += [made[0]] * copies
    dropped = [Dropped("gone.wav", "row_no_sound", "t.csv, line 9: there is no sound file /x/gone.wav.", "t.csv, line 9")]
    stored = session.library.create(name, made, language, dropped=dropped).stored
    session.choose(labelled_set=stored.id)
    return stored


def ended(looking: InspectHandlers, session: Session) -> Shown:
    for _ in range(3000):
        shown = looking.look(session)
        if shown["timer"]["active"] is False:
            return shown
        time.sleep(0.01)
    raise AssertionError(shown)


def places(shown: Shown) -> dict[str, int]:
    """The kinds of findings that have a button, and where it is."""
    found = {}
    for number in range(PLACES):
        if shown[f"place {number}.row"]["visible"]:
            found[shown[f"place {number}.about"].split('data-kind="')[1].split('"')[0]] = number
    return found


def test_a_copy_is_found_taken_out_and_put_back(looking: InspectHandlers, session: Session) -> None:
    stored = keep(session, copies=2)
    looking.begin(session, False)
    shown = ended(looking, session)
    assert "birds: 11 rows read, 10 kept, 1 dropped" in shown["summary"]
    assert "same_audio" in places(shown)
    number = places(shown)["same_audio"]
    about, button = shown[f"place {number}.about"], shown[f"place {number}.repair"]
    assert "2 clips duplicate the sound" in about
    assert button["value"] == "Remove (2)"
    assert about.count("<audio") == 2
    assert f"/sound/set/{stored.id}/" in about
    assert "few_test" in shown["rest"]
    assert "There is no such sound file" in shown["rest"]

    assert "2 clips are removed" in looking.repair(session, False, place=number)["done"]
    after = ended(looking, session)
    assert "same_audio" not in places(after)
    assert len(session.library.open(stored.id).clips) == 8
    buttons = looking.buttons(session)
    assert buttons["undo"]["visible"] is buttons["back"]["visible"] is buttons["delete"]["visible"] is True
    assert "8 clips before, 10 now" in looking.undo(session, False)["done"]
    assert session.library.open(stored.id).labelled() == stored.labelled()
    assert "same_audio" in places(ended(looking, session))

    looking.repair(session, False, place=places(ended(looking, session))["same_audio"])
    assert "2 clips are restored" in looking.back(session, False)["done"]
    assert len(session.library.open(stored.id).clips) == 10


def test_a_remedy_of_an_old_report_is_refused(looking: InspectHandlers, session: Session) -> None:
    stored = keep(session)
    looking.begin(session, False)
    number = places(ended(looking, session))["same_audio"]
    session.library.update(stored.id, dataclasses.replace(stored.labelled(), clips=stored.labelled().clips[1:]))
    assert "has changed since" in looking.look(session)["progress"]
    with pytest.raises(AttuneError, match="Check it again"):
        looking.repair(session, False, place=number)
    session.choose(labelled_set="accent")
    assert looking.look(session)["summary"] == ""  # the report of another set is not shown
    with pytest.raises(AttuneError, match="Copy this one first"):
        looking.repair(session, False, place=number)
    with pytest.raises(AttuneError, match="Copy this one first"):
        looking.undo(session, False)


def test_renaming_a_set_leaves_its_report(looking: InspectHandlers, session: Session) -> None:
    stored = keep(session)
    looking.begin(session, False)
    ended(looking, session)
    session.library.rename(stored.id, "another name")
    assert looking.look(session)["progress"] == ""


@pytest.mark.parametrize("name", ["accent", "own"])
def test_a_set_that_is_not_kept_is_looked_at_and_not_changed(name: str, looking: InspectHandlers, session: Session) -> None:
    session.folder.mkdir(parents=True)
    if name == "own":
        for clip in read_sample("accent").clips[:2]:
            recording = session.recordings.add(clip.path)
            session.recordings.label(recording.id, clip.text)
    session.choose(labelled_set=name)
    looking.begin(session, False)
    shown = ended(looking, session)
    assert places(shown) == {}
    assert "rows read" in shown["summary"]
    assert looking.buttons(session)["undo"]["visible"] is False


def test_the_base_is_asked_and_what_it_cannot_write_is_found(
    session: Session, tasks: Tasks, tiny_ctc: Path, looking: InspectHandlers
) -> None:
    keep(session, texts=("naïve façade",))
    session.choose(model=str(tiny_ctc))
    looking.ask(session, False)
    shown = ended(looking, session)
    assert 'data-kind="unknown_characters"' in shown["rest"]
    assert "ï" in shown["rest"]
    report = tasks.look(session.name, KIND).result
    assert all(row.loss is not None for row in report.checked if row.kept)
    looking.begin(session, False)
    assert 'data-kind="unknown_characters"' in ended(looking, session)["rest"]
    assert "has not compared" in looking.look(session)["summary"]


def test_looking_is_stopped(looking: InspectHandlers, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(session)

    def slow(*given: object) -> None:
        while not given[-1]():
            time.sleep(0.005)
        raise AttuneError("inspection_stopped", "stopped")

    monkeypatch.setattr("demo.steps.teach.inspect.handlers.inspect", slow)
    assert looking.begin(session, False)["stop"]["visible"] is True
    looking.stop(session)
    said = ended(looking, session)["progress"]
    assert "was stopped" in said
    assert "error" not in said


def test_a_base_that_cannot_be_had_says_so(looking: InspectHandlers, session: Session) -> None:
    keep(session)
    session.choose(model="/no/such/model")
    looking.ask(session, False)
    assert "There is no folder or file /no/such/model" in ended(looking, session)["progress"]


def test_nothing_a_set_says_is_markup(looking: InspectHandlers, session: Session) -> None:
    stored = keep(session, name=HOSTILE, texts=(HOSTILE,))
    looking.begin(session, False)
    shown = [text for text in ended(looking, session).values() if isinstance(text, str)]
    shown += [SplitHandlers(W).show(session)["table"], WriteHandlers(W).show(session)["preview"]]
    shown += [text for text in LibraryHandlers(W).show(session, "csv").values() if isinstance(text, str)]
    shown.append(counts(stored, W))
    assert sum("&lt;img" in text for text in shown) >= 4
    for text in shown:
        assert "<img" not in text
        assert "${" not in text


def test_a_move_says_what_went_along_and_what_it_means(session: Session) -> None:
    stored = keep(session, copies=1)
    splitting = SplitHandlers(W)
    shown = splitting.show(session)
    assert shown["editing"]["visible"] is True
    assert "a verdict needs at least 8" in shown["table"]
    assert shown["seed"]["value"] == stored.seed
    labels = [label for label, _ in shown["who"]["choices"]]
    assert labels[0].startswith("Speaker voice 0, ")
    first = next(value for label, value in shown["who"]["choices"] if label.startswith(stored.clips[0].clip.text))
    told = splitting.move(session, [first], "test")["note"]
    assert "Moved 1 clip to test: held out for the score. 1 more moved too" in told
    after = session.library.open(stored.id).labelled()
    assert len(after.part("test")) == 4
    session.library.undo(stored.id)
    told = splitting.move(session, ["speaker:voice 1"], "validation")["note"]
    assert "clips to validation: chooses the checkpoint" in told
    with pytest.raises(AttuneError, match="no clip or speaker"):
        splitting.move(session, ["speaker:nobody"], "test")
    with pytest.raises(AttuneError, match="no clip or speaker"):
        splitting.move(session, ["clip:/etc/passwd"], "test")
    with pytest.raises(AttuneError, match="Choose clips"):
        splitting.move(session, [], "test")
    with pytest.raises(AttuneError, match="A part is"):
        splitting.move(session, [first], "nowhere")


def test_a_new_split_depends_on_its_seed(session: Session) -> None:
    stored = keep(session, copies=0)
    splitting = SplitHandlers(W)
    assert "New split with seed 5" in splitting.new_split(session, 5)["note"]
    once = session.library.open(stored.id)
    assert once.seed == 5
    splitting.new_split(session, 6)
    splitting.new_split(session, 5)
    assert session.library.open(stored.id).labelled() == once.labelled()
    session.choose(labelled_set="accent")
    assert SplitHandlers(W).show(session)["editing"]["visible"] is False
    with pytest.raises(AttuneError, match="Copy this one first"):
        splitting.new_split(session, 1)


def test_a_wording_is_previewed_proposed_and_kept(session: Session) -> None:
    texts = (
        "I HAVE 3 CATS.",
        "YOU HAVE 12 DOGS",
        "WE SING",
        "THEY SLEEP",
        "ALL BIRDS FLY",
        "NO FISH TALK",
        "WHO KNOWS",
        "WE DO",
    )
    stored = keep(session, copies=0, texts=texts)
    writing = WriteHandlers(W)
    shown = writing.show(session)
    assert shown.keys() == {*CHOICES, "store", "preview"}
    assert shown["case"]["value"] == "lower"
    assert shown["store"]["interactive"] is True
    assert shown["script"]["visible"] is shown["spaces"]["visible"] is shown["vowel_marks"]["visible"] is False
    assert "8 of 8 different transcripts change" in shown["preview"]
    form = Normalisation(case="lower", numbers="words", punctuation="drop")
    choices = {name: getattr(form, name) for name in CHOICES}
    assert "i have three cats" in writing.preview(session, **choices)["preview"]
    assert session.library.open(stored.id).normalisation == stored.normalisation  # nothing is kept by looking
    assert "now uses this style" in writing.store(session, **choices)["note"]
    assert session.library.open(stored.id).normalisation == form
    assert writing.propose(session)["case"]["value"] == "lower"
    with pytest.raises(AttuneError, match="cannot be"):
        writing.preview(session, **{**choices, "case": "shout"})


def test_chinese_has_its_own_choices(session: Session) -> None:
    keep(session, language="zh", texts=("我 有 三只猫",) * 8, copies=0)
    shown = WriteHandlers(W).show(session)
    assert shown["script"]["visible"] is shown["spaces"]["value"] is True
    assert "我有三只猫" in shown["preview"]


def test_arabic_has_a_choice_of_vowel_marks(session: Session) -> None:
    keep(session, language="ar", texts=("مُحَمَّدٌ",) * 4 + ("هذا محمد",) * 4, copies=0)
    writing = WriteHandlers(W)
    shown = writing.show(session)
    assert shown["vowel_marks"]["visible"] is True
    assert shown["vowel_marks"]["value"] == "keep"
    assert writing.propose(session)["vowel_marks"]["value"] == "drop"


def test_a_set_is_copied_renamed_merged_deleted_and_brought_back(session: Session) -> None:
    keeping = LibraryHandlers(W)
    session.folder.mkdir(parents=True)
    with pytest.raises(AttuneError, match="no labelled clips"):
        keeping.save(session, "mine")
    with pytest.raises(AttuneError, match="Copy this one first"):
        keeping.rename(session, "x")
    assert "14 clips" not in keeping.copy(session, "")["note"]
    sample = session.library.open(session.choices.labelled_set)
    assert (sample.name, sample.synthetic, len(sample.clips)) == ("Accent (sample)", True, 56)

    birds = keep(session)
    assert "is now called Vögel" in keeping.rename(session, "Vögel")["note"]
    keeping.copy(session, "second")
    second = session.choices.labelled_set
    assert second != birds.id
    shown = keeping.show(session, "csv")
    assert shown["listed"].count("<li>") == 3
    assert shown["changing"]["visible"] is True
    assert ("Vögel", birds.id) in shown["other"]["choices"]
    told = keeping.merge(session, birds.id, "both")["note"]
    assert "9 sounds were in both" in told or "8 sounds were in both" in told
    with pytest.raises(AttuneError, match="Choose the set"):
        keeping.merge(session, None, "both")

    session.choose(labelled_set=birds.id)
    assert "Vögel is removed" in keeping.delete(session)["note"]
    assert session.choices.labelled_set == "accent"
    shown = keeping.show(session, "csv")
    assert shown["removed"]["visible"] is True
    assert shown["removed_choice"]["value"] == birds.id
    assert "is restored" in keeping.restore(session, birds.id)["note"]
    assert session.choices.labelled_set == birds.id
    for id in (None, "../..", birds.id):
        with pytest.raises(AttuneError, match="no such set"):
            keeping.restore(session, id)


def test_the_own_clips_are_kept_as_a_set(session: Session) -> None:
    for clip in read_sample("accent").clips[:5]:
        session.recordings.label(session.recordings.add(clip.path).id, clip.text)
    assert "5 clips are saved" in LibraryHandlers(W).save(session, "My voice")["note"]
    stored = session.library.open(session.choices.labelled_set)
    assert stored.name == "My voice"
    assert {one.clip.part for one in stored.clips} == {"train", "test"}


def test_only_a_visitor_on_this_computer_is_told_a_folder(session: Session) -> None:
    keep(session)
    elsewhere = Session(session.folder, local=False)
    assert str(session.folder) not in LibraryHandlers(W).show(elsewhere, "csv")["where"]
    assert str(session.folder) in LibraryHandlers(W).show(session, "csv")["where"]


@pytest.fixture
def client(session: Session, tasks: Tasks) -> TestClient:
    server = FastAPI()

    def find(request: object) -> Session:
        if request.headers.get("x-owner") != "yes":  # type: ignore[attr-defined]
            raise RunError("session_missing", "none")
        return session

    set_files.add_routes(server, find, tasks)
    return TestClient(server, headers={"x-owner": "yes"})


@pytest.mark.parametrize("format", ["csv", "audiofolder", "common_voice"])
def test_a_set_is_taken_away_and_read_back(format: str, session: Session, client: TestClient, tmp_path: Path) -> None:
    stored = keep(session, copies=0)
    answer = client.get(f"/set/{stored.id}/{format}.zip")
    assert answer.status_code == 200
    (tmp_path / "taken.zip").write_bytes(answer.content)
    again = read(tmp_path / "taken.zip", work=tmp_path / "work")
    assert again.dropped == ()
    assert sorted(clip.text for clip in again.clips) == sorted(one.clip.text for one in stored.clips)
    names = [Path(name).name for name in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()]
    assert "train-00.flac" in names  # as it came, not as the library calls it


def test_what_was_lost_and_the_report_are_downloaded(
    session: Session, client: TestClient, looking: InspectHandlers, tmp_path: Path
) -> None:
    stored = keep(session, texts=("=cmd|' /C calc'!A0", HOSTILE))
    rows = list(csv.reader(io.StringIO(client.get(f"/set/{stored.id}/dropped-en.csv").text.lstrip("\ufeff"))))
    assert rows[1] == ["t.csv, line 9", "gone.wav", "row_no_sound", "There is no such sound file."]
    assert "没有这个声音文件" in client.get(f"/set/{stored.id}/dropped-zh-CN.csv").text
    assert client.get("/set/report-en.html").status_code == 404  # nobody has looked yet
    looking.begin(session, False)
    ended(looking, session)
    page = client.get("/set/report-en.html")
    assert "1 clip duplicates the sound" in page.text
    assert "<img" not in page.text
    table = client.get("/set/report-en.csv").text
    assert "'=cmd" in table
    told = json.loads(client.get("/set/report-en.json").text)
    assert told["rows"] == 10
    for text in (page.text, table, json.dumps(told)):
        assert str(tmp_path) not in text


@pytest.mark.parametrize(
    "address",
    [
        "/set/0123456789abcdef/csv.zip",
        "/set/..%2F..%2Fetc/csv.zip",
        "/set/{id}/exe.zip",
        "/set/{id}/dropped-xx.csv",
        "/set/report-en.exe",
        "/set/report-xx.html",
    ],
)
def test_what_is_not_there_is_not_found(address: str, session: Session, client: TestClient) -> None:
    stored = keep(session)
    assert client.get(address.format(id=stored.id)).status_code == 404


def test_a_packed_set_that_is_deleted_before_it_is_sent_is_not_found(
    session: Session, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = keep(session)
    assert client.get(f"/set/{stored.id}/csv.zip").status_code == 200
    monkeypatch.setattr(set_files, "export_zip", lambda stored, path, format: session.folder / "exports" / "gone.zip")
    assert client.get(f"/set/{stored.id}/csv.zip").status_code == 404


def test_a_set_of_another_visitor_is_not_found(session: Session, client: TestClient) -> None:
    stored = keep(session)
    for address in (f"/set/{stored.id}/csv.zip", f"/set/{stored.id}/dropped-en.csv", "/set/report-en.html"):
        assert client.get(address, headers={"x-owner": "no"}).status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_and_remedy_has_its_words(language: str) -> None:
    w = Wording(language)
    kinds = (
        "no_speech", "too_short", "mostly_silent", "too_quiet", "clipped", "noisy", "rate_low", "rate_high", "loss_high",
        "conflicting_texts", "leak_audio", "same_audio", "same_text", "unknown_characters", "leak_sentence", "leak_speaker",
        "unsplit", "no_train", "no_validation", "no_test", "few_test", "few_training", "no_speakers", "one_speaker",
        "few_test_speakers",
    )  # fmt: skip
    assert all(w.has(f"finding.{kind}") for kind in kinds)
    for remedy in ("drop", "move_to_train", "split", "resplit"):
        assert w.has(f"remedy.{remedy}")
        assert w.has(f"repaired.{remedy}")
    for name, allowed in CHOICES.items():
        assert w.has(f"write.{name}")
        assert all(w.has(f"write.{name}.{choice}") for choice in allowed if isinstance(choice, str))


def test_a_histogram_says_its_numbers_too() -> None:
    shown = histogram(Histogram((0.0, 1.0, 2.0, 3.0), (2, 0, 5)), "durations", W)
    assert shown.count("<rect") == 2
    assert "<td>2 – 3</td><td>5</td>" in shown
    assert 'role="img" aria-label="Clip duration, in seconds: from 0 to 3; the tallest bar has 5' in shown
    assert histogram(Histogram((0.0, 1.0), (0,)), "rates", W) == ""


def test_a_silent_set_is_heard_nowhere(session: Session, tmp_path: Path, looking: InspectHandlers) -> None:
    sound_files.write_flac(tmp_path / "low.flac", (1e-3 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32))
    stored = session.library.create("low", [Clip(str(tmp_path / "low.flac"), "Nothing much.")]).stored
    session.choose(labelled_set=stored.id)
    looking.begin(session, False)
    shown = ended(looking, session)
    assert {"too_quiet", "unsplit"} & set(places(shown))

"""Importing on the page: what is uploaded becomes a set, what is harmful becomes a sentence."""

from __future__ import annotations

import importlib.util
import io
import pickle
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from huggingface_hub import HfApi

from core.data.samples import read_sample
from core.errors import DatasetError
from demo.background.tasks import Tasks
from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.steps.names import Shown
from demo.steps.teach.bring import handlers as module
from demo.steps.teach.bring.handlers import KIND, BringHandlers, _file_name
from demo.wording import Wording
from tests.core.data.recordings import sound
from tests.demo.session.uploading import uploaded

W = Wording("en")
needs_datasets = pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package datasets")
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)}"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


@pytest.fixture
def bring() -> BringHandlers:
    return BringHandlers(W, Tasks())


def put(session: Session, files: dict[str, bytes]) -> tuple[Upload, ...]:
    """Uploads files as a browser does: the name on the disk is another than the one they had."""
    return tuple(uploaded(session, content, name) for name, content in files.items())


def ended(bring: BringHandlers, session: Session) -> Shown:
    """What is shown when the import is over."""
    for _ in range(2000):
        shown = bring.look(session)
        if shown["timer"]["active"] is False:
            return shown
        time.sleep(0.01)
    raise AssertionError(shown)


def wave(tmp_path: Path, name: str = "a.wav") -> bytes:
    (tmp_path / "made").mkdir(exist_ok=True)
    return sound(tmp_path / "made" / name).read_bytes()


def packed(files: dict[str, bytes], kind: str = "zip") -> bytes:
    target = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=target, mode="w:gz") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


@pytest.mark.parametrize("kind", ["zip", "tar", "files"])
def test_an_upload_becomes_a_chosen_set_and_every_lost_row_is_named(
    kind: str, bring: BringHandlers, session: Session, tmp_path: Path
) -> None:
    rows = f'path,text\naudio/a.wav,Hello there\naudio/b.wav,Good day\naudio/gone.wav,Gone\naudio/a.wav,"{HOSTILE}"\n'
    files = {"clips.csv": rows.encode(), "audio/a.wav": wave(tmp_path), "audio/b.wav": wave(tmp_path, "b.wav")}
    if kind == "files":  # a browser sends them without their folders
        given = put(session, {name.rpartition("/")[2]: content for name, content in files.items()})
    else:
        given = put(session, {f"My birds.{kind}": packed(files, kind)})
    bring.begin(session, given, "", "en")
    shown = ended(bring, session)
    id = shown["arrived"]
    stored = session.library.open(id)
    assert session.choices.labelled_set == id
    assert sorted(one.clip.text for one in stored.clips) == ["Good day", "Hello there"]
    assert [(row.where, row.name, row.reason) for row in stored.dropped] == [
        ("clips.csv, line 4", "gone.wav", "row_no_sound"),
        ("clips.csv, line 5", "a.wav", "row_duplicate"),
    ]
    said = bring.result(session)["result"]
    assert "4 rows read, 2 kept, 2 dropped" in said
    assert "clips.csv, line 4" in said
    assert str(tmp_path) not in said
    assert stored.name == ("a" if kind == "files" else "My birds")
    assert not any((session.folder / "imports").iterdir())
    assert not any(uploads.folder(session).iterdir())
    chinese = BringHandlers(Wording("zh-CN"), Tasks()).result(session)["result"]
    assert "clips.csv，第 4 行" in chinese
    assert "没有这个声音文件" in chinese


def test_a_repaired_text_is_said_on_the_page(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    table = b"path,text\na.wav,Well, that is how it goes\n"
    bring.begin(session, put(session, {"t.zip": packed({"t.csv": table, "a.wav": wave(tmp_path)})}), "", "en")
    (stored,) = session.library.open(ended(bring, session)["arrived"]).clips
    assert stored.clip.text == "Well, that is how it goes"
    assert "first in line 2 of t.csv" in bring.result(session)["result"]
    assert "t.csv 第 2 行" in BringHandlers(Wording("zh-CN"), Tasks()).result(session)["result"]


def test_subtitles_cut_the_recording_beside_them(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    content = sound(tmp_path / "long.wav", 2.0).read_bytes()
    srt = "1\n00:00:00,000 --> 00:00:00,900\n<i>Hello</i>\n\n2\n00:00:01,000 --> 00:00:01,800\nGood day\n\n"
    srt += "3\n00:00:05,000 --> 00:00:06,000\nGone\n"
    bring.begin(session, put(session, {"talk.srt": srt.encode(), "talk.wav": content, "talk.txt": b"Hello Good day"}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [(one.clip.text, round(one.seconds, 2)) for one in stored.clips] == [("Hello", 0.9), ("Good day", 0.8)]
    assert [(row.where, row.reason) for row in stored.dropped] == [("talk.srt, line 10", "audio_no_such_part")]
    assert "1 further text of the same recordings was not used" in bring.result(session)["result"]
    assert "talk.txt" in BringHandlers(Wording("zh-CN"), Tasks()).result(session)["result"]


def test_a_table_with_times_says_what_was_assumed(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    content = sound(tmp_path / "long.wav", 2.0).read_bytes()
    table = b"path,text,start,end,mood\nlong.wav,Hello,100,900,sad\nlong.wav,Good day,1000,1800,\n"
    bring.begin(session, put(session, {"t.zip": packed({"t.csv": table, "long.wav": content})}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [round(one.seconds, 2) for one in stored.clips] == [0.8, 0.8]
    said = bring.result(session)["result"]
    assert "The times in t.csv were taken as milliseconds" in said
    assert "In t.csv, these columns are not used: mood." in said
    assert "没有用到的列：mood" in BringHandlers(Wording("zh-CN"), Tasks()).result(session)["result"]


def test_the_counts_of_a_session_outlive_the_app(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    given = put(session, {"t.zip": packed({"t.csv": b"path,text\na.wav,Hello\nb.wav,Gone\n", "a.wav": wave(tmp_path)})})
    bring.begin(session, given, "", "en")
    ended(bring, session)
    again = Session(session.folder)
    assert "2 rows read, 1 kept, 1 dropped" in BringHandlers(W, Tasks()).result(again)["result"]


BOMB = packed({"a.wav": b"\0" * 150_000_000})
SECRET = b"path,text\n/etc/hostname,One\n/no/such/file,Two\n../../../../etc/passwd,Three\n"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.zip", b"", "cannot be imported"),
        ("empty.csv", b"", "empty.csv needs a column for the sound file"),
        ("page.csv", b"<html><script>alert(1)</script></html>", "needs a column for"),
        ("bomb.zip", BOMB, "far more than its size"),
        ("renamed.wav", BOMB, "far more than its size"),
        ("out.zip", packed({"../out.csv": b"x"}), "was not unpacked: ../out.csv is not a plain file inside it"),
        ("out.tar.gz", packed({"/etc/out.csv": b"x"}, "tar"), "was not unpacked: /etc/out.csv"),
        ("cut.zip", packed({"a.csv": b"path,text\n" * 500})[:90], "damaged"),
        ("model.pkl", pickle.dumps({"a": 1}), "cannot be imported"),
        ("model.csv", pickle.dumps({"a": 1}), "model.csv"),
        ("inside.zip", packed({"weights.pt": pickle.dumps([1]), "x.pickle": b"\x80\x04."}), "cannot be imported"),
        ("sound.wav", b"RIFF", "cannot be imported"),
        ("notes.txt", b"hello", "needs a column for"),
        ("server.csv", SECRET, "None of the 3 rows can be used"),
        ("evil.eaf", b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><ANNOTATION_DOCUMENT/>', "damaged"),
        (HOSTILE, b"x", "cannot be imported"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_a_harmful_upload_gets_a_sentence_and_leaves_nothing(
    name: str, content: bytes, sentence: str, bring: BringHandlers, session: Session, tmp_path: Path
) -> None:
    bring.begin(session, put(session, {name: content}), "", "en")
    shown = ended(bring, session)
    said = shown["progress"] or shown["asked"]
    assert sentence in said
    assert "<img" not in said
    assert "${" not in said
    assert session.library.sets() == []
    assert session.choices.labelled_set == "accent"
    assert {path.name for path in tmp_path.iterdir()} <= {"session", "uploads", "made"}
    if not shown["asked"]:
        assert not any((session.folder / "imports").iterdir())


def test_a_row_says_nothing_of_what_lies_on_the_server(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    """Whether a file outside is there or not, the row is dropped for the same reason."""
    there = sound(tmp_path / "there.wav")
    rows = f"path,text\n{there},One\n{tmp_path / 'not-there.wav'},Two\na.wav,Three\n"
    bring.begin(session, put(session, {"t.csv": rows.encode(), "a.wav": wave(tmp_path)}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [(row.name, row.reason) for row in stored.dropped] == [
        ("there.wav", "row_outside"),
        ("not-there.wav", "row_outside"),
    ]
    assert str(tmp_path) not in bring.result(session)["result"]


@needs_datasets
def test_sounds_inside_a_parquet_are_taken_and_those_of_the_server_are_not(
    bring: BringHandlers, session: Session, tmp_path: Path
) -> None:
    import pyarrow
    from pyarrow import parquet

    there = sound(tmp_path / "there.wav")
    named = [str(there), f"file://{there}::hf://datasets/a/b@c/d.wav", str(tmp_path / "not-there.wav"), "../../note.json"]
    sounds = [{"bytes": wave(tmp_path), "path": "a.wav"}, *({"bytes": None, "path": path} for path in named)]
    table = pyarrow.table({"audio": sounds, "text": ["Hello", *["Stolen"] * len(named)]})
    target = io.BytesIO()
    parquet.write_table(table, target)
    bring.begin(session, put(session, {"good.parquet": target.getvalue()}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [stored_clip.clip.text for stored_clip in stored.clips] == ["Hello"]
    assert [row.reason for row in stored.dropped] == ["row_no_sound"] * len(named)
    assert {row.where for row in stored.dropped} == {f"good.parquet, split train, row {n}" for n in (2, 3, 4, 5)}
    assert str(tmp_path) not in bring.result(session)["result"].replace(str(there), "")


def test_a_table_names_nothing_of_what_the_importer_wrote(
    bring: BringHandlers, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sounds that the importer writes count as inside; a row that names the folder they lie in does not reach them."""
    real = module.read

    def read(source: str, *given: object, work: Path, **options: object) -> Any:
        sound(work / "sounds-x" / "a.wav")
        return real(source, *given, work=work, **options)

    monkeypatch.setattr(module, "read", read)
    rows = "path,text\n../work/sounds-x/a.wav,One\nb.wav,Two\n"
    bring.begin(session, put(session, {"t.csv": rows.encode(), "b.wav": wave(tmp_path)}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [(row.name, row.reason) for row in stored.dropped] == [("a.wav", "row_outside")]


@needs_datasets
def test_a_damaged_dataset_is_called_as_its_owner_called_it(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    bring.begin(session, put(session, {"bad.parquet": b"PAR1" + bytes(200) + b"PAR1"}), "", "en")
    said = ended(bring, session)["progress"]
    assert "bad.parquet cannot be read as a Hugging Face dataset" in said
    assert str(tmp_path) not in said


def test_a_path_of_the_server_is_never_taken(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("path,text\n")
    for id in (str(secret), "../../secret.csv", "", "..", "0" * 16):
        with pytest.raises(Exception, match="was not uploaded here"):
            bring.begin(session, (Upload(id, "secret.csv"),), "", "en")
    assert secret.is_file()
    for nothing in (None, ()):
        with pytest.raises(Exception, match="Choose files first"):
            bring.begin(session, nothing, "", "en")


@pytest.mark.parametrize(
    "id", ["", "/etc", "../x", "a/b/c", "a b/c", "file:///etc/passwd", "hf://datasets/a/b", "-x/y", "a/b:c:d"]
)
def test_only_an_id_of_the_hub_is_a_dataset(id: str, bring: BringHandlers, session: Session) -> None:
    with pytest.raises(Exception, match="A dataset's id looks like"):
        bring.fetch(session, id, 3, "", "en")
    assert not (session.folder / "imports").exists()


def test_nothing_is_fetched_where_downloads_are_off(
    bring: BringHandlers, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(DatasetError) as caught:
        bring.fetch(session, "google/fleurs:sw_ke", 3, "", "sw")
    assert caught.value.reason == "dataset_downloads_off"


def test_without_a_network_that_is_what_is_said(
    bring: BringHandlers, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(HfApi, "dataset_info", refused)
    session.folder.mkdir()
    bring.fetch(session, "google/fleurs:sw_ke", 3, "", "sw")
    assert "there is no network, or the Hugging Face Hub does not answer" in ended(bring, session)["progress"]


def test_a_column_is_asked_for_and_the_import_goes_on(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    files = {"t.tsv": b"clip\twords\twho\na.wav\tHello there\tAnna\n", "a.wav": wave(tmp_path)}
    bring.begin(session, put(session, files), "Mine", "en")
    shown = ended(bring, session)
    assert shown["question"]["visible"] is True
    assert "needs a column for the sound file" in shown["asked"]
    assert shown["path"]["choices"] == ["clip", "words", "who"]
    assert shown["tier"]["visible"] is False
    bring.answer(session, "clip", "words", "who", None)
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [(one.clip.text, one.clip.speaker) for one in stored.clips] == [("Hello there", "Anna")]
    assert stored.name == "Mine"
    with pytest.raises(Exception, match="Upload the files again"):
        bring.answer(session, "clip", "words", "who", None)


def eaf(*tiers: str) -> bytes:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="t{i}" TIME_VALUE="{500 * i}"/>' for i in range(2))
    body = "".join(
        f'<TIER TIER_ID="{name}"><ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{name}" TIME_SLOT_REF1="t0" '
        f'TIME_SLOT_REF2="t1"><ANNOTATION_VALUE>Said in {name}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>'
        for name in tiers
    )
    head = '<HEADER><MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/talk.wav"/></HEADER>'
    return f"<ANNOTATION_DOCUMENT>{head}<TIME_ORDER>{slots}</TIME_ORDER>{body}</ANNOTATION_DOCUMENT>".encode()


def test_a_tier_is_asked_for(bring: BringHandlers, session: Session, tmp_path: Path) -> None:
    bring.begin(session, put(session, {"talk.eaf": eaf("words", "notes"), "talk.wav": wave(tmp_path)}), "", "en")
    shown = ended(bring, session)
    assert shown["tier"]["choices"] == ["words", "notes"]
    bring.answer(session, None, None, None, "words")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert [one.clip.text for one in stored.clips] == ["Said in words"]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Lets an import begin, and go on only when it is told to."""
    from threading import Event

    go_on, real = Event(), module.read

    def slow(*given: Any, progress: Callable, should_stop: Callable, **more: Any) -> Any:
        while not go_on.wait(0.01):
            progress(3, None)
            if should_stop():
                break
        return real(*given, progress=progress, should_stop=should_stop, **more)

    monkeypatch.setattr(module, "read", slow)
    yield go_on.set
    go_on.set()


def test_it_is_watched_from_a_page_that_was_loaded_again_and_stopped(
    bring: BringHandlers, session: Session, tmp_path: Path, held: Callable[[], None]
) -> None:
    files = {"t.zip": packed({"t.csv": b"path,text\na.wav,Hello\n", "a.wav": wave(tmp_path)})}
    bring.begin(session, put(session, files), "", "en")
    for _ in range(500):
        shown = bring.look(Session(session.folder))
        if "3 rows so far" in shown["progress"]:
            break
        time.sleep(0.01)
    assert "3 rows so far" in shown["progress"]
    assert shown["stop"]["visible"] is shown["timer"]["active"] is True
    with pytest.raises(Exception, match="import is running"):
        bring.begin(session, put(session, files), "", "en")
    assert "Stopping" in bring.stop(session)["progress"]
    said = ended(bring, session)["progress"]
    assert "was stopped" in said
    assert "error" not in said
    assert session.library.sets() == []
    assert not any((session.folder / "imports").iterdir())


def test_after_a_restart_an_import_is_said_to_be_interrupted_and_nothing_of_it_is_left(
    bring: BringHandlers, session: Session, tmp_path: Path, held: Callable[[], None]
) -> None:
    files = {"t.zip": packed({"t.csv": b"path,text\na.wav,Hello\n", "a.wav": wave(tmp_path)})}
    bring.begin(session, put(session, files), HOSTILE, "en")
    other = BringHandlers(W, Tasks())  # another server of the same user's, while the first is alive
    assert other.look(session)["progress"] == ""
    with pytest.raises(Exception, match="import is running"):
        other.begin(session, put(session, files), "", "en")
    bring._tasks.look(session.name, KIND).order.alive.release()  # as the operating system does when the process dies

    restored = other.restore(session)
    said = restored["progress"]
    assert restored["panel"]["open"] is True
    assert "Attune was restarted while it was importing" in said
    assert "<img" not in said
    assert not any((session.folder / "imports").iterdir())
    assert session.library.sets() == []
    assert other.look(session)["progress"] == said  # until something else is imported
    assert "重新启动了" in BringHandlers(Wording("zh-CN"), other._tasks).look(session)["progress"]
    held()
    assert "restarted" not in ended(bring, session)["progress"]
    other.begin(session, put(session, files), "", "en")
    assert [one.clip.text for one in session.library.open(ended(other, session)["arrived"]).clips] == ["Hello"]
    assert BringHandlers(W, Tasks()).look(session)["progress"] == ""


def test_an_import_that_waits_for_an_answer_does_not_outlive_a_restart(
    bring: BringHandlers, session: Session, tmp_path: Path
) -> None:
    bring.begin(session, put(session, {"talk.eaf": eaf("words", "notes"), "talk.wav": wave(tmp_path)}), "", "en")
    ended(bring, session)
    again = BringHandlers(W, Tasks())
    assert again.look(session)["progress"] == ""  # the process that asks is alive
    bring._tasks.look(session.name, KIND).order.alive.release()
    assert "Attune was restarted while it was importing talk" in again.look(session)["progress"]
    assert not any((session.folder / "imports").iterdir())


@pytest.mark.parametrize(
    ("called", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.wav", "a.wav"),
        ("..", "file"),
        (".hidden", "hidden"),
        ("", "file"),
        ("a\0b\n.wav", "a b .wav"),
        ("好 (1).wav", "好 (1).wav"),
        ("x" * 400 + ".wav", "x" * 116 + ".wav"),
        ("." + "y" * 400, "y" * 12),
    ],
)
def test_a_file_keeps_its_name_as_far_as_that_does_no_harm(called: str, kept: str) -> None:
    assert _file_name(called) == kept


def test_shouted_transcripts_become_small_letters_and_that_is_written_down(bring: BringHandlers, session: Session) -> None:
    clips = read_sample("accent").clips[:4]
    rows = "".join(f"{i}.flac,{clip.text.upper()}\n" for i, clip in enumerate(clips))
    files = {f"{i}.flac": Path(clip.path).read_bytes() for i, clip in enumerate(clips)}
    bring.begin(session, put(session, {"t.csv": f"path,text\n{rows}".encode(), **files}), "", "en")
    stored = session.library.open(ended(bring, session)["arrived"])
    assert stored.normalisation.case == "lower"
    assert {one.clip.text for one in stored.clips} == {clip.text.upper() for clip in clips}
    assert {one.clip.part for one in stored.clips} == {"train", "test"}
    shutil.rmtree(session.folder, ignore_errors=True)  # what the import discards may still be going

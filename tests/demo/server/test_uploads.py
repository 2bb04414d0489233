"""Whose files a request can reach: every handler is attacked, through the server, with files that are not the visitor's."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio import processing_utils
from gradio.context import LocalContext
from starlette.testclient import TestClient

from core.audio import sound_files
from core.data.samples import read_sample
from demo.app import build_server
from demo.server import answers, upload_routes
from demo.server.blocks import TAKES_FILES, Page
from demo.session import session as sessions
from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.steps.teach.proofread import long_recordings
from demo.wording import LANGUAGES, Wording
from tests.core.audio.test_segmentation import spoken
from tests.demo.session.uploading import uploaded
from tests.demo.steps.compare.test_compare import finished

W = Wording("en")
GONE = W("error.upload_missing")
SECRET = "the-secret-of-the-server"
BASE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def server(shared_home: Path) -> FastAPI:
    async def built() -> FastAPI:
        return build_server()

    return asyncio.run(built())  # without a running loop, Gradio opens several and closes none


@pytest.fixture(scope="module")
def pages(server: FastAPI) -> dict[str, Page]:
    """The pages of the server by language."""
    return {
        route.path[1:]: route.app.get_blocks() for route in server.routes if hasattr(getattr(route, "app", None), "get_blocks")
    }


@pytest.fixture(scope="module")
def running(server: FastAPI) -> Iterator[TestClient]:
    with TestClient(server, base_url=BASE) as client:
        yield client


@pytest.fixture
def visitor(running: TestClient) -> TestClient:
    """A browser with a session of its own."""
    client = TestClient(running.app, base_url=BASE)
    client.portal = running.portal
    client.cookies.set(sessions.COOKIE, sessions.new_token())
    return client


def session_of(visitor: TestClient) -> Session:
    return sessions.find(visitor.cookies[sessions.COOKIE])


def file(path: str, name: str = "s0.txt", **more: Any) -> dict[str, Any]:
    """A file as a page names it."""
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}, **more}


def call(visitor: TestClient, page: Page, number: int, data: list[Any]) -> dict[str, Any]:
    """Triggers an event as the page does, and returns its last message."""
    hash = os.urandom(6).hex()
    body = {"fn_index": number, "data": data, "session_hash": hash}
    joined = visitor.post("/en/gradio_api/queue/join", json=body)
    assert joined.status_code == 200, joined.text
    done: dict[str, Any] = {}
    with visitor.stream("GET", "/en/gradio_api/queue/data", params={"session_hash": hash}) as lines:
        for line in lines.iter_lines():
            if line.startswith("data:"):
                said = json.loads(line[5:])
                done = said if said["msg"] == "process_completed" else done
    return done


def takers(page: Page) -> list[tuple[int, int]]:
    """Every event that takes a file, with the place of the component that holds it."""
    return [
        (number, place)
        for number, event in page.fns.items()
        for place, block in enumerate(event.inputs)
        if isinstance(block, TAKES_FILES) and event.fn is not None
    ]


def filled(page: Page, number: int, place: int, value: Any) -> list[Any]:
    """The inputs of an event, with a file in one place and the components' own values elsewhere."""
    data = []
    for at, block in enumerate(page.fns[number].inputs):
        own = getattr(block, "value", None)
        data.append(value if at == place else own if isinstance(own, str | int | float | bool | None) else None)
    multiple = getattr(page.fns[number].inputs[place], "file_count", "single") == "multiple"
    data[place] = [value] if multiple else value
    return data


def everything(folder: Path) -> dict[Path, bytes]:
    """The files in a folder; what is deleted while it is read is read again without it."""
    while True:
        try:
            return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}
        except FileNotFoundError:
            continue


def test_every_component_that_holds_files_is_known_to_take_them(pages: dict[str, Page]) -> None:
    """A component of a new kind would be given what a request names, as Gradio does it."""
    for page in pages.values():
        for event in page.fns.values():
            for block in event.inputs:
                model = getattr(block, "data_model", None)
                names_files = model is not None and "FileData" in json.dumps(model.model_json_schema())
                assert not names_files or isinstance(block, TAKES_FILES), block
        assert len({page.fns[number].inputs[place]._id for number, place in takers(page)}) == 6


@pytest.fixture
def forbidden(tmp_path: Path, visitor: TestClient) -> Iterator[dict[str, dict[str, Any]]]:
    """Files that no visitor may reach, as a request may name them."""
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    other = sessions.find(sessions.new_token())
    theirs = uploaded(other, read_sample("general").clips[0].path)
    path = uploads.find(other, theirs.id)
    os.mkfifo(tmp_path / "pipe")
    mine = session_of(visitor)
    own = uploaded(mine, b"mine")
    (uploads.folder(mine) / ("a" * 16)).mkdir(parents=True)
    os.mkfifo(uploads.folder(mine) / ("a" * 16) / "pipe")
    (uploads.folder(mine) / ("b" * 16)).mkdir()
    (uploads.folder(mine) / ("b" * 16) / "link").symlink_to(secret)
    (uploads.folder(mine) / ("c" * 16)).symlink_to(tmp_path)
    yield {
        "a file": file(str(secret)),
        "a device": file("/dev/zero"),
        "a pipe": file(str(tmp_path / "pipe")),
        "another visitor's upload": file(f"{theirs.id}/{path.name}"),
        "its path": file(str(path)),
        "a pipe among one's own": file("a" * 16 + "/pipe"),
        "a link among one's own": file("b" * 16 + "/link"),
        "a linked folder": file("c" * 16 + "/secret.txt"),
        "a way out": file(f"{own.id}/../../../../secret"),
        "the other's name under an own id": file(f"{'0' * 16}/{path}"),
        "an address": file("http://127.0.0.1:9/x.wav", url="http://127.0.0.1:9/x.wav"),
        "a stream": file(str(secret), is_stream=True),
        "no path": {"meta": {"_type": "gradio.FileData"}},
        "a number": file(7),  # type: ignore[arg-type]
        "no meta": {"path": str(secret)},
        "an odd meta": {"path": str(secret), "meta": "gradio.FileData"},
    }
    for pipe in (tmp_path / "pipe", uploads.folder(mine) / ("a" * 16) / "pipe"):
        pipe.unlink()


def test_no_event_that_takes_a_file_takes_another_s(
    visitor: TestClient, pages: dict[str, Page], forbidden: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    page, mine = pages["en"], session_of(visitor)
    own = next(path for path in uploads.folder(mine).glob("*/as it arrived"))
    for number, place in takers(page):
        for kind, named in forbidden.items():
            before = everything(mine.folder)
            said = call(visitor, page, number, filled(page, number, place, named))
            if kind == "a way out":  # only the id counts: it is the visitor's own upload, and is taken or refused as such
                own.parent.mkdir(parents=True, exist_ok=True)
                own.write_bytes(b"mine")
                continue
            answer = json.dumps(said, ensure_ascii=False)
            assert said["success"], (kind, answer)
            assert page.fns[number].fn.__name__ == "handle"
            assert SECRET not in answer
            after = everything(mine.folder)
            new = {path: content for path, content in after.items() if before.get(path) != content}
            assert all(path.name in ("choices.json",) for path in new), (kind, new)
            assert not mine.recordings.all()
            assert not mine.library.sets()
    assert (tmp_path / "secret.txt").read_text() == SECRET


def test_the_visitor_is_told_why(visitor: TestClient, pages: dict[str, Page]) -> None:
    page = pages["en"]
    told = 0
    for number, place in takers(page):
        said = call(visitor, page, number, filled(page, number, place, file("/etc/passwd")))
        told += GONE in json.dumps(said, ensure_ascii=False)
    # Two only say that something is going on, two have no prompt that is being read, one has no adapted model to try.
    assert told == len(takers(page)) - 5


def test_a_file_where_none_belongs_is_refused_with_a_sentence(
    visitor: TestClient, pages: dict[str, Page], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    page = pages["en"]
    attacked = 0
    for number, event in page.fns.items():
        places = [at for at, block in enumerate(event.inputs) if not isinstance(block, TAKES_FILES)]
        if event.fn is None or not places or attacked == 12:
            continue
        attacked += 1
        for hidden in (file("/dev/zero"), [{"deep": [file("/dev/zero")]}], {"path": "/dev/zero"}):
            data = [hidden if at == places[0] else None for at in range(len(event.inputs))]
            said = call(visitor, page, number, data)
            assert said["success"] is False
            assert said["output"]["error"] == GONE
    assert attacked == 12
    assert "Traceback" not in capfd.readouterr().err


def test_no_event_passes_the_queue_by(visitor: TestClient, pages: dict[str, Page]) -> None:
    direct = {True: set(), False: set()}
    for number, event in pages["en"].fns.items():
        body = {"fn_index": number, "data": [None] * len(event.inputs), "session_hash": "direct"}
        direct[event.queue].add(visitor.post("/en/gradio_api/run/predict", json=body).status_code)
    assert direct[True] == {404}
    assert 200 in direct[False]  # timers only look


@pytest.mark.parametrize("language", LANGUAGES)
def test_gradio_s_own_check_of_paths_is_on(language: str, pages: dict[str, Page]) -> None:
    assert pages[language].has_launched is True


def test_gradio_s_own_check_still_is_what_it_was(tmp_path: Path) -> None:
    """Where this fails, Gradio has changed what `demo.server.blocks` rests on: read it again."""
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)

    async def tried() -> None:
        with gr.Blocks(analytics_enabled=False) as plain:
            component = gr.File()
        LocalContext.blocks.set(plain)
        named = file(str(secret))
        moved = await processing_utils.async_move_files_to_cache(named, component, check_in_upload_folder=True)
        assert Path(moved["path"]).read_text() == SECRET  # without `has_launched` it takes any file
        plain.has_launched = True
        with pytest.raises(Exception, match="was not uploaded by a user"):
            await processing_utils.async_move_files_to_cache(named, component, check_in_upload_folder=True)

    asyncio.run(tried())
    given = list(inspect.signature(gr.Blocks.preprocess_data).parameters)
    assert given == ["self", "block_fn", "inputs", "state", "explicit_call"]
    process = inspect.getsource(gr.Blocks.process_api)
    assert process.count("self.preprocess_data(") == process.count("preprocess_data(") == 2  # alone, and in batches


def send(visitor: TestClient, name: str = "a.wav", content: bytes = b"RIFF", **more: Any) -> Any:
    return visitor.post("/en/gradio_api/upload", files={"files": (name, content)}, **more)


def test_an_upload_is_its_own_session_s_alone(visitor: TestClient) -> None:
    (path,) = send(visitor, content=b"what I said").json()
    assert "/" not in path.partition("/")[2]
    assert str(session_of(visitor).folder) not in path
    assert visitor.get(f"/en/gradio_api/file={path}").content == b"what I said"
    stranger = TestClient(visitor.app, base_url=BASE)
    stranger.cookies.set(sessions.COOKIE, sessions.new_token())
    assert stranger.get(f"/en/gradio_api/file={path}").status_code == 404
    nobody = TestClient(visitor.app, base_url=BASE)
    assert nobody.get(f"/en/gradio_api/file={path}").status_code == 404
    for other in ("/etc/passwd", f"{path}/../../choices.json", "http://127.0.0.1/", str(session_of(visitor).folder)):
        assert visitor.get(f"/en/gradio_api/file={other}").status_code == 404


def test_what_is_uploaded_is_never_shown_as_a_page(visitor: TestClient) -> None:
    for name in ("a.html", "a.svg", "a.xml", "a.js", "a"):
        (path,) = send(visitor, name, b"<script>alert(1)</script>").json()
        answer = visitor.get(f"/en/gradio_api/file={path}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_without_a_session_nothing_is_uploaded_and_nothing_is_made(running: TestClient, shared_home: Path) -> None:
    before = {path for path in (shared_home / "sessions").glob("*")}
    for cookie in (None, "", "0" * 32, "0" * 64, "../../x", "é"):
        stranger = TestClient(running.app, base_url=BASE)
        headers = {"cookie": f"{sessions.COOKIE}={cookie}".encode()} if cookie is not None else {}
        answer = send(stranger, headers=headers)
        assert answer.status_code == 403
        assert answer.text == W("error.session_missing")
        for path in ("/language/en", "/take-home/x.zip", "/sound/recording/x", "/en/gradio_api/upload_progress?upload_id=x"):
            stranger.get(path, headers=headers)
    for _ in range(3):
        assert sessions.COOKIE in TestClient(running.app, base_url=BASE).get("/en/").headers["set-cookie"]
    assert {path for path in (shared_home / "sessions").glob("*")} == before


def test_a_file_s_name_is_no_way_anywhere(visitor: TestClient) -> None:
    for name in ("../../x.wav", "/etc/x.wav", "a/b.wav", "..", "x" * 300 + ".wav", "a\\..\\b.wav", "con", "a\n.wav"):
        answer = send(visitor, name)
        if answer.status_code == 200:
            id, _, called = answer.json()[0].partition("/")
            path = uploads.find(session_of(visitor), id)
            assert path.name == called
            assert path.parent.parent == uploads.folder(session_of(visitor))
        else:
            assert answer.status_code in (400, 507)
    assert {path.name for path in session_of(visitor).folder.iterdir()} == {"uploads"}


def test_an_upload_has_limits(visitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_routes, "MAX_BYTES", 1000)
    answer = send(visitor, content=b"x" * 2000)
    assert (answer.status_code, answer.text) == (413, W("error.upload_too_large", limit=0))
    assert not any(uploads.folder(session_of(visitor)).iterdir())
    monkeypatch.setattr(upload_routes, "MAX_SESSION_FILES", 2)
    assert [send(visitor).status_code for _ in range(3)] == [200, 200, 413]
    broken = visitor.post("/en/gradio_api/upload", content=b"--x", headers={"content-type": "multipart/form-data; boundary=y"})
    assert broken.status_code < 500


def form(head: str, content: bytes = b"RIFF", charset: str = "utf-8", boundary: str = "limit") -> dict[str, Any]:
    """A request with one part, as a browser does not write it."""
    body = f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return {"content": body, "headers": {"content-type": f"multipart/form-data; charset={charset}; boundary={boundary}"}}


A_FILE = 'Content-Disposition: form-data; name="files"; filename="a.wav"'


@pytest.mark.parametrize("tracked", ["", "?upload_id=abc"])
@pytest.mark.parametrize(
    "request_",
    [
        form('Content-Disposition: form-data; name="files"'),
        form('Content-Disposition: form-data; name="other"'),
        form('Content-Disposition: form-data; filename="a.wav"'),
        form("X-Nothing: at all"),
        form('Content-Disposition: form-data; name="files"; filename=".."'),
        form(A_FILE, boundary="b" * 5_000),
        form('Content-Disposition: form-data; name="files"; filename="\\\\ud800.wav"', charset="unicode_escape"),
        form('Content-Disposition: form-data; name="files"; filename="a-\u00e9.wav"', charset="undefined"),
        form(f"{A_FILE}\r\nX-Long: {'x' * 20_000}"),
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"x", "headers": {"content-type": "text/plain"}},
        {"content": b"x"},
    ],
    ids=lambda request: str(request["content"][:70]),
)
def test_what_is_no_upload_is_refused_with_a_sentence(visitor: TestClient, request_: dict[str, Any], tracked: str) -> None:
    answer = visitor.post(f"/en/gradio_api/upload{tracked}", **request_)
    assert (answer.status_code, answer.text) == (400, W("error.upload_damaged"))
    assert not [path for path in uploads.folder(session_of(visitor)).rglob("*") if path.is_file()]


def test_a_file_without_a_name_is_taken(visitor: TestClient) -> None:
    answer = visitor.post(
        "/en/gradio_api/upload?upload_id=abc", **form('Content-Disposition: form-data; name="files"; filename=""')
    )
    (path,) = answer.json()
    assert uploads.find(session_of(visitor), path.partition("/")[0]).read_bytes() == b"RIFF"


def test_text_in_an_upload_is_refused_before_it_is_read(visitor: TestClient) -> None:
    sent = 0

    async def asked() -> None:
        nonlocal sent

        async def body() -> dict[str, Any]:
            nonlocal sent
            sent += 1
            head = b'--limit\r\nContent-Disposition: form-data; name="files"\r\n\r\n' if sent == 1 else b""
            return {"type": "http.request", "body": head + bytes(65_536), "more_body": sent < 1_000}

        headers = [
            (b"host", b"127.0.0.1"),
            (b"content-type", b"multipart/form-data; boundary=limit"),
            (b"cookie", f"{sessions.COOKIE}={visitor.cookies[sessions.COOKIE]}".encode()),
        ]
        path = "/en/gradio_api/upload"
        scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "root_path": "", "client": ("127.0.0.1", 1)}
        said: list[Any] = []

        async def answer(message: dict[str, Any]) -> None:
            said.append(message)

        await visitor.app(scope, body, answer)
        assert said[0]["status"] == 400

    visitor.portal.call(asked)  # type: ignore[union-attr]
    assert sent < 5


def test_an_upload_that_becomes_a_recording_is_moved_and_its_player_goes_on(visitor: TestClient) -> None:
    mine = session_of(visitor)
    upload = uploaded(mine, read_sample("general").clips[0].path)
    address = f"/en/gradio_api/file={upload.id}/clip.flac"
    assert visitor.get(address).status_code == 200
    recording = uploads.keep(mine, upload)
    assert recording.id == upload.id
    assert uploads.keep(mine, upload) == recording
    assert not any(uploads.folder(mine).iterdir())
    assert not any((mine.folder / "incoming").iterdir())
    assert visitor.get(address).content == recording.path.read_bytes()
    mine.recordings.remove(recording.id)
    assert visitor.get(address).status_code == 404


def test_what_fails_for_want_of_room_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Session(tmp_path / "session")
    upload = uploaded(mine, read_sample("general").clips[0].path)
    with monkeypatch.context() as full:
        full.setattr(
            "core.audio.sound_files.write_flac",
            lambda *given: (_ for _ in ()).throw(OSError(28, "No space left on device")),
        )
        with pytest.raises(OSError, match="No space left"):
            uploads.keep(mine, upload)
    assert uploads.keep(mine, upload).id == upload.id
    broken = uploaded(mine, b"no sound")
    with pytest.raises(Exception, match="not a readable sound file"):
        uploads.keep(mine, broken)
    with pytest.raises(Exception, match="was not uploaded here"):
        uploads.find(mine, broken.id)


def test_what_nobody_used_is_deleted_after_its_time(tmp_path: Path) -> None:
    mine = sessions.find(sessions.new_token())
    old, new = uploaded(mine, b"old"), uploaded(mine, b"new")
    left = mine.folder / "incoming" / ("d" * 16)
    left.mkdir(parents=True)
    past = time.time() - uploads.KEPT_SECONDS - 60
    for path in (uploads.folder(mine) / old.id, left):
        os.utime(path, (past, past))
    mine.choose(labelled_set="noise")
    uploads.sweep()
    assert [path.name for path in uploads.folder(mine).iterdir()] == [new.id]
    assert not left.exists()
    assert mine.choices.labelled_set == "noise"


def test_the_bar_is_told_of_what_arrives(visitor: TestClient) -> None:
    progress = upload_routes.UploadProgress()
    progress.track("x")
    progress.append("x", "a.wav", b"12345")

    async def heard() -> list[dict[str, Any]]:
        found = []
        async for event in progress.events("x"):
            found.append(json.loads(event[5:]))
            progress.set_done("x")
        return found

    assert asyncio.run(heard()) == [{"msg": "update", "orig_name": "a.wav", "chunk_size": 5}, {"msg": "done"}]


def test_what_a_request_says_of_files_is_only_a_name() -> None:
    assert uploads.named(None) is None
    assert uploads.named(file("0123456789abcdef/x", "a.wav")) == Upload("0123456789abcdef", "a.wav")
    nothing = Upload("", "")
    for value in ({}, 7, "x", {"path": 3, "orig_name": []}, {"path": "/etc/passwd"}, {"path": None}, True):
        assert uploads.named(value) == nothing
    assert uploads.named([7, {}]) == (nothing, nothing)


NONSENSE = ("-1", "1" * 9, "1" * 10, "1" * 400, "1" * 5_000, "1.5", "x", "%C2%B2", "%D9%A3", "0x1", "+1", "1%00")  # as numbers


@pytest.mark.parametrize("number", NONSENSE)
def test_what_is_at_no_number_is_not_found(visitor: TestClient, number: str) -> None:
    mine = session_of(visitor)
    sound_files.write_flac(mine.folder.parent / "lecture.flac", spoken(2.0, 1.0, 2.0))
    long = long_recordings.receive(mine, mine.folder.parent / "lecture.flac").id
    run = "20260101-110000-b"
    finished(mine.folder / "runs" / run, ["yes"], ["yes"], ["yes"])
    there = f"/sound/long/{long}/0-2000"
    assert visitor.get(there).headers["content-type"] == "audio/flac"
    assert visitor.get("/sound/sample/general/0").status_code == 200
    for address in (
        f"/sound/sample/general/{number}",
        f"/sound/run/{run}/test/{number}",
        f"/sound/long/{long}/{number}-2000",
        f"/sound/long/{long}/0-{number}",
        f"/sound/long/{long}/{number}-{number}",
    ):
        assert visitor.get(address).status_code == 404, address
    answer = visitor.get(f"/times/en/{run}/test/{number}")
    assert answer.status_code == 404 or "error" in answer.json()


def test_a_sound_that_was_deleted_is_not_found(visitor: TestClient) -> None:
    mine = session_of(visitor)
    run = "20260101-110000-b"
    finished(mine.folder / "runs" / run, ["yes"], ["yes"], ["yes"])
    assert visitor.get(f"/sound/run/{run}/test/0").status_code == 404


def test_the_log_says_nothing_of_an_upload(visitor: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        send(visitor, "my private name.wav")
    assert "my private name" not in caplog.text


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=0-3"}, {"range": "bytes=0-1,3-4"}])
def test_a_file_that_is_moved_before_it_is_sent_is_not_found(
    headers: dict[str, str], visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploaded(session_of(visitor), b"RIFF of a sound")
    address = f"/en/gradio_api/file={upload.id}/a.wav"
    assert visitor.get(address, headers=headers).status_code in (200, 206)
    opened = answers.FileAnswer._open_file

    def gone(self: Any) -> Any:
        Path(self.path).unlink(missing_ok=True)  # another event has just taken it over
        return opened(self)

    monkeypatch.setattr(answers.FileAnswer, "_open_file", gone)
    answer = visitor.get(address, headers=headers)
    assert answer.content in (b"", b"Not found.")

"""Starting takes what the first page needs, and no more: what later steps need comes with them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.storage.temporary import MARK
from demo import __main__ as demo
from demo.server.after_first_page import FirstPage
from demo.session import removal

ROOT = Path(__file__).parents[2]
COMPUTING = ("torch", "torchaudio", "transformers", "peft", "librosa", "scipy", "matplotlib")
LATER = (*COMPUTING, "numba", "sklearn", "faster_whisper", "ctranslate2", "datasets", "tflite")
FIRST_PAGE = """
import argparse, sys
from huggingface_hub import constants
from starlette.testclient import TestClient
from demo.__main__ import _build

server = _build(argparse.Namespace(host="127.0.0.1", no_downloads=False))
with TestClient(server, base_url="http://127.0.0.1") as client:
    page = client.get("/en/")
assert page.status_code == 200, page.text
assert constants.HF_HUB_DISABLE_IMPLICIT_TOKEN, "the owner's login is sent for what visitors ask for"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The packages that a fresh process has loaded when it has answered with the first page."""
    home = tmp_path_factory.mktemp("home")
    environment = {**os.environ, "ATTUNE_HOME": str(home), "GRADIO_TEMP_DIR": str(home), "GRADIO_ANALYTICS_ENABLED": "False"}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_PAGE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("package", LATER)
def test_the_first_page_does_without(package: str, loaded: set[str]) -> None:
    assert package not in loaded


def test_the_first_page_is_a_page_of_ours(loaded: set[str]) -> None:
    assert {"demo", "core", "gradio"} <= loaded


def test_starting_removes_what_killed_processes_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / "sessions" / "library" / f"{MARK}set-12345678"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    for name, value in {
        "ATTUNE_HOME": tmp_path,
        "GRADIO_TEMP_DIR": tmp_path / "uploads",
        "GRADIO_ANALYTICS_ENABLED": 0,
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setattr(sys, "argv", ["demo", "--port", "0"])
    server = FastAPI()
    server.state.sweep = server.state.warm = lambda *_: None
    monkeypatch.setattr("demo.app.build_server", lambda hosts: server)
    monkeypatch.setattr("demo.session.removal.sweep_now_and_then", lambda *also: removal.sweep_all())
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: [listener.close() for listener in sockets])
    assert demo.main() == 0
    assert not left.exists()
    (added,) = [one for one in server.user_middleware if one.cls is FirstPage]
    assert added.kwargs["start"] is server.state.warm


def test_something_starts_once_when_a_page_has_been_sent() -> None:
    started: Queue[str] = Queue()
    server = FastAPI()
    server.add_middleware(FirstPage, pages={"/en/", "/gone/"}, start=started.put, after=0.0)
    sent = []

    @server.get("/en/")
    def page() -> str:
        sent.append(started.qsize())
        return "page"

    client = TestClient(server)
    for other in ("/", "/gone/", "/en/theme.css"):
        assert client.get(other).status_code == 404
    assert client.get("/en/").text == client.get("/en/").text
    assert started.get(timeout=10) == "/en/"
    assert sent[0] == 0
    assert [thread.name for thread in threading.enumerate() if thread.name == "first page"] == []
    assert started.empty()


QUEUED = """
import sys
from pathlib import Path
from core.data.clips.labelled_set import Clip, LabelledSet
from core.runs import run_folder
from core.runs.request import Request
from core.storage.files import home
from core.training.recipe import Recipe
from demo.background import worker
from demo.background.queue import JobQueue

request = Request("nowhere", LabelledSet("own", (Clip("a.flac", "a"),), "en"), (), (), Recipe())
runs = [run_folder.create(Path(sys.argv[1]) / name, request) for name in ("first", "second")]
for run in runs:
    JobQueue(home() / "turns").join(run)
worker.TURN_SECONDS = 0.01
looks = []
def should_stop(job):
    looks.append(job)
    return len(looks) > 5
worker.Job.should_stop = should_stop
assert worker.main(runs[1].folder) == 1
assert runs[1].events()[-1].reason == "stopped_early", runs[1].events()
assert len(looks) == 6, "it waited for the job before it"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_queued_worker_has_loaded_nothing_that_computes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUEUED, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "ATTUNE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()).isdisjoint({*COMPUTING, "gradio", "pandas"})

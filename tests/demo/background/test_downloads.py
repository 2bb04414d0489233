"""Downloads that pages start: for all who wait, within limits, and without the login of this computer's owner."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from core.data.importers.huggingface import rows
from core.data.importers.rows import Options
from core.errors import ModelError
from core.models.loading import announced_by_hub, fetch_model, load_model, refuse_private
from core.models.sources import hub as fetching
from core.models.sources.hub import send_no_login
from demo import __main__ as page
from demo.background import downloads, worker
from demo.background.downloads import MAX_AT_ONCE, MAX_MODEL_BYTES
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session.session import Session
from demo.steps.model import handlers as module
from demo.steps.model.handlers import ModelHandlers
from demo.steps.names import Shown
from demo.wording import Wording
from tests.core.models.sources.file_server import ModelHub

W = Wording("en")
ID = "somebody/some-model"
Disk = namedtuple("Disk", "total used free")


class Hub:
    """A fetch that a test drives: it says a size, and goes on until it may end."""

    def __init__(self, size: int = 1000) -> None:
        self.size, self.fetched, self.stopped = size, [], []
        self.go_on = threading.Event()

    def __call__(self, id: str, progress: Callable[[int, int], None], should_stop: Callable[[], bool]) -> str:
        progress(0, self.size)
        self.fetched.append(id)
        while not self.go_on.wait(0.005):
            if should_stop():
                self.stopped.append(id)
                raise ModelError("fetch_stopped", "stopped", id=id)
        return "/folder"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(module, "is_here", lambda id: False)
    hub = Hub()
    yield hub
    hub.go_on.set()


@pytest.fixture
def visitors(tmp_path: Path) -> list[Session]:
    return [Session(tmp_path / name) for name in "abcdef"]


def looked(models: ModelHandlers, session: Session, wanted: str) -> Shown:
    shown: Shown = {}
    for _ in range(1000):
        shown = models.look(session)
        if wanted in shown.get("status", ""):
            return shown
        time.sleep(0.005)
    raise AssertionError(shown)


def test_a_download_stops_with_the_last_who_waits_for_it(hub: Hub, visitors: list[Session]) -> None:
    tasks = Tasks()
    english, chinese = (ModelHandlers(Wording(language), ModelPool(), tasks, hub) for language in ("en", "zh-CN"))
    first, second, third = visitors[:3]
    english.begin(first, ID)
    chinese.begin(second, ID)
    looked(english, first, "of 0 MB")
    assert "continues because others are waiting" in english.stop(first)["status"]
    shown = english.look(first)
    assert (shown["stop"]["visible"], shown["timer"]["active"], shown["fetched"]) == (False, False, "")
    assert (first.choices.fetching, second.choices.fetching) == ("", ID)
    english.stop(third)  # who never waited for it
    english.stop(first)  # twice
    time.sleep(0.05)
    assert (hub.fetched, hub.stopped) == ([ID], [])
    chinese.stop(second)
    looked(english, second, "was stopped")
    assert hub.stopped == [ID]


def test_who_joins_a_download_that_is_stopping_gets_it_or_hears_that_it_stopped(hub: Hub, visitors: list[Session]) -> None:
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    models.begin(visitors[0], ID)
    models.stop(visitors[0])
    models.begin(visitors[1], ID)
    hub.go_on.set()
    for _ in range(1000):
        if visitors[1].choices.fetching == "":
            return
        models.look(visitors[1])
        time.sleep(0.005)
    raise AssertionError("it waits for ever")


def test_who_asks_for_another_model_waits_for_the_first_no_longer(hub: Hub, visitors: list[Session]) -> None:
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    models.begin(visitors[0], "a/one")
    models.begin(visitors[0], "a/two")
    for _ in range(1000):
        if hub.stopped:
            break
        time.sleep(0.005)
    assert hub.stopped == ["a/one"]


def test_few_go_on_at_a_time(hub: Hub, visitors: list[Session]) -> None:
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    for number in range(MAX_AT_ONCE):
        assert "Looking up" in models.begin(visitors[number], f"a/model-{number}")["status"]
    shown = models.begin(visitors[MAX_AT_ONCE], "a/one-more")
    assert f"{MAX_AT_ONCE} downloads are already running" in shown["status"]
    assert shown["stop"]["visible"] is shown["timer"]["active"] is False
    assert visitors[MAX_AT_ONCE].choices.fetching == ""
    models.begin(visitors[MAX_AT_ONCE], "a/model-0")  # joining one is no further one
    hub.go_on.set()
    looked(models, visitors[0], "Loading")
    looked(models, visitors[1], "Loading")
    assert "Looking up" in models.begin(visitors[5], "a/one-more")["status"]


def test_a_visitor_elsewhere_fetches_nothing_larger_than_is_allowed(hub: Hub, visitors: list[Session]) -> None:
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    hub.size = MAX_MODEL_BYTES + 1
    models.begin(visitors[0], ID)
    assert "you can download at most 5 GB" in looked(models, visitors[0], "note error")["status"]
    assert hub.fetched == []
    here = Session(visitors[0].folder, local=True)
    models.begin(here, ID)
    looked(models, here, "of 5000 MB")


def test_the_disk_is_not_filled(hub: Hub, visitors: list[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Disk(10**12, 0, downloads.KEPT_FREE_BYTES + 999_999))
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    hub.size = 1_000_000
    models.begin(visitors[0], ID)
    assert "of which 2 GB is reserved" in looked(models, visitors[0], "note error")["status"]
    assert hub.fetched == []
    hub.size = 999_999
    models.begin(visitors[0], ID)
    looked(models, visitors[0], "of 1 MB")


def test_downloads_can_be_switched_off(hub: Hub, visitors: list[Session], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    downloads.switch_off()
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    for id in (ID, "openai/whisper-small", "deepspeech-0.9.3", "torchaudio:HUBERT_BASE"):
        for session in (visitors[0], Session(visitors[0].folder, local=True)):
            assert "downloads are switched off here" in models.begin(session, id)["status"]
            assert "downloads are switched off here" in models.about(session, id)["about"]
            assert session.choices.fetching == ""
    assert hub.fetched == []
    child = [sys.executable, "-c", "from huggingface_hub import constants; print(constants.HF_HUB_OFFLINE)"]
    assert subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip() == "True"


def test_what_cannot_be_measured_is_not_fetched_from_elsewhere(hub: Hub, visitors: list[Session]) -> None:
    models = ModelHandlers(W, ModelPool(), Tasks(), hub)
    assert "Only whoever runs Attune can download" in models.begin(visitors[0], "torchaudio:HUBERT_BASE")["status"]
    assert "Looking up" in models.begin(Session(visitors[0].folder, local=True), "torchaudio:HUBERT_BASE")["status"]


@pytest.fixture
def real_hub(tiny_whisper: Path, tiny_mms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """A hub, and an owner who is logged in, by the environment and by the file that `hf auth login` writes."""
    monkeypatch.setattr(fetching, "LARGE_BYTES", 100_000)
    hub = ModelHub(ID, {path.name: path.read_bytes() for path in (*tiny_whisper.iterdir(), *tiny_mms.glob("adapter.*"))})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    (tmp_path / "token").write_text("hf_secret")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "0")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
    yield hub
    hub.close()


def ask_for_everything(tmp_path: Path) -> None:
    """All that asks the hub for what a visitor wants: its models, what they need later, and its datasets."""
    announced_by_hub(ID)
    fetch_model(ID)
    refuse_private(ID)
    load_model(ID)
    folder = next((Path(huggingface_hub.constants.HF_HUB_CACHE) / "models--somebody--some-model" / "snapshots").iterdir())
    fetching.fetch_one_more(ID, str(folder), "adapter.rus.safetensors")
    with pytest.raises(Exception, match="somebody/some-data"):
        list(rows("somebody/some-data", Options(work=tmp_path / "work")))


def test_the_owners_login_is_the_owners(real_hub: ModelHub, tmp_path: Path) -> None:
    ask_for_everything(tmp_path)
    assert "Bearer hf_secret" in {sent.get("authorization") for sent in real_hub.sent}, "it is sent unless this is asked for"
    real_hub.sent.clear()
    huggingface_hub.constants.HF_HUB_CACHE = str(tmp_path / "another")
    send_no_login()
    ask_for_everything(tmp_path)
    assert len(real_hub.sent) > 10
    assert {sent.get("authorization") for sent in real_hub.sent} == {None}
    child = [sys.executable, "-c", "from huggingface_hub.utils import build_hf_headers as b; print('authorization' in b())"]
    assert subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_the_page_sends_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def build(_: frozenset[str]) -> None:
        happened.append("built")
        raise FileNotFoundError

    monkeypatch.setattr("core.models.sources.hub.send_no_login", lambda: happened.append("no login"))
    monkeypatch.setattr("demo.app.build_server", build)
    with pytest.raises(FileNotFoundError):
        page._build(argparse.Namespace(host="127.0.0.1", no_downloads=False))
    assert happened == ["no login", "built"]


def test_a_worker_sends_no_login_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def begin(_: Path) -> None:
        happened.append("begun")
        raise FileNotFoundError

    monkeypatch.setattr(worker, "send_no_login", lambda: happened.append("no login"))
    monkeypatch.setattr(worker, "Job", begin)
    with pytest.raises(FileNotFoundError):
        worker.main(tmp_path)
    assert happened == ["no login", "begun"]

"""DeepSpeech's released model: fetched from its own address, shown, stopped, resumed, checked and converted."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import pytest

from core.cli.main import main
from core.errors import ModelError
from core.models import catalogue
from core.models.catalogue import CATALOGUE, Entry
from core.models.loading import announced_by_hub, fetch_model, is_here, load_model, model_family
from core.models.loading import ready_folder as folder_of
from core.models.sources import hub
from core.models.sources.origins import DEEPSPEECH, Release
from core.storage import memory
from core.storage.files import home
from tests.conftest import tone
from tests.core.models.sources.file_server import FileServer
from tests.core.models.sources.tflite_writer import acoustic_model, random_weights

ID = "deepspeech-tiny"
PATH = "releases/download/v1/tiny.tflite"
FILE = acoustic_model(random_weights(hidden=64, labels=29, seed=5))[0]


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer({PATH: FILE})
    yield server
    server.close()


@pytest.fixture
def entry(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    """A row of the catalogue whose file lies on that server, and an empty home."""
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(hub, "BLOCK_BYTES", 50_000)
    release = Release(f"{server.address}/{PATH}", len(FILE), hashlib.md5(FILE).hexdigest())
    entry = Entry(ID, "deepspeech", "en", 0.1, "MPL-2.0", None, 1, server.address, release)
    monkeypatch.setattr(catalogue, "CATALOGUE", (*CATALOGUE, entry))
    return entry


def refused(**fetch: object) -> ModelError:
    with pytest.raises(ModelError) as caught:
        fetch_model(ID, **fetch)
    assert not is_here(ID)
    return caught.value


def test_the_row_of_deepspeech() -> None:
    (row,) = (row for row in CATALOGUE if row.release is not None)
    assert (row.id, row.family, row.languages, row.licence) == ("deepspeech-0.9.3", "deepspeech", "en", "MPL-2.0")
    assert row.megabytes == round(DEEPSPEECH.bytes / 1e6)
    assert DEEPSPEECH.address.startswith("https://github.com/mozilla/DeepSpeech/releases/download/v0.9.3/")
    assert DEEPSPEECH.path == home() / "models" / "deepspeech-0.9.3-models.tflite"
    assert DEEPSPEECH.server == "github.com"
    width = 2048
    dense = 3 * (width + 1) * width + (19 * 26 + 1) * width + (width + 1) * 29
    assert row.parameters == round((dense + (2 * width + 1) * 4 * width) / 1e6, 1)


def test_it_is_fetched_converted_and_kept(entry: Entry, server: FileServer) -> None:
    assert (is_here(ID), folder_of(entry), announced_by_hub(ID), model_family(ID)) == (False, None, None, "deepspeech")
    seen: list[tuple[int, int]] = []
    folder = Path(fetch_model(ID, lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == ((0, len(FILE)), (len(FILE), len(FILE)))
    assert folder.parent == home() / "models"
    assert "compare a few transcripts with the original" in (folder / "README.md").read_text()
    assert is_here(ID)
    assert folder_of(entry) == str(folder)
    server.asked.clear()
    model = load_model(ID, precision="float32")
    assert (model.id, model.family, model.config.hidden) == (ID, "deepspeech", 64)
    by_path = load_model(str(entry.release.path), precision="float32")
    assert model.transcribe([tone(1.0)]) == by_path.transcribe([tone(1.0)])
    assert Path(fetch_model(ID)) == folder
    assert server.asked == []


def test_loading_fetches_it_too(entry: Entry) -> None:
    assert load_model(ID).family == "deepspeech"


def test_a_stopped_fetch_goes_on_where_it_was(entry: Entry, server: FileServer) -> None:
    seen = [0]
    error = refused(progress=lambda done, total: seen.append(done), should_stop=lambda: seen[-1] >= 100_000)
    assert error.reason == "fetch_stopped"
    seen.clear()
    fetch_model(ID, lambda done, total: seen.append(done))
    assert server.fetched(PATH) == ["bytes=0-", "bytes=100000-"]
    assert seen[:3] == [0, 150_000, 200_000]
    assert load_model(ID).family == "deepspeech"
    assert not list((home() / "models").glob("*.incomplete"))


def test_a_broken_connection_is_made_anew(entry: Entry, server: FileServer) -> None:
    server.cut = 120_000
    fetch_model(ID)
    assert server.fetched(PATH) == ["bytes=0-", "bytes=100000-"]


def test_a_server_without_ranges_sends_it_again(entry: Entry, server: FileServer) -> None:
    seen = [0]
    refused(progress=lambda done, total: seen.append(done), should_stop=lambda: seen[-1] >= 100_000)
    server.ranges = False
    assert load_model(ID).family == "deepspeech"


@pytest.mark.parametrize("content", [bytes(len(FILE)), FILE[:-1], FILE + b"more", FILE * 3, b""])
def test_another_file_is_thrown_away(content: bytes, entry: Entry, server: FileServer) -> None:
    server.files[PATH] = content
    error = refused()
    assert (error.reason, error.details) == ("fetch_damaged", {"id": ID, "name": "tiny.tflite"})
    assert {path.suffix for path in (home() / "models").iterdir()} == {".lock"}
    server.files[PATH] = FILE
    assert load_model(ID).family == "deepspeech"


def test_a_file_that_was_changed_since_is_not_loaded(entry: Entry) -> None:
    fetch_model(ID)
    entry.release.path.write_bytes(acoustic_model(random_weights(hidden=64, labels=29, seed=6))[0])
    with pytest.raises(ModelError, match=r"tiny\.tflite of deepspeech-tiny was damaged"):
        load_model(ID)
    assert not is_here(ID)
    assert load_model(ID).family == "deepspeech"  # fetched anew


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "release_gone"),
        (410, "release_gone"),
        (403, "model_unreachable"),
        (429, "model_unreachable"),
        (503, "model_unreachable"),
    ],
)
def test_a_server_that_refuses(status: int, reason: str, entry: Entry, server: FileServer) -> None:
    server.status = status
    error = refused()
    assert error.reason == reason
    if reason == "release_gone":
        assert f"no longer at {server.address}/{PATH}" in str(error)


def test_a_server_that_is_not_there_is_asked_once(entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = SimpleNamespace(sleep=lambda seconds: pytest.fail("it waits to ask again"))
    monkeypatch.setattr(hub, "time", impatient)  # that module's alone: other threads sleep as they should
    server.close()
    assert refused().reason == "model_unreachable"


def test_offline_mode_stops_it_with_the_same_sentence(
    entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    error = refused()
    assert error.reason == "model_unreachable"
    assert "the server it comes from did not answer" in str(error)
    assert server.asked == []


def test_the_hubs_token_is_told_to_nobody_else(entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch_model(ID)
    assert "hf_secret" not in str(server.headers)
    assert not {name for name in server.headers if name.lower() in ("authorization", "cookie")}


def test_what_does_not_fit_in_memory_is_not_fetched(entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0.5e9)
    assert refused().reason == "model_too_large"
    assert server.asked == []


def test_without_the_package_that_reads_it_nothing_is_fetched(
    entry: Entry, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entry.requirement == ""
    monkeypatch.setitem(sys.modules, "tflite", None)
    assert entry.requirement == "attune[deepspeech]"
    assert refused().reason == "tflite_missing"
    assert server.asked == []


def test_the_command_line_fetches_it(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--fetch", ID]) == 0
    assert Path(capsys.readouterr().out.strip()).parent == home() / "models"

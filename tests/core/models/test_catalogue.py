"""Finding and loading models: from a folder, the cache, the hub; and what is never loaded or run."""

from __future__ import annotations

import json
import os
import pickle
import runpy
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from transformers import AutoModelForCTC

from core.audio.sound_files import decode
from core.data.samples import CANARY, read_sample
from core.errors import ModelError
from core.models import engine, loading
from core.models.catalogue import CATALOGUE, Entry
from core.models.ctc.model import Ctc
from core.models.loading import is_fetchable, is_here, load_model, model_family, ready_folder
from core.models.sources.model_ids import is_hub_id
from core.models.sources.origins import TINY_EN, Bundle
from core.models.whisper.model import Whisper
from core.text.metrics import score
from tests.conftest import tone

FAMILIES = ("whisper", "ctc")
HUB_ID = "somebody/some-model"
MISSING = Bundle("x", "a_package_that_nobody_has", "model", "", 1, 0, 1, 2)


DOES_NOT_FIT = "its files do not fit one another, or one of them is damaged (LookupError)."


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self._marker = str(marker)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self._marker,)


@pytest.fixture(params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a tiny model that a test may spoil."""
    return copied(request, request.param, tmp_path)


@pytest.fixture
def ctc_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copied(request, "ctc", tmp_path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's files, and a hub that refuses connections."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"


def copied(request: pytest.FixtureRequest, family: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(request.getfixturevalue(f"tiny_{family}"), tmp_path / family))


def keep_in_cache(cache: Path, model: Path, id: str = HUB_ID) -> Path:
    """Lays a model out as the hub's client caches it."""
    repository = cache / f"models--{id.replace('/', '--')}"
    snapshot = Path(shutil.copytree(model, repository / "snapshots" / "abc"))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    return snapshot


def refused(id: str) -> ModelError:
    with pytest.raises(ModelError) as loading:
        load_model(id)
    with pytest.raises(ModelError) as asking:
        model_family(id)
    assert asking.value.reason == loading.value.reason
    assert len(str(loading.value).splitlines()) == 1
    return loading.value


def test_the_catalogue_begins_with_a_model_that_needs_no_network() -> None:
    assert CATALOGUE[0].bundle is TINY_EN
    assert len({entry.id for entry in CATALOGUE}) == len(CATALOGUE)
    assert {entry.family for entry in CATALOGUE} == {*FAMILIES, "seq2seq", "deepspeech"}


@pytest.mark.parametrize("entry", [row for row in CATALOGUE if row.shipped], ids=lambda row: row.id)
def test_what_comes_with_attune_is_small_and_writes_what_is_said(entry: Entry) -> None:
    assert is_here(entry.id)
    assert not is_fetchable(entry.id)
    folder = Path(ready_folder(entry) or "")
    assert sum(file.stat().st_size for file in folder.iterdir()) < 25e6
    assert (folder / "README.md").is_file()
    model = load_model(entry.id)
    assert model.family == model_family(entry.id) == entry.family
    assert sum(p.numel() for p in model.network.parameters()) == pytest.approx(1e6 * entry.parameters, rel=0.02)
    clips = read_sample(CANARY).clips
    texts = [transcript.text for transcript in model.transcribe([decode(clip.path) for clip in clips])]
    assert score([clip.text for clip in clips], texts).cer.rate < 0.75, "of silence or chance it would be about 1"


@pytest.mark.parametrize(("family", "adapter"), [("whisper", Whisper), ("ctc", Ctc)])
def test_a_local_folder(family: str, adapter: type, request: pytest.FixtureRequest) -> None:
    source = str(request.getfixturevalue(f"tiny_{family}"))
    model = load_model(source)
    assert type(model) is adapter
    assert (model.id, model.family, model_family(source)) == (source, family, family)
    assert not model.network.training


def test_half_precision_weights_become_float32(folder: Path) -> None:
    network = load_model(str(folder)).network.half()
    network.save_pretrained(folder)
    assert {p.dtype for p in load_model(str(folder)).network.parameters()} == {torch.float32}


def test_the_bundled_model_by_its_name(bundled: Path) -> None:
    assert load_model(TINY_EN.id).language == "en"
    assert model_family(TINY_EN.id) == "whisper"


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("./nothing-here", "model_no_folder"),
        ("/nothing/here", "model_no_folder"),
        ("~/nothing-here", "model_no_folder"),
        ("nothing\\here", "model_no_folder"),
        ("a/b/c", "model_no_folder"),
        ("", "model_no_folder"),
        ("  ", "model_no_folder"),
        ("x y/z", "model_unknown"),
        ("-a", "model_unknown"),
        ("a//", "model_no_folder"),
        ("a" * 200, "model_unknown"),
        ("somebody/../model", "model_no_folder"),
    ],
)
def test_ids_that_name_nothing(id: str, reason: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(id)
    assert error.reason == reason
    assert error.details == {"id": id}


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("x" * 100_000, "model_id_long"),
        ("somebody/" * 1000, "model_id_long"),
        *((f"a{character}b", "model_id_characters") for character in "\0\n\r\t\x1b\x7f\u2028\u202e\u2066\ud800"),
        ("/" + "x" * 300, "model_not_usable"),  # longer than a file's name may be
    ],
)
def test_ids_that_no_system_could_look_up(id: str, reason: str, cache: Path) -> None:
    assert not is_here(id)
    assert not is_fetchable(id)
    assert refused(id).reason == reason


@pytest.mark.parametrize("id", ["model", "somebody/model", "some.body/my_model-2", "checkpoint.pt", "model.tflite"])
def test_an_id_of_the_hubs_form_is_never_a_folder_or_a_file(
    id: str, ctc_folder: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / id).parent.mkdir(exist_ok=True)
    shutil.copytree(ctc_folder, tmp_path / id)
    monkeypatch.chdir(tmp_path)
    assert not is_here(id)
    assert is_fetchable(id)
    assert refused(id).reason == "model_unreachable"
    assert is_here(f"./{id}")
    assert load_model(f"./{id}").family == "ctc"


@pytest.mark.parametrize(
    "id", ["a/b/c", "-a", "..", "a/..", ".hidden/a", "a/", "/a", "a b", "ä/b", "a" * 97, "torchaudio:X", ""]
)
def test_what_the_hubs_form_is_not(id: str) -> None:
    assert not is_hub_id(id)


def test_an_empty_id_is_not_the_current_folder(ctc_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ctc_folder)
    assert refused("").reason == "model_no_folder"


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    error = refused(str(tmp_path))
    assert error.reason == "model_not_a_folder"
    assert "holds no config.json" in str(error)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"RIFF")
    error = refused(str(tmp_path / "clip.wav"))
    assert error.reason == "model_file"
    assert "Name its folder, or a .pt or .tflite file" in str(error)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"model_type": "no-such-type"}', "\udcff\udcfe{"])
def test_a_garbage_configuration(text: str, folder: Path) -> None:
    (folder / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    error = refused(str(folder))
    assert error.reason == "model_not_usable"
    assert str(folder) in str(error)


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("Something is odd", "Something is odd."),
        ("Something is odd. Look it up in the manual", "Something is odd."),
        ("Errors in loading:\n\ta size", "Errors in loading: a size."),
        ("Errors in loading:", DOES_NOT_FIT),
        ("See https://huggingface.co/models for help", DOES_NOT_FIT),
        ("x" * 300, DOES_NOT_FIT),
        ("", DOES_NOT_FIT),
    ],
)
def test_a_librarys_sentence_is_quoted_whole_or_not(
    said: str, quoted: str, ctc_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError(said)

    for name in ("load", "adapter"):
        monkeypatch.setattr(engine, name, fail)
    assert str(refused(str(ctc_folder))) == f"{ctc_folder} could not be loaded as a speech recogniser: {quoted}"


def test_a_model_that_was_never_taught_to_write_writes_nothing(ctc_folder: Path) -> None:
    settings = json.loads((ctc_folder / "config.json").read_text())
    settings["architectures"] = ["Wav2Vec2ForPreTraining"]
    (ctc_folder / "config.json").write_text(json.dumps(settings))
    model = load_model(str(ctc_folder))  # a vocabulary beside it, as some repositories have, changes nothing
    assert [transcript.text for transcript in model.transcribe([tone(1.0)])] == [""]


def test_a_text_model_is_no_recogniser(ctc_folder: Path) -> None:
    (ctc_folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="could not be loaded as a speech recogniser") as caught:
        load_model(str(ctc_folder))
    assert caught.value.reason == "model_not_usable"


@pytest.mark.parametrize("packed", ["torch", "pickle"])
def test_a_pickle_that_runs_code_is_not_run(packed: str, folder: Path, tmp_path: Path) -> None:
    marker, weights = tmp_path / "ran", folder / "pytorch_model.bin"
    (folder / "model.safetensors").unlink()
    if packed == "torch":
        torch.save({"x": Payload(marker)}, weights)
        torch.load(weights, weights_only=False)
    else:
        weights.write_bytes(pickle.dumps(Payload(marker), protocol=2))
        pickle.loads(weights.read_bytes())
    assert marker.exists(), "the payload works where pickles are trusted"
    marker.rmdir()
    with pytest.raises(ModelError, match="holds more than weights, and was not loaded") as caught:
        load_model(str(folder))
    assert caught.value.reason == "model_untrusted"
    assert not marker.exists()


def test_an_honest_pickle_loads(ctc_folder: Path) -> None:
    network = AutoModelForCTC.from_pretrained(ctc_folder)
    (ctc_folder / "model.safetensors").unlink()
    torch.save(network.state_dict(), ctc_folder / "pytorch_model.bin")
    loaded = load_model(str(ctc_folder)).network
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), loaded.parameters(), strict=True))


@pytest.mark.parametrize("model_type", ["kept", "its own"])
def test_code_that_a_model_brings_is_not_run(model_type: str, folder: Path, tmp_path: Path) -> None:
    marker, script = tmp_path / "ran", folder / "evil.py"
    script.write_text(f"import os\nos.mkdir({str(marker)!r})\nclass Evil:\n    pass\n")
    runpy.run_path(str(script))
    assert marker.exists(), "the script works where it is trusted"
    marker.rmdir()
    kinds = ("AutoConfig", "AutoModelForCTC", "AutoModelForSpeechSeq2Seq", "AutoProcessor", "AutoFeatureExtractor")
    brings = {**dict.fromkeys(kinds, "evil.Evil"), "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
    for name in ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json"):
        if (folder / name).exists():
            settings = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({**settings, "auto_map": brings}))
    if model_type == "kept":
        load_model(str(folder))
    else:
        settings = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**settings, "model_type": "evil"}))
        assert refused(str(folder)).reason == "model_not_usable"
    assert not marker.exists()


def test_a_refusing_hub_is_unreachable(cache: Path) -> None:
    error = refused(HUB_ID)
    assert error.reason == "model_unreachable"
    assert "choose whisper-tiny.en, which needs none" in str(error)


def test_offline_mode_is_unreachable(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert refused(HUB_ID).reason == "model_unreachable"


class Hub:
    """A hub on this computer that gives every request the same answer."""

    def __init__(self, status: int, code: str, waits: threading.Event | None = None) -> None:
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.requests.append(self.path)
                if waits is not None:
                    waits.wait()
                self.send_response(status)
                self.send_header("X-Error-Code", code)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # a client that hung up is what a test may want
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.mark.parametrize(
    ("status", "code", "reason", "message"),
    [
        (404, "RepoNotFound", "model_unknown", "There is no model 'somebody/some-model' on the Hugging Face hub"),
        (401, "RepoNotFound", "model_unknown", "or it is private"),
        (403, "GatedRepo", "model_gated", "requires its licence to be accepted on its page first"),
    ],
)
def test_what_the_hub_says_is_passed_on(
    status: int, code: str, reason: str, message: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = Hub(status, code)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    try:
        error = refused(HUB_ID)
    finally:
        hub.server.shutdown()
        hub.server.server_close()
    assert error.reason == reason
    assert message in str(error)


@pytest.fixture
def silent_hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    over = threading.Event()
    hub = Hub(200, "", over)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    yield hub
    over.set()
    hub.server.shutdown()
    hub.server.server_close()


def test_a_hub_that_never_answers_is_asked_once(silent_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "HUB_SECONDS", 0.2)
    with pytest.raises(ModelError, match="the server it comes from did not answer") as caught:
        load_model(HUB_ID)
    assert caught.value.reason == "model_unreachable"
    assert len(silent_hub.requests) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cached_model_needs_no_network(
    family: str, cache: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def refuse(address: object, *_: object, **__: object) -> None:
        asked.append(address)
        raise AssertionError(f"asked {address}")

    keep_in_cache(cache, request.getfixturevalue(f"tiny_{family}"))
    monkeypatch.setattr(socket, "create_connection", refuse)
    model = load_model(HUB_ID)
    assert (model.id, model.family, model_family(HUB_ID)) == (HUB_ID, family, family)
    assert asked == []


def test_ready_folder_of_a_bundled_model(bundled: Path) -> None:
    assert ready_folder(CATALOGUE[0]) == str(bundled)
    assert ready_folder(Entry("x", "whisper", "en", 1.0, "MIT", MISSING)) is None


def test_ready_folder_of_a_model_of_the_hub(cache: Path, tiny_ctc: Path) -> None:
    entry = Entry(HUB_ID, "ctc", "en", 1.0, "MIT")
    assert ready_folder(entry) is None
    snapshot = keep_in_cache(cache, tiny_ctc)
    assert ready_folder(entry) == str(snapshot)
    (snapshot / "model.safetensors").unlink()
    assert ready_folder(entry) is None, "a configuration alone is not a model"

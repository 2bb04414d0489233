"""Step 1: what is ready, what a download costs, and a download that is shown, stopped, refused or ends well."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelInfo

from core.errors import ModelError
from core.models.catalogue import Entry
from core.models.loading import load_model
from core.models.sources.origins import DEEPSPEECH, TINY_EN
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session.session import Session
from demo.show.errors import explain
from demo.show.languages import transcribed
from demo.steps.listen.show import transcript
from demo.steps.model import handlers as module
from demo.steps.model import show
from demo.steps.model.handlers import ModelHandlers
from demo.steps.names import Shown
from demo.wording import LANGUAGES, Wording

W = Wording("en")
ID = "somebody/some-model"
HOSTILE = "<img src=x>/${alert(1)}"


class Hub:
    """A fetch that a test drives: 100 MB, of which 10 are here, until it may go on."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.fetches = error, 0
        self.go_on = threading.Event()

    def __call__(self, id: str, progress: Callable[[int, int], None], should_stop: Callable[[], bool]) -> str:
        self.fetches += 1
        progress(10_000_000, 100_000_000)
        while not self.go_on.wait(0.01):
            if should_stop():
                raise ModelError("fetch_stopped", "stopped", id=id)
        if self.error is not None:
            raise self.error
        return "/folder"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setattr(module, "is_here", lambda id: False)
    return Hub()


@pytest.fixture
def models(hub: Hub) -> ModelHandlers:
    return ModelHandlers(W, ModelPool(), Tasks(), hub)


def looked(models: ModelHandlers, session: Session, wanted: str) -> Shown:
    """Looks until the status says what is wanted."""
    for _ in range(500):
        shown = models.look(session)
        if wanted in shown.get("status", ""):
            return shown
        time.sleep(0.01)
    raise AssertionError(shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_say_what_is_ready(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        Entry("a", "ctc", "en", 1, "MIT"),
        Entry("b/c", "whisper", "many", 1, "MIT", megabytes=95),
        Entry("d", "ctc", "en", 1, "MIT", TINY_EN, 76),
        Entry("e", "deepspeech", "none", 1, "MIT", megabytes=47, release=DEEPSPEECH),
    )
    monkeypatch.setitem(sys.modules, "tflite", None)
    monkeypatch.setattr(show, "CATALOGUE", rows)
    monkeypatch.setattr(show, "is_here", lambda id: id == "a")
    labels = dict((id, label) for label, id in show.model_choices(Wording(language)))
    assert all(label.startswith(f"{id} · ") for id, label in labels.items())
    assert "95 MB" in labels["b/c"]
    assert "76 MB" in labels["d"]
    if language == "en":
        assert labels["a"] == "a · writes English only · ready"
        assert labels["b/c"] == "b/c · writes 99 languages · needs a download of 95 MB"
        assert labels["e"] == "e · writes nothing until it is fine-tuned · needs a package and a download of 47 MB"


def test_a_size_is_shown_before_anything_is_fetched(models: ModelHandlers, session: Session, hub: Hub) -> None:
    said = models.about(session, "openai/whisper-small")["about"]
    assert "downloads 971 MB" in said
    assert "Fine-tuning the whole model takes about 6.8 GB" in said
    assert "GB is free now" in said
    assert hub.fetches == 0


def test_a_release_says_where_it_comes_from_and_what_reads_it(
    models: ModelHandlers, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = models.about(session, "deepspeech-0.9.3")["about"]
    assert "downloads 47 MB from github.com, once" in said
    assert "pip install" not in said
    monkeypatch.setitem(sys.modules, "tflite", None)
    said = models.about(session, "deepspeech-0.9.3")["about"]
    assert "pip install &quot;attune[deepspeech]&quot;" in said


def test_the_speed_leaves_out_what_an_earlier_download_brought(
    session: Session, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("demo.background.tasks.time.monotonic", lambda: now[0])

    def fetch(id: str, progress: Callable[[int, int], None], should_stop: Callable[[], bool]) -> str:
        for seconds, done in [(0, 0), (1, 40_000_000), (2, 41_000_000), (2, 42_000_000)]:
            now[0] += seconds
            progress(done, 50_000_000)
        return hub(ID, lambda done, total: None, should_stop)

    models = ModelHandlers(W, ModelPool(), Tasks(), fetch)
    models.begin(session, ID)
    assert "16 s left" in looked(models, session, "42 of 50 MB")["status"]  # 8 MB at half a megabyte a second
    hub.go_on.set()


def test_a_download_is_shown_and_its_model_arrives(models: ModelHandlers, session: Session, hub: Hub) -> None:
    assert "Looking up" in models.begin(session, ID)["status"]
    shown = looked(models, session, "10 of 100 MB")
    assert '<progress value="0.100" max="1"' in shown["status"]
    assert shown["stop"]["visible"] is shown["timer"]["active"] is True
    assert models.use(session, ID) == {}  # not while it is on its way
    models.begin(session, ID)
    assert hub.fetches == 1  # a second press joins in
    hub.go_on.set()
    shown = looked(models, session, "Loading")
    assert shown["fetched"] == ID
    assert shown["stop"]["visible"] is shown["timer"]["active"] is False
    assert session.choices.fetching == ""
    assert models.look(session)["fetched"] == ""


def test_a_download_is_stopped(models: ModelHandlers, session: Session) -> None:
    models.begin(session, ID)
    looked(models, session, "of 100 MB")
    assert "The downloaded part is kept" in models.stop(session)["status"]
    shown = looked(models, session, "was stopped")
    assert ("error" in shown["status"], shown["fetched"]) == (False, "")
    assert shown["stop"]["visible"] is shown["timer"]["active"] is False


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            ModelError("model_too_large", "", id=ID, needed="9.9", available="1.5"),
            "needs about 9.9 GB of memory, and 1.5 GB is free",
        ),
        (ModelError("model_unreachable", "", id=ID), "its server did not answer"),
        (ModelError("model_unknown", "", id=HOSTILE), "&lt;img src=x&gt;/&#36;&#123;alert(1)&#125;"),
        (OSError(28, "No space left on device"), "is full"),
    ],
)
def test_a_download_that_fails_says_why_and_the_old_model_stays(
    error: Exception, sentence: str, models: ModelHandlers, session: Session, hub: Hub
) -> None:
    hub.error = error
    before = session.choices.model
    models.begin(session, ID)
    hub.go_on.set()
    shown = looked(models, session, "note error")
    assert sentence in shown["status"]
    assert (shown["timer"]["active"], shown["fetched"], session.choices.model) == (False, "", before)


def test_what_cannot_be_fetched_is_not_asked_for(models: ModelHandlers, session: Session, hub: Hub) -> None:
    here = Session(session.folder, local=True)
    for id in ("/no/such/folder", "whisper-base"):
        assert models.begin(here, id)["timer"]["active"] is False
        assert models.about(here, "/no/such/folder") == {"about": ""}
    assert hub.fetches == 0


SECRETS = (
    "/etc",
    "/etc/passwd",
    "~/.ssh",
    "./model",
    "..",
    ".",
    "a/b/c",
    "C:\\Users",
    "file:///etc",
    "~",
    "x y",
    "-a",
)
SHARES = ("\\\\host\\share", "//host/share", "\\/host/share", "/\\host\\share")


@pytest.mark.parametrize("id", [*SECRETS, *SHARES, "", "  ", None, 5, ["x"], "torchaudio:../x"])
def test_a_visitor_elsewhere_learns_nothing_about_files(id: object, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[object] = []
    models = ModelHandlers(W, ModelPool(), Tasks(), lambda *_: "/folder")
    with monkeypatch.context() as watched:
        for name in ("stat", "exists", "is_dir", "is_file", "resolve", "expanduser", "open", "iterdir"):
            watched.setattr(Path, name, lambda self, *_, name=name, **__: touched.append((name, self)))
        sentences = set()
        for asking in (models.begin, models.use):
            with pytest.raises(ModelError) as caught:
                asking(session, id)
            sentences.add((caught.value.reason, explain(caught.value, W)))
        assert models.about(session, id) == {"about": ""}
    assert sentences == {("model_not_named", W("error.model_not_named"))}
    assert touched == []


@pytest.mark.parametrize("id", SHARES)
def test_another_computer_is_not_asked_for_a_folder(id: str, models: ModelHandlers, session: Session) -> None:
    with pytest.raises(ModelError) as caught:
        models.use(Session(session.folder, local=True), id)
    assert caught.value.reason == "model_elsewhere"


def test_a_folder_is_used_here_and_forgotten_elsewhere(session: Session, tiny_ctc: Path) -> None:
    here = Session(session.folder, local=True)
    models = ModelHandlers(W, ModelPool(), Tasks())
    assert "is loaded" in models.use(here, str(tiny_ctc))["status"]
    assert here.choices.model == str(tiny_ctc)
    assert session.choices.model == "whisper-tiny.en"


def test_an_id_of_the_hubs_form_is_not_a_folder_of_the_servers(
    session: Session, tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "models").symlink_to(tiny_ctc)
    monkeypatch.chdir(tmp_path)
    models = ModelHandlers(W, ModelPool(), Tasks(), Hub())
    assert "Looking up assets/models" in models.begin(session, "assets/models")["status"]
    models.use(session, "assets/models")
    assert session.choices.model == "whisper-tiny.en"
    models.stop(session)


def test_what_is_not_here_is_not_fetched_by_loading_it(session: Session, hub: Hub, models: ModelHandlers) -> None:
    assert models.use(session, ID) == {}
    assert (hub.fetches, session.choices.model) == (0, "whisper-tiny.en")


@pytest.mark.parametrize(
    ("about", "answer"), [({"private": True}, "model_gated"), ({"gated": "manual"}, "model_gated"), ({"private": False}, "")]
)
def test_what_only_the_owner_may_fetch_is_not_here_for_others(
    about: dict[str, object], answer: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def told(_: object, id: str, **how: object) -> ModelInfo:
        asked.append(how)
        return ModelInfo(id=id, **about)

    monkeypatch.setattr(module, "is_here", lambda id: True)
    monkeypatch.setattr(HfApi, "model_info", told)
    monkeypatch.setattr(ModelPool, "lend", lambda self, owner, id: nullcontext(load_model("attune-wav2vec2")))
    models = ModelHandlers(W, ModelPool(), Tasks())
    if answer:
        for asking in (models.begin, models.use):
            with pytest.raises(ModelError) as caught:
                asking(session, ID)
            assert caught.value.reason == answer
        assert models.about(session, ID) == {"about": ""}
    else:
        assert "is loaded" in models.use(session, ID)["status"]
        assert "is ready" in models.about(session, ID)["about"]
    assert asked
    assert all(how["token"] is False for how in asked)
    asked.clear()
    assert "is loaded" in models.use(Session(session.folder, local=True), ID)["status"]
    assert asked == []


def test_a_restarted_app_says_that_a_download_was_interrupted(models: ModelHandlers, session: Session) -> None:
    session.choose(fetching=HOSTILE)
    shown = models.look(session)
    assert "restarted while it was downloading" in shown["status"]
    assert "<img" not in shown["status"]
    assert shown["timer"]["active"] is False
    assert session.choices.fetching == ""


def test_a_language_s_code_is_no_markup() -> None:
    assert "&lt;b&gt;" in transcript("x", 1, 1, "m", W, transcribed("whisper-base", "<b>", True, W))

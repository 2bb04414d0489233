"""Downloads of a run, for its visitor and for whoever has its link."""

from __future__ import annotations

import shutil
import zipfile
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.runs.export.hugging_face import name_run
from core.runs.run_folder import Run
from core.storage.files import home
from demo.server import run_files
from demo.server.answers import visitor
from demo.session import removal, session, shared_run
from demo.session.session import Session


@pytest.fixture
def owner(finished_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A visitor with one finished run."""
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    found = session.find(session.new_token())
    shutil.copytree(finished_run.folder, found.folder / "runs" / "one")
    found.choose(run="one", queue="one")
    return found


@pytest.fixture
def client() -> TestClient:
    """A browser without a cookie."""
    server = FastAPI()
    run_files.add_routes(server, visitor)
    return TestClient(server)


def test_a_link_gives_the_model_and_the_report_and_nothing_else(owner: Session, client: TestClient) -> None:
    link = shared_run.path(owner, owner.run("one"))
    page = client.get(f"{link}en/")
    assert page.status_code == 200
    assert 'href="../model.zip"' in page.text
    assert "no-store" in page.headers["cache-control"]
    with zipfile.ZipFile(BytesIO(client.get(f"{link}model.zip").content)) as packed:
        assert any(name.endswith("config.json") for name in packed.namelist())
    assert '<html lang="zh-CN">' in client.get(f"{link}zh-CN/report.html").text
    others = ("events.jsonl", "request.json", "en/report.json", "en/report.md", "en/report.exe", "tlh/", "..", "en/../../two/")
    for other in others:
        assert client.get(link + other).status_code == 404, other
    for private in ("/take-home/one.zip", "/report/one/en/report.html"):
        assert client.get(private).status_code == 404


def test_any_other_link_is_not_found(owner: Session, client: TestClient) -> None:
    shutil.copytree(owner.run("one").folder, owner.folder / "runs" / "two")
    *_, name, id, signed, _ = shared_run.path(owner, owner.run("one")).split("/")
    wrong = [
        (name, "two", signed),
        (name, id, signed[:-1] + ("0" if signed[-1] != "0" else "1")),
        (name, id, signed.upper()),
        (name, id, session.owner_token()),
        (name, id, "0" * 32),
        (name, id, "é"),
        ("0" * 32, id, signed),
        ("..", id, signed),
        (name, "..", signed),
        (name, "%2e%2e%2fone", signed),
        (name[::-1], id, signed),
    ]
    for parts in wrong:
        for file in ("en/", "model.zip", "en/report.html"):
            answer = client.get(f"/shared/{'/'.join(parts)}/{file}")
            assert (answer.status_code, "Not" in answer.text) == (404, True), (parts, file)


def test_a_link_is_dead_once_the_run_or_its_visitor_is_gone(owner: Session, client: TestClient) -> None:
    link = f"{shared_run.path(owner, owner.run('one'))}en/"
    assert client.get(link).status_code == 200
    removal.remove(owner, "runs", "one")
    assert client.get(link).status_code == 404
    removal.trash(owner, "runs").take_out("one", owner.folder / "runs")
    assert client.get(link).status_code == 200
    shutil.rmtree(home() / "sessions" / owner.name)
    assert client.get(link).status_code == 404


def test_an_unfinished_run_has_no_link_that_works(owner: Session, client: TestClient) -> None:
    run = owner.run("one")
    (run.folder / "result.json").unlink()
    assert client.get(f"{shared_run.path(owner, run)}en/").status_code == 404


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("My voice", "attune-My_voice"),
        ("../../etc/passwd", "attune-_.._etc_passwd"),
        ("声音", "attune-声音"),
        ("", "attune-one"),
    ],
)
def test_a_file_is_called_after_the_run_s_name(name: str, file: str, owner: Session, client: TestClient) -> None:
    name_run(owner.run("one"), name)
    link = shared_run.path(owner, owner.run("one"))
    said = client.get(f"{link}model.zip").headers["content-disposition"]
    assert f"{file}.zip" in unquote(said)
    assert "/" not in unquote(said).replace("utf-8''", "")


def test_the_page_of_a_link_shows_a_hostile_name_as_it_is(owner: Session, client: TestClient) -> None:
    name_run(owner.run("one"), "<script>alert(1)</script>")
    page = client.get(f"{shared_run.path(owner, owner.run('one'))}en/").text
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page

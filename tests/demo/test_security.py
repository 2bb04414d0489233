"""Who may talk to the app, and whose things they reach."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.errors import RunError
from demo import security, session


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def client(base_url: str = "http://127.0.0.1:7860", **guard: object) -> TestClient:
    routes = [Route("/", echo, methods=["GET", "POST"]), Route("/other", echo)]
    middleware = [Middleware(security.Guard, **guard), Middleware(session.Cookies, paths=frozenset({"/"}))]
    return TestClient(Starlette(routes=routes, middleware=middleware), base_url=base_url)


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:7860", None, 200),
        ("localhost:7860", "http://localhost:7860", 200),
        ("[::1]:7860", None, 200),
        ("192.168.1.5:7860", "http://192.168.1.5:7860", 200),
        ("192.168.1.6:7860", None, 403),
        ("evil.example", None, 403),
        ("127.0.0.1:7860", "http://evil.example", 403),
        ("127.0.0.1:7860", "http://127.0.0.1:9999", 403),
        ("127.0.0.1:7860", "null", 403),
        ("", None, 403),
    ],
)
def test_unknown_hosts_and_foreign_origins_are_refused(host: str, origin: str | None, status: int) -> None:
    headers = {"host": host, **({"origin": origin} if origin else {})}
    answer = client(hosts=frozenset({"192.168.1.5"})).get("/", headers=headers)
    assert answer.status_code == status
    if status == 200:
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_over_the_limit_is_refused_by_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_BODY_BYTES", 100)
    assert client().post("/", content=b"x" * 100).text == "100"
    assert client().post("/", content=b"x" * 101).status_code == 413


def test_a_body_over_the_limit_is_cut_off_when_it_does_not_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_BODY_BYTES", 100)
    with pytest.raises(Exception, match="ClientDisconnect|^$"):
        client().post("/", content=iter([b"x" * 60, b"x" * 60]))


def test_a_page_gives_a_session_once_and_other_paths_do_not() -> None:
    browser = client()
    assert "set-cookie" not in browser.get("/other").headers
    first = browser.get("/").headers["set-cookie"]
    assert "HttpOnly" in first
    assert "SameSite=Lax" in first
    assert "set-cookie" not in browser.get("/").headers


def test_a_forged_cookie_is_no_session() -> None:
    for token in (None, "", "..", "0" * 32, "../" * 10 + "0" * 2, "g" * 32):
        assert not session.is_known(token)
        with pytest.raises(RunError, match="Reload"):
            session.find(token)


def test_a_session_keeps_its_choices_and_its_runs_to_itself(tmp_path: Path) -> None:
    mine, other = session.find(session.new_token()), session.find(session.new_token())
    assert mine.folder != other.folder
    mine.choose(labelled_set="noise")
    assert session.Session(mine.folder).choices.labelled_set == "noise"
    assert other.choices.labelled_set == "accent"
    for id in ("../x", "", "a/b", "nosuch"):
        with pytest.raises(RunError):
            mine.run(id)
    assert mine.current_run() is None


def test_the_token_is_not_in_the_folders_name() -> None:
    token = session.new_token()
    assert token not in str(session.find(token).folder)

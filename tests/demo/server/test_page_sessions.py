"""A page's events and answers are its own browser's, and nobody can crowd other pages out."""

from __future__ import annotations

import json

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from demo.server import page_sessions
from demo.server.page_sessions import PageSessions
from demo.session import session

JOIN, DATA, RUN = "/en/gradio_api/queue/join", "/en/gradio_api/queue/data", "/en/gradio_api/run/predict"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse((await request.body()).decode() or "read")


@pytest.fixture
def app() -> Starlette:
    routes = [Route("/{path:path}", echo, methods=["GET", "POST"])]
    return Starlette(routes=routes, middleware=[Middleware(PageSessions)])


def browser(app: Starlette, token: str | None = None) -> TestClient:
    client = TestClient(app, base_url="http://127.0.0.1")
    client.cookies.set(session.COOKIE, token or session.new_token())
    return client


def test_a_page_belongs_to_the_browser_that_opened_it(app: Starlette) -> None:
    mine, other = browser(app), browser(app)
    body = {"session_hash": "abc", "data": ["é"], "fn_index": 1}
    assert mine.post(JOIN, json=body).json() == body
    assert mine.get(DATA, params={"session_hash": "abc"}).text == "read"
    for answer in (other.post(JOIN, json=body), other.post(RUN, json=body), other.get(DATA, params={"session_hash": "abc"})):
        assert answer.status_code == 403
    assert mine.post(RUN, json=body).status_code == 200


def test_without_a_session_there_are_no_events(app: Starlette) -> None:
    for client in (TestClient(app, base_url="http://127.0.0.1"), browser(app, "0" * 64)):
        assert client.post(JOIN, json={"session_hash": "abc"}).status_code == 403
        assert client.get(DATA, params={"session_hash": "abc"}).status_code == 403
        assert client.get("/en/gradio_api/upload_progress").status_code == 200  # it asks for itself


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b"{", b'{"session_hash": 7}', b'{"session_hash": ""}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_names_no_page_is_refused(body: bytes, app: Starlette) -> None:
    assert browser(app).post(JOIN, content=body).status_code == 400
    assert browser(app).post(JOIN, content=json.dumps({"session_hash": "x" * 65})).status_code == 400
    assert browser(app).get(DATA).status_code == 400


def test_a_browser_s_oldest_page_is_forgotten_and_nobody_else_s(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_sessions, "PAGES", 2)
    monkeypatch.setattr(page_sessions, "SESSIONS", 2)
    mine, greedy, late = browser(app), browser(app), browser(app)
    assert mine.post(JOIN, json={"session_hash": "mine"}).status_code == 200
    for number in range(5):
        assert greedy.post(JOIN, json={"session_hash": f"p{number}"}).status_code == 200
    assert greedy.post(JOIN, json={"session_hash": "mine"}).status_code == 403
    assert late.post(JOIN, json={"session_hash": "p0"}).status_code == 200  # forgotten, so it is free
    assert mine.post(JOIN, json={"session_hash": "mine"}).status_code == 200


def test_an_address_gets_so_many_new_sessions_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "NEW_SESSIONS", 3)
    monkeypatch.setattr(session.time, "monotonic", lambda: 600.0)
    middleware = [Middleware(session.Cookies, paths=frozenset({"/en/"}))]
    app = Starlette(routes=[Route("/{path:path}", echo)], middleware=middleware)
    status = [TestClient(app, base_url="http://127.0.0.1").get("/en/").status_code for _ in range(5)]
    assert status == [200, 200, 200, 429, 429]
    assert browser(app).get("/en/").status_code == 200  # who has one needs none
    monkeypatch.setattr(session.time, "monotonic", lambda: 661.0)
    assert TestClient(app, base_url="http://127.0.0.1").get("/en/").status_code == 200

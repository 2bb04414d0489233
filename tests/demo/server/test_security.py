"""Who may talk to the app, and whose things they reach."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from core.errors import RunError
from core.storage import files
from demo.server import connections, security
from demo.session import session
from demo.session.local import is_local


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
        ("127.0.0.1:7860", "http://[", 403),
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


def test_a_body_that_stops_in_the_middle_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.05)
    given: list[dict] = []

    async def reading(scope: dict, receive: Callable, send: object) -> None:
        given.extend([await receive(), await receive()])

    app = security.Guard(reading)
    scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1")], "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    first = [{"type": "http.request", "body": b"x", "more_body": True}]

    async def receive() -> dict:
        return first.pop() if first else await asyncio.get_running_loop().create_future()

    async def send(message: dict) -> None:
        raise AssertionError(message)

    asyncio.run(asyncio.wait_for(app(scope, receive, send), 60))
    assert [message["type"] for message in given] == ["http.request", "http.disconnect"]


def test_a_body_that_comes_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_SECONDS", 0.2)
    given: list[dict] = []

    async def reading(scope: dict, receive: Callable, send: object) -> None:
        while not given or given[-1]["type"] == "http.request":
            given.append(await receive())

    async def receive() -> dict:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"127.0.0.1")]}
    asyncio.run(asyncio.wait_for(security.Guard(reading)(scope, receive, None), 60))
    assert given[-1]["type"] == "http.disconnect"
    assert len(given) > 2


def test_only_a_known_host_shapes_a_page_s_address() -> None:
    async def shown(scope: dict, receive: object, send: object) -> None:
        await PlainTextResponse(str(dict(scope["headers"]).get(b"x-forwarded-host")))(scope, receive, send)

    guarded = TestClient(security.Guard(shown, hosts=frozenset({"attune.example"})), base_url="http://127.0.0.1")
    assert guarded.get("/", headers={"x-forwarded-host": "attune.example"}).text == "b'attune.example'"
    for forged in ("evil.example", "[::bad", ""):
        assert guarded.get("/", headers={"x-forwarded-host": forged}).text == "None"


def test_only_an_upload_may_be_large() -> None:
    over = security.MAX_BODY_BYTES + 1
    for path, status in (("/en/gradio_api/queue/join", 413), ("/en/gradio_api/upload", 404), ("/", 413)):
        headers = {"content-length": str(over)}
        assert client(pages={"en"}).post(path, content=b"", headers=headers).status_code == status
    for length in ("-1", "x", "9" * 40, str(security.MAX_UPLOAD_BYTES + 1)):
        assert client(pages={"en"}).post("/en/gradio_api/upload", headers={"content-length": length}).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "monitoring", "monitoring/summary", "gradio_api/deep_link", "deep_link", "gradio_api/vibe-edit/",
        "gradio_api/info", "gradio_api/openapi.json", "gradio_api/component_server", "gradio_api/proxy=http://127.0.0.1/",
        "gradio_api/stream/x", "gradio_api/process_recording", "gradio_api/custom_component/x/client/component/x.js",
        "gradio_api/call/x", "gradio_api/cancel", "gradio_api/dev/reload", "gradio_api/runs", "gradio_api/queue/status",
        "gradio_api/heartbeat/x", "gradio_api/file/etc/passwd", "gradio_api/token", "gradio_api/user", "login", "config",
        "pwa_icon", "manifest.json", "robots.txt", "gradio_api//upload", "assets/", "gradio_api/run/",
    ],
)  # fmt: skip
def test_what_the_page_needs_not_of_gradio_answers_nobody(path: str) -> None:
    async def open_door(scope: dict, receive: object, send: object) -> None:
        await PlainTextResponse("open")(scope, receive, send)

    browser = TestClient(security.Guard(open_door, pages={"en"}), base_url="http://127.0.0.1")
    for method in ("GET", "POST", "HEAD", "PUT", "DELETE"):
        assert browser.request(method, f"/en/{path}").status_code == 404
    for needed in ("", "/", "/assets/a.js", "/static/x", "/theme.css", "/gradio_api/queue/join", "/gradio_api/file=x/y"):
        assert browser.get(f"/en{needed}").text == "open"


def test_a_connection_that_asks_for_nothing_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)

    async def slow(scope: dict, receive: object, send: Callable) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def tried() -> list[bytes]:
        config = uvicorn.Config(slow, http=connections.TimedProtocol, ws="none", lifespan="off", log_level="warning")
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        said = []
        for begun in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(begun)
            said.append(await asyncio.wait_for(reader.read(), 60))
            writer.close()
            await writer.wait_closed()
        server.should_exit = True
        await serving
        return said

    nothing, half, whole = asyncio.run(tried())
    assert (nothing, half) == (b"", b"")
    assert whole.endswith(b"ok")  # an answer may take longer than a question


@pytest.mark.parametrize(
    ("client", "host", "local"),
    [
        ("127.0.0.1", "127.0.0.1:7860", True),
        ("::1", "[::1]:7860", True),
        ("127.0.0.1", "localhost", True),
        ("192.168.1.5", "127.0.0.1", False),
        ("127.0.0.1", "attune.example.org", False),
        ("127.evil.example", "127.0.0.1", False),
        (None, "127.0.0.1", False),
    ],
)
def test_who_is_on_this_computer(client: str | None, host: str, local: bool) -> None:
    assert is_local(client, {"host": host}, owner=True) is local
    assert is_local(client, {"host": host}, owner=False) is False


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cf-connecting-ip"])
def test_what_a_proxy_passes_on_comes_from_elsewhere(header: str) -> None:
    assert is_local("127.0.0.1", {"host": "127.0.0.1:7860", header: "127.0.0.1"}, owner=True) is False


def test_only_who_saw_the_terminal_is_the_owner() -> None:
    assert session.is_owner(session.owner_token())
    for token in (None, "", "0" * 32, session.owner_token()[:-1], session.new_token(), "é"):
        assert not session.is_owner(token)


def test_a_page_gives_a_session_once_and_other_paths_do_not() -> None:
    browser = client()
    assert "set-cookie" not in browser.get("/other").headers
    first = browser.get("/").headers["set-cookie"]
    assert "HttpOnly" in first
    assert "SameSite=Lax" in first
    assert "set-cookie" not in browser.get("/").headers


def test_a_forged_cookie_is_no_session() -> None:
    signed = session.new_token()
    for token in (None, "", "..", "0" * 32, "../" * 10 + "0" * 2, "g" * 32, "0" * 64, signed[:32], "0" * 32 + signed[32:]):
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


def test_a_session_s_folder_is_made_when_its_browser_comes_back() -> None:
    token = session.new_token()
    assert not session.find(token, make=False).folder.exists()
    assert session.find(token).folder.is_dir()


def test_a_session_of_an_earlier_version_goes_on() -> None:
    old = "0123456789abcdef" * 2
    folder = files.home() / "sessions" / hashlib.sha256(old.encode()).hexdigest()[:32]
    assert not session.is_known(old)
    folder.mkdir(parents=True)
    assert session.find(old).folder == folder


def test_the_token_is_not_in_the_folders_name() -> None:
    token = session.new_token()
    assert token not in str(session.find(token).folder)

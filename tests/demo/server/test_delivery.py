"""A page costs its rendering once and is sent small; what streams is not held back."""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator

import brotli
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from demo.server import delivery
from demo.server.delivery import Delivery

SCRIPT = "let words = 'Attune';\n" * 200


class App:
    """A page, files, a stream; counts what is asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.go_on = asyncio.Event()

    async def page(self, request: Request) -> Response:
        self.asked[request.url.path] += 1
        return HTMLResponse(
            f"<head><title>x</title></head><p>{request.headers['host']} {request.query_params}</p>" + 200 * "<p>Attune</p>"
        )

    async def file(self, request: Request) -> Response:
        self.asked[request.url.path] += 1
        if request.path_params["name"] == "none.js":
            return PlainTextResponse("Not found.", 404)
        if request.path_params["name"].endswith(".woff2"):
            return Response(b"\x00" * 4000, media_type="font/woff2")
        return Response(SCRIPT, media_type="text/javascript", headers={"etag": '"theirs"', "content-encoding-test": "x"})

    async def stream(self, request: Request) -> Response:
        async def events() -> AsyncIterator[str]:
            yield "data: first\n\n"
            await self.go_on.wait()
            yield "data: second\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    def client(self, **kwargs: str) -> TestClient:
        return TestClient(self.starlette(), headers={"accept-encoding": "identity"}, **kwargs)

    def starlette(self) -> Starlette:
        routes = [
            Route("/en/", self.page),
            Route("/{language}/assets/{name}", self.file),
            Route("/en/queue/data", self.stream),
            Route("/en/other", self.page),
        ]
        return Starlette(routes=routes, middleware=[Middleware(Delivery, pages={"/en/": "<script>first</script>"})])


@pytest.fixture
def app() -> App:
    return App()


def test_a_page_is_rendered_once_for_each_address(app: App) -> None:
    client = app.client()
    first, again = client.get("/en/"), client.get("/en/")
    assert first.content == again.content
    assert app.asked == {"/en/": 1}
    assert "elsewhere" in client.get("/en/", headers={"host": "elsewhere"}).text
    assert app.asked == {"/en/": 2}
    client.get("/en/", headers={"x-forwarded-host": "proxy", "x-forwarded-proto": "https"})
    assert app.asked == {"/en/": 3}
    assert client.get("/en/?deep=1").content == first.content  # whatever is asked beside, it is the same page
    assert app.asked == {"/en/": 3}


def test_a_page_s_head_begins_with_what_it_is_given(app: App) -> None:
    assert app.client().get("/en/").text.startswith("<head><script>first</script><title>")
    assert "first" not in app.client().get("/en/other").text


@pytest.mark.parametrize(
    ("accepted", "encoding", "unpacked"),
    [
        ("gzip, deflate, br, zstd", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
        ("br;q=0, gzip;q=0.5", "gzip", gzip.decompress),
        ("identity", None, bytes),
    ],
)
@pytest.mark.parametrize("path", ["/en/", "/en/assets/index-DphvyggB.js"])
def test_text_is_compressed_as_the_browser_accepts_it(
    path: str, accepted: str, encoding: str | None, unpacked, app: App
) -> None:
    plain = app.client().get(path).content
    for _ in range(2):
        with app.client().stream("GET", path, headers={"accept-encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding") == encoding
        assert int(answer.headers["content-length"]) == len(raw)
        assert answer.headers["vary"] == "Accept-Encoding"
        assert unpacked(raw) == plain
        assert encoding is None or len(raw) < len(plain) / 4


def test_what_is_named_after_its_contents_is_kept_for_ever_and_a_page_is_asked_about(app: App) -> None:
    client = app.client()
    lasting = {
        path: client.get(path).headers["cache-control"]
        for path in ("/en/assets/index-DphvyggB.js", "/en/assets/font-AbCdEf12.woff2", "/en/assets/plain.js", "/en/")
    }
    assert list(lasting.values()) == ["public, max-age=31536000, immutable"] * 2 + [
        "public, max-age=86400",
        "private, no-cache",
    ]
    page = client.get("/en/")
    same = client.get("/en/", headers={"if-none-match": page.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get("/en/", headers={"if-none-match": '"another"'}).status_code == 200


def test_sound_fonts_and_parts_of_files_are_not_compressed(app: App) -> None:
    client = app.client()
    with client.stream("GET", "/en/assets/font-AbCdEf12.woff2", headers={"accept-encoding": "br"}) as answer:
        assert "content-encoding" not in answer.headers
        assert len(b"".join(answer.iter_raw())) == 4000
    client.get("/en/assets/index-DphvyggB.js", headers={"range": "bytes=0-1"})
    client.get("/en/assets/index-DphvyggB.js", headers={"range": "bytes=0-1"})
    assert app.asked["/en/assets/index-DphvyggB.js"] == 2


def test_both_languages_share_their_files_and_what_is_missing_is_not_kept(app: App) -> None:
    client = app.client()
    assert client.get("/en/assets/index-DphvyggB.js").text == client.get("/zh_cn/assets/index-DphvyggB.js").text == SCRIPT
    assert sum(app.asked.values()) == 1
    for _ in range(2):
        assert client.get("/en/assets/none.js").status_code == 404
    assert app.asked["/en/assets/none.js"] == 2


def test_no_more_is_kept_than_there_is_room_for(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "KEPT_BYTES", int(2.5 * len(SCRIPT)))
    client = app.client()
    for name in ("one.js", "two.js", "three.js", "three.js", "two.js", "one.js"):
        assert client.get(f"/en/assets/{name}").text == SCRIPT
    assert [app.asked[f"/en/assets/{name}"] for name in ("one.js", "two.js", "three.js")] == [2, 1, 1]


def test_an_event_leaves_before_the_next_one_is_there(app: App) -> None:
    accepted = (b"accept-encoding", b"br, gzip")
    scope = {"type": "http", "method": "GET", "path": "/en/queue/data", "query_string": b"", "root_path": ""}
    scope |= {"headers": [(b"host", b"testserver"), accepted], "scheme": "http", "server": ("testserver", 80)}
    scope |= {"client": ("127.0.0.1", 1), "http_version": "1.1", "asgi": {"version": "3.0"}}

    async def first_then_second() -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body") == b"data: first\n\n":
                app.go_on.set()  # only now may the second come: held back, the first would wait for ever

        async with asyncio.timeout(60):
            await app.starlette()(scope, receive, send)
        return sent

    sent = asyncio.run(first_then_second())
    assert [message.get("body") for message in sent[1:3]] == [b"data: first\n\n", b"data: second\n\n"]
    assert b"content-encoding" not in dict(sent[0]["headers"])

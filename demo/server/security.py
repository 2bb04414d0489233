"""Request filtering: only the app's own pages, on the hosts it was started for, with requests of bounded size and time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.audio.sound_files import MAX_BYTES
from demo.session.local import LOOPBACK, host_name

MAX_UPLOAD_BYTES = MAX_BYTES + 1_000_000  # a sound file and its multipart envelope
MAX_BODY_BYTES = 4_000_000  # of any other request; the longest reading list takes a quarter of that
BODY_SECONDS = 30.0  # longest pause within a body; the whole body may take this plus the time its size allows
LEAST_BYTES_A_SECOND = 20_000  # of a body; slow mobile connections manage that
FORWARDED_TO_PAGES = frozenset({b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix", b"x-gradio-server"})
UPLOAD = re.compile(r"/[^/]+/gradio_api/upload")
# Every path that Gradio's page requests. The others, such as Gradio's dashboard and app editor, are blocked.
GRADIO = re.compile(
    r"/?|/(?:assets|static)/.+|/theme\.css|/gradio_api/(?:upload|upload_progress|file=.+|queue/(?:join|data)|run/[^/]+|reset|app_id)"
)
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"SAMEORIGIN",
}


class Guard:
    """ASGI middleware that refuses unsafe requests and adds security headers.

    A foreign page must not read recordings or start runs, whether by cross-origin requests or DNS rebinding, so unknown host
    names and foreign origins are refused. Bodies may not exceed what their path needs, nor stall, and of Gradio's paths only
    those that the page uses are served.

    Args:
        app: the application it guards.
        hosts: names and addresses at which it may be reached, besides the loopback ones.
        pages: first path segments of the mounted Gradio apps.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset(), pages: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK | hosts
        self._pages = frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the request with 403, 404 or 413, or passes it on."""
        if scope["type"] == "websocket":  # the page uses none
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if host_name(host) not in self._hosts or (origin and _place(origin) != host):
            return await PlainTextResponse("This page may not talk to Attune.", 403)(scope, receive, send)
        page = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        if page in self._pages and not GRADIO.fullmatch(scope["path"][len(page) + 1 :]):
            return await PlainTextResponse("Not found.", 404)(scope, receive, send)
        limit = MAX_UPLOAD_BYTES if UPLOAD.fullmatch(scope["path"]) else MAX_BODY_BYTES
        length = headers.get(b"content-length", b"0").decode("latin-1")
        if not length.isdigit() or len(length) > 18 or int(length) > limit:
            return await PlainTextResponse("The file is too large.", 413)(scope, receive, send)

        loop = asyncio.get_running_loop()
        begun, received, is_complete = loop.time(), 0, False
        scope = {**scope, "headers": [pair for pair in scope["headers"] if self._is_trusted(*pair)]}

        async def bounded() -> Message:
            nonlocal received, is_complete
            if is_complete:  # from now on, only a disconnect can arrive
                return await receive()
            left = begun + BODY_SECONDS + received / LEAST_BYTES_A_SECOND - loop.time()
            try:
                message = await asyncio.wait_for(receive(), min(BODY_SECONDS, left))
            except TimeoutError:
                return {"type": "http.disconnect"}
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            return message if received <= limit else {"type": "http.disconnect"}

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS.items()]}
            await send(message)

        return await self._app(scope, bounded, hardened)

    def _is_trusted(self, name: bytes, value: bytes) -> bool:
        """Returns whether to keep a header; untrusted ones may not set a page's address: Gradio renders a page for each."""
        if name.lower() not in FORWARDED_TO_PAGES:
            return True
        text = value.decode("latin-1")
        return host_name(text) in self._hosts if name.lower() == b"x-forwarded-host" else text in ("http", "https")


def _place(origin: str) -> str:
    """Returns the host and port of an Origin header; "" if it is malformed."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""

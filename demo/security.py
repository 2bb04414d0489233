"""What may talk to the app: its own pages, from the hosts it was started for, with requests of bounded size."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.audio import MAX_BYTES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
MAX_BODY_BYTES = MAX_BYTES + 1_000_000  # a sound file and its multipart envelope
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"SAMEORIGIN",
}


class Guard:
    """ASGI middleware.

    A page elsewhere must not read recordings or start runs, whether it posts across origins or binds its own name to
    this address: unknown host names and foreign origins are refused, and a body may not exceed the largest sound file.

    Args:
        app: what it guards.
        hosts: names and addresses it may be reached by, besides the loopback ones.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._hosts = LOOPBACK | hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses with 403 or 413, or passes on."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        request = Request(scope) if scope["type"] == "http" else None
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if _name(host) not in self._hosts or (origin and urlsplit(origin).netloc != host):
            return await PlainTextResponse("This page may not talk to Attune.", 403)(scope, receive, send)
        length = headers.get(b"content-length", b"0").decode("latin-1")
        if request is not None and length.isdigit() and int(length) > MAX_BODY_BYTES:
            return await PlainTextResponse("The file is too large.", 413)(scope, receive, send)

        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                return {"type": "http.disconnect"}
            return message

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS.items()]}
            await send(message)

        return await self._app(scope, bounded, hardened)


def is_local(client: str | None, host: str) -> bool:
    """Whether a request comes from this very computer: from a loopback address, and to one.

    Args:
        client: the address it comes from.
        host: its Host header; a proxy on this computer passes on what the browser asked for.
    """
    try:
        loopback = ipaddress.ip_address(client or "").is_loopback
    except ValueError:
        return False
    return loopback and _name(host) in LOOPBACK


def _name(host: str) -> str:
    """The host without its port; an IPv6 address keeps its brackets."""
    return host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host

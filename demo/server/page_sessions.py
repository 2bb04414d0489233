"""Binding of pages to sessions: only the session that opened a page may send its events and read its answers.

Gradio lets anyone who knows a page's `session_hash` do both, and drops the least recently used pages once there are many. So
each page is bound to a session here, and the number of pages per session is limited.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.session import session

PAGES = 8  # remembered per browser; a page dropped from memory is bound again when next used
SESSIONS = 10_000
MAX_HASH_CHARACTERS = 64
_EVENTS = ("/gradio_api/queue/join", "/gradio_api/queue/data", "/gradio_api/run/")


class PageSessions:
    """ASGI middleware that refuses events from browsers without a session, and events for other browsers' pages.

    Args:
        app: the application it wraps.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._owners: dict[str, str] = {}
        self._pages: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses the request with 400 or 403, or passes it on."""
        path = "/" + scope["path"].split("/", 2)[-1] if scope["type"] == "http" else ""
        if not path.startswith(_EVENTS):
            return await self._app(scope, receive, send)
        token = Request(scope).cookies.get(session.COOKIE)
        if token is None or not session.is_known(token):
            return await PlainTextResponse("This page has lost its session. Reload it.", 403)(scope, receive, send)
        if scope["method"] == "GET":
            named, replay = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[0], receive
        else:
            body, whole = await _body(receive)
            if not whole:
                return None
            named, replay = _named(body), _again(body, receive)
        if not isinstance(named, str) or not 0 < len(named) <= MAX_HASH_CHARACTERS:
            return await PlainTextResponse("Session hash not found.", 400)(scope, receive, send)
        if not self._bind(named, token):
            return await PlainTextResponse("This page is another browser's.", 403)(scope, receive, send)
        return await self._app(scope, replay, send)

    def _bind(self, page: str, owner: str) -> bool:
        """Binds a page to an owner; returns False if it already belongs to another."""
        if self._owners.setdefault(page, owner) != owner:
            return False
        pages = self._pages.setdefault(owner, OrderedDict())
        pages[page] = None
        pages.move_to_end(page)
        self._pages.move_to_end(owner)
        if len(pages) > PAGES:
            del self._owners[pages.popitem(last=False)[0]]
        if len(self._pages) > SESSIONS:
            for forgotten in self._pages.popitem(last=False)[1]:
                del self._owners[forgotten]
        return True


def _named(body: bytes) -> object:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return fields.get("session_hash") if isinstance(fields, dict) else None


async def _body(receive: Receive) -> tuple[bytes, bool]:
    """Returns a request's body and whether it is complete."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"", False
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts), True


def _again(body: bytes, receive: Receive) -> Receive:
    """Returns a `receive` that replays the body and then continues with the original."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay

"""What is left until somebody has a page in front of them, as it would only delay that page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SETTLING_SECONDS = 2.0  # in which the browser fetches the scripts of a page that it has just been given


class FirstPage:
    """ASGI middleware that starts something once, in a thread, soon after the first page has been sent.

    Args:
        app: what it wraps.
        pages: their paths.
        start: what to start.
        after: seconds after the page.
    """

    def __init__(
        self, app: ASGIApp, pages: Collection[str], start: Callable[[], None], after: float = SETTLING_SECONDS
    ) -> None:
        self._app, self._pages, self._start, self._after = app, pages, start, after
        self._served = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on."""
        if self._served or scope["type"] != "http" or scope["path"] not in self._pages:
            return await self._app(scope, receive, send)

        async def seen(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and message["status"] == 200 and not self._served:
                self._served = True
                waiting = threading.Timer(self._after, self._start)
                waiting.daemon, waiting.name = True, "first page"
                waiting.start()

        return await self._app(scope, receive, seen)

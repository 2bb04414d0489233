"""Startup work deferred until the first page has been sent, so that it does not delay that page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SETTLING_SECONDS = 2.0  # time for the browser to fetch the scripts of the page


class FirstPage:
    """ASGI middleware that calls a function once, in a thread, shortly after the first page has been sent.

    Args:
        app: the application it wraps.
        pages: paths of the pages.
        start: the function to call, with the path of that page.
        after: delay in seconds.
    """

    def __init__(
        self, app: ASGIApp, pages: Collection[str], start: Callable[[str], None], after: float = SETTLING_SECONDS
    ) -> None:
        self._app, self._pages, self._start, self._after = app, pages, start, after
        self._served = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes every request on."""
        if self._served or scope["type"] != "http" or scope["path"] not in self._pages:
            return await self._app(scope, receive, send)

        async def seen(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and message["status"] == 200 and not self._served:
                self._served = True
                waiting = threading.Timer(self._after, self._start, (scope["path"],))
                waiting.daemon, waiting.name = True, "first page"
                waiting.start()

        return await self._app(scope, receive, seen)

"""Responses to requests for files; anything a visitor may not have is answered with 404."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastapi import Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from core.errors import AttuneError
from demo.session import session
from demo.session.session import Session

Find = Callable[[Request], Session]


def visitor(request: Request) -> Session:
    """Returns a request's session, without creating its folder.

    Raises:
        RunError: there is none.
    """
    return session.find(request.cookies.get(session.COOKIE), make=False)


def answer(request: Request, find: Find, made: Callable[[Session], Response]) -> Response:
    """Answers from a visitor's session, or with 404.

    Args:
        request: whose session to use.
        find: returns a request's session; raises RunError if there is none.
        made: makes the response; an AttuneError, KeyError or IndexError means not found.
    """
    try:
        return made(find(request))
    except (AttuneError, KeyError, IndexError):
        return missing()


def missing() -> Response:
    """Returns a 404 response."""
    return PlainTextResponse("Not found.", 404)


def sound(path: Path) -> Response:
    """Returns a FLAC file to play."""
    return FileAnswer(path, media_type="audio/flac")


def download(path: Path, name: str) -> Response:
    """Returns a file for the browser to save under a name."""
    return FileAnswer(path, filename=name)


class FileAnswer(FileResponse):
    """A file response that becomes a 404 if the file is moved or deleted before it is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the file."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, noted)
        except (FileNotFoundError, RuntimeError):  # RuntimeError: Starlette's for a file already gone
            if not begun:
                await missing()(scope, receive, send)

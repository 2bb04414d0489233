"""What a request for a file is answered with, and that all that a visitor may not have is not found."""

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
    """Returns a request's session, without making its folder.

    Raises:
        RunError: there is none.
    """
    return session.find(request.cookies.get(session.COOKIE), make=False)


def answer(request: Request, find: Find, made: Callable[[Session], Response]) -> Response:
    """Answers from a visitor's session, or that nothing is found.

    Args:
        request: who asks.
        find: returns a request's session; raises RunError where there is none.
        made: makes the answer; an AttuneError, KeyError or IndexError says that there is no such thing.
    """
    try:
        return made(find(request))
    except (AttuneError, KeyError, IndexError):
        return missing()


def missing() -> Response:
    """Returns that nothing is found."""
    return PlainTextResponse("Not found.", 404)


def sound(path: Path) -> Response:
    """Returns a FLAC file to play."""
    return FileAnswer(path, media_type="audio/flac")


def download(path: Path, name: str) -> Response:
    """Returns a file that the browser is to save by a name."""
    return FileAnswer(path, filename=name)


class FileAnswer(FileResponse):
    """A file that may be moved or deleted before it is sent; it is then not found."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, noted)
        except (FileNotFoundError, RuntimeError):  # Starlette's own word for a file that was gone before
            if not begun:
                await missing()(scope, receive, send)

"""Files that a browser uploads: kept for their own session alone, until a handler takes them over or an hour is over.

SESSION/uploads/ID/NAME      one file; NAME is what its owner calls it

A browser learns "ID/NAME" and sends it back with an event. Only the id counts, and only in the session that uploaded the
file: no path that a request names is ever opened.
"""

from __future__ import annotations

import asyncio
import json
import mimetypes
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from gradio.route_utils import GradioMultiPartParser, MultiPartException
from gradio_client.utils import strip_invalid_filename_characters
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from core.audio.sound_files import MAX_BYTES
from core.data.library.recordings import Recording
from core.errors import AttuneError, DatasetError
from core.storage import disk
from core.storage.files import home
from core.storage.state import remove
from demo.session import session
from demo.session.session import Session
from demo.show import presenters
from demo.wording import LANGUAGES, Wording

KEPT_SECONDS = 3600.0
MAX_SESSION_BYTES = 2_000_000_000  # of uploads that wait to be taken over: ten of the largest
MAX_SESSION_FILES = 5_000
POLL_SECONDS = 0.2
START_SECONDS = 3.0  # in which the upload begins whose progress a page has asked for
_ID = re.compile(r"[0-9a-f]{16}")
_PROGRESS_ID = re.compile(r"[0-9A-Za-z]{1,64}")


@dataclass(frozen=True)
class Upload:
    """An upload as a request names it; nothing of it is believed before `find` has found it.

    Attributes:
        id: of the upload; "" where the request names something else.
        name: what the visitor's computer calls the file.
    """

    id: str
    name: str = ""


def named(value: Any) -> Upload | tuple[Upload, ...] | None:
    """Returns what a request says of the files in a component: one, several, or None for an empty component."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_named(one) for one in value)
    return _named(value)


def _named(value: Any) -> Upload:
    path, name = (value.get(key) if isinstance(value, dict) else None for key in ("path", "orig_name"))
    id = path.partition("/")[0] if isinstance(path, str) else ""
    return Upload(id if _ID.fullmatch(id) else "", name if isinstance(name, str) else "")


def folder(owner: Session) -> Path:
    """Returns where the uploads of a session lie."""
    return owner.folder / "uploads"


def find(owner: Session, id: str) -> Path:
    """Returns the file of an upload of this session.

    Raises:
        DatasetError: it has none of that id, or no longer.
    """
    place = folder(owner) / id
    if _ID.fullmatch(id) and stat.S_ISDIR(_mode(place)):
        for path in place.iterdir():
            if stat.S_ISREG(_mode(path)):
                return path
    raise DatasetError("upload_missing", "That file was not uploaded here, or over an hour ago. Choose it again.")


def move(owner: Session, upload: Upload, to: Path) -> Path:
    """Moves an upload to a new path; it is no upload after that.

    Raises:
        DatasetError: as `find`.
    """
    path = find(owner, upload.id)
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(to)
    except FileNotFoundError:  # another event has just taken it over
        find(owner, upload.id)
        raise
    shutil.rmtree(path.parent, ignore_errors=True)
    return to


@contextmanager
def taken(owner: Session, upload: Upload) -> Iterator[Path]:
    """Takes an upload over: gives its file in the session's folder, and deletes it afterwards.

    Where something fails that is not the file's fault, such as a full disk, the upload is put back, to be tried again.

    Raises:
        DatasetError: as `find`.
    """
    name = find(owner, upload.id).name
    path = move(owner, upload, owner.folder / "incoming" / upload.id / name)
    try:
        yield path
    except AttuneError:
        raise
    except BaseException:
        back = folder(owner) / upload.id
        back.mkdir(parents=True, exist_ok=True)
        path.rename(back / name)
        raise
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def keep(owner: Session, upload: Upload) -> Recording:
    """Takes an upload over as a recording of the session's own, of the same id; asked twice, it is the same recording.

    Raises:
        DatasetError: as `find`, or the collection is full.
        AudioError: it cannot be used.
        OSError: the disk is full; the upload is still there.
    """
    for recording in owner.collection.recordings():
        if recording.id == upload.id:
            return recording
    with taken(owner, upload) as path:
        return owner.collection.add(path, upload.id)


def sweep(seconds: float = KEPT_SECONDS) -> None:
    """Deletes uploads older than so many seconds, and what a crash left while one was taken over."""
    oldest = time.time() - seconds
    sessions, earlier = home() / "sessions", home() / "uploads"  # where versions before this one left them
    for place in (*sessions.glob("*/uploads/*"), *sessions.glob("*/incoming/*"), *earlier.glob("*")):
        if _changed(place) < oldest:
            remove(place)


class Progress:
    """How much of each upload has arrived, for the bar on the page; the interface that Gradio's parser calls."""

    def __init__(self) -> None:
        self._arrived: dict[str, dict[str, int]] = {}

    def track(self, id: str) -> None:
        """Says that an upload begins."""
        self._arrived[id] = {}

    def append(self, id: str, name: str, data: bytes) -> None:
        """Says that a piece of a file has arrived."""
        arrived = self._arrived[id]
        arrived[name] = arrived.get(name, 0) + len(data)

    def set_done(self, id: str) -> None:
        """Says that an upload is over; asked again, it may be unknown by now."""
        self._arrived.pop(id, None)

    async def events(self, id: str) -> AsyncIterator[str]:
        """Yields server-sent events as Gradio's page expects them, until the upload is over."""
        waited = 0.0
        while id not in self._arrived and waited < START_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            waited += POLL_SECONDS
        shown: dict[str, int] = {}
        while id in self._arrived:
            for name, size in list(self._arrived[id].items()):
                if size > shown.get(name, 0):
                    update = {"msg": "update", "orig_name": name, "chunk_size": size - shown.get(name, 0)}
                    shown[name] = size
                    yield f"data: {json.dumps(update)}\n\n"
            await asyncio.sleep(POLL_SECONDS)
        yield f"data: {json.dumps({'msg': 'done'})}\n\n"


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
                await PlainTextResponse("Not found.", 404)(scope, receive, send)


def add_routes(server: FastAPI) -> None:
    """Adds the addresses under which Gradio's page uploads files and gets them back, in place of Gradio's own."""
    progress = Progress()

    @server.post("/{language}/gradio_api/upload")
    async def upload(request: Request, language: str, upload_id: str = "") -> Response:
        w = Wording(language if language in LANGUAGES else "en")
        try:
            owner = session.find(request.cookies.get(session.COOKIE))
        except AttuneError:
            return PlainTextResponse(w("error.session_missing"), 403)
        length = request.headers.get("content-length", "")
        needed = int(length) if length.isdigit() else MAX_BYTES
        try:
            await run_in_threadpool(disk.refuse_full, home(), needed + disk.KEPT_FREE_BYTES)
        except AttuneError as error:
            return PlainTextResponse(presenters.explain(error, w), 507)
        if await run_in_threadpool(_is_full, owner):
            return PlainTextResponse(w("error.upload_full"), 413)
        tracked = f"{owner.folder.name}/{upload_id}" if _PROGRESS_ID.fullmatch(upload_id) else ""
        arriving = folder(owner) / f"{secrets.token_hex(8)}-arriving"
        try:
            files = await _received(request, arriving, progress, tracked)
            return JSONResponse([await run_in_threadpool(_kept, owner, path, name) for path, name in files])
        except (MultiPartException, ClientDisconnect, ValueError) as error:  # ValueError: a boundary or a name of odd bytes
            too_large = "File size exceeded" in str(getattr(error, "message", ""))
            key = "error.upload_too_large" if too_large else "error.upload_damaged"
            return PlainTextResponse(w(key, limit=MAX_BYTES // 1_000_000), 413 if too_large else 400)
        except OSError:
            return PlainTextResponse(w("error.disk"), 507)
        finally:
            progress.set_done(tracked)
            await run_in_threadpool(shutil.rmtree, arriving, True)

    @server.get("/{language}/gradio_api/upload_progress")
    async def upload_progress(request: Request, language: str, upload_id: str = "") -> Response:
        try:
            owner = session.find(request.cookies.get(session.COOKIE), make=False)
        except AttuneError:
            return PlainTextResponse("Not found.", 404)
        return StreamingResponse(progress.events(f"{owner.folder.name}/{upload_id}"), media_type="text/event-stream")

    @server.get("/{language}/gradio_api/file={path:path}")
    def uploaded(request: Request, language: str, path: str) -> Response:
        id = path.partition("/")[0]
        try:
            owner = session.find(request.cookies.get(session.COOKIE), make=False)
            try:
                found = find(owner, id)
            except DatasetError:  # a player may still ask for what has become a recording
                return FileAnswer(owner.collection.get(id).path, media_type="audio/flac")
        except AttuneError:
            return PlainTextResponse("Not found.", 404)
        kind = mimetypes.guess_type(found.name)[0] or ""
        if kind.startswith(("audio/", "video/")):
            return FileAnswer(found, media_type=kind)
        return FileAnswer(found, filename="upload", media_type="application/octet-stream")


class _FilesOnly(GradioMultiPartParser):
    """Gradio's parser, for it writes to disk as the bytes come and tells the bar on the page.

    A field of text it would keep in memory, however long; the page sends none.
    """

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is None:
            raise MultiPartException("A part of the upload is no file.")


async def _received(request: Request, arriving: Path, progress: Progress, tracked: str) -> list[tuple[Path, str]]:
    """Writes what a request carries into a folder; returns each file and what it is to be called.

    Raises:
        MultiPartException, ValueError: it is no upload, or a damaged one, or a file is too large.
        ClientDisconnect: the browser went away.
        OSError: the disk is full.
    """
    if parse_options_header(request.headers.get("content-type"))[0] != b"multipart/form-data":
        raise MultiPartException("The body is no form.")
    arriving.mkdir(parents=True)
    if tracked:
        progress.track(tracked)
    parser = _FilesOnly(
        request.headers,
        request.stream(),  # type: ignore[arg-type]
        upload_dir=arriving,
        upload_id=tracked,
        upload_progress=progress if tracked else None,  # type: ignore[arg-type]
        max_file_size=MAX_BYTES,
    )
    files = []
    for _, part in (await parser.parse()).multi_items():
        name = strip_invalid_filename_characters(Path(part.filename).name)  # type: ignore[union-attr,arg-type]
        if name == "..":
            raise MultiPartException("The name is none of a file.")
        part.file.close()  # type: ignore[union-attr]
        files.append((Path(part.file.name), name))  # type: ignore[union-attr,arg-type]
    return files


def _kept(owner: Session, path: Path, name: str) -> str:
    """Gives a file that has arrived an id; returns what the page calls it from now on."""
    id = secrets.token_hex(8)
    place = folder(owner) / id
    place.mkdir(parents=True)
    path.rename(place / name)
    return f"{id}/{name}"


def _is_full(owner: Session) -> bool:
    sizes = [path.lstat().st_size for path in folder(owner).glob("*/*")]
    return len(sizes) >= MAX_SESSION_FILES or sum(sizes) >= MAX_SESSION_BYTES


def _mode(path: Path) -> int:
    """Returns what kind of file lies there, links not followed; 0 where nothing does."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _changed(path: Path) -> float:
    """Returns when something was last changed, in seconds since 1970; infinity where it is gone."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return float("inf")

"""Routes for uploading files, following upload progress, and fetching uploaded files."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from gradio.route_utils import GradioMultiPartParser, MultiPartException
from gradio_client.utils import strip_invalid_filename_characters
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from core.audio.sound_files import MAX_BYTES
from core.errors import AttuneError, DatasetError
from core.storage import full_disk
from core.storage.files import home
from demo.server.answers import FileAnswer, Find, answer, sound
from demo.session import session, uploads
from demo.session.session import Session
from demo.show import errors
from demo.wording import LANGUAGES, Wording

MAX_SESSION_BYTES = 2_000_000_000  # of uploads not yet taken over: ten of the largest
MAX_SESSION_FILES = 5_000
POLL_SECONDS = 0.2
START_SECONDS = 3.0  # how long a request for progress waits for its upload to begin
_PROGRESS_ID = re.compile(r"[0-9A-Za-z]{1,64}")


class UploadProgress:
    """How much of each upload has arrived, for the page's progress bar; has the interface that Gradio's parser calls."""

    def __init__(self) -> None:
        self._arrived: dict[str, dict[str, int]] = {}

    def track(self, id: str) -> None:
        """Starts tracking an upload."""
        self._arrived[id] = {}

    def append(self, id: str, name: str, data: bytes) -> None:
        """Records that a chunk of a file has arrived."""
        arrived = self._arrived[id]
        arrived[name] = arrived.get(name, 0) + len(data)

    def set_done(self, id: str) -> None:
        """Stops tracking an upload; does nothing if it is unknown."""
        self._arrived.pop(id, None)

    async def events(self, id: str) -> AsyncIterator[str]:
        """Yields server-sent events in Gradio's format until the upload ends."""
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


def add_routes(server: FastAPI, find: Find) -> None:
    """Adds the routes that replace Gradio's own for uploading files and fetching them.

    Args:
        server: to add them to.
        find: returns a request's session; raises RunError if there is none.
    """
    progress = UploadProgress()

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
            await run_in_threadpool(full_disk.refuse_full, home(), needed + full_disk.KEPT_FREE_BYTES)
        except AttuneError as error:
            return PlainTextResponse(errors.explain(error, w), 507)
        if await run_in_threadpool(_is_full, owner):
            return PlainTextResponse(w("error.upload_full"), 413)
        tracked = f"{owner.name}/{upload_id}" if _PROGRESS_ID.fullmatch(upload_id) else ""
        arriving = uploads.folder(owner) / f"{secrets.token_hex(8)}-arriving"
        try:
            files = await _receive(request, arriving, progress, tracked)
            return JSONResponse([await run_in_threadpool(_keep, owner, path, name) for path, name in files])
        except (MultiPartException, ClientDisconnect, ValueError) as error:  # ValueError: odd bytes in a boundary or name
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
        def made(owner: Session) -> Response:
            return StreamingResponse(progress.events(f"{owner.name}/{upload_id}"), media_type="text/event-stream")

        return answer(request, find, made)

    @server.get("/{language}/gradio_api/file={path:path}")
    def uploaded(request: Request, language: str, path: str) -> Response:
        def made(owner: Session) -> Response:
            id = path.partition("/")[0]
            try:
                found = uploads.find(owner, id)
            except DatasetError:  # a player may still request an upload that has become a recording
                return sound(owner.recordings.get(id).path)
            kind = mimetypes.guess_type(found.name)[0] or ""
            if kind.startswith(("audio/", "video/")):
                return FileAnswer(found, media_type=kind)
            return FileAnswer(found, filename="upload", media_type="application/octet-stream")

        return answer(request, find, made)


class _FilesOnly(GradioMultiPartParser):
    """Gradio's parser, used because it streams to disk and reports progress; refuses parts that are not files.

    Gradio's would hold a text field of any length in memory; the page sends none.
    """

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        if self._current_part.file is None:
            raise MultiPartException("A part of the upload is no file.")


async def _receive(request: Request, arriving: Path, progress: UploadProgress, tracked: str) -> list[tuple[Path, str]]:
    """Writes a request's files into a folder; returns the path of each and its name.

    Raises:
        MultiPartException, ValueError: the request is not an upload or is malformed, or a file is too large.
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


def _keep(owner: Session, path: Path, name: str) -> str:
    """Moves a received file to a new upload; returns the "ID/NAME" that the page will use for it."""
    id = secrets.token_hex(8)
    place = uploads.folder(owner) / id
    place.mkdir(parents=True)
    path.rename(place / name)
    return f"{id}/{name}"


def _is_full(owner: Session) -> bool:
    sizes = [path.lstat().st_size for path in uploads.folder(owner).glob("*/*")]
    return len(sizes) >= MAX_SESSION_FILES or sum(sizes) >= MAX_SESSION_BYTES

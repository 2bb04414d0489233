"""Servers on this computer that hold files, and a hub that holds one model; they break off, cheat and dawdle on request."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

COMMIT = "0123456789" * 4
PIECE_BYTES = 1 << 16


class FileServer:
    """Serves files by their path.

    Args:
        files: content by path, without the slash in front.

    Attributes:
        cut: bytes after which it breaks the connection, once for every whole file asked for; 0 never does.
        ranges: whether it answers a request for a part of a file with that part.
        spoil: whether it sends zeros instead of files of more than so many bytes; 0 never does.
        rate: bytes a second; 0 for as fast as it can.
        status: that it answers with; 200 for whatever is due.
        asked: method, path and range of each request for a file.
        headers: of the last request for a file.
        sent: headers of every request, by their names in lower case.
    """

    REFUSAL: ClassVar[dict[str, str]] = {}  # headers of an answer that refuses

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.cut, self.ranges, self.spoil, self.rate, self.status = 0, True, 0, 0, 200
        self.asked: list[tuple[str, str, str]] = []
        self.headers: dict[str, str] = {}
        self.sent: list[dict[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.sent.append({name.lower(): value for name, value in self.headers.items()})
                server.answer(self)

            do_HEAD = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.send_file(request, request.path.split("?")[0].removeprefix("/"), {})

    def send_file(self, request: BaseHTTPRequestHandler, path: str, headers: dict[str, str]) -> None:
        wanted = request.headers.get("Range", "")
        self.asked.append((request.command, path, wanted))
        self.headers = dict(request.headers)
        if self.status != 200 or path not in self.files:
            self.say(request, self.status if self.status != 200 else 404, b"", self.REFUSAL)
            return
        whole = self.files[path]
        if self.spoil and len(whole) > self.spoil:
            whole = bytes(len(whole))
        begun = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if not begun and self.cut and len(whole) > self.cut and request.command == "GET":
            self.say(request, 200, whole, headers, self.cut)
            request.close_connection = True
        else:
            self.say(request, 206 if begun else 200, whole[begun:], headers)

    def say(
        self, request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str], most: int | None = None
    ) -> None:
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "GET":
            return
        sent = content[:most]
        for start in range(0, len(sent), PIECE_BYTES) if self.rate else ():
            request.wfile.write(sent[start : start + PIECE_BYTES])
            time.sleep(PIECE_BYTES / self.rate)
        if not self.rate:
            request.wfile.write(sent)

    def fetched(self, path: str) -> list[str]:
        """Returns the ranges that were asked for of a file."""
        return [wanted for method, asked, wanted in self.asked if method == "GET" and asked == path]


class ModelHub(FileServer):
    """A hub that holds one model, its files by their names."""

    REFUSAL: ClassVar[dict[str, str]] = {"X-Error-Code": "EntryNotFound"}

    def __init__(self, id: str, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.id = id

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        if path == f"/api/models/{self.id}":
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            about = {"id": self.id, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False, "downloads": 0}
            return self.say(request, 200, json.dumps(about).encode(), {"Content-Type": "application/json"})
        name = path.removeprefix(f"/{self.id}/resolve/main/").removeprefix(f"/{self.id}/resolve/{COMMIT}/")
        tag = hashlib.sha256(self.files.get(name, b"")).hexdigest()
        return self.send_file(request, name, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

"""Delivery of pages and their files: computed and compressed once, and cached by the browser where safe."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import brotli
from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FILES = re.compile(r"^/[^/]+/((?:assets|static)/.+|theme\.css)$")  # Gradio's files, the same in every language
FINGERPRINTED = re.compile(r"-[A-Za-z0-9_-]{8,10}\.[a-z0-9]+$")  # Vite puts a content hash in the file name
COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")
FOR_EVER = b"public, max-age=31536000, immutable"
FOR_A_DAY = b"public, max-age=86400"
ASK_FIRST = b"private, no-cache"  # cached by the browser only, which revalidates it before use
SHAPING = ("host", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")  # headers that determine a page's address
BROTLI_QUALITY, GZIP_LEVEL = 6, 6  # of 11 and 9: higher levels take several times as long to save a few per cent
LEAST_BYTES = 500  # smaller bodies are not worth compressing
KEPT_BYTES = 24_000_000  # cache size, of bodies as sent: a few times what one page loads


@dataclass(frozen=True)
class _Answer:
    """A complete cached response.

    Attributes:
        type: the media type.
        body: as sent.
        encoding: "br", "gzip" or "".
        tag: the ETag.
        lasting: the value of the Cache-Control header.
    """

    type: bytes
    body: bytes
    encoding: str
    tag: bytes
    lasting: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Returns all headers but the length."""
        encoded = [(b"content-encoding", self.encoding.encode())] if self.encoding else []
        lasting = [(b"etag", self.tag), (b"cache-control", self.lasting), (b"vary", b"Accept-Encoding")]
        return [(b"content-type", self.type), *encoded, *lasting]


class Delivery:
    """ASGI middleware that caches pages and the files they load, and lets browsers cache them.

    Everything else, including event streams, passes through unchanged.

    Args:
        app: the application it wraps.
        pages: paths of the pages, which are the same for everyone who requests them at the same address, each with the markup
            that its head begins with: Gradio itself adds to the head only when its own scripts are running.
    """

    def __init__(self, app: ASGIApp, pages: Mapping[str, str]) -> None:
        self._app, self._pages = app, pages
        self._kept: OrderedDict[tuple[str, ...], _Answer] = OrderedDict()
        self._making: dict[tuple[str, ...], asyncio.Lock] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request, or passes it on."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return await self._app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        file = FILES.match(path)
        is_page = path in self._pages
        if "range" in headers or not (is_page or file):
            return await self._app(scope, receive, send)
        accepted = headers.get("accept-encoding", "")
        encoding = next(
            (name for name in ("br", "gzip") if re.search(rf"\b{name}\b(?!\s*;\s*q=0(?:\.0*)?(?![.\d]))", accepted)), ""
        )
        named = (file[1],) if file else (path, scope["scheme"], *(headers.get(name, "") for name in SHAPING))
        answer = await self._answer((encoding, *named), scope, receive, send, is_page)
        if answer is None:
            return
        if answer.tag.decode() in headers.get("if-none-match", ""):
            await send({"type": "http.response.start", "status": 304, "headers": answer.headers()[-3:]})
            await send({"type": "http.response.body", "body": b""})
            return
        length = (b"content-length", str(len(answer.body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*answer.headers(), length]})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, key: tuple[str, ...], scope: Scope, receive: Receive, send: Send, is_page: bool) -> _Answer | None:
        """Returns the cached or a new response; None if it was not a 200 and has already been sent."""
        lock = self._making.setdefault(key, asyncio.Lock())
        async with lock:  # concurrent requests for the same response wait for the first
            try:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
                messages = await self._asked(scope, receive)
                start, body = messages[0], b"".join(message.get("body", b"") for message in messages[1:])
                if start["status"] != 200:
                    for message in messages:
                        await send(message)
                    return None
                if is_page:
                    body = body.replace(b"<head>", b"<head>" + self._pages[scope["path"]].encode(), 1)
                type = Headers(raw=start["headers"]).get("content-type", "application/octet-stream")
                lasting = ASK_FIRST if is_page else FOR_EVER if FINGERPRINTED.search(scope["path"]) else FOR_A_DAY
                answer = await run_sync(_made, type, body, key[0], lasting)
                self._kept[key] = answer
                while sum(len(kept.body) for kept in self._kept.values()) > KEPT_BYTES:
                    self._kept.popitem(last=False)
                return answer
            finally:
                self._making.pop(key, None)

    async def _asked(self, scope: Scope, receive: Receive) -> list[Message]:
        """Requests a complete, uncompressed response from the app."""
        unwanted = (b"accept-encoding", b"if-none-match", b"if-modified-since")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in unwanted]
        messages: list[Message] = []

        async def take(message: Message) -> None:
            messages.append(message)

        await self._app({**scope, "headers": headers, "query_string": b"", "extensions": {}}, receive, take)
        return messages


def _made(type: str, body: bytes, encoding: str, lasting: bytes) -> _Answer:
    if not type.startswith(COMPRESSIBLE) or len(body) < LEAST_BYTES:
        encoding = ""
    if encoding == "br":
        packed = brotli.compress(body, quality=BROTLI_QUALITY)
    else:
        packed = gzip.compress(body, GZIP_LEVEL, mtime=0) if encoding else body
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}{encoding and "-" + encoding}"'
    return _Answer(type.encode(), packed, encoding, tag.encode(), lasting)

"""Sessions: a browser is identified by a cookie, and all its data is in one folder."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.data.library.library import Library
from core.data.library.recordings import Recordings
from core.data.samples import CANARY
from core.errors import RunError
from core.models.catalogue import CATALOGUE
from core.runs.ladder_job import LadderJob, open_ladder
from core.runs.run_folder import Run, new_id, open_run
from core.storage.files import home, replacing, write_json
from core.storage.state import lock, read_fields
from demo.session import notices
from demo.session.typed_models import permitted_or_first
from demo.show.languages import first_language, first_model

COOKIE = "attune_session"
OWNER_COOKIE = "attune_owner"
YEAR_SECONDS = 365 * 24 * 3600
SECRET_BYTES = 32
NEW_SESSIONS = 120  # per address and minute; a class may share an address
_TOKEN = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})?")  # 128 random bits and this server's signature
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True)
class Choices:
    """The choices made on the page; ids only.

    Attributes:
        model: id of the base.
        labelled_set: a sample set's name, "own", or the id of a set of the library.
        clip: id of the recording last listened to.
        heard: the base's transcript of it.
        spoken: ISO 639-1 code of the language that a multilingual model was sure to hear in it; "" if unknown.
        run: id of the run last started, or of the first if several were queued.
        queue: ids of all runs queued with it, in order, separated by spaces.
        long: id of the long recording being proofread.
        language: ISO 639-1 code of the language spoken in the visitor's own clips.
        fetching: id of the model to switch to once it has been downloaded.
        ladder: id of the ladder last started.
        canary: the general speech that measures forgetting: "general", or the id of a set of the library.
    """

    model: str = CATALOGUE[0].id
    labelled_set: str = "accent"
    clip: str = ""
    heard: str = ""
    spoken: str = ""
    run: str = ""
    language: str = "en"
    fetching: str = ""
    queue: str = ""
    ladder: str = ""
    long: str = ""
    canary: str = CANARY


def proposed(page: str) -> Choices:
    """Returns what a new visitor starts with.

    The page in Chinese proposes sentences in Chinese, and the first ready model that writes them.

    Args:
        page: language of the page.
    """
    return Choices(model=first_model(page), language=first_language(page))


class Session:
    """One browser's folder.

    Args:
        folder: of the session.
        local: whether the browser runs on this computer, so that its user may see file paths.
        page: language of the page that asks, which decides what is proposed as long as nothing has been chosen.
    """

    def __init__(self, folder: Path, local: bool = False, page: str = "en") -> None:
        self.folder = folder
        self.local = local
        self.page = page
        self.damaged = partial(notices.note, folder)  # called with a damaged file, so that the page can report it
        self.recordings = Recordings(folder / "recordings", self.damaged)
        self.library = Library(folder / "library")

    @property
    def name(self) -> str:
        """The name of the folder, which identifies the owner of background work."""
        return self.folder.name

    @property
    def choices(self) -> Choices:
        """The current choices."""
        choices = self._stored_choices()
        return replace(choices, model=permitted_or_first(choices.model, self.local))  # may be a folder chosen locally

    def choose(self, **changes: str) -> Choices:
        """Changes and returns the choices; they are on disk when this returns."""
        with lock(self.folder / "choices.lock"):  # two handlers may choose at the same time
            choices = replace(self._stored_choices(), **changes)
            write_json(self.folder / "choices.json", asdict(choices))
        return choices

    def _stored_choices(self) -> Choices:
        stored = read_fields(self.folder / "choices.json", Choices, self.damaged)
        return Choices(**stored) if stored else proposed(self.page)

    def new_run_folder(self) -> Path:
        """Returns the folder for a new run."""
        return self.folder / "runs" / new_id()

    def new_ladder_folder(self) -> Path:
        """Returns the folder for a new ladder."""
        return self.folder / "ladders" / new_id()

    def ladder(self) -> LadderJob | None:
        """Returns the ladder last started, if there is one."""
        id = self.choices.ladder
        if not _ID.fullmatch(id):
            return None
        try:
            return open_ladder(self.folder / "ladders" / id)
        except RunError:
            return None

    def run(self, id: str) -> Run:
        """Returns one of this browser's runs.

        Raises:
            RunError: there is none of that id.
        """
        if not _ID.fullmatch(id):
            raise RunError("run_missing", "There is no such run.")
        return open_run(self.folder / "runs" / id)

    def queue(self) -> list[Run]:
        """Returns the runs last started together, in order."""
        choices = self.choices
        found = []
        for id in (choices.queue or choices.run).split():
            with suppress(RunError):
                found.append(self.run(id))
        return found

    def runs(self) -> list[Run]:
        """Returns all of this browser's runs, oldest first."""
        folder = self.folder / "runs"
        found = sorted(folder.iterdir()) if folder.is_dir() else ()
        return [Run(path) for path in found if _ID.fullmatch(path.name) and (path / "request.json").is_file()]

    def current_run(self) -> Run | None:
        """Returns the run last started, if there is one."""
        id = self.choices.run
        if not id:
            return None
        try:
            return self.run(id)
        except RunError:
            return None


def new_token() -> str:
    """Returns an unguessable token for a new session; its folder is created when a browser first returns with it."""
    random = secrets.token_hex(16)
    return random + signature(random)


def is_known(token: str | None) -> bool:
    """Returns whether this server issued a cookie: it signed it, or an older version did not but the folder exists."""
    parts = _TOKEN.fullmatch(token) if token is not None else None
    if parts is None:
        return False
    random, signed = parts.groups()
    return hmac.compare_digest(signed, signature(random)) if signed else _folder(random).is_dir()


def find(token: str | None, local: bool = False, make: bool = True, page: str = "en") -> Session:
    """Returns the session of a cookie.

    Args:
        token: the cookie.
        local: as `Session` takes it.
        page: likewise.
        make: whether to create its folder if it has none yet; reading needs none.

    Raises:
        RunError: there is none; the page must be reloaded.
    """
    if token is None or not is_known(token):
        raise RunError("session_missing", "This page has lost its session. Reload it and allow cookies.")
    folder = _folder(token)
    if make:
        folder.mkdir(parents=True, exist_ok=True)
    return Session(folder, local, page)


def owner_token() -> str:
    """Returns the token that identifies the browser of the person at this computer, see `is_owner`."""
    return signature("owner")


def is_owner(token: str | None) -> bool:
    """Returns whether a browser has opened the address that only the terminal shows."""
    return token is not None and hmac.compare_digest(token.encode(), owner_token().encode())


def signature(text: str) -> str:
    """Returns this server's signature of a text, 32 hexadecimal digits that nobody without its secret can work out."""
    return hmac.new(_secret(home()), text.encode(), hashlib.sha256).hexdigest()[:32]


@cache
def _secret(home: Path) -> bytes:
    """Returns the secret key of this server's signatures, created on first use."""
    path = home / "secret"
    home.mkdir(parents=True, exist_ok=True)
    with lock(home / "secret.lock"):
        known = path.read_bytes() if path.is_file() else b""
        if len(known) != SECRET_BYTES:
            known = secrets.token_bytes(SECRET_BYTES)
            with replacing(path) as temporary:
                temporary.write_bytes(known)
    return known


def _folder(token: str) -> Path:
    # The folder's name may be shown on the page; the token it is derived from may not.
    return home() / "sessions" / hashlib.sha256(token.encode()).hexdigest()[:32]


class Cookies:
    """ASGI middleware that gives a browser a session when it opens a page without one.

    Args:
        app: the application it wraps.
        paths: of the pages.
    """

    def __init__(self, app: ASGIApp, paths: frozenset[str]) -> None:
        self._app, self._paths = app, paths
        self._given: Counter[str] = Counter()
        self._minute = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, adding a Set-Cookie header to a page's response if needed."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            return await self._app(scope, receive, send)
        if is_known(Request(scope).cookies.get(COOKIE)):
            return await self._app(scope, receive, send)
        if self._has_enough(scope["client"][0] if scope.get("client") else ""):
            return await PlainTextResponse("Too many new visitors. Try again in a minute.", 429)(scope, receive, send)
        secure = "; Secure" if scope["scheme"] == "https" else ""
        cookie = f"{COOKIE}={new_token()}; Path=/; Max-Age={YEAR_SECONDS}; HttpOnly; SameSite=Lax{secure}"

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"set-cookie", cookie.encode())]}
            await send(message)

        return await self._app(scope, receive, with_cookie)

    def _has_enough(self, address: str) -> bool:
        """Counts a new session; returns whether its address has exceeded the limit for this minute."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._given = minute, Counter()
        self._given[address] += 1
        return self._given[address] > NEW_SESSIONS

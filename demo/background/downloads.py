"""Model downloads started from the page: shared by everyone waiting for the model, limited, stopped when the last leaves."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from huggingface_hub import constants

from core.errors import ModelError
from core.models.sources.hub import BLOCK_BYTES
from core.models.sources.model_ids import is_bundle_id
from core.storage import full_disk
from core.storage.files import home
from demo.background.tasks import EVERYONE, Task, Tasks

Fetch = Callable[[str, Callable[[int, int], None], Callable[[], bool]], str]

MAX_AT_ONCE = 3  # across all visitors
MAX_MODEL_BYTES = 5_000_000_000  # for a browser on another computer; the catalogue's largest model has 3.9 GB
KEPT_FREE_BYTES = 2_000_000_000  # disk space reserved for everyone's recordings and runs


@dataclass
class Download:
    """A model being downloaded, and who is waiting for it.

    Attributes:
        id: of the model.
        waiting: names of the sessions waiting for it.
        lock: held while a session joins or leaves.
    """

    id: str
    waiting: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def are_off() -> bool:
    """Returns whether downloads are disabled, by `attune demo --no-downloads` or the hub's own HF_HUB_OFFLINE."""
    return constants.HF_HUB_OFFLINE


def switch_off() -> None:
    """Disables downloads in this process and its children."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    constants.HF_HUB_OFFLINE = True


def begin(tasks: Tasks, owner: str, id: str, fetch: Fetch, local: bool, before: str = "") -> None:
    """Starts a download, or joins one in progress, and leaves the one the owner was waiting for before.

    Args:
        tasks: those of all sessions.
        owner: name of the session waiting for it.
        id: of a downloadable model.
        fetch: downloads the model, given its id, a progress callback and a function that says whether to stop.
        local: whether the session's browser runs on this computer.
        before: id of the model it was waiting for until now; "" for none.

    Raises:
        ModelError: downloads are switched off, the model may only be fetched on this computer, or too many are in progress.
    """
    if are_off():
        raise ModelError("downloads_off", f"{id} is not downloaded yet, and downloads are switched off here.", id=id)
    if is_bundle_id(id) and not local:  # torchaudio's client reports no size and cannot be stopped
        raise ModelError(
            "download_of_owner", f"Only whoever runs Attune can download {id}: run attune models --fetch {id}", id=id
        )
    if before not in ("", id):
        leave(tasks, owner, before)
    task = tasks.start(EVERYONE, _kind(id), Download(id), lambda task: _fetched(task, local, fetch), _refuse_more)
    with task.order.lock:
        task.order.waiting.add(owner)
        task.stopping = False


def leave(tasks: Tasks, owner: str, id: str) -> bool:
    """Removes an owner from a download, which stops if nobody else is waiting for it. Returns whether it stops."""
    task = look(tasks, id)
    if task is None:
        return False
    with task.order.lock:
        task.order.waiting.discard(owner)
        if not task.order.waiting:
            task.stopping = True
        return task.stopping


def look(tasks: Tasks, id: str) -> Task | None:
    """Returns the download of a model, or None if there has been none since the app started."""
    return tasks.look(EVERYONE, _kind(id))


def _fetched(task: Task, local: bool, fetch: Fetch) -> None:
    def progress(done: int, total: int) -> None:
        _refuse(task.order.id, done, total, local)
        if not task.total or not 0 <= done - task.done <= BLOCK_BYTES:  # a larger jump was already on disk
            task.measure_from(done)
        task.progress(done, total)

    fetch(task.order.id, progress, lambda: task.stopping)


def _refuse_more(going_on: int) -> None:
    if going_on >= MAX_AT_ONCE:
        raise ModelError(
            "downloads_busy", f"{going_on} downloads are already running. Try again when one has finished.", count=going_on
        )


def _refuse(id: str, done: int, total: int, local: bool) -> None:
    if total > MAX_MODEL_BYTES and not local:
        raise ModelError(
            "download_too_large",
            f"{id} has {total / 1e9:.1f} GB; from another computer at most {MAX_MODEL_BYTES / 1e9:.0f} GB can be downloaded.",
            id=id,
            gb=f"{total / 1e9:.1f}",
            limit=f"{MAX_MODEL_BYTES / 1e9:.0f}",
        )
    rooms = (full_disk.free(folder) for folder in (home(), Path(constants.HF_HUB_CACHE)))
    free = min((room for room in rooms if room is not None), default=math.inf)
    if free - (total - done) < KEPT_FREE_BYTES:
        raise ModelError(
            "download_no_room",
            f"{id} needs {total / 1e9:.1f} GB, and {free / 1e9:.1f} GB of disk space is free, of which "
            f"{KEPT_FREE_BYTES / 1e9:.0f} GB is reserved for recordings and runs.",
            id=id,
            gb=f"{total / 1e9:.1f}",
            free=f"{free / 1e9:.1f}",
            kept=f"{KEPT_FREE_BYTES / 1e9:.0f}",
        )


def _kind(id: str) -> str:
    return f"fetch {id}"

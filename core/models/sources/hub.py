"""Downloads a model from the Hugging Face Hub or a mirror: only the files that are loaded, and resumed after a stop.

The hub's own client starts an interrupted file over, so large files are streamed here, to where that client keeps finished
ones; everything else about the cache is left to it. Files from other servers are streamed in the same way.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, get_hf_file_metadata, get_session, hf_hub_download, hf_hub_url
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from core.errors import ModelError
from core.models.sources.incomplete import ADAPTER_FILE
from core.storage.files import sha256
from core.storage.memory import refuse_what_does_not_fit

HUB_SECONDS = 8.0  # to wait for the hub's first answer; its own client would retry for half a minute
STALL_SECONDS = 10.0  # without a byte, before reconnecting
ATTEMPTS = 5  # failed ones in a row before giving up
LARGE_BYTES = 5_000_000  # a smaller file is not worth resuming
BLOCK_BYTES = 1 << 20
WAIT_SECONDS = 1.0  # between checks on another process that downloads the same file
PARTIAL_CONTENT = 206  # the HTTP status of a range
FLOAT_BYTES = 4  # per parameter, if the hub does not count them

# In the order in which transformers prefers them.
WEIGHTS = (
    re.compile(r"model\.safetensors"),
    re.compile(r"model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)"),
    re.compile(r"pytorch_model\.bin"),
    re.compile(r"pytorch_model(-\d+-of-\d+\.bin|\.bin\.index\.json)"),
)
SETTINGS = re.compile(r"[^/]+\.(json|txt|model)")  # configuration, vocabulary, tokeniser

_PLAIN = re.compile(r"[\w.-]{1,100}")  # an etag that may name a file
_SHA256 = re.compile(r"[0-9a-f]{64}")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Announced:
    """What the hub announces about a model.

    Attributes:
        files: size in bytes of every file that is loaded, in download order.
        parameters: their number, as counted by the hub or estimated from the size of the weights.
    """

    files: dict[str, int]
    parameters: float

    @property
    def bytes(self) -> int:
        """Size of all the files."""
        return sum(self.files.values())


def send_no_login() -> None:
    """Keeps the hub's token of this computer's owner to the owner: this process and those that it starts send none.

    For programs that fetch what others ask for, as they start; a repository that only the owner may read is then not there.
    """
    os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
    constants.HF_HUB_DISABLE_IMPLICIT_TOKEN = True  # the hub's client read the environment when it was imported


def loaded_files(sizes: dict[str, int]) -> dict[str, int]:
    """Chooses the files of a repository that `load_model` reads: settings, then one form of the weights, safetensors first.

    The weights come last and their index after them, so that a model counts as downloaded only when it is complete.
    """
    weights = next((found for form in WEIGHTS if (found := sorted(n for n in sizes if form.fullmatch(n)))), [])
    any_index = [name for name in sizes if name.endswith(".index.json")]
    settings = sorted(name for name in sizes if SETTINGS.fullmatch(name) and name not in any_index)
    return {name: sizes[name] for name in (*settings, *sorted(weights, key=lambda name: name.endswith(".json")))}


def announced(id: str) -> Announced:
    """Asks the hub about a model.

    Raises:
        ModelError: it has no configuration or no weights that transformers loads.
        Exception: the hub cannot be reached or has no such model, in its client's words.
    """
    info = HfApi().model_info(id, timeout=HUB_SECONDS, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = loaded_files(sizes)
    weights = sum(size for name, size in files.items() if not name.endswith((".json", ".txt", ".model")))
    if "config.json" not in files and ADAPTER_FILE in sizes:
        raise ModelError(
            "model_adapter_on_hub",
            f"{id} is a PEFT adapter, not a model by itself. Download it into a folder and give the path of that folder; its "
            "base must be on this computer too.",
            id=id,
        )
    if "config.json" not in files or not weights:
        raise ModelError("model_not_usable", f"{id} could not be loaded: its configuration or its weights are missing.", id=id)
    return Announced(files, info.safetensors.total if info.safetensors else weights / FLOAT_BYTES)


def fetch(id: str, progress: Progress = lambda done, total: None, should_stop: Callable[[], bool] = lambda: False) -> Path:
    """Downloads the files of a model that are loaded into the hub's cache, continuing an earlier download.

    Args:
        id: Hugging Face id.
        progress: called with the bytes so far and the total bytes, at least once per file and per megabyte.
        should_stop: checked about as often; the downloaded part is kept.

    Returns:
        The folder to load it from.

    Raises:
        ModelError: it does not fit in memory, was damaged during the download, or `should_stop` returned True.
        OSError: the disk is full.
        Exception: the hub cannot be reached or refuses, in its client's words.
    """
    model = announced(id)
    refuse_what_does_not_fit(id, model.parameters)
    before, folder = 0, Path()

    def came(done: int) -> None:
        progress(before + done, model.bytes)
        if should_stop():
            raise stopped(id)

    came(0)
    for name, size in model.files.items():
        if size > LARGE_BYTES:
            _fetch_large(id, name, came)
        folder = Path(hf_hub_download(id, name, endpoint=constants.ENDPOINT, cache_dir=constants.HF_HUB_CACHE)).parent
        before += size
        came(0)
    return folder


def fetch_one_more(id: str, folder: str, name: str) -> None:
    """Downloads another file of a hub model, such as the adapters of a language, unless it is already there.

    Args:
        id: Hugging Face id.
        folder: the model's; if it is not in the hub's cache, nothing is downloaded.
        name: of the file.

    Raises:
        Exception: the hub cannot be reached or has no such file, in its client's words.
    """
    place = Path(folder)
    if place.is_relative_to(constants.HF_HUB_CACHE) and not (place / name).is_file():
        hf_hub_download(id, name, revision=place.name, endpoint=constants.ENDPOINT, cache_dir=constants.HF_HUB_CACHE)


def fetch_file(
    address: str,
    path: Path,
    size: int,
    is_whole: Callable[[Path], bool],
    came: Callable[[int], None],
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Downloads one file, continuing where an earlier call stopped; the part so far is in the same folder as ".incomplete".

    Args:
        address: of the file.
        path: where to write it; if it exists already, nothing is downloaded.
        size: its bytes.
        is_whole: checks the content of a file of that size.
        came: called with the bytes so far, at least once per megabyte; an exception from it ends the download.
        headers: to send along, such as the hub's token.

    Returns:
        Whether it arrived undamaged; otherwise the downloaded part is discarded.

    Raises:
        OSError: the disk is full, or the server refuses (then it is an HfHubHTTPError).
        Exception: the server cannot be reached, in its client's words.
    """
    partial = path.with_name(f"{path.name}.incomplete")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with _turn(partial, came):
        if path.exists():
            return True
        _stream(address, partial, size, came, headers or {})
        if partial.stat().st_size != size or not is_whole(partial):
            partial.unlink()
            return False
        partial.replace(path)
    return True


def stopped(id: str) -> ModelError:
    """The error of a download that was stopped."""
    return ModelError(
        "fetch_stopped",
        f"The download of {id} was stopped. The downloaded part is kept; fetch the model again to continue.",
        id=id,
    )


def damaged(id: str, name: str) -> ModelError:
    """The error of a downloaded file that differs from what was announced."""
    return ModelError("fetch_damaged", f"{name} of {id} was damaged during the download. Fetch it again.", id=id, name=name)


def _fetch_large(id: str, name: str, came: Callable[[int], None]) -> None:
    """Streams a file to where the hub's client keeps finished ones, so that the client only links to it."""
    address = hf_hub_url(id, name, endpoint=constants.ENDPOINT)
    metadata = get_hf_file_metadata(address, timeout=HUB_SECONDS)
    tag = metadata.etag
    if tag is None or metadata.size is None or not _PLAIN.fullmatch(tag):
        return  # an unusual mirror: the client downloads it in one piece
    blob = Path(constants.HF_HUB_CACHE) / f"models--{id.replace('/', '--')}" / "blobs" / tag
    is_whole = (lambda file: sha256(file) == tag) if _SHA256.fullmatch(tag) else (lambda file: True)
    if not fetch_file(address, blob, metadata.size, is_whole, came, build_hf_headers()):
        raise damaged(id, name)


@contextmanager
def _turn(partial: Path, came: Callable[[int], None]) -> Iterator[None]:
    """Waits while another process downloads the same file, reporting its progress."""
    lock = FileLock(f"{partial}.lock")
    while True:
        try:
            lock.acquire(timeout=WAIT_SECONDS)
            break
        except Timeout:
            came(_length(partial))
    try:
        yield
    finally:
        lock.release()


def _stream(address: str, partial: Path, size: int, came: Callable[[int], None], headers: Mapping[str, str]) -> None:
    """Appends to `partial` until it has `size` bytes, reconnecting when the connection breaks."""
    attempts, answered = 0, False
    while (begun := _length(partial)) < size:
        asked = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={begun}-"}
        try:
            with get_session().stream("GET", address, headers=asked, timeout=STALL_SECONDS, follow_redirects=True) as answer:
                hf_raise_for_status(answer)
                answered = True
                # A server that ignores the range sends the whole file again.
                with partial.open("ab" if answer.status_code == PARTIAL_CONTENT else "wb") as file:
                    for block in answer.iter_bytes(BLOCK_BYTES):
                        file.write(block)
                        came(file.tell())
                        if file.tell() > size:
                            return  # another or an endless file; the caller notices that the length is wrong
        except (ModelError, OSError):  # stopped, the disk is full, or the server refuses
            raise
        except Exception:  # the connection broke: its type depends on the client's version
            attempts = 0 if _length(partial) > begun else attempts + 1
            if attempts == ATTEMPTS or not answered:
                raise
            time.sleep(attempts)
        else:
            if _length(partial) <= begun:
                return  # an empty answer; the caller notices that the length is wrong


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

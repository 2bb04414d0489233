"""Unpacks untrusted zip and tar archives into a new folder, or refuses them as a whole.

Only folders and plain files are unpacked, none outside the folder, and no more than a set of recordings needs.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from core.data.importers.rows import shown, stopped
from core.errors import DatasetError
from core.storage.full_disk import KEPT_FREE_BYTES, refuse_full
from core.storage.temporary import discard

MAX_ENTRIES = 250_000  # Speech Commands has 105,829 takes
MAX_BYTES = 100_000_000_000  # unpacked; all of LibriSpeech has 60 GB
MAX_RATIO = 100  # unpacked to packed; FLAC and MP3 have about 1, WAV up to 4, text up to 20
FREE_BYTES = 100_000_000  # unpacked, whatever the ratio
MAX_DEPTH = 16  # folders in one another
MAX_NAME_BYTES = 255  # the limit of file systems
HEADER_BYTES = 1 << 20  # that a tar may have before one file
BLOCK_BYTES = 1 << 20
LOOK_BYTES = 64 << 20  # between checks of free disk space
MAX_ENTRY_BYTES = 1_000  # of an entry in the list that ends a zip, on average; its name is most of it
ENTRY_MARK = b"PK\1\2"  # begins such an entry (PKWARE's APPNOTE, 4.3.12)

_PACKINGS: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)

_DAMAGED = (
    EOFError, NotImplementedError, ValueError, lzma.LZMAError, struct.error, tarfile.TarError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Whether a file begins like a zip, a tar, or something packed by gzip, bzip2 or xz."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(512)
    return head.startswith((b"PK\3\4", b"PK\5\6", *(magic for magic, _ in _PACKINGS))) or head[257:262] == b"ustar"


def unpack(path: Path, folder: Path, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Unpacks an archive; on any error `folder` is deleted. Archives inside it stay packed.

    Args:
        path: a zip, tar, tar.gz, tar.bz2 or tar.xz file, whatever its name.
        folder: an empty folder to unpack into.
        should_stop: checked at every entry and megabyte.

    Raises:
        DatasetError: an entry would be outside the folder, is a link or a device, or is encrypted; there are too many, too
            large or too deep ones; the archive is damaged; or `should_stop` returned True.
        OSError: the disk is full.
    """
    try:
        _unpack(path, folder, should_stop)
    except BaseException as error:
        discard(folder)
        # bz2 and gzip raise an OSError without a number; a position before the file's start is EINVAL.
        if isinstance(error, _DAMAGED) or (isinstance(error, OSError) and error.errno in (None, errno.EINVAL)):
            raise DatasetError(
                "archive_damaged",
                f"{path.name} is not a zip or tar archive, or it is damaged. Create it again.",
                name=path.name,
            ) from error
        raise


def _unpack(path: Path, folder: Path, should_stop: Callable[[], bool]) -> None:
    allowed = min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * path.stat().st_size))
    room = 0
    with ExitStack() as stack:
        entries = _zip_entries(path, stack) if zipfile.is_zipfile(path) else _tar_entries(path, stack)
        for count, (name, opened) in enumerate(entries, 1):
            if should_stop():
                raise stopped(path.name)
            if count > MAX_ENTRIES:
                raise _too_large(path)
            target = folder / _inside(name, path)
            try:
                (target if opened is None else target.parent).mkdir(parents=True, exist_ok=True)
                written = None if opened is None else target.open("xb")
            except (FileExistsError, NotADirectoryError) as error:
                raise _unsafe(path, name, "is in it twice") from error
            if opened is None or written is None:
                continue
            with written, opened() as content:
                while block := content.read(BLOCK_BYTES):
                    if should_stop():
                        raise stopped(path.name)
                    allowed -= len(block)
                    if allowed < 0:
                        raise _too_large(path)
                    room -= len(block)
                    if room < 0:
                        refuse_full(folder, KEPT_FREE_BYTES)
                        room = LOOK_BYTES
                    written.write(block)


Member = tuple[str, Callable[[], IO[bytes]] | None]  # a name, and what opens a file; None for a folder


def _zip_entries(path: Path, stack: ExitStack) -> Iterator[Member]:
    archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Zip(path))))
    for info in archive.infolist():
        name = _zip_name(info)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _unsafe(path, name, "is a link or a device")
        if info.flag_bits & 1:
            raise DatasetError(
                "archive_encrypted", f"{path.name} is encrypted. Create it again without a password.", name=path.name
            )
        yield name, None if info.is_dir() else partial(archive.open, info)


class _Zip(io.FileIO):
    """A zip that refuses too long a list of entries: zipfile keeps all of it in memory, half a kilobyte per entry."""

    def read(self, size: int | None = -1) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        size = left if size is None or size < 0 else min(size, left)
        block = super().read(size) if size <= MAX_ENTRIES * MAX_ENTRY_BYTES else None
        if block is None or block.count(ENTRY_MARK) > MAX_ENTRIES:
            raise _too_large(Path(os.fsdecode(self.name)))
        return block


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Returns an entry's name; older programs write it in their own encoding without declaring it."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    written = info.filename.encode("cp437")  # zipfile decodes undeclared names like this
    for encoding in ("utf-8", "gb18030"):
        try:
            return written.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _tar_entries(path: Path, stack: ExitStack) -> Iterator[Member]:
    stream = stack.enter_context(_unpacked(path))
    metered = _Metered(stream)
    archive: Any = stack.enter_context(tarfile.open(fileobj=metered, mode="r|"))  # type: ignore[call-overload]  # noqa: SIM115
    while (member := archive.next()) is not None:
        archive.members.clear()  # it would keep them all
        if not (member.isdir() or member.isreg()) or member.issparse():
            raise _unsafe(path, member.name, "is a link or a device")
        metered.left = member.size + HEADER_BYTES
        yield member.name, partial(archive.extractfile, member) if member.isreg() else None
        metered.left = HEADER_BYTES
    # tarfile takes a damaged or missing header for the end; a real end is two or more blocks of zeros, one of which was read.
    rest = archive.fileobj.read(HEADER_BYTES)
    if not rest or rest.strip(b"\0"):
        raise tarfile.ReadError("an end in the middle")


class _Metered:
    """A stream with a limit on what may be read: a tar's headers are read into memory, however long they claim to be."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.left = HEADER_BYTES

    def read(self, size: int) -> bytes:
        block = self.stream.read(size)
        self.left -= len(block)
        if self.left < 0:
            raise tarfile.ReadError("a header without end")
        return block


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        opener = next((opener for magic, opener in _PACKINGS if head.startswith(magic)), None)
        if opener is None:
            yield file
        else:
            with opener(file) as stream:
                yield io.BufferedReader(stream)


def _inside(name: str, archive: Path) -> Path:
    """Returns an entry's path below the folder."""
    plain = name.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in parts or "\0" in plain:
        raise _unsafe(archive, name, "would lie outside the folder")
    if len(parts) > MAX_DEPTH or any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts):
        raise _unsafe(archive, name, "has too long a path")
    return Path(*parts)


def _unsafe(path: Path, entry: str, why: str) -> DatasetError:
    return DatasetError(
        "archive_unsafe",
        f"{path.name} was not unpacked: {shown(entry)} {why}. Pack only plain files and folders.",
        name=path.name,
        entry=shown(entry),
    )


def _too_large(path: Path) -> DatasetError:
    return DatasetError(
        "archive_too_large",
        f"{path.name} was not unpacked: it has more than {MAX_ENTRIES} files, or expands far beyond its size. "
        "Unpack it yourself if you trust it.",
        name=path.name,
        limit=MAX_ENTRIES,
    )

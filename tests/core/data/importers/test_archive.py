"""Archives, among them those that mean harm."""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.data.importers import archive
from core.data.importers.any_format import detect, read
from core.data.importers.archive import unpack
from core.errors import DatasetError
from tests.core.data.importers.test_corpora import common_voice, kaldi, librispeech, speech_commands, text_files
from tests.core.data.recordings import kept, reasons, sound, text


@pytest.fixture(autouse=True)
def _deletes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the background, so that what is left can be looked at."""
    monkeypatch.setattr(archive, "discard", shutil.rmtree)


SHEET = b"path,text\na.wav,Hello there\n"


def pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    else:
        with tarfile.open(path, f"w:{path.suffix[1:].replace('tar', '')}") as packed:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                packed.addfile(entry, io.BytesIO(content))
    return path


def pack_folder(path: Path, folder: Path) -> Path:
    return pack(path, {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()})


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz", "set.tar.bz2", "set.tar.xz"])
@pytest.mark.parametrize("make", [librispeech, common_voice, kaldi, speech_commands, text_files])
def test_an_archive_of_a_corpus(tmp_path: Path, make, name: str) -> None:
    rows = make(tmp_path / "plain")
    path = pack_folder(tmp_path / name, tmp_path / "plain")
    (tmp_path / "renamed").write_bytes(path.read_bytes())
    plain = read(tmp_path / "plain")
    for packed in (path, tmp_path / "renamed"):
        assert detect(packed) == "archive"
        imported = read(packed, work=tmp_path / "work")
        assert kept(imported) == kept(plain)
        assert (imported.format, len(imported.clips), imported.dropped) == (make.__name__, rows, ())
        assert all(Path(clip.path).is_relative_to(tmp_path / "work") for clip in imported.clips)
    assert read(path, "archive", work=tmp_path / "work").format == make.__name__
    assert read(path, make.__name__, work=tmp_path / "work").format == make.__name__
    with pytest.raises(ValueError, match="work="):
        read(path)


@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_a_table_reaches_no_further_than_its_archive(tmp_path: Path, suffix: str) -> None:
    secret = sound(tmp_path / "secret.wav")
    inside = sound(tmp_path / "a.wav").read_bytes()
    sheet = f"path,text\na.wav,Hello there\n{secret},One\n{'../' * 20}{str(secret)[1:]},Two\n".encode()
    path = pack(tmp_path / f"set.{suffix}", {"in/clips.csv": sheet, "in/a.wav": inside})
    imported = read(path, work=tmp_path / "work")
    assert kept(imported) == [("a.wav", "Hello there", "", "")]
    assert reasons(imported) == {"row_outside": 2}


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    "name", ["../out.csv", "in/../../out.csv", "/out.csv", "//out.csv", "..\\out.csv", "C:\\out.csv", "c:out.csv", "in/.."]
)
def test_nothing_is_written_outside(tmp_path: Path, name: str, suffix: str) -> None:
    (tmp_path / "work").mkdir()
    path = pack(tmp_path / f"set.{suffix}", {"a.csv": SHEET, name: SHEET})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DatasetError, match=r"was not unpacked: .* would lie outside") as caught:
        read(path, work=tmp_path / "work")
    assert caught.value.reason == "archive_unsafe"
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/out.csv").exists()


def linked(path: Path, kind: bytes, target: str) -> Path:
    if path.suffix == ".zip":
        mode = {tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.FIFOTYPE: stat.S_IFIFO}[kind]
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr("a.csv", SHEET)
            entry = zipfile.ZipInfo("odd.wav")
            entry.create_system, entry.external_attr = 3, (mode | 0o644) << 16
            packed.writestr(entry, target)
        return path
    with tarfile.open(path, "w") as packed:
        for name, type, link in (("a.csv", tarfile.REGTYPE, ""), ("odd.wav", kind, target)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.size = type, link, len(SHEET) if not link else 0
            packed.addfile(entry, io.BytesIO(SHEET) if not link else None)
    return path


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "a.csv"])
@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        ("zip", tarfile.SYMTYPE),
        ("zip", tarfile.CHRTYPE),
        ("zip", tarfile.FIFOTYPE),
        ("tar", tarfile.SYMTYPE),
        ("tar", tarfile.LNKTYPE),
        ("tar", tarfile.CHRTYPE),
        ("tar", tarfile.BLKTYPE),
        ("tar", tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices_are_refused(tmp_path: Path, suffix: str, kind: bytes, target: str) -> None:
    (tmp_path / "work").mkdir()
    with pytest.raises(DatasetError, match="odd.wav is a link or a device") as caught:
        read(linked(tmp_path / f"set.{suffix}", kind, target), work=tmp_path / "work")
    assert caught.value.reason == "archive_unsafe"
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_bomb_is_stopped(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 5_000_000)
    (tmp_path / "work").mkdir()
    path = pack(tmp_path / f"set.{suffix}", {"a.csv": SHEET, "a.wav": bytes(30_000_000)})
    assert path.stat().st_size < 50_000
    with pytest.raises(DatasetError, match="expands far beyond its size") as caught:
        read(path, work=tmp_path / "work")
    assert caught.value.reason == "archive_too_large"
    assert list((tmp_path / "work").iterdir()) == []


def test_many_small_bombs_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 5_000_000)
    path = pack(tmp_path / "set.zip", {f"{i}.wav": bytes(1_000_000) for i in range(6)})
    with pytest.raises(DatasetError, match="expands far beyond its size"):
        unpack(path, new(tmp_path))
    unpack(pack(path, {f"{i}.wav": bytes(1_000_000) for i in range(5)}), new(tmp_path))


def test_a_zip_whose_entries_share_their_bytes_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 5_000_000)
    monkeypatch.setattr(archive, "MAX_RATIO", 1)
    path = pack(tmp_path / "set.zip", {"a": bytes(1_000_000)})
    content = path.read_bytes()
    begin = content.index(b"PK\x01\x02")
    entry, end = content[begin : content.index(b"PK\x05\x06")], content[content.index(b"PK\x05\x06") :]
    count = (10).to_bytes(2, "little")
    listing = b"".join(entry[:-1] + bytes([97 + i]) for i in range(10))
    path.write_bytes(content[:begin] + listing + end[:8] + count * 2 + len(listing).to_bytes(4, "little") + end[16:])
    assert len(zipfile.ZipFile(path).infolist()) == 10
    with pytest.raises(DatasetError, match=r"set.zip") as caught:
        unpack(path, new(tmp_path))
    assert caught.value.reason in ("archive_too_large", "archive_damaged")


@pytest.mark.parametrize("suffix", ["zip", "tar"])
def test_too_many_or_too_deep_entries_are_refused(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = pack(tmp_path / f"deep.{suffix}", {"x/" * 16 + "a.csv": SHEET})
    with pytest.raises(DatasetError, match="too long a path"):
        unpack(deep, new(tmp_path))
    long = pack(tmp_path / f"long.{suffix}", {"x" * 300: SHEET})
    with pytest.raises(DatasetError, match="too long a path"):
        unpack(long, new(tmp_path))
    many = pack(tmp_path / f"many.{suffix}", {f"{i}.csv": SHEET for i in range(11)})
    unpack(many, new(tmp_path))
    monkeypatch.setattr(archive, "MAX_ENTRIES", 10)
    with pytest.raises(DatasetError, match="more than 10 files") as caught:
        unpack(many, new(tmp_path))
    assert caught.value.reason == "archive_too_large"


def test_a_header_that_goes_on_and_on_is_not_read_into_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("a.csv")
    entry.pax_headers = {"comment": "x" * 3_000_000}
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as packed:
        packed.addfile(entry)
    with pytest.raises(DatasetError, match="damaged") as caught:
        unpack(tmp_path / "set.tar.gz", new(tmp_path))
    assert caught.value.reason == "archive_damaged"


def test_an_entry_twice_is_refused(tmp_path: Path) -> None:
    for suffix in ("zip", "tar"):
        for names in (("a.csv", "./a.csv"), ("a", "a/b"), ("a/b", "a")):
            path = pack(tmp_path / f"set.{suffix}", dict.fromkeys(names, SHEET))
            with pytest.raises(DatasetError, match="is in it twice"):
                unpack(path, new(tmp_path))


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("huge.wav")
    entry.type = tarfile.GNUTYPE_SPARSE
    packed = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    packed[483:495] = b"77777777777\0"  # the size it claims to have
    packed[148:156] = b"%06o\0 " % (256 + sum(packed[:148]) + sum(packed[156:512]))
    path = text(tmp_path / "set.tar", bytes(packed) + bytes(1_024))
    with pytest.raises(DatasetError, match="huge.wav is a link or a device"):
        unpack(path, new(tmp_path))


def test_an_archive_in_an_archive_stays_packed(tmp_path: Path) -> None:
    inner = pack(tmp_path / "inner.zip", {"a.csv": SHEET, "a.wav": sound(tmp_path / "a.wav").read_bytes()})
    path = pack(tmp_path / "outer.zip", {"inner.zip": inner.read_bytes()})
    with pytest.raises(DatasetError, match="outer.zip is not a format") as caught:
        read(path, work=tmp_path / "work")
    assert caught.value.reason == "format_unknown"


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "set.zip", {"a.csv": SHEET})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="set.zip is encrypted") as caught:
        unpack(path, new(tmp_path))
    assert caught.value.reason == "archive_encrypted"


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_damaged_archive_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    files = {f"{i}.wav": sound(tmp_path / f"{i}.wav", 0.5).read_bytes() for i in range(4)}
    content = pack(tmp_path / f"set.{suffix}", files).read_bytes()
    middle = int(share * len(content))
    damages = [content[:middle], content[:middle] + bytes(200) + content[middle + 200 :]]
    for damaged in damages[:1] if suffix == "tar" else damages:  # a plain tar has no sums over its content
        path, folder = text(tmp_path / "damaged", damaged), new(tmp_path)
        with pytest.raises(DatasetError, match="damaged is not a zip or tar archive, or it is damaged") as caught:
            unpack(path, folder)
        assert caught.value.reason == "archive_damaged"
        assert not folder.exists()


def test_a_tar_that_ends_between_two_files_is_refused(tmp_path: Path) -> None:
    content = pack(tmp_path / "set.tar", {"a.csv": SHEET, "b.csv": SHEET}).read_bytes()
    assert content[1024:].startswith(b"b.csv")
    for damaged in (content[:1024], content[:1300], content[:2048], content[:1024] + b"x" * 512 + content[1536:]):
        with pytest.raises(DatasetError, match="damaged") as caught:
            unpack(text(tmp_path / "cut.tar", damaged), new(tmp_path))
        assert caught.value.reason == "archive_damaged"
    unpack(text(tmp_path / "whole.tar", content[:3072]), new(tmp_path))


def test_a_zip_whose_middle_is_missing_is_refused(tmp_path: Path) -> None:
    content = pack(tmp_path / "set.zip", {"a.csv": SHEET, "b.csv": SHEET * 3}).read_bytes()
    for size in (1, 10, 40):
        path = text(tmp_path / "cut.zip", content[:50] + content[50 + size :])
        with pytest.raises(DatasetError, match="cut.zip is not a zip or tar archive") as caught:
            unpack(path, new(tmp_path))
        assert caught.value.reason == "archive_damaged"


def test_what_only_begins_like_an_archive_is_refused(tmp_path: Path) -> None:
    for head in (b"PK\3\4", b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0", bytes(257) + b"ustar"):
        path = text(tmp_path / "set", head + bytes(range(256)) * 8)
        assert detect(path) == "archive"
        with pytest.raises(DatasetError, match="set is not a zip or tar archive") as caught:
            read(path, work=tmp_path / "work")
        assert caught.value.reason == "archive_damaged"


def test_older_programs_names_are_understood(tmp_path: Path) -> None:
    for encoding in ("gb18030", "utf-8"):
        name = "录音".encode(encoding)
        stem = "x" * len(name)
        files = {f"{stem}.txt": "你好".encode(), f"{stem}.wav": sound(tmp_path / "a.wav").read_bytes()}
        path = pack(tmp_path / f"{encoding}.zip", files)
        path.write_bytes(path.read_bytes().replace(stem.encode(), name))
        assert kept(read(path, work=tmp_path / "work", language="zh")) == [("录音.wav", "你好", "", "")]


def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    path = pack(tmp_path / "set.zip", {"a.csv": SHEET})
    folder = new(tmp_path)
    with pytest.raises(DatasetError, match="set.zip was stopped") as caught:
        unpack(path, folder, should_stop=lambda: True)
    assert caught.value.reason == "import_stopped"
    assert not folder.exists()


def new(parent: Path) -> Path:
    folder = parent / f"unpacked-{len(list(parent.iterdir()))}"
    folder.mkdir()
    return folder

"""Sets on disk outlive crashes, full disks, newer versions and hostile names."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio import sound_files
from core.audio.sound_files import decode
from core.data.clips.labelled_set import PARTS, Clip, LabelledSet, Note
from core.data.library.library import Library
from core.data.library.verify import Damage
from core.errors import DatasetError
from core.storage.files import read_json, sha256, write_json
from core.storage.temporary import MARK
from core.text.normalisation import Normalisation, default
from tests.conftest import tone

ROOT = Path(__file__).parents[4]


def clips(folder: Path, count: int, first: int = 0) -> list[Clip]:
    """Sounds of different pitch with different texts, in all three parts in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for i in range(first, first + count):
        path = folder / f"sound {i}.wav"
        soundfile.write(path, tone(0.2, 200 + 10 * i, seed=i), 16_000)
        made.append(Clip(str(path), f"Sentence number {i}.", f"voice {i}", PARTS[i % 3]))
    return made


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


@pytest.fixture
def source(tmp_path: Path) -> list[Clip]:
    return clips(tmp_path / "source", 6)


def everything(folder: Path) -> dict[str, str]:
    """Every file below a folder with its checksum, without the lock."""
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"}


def plain(labelled: LabelledSet) -> list[tuple[str, str, str]]:
    return [(clip.text, clip.speaker, clip.part) for clip in labelled.clips]


def test_a_new_library_is_empty_and_touches_nothing(library: Library) -> None:
    assert library.sets() == library.trash() == library.damaged() == []
    assert library.empty_trash() == 0
    assert not library.folder.exists()


def test_what_was_created_is_there_to_be_opened(library: Library, source: list[Clip]) -> None:
    created = library.create("Größe & 好", source, "de", seed=7, synthetic=True)
    stored = Library(library.folder).open(created.stored.id)
    assert stored == created.stored
    assert library.sets() == [stored]
    assert created.dropped == ()
    assert (stored.name, stored.language, stored.seed, stored.synthetic) == ("Größe & 好", "de", 7, True)
    assert stored.normalisation == default("de")
    assert plain(stored.labelled()) == [(clip.text, clip.speaker, clip.part) for clip in source]
    assert stored.seconds == pytest.approx(1.2)
    for clip, original in zip(stored.clips, source, strict=True):
        np.testing.assert_array_equal(decode(clip.clip.path), decode(original.path))
        assert sound_files.probe(clip.clip.path).format == "FLAC"
        assert sha256(Path(clip.clip.path)) == clip.sha256
        assert clip.fingerprint == sound_files.fingerprint(decode(original.path))
        assert clip.source == Path(original.path).name
    assert library.verify(stored.id) == []


def test_the_files_are_plain(library: Library, source: list[Clip]) -> None:
    id = library.create("mine", source).stored.id
    assert read_json(library.folder / id / "set.json")["name"] == "mine"
    lines = [json.loads(line) for line in (library.folder / id / "clips.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == [clip.text for clip in source]
    assert {f"{line['id']}.flac" for line in lines} == {path.name for path in (library.folder / id / "audio").iterdir()}


def test_what_cannot_be_used_is_dropped_with_a_reason(library: Library, source: list[Clip], tmp_path: Path) -> None:
    (tmp_path / "page.wav").write_text("<html>")
    bad = [Clip(str(tmp_path / "page.wav"), "words"), Clip(str(tmp_path / "gone.wav"), "words"), Clip(source[0].path, "?!")]
    seen: list[tuple[int, int]] = []
    created = library.create("mine", [*bad, *source], progress=lambda done, total: seen.append((done, total)))
    assert [(row.path, row.reason) for row in created.dropped] == [
        (bad[0].path, "audio_unreadable"),
        (bad[1].path, "audio_missing"),
        (bad[2].path, "text_empty"),
    ]
    assert len(created.stored.clips) == 6
    assert seen == [(i, 9) for i in range(1, 10)]


def test_the_notes_of_an_import_are_stored(library: Library, source: list[Clip]) -> None:
    note = Note("text_joined", "t.csv, line 3: the text contains a comma.", {"name": "t.csv", "line": 3})
    first = library.create("one", source, notes=[note]).stored
    assert library.open(first.id).notes == (note,)
    second = library.create("two", source).stored
    assert library.open(second.id).notes == ()
    path = library.folder / second.id / "set.json"
    kept = {"reason": "r", "message": "kept"}
    write_json(path, {**read_json(path), "notes": [None, 3, {"reason": "r"}, {**kept, "details": 3}, kept]})
    assert library.open(second.id).notes == (Note("r", "kept"),)


@pytest.mark.parametrize("which", ["none", "bad", "stopped", "no name", "long name"])
def test_what_is_refused_leaves_nothing(library: Library, source: list[Clip], which: str) -> None:
    before = library.create("before", source).stored
    there = everything(library.folder)
    attempts: dict[str, tuple[Callable[[], object], str]] = {
        "none": (lambda: library.create("x", []), "set_no_clips"),
        "bad": (lambda: library.create("x", [Clip("/gone.wav", "words")]), "set_no_clips"),
        "stopped": (lambda: library.create("x", source, should_stop=lambda: True), "writing_stopped"),
        "no name": (lambda: library.create(" \n", source), "set_name"),
        "long name": (lambda: library.rename(before.id, "x" * 201), "set_name"),
    }
    attempt, reason = attempts[which]
    with pytest.raises(DatasetError, match=r"\w") as caught:
        attempt()
    assert caught.value.reason == reason
    assert everything(library.folder) == there


HOSTILE = [
    "../../escape",
    "/etc/passwd",
    "a/b\\c",
    "..",
    ".",
    "con",
    "x" * 200,
    "<b>bold</b>",
    "=1+1",
    "line\nbreak",
    "\u202eevil",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(library: Library, source: list[Clip], name: str, tmp_path: Path) -> None:
    outside = set(tmp_path.iterdir())
    stored = library.create(name, source[:1]).stored
    library.rename(stored.id, name)
    library.copy(stored.id, name)
    assert set(tmp_path.iterdir()) == outside | {library.folder}
    assert len(library.sets()) == 2
    assert "\n" not in library.open(stored.id).name


@pytest.mark.parametrize("id", [*HOSTILE, "", ".trash", "0123456789abcdef", "0123456789ABCDEF", "0" * 15])
def test_a_hostile_id_opens_nothing(library: Library, source: list[Clip], id: str) -> None:
    library.create("mine", source[:1])
    there = everything(library.folder)
    for attempt in (
        lambda: library.open(id),
        lambda: library.rename(id, "x"),
        lambda: library.copy(id, "x"),
        lambda: library.delete(id),
        lambda: library.restore(id),
        lambda: library.verify(id),
        lambda: library.update(id, LabelledSet("x", ())),
        lambda: library.write_as(id, Normalisation()),
    ):
        with pytest.raises(DatasetError, match="no such set") as caught:
            attempt()
        assert caught.value.reason == "no_set"
    assert everything(library.folder) == there


def test_a_link_is_no_set(library: Library, source: list[Clip], tmp_path: Path) -> None:
    id = library.create("mine", source[:1]).stored.id
    (library.folder / "0123456789abcdef").symlink_to(tmp_path / "source", target_is_directory=True)
    assert [stored.id for stored in library.sets()] == [id]
    with pytest.raises(DatasetError, match="no such set"):
        library.open("0123456789abcdef")


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "../../../etc/passwd", "text": "x", "speaker": "", "part": "", "sha256": "", "fingerprint": "", "seconds": 1}',
        '{"id": "0123456789abcdef", "text": 7, "speaker": "", "part": "", "sha256": "", "fingerprint": "", "seconds": 1}',
        '{"id": "0123456789abcdef", "text": "x", "speaker": "", "part": "all", "sha256": "", "fingerprint": "", "seconds": 1}',
        '{"id": "0123456789abcdef", "text": "x"}', "[]", "nonsense", "[" * 100_000, '{"id": null}',
    ],
)  # fmt: skip
def test_a_line_that_says_no_clip_is_reported_and_kept(library: Library, source: list[Clip], line: str) -> None:
    stored = library.create("mine", source).stored
    path = library.folder / stored.id / "clips.jsonl"
    path.write_text(line + "\n" + path.read_text())
    assert library.open(stored.id) == stored
    assert library.verify(stored.id) == [Damage("unreadable", "1")]
    library.update(stored.id, stored.labelled())
    assert path.read_text().split("\n")[0] == line


def test_what_is_not_as_it_was_written_is_found(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source).stored
    paths = [Path(clip.clip.path) for clip in stored.clips]
    paths[0].unlink()
    damaged = bytearray(paths[1].read_bytes())
    damaged[-20] ^= 1
    paths[1].write_bytes(damaged)
    (paths[0].parent / "stray.flac").write_text("x")
    seen: list[tuple[int, int]] = []
    assert library.verify(stored.id, lambda done, total: seen.append((done, total))) == [
        Damage("missing", paths[0].name),
        Damage("changed", paths[1].name),
        Damage("unlisted", "stray.flac"),
    ]
    assert seen == [(i, 6) for i in range(1, 7)]
    there = everything(library.folder)
    with pytest.raises(DatasetError, match="has changed since it was saved") as caught:
        library.copy(stored.id, "copy")
    assert caught.value.reason == "sound_changed"
    assert everything(library.folder) == there


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"name": 7, "language": "en"}', '{"name": "x"}', "[" * 100_000])
def test_a_set_with_damaged_settings_costs_no_other(library: Library, source: list[Clip], content: str) -> None:
    whole, broken = (library.create(name, source[:2]).stored for name in ("whole", "broken"))
    (library.folder / broken.id / "set.json").write_text(content)
    assert library.sets() == [whole]
    assert library.damaged() == [broken.id]
    with pytest.raises(DatasetError, match=r"damaged file, set\.json") as caught:
        library.open(broken.id)
    assert caught.value.reason == "set_damaged"
    library.delete(broken.id)
    assert library.damaged() == []


def test_a_newer_version_loses_nothing_here(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source).stored
    newest = library.folder / stored.id
    settings = read_json(newest / "set.json")
    newer = {**settings, "format": 9, "licence": "CC0", "normalisation": {**settings["normalisation"], "fillers": "drop"}}
    write_json(newest / "set.json", newer)
    lines = [{**json.loads(line), "emotion": "calm"} for line in (newest / "clips.jsonl").read_text().splitlines()]
    (newest / "clips.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert library.open(stored.id).labelled() == stored.labelled()
    library.rename(stored.id, "renamed")
    library.update(stored.id, stored.labelled())
    copy = library.copy(stored.id, "copy")
    for folder in (library.folder / stored.id, library.folder / copy.id):
        kept = read_json(folder / "set.json")
        assert (kept["format"], kept["licence"], kept["normalisation"]["fillers"]) == (9, "CC0", "drop")
        assert all(json.loads(line)["emotion"] == "calm" for line in (folder / "clips.jsonl").read_text().splitlines())


def test_texts_are_written_as_chosen_and_stay_as_typed(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source, normalisation=Normalisation(punctuation="drop")).stored
    assert stored.labelled().written_as(stored.normalisation).clips[0].text == "Sentence number 0"
    chosen = library.write_as(stored.id, Normalisation(case="lower", numbers="words"))
    assert chosen == library.open(stored.id)
    written = chosen.labelled().written_as(chosen.normalisation)
    assert written.clips[0].text == "sentence number zero."
    assert chosen.labelled() == stored.labelled()
    assert [dataclasses.replace(clip, text="") for clip in written.clips] == [
        dataclasses.replace(clip, text="") for clip in chosen.labelled().clips
    ]


def test_edits_are_taken_over_and_what_was_left_out_comes_back(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source).stored
    whole = stored.labelled()
    edited = dataclasses.replace(whole.clips[1], text="Another\ntext", speaker="Ada", part="test")
    after = library.update(stored.id, dataclasses.replace(whole, clips=(edited, *whole.clips[2:])))
    assert after == library.open(stored.id)
    assert plain(after.labelled())[0] == ("Another text", "Ada", "test")
    assert [left.clip for left in after.left_out] == [whole.clips[0]]
    assert library.verify(stored.id) == []
    assert library.update(stored.id, whole).labelled() == whole


def test_normalised_texts_do_not_overwrite_what_was_typed(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source, normalisation=Normalisation(case="lower")).stored
    assert library.update(stored.id, stored.labelled().written_as(stored.normalisation)).labelled() == stored.labelled()


@pytest.mark.parametrize(("change", "reason"), [({"id": "0123456789abcdef"}, "not_in_set"), ({"text": "?"}, "text_empty")])
def test_an_edit_that_cannot_be_used_changes_nothing(
    library: Library, source: list[Clip], change: dict[str, str], reason: str
) -> None:
    stored = library.create("mine", source).stored
    there = everything(library.folder)
    first = dataclasses.replace(stored.labelled().clips[0], **change)  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match=r"\w") as caught:
        library.update(stored.id, LabelledSet("mine", (*stored.labelled().clips[1:], first)))
    assert caught.value.reason == reason
    assert everything(library.folder) == there


def test_clips_keep_their_ids(library: Library, source: list[Clip]) -> None:
    ids = [clip.id for clip in source]
    stored = library.create("mine", source).stored
    assert [one.clip.id for one in stored.clips] == ids
    assert [Path(one.clip.path).stem for one in stored.clips] == ids
    assert [clip.id for clip in stored.labelled().written_as(stored.normalisation).clips] == ids
    changed = [dataclasses.replace(clip, text="another text", part="train") for clip in stored.labelled().clips]
    library.update(stored.id, dataclasses.replace(stored.labelled(), clips=tuple(reversed(changed))))
    assert [one.clip.id for one in library.open(stored.id).clips] == ids
    assert [one.clip.id for one in library.copy(stored.id, "copy").clips] == ids
    twice = library.create("twice", [source[0], source[0]]).stored
    assert len({one.clip.id for one in twice.clips}) == 2
    odd = library.create("odd", [dataclasses.replace(source[0], id="../../etc/passwd")]).stored
    assert re.fullmatch("[0-9a-f]{16}", odd.clips[0].clip.id)


def test_a_copy_is_independent(library: Library, source: list[Clip]) -> None:
    stored = library.create("mine", source).stored
    copy = library.copy(stored.id, "copy")
    assert (copy.name, plain(copy.labelled())) == ("copy", plain(stored.labelled()))
    library.update(stored.id, dataclasses.replace(stored.labelled(), clips=stored.labelled().clips[:1]))
    library.delete(stored.id)
    library.empty_trash()
    assert library.sets() == [copy]
    assert library.verify(copy.id) == []


def test_merging_reports_duplicates_conflicts_and_leaks(library: Library, source: list[Clip], tmp_path: Path) -> None:
    one = library.create("one", source).stored
    again = [source[0], dataclasses.replace(source[1], text="Something else")]
    leaking = dataclasses.replace(
        clips(tmp_path / "more", 1, first=50)[0], text=source[0].text.upper(), part="test", speaker="x"
    )
    other = library.create("other", [*again, *clips(tmp_path / "more", 3, first=20), leaking], synthetic=True).stored
    merged = library.merge(one.id, other.id, "both")
    assert [clip.text for clip in merged.duplicates] == [source[0].text, "Something else"]
    assert [clip.text for clip in merged.conflicting] == ["Something else"]
    assert len(merged.stored.clips) == 6 + 4
    assert len({clip.clip.path for clip in merged.stored.clips}) == 10
    assert plain(merged.stored.labelled())[:6] == plain(one.labelled())
    assert (merged.overlap.sentences, merged.overlap.speakers) == (1, 0)
    assert (merged.stored.name, merged.stored.synthetic) == ("both", True)
    assert library.verify(merged.stored.id) == []
    assert [stored.name for stored in library.sets()] == ["both", "one", "other"]


def test_a_merge_of_copies_keeps_ids_apart(library: Library, source: list[Clip]) -> None:
    one = library.create("one", source).stored
    copy = library.copy(one.id, "copy")
    for clip in copy.clips:  # the same ids, but by now another sound
        line = {**clip.fields, "fingerprint": clip.fingerprint[::-1]}
        path = library.folder / copy.id / "clips.jsonl"
        path.write_text(path.read_text().replace(json.dumps(clip.fields, ensure_ascii=False), json.dumps(line)))
    merged = library.merge(one.id, copy.id, "both").stored
    assert len({Path(clip.clip.path).stem for clip in merged.clips}) == 12
    assert library.verify(merged.id) == []


def test_what_cannot_be_merged(library: Library, source: list[Clip]) -> None:
    english, german = (library.create(language, source, language).stored for language in ("en", "de"))
    there = everything(library.folder)
    for first, second in ((english.id, english.id), (english.id, german.id)):
        with pytest.raises(DatasetError, match="two different sets in the same language") as caught:
            library.merge(first, second, "both")
        assert caught.value.reason == "merge_sets"
    assert everything(library.folder) == there


def test_what_is_deleted_can_be_brought_back_until_the_trash_is_emptied(library: Library, source: list[Clip]) -> None:
    stored, other = (library.create(name, source).stored for name in ("mine", "other"))
    there = everything(library.folder)
    library.delete(stored.id)
    assert library.sets() == [other]
    assert [deleted.id for deleted in library.trash()] == [stored.id]
    assert library.restore(stored.id) == stored
    assert everything(library.folder) == there
    library.delete(stored.id)
    library.delete(other.id)
    assert library.empty_trash() == 2
    assert library.trash() == library.sets() == []
    assert everything(library.folder) == {}


def test_a_full_disk_costs_nothing_that_was_there(
    library: Library, source: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = library.create("mine", source).stored
    other = library.create("other", source[:3]).stored
    there = everything(library.folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    attempts: list[tuple[object, str, Callable[[], object]]] = [
        (sound_files, "write_flac", lambda: library.create("x", source)),
        (shutil, "copyfile", lambda: library.copy(stored.id, "x")),
        (shutil, "copyfile", lambda: library.merge(stored.id, other.id, "x")),
        (os, "fsync", lambda: library.create("x", source)),
        (os, "fsync", lambda: library.rename(stored.id, "x")),
        (os, "fsync", lambda: library.update(stored.id, LabelledSet("x", stored.labelled().clips[:1]))),
        (os, "fsync", lambda: library.copy(stored.id, "x")),
    ]
    for target, name, attempt in attempts:
        with monkeypatch.context() as patch:
            patch.setattr(target, name, full)
            with pytest.raises(OSError, match="No space left"):
                attempt()
        assert everything(library.folder) == there
        assert len(library.sets()) == 2


CHANGES = {
    "create": "library.create('new', clips)",
    "copy": "library.copy(id, 'new')",
    "rename": "library.rename(id, 'new')",
    "update": "old = library.open(id).labelled(); library.update(id, dataclasses.replace(old, clips=old.clips[:2]))",
}


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is of Unix")
@pytest.mark.parametrize("moment", [0, 1, 3, 5])
@pytest.mark.parametrize("change", CHANGES)
def test_a_killed_process_leaves_the_old_or_the_new(library: Library, source: list[Clip], change: str, moment: int) -> None:
    stored = library.create("old", source).stored
    there = everything(library.folder)
    script = f"""
        import dataclasses, os, signal
        from pathlib import Path
        from core.data.clips.labelled_set import Clip
        from core.data.library.library import Library
        library, id = Library(Path({str(library.folder)!r})), {stored.id!r}
        clips = {source!r}
        left, replace = {moment}, Path.replace
        def killed(self, target):
            global left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return replace(self, target)
        Path.replace = killed
        {CHANGES[change]}
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (-9, 0), done.stderr
    assert done.returncode == -9 or moment
    names = [old.name for old in library.sets()]
    if done.returncode == -9:
        assert names == ["old"]
        assert {name: value for name, value in everything(library.folder).items() if name in there} == there
        assert library.open(stored.id) == stored
        for path in library.folder.glob(".*-*"):
            os.utime(path, (0, 0))
        for path in (library.folder / stored.id).glob(".*"):
            path.unlink()  # a list that was not put in its place
        for path in (library.folder / stored.id / "history").glob("*"):
            path.unlink()  # remembered, though nothing was changed
        library.empty_trash()
        assert everything(library.folder) == there
    else:
        assert "new" in names or len(library.open(stored.id).clips) == 2
    assert library.verify(stored.id) == []


def test_what_is_being_written_is_not_swept_away(library: Library, source: list[Clip]) -> None:
    library.create("mine", source[:1])
    fresh, stale = library.folder / f"{MARK}0123456789abcdef-new", library.folder / f"{MARK}0123456789abcdef-old"
    for path in (fresh, stale):
        path.mkdir()
    os.utime(stale, (0, 0))
    library.empty_trash()
    assert fresh.exists()
    assert not stale.exists()

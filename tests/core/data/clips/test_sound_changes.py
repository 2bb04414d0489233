"""What was wrong with a sound file is said by imports, exports, the library and the report before training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.sound_changes import SoundChanges
from core.data.exporters import export
from core.data.importers.any_format import into_library, read
from core.data.inspection.inspection import inspect
from core.data.library.library import Library
from core.data.library.recordings import Recordings
from demo.show.errors import reason
from demo.wording import Wording
from tests.conftest import tone


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of a good clip, two whose channels cancel each other, and one of int16 values."""
    wave = tone(1.0)
    inverted = np.stack([wave, -wave], axis=1)
    for name, sound in {"good": wave, "one": inverted, "two": 0.5 * inverted, "loud": 32_768 * wave}.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, 16_000, subtype="FLOAT")
    rows = "".join(f"{name}.wav,text of {name}\n" for name in ("good", "one", "two", "loud"))
    (tmp_path / "list.csv").write_text(f"path,text\n{rows}")
    return tmp_path / "list.csv"


def test_it_is_said_at_import_and_afterwards(listed: Path, tmp_path: Path) -> None:
    imported = read(str(listed), work=tmp_path / "work")
    stored = into_library(imported, Library(tmp_path / "library"), "mine").stored
    exported = export(imported.clips, tmp_path / "out")
    expected = [("channels_cancel", {"name": "one.wav", "count": 2}), ("samples_over", {"name": "loud.wav", "count": 1})]
    for notes in (stored.notes, exported.notes):
        assert [(note.reason, note.details) for note in notes] == expected
    assert exported.notes[0].message.startswith("one.wav and 1 more: the channels cancel")
    again = export(stored.labelled().clips, tmp_path / "again")
    for clips in (imported.clips, stored.labelled().clips, exported.clips, again.clips):
        found = {one.kind: one.count for one in inspect(LabelledSet("mine", tuple(clips))).findings if one.severity == "note"}
        assert (found["channels_cancel"], found["samples_over"]) == (2, 1)
    for language in ("en", "zh-CN"):
        w = Wording(language)
        for note in stored.notes:
            said = reason(note.reason, note.details, "", w)
            assert note.details["name"] in said
            assert w.has(f"finding.{note.reason}")


def test_a_piece_and_a_recording_keep_it_too(listed: Path, tmp_path: Path) -> None:
    (tmp_path / "parts.csv").write_text("path,start,end,text\none.wav,0.1,0.8,a text\n")
    piece = read(str(tmp_path / "parts.csv"), work=tmp_path / "work").clips[0]
    recording = Recordings(tmp_path / "recordings").add(tmp_path / "one.wav")
    for path in (piece.path, str(recording.path)):
        (row,) = inspect(LabelledSet("mine", (Clip(path, "a text"),))).checked
        assert (row.changes, row.findings[-1:]) == (("channels_cancel",), ("channels_cancel",))


def test_no_change_is_no_note() -> None:
    changes = SoundChanges()
    changes.add("a.wav", ())
    assert changes.notes() == []

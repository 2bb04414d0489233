"""`attune import --name`, `attune sets`, and fine-tuning on a set of the library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.cli.main import main
from core.cli.sets import users_library
from core.data.clips.labelled_set import LabelledSet
from core.data.importers.any_format import gather
from core.data.library.folder_trash import UNDO_SECONDS
from core.runs.run_folder import open_run
from core.storage import clock
from core.text.normalisation import Normalisation

WORDS = ("red", "green", "blue", "black", "white", "brown", "grey", "pink", "gold", "teal")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def sheet(folder: Path, count: int = 10, text: str = "A {} bird sings.", first: int = 0) -> Path:
    """A table of different sounds with one that is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["path,text"]
    for i in range(count):
        rng = np.random.default_rng(first + i)
        sound_files.write_flac(folder / f"{i}.flac", rng.normal(0, 0.1, 8000).astype(np.float32))
        lines.append(f"{i}.flac,{text.format(WORDS[i])}")
    (folder / "clips.csv").write_text("\n".join([*lines, "gone.flac,Nobody sings."]) + "\n")
    return folder / "clips.csv"


def last_line(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_named_set_is_made_listed_changed_and_brought_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sets"]) == 0
    assert "no sets in" in capsys.readouterr().out
    assert main(["import", str(sheet(tmp_path / "in")), "--name", "Größe & 好", "--json"]) == 0
    made = last_line(capsys)
    assert (made["name"], made["rows"], made["clips"], made["reasons"]) == ("Größe & 好", 11, 10, {"row_no_sound": 1})
    assert made["dropped"][0]["where"] == "clips.csv, line 12"
    assert set(made["parts"]) == {"train", "test"}
    assert main(["sets"]) == 0
    assert "Größe & 好  en, 10 clips" in capsys.readouterr().out

    assert main(["sets", "--copy", "Größe & 好", "second"]) == 0
    assert main(["sets", "--rename", made["id"], "first"]) == 0
    assert main(["sets", "--delete", "first"]) == 0
    capsys.readouterr()
    assert main(["sets", "--json"]) == 0
    listed = last_line(capsys)
    assert [one["name"] for one in listed["sets"]] == ["second"]
    assert [one["name"] for one in listed["trash"]] == ["first"]
    assert main(["sets", "--restore", "first"]) == 0
    assert len(users_library().find("first").dropped) == 1
    assert main(["sets", "--delete", "second"]) == 0
    assert main(["sets", "--empty-trash", "--json"]) == 0
    assert last_line(capsys) == {"deleted": 1}


def test_a_deleted_set_goes_for_good_after_a_day(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["import", str(sheet(tmp_path / "in")), "--name", "birds"])
    assert main(["sets", "--delete", "birds"]) == 0
    assert "for a day" in capsys.readouterr().out
    uptime = clock._uptime
    for passed, there in ((UNDO_SECONDS - 60, ["birds"]), (UNDO_SECONDS + 1, [])):
        monkeypatch.setattr(clock, "_uptime", lambda passed=passed: uptime() + passed)
        main(["sets", "--json"])
        assert [one["name"] for one in last_line(capsys)["trash"]] == there
    assert list((home / "library" / ".trash").iterdir()) == []


def test_clips_left_out_of_a_set_are_deleted_for_good_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", str(sheet(tmp_path / "in")), "--name", "birds"])
    library = users_library()
    stored = library.find("birds")
    library.update(stored.id, LabelledSet("birds", stored.labelled().clips[2:]))
    assert main(["sets", "--drop-left-out", "birds", "--json"]) == 0
    assert last_line(capsys)["left_out"] == 0
    assert library.find("birds").left_out == ()
    assert library.verify(stored.id) == []


def test_a_change_is_taken_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(sheet(tmp_path / "in")), "--name", "mine"]) == 0
    library = users_library()
    stored = library.find("mine")
    library.update(stored.id, LabelledSet("x", stored.labelled().clips[:4]))
    assert len(library.find("mine").clips) == 4
    assert main(["sets", "--undo", "mine", "--json"]) == 0
    assert last_line(capsys)["clips"] == 10
    assert library.find("mine").labelled() == stored.labelled()
    assert main(["sets", "--undo", "mine"]) == 1
    assert "This set has no change to undo" in capsys.readouterr().err


def test_merging_says_what_both_had(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", str(sheet(tmp_path / "a", 6)), "--name", "a"])
    main(["import", str(sheet(tmp_path / "b", 6, "The {} fish swims.", first=3)), "--name", "b"])
    capsys.readouterr()
    assert main(["sets", "--merge", "a", "b", "both", "--json"]) == 0
    told = last_line(capsys)
    assert (told["clips"], told["duplicates"], len(told["conflicting"])) == (9, 3, 3)
    assert main(["sets", "--merge", "a", "a", "both"]) == 1


def test_damage_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["import", str(sheet(tmp_path / "in")), "--name", "mine"])
    assert main(["sets", "--verify", "mine"]) == 0
    stored = users_library().find("mine")
    Path(stored.clips[0].clip.path).write_bytes(b"other")
    capsys.readouterr()
    assert main(["sets", "--verify", "mine", "--json"]) == 1
    assert [damage["kind"] for damage in last_line(capsys)["damages"]] == ["changed"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sets", "--rename", "nothing", "x"], "There is no set 'nothing' in the library"),
        (["sets", "--rename", "twice", "x"], "Several sets are called 'twice'"),
        (["sets", "--rename", "../home", "x"], "There is no set"),
        (["sets", "--restore", "nothing"], "There is no such set"),
        (["sets", "--copy", "mine", " "], "A set's name must have"),
        (["import", "{sheet}"], "--name NAME for the library"),
        (["import", "{sheet}", "--name", "x", "--column", "text"], "--column takes OURS=THEIRS"),
        (["import", "/no/such/thing", "--name", "x"], "There is no file or folder"),
        (["finetune", "--train", "nothing", "--out", "{out}"], "no set of that name, sample or in the library"),
    ],
)
def test_what_cannot_be_done_says_why(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(tmp_path / "in", 3)
    for name in ("mine", "twice", "twice"):
        main(["import", str(path), "--name", name])
    capsys.readouterr()
    assert main([argument.format(sheet=path, out=tmp_path / "run") for argument in arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert [stored.name for stored in users_library().sets()] == ["mine", "twice", "twice"]


def test_nothing_usable_makes_no_set_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sheet(tmp_path / "in", 0)
    assert main(["import", str(path), "--name", "x"]) == 1
    assert "can be used. clips.csv, line 2" in capsys.readouterr().err
    assert users_library().sets() == []


def test_a_set_of_the_library_is_trained_on_as_it_is_to_be_written(
    tmp_path: Path, tiny_ctc: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sheet(tmp_path / "in", text="A {} bird sings.")
    path.write_text(path.read_text().upper().replace(".FLAC", ".flac").replace("PATH,TEXT", "path,text"))
    main(["import", str(path), "--name", "shouted"])
    library = users_library()
    stored = library.find("shouted")
    assert stored.normalisation.case == "lower"
    assert all(one.clip.text.isupper() for one in stored.clips)
    given = ["finetune", "--model", str(tiny_ctc), "--train", "shouted", "--set", "epochs=1", "--set", "evaluations=1"]
    assert main([*given, "--out", str(tmp_path / "run")]) == 0
    assert "in the style chosen for the set, for training and scoring alike: case lower" in capsys.readouterr().err
    written = open_run(tmp_path / "run").request().labelled_set
    assert (written.name, len(written.clips), written.normalisation) == ("shouted", 10, stored.normalisation)
    assert all(clip.text.islower() for clip in written.clips)
    library.write_as(stored.id, Normalisation())
    assert all(clip.text.isupper() for clip in gather("shouted", library=library).clips)  # chosen, so nobody lowers them
    assert all(clip.text.islower() for clip in gather(str(_whole(path))).clips)  # nobody chose: small letters, and said so


def _whole(path: Path) -> Path:
    """The table without the row whose sound is missing."""
    whole = path.with_name("whole.csv")
    whole.write_text("\n".join(line for line in path.read_text().splitlines() if "gone" not in line.lower()))
    return whole

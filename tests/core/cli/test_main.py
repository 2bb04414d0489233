"""The command line's contract: what goes in, what the last line of stdout holds, and the exit status."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from transformers import WhisperForConditionalGeneration

from core.cli.main import main
from core.cli.sets import users_library
from core.data.importers.tables.csv import read_csv
from core.data.samples import read_sample
from core.models.catalogue import Entry
from tests.conftest import tone


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve clips by name, four speakers, in a folder of their own."""
    folder = tmp_path_factory.mktemp("sheet")
    clips = read_sample("accent").clips[:12]
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "text", "speaker"])
        for i, clip in enumerate(clips):
            (folder / f"{i}.flac").write_bytes(Path(clip.path).read_bytes())
            rows.writerow([f"{i}.flac", clip.text, f"speaker {i % 4}"])
    return folder / "clips.csv"


@pytest.fixture(scope="module")
def run_folder(sheet: Path, tiny_whisper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "one"
    given = ["finetune", "--model", str(tiny_whisper), "--train", str(sheet), "--canary", "general", "--seed", "4"]
    assert main([*given, "--set", "epochs=1", "--set", "evaluations=1", "--out", str(folder)]) == 0
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_models(bundled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    told = last_line(capsys)
    rows = told["models"]
    assert any("wavlm" in row["id"] for row in rows)
    assert {"./checkpoint.pt", "torchaudio:HUBERT_ASR_LARGE"} <= {row["typed"] for row in told["unlisted"]}
    assert all({"id", "family", "ready", "path"} <= set(row) for row in rows)
    (tiny,) = (row for row in rows if row["id"] == "whisper-tiny.en")
    assert tiny["ready"] is True
    assert Path(tiny["path"]) == bundled
    WhisperForConditionalGeneration.from_pretrained(tiny["path"])
    assert all(row["path"] is None for row in rows if not row["ready"])
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(row["id"] in printed for row in rows)
    assert all(row["typed"] in printed and row["what"] in printed for row in told["unlisted"])


def test_the_catalogue_says_what_each_model_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    for row in last_line(capsys)["models"]:
        assert row["source"].startswith("https://") or (Path(__file__).parents[3] / row["source"]).is_file()
        assert row["origin"] in ("package", "release", "attune", "hub")
        assert len(row["sha256"]) == 64 if row["origin"] == "package" else row["sha256"] is None
        assert (row["download_mb"] > 0) == (row["origin"] != "attune")
        assert row["finetune_gb"] > 24e-9 * row["parameters"]
        assert row["real_time_factor"] is None or row["real_time_factor"] > 0


def test_measured_speed_is_kept_and_shown(
    tmp_path: Path, tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    slow = Entry(str(tiny_ctc), "ctc", "en", 0.1, "MIT")
    monkeypatch.setattr("core.cli.models.CATALOGUE", (slow, Entry("a/b", "ctc", "en", 0.1, "MIT")))
    (tmp_path / "measured.json").write_text("[not ours")
    assert main(["models", "--json"]) == 0
    assert [row["real_time_factor"] for row in last_line(capsys)["models"]] == [None, None]
    assert main(["models", "--measure", "--json"]) == 0
    measured, other = (row["real_time_factor"] for row in last_line(capsys)["models"])
    assert 0 < measured < 1
    assert other is None
    assert json.loads((tmp_path / "measured.json").read_text()) == {str(tiny_ctc): measured}
    assert main(["models"]) == 0
    assert f"{measured:.2f}" in capsys.readouterr().out


def test_python_m_core_is_attune(bundled: Path) -> None:
    clip = read_sample("general").clips[0]
    command = [sys.executable, "-m", "core", "transcribe", clip.path, clip.path, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    rows = json.loads(done.stdout)["clips"]
    assert [row["path"] for row in rows] == [clip.path, clip.path]
    assert all(row["text"].lower().startswith("she closed the window") and row["seconds"] > 0 for row in rows)
    assert all(row["language"] == "en" for row in rows)


@pytest.mark.parametrize("name", ["model", "models/mine", "./model"])
def test_a_folder_beside_is_named_as_it_is(
    name: str, tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(tiny_ctc)
    soundfile.write(tmp_path / "a.wav", tone(0.5), 16_000)
    monkeypatch.chdir(tmp_path)
    assert main(["transcribe", "a.wav", "--model", name, "--json"]) == 0
    assert "text" in capsys.readouterr().out


def test_transcribe_prints_the_text(tiny_ctc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [clip.path for clip in read_sample("general").clips[:2]]
    assert main(["transcribe", paths[0], "--model", str(tiny_ctc)]) == 0
    alone = capsys.readouterr().out.strip()
    assert main(["transcribe", *paths, "--model", str(tiny_ctc)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{paths[0]}: {alone}"


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two good files, and two bad ones, in the working folder."""
    for name, wave in (("good.wav", tone(0.5)), ("inverted.wav", np.stack([tone(0.5), -tone(0.5)], axis=1))):
        soundfile.write(tmp_path / name, wave, 16_000)
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    monkeypatch.chdir(tmp_path)


def test_one_bad_file_costs_only_itself(sounds: None, tiny_ctc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["transcribe", "bad.wav", "good.wav", "gone.wav", "inverted.wav", "--model", str(tiny_ctc)]
    assert main(given) == 1
    captured = capsys.readouterr()
    assert [line.split(":")[0] for line in captured.out.splitlines()] == ["good.wav", "inverted.wav"]
    for said in ("attune: bad.wav: bad.wav is not a", "attune: gone.wav: There is no file", "note: inverted.wav: the channels"):
        assert said in captured.err
    assert main([*given, "--json"]) == 1
    found = last_line(capsys)
    assert [row["path"] for row in found["clips"]] == ["good.wav", "inverted.wav"]
    assert [(row["path"], row["reason"]) for row in found["failed"]] == [
        ("bad.wav", "audio_unreadable"),
        ("gone.wav", "audio_missing"),
    ]


def test_nothing_is_transcribed_of_bad_files_alone(sounds: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", "bad.wav", "gone.wav", "--model", "/no/folder"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2


def test_finetune(run_folder: Path, sheet: Path, tiny_whisper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["finetune", "--model", str(tiny_whisper), "--train", str(sheet), "--canary", "general", "--seed", "4"]
    again = run_folder.parent / "again"
    assert main([*given, "--set", "epochs=1", "--set", "evaluations=1", "--out", str(again), "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out.splitlines()[-1])
    assert {"model", "clips", "minutes", "seed", "recipe", "seconds", "test", "canary", "run"} <= set(result)
    assert (result["model"], result["seed"], result["recipe"]["epochs"]) == (str(tiny_whisper), 4, 1)
    assert result["clips"] - result["replayed"] + result["validation_clips"] + result["test_clips"] == 12
    assert set(result["seconds"]) == {"prepare", "train", "evaluate"}
    for group in ("test", "canary"):
        for model in ("base", "adapted"):
            assert {"wer", "cer"} <= set(result[group][model])
    assert Path(result["run"]) == again
    assert "step 1: loss" in captured.err
    first = json.loads((run_folder / "result.json").read_text())
    assert {k: result[k] for k in ("test", "canary", "clips")} == {k: first[k] for k in ("test", "canary", "clips")}


def test_the_language_of_a_fine_tune_is_kept(sheet: Path, tiny_multilingual: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "run"
    given = ["finetune", "--model", str(tiny_multilingual), "--language", "sw", "--train", str(sheet)]
    assert main([*given, "--set", "epochs=1", "--set", "evaluations=1", "--out", str(folder), "--json"]) == 0
    assert last_line(capsys)["language"] == "sw"
    assert json.loads((folder / "adapted" / "attune.json").read_text())["language"] == "sw"
    clip = read_sample("general").clips[0].path
    assert main(["transcribe", clip, "--model", str(folder / "adapted"), "--json"]) == 0
    (row,) = last_line(capsys)["clips"]
    assert row["language"] == "sw"


def test_an_unknown_language_is_said_in_a_sentence(tiny_multilingual: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = read_sample("general").clips[0].path
    assert main(["transcribe", clip, "--model", str(tiny_multilingual), "--language", "klingon"]) == 1
    assert "does not support the language 'klingon'" in capsys.readouterr().err


def test_without_a_canary_there_is_none(tiny_ctc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--set", "epochs=1", "--set", "evaluations=1", "--set", "trains=head"]
    given = ["finetune", "--model", str(tiny_ctc), "--train", "accent", "--out", str(tmp_path / "run"), *small]
    assert main([*given, "--json"]) == 0
    result = last_line(capsys)
    assert result["canary"] is None
    assert (result["clips"], result["validation_clips"], result["test_clips"]) == (36, 6, 14)


def test_a_set_of_the_library_may_show_what_is_forgotten(
    tiny_ctc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    users_library().create("ordinary", read_sample("replay").clips[:3], "en")
    small = ["--set", "epochs=1", "--set", "evaluations=1", "--set", "trains=head"]
    given = ["finetune", "--model", str(tiny_ctc), "--train", "accent", "--canary", "ordinary", "--out", str(tmp_path / "run")]
    assert main([*given, *small, "--json"]) == 0
    result = last_line(capsys)
    assert result["canary"]["clips"] == 3
    assert result["canary_set"] == {"name": "ordinary", "synthetic": False}
    assert 'general speech ("ordinary", English)' in (tmp_path / "run" / "adapted" / "README.md").read_text()


def test_test_and_validation_may_be_given(sheet: Path, tiny_ctc: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    given = ["finetune", "--model", str(tiny_ctc), "--train", str(sheet), "--test", "noise", "--validation", "noise"]
    assert main([*given, "--set", "epochs=1", "--set", "trains=head", "--out", str(tmp_path / "run"), "--json"]) == 0
    result = last_line(capsys)
    assert (result["clips"], result["validation_clips"], result["test_clips"]) == (12, 6, 14)


def test_compare(run_folder: Path, sheet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = read_sample("general").clips[0]
    assert main(["compare", str(run_folder), clip.path, "--json"]) == 0
    result = last_line(capsys)
    (row,) = result["clips"]
    assert row["path"] == clip.path
    assert {"base", "adapted"} <= set(row)
    assert "test" not in result  # nobody said what is in the file
    assert main(["compare", str(run_folder), str(sheet), "--json"]) == 0
    result = last_line(capsys)
    assert len(result["clips"]) == 12
    assert {"wer", "cer"} <= set(result["test"]["adapted"])
    assert main(["compare", str(run_folder), clip.path]) == 0
    assert "adapted:" in capsys.readouterr().out
    assert main(["compare", str(run_folder), "gone.wav", clip.path]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith(clip.path)
    assert "gone.wav" in captured.err
    assert main(["compare", str(run_folder), "gone.wav", "lost.wav"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transcribe", "nowhere.wav"], "There is no file nowhere.wav"),
        (["transcribe", __file__], "is not a readable sound file"),
        (["transcribe", "CLIP", "--model", "/no/folder"], "There is no folder or file /no/folder"),
        (["finetune", "--train", "nowhere.csv", "--out", "OUT"], "There is no file nowhere.csv, and no sample set"),
        (["finetune", "--train", "accent", "--set", "epochs", "--out", "OUT"], "--set takes KEY=VALUE"),
        (["finetune", "--train", "accent", "--set", "epochs=0", "--out", "OUT"], "epochs must be between 1 and 1000"),
        (["finetune", "--train", "accent", "--set", "lr=1", "--out", "OUT"], "There is no setting 'lr'"),
        (["finetune", "--train", "accent", "--canary", "no.csv", "--out", "OUT"], "There is no file no.csv"),
        (["compare", "OUT", "CLIP"], "There is no run in"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"CLIP": read_sample("general").clips[0].path, "OUT": str(tmp_path / "run")}
    assert main([names.get(a, a) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert not (tmp_path / "run").exists()


def test_a_run_is_never_written_over(run_folder: Path, tiny_ctc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run_folder / "result.json").read_bytes()
    assert main(["finetune", "--model", str(tiny_ctc), "--train", "accent", "--out", str(run_folder)]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert (run_folder / "result.json").read_bytes() == before


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["models", "--colour"])
    assert stopped.value.code == 2
    assert "--colour" in capsys.readouterr().err


def test_import_and_export(sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    shutil.copytree(sheet.parent, source)
    (source / "3.flac").unlink()
    (source / "4.flac").write_bytes((source / "4.flac").read_bytes()[:2_000])
    assert main(["import", str(source), "--to", str(tmp_path / "set"), "--json"]) == 0
    said = last_line(capsys)
    assert {key: said[key] for key in ("format", "rows", "clips")} == {"format": "manifest", "rows": 12, "clips": 10}
    assert said["reasons"] == {"row_no_sound": 1, "audio_unreadable": 1}
    assert [set(dropped) for dropped in said["dropped"]] == [{"path", "reason", "message", "where", "details"}] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "source"]
    clips = read_csv(tmp_path / "set" / "clips.csv")
    assert [clip.text for clip in clips] == [c.text for i, c in enumerate(read_csv(sheet)) if i not in (3, 4)]
    assert main(["export", str(tmp_path / "set"), "--format", "common_voice", "--to", str(tmp_path / "cv")]) == 0
    assert capsys.readouterr().out == f"10 clips of manifest in {tmp_path / 'cv'}, 0 rows dropped\n"
    assert {path.name for path in (tmp_path / "cv").iterdir()} == {"clips", "validated.tsv"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["import", "gone"], "There is no file or folder gone"),
        (["import", "SHEET", "--format", "word"], "word is not a format"),
        (["import", "SHEET", "--column", "text"], "--column takes OURS=THEIRS, not 'text'"),
        (["import", "SHEET", "--column", "text=words"], "needs a column for text"),
        (["import", "EMPTY"], "None of the 1 rows of .* can be used. empty.csv, line 2: this row has no words"),
        (["import", "google/fleurs", "--format", "elan"], "There is no file or folder"),
        (["export", "gone"], "There is no file or folder gone"),
    ],
)
def test_an_import_that_fails_leaves_nothing(
    sheet: Path, tmp_path: Path, given: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text(f"path,text\n{sheet.parent / '0.flac'},\n")
    places = {"SHEET": str(sheet), "EMPTY": str(empty)}
    assert main([*(places.get(word, word) for word in given), "--to", str(tmp_path / "set")]) == 1
    assert re.search(message, capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == [empty]


def test_import_names_the_first_dropped_rows(sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{sheet.parent / '0.flac'},Hello,Ada", *(f"gone{i}.wav,Hello {i},Ada" for i in range(12))]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["path,words,who", *rows]))
    columns = ["--column", "text=words", "--column", "speaker=who"]
    assert main(["import", str(table), "--to", str(tmp_path / "set"), *columns]) == 0
    said = capsys.readouterr()
    assert said.err.count("dropped: t.csv, line ") == 10
    assert said.err.endswith("and 2 more\n")
    assert [(clip.text, clip.speaker) for clip in read_csv(tmp_path / "set" / "clips.csv")] == [("Hello", "Ada")]
    assert main(["import", str(table), "--to", str(tmp_path / "two"), *columns, "--limit", "2", "--json"]) == 0
    assert last_line(capsys)["rows"] == 2
    table.write_text(f"path,text\n{sheet.parent / '0.flac'},Well, that is it\n")
    assert main(["import", str(table), "--to", str(tmp_path / "four"), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("note: t.csv, line 2: the text contains a comma")
    assert [note["reason"] for note in json.loads(said.out)["notes"]] == ["text_joined"]
    for limit in ("0", "-1", "many"):
        with pytest.raises(SystemExit):
            main(["import", str(table), "--to", str(tmp_path / "three"), "--limit", limit])

"""The experiments on the small networks run from end to end on a few clips and a tiny one; their figures mean nothing."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from core.audio.sound_files import write_flac
from core.models.loading import load_model
from core.storage.files import read_json_lines
from tests.bench import lessons, ship, thirds
from tests.conftest import tone


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Learners and readers, three of each, two clips a speaker."""
    for name in ("l2_english", "librispeech_mini"):
        (tmp_path / name).mkdir()
        lines = ["path,text,speaker"]
        for speaker in range(3):
            for take in range(2):
                write_flac(tmp_path / name / f"{speaker}-{take}.flac", tone(1.0, 200 + 20 * speaker))
                lines.append(f"{speaker}-{take}.flac,A WORD,{name}-{speaker}")
        (tmp_path / name / "manifest.csv").write_text("\n".join(lines))
    return tmp_path


def test_no_speaker_is_in_two_parts(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = thirds.thirds(data)
    assert tuple(parts) == thirds.PARTS
    speakers = [{clip.speaker for clip in clips} for clips in parts.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 6
    assert [len(clips) for clips in parts.values()] == [6, 2, 2, 2]
    monkeypatch.setattr("sys.argv", ["thirds", str(data), str(tmp_path / "tables")])
    thirds.main()
    with (tmp_path / "tables" / "judge.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["speaker"] for row in rows} == {"l2_english-2"}
    assert all(Path(row["path"]).is_file() for row in rows)
    assert {row["text"] for row in rows} == {"a word"}


def test_each_arm_runs_once(
    data: Path, tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lessons.jsonl"
    monkeypatch.setattr(lessons, "USUAL", {**lessons.USUAL, "epochs": "1"})
    asked = ["lessons", str(data), "--out", str(out), "--base", str(tiny_ctc), "--arms", "unadapted", "everything", "L2-SP 0.1"]
    monkeypatch.setattr("sys.argv", [*asked, "--model", f"another={tiny_ctc}"])
    lessons.main()
    rows = read_json_lines(out)
    assert [row["arm"] for row in rows] == ["another", "unadapted", "everything", "L2-SP 0.1"]
    assert rows[0]["judge"]["texts"] == rows[2]["judge"]["texts"]
    lessons.main()
    assert read_json_lines(out) == rows
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", [*asked, "--table"])
    lessons.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(line.count("|") == 8 for line in lines)


def test_prompts_of_the_telephone_are_not_shared(data: Path) -> None:
    (data / "telephony_english").mkdir()
    lines = ["path,text,speaker", *(f"{i}.flac,Press {i}.,one" for i in range(400))]
    lines += [*(f"again-{i}.flac,press {i}!,one" for i in range(400)), "x.flac,Press.,one"]
    (data / "telephony_english" / "manifest.csv").write_text("\n".join(lines))
    found = lessons.parts(data, "telephone")
    texts = {part: {clip.text for clip in found[part]} for part in ("finetune", "judge")}
    assert [len(texts[part]) for part in texts] == [200, 160]
    assert not texts["finetune"] & texts["judge"]
    assert found["canary"] == lessons.parts(data, "learners")["canary"]


def test_arms_are_recipes() -> None:
    assert lessons.recipe_of("unadapted", 200) is None
    recipes = {arm: lessons.recipe_of(arm, 200) for arm in (*lessons.ARMS, "plain", "accent")}
    assert len({str(recipe) for recipe in recipes.values()}) == len(recipes)
    plain, accent = recipes["plain"], recipes["accent"]
    assert plain is not None
    assert accent is not None
    assert (plain.epochs, plain.trains, plain.augment.speed) == (4, "all_but_front", 0.0)
    assert (accent.evaluations, accent.trains) == (1, "last")


def test_what_ships_is_judged(data: Path, tiny_ctc: Path) -> None:
    cells = ship.judged(load_model(str(tiny_ctc)), thirds.thirds(data)["pretrain"])
    assert cells[0] == "6"
    assert all(cell.endswith("%") for cell in (cells[2].split(" (")[0], cells[3]))

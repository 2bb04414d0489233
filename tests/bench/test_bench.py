"""The benchmark runs from end to end on a few clips and a tiny network; its figures then mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio.sound_files import decode, write_flac
from core.data.samples import read_sample
from core.models.loading import load_model
from core.storage.files import read_json_lines
from core.training.events import Trained
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.bench.__main__ import main
from tests.bench.adapting import CTC, counted, generate
from tests.bench.clips import Limits, Spoken, parts, spread
from tests.bench.jobs import Job, run_apart
from tests.bench.table import BEGIN, difference, document, rate, renewed, time_to_quality
from tests.conftest import tone

ARMS = ("plain", "lora-bf16", "accent:epochs=1,evaluations=1")


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's call of transformers
def test_every_kind_of_measurement_runs_and_is_not_done_again(
    tiny_whisper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.jsonl"
    asked = ["--quick", "--model", str(tiny_whisper), "--out", str(out), "--sizes", "4", "--epochs", "1", "--arms", *ARMS]
    assert main(asked) == 0
    rows = read_json_lines(out)
    kinds = [row["job"]["kind"] for row in rows]
    assert set(kinds) == {"base", "train", "forecast", "transcribe", "thin"}
    trained = [row for row in rows if row["job"]["kind"] == "train"]
    assert {row["job"]["arm"] for row in trained} == set(ARMS)
    assert all(row["train"] > 0 and row["peak"] > 0 and row["steps"] > 0 for row in trained)
    assert all(len(row["reached"]) >= 1 for row in trained), "time to quality"
    whisper = [row for row in trained if "test" in row]
    assert {len(row["test"]) for row in whisper} == {2}
    assert len(trained) > len(whisper) > 0, "a CTC model is trained too, and not scored"
    page = (tmp_path / "bench.md").read_text()
    assert all(arm in page for arm in ARMS)
    picture = (tmp_path / "speed.svg").read_bytes()
    assert b"</svg>" in picture
    assert main(asked) == 0
    assert read_json_lines(out) == rows
    assert (tmp_path / "speed.svg").read_bytes() == picture, "the same figures give the same picture"
    assert main([*asked[: -len(ARMS)], *ARMS, "words:epochs=1", "--minutes", "0"]) == 0
    assert "measurements are left" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ([[(0.0, 0.9), (5.0, 0.4), (9.0, 0.2)]], "5.0"),  # at the first evaluation that is as good
        ([[(0.0, 0.9), (5.0, 0.41)]], "-"),
        ([[(0.0, 0.9), (5.0, 0.4)], [(0.0, 0.9), (8.0, 0.3)]], "5.0"),  # the second repeat has no plain one
        ([[]], ""),
    ],
)
def test_the_time_to_quality_is_that_of_the_first_evaluation_as_good(own: list, expected: str) -> None:
    plain = [{"job": {"repeat": 0}, "reached": [(50.0, 0.5), (100.0, 0.4), (150.0, 0.45)]}]
    rows = [{"job": {"repeat": repeat}, "reached": reached} for repeat, reached in enumerate(own)]
    assert time_to_quality(rows, plain) == expected
    assert time_to_quality(rows, []) == ""
    assert time_to_quality(plain, plain) == "100.0"


def test_new_figures_leave_what_was_written_by_hand() -> None:
    by_hand = "# Measurements\n\nWritten by hand.\n\n"
    assert renewed("", []) == document([])
    assert renewed(by_hand + document([]) + "old figures\n", []) == by_hand + document([])
    assert BEGIN in (Path(__file__).parents[2] / "assets" / "docs" / "bench.md").read_text(encoding="utf-8")


def test_no_speaker_is_trained_on_and_scored(tmp_path: Path) -> None:
    for name, speakers in (("l2_english", 6), ("librispeech_mini", 3)):
        (tmp_path / name).mkdir()
        lines = ["path,text,speaker"]
        for speaker in range(speakers):
            for take in range(2):
                write_flac(tmp_path / name / f"{speaker}-{take}.flac", tone(0.5, 200 + 20 * speaker))
                lines.append(f"{speaker}-{take}.flac,WORD {speaker} {take},{speaker}")
        (tmp_path / name / "manifest.csv").write_text("\n".join(lines))
    limits = Limits(validation=2, test=4, canary=3, thinned=2)
    few, different = parts(tmp_path, limits, 3)
    assert different == 3
    many, different = parts(tmp_path, limits, 8)
    assert different == 6, "three speakers are left to learn from"
    assert len(many["train"].clips) == 8
    assert many["train"].clips[:3] == few["train"].clips
    assert many["train"].clips[6:] == many["train"].clips[:2]
    assert len({clip.speaker for clip in few["train"].clips}) == 3
    assert all(clip.text.islower() for clip in few["train"].clips)
    held_out = {part: {clip.speaker for clip in many[part].clips} for part in ("train", "validation", "test")}
    assert sum(map(len, held_out.values())) == len(set.union(*held_out.values())) == 6
    assert [len(many[part].clips) for part in ("validation", "test", "canary")] == [2, 4, 3]
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([], 4) == []


def test_a_measurement_in_a_process_of_its_own() -> None:
    figures = run_apart(Job("train", "accent:epochs=2", model=CTC, clips=2, quick=True), threads=1)
    assert figures["epochs"] == figures["steps"] == 2
    assert figures["peak"] > 0
    with pytest.raises(RuntimeError, match="no preset 'none'"):
        run_apart(Job("train", "none", model=CTC, clips=2, quick=True), threads=1)


@pytest.mark.slow
def test_what_learnt_from_thinned_windows_reads_whole_ones(bundled: Path, tmp_path: Path) -> None:
    accent = read_sample("accent")
    spoken = {part: Spoken(accent.part(part), [decode(c.path) for c in accent.part(part)]) for part in ("train", "test")}
    model = load_model("whisper-tiny.en")
    recipe = Recipe(trains="everything", learning_rate=3e-5, epochs=5, evaluations=1)
    assert model.thin
    assert recipe.thin
    *_, last = finetune(model, spoken["train"].sounds, [], recipe)
    assert isinstance(last, Trained)
    model.save(tmp_path / "adapted")
    test = spoken["test"]
    thinned = counted(test, [transcript.text for transcript in model.transcribe(test.waves)])
    whole = counted(test, generate(tmp_path / "adapted", test.waves))
    interval = difference(thinned, whole)
    assert interval.low <= 0 <= interval.high
    assert rate([whole]) <= rate([counted(test, generate(bundled, test.waves))]) / 2

"""The benchmark runs from end to end on a few clips and a tiny network; its figures then mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.files import read_json_lines
from tests.bench.__main__ import main
from tests.bench.jobs import Job, run_apart

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


def test_a_measurement_in_a_process_of_its_own(tiny_ctc: Path) -> None:
    job = Job("train", "accent:epochs=2", model=str(tiny_ctc), clips=2, quick=True)
    with pytest.raises(RuntimeError, match="no preset 'none'"):
        run_apart(Job("train", "none", model=str(tiny_ctc), clips=2, quick=True), threads=1)
    assert json.dumps(run_apart(job, threads=1))

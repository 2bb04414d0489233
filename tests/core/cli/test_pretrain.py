"""`attune pretrain`: two stages one after the other, resumed, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import main
from core.models.loading import load_model
from core.pretraining.job import open_job
from tests.core.pretraining.test_pretraining import sheet  # noqa: F401 a fixture

SMALL = ["--size", "toy", "--batch-seconds", "4", "--evaluations", "0"]


def test_two_stages_and_a_transcript(sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    first, second = tmp_path / "first", tmp_path / "second"
    given = ["pretrain", "--stage", "contrastive", "--data", str(sheet), *SMALL, "--steps", "3", "--out", str(first), "--json"]
    assert main(given) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out.splitlines()[-1])
    assert (result["steps"], result["stage"], result["network"]) == (3, "contrastive", "wav2vec2")
    assert "after step 3, on 2 held-out clips: loss" in captured.err
    given = ["pretrain", "--stage", "ctc", "--data", str(sheet), *SMALL, "--steps", "3", "--from", str(first / "model")]
    assert main([*given, "--half", "--augment", "usual", "--rate", "0.001", "--seed", "2", "--out", str(second)]) == 0
    told = capsys.readouterr().out
    assert "held out: WER" in told
    assert str(second / "model") in told
    request = open_job(second).request()
    assert (request.seed, request.peak_rate, request.half, request.augment.speed) == (2, 0.001, True, 0.1)
    assert load_model(str(second / "model")).writes
    assert main(["transcribe", str(sheet.parent / "0.flac"), "--model", str(second / "model")]) == 0


def test_going_on_with_the_same_and_nothing_else(
    sheet: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "job"
    given = ["pretrain", "--stage", "ctc", "--network", "deepspeech", "--data", str(sheet), *SMALL, "--steps", "3"]
    with monkeypatch.context() as stopping:
        stopping.setattr("core.runs.job_folder.Job.should_stop", lambda self: bool(list(self.folder.glob("events.jsonl"))))
        assert main([*given, "--out", str(out)]) == 1
    assert "Stopped" in capsys.readouterr().err
    for other, sentence in (
        (["--seed", "9"], "began with seed = 0, not 9"),
        (["--network", "wav2vec2"], "began with network = deepspeech"),
        (["--data", str(sheet.parent)], "began with data"),
    ):
        assert main(["pretrain", "--resume", *other, "--out", str(out)]) == 1
        assert sentence in capsys.readouterr().err
    assert main([*given, "--out", str(out)]) == 1
    assert "go on in it with --resume" in capsys.readouterr().err
    assert main(["pretrain", "--resume", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 3
    assert main(["pretrain", "--resume", "--out", str(out)]) == 1
    assert "is done" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--data", "x"], "Say --stage"),
        (["--stage", "ctc", "--steps", "1"], "Say --data"),
        (["--stage", "ctc", "--steps", "1", "--data", "no such set"], "no set of that name"),
        (["--stage", "ctc", "--data", "general"], "--steps N or --minutes M"),
        (["--resume"], "There is no pretraining in"),
    ],
)
def test_what_is_missing_is_said(given: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pretrain", *given, "--out", str(tmp_path / "job")]) == 1
    assert sentence in capsys.readouterr().err

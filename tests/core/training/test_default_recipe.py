"""The promise of every sample set: the base does badly on it, and the default recipe at least halves that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import main
from core.data.samples import SAMPLES


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_the_default_recipe_halves_the_error(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune", "--train", name, "--canary", "general", "--out", str(tmp_path / "run"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["test"]["base"]["wer"] >= 0.25
    assert result["test"]["adapted"]["wer"] <= result["test"]["base"]["wer"] / 2
    assert result["test"]["verdict"] == "better"

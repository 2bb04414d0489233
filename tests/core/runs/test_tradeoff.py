"""What was gained against what was forgotten: only what can be compared, and curves along lambda alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from core.data.clips.labelled_set import Clip
from core.evaluation.compare import compare
from core.runs.run_folder import Run
from core.runs.tradeoff import points
from core.storage.files import write_json
from core.training.recipe import Recipe


def whole(folder: Path, recipe: Recipe, target: float, canary: float, clips: str = "a", seed: int = 0, model: str = "m") -> Run:
    folder.mkdir()
    listed = {}
    for group in ("test", "canary"):
        listed[group] = compare([Clip(f"{clips}-{group}", "a")], ["a"], ["a"], "en").to_json()
    write_json(folder / "comparison.json", listed)
    scored = {}
    for group, base, now in (("test", 0.5, target), ("canary", 0.1, canary)):
        rates = {"base": {**listed[group]["base"], "wer": base}, "adapted": {**listed[group]["adapted"], "wer": now}}
        scored[group] = {**listed[group], **rates, "clips": 1}
    rest = {"family": "ctc", "set": "s", "synthetic": False, "clips": 1, "replayed": 0, "run": str(folder)}
    write_json(folder / "result.json", {"model": model, "seed": seed, "recipe": recipe.to_json(), **scored, **rest})
    return Run(folder)


def test_points_are_the_runs_that_can_be_compared(tmp_path: Path) -> None:
    recipe = Recipe()
    runs = [
        whole(tmp_path / "1", recipe, 0.3, 0.2),
        whole(tmp_path / "2", dataclasses.replace(recipe, l2_sp=0.1), 0.4, 0.1),
        whole(tmp_path / "3", dataclasses.replace(recipe, l2_sp=0.1), 0.4, 0.1, seed=1),
        whole(tmp_path / "4", dataclasses.replace(recipe, epochs=9), 0.2, 0.3),
        whole(tmp_path / "5", recipe, 0.1, 0.1, clips="others"),
        whole(tmp_path / "6", recipe, 0.1, 0.1, model="another"),
    ]
    (tmp_path / "7").mkdir()
    found = points([*runs, Run(tmp_path / "7")], runs[0])
    assert [(p.run, p.target, p.canary) for p in found] == [
        ("", 0.5, 0.1), ("1", 0.3, 0.2), ("2", 0.4, 0.1), ("3", 0.4, 0.1), ("4", 0.2, 0.3),
    ]  # fmt: skip
    assert [p.curve for p in found] == [-1, 0, 0, -1, -1]


def test_a_run_without_a_canary_has_no_picture(tmp_path: Path) -> None:
    run = whole(tmp_path / "1", Recipe(), 0.3, 0.2)
    write_json(run.folder / "result.json", {**(run.fields() or {}), "canary": None})
    assert points([run], run) == []

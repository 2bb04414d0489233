"""What the README promises is there and runs."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

import core
from core.cli.main import build_parser
from core.data.samples import read_sample
from core.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    def smaller(name: str):
        whole = read_sample(name)
        clips = tuple(clip for part in ("train", "validation", "test") for clip in whole.part(part)[:2])
        return dataclasses.replace(whole, clips=clips)

    monkeypatch.setattr("core.data.samples.read_sample", smaller)
    monkeypatch.setattr(Recipe, "default", classmethod(lambda cls, family, clips: cls(trains="decoder", epochs=1)))
    (example,) = [body for language, body in BLOCKS if language == "python"]
    assert len(example.strip().splitlines()) <= 10
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Prepared(clips=2" in printed
    assert "Trained(" in printed


def test_every_command_line_is_understood() -> None:
    lines = [line.split("#")[0].strip() for language, body in BLOCKS if language == "sh" for line in body.splitlines()]
    attune = [line for line in lines if line.startswith("attune ")]
    assert len(attune) >= 5
    for line in attune:
        build_parser().parse_args(shlex.split(line)[1:])
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in lines if line.startswith("make ")} <= targets


def test_every_file_it_names_exists() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
    (tree,) = [body for language, body in BLOCKS if language == ""]
    folder = ""
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name
        path = ROOT / (name if name == folder else folder + name)
        assert path.exists(), path


def test_the_public_names_are_there() -> None:
    assert core.__all__
    for name in core.__all__:
        assert getattr(core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = core.nothing

"""What the README and the documentation promise is there and runs."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

import core
from core.cli import demo
from core.cli.main import build_parser
from core.data.samples import read_sample
from core.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "assets" / "docs").glob("*.md"))]
README_LINES = 130


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


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_understood(page: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line.partition("#")[0].strip() for body in blocks for line in body.replace("\\\n", " ").splitlines()]
    attune = [line for line in lines if line.startswith("attune ")]
    assert len(attune) >= {"README.md": 5, "commands.md": 20}.get(page.name, 0)
    for line in attune:
        options, rest = build_parser().parse_known_args(shlex.split(line)[1:])
        assert not rest or options.run is demo.run, line  # whose options are the page's own
    targets = set(re.findall(r"^([\w./]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {line.split()[1] for line in lines if line.startswith("make ")} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_path_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        name, _, heading = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, target
    for path in re.findall(r"`((?:core|demo|tests|assets)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), path


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

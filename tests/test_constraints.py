"""constraints.txt pins all that pyproject.toml asks for, with names and versions and nothing of the computer that wrote it."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LINES = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
CONSTRAINTS = {canonicalize_name(each.name): each for each in map(Requirement, LINES)}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEPENDENCIES = [*PROJECT["dependencies"], *(each for group in EXTRAS.values() for each in group)]
CHECKERS = EXTRAS["check"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the file."""
    sys.path.insert(0, str(ROOT / "assets"))
    try:
        import make_constraints

        return make_constraints
    finally:
        sys.path.remove(str(ROOT / "assets"))


@pytest.mark.parametrize("dependency", [each for each in DEPENDENCIES if not each.startswith("attune[")])
def test_every_dependency_is_pinned_within_its_range(dependency: str) -> None:
    wanted = Requirement(dependency)
    (pinned,) = CONSTRAINTS[canonicalize_name(wanted.name)].specifier
    assert pinned.operator == "=="
    assert wanted.specifier.contains(pinned.version)


def test_a_line_is_a_name_and_a_public_version() -> None:
    assert len(CONSTRAINTS) == len(LINES)
    for line in LINES:
        assert re.fullmatch(r'[a-z0-9-]+==[0-9][a-z0-9.]*(; [a-z_]+ == "\w+"( and [a-z_]+ == "\w+")*)?', line), line


def test_pytorchs_builds_for_the_cpu_satisfy_the_constraints() -> None:
    for name in ("torch", "torchaudio"):
        (pinned,) = CONSTRAINTS[name].specifier
        assert pinned.contains(f"{pinned.version}+cpu")


def test_the_script_lists_what_is_installed_without_local_versions(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version(name).partition("+")[0] + "+cpu")
    listed = {line.partition("==")[0]: line for line in script.installed_lines()}
    needed = {canonicalize_name(Requirement(each).name) for each in DEPENDENCIES if each not in CHECKERS}
    assert needed - {"attune"} <= listed.keys()
    assert listed["numpy"] == f"numpy=={version('numpy')}"
    assert listed["torch"] == f"torch=={version('torch').partition('+')[0]}"
    assert all("+" not in line for line in listed.values())
    assert not {"attune", "pip"} & listed.keys()

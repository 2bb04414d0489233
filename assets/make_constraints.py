"""Writes constraints.txt: the version of every package that Attune needs, as installed beside this Python.

`make update` runs it in a new environment with the newest versions that pyproject.toml allows. It wants the oldest Python that
Attune supports, since releases for that one also have wheels for newer ones.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = "attune"
GROUPS = ("", "test", "check", "samples")  # the extras that take in all others; "" for what everybody needs
PYTHONS = ("3.11", "3.12", "3.13")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"}
MAC = {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"}
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"}
# torch's CUDA libraries. On another processor torch itself pins the versions that it was built for.
LINUX_ONLY = '; sys_platform == "linux" and platform_machine == "x86_64"'
HEADER = """\
# What `make demo`, `make test`, `make check` and `make bench` install: the versions with which the tests passed.
# Written by `make update`, not by hand. A line constrains a package and installs none.
"""


def needed(python: str, platform: Mapping[str, str]) -> tuple[set[str], dict[str, Requirement]]:
    """Follows the requirements of Attune and its extras, as they are for one Python on one platform.

    Returns:
        The names of installed packages; the requirements that are not installed here, by name.
    """
    environment = {**default_environment(), **platform, "python_version": python, "python_full_version": f"{python}.0"}
    followed: set[tuple[str, str]] = set()
    missing = {}
    to_follow = [(PROJECT, extra) for extra in GROUPS]
    while to_follow:
        name, extra = to_follow.pop()
        if (name, extra) in followed:
            continue
        followed.add((name, extra))
        for requirement in map(Requirement, importlib.metadata.requires(name) or ()):
            if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
                continue
            other = canonicalize_name(requirement.name)
            try:
                importlib.metadata.distribution(other)
            except importlib.metadata.PackageNotFoundError:
                missing[other] = requirement
            else:
                to_follow += [(other, wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in followed} - {PROJECT}, missing


def installed_lines() -> list[str]:
    """Returns a line a package that is installed and needed, without the local part of its version such as "+cpu"."""
    everywhere = needed(PYTHONS[0], MAC)[0] | needed(PYTHONS[0], WINDOWS)[0]
    names = sorted(everywhere | needed(PYTHONS[0], LINUX)[0])
    versions = {name: Version(importlib.metadata.version(name)).public for name in names}
    return [f"{name}=={versions[name]}{'' if name in everywhere else LINUX_ONLY}" for name in names]


def lines_of_other_systems(known: list[str]) -> list[str]:
    """Asks pip for the packages that newer Pythons and other platforms need besides the known lines, and what these need."""
    names = {line.partition("==")[0] for line in known}
    missing: dict[str, Requirement] = {}
    for python in PYTHONS:
        for platform in (LINUX, MAC, WINDOWS):
            missing |= needed(python, platform)[1]
    lines = []
    while missing:
        names |= missing.keys()
        found = [package["metadata"] for package in _newest([f"{name}{wanted.specifier}" for name, wanted in missing.items()])]
        lines += [f"{canonicalize_name(package['name'])}=={package['version']}" for package in found]
        wanted = [Requirement(each) for package in found for each in package.get("requires_dist", ())]
        newest = {**default_environment(), "python_version": PYTHONS[-1], "extra": ""}
        wanted = [each for each in wanted if each.marker is None or each.marker.evaluate(newest)]
        missing = {name: each for each in wanted if (name := canonicalize_name(each.name)) not in names}
    return lines


def _newest(requirements: list[str]) -> list[dict[str, Any]]:
    """Returns what pip would install for the newest Python, without what it depends on."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", "--ignore-installed"]
        command += ["--target", folder, "--python-version", PYTHONS[-1], "--only-binary", ":all:", "--no-deps", *requirements]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)["install"]


def main() -> int:
    """Writes the file; returns the exit status."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHONS[0]:
        print(f"Constraints are made with Python {PYTHONS[0]}, the oldest that Attune supports.", file=sys.stderr)
        return 1
    lines = installed_lines()
    lines = sorted({*lines, *lines_of_other_systems(lines)})
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

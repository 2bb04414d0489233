"""The name that a person gives a run."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from core.errors import RunError
from core.runs import run_folder
from core.runs.export.hugging_face import name_run, zip_model
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.run_folder import Run
from core.runs.run_name import FILE, MAX_CHARACTERS, read_name, write_name

HOSTILE = "<script>alert(1)</script> | *x* \u202e\n../../etc"


@pytest.fixture
def run(finished_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished_run.folder, tmp_path / "one")
    return Run(tmp_path / "one")


def test_a_name_is_one_short_line(run: Run) -> None:
    assert read_name(run) == ""
    assert write_name(run, "  My\n voice\u200b ") == "My voice"
    assert read_name(run) == "My voice"
    assert write_name(run, 1000 * "x") == MAX_CHARACTERS * "x"
    assert write_name(run, " ") == read_name(run) == ""


@pytest.mark.parametrize("content", ["", "[]", '{"name": 3}', '{"name": ["x"]}', "\xff{"])
def test_a_damaged_name_is_no_name(run: Run, content: str) -> None:
    (run.folder / FILE).write_text(content, encoding="latin-1")
    assert read_name(run) == ""
    assert write_name(run, "again") == read_name(run) == "again"


def test_the_name_is_in_card_zip_and_report(run: Run) -> None:
    zip_model(run)
    name_run(run, "My voice")
    with zipfile.ZipFile(zip_model(run)) as packed:
        card = next(packed.read(name).decode() for name in packed.namelist() if name.endswith("README.md"))
    assert "# My voice" in card
    page, plain, _ = (path.read_text(encoding="utf-8") for path in write_report(read_outcome(run)))
    assert "<h1>My voice: " in page
    assert plain.startswith("# My voice: ")


def test_a_hostile_name_is_shown_as_it_is(run: Run) -> None:
    name_run(run, HOSTILE)
    page, plain, _ = (path.read_text(encoding="utf-8") for path in write_report(read_outcome(run)))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\\<script\\>" in plain
    card = (run.adapted / "README.md").read_text(encoding="utf-8")
    title = next(line for line in card.splitlines() if line.startswith("# "))
    assert "\\<script" in title
    assert "\\*x\\*" in title


def test_an_unfinished_run_has_no_model_to_name(run: Run, tmp_path: Path) -> None:
    unfinished = run_folder.create(tmp_path / "two", run.request())
    with pytest.raises(RunError, match="no adapted model yet"):
        name_run(unfinished, "x")

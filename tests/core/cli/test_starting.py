"""Help, lists and mistakes in arguments are answered without the libraries that compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.main import COMMANDS
from core.data.exporters import LAYOUTS
from core.data.importers.formats import FORMATS
from core.data.names import FORMAT_NAMES, LAYOUT_NAMES

HEAVY = ("torch", "torchaudio", "transformers", "librosa", "scipy", "sklearn", "matplotlib", "pandas", "peft", "gradio", "av")
# What lists read sets and models with; help takes none of it.
READERS = ("numpy", "soundfile", "soxr", "huggingface_hub", "httpx", "num2words", "opencc", "jiwer", "whisper_normalizer")
NAMES = [
    "blend", "compare", "demo", "export", "finetune", "import", "ladder", "models", "pretrain", "rate", "report", "robustness",
    "sets", "transcribe",
]  # fmt: skip
STARTED = """
import json, sys
from core.cli.main import main
try:
    status = main(sys.argv[2:])
except SystemExit as ended:
    status = ended.code
loaded = sorted(name for name in json.loads(sys.argv[1]) if name in sys.modules)
print(json.dumps({"status": status, "loaded": loaded}), file=sys.stderr)
"""


def started(home: Path, names: tuple[str, ...], *arguments: str) -> tuple[int, list[str], str]:
    """Runs `attune` in a process of its own; returns its status, which of the named modules it loaded, and its output."""
    done = subprocess.run(
        [sys.executable, "-c", STARTED, json.dumps(names), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ATTUNE_HOME": str(home)},
    )
    told = json.loads(done.stderr.splitlines()[-1])
    return told["status"], told["loaded"], done.stdout


@pytest.mark.parametrize("command", [(), *((name,) for name in NAMES)], ids=lambda command: " ".join(command) or "attune")
def test_help_loads_nothing(command: tuple[str, ...], tmp_path: Path) -> None:
    status, loaded, out = started(tmp_path, (*HEAVY, *READERS), *command, "--help")
    assert (status, loaded) == (0, [])
    assert out.startswith("usage: attune")
    assert not list(tmp_path.iterdir())


def test_help_of_the_app_lists_its_options(tmp_path: Path) -> None:
    _, _, out = started(tmp_path, (), "demo", "--help")
    assert all(f"  {option} " in out for option in ("--host", "--port", "--certificate", "--key"))
    assert "--no-downloads" in out


def test_help_lists_every_command(tmp_path: Path) -> None:
    _, _, out = started(tmp_path, (), "--help")
    assert len(COMMANDS) == len(NAMES)
    for name in NAMES:
        assert any(line.split()[:1] == [name] for line in out.splitlines()), name


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        ("nothing",),
        ("finetune", "--train", "accent"),
        ("finetune", "--train", "accent", "--preset", "nothing", "--out", "x"),
        ("ladder", "--sizes", "0", "--train", "accent", "--out", "x"),
        ("import", "x", "--limit", "none"),
        ("export", "x", "--to", "y", "--format", "nothing"),
        ("models", "--fetch", "a/b", "--measure"),
        ("sets", "--nothing"),
        ("pretrain", "--stage", "nothing", "--out", "x"),
    ],
    ids=" ".join,
)
def test_mistakes_in_arguments_are_told_at_once(wrong: tuple[str, ...], tmp_path: Path) -> None:
    status, loaded, _ = started(tmp_path, (*HEAVY, *READERS), *wrong)
    assert (status, loaded) == (2, [])


@pytest.mark.parametrize("command", [("models",), ("sets",), ("sets", "--json")], ids=" ".join)
def test_lists_load_nothing_that_computes(command: tuple[str, ...], tmp_path: Path) -> None:
    status, loaded, out = started(tmp_path, HEAVY, *command)
    assert (status, loaded) == (0, [])
    assert out


def test_folders_of_models_are_told_without_computing_once_they_are_built(bundled: Path, multilingual: Path) -> None:
    home = bundled.parents[1]
    status, loaded, out = started(home, HEAVY, "models", "--json")
    assert (status, loaded) == (0, [])
    rows = {row["id"]: row for row in json.loads(out.splitlines()[-1])["models"]}
    assert rows["whisper-tiny.en"]["path"] == str(bundled)


def test_an_import_loads_nothing_that_computes(tmp_path: Path) -> None:
    sheet = Path(__file__).parents[3] / "assets" / "samples" / "general" / "clips.csv"
    status, loaded, _ = started(tmp_path / "home", HEAVY, "import", str(sheet), "--name", "mine", "--json")
    assert (status, loaded) == (0, [])
    _, loaded, out = started(tmp_path / "home", HEAVY, "sets")
    assert loaded == []
    assert "mine" in out


def test_names_are_those_of_the_readers_and_writers() -> None:
    assert tuple(format.name for format in FORMATS) == FORMAT_NAMES
    assert tuple(LAYOUTS) == LAYOUT_NAMES

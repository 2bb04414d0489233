"""Imports point one way, and the page's words live in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
DEMO = sorted((ROOT / "demo").rglob("*.py"))

# From the bottom up: a file of `core` imports files of its own or a lower level only.
LEVELS = [
    {"errors", "spill", "leftovers"},
    {
        "files",
        "disk",
        "state",
        "text",
        "escaping",
        "writing",
        "phrases",
        "normalisation",
        "events",
        "limits",
        "history",
        "store",
        "snapshot",
        "sounds",
        "heap",
        "clock",
    },
    {"audio", "metrics", "guards", "trash"},
    {"activity", "dataset", "job", "collection", "augmentation", "surroundings"},
    {"augment", "damage", "merging", "quality", "segmentation", "splits", "stored"},
    {"left_out"},
    {"library"},
    {"compare", "importers", "exporters", "recipe", "presets", "robustness"},
    {"models", "analysis", "selection", "canary"},
    {"environment"},
    {
        "freezing",
        "stopwatch",
        "features",
        "transcripts",
        "runs",
        "trials",
        "adapters",
        "alignment",
        "drafts",
        "findings",
        "mending",
        "inspection",
    },
    {"regularisation", "ladder", "withdrawal", "word_times"},
    {"learner"},
    {"training", "export", "rate_finder"},
    {"forecast", "execute", "tradeoff"},
    {"outcome", "ladder_job", "pretraining"},
    {"lineup", "robustness_job"},
    {"report"},
    {"commands"},
    {"cli"},
    {"__main__"},
]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def level(module: str) -> int:
    return next(i for i, names in enumerate(LEVELS) if module in names)


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_core_knows_no_page_and_imports_downwards(path: Path) -> None:
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in ("gradio", "demo", "fastapi", "starlette")}
    own = path.relative_to(ROOT / "core").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for name in names:
        parts = name.split(".")
        if parts[0] == "core":
            assert level(parts[1]) <= level(own), f"{own} imports {parts[1]}, which stands above it"


@pytest.mark.parametrize("path", DEMO, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_page_imports_one_way(path: Path) -> None:
    names = {name for name in imported(path) if name.startswith("demo")}
    folder = path.relative_to(ROOT / "demo").parts[0]
    forbidden = {
        "views": ("demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "handlers": ("demo.views", "demo.app"),
        "analyses.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "lineups.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "outcomes.py": ("demo.",),
        "comparisons.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "layers.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "takes.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "rows.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "tradeoff.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "settings.py": ("demo.",),
        "presenters.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "wording": ("demo.views", "demo.handlers", "demo.app", "demo.presenters"),
        "turns.py": ("demo.",),
        "notices.py": ("demo.",),
        "compute_turn.py": ("demo.",),
        "delivery.py": ("demo.",),
        "forecasts.py": ("demo.",),
        "model_pool.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session"),
        "page_states.py": ("demo.",),
        "worker.py": ("demo.views", "demo.handlers", "demo.app", "demo.jobs", "demo.session", "demo.presenters"),
    }.get(folder, ())
    assert not {name for name in names if name.startswith(forbidden)} if forbidden else True


@pytest.mark.parametrize("path", [p for p in DEMO if p.parent.name == "views"], ids=lambda p: p.name)
def test_views_hold_no_words(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("label", "placeholder", "info", "title", "x_title", "y_title"):
            assert not isinstance(node.value, ast.Constant) or not node.value.value, ast.dump(node)


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert not {p.name for p in CORE + DEMO} & {"utils.py", "helpers.py", "misc.py", "common.py"}


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_of_core_are_documented(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name

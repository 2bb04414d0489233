"""Imports point one way, and the page's words are in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "core").rglob("*.py"))
DEMO = sorted((ROOT / "demo").rglob("*.py"))

# Each imports from itself and from what is before it.
CORE_ORDER = ("errors", "storage", "text", "audio", "models", "data", "evaluation", "training", "runs", "pretraining", "cli")
DEMO_ORDER = ("wording", "show", "session", "background", "steps", "server", "theme", "app")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in CORE + DEMO}


def imported(path: Path) -> set[str]:
    """The modules and names that a file imports, whole."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def modules_imported(path: Path) -> set[str]:
    """Of those, the files of this project."""
    return {name if name in MODULES else name.rpartition(".")[0] for name in imported(path)} & MODULES.keys()


@pytest.mark.parametrize("path", CORE + DEMO, ids=lambda p: str(p.relative_to(ROOT)))
def test_packages_import_downwards(path: Path) -> None:
    top, *rest = module_name(path).split(".")
    if not rest or rest[0] == "__main__":  # what starts a program imports what it starts
        return
    order = {"core": CORE_ORDER, "demo": DEMO_ORDER}[top]
    for module in modules_imported(path):
        other, *below = module.split(".")
        if other == top and below:
            assert order.index(below[0]) <= order.index(rest[0]), f"{module_name(path)} imports {module}, which is above it"
        assert (top, other) != ("core", "demo")


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_core_knows_no_page(path: Path) -> None:
    assert not {name for name in imported(path) if name.split(".")[0] in ("gradio", "demo", "fastapi", "starlette")}


def test_no_file_imports_itself_by_way_of_others() -> None:
    left = {module: modules_imported(path) - {module} for module, path in MODULES.items()}
    while free := {module for module, needed in left.items() if not needed & left.keys()}:
        for module in free:
            del left[module]
    assert not left, f"a cycle is among {sorted(left)}"


@pytest.mark.parametrize(
    "path", [p for p in DEMO if "steps" in p.parts or "show" in p.parts], ids=lambda p: str(p.relative_to(ROOT))
)
def test_a_step_keeps_its_four_parts_apart(path: Path) -> None:
    """Views only build, handlers know no component and no event, and what shows results knows neither Gradio nor a session."""
    names = imported(path)
    parts = {name for module in modules_imported(path) if module.startswith("demo.steps.") for name in module.split(".")}
    if path.name == "view.py":
        assert not parts & {"handlers", "events"}
        assert not {name for name in names if name.startswith(("demo.session", "demo.background", "demo.server"))}
    elif path.name == "handlers.py":
        assert not parts & {"view", "events"}
    elif path.name == "show.py" or "show" in path.parts:
        assert not parts & {"view", "handlers", "events"}
        assert not {name for name in names if name.startswith(("gradio", "demo.session", "demo.background", "demo.server"))}


@pytest.mark.parametrize("path", [p for p in DEMO if p.name == "view.py"], ids=lambda p: str(p.parent.relative_to(ROOT)))
def test_views_hold_no_words(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg in ("label", "placeholder", "info", "title", "x_title", "y_title"):
            assert not isinstance(node.value, ast.Constant) or not node.value.value, ast.dump(node)


def test_a_class_name_means_one_thing() -> None:
    places: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, set()).add(f"{module}:{node.lineno}")
    assert not {name: found for name, found in places.items() if len(found) > 1}


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    names = {path.stem for path in CORE + DEMO} | {path.parent.name for path in CORE + DEMO}
    assert not names & {"utils", "helpers", "misc", "common"}


@pytest.mark.parametrize(
    "path", [p for p in CORE + DEMO if p.name == "__init__.py"], ids=lambda p: str(p.parent.relative_to(ROOT))
)
def test_a_package_says_what_is_in_it_and_loads_nothing(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if "wording" not in path.parts:
        assert not modules_imported(path)


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_of_core_are_documented(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name

"""Both languages say the same things, and everything that can be said is there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

from core.audio.augment.noise_and_rooms import NOISES
from core.data.clips.exam import EXAM, LESSONS
from core.data.clips.labelled_set import Dropped
from core.data.samples import SAMPLES
from core.runs.report.words import LANGUAGES as REPORT
from core.training.presets import PRESETS
from core.training.recipe import ADAPTERS, PLANS, SCHEDULES
from demo.show.errors import reason
from demo.steps.adapt import settings, show
from demo.steps.teach.bring.show import place
from demo.wording import LANGUAGES, Wording, preferred
from demo.wording.reading_lists import LISTS, OWN

ROOT = Path(__file__).parents[3]
ATTUNE_ERRORS = ("AudioError", "DatasetError", "ModelError", "RecipeError", "RunError", "AttuneError", "Noticed", "Failed")
NO_HAN = ("headline.and", "app.title", "app.other_language", "adapt.wer_axis", "recipe.and")
FIELD = re.compile(r"{(\w+)}")
ENGLISH = LANGUAGES["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_texts_with_the_same_fields(language: str) -> None:
    texts = LANGUAGES[language]
    assert texts.keys() == ENGLISH.keys()
    for key, text in texts.items():
        assert set(FIELD.findall(text)) == set(FIELD.findall(ENGLISH[key])), key
        assert text.strip(), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_in_two_files(language: str) -> None:
    folder = ROOT / "demo" / "wording" / language.lower().replace("-", "_")
    files = [path for path in folder.rglob("*.py") if path.name != "__init__.py"]
    modules = [importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in files]
    keys = [key for module in modules for key in module.TEXTS]
    assert len(keys) == len(set(keys))
    assert set(keys) <= LANGUAGES[language].keys()
    assert len(keys) > 0.8 * len(LANGUAGES[language])  # the rest are names of languages


def test_chinese_is_chinese() -> None:
    untranslated = [
        key for key, text in LANGUAGES["zh-CN"].items() if not re.search(r"[\u4e00-\u9fff]", text) and key not in NO_HAN
    ]
    assert untranslated == []


def test_every_key_in_the_code_exists() -> None:
    used = set()
    for path in (ROOT / "demo").rglob("*.py"):
        used |= set(re.findall(r'\bw\("([a-z_.]+)"', path.read_text(encoding="utf-8")))
        used |= set(re.findall(r'_w\("([a-z_.]+)"', path.read_text(encoding="utf-8")))
    assert len(used) > 50
    assert used <= ENGLISH.keys()


def test_families_of_keys_are_whole() -> None:
    for step in ("model", "listen", "teach", "adapt", "compare", "home"):
        assert {f"{step}.title", f"{step}.sentence"} <= ENGLISH.keys()
    for plan in PLANS:
        assert {f"recipe.{plan}", f"adapt.trains.{plan}"} <= ENGLISH.keys()
    for name in PRESETS:
        assert {f"preset.{name}", f"preset.{name}.why"} <= ENGLISH.keys()
    for name in settings.NAMES:
        assert f"adapt.{name}" in ENGLISH
        assert {f"adapt.{name}.{choice}" for choice in settings.CHOICES.get(name, ())} <= ENGLISH.keys()
    for schedule in SCHEDULES:
        assert f"recipe.rate.{schedule}" in ENGLISH
    assert {f"recipe.{kind}" for kind in ADAPTERS[1:]} <= ENGLISH.keys()
    assert {f"noise.{name}" for name in NOISES} <= ENGLISH.keys()
    assert {f"recipe.augment.{name}" for name in show._AUGMENTED} <= ENGLISH.keys()
    assert {f"recipe.{name}" for name in show._HELD} <= ENGLISH.keys()
    for name in (*SAMPLES, "own"):
        assert {f"set.{name}", f"set.{name}.about"} <= ENGLISH.keys()
    for name in (*LISTS, OWN):
        assert f"record.list.{name}" in ENGLISH
    for part in (EXAM, LESSONS):
        assert {f"record.part.{part}", f"record.about.{part}"} <= ENGLISH.keys()
    for group in ("test", "canary"):
        for verdict in ("better", "worse", "unclear", "thin"):
            assert f"verdict.{group}.{verdict}" in ENGLISH


def reasons() -> set[str]:
    """Every reason that code reachable from the page gives an error or a notice."""
    found = set()
    for path in [*(ROOT / "core").rglob("*.py"), *(ROOT / "demo").rglob("*.py")]:
        if path.name == "csv.py" or path.parent.name in ("cli", "pretraining"):  # only the command line goes there
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.func.id in (*ATTUNE_ERRORS, "Note")
                given = node.args[:1] if first else node.args[1:2] if node.func.id == "Dropped" else []
                found |= {word.value for word in given if isinstance(word, ast.Constant) and isinstance(word.value, str)}
    return found


def test_every_reason_has_a_sentence_whose_fields_it_fills() -> None:
    assert len(reasons()) > 30
    assert {f"error.{reason}" for reason in reasons()} <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("en-US,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en;q=0.5,zh;q=0.9", "zh-CN"),
        ("de,fr;q=0.5", "en"),
        ("de,zh-TW;q=0.5,en;q=0.3", "zh-CN"),
        ("zh;q=x,;;,", "en"),
    ],
)
def test_the_browsers_language_is_chosen(header: str, language: str) -> None:
    assert preferred(header) == language


def test_a_wording_fills_its_fields() -> None:
    assert Wording("en")("time.seconds", n=3) == "3 s"
    assert Wording("zh-CN")("time.seconds", n=3) == "3 秒"


@pytest.mark.parametrize(
    ("where", "english", "chinese"),
    [
        ("clips.csv, line 3", "clips.csv, line 3", "clips.csv，第 3 行"),
        (
            "a, line 2.eaf, tier Anna, words, piece 4",
            "a, line 2.eaf, tier “Anna, words”, piece 4",
            "a, line 2.eaf，层“Anna, words”第 4 段",
        ),
        (
            "google/fleurs:sw_ke, split train, row 12",
            "google/fleurs:sw_ke, split “train”, row 12",
            "google/fleurs:sw_ke，“train”部分第 12 行",
        ),
        ("audio/a.wav", "audio/a.wav", "audio/a.wav"),
    ],
)
def test_a_row_s_place_is_named_in_the_page_s_language(where: str, english: str, chinese: str) -> None:
    row = Dropped("a.wav", "row_no_text", "", where)
    assert place(row, Wording("en")) == english
    assert place(row, Wording("zh-CN")) == chinese


def test_names_inside_a_sentence_are_in_the_page_s_language() -> None:
    details = {"name": "t.csv", "column": "path", "columns": "a, b"}
    assert "表示 声音文件 的列" in reason("table_columns", details, "", Wording("zh-CN"))
    assert "斯瓦希里语" in reason("language_unknown", {"id": "x", "language": "sw"}, "", Wording("zh-CN"))
    assert "“tlh”" in reason("language_unknown", {"id": "x", "language": "tlh"}, "", Wording("en"))


DISCARDED = {
    "zh-CN": ("基础模型", "微调后", "录制", "您", "片段"),  # 原模型, 自适应后, 录音, 你, 录音
    "en": ("beyond chance", "from nothing", "known by heart", "pulls it back", "held back by", "where it lies"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_uses_a_discarded_word(language: str) -> None:
    texts = LANGUAGES[language] | REPORT[language]
    found = [(key, word) for key, text in texts.items() for word in DISCARDED[language] if word in text.lower()]
    assert found == []

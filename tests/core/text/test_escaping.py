"""What people write in names and transcripts is shown by spreadsheets and model cards, and carried out by none."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip
from core.data.exporters import export
from core.data.importers.any_format import read
from core.data.importers.tables.csv import read_csv
from core.evaluation.compare import compare
from core.pretraining.card import card
from core.runs.export.hugging_face import usage, write_card
from core.runs.result import GeneralSpeech, Result
from core.text.escaping import cell, cell_text, code, markdown, quoted
from core.training.recipe import Recipe
from tests.core.data.recordings import sound

FORMULAS = ["=cmd|' /C calc'!A0", "+1", "-tis so", "@SUM(A1)", "＝1", "'=1", "''@you", "\t=1"]
HARMLESS = ["'tis so", "one = two", "", "don't", "“-”", "1-2", "'"]
NAMES = [
    "](javascript:alert(1))",
    "<script>alert(1)</script>",
    "![x](http://example.org/x.png)",
    "---\nlicence: mine\n---",
    "a: b | c `d` ``e``",
    "http://example.org www.example.org me@example.org",
    "&lt;b&gt; # not a heading #",
    "no",
]


@pytest.mark.parametrize("value", [*FORMULAS, *HARMLESS])
def test_a_cell_is_text_and_comes_back(value: str) -> None:
    written = cell(value)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert (written != value) == (value in FORMULAS)
    assert cell_text(written) == value


def test_what_is_no_text_stays() -> None:
    assert [cell(value) for value in (-1, -0.5, None, True)] == [-1, -0.5, None, True]


@pytest.mark.parametrize("format", ["csv", "common_voice", "audiofolder"])
def test_a_set_comes_back_letter_for_letter(format: str, tmp_path: Path) -> None:
    texts = ["= equals", "+ plus", "- dash", "@ at", "'= quoted", "''tis", "plain", '"=1" she said']
    clips = [
        Clip(str(sound(tmp_path / "in" / f"-{i}.wav", 0.5)), text, f"{text[0]}speaker", "train") for i, text in enumerate(texts)
    ]
    export(clips, tmp_path / "out", format, "en")
    back = read(tmp_path / "out").clips
    assert sorted((clip.text, clip.speaker) for clip in back) == sorted((clip.text, clip.speaker) for clip in clips)
    for table in (*tmp_path.glob("out/*.csv"), *tmp_path.glob("out/*.tsv")):
        with table.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter="," if table.suffix == ".csv" else "\t") for cell in row]
        assert not [cell for cell in cells if cell.startswith(tuple("=+-@"))]
    if format == "csv":
        assert [(clip.text, clip.speaker) for clip in read_csv(tmp_path / "out" / "clips.csv")] == [
            (clip.text, clip.speaker) for clip in clips
        ]


def written_card(folder: Path, name: str) -> str:
    recipe = Recipe()
    object.__setattr__(recipe, "vocabulary", f"{name}\n```\n# out")  # Recipe itself takes no such value
    clip = Clip("/clips/a.wav", "one two", "", "test")
    result = Result(
        model=name, family="whisper", set=name, synthetic=False, clips=1, replayed=0, seed=0, recipe=recipe, language=name,
        run=f"/runs/{name.replace('/', '')}", minutes=1.0, steps=1, best_step=1, canary_set=GeneralSpeech(name, False),
        canary=compare([clip], ["one"], ["one two"], "en").figures,
    )  # fmt: skip
    write_card(folder, result)
    return (folder / "README.md").read_text(encoding="utf-8")


class Shown(HTMLParser):
    """The tags and the links of rendered Markdown, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", NAMES)
def test_a_model_card_shows_names_and_obeys_none(name: str, tmp_path: Path) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    yaml = pytest.importorskip("yaml")
    text = written_card(tmp_path, name)
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "language": name, "pipeline_tag": "automatic-speech-recognition", "tags": ["attune"],
    }  # fmt: skip
    renderer = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
    shown, plain = (Shown(renderer.render(part)) for part in (body, written_card(tmp_path, "x").split("---\n", 2)[2]))
    assert shown.tags == plain.tags  # no tag, table cell or code block more or less than with an ordinary name
    assert shown.text.count(" ".join(name.split())) >= 3  # heading, base and set
    assert len(re.findall(r"(?<!\\)\|", next(line for line in body.splitlines() if "general speech" in line))) == 5


@pytest.mark.parametrize("name", NAMES)
def test_a_pretrained_networks_card_does_likewise(name: str) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    result = {
        "network": "wav2vec2", "stage": "ctc", "start": f"/jobs/{name.replace('/', '')}/model", "data": [name, name],
        "clips": 1, "hours": 1.0, "steps": 1, "hours_heard": 1.0, "seconds": 60.0, "request": {"seed": 0}, "parameters": 1,
        "held_out": None,
    }  # fmt: skip
    renderer = markdown_it.MarkdownIt("commonmark", {"html": True})
    plain = card({**result, "start": "/jobs/x/model", "data": ["x", "x"]})
    assert Shown(renderer.render(card(result))).tags == Shown(renderer.render(plain)).tags


@pytest.mark.parametrize("name", [*NAMES, 'x")\nimport os  #', "\\", "\ud800"])
@pytest.mark.parametrize("family", ["whisper", "deepspeech"])
def test_the_lines_of_python_name_the_folder_and_no_more(name: str, family: str) -> None:
    plain = usage("x", family)
    found = usage(name, family)
    assert len(found.splitlines()) == len(plain.splitlines())
    assert compile(found, "usage", "exec").co_names == compile(plain, "usage", "exec").co_names
    assert json.loads(quoted(name)) == name


def test_marks_are_shown_as_they_are() -> None:
    assert markdown("Mia's set, 2nd try (loud)") == "Mia's set, 2nd try (loud)"
    assert markdown("a|b\n*c*") == r"a\|b \*c\*"
    assert [code("x"), code("a`b"), code("`"), code("``` x")] == ["`x`", "``a`b``", "`` ` ``", "```` ``` x ````"]

"""A report is one file that needs no other, says everything in the words it is given, and lets nothing hostile through."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.cli.main import build_parser, main
from core.data.samples import read_sample
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.pictures import Change, Series, changes, curves, heat_map, rates
from core.runs.report.words import ENGLISH
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage.files import read_json, write_json
from core.training.recipe import Recipe

ROOT = Path(__file__).parents[4]
HOSTILE = (
    "<script>alert(1)</script> said \"quoted\" & 'single'",
    '"><img src=x onerror=alert(2)> heard',
    "${alert(3)} {{value}} {base} %s | cell | `code` </article></td> [link](https://evil.example) www.evil.example",
)


@pytest.fixture(scope="module")
def finished(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 3), ("validation", 2), ("test", 9)) for clip in whole.part(part)[:n])
    recipe = Recipe(trains="head", learning_rate=1e-3, epochs=2, batch_size=2, evaluations=2)
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), read_sample("general").clips[:2], (), recipe)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "a run", request)
    list(execute(run))
    return run


@pytest.fixture
def hostile(finished: Run, tmp_path: Path) -> Run:
    """A run whose every text was written by someone who means harm."""
    shutil.copytree(finished.folder, tmp_path / "run")
    run = Run(tmp_path / "run")
    kept = read_json(run.folder / "comparison.json")
    for group in kept.values():
        for clip in group["clips"]:
            clip["reference"], clip["base"], clip["adapted"] = HOSTILE
            clip["speaker"] = "<b onclick=alert(4)>&Ada"
        group["clips"][0]["speaker"] = "{speaker} ${x}"
    write_json(run.folder / "comparison.json", kept)
    request = read_json(run.folder / "request.json")
    request["labelled_set"]["name"] = '"><svg onload=alert(5)> ${set} | {clips}'
    request["model"] = "<iframe src=//evil.example>"
    write_json(run.folder / "request.json", request)
    (run.adapted / "README.md").write_text("</pre><script>alert(6)</script>\n```\n# ${card}\n", encoding="utf-8")
    return run


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "line", "circle", "rect", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data if self.open[-1:] != ["style"] else ""


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []  # everything that was opened is closed, in order
    return reader


TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul",
    "li", "pre", "div", "figure", "figcaption", "svg", "line", "circle", "rect", "text", "polyline", "article", "dl", "dt",
    "dd", "span", "audio",
}  # fmt: skip


@pytest.mark.parametrize("name", ["finished", "hostile"])
def test_nothing_is_loaded_and_nothing_runs(name: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(name)
    page = write_report(read_outcome(run))[0].read_text(encoding="utf-8")
    reader = read(page)
    assert set(reader.tags) <= TAGS
    names = {attribute for attribute, _ in reader.attributes}
    assert not {n for n in names if n.startswith("on")} | (names & {"href", "action", "style", "srcset", "data"})
    sounds = [value or "" for attribute, value in reader.attributes if attribute == "src"]
    assert all(re.fullmatch("data:audio/mpeg;base64,[A-Za-z0-9+/=]+", sound) for sound in sounds)
    assert "${" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert ("http-equiv", "Content-Security-Policy") in reader.attributes
    addresses = set(re.findall(r"https?://[^\s\"<)]+", page.replace("https://evil.example", "")))
    assert addresses == {"http://www.w3.org/2000/svg"}  # a name, not an address


def test_hostile_texts_are_shown_as_they_are(hostile: Run) -> None:
    html, markdown, data = write_report(read_outcome(hostile))
    text = read(html.read_text(encoding="utf-8")).text
    assert HOSTILE[0] in text
    assert '"><svg onload=alert(5)> ${set} | {clips}' in text
    assert "</pre><script>alert(6)</script>" in text
    assert "<b onclick=alert(4)>&Ada (8 clips)" in text
    plain = markdown.read_text(encoding="utf-8")
    outside = re.sub(r"^(`{3,})\n.*?^\1$", "", plain, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"(?<!\\)<", outside)
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert not re.search(r"https?:|www\.", outside)
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {3, 4}
    assert "````\n</pre>" in plain  # the card's own fence cannot end ours
    assert json.loads(data.read_text(encoding="utf-8"))["test"]["clips"][0]["reference"] == HOSTILE[0]


def test_every_figure_is_the_objects(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(finished.folder), "--json"]) == 0
    html, markdown, data = map(Path, json.loads(capsys.readouterr().out.splitlines()[-1])["files"])
    assert [path.name for path in (html, markdown, data)] == ["report.html", "report.md", "report.json"]
    outcome = read_outcome(finished)
    held = json.loads(data.read_text(encoding="utf-8"))
    assert {key: held[key] for key in outcome.to_json()} == json.loads(json.dumps(outcome.to_json()))
    assert held["versions"]["torch"]
    text, plain = read(html.read_text(encoding="utf-8")).text, markdown.read_text(encoding="utf-8")
    change = outcome.comparisons["test"].difference
    for part in (f"{100 * change.low:+.1f} … {100 * change.high:+.1f}", "learning_rate", "0.001", "9 held-out clips"):
        assert part in text
        assert part.replace("_", r"\_") in plain
    for clip in outcome.comparisons["test"].clips:
        assert clip.reference in text


def test_the_command_it_names_is_understood(finished: Run) -> None:
    files = write_report(read_outcome(finished))
    named = json.loads(files[2].read_text(encoding="utf-8"))["command"]
    assert named in read(files[0].read_text(encoding="utf-8")).text
    options = build_parser().parse_args(shlex.split(named)[1:])
    assert options.again == finished.folder
    assert options.out != finished.folder


def test_it_speaks_the_language_it_is_given(finished: Run, hostile: Run) -> None:
    fields = {key: re.findall(r"{(\w+)}", text) for key, text in ENGLISH.items()}
    other = {key: "译" + " ".join(f"{{{name}}}" for name in names) for key, names in fields.items()} | {"language": "zh-CN"}
    for run in (finished, hostile):
        html, markdown, _ = write_report(read_outcome(run), other)
        page, card = html.read_text(encoding="utf-8"), (run.adapted / "README.md").read_text(encoding="utf-8").strip()
        assert '<html lang="zh-CN">' in page
        for shown in (read(page).text, markdown.read_text(encoding="utf-8")):
            assert card in shown
            text = shown.replace(card, "")  # the card is in English
            left = [part for words in ENGLISH.values() for part in re.split(r"{\w+}", words) if len(part) > 14 and part in text]
            assert left == []


def test_the_words_are_all_there() -> None:
    used = set()
    for path in (ROOT / "core" / "runs" / "report").glob("*.py"):
        used |= set(re.findall(r'\bsay\("([a-z_.]+)"', path.read_text(encoding="utf-8")))
    families = {f"verdict.{g}.{v}" for g in ("test", "canary") for v in ("better", "worse", "unclear", "thin")}
    families |= {f"learned.test.{learnt}" for learnt in ("sound", "writing", "nothing", "worse")}
    families |= {f"verdict.{unit}" for unit in ("speakers", "sentences")}
    assert len(used) > 40
    assert used | families <= ENGLISH.keys()


@pytest.mark.parametrize("group", ["test", "canary"])
def test_a_run_may_lack_a_group_or_have_few_clips(group: str, finished: Run, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    run = Run(tmp_path / "run")
    for name in ("comparison.json", "result.json"):
        kept = read_json(run.folder / name)
        kept.pop(group)
        write_json(run.folder / name, kept)
    (run.adapted / "README.md").unlink()
    (run.folder / "events.jsonl").unlink()
    reader = read(write_report(read_outcome(run))[0].read_text(encoding="utf-8"))
    assert ENGLISH["figures"] in reader.text
    assert (ENGLISH["learned"] in reader.text) == (group == "canary")


def test_what_differs_is_said(finished: Run, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "run")
    run = Run(tmp_path / "run")
    result = read_json(run.folder / "result.json")
    result["test"]["adapted"]["wer"] = 0.0
    result |= {"stopped": True, "overlap": {"sentences": 3, "speakers": 2}}
    write_json(run.folder / "result.json", result)
    text = read(write_report(read_outcome(run))[0].read_text(encoding="utf-8")).text
    assert "differ from those recorded by the run: test.adapted.wer" in text
    assert ENGLISH["stopped"] in text
    assert "Training and test share 3 sentences and 2 speakers" in text


ROWS = [
    Change("<held out>", 0.5, 0.25, -0.4, -0.1),
    Change("worse", 0.1, 0.2, 0.05, 0.15),
    Change("thin", 0.1, 0.1, None, None),
    Change("unclear", 0.3, 0.2, -0.3, 0.1),
]


def coordinates(svg: str, kind: str, attribute: str) -> list[float]:
    return [float(x) for x in re.findall(rf'class="{kind}"[^>]* {attribute}="([\d.]+)"', svg)]


def test_rates_stand_where_the_axis_says() -> None:
    svg = rates(ROWS, "title & more")
    read(svg)
    assert coordinates(svg, "before", "cx") == pytest.approx(
        [12 + 336 * share / 0.6 for share in (0.5, 0.1, 0.1, 0.3)], abs=0.1
    )
    assert "&lt;held out&gt;" in svg
    assert 'aria-label="title &amp; more"' in svg


def test_changes_are_coloured_by_what_is_sure() -> None:
    svg = changes(ROWS, "title")
    read(svg)
    for kind in ("good", "bad", "unclear"):
        assert len(coordinates(svg, f"bar {kind}", "x1")) == 1
    assert len(coordinates(svg, "before", "cx")) == 1  # too few clips: no bar
    low, high = coordinates(svg, "bar good", "x1")[0], coordinates(svg, "bar good", "x2")[0]
    assert low < high < 180 < coordinates(svg, "bar bad", "x1")[0]


@pytest.mark.parametrize("points", [[(1.0, 2.0)], [(0.0, 0.0), (1.0, 0.0)], [(float(i), 1e5 / (1 + i)) for i in range(500)]])
def test_any_line_stays_inside(points: list[tuple[float, float]]) -> None:
    svg = curves([Series("", points)], "title", "step", marked=0.0)
    (drawn,) = re.findall(r'points="([^"]*)"', svg)
    for pair in drawn.split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= 360
        assert 0 <= y <= 170


def test_a_heat_map_is_darkest_where_the_count_is_highest() -> None:
    svg = heat_map(["a", ""], ["<", "b"], [[4, 0], [1, 2]], 4, "title", ("said", "heard"))
    read(svg)
    assert [float(x) for x in re.findall(r'fill-opacity="([\d.]+)"', svg)] == [1.0, 0.05, 0.36, 0.57]
    assert "&lt;" in svg


def test_empty_pictures_are_drawn_too() -> None:
    for svg in (
        rates([], "t"),
        changes([], "t"),
        curves([], "t", "x"),
        curves([Series("a", [])], "t", "x", x_ticks=[(1.0, "1")]),
        heat_map([], [], [], 0, "t", ("a", "b")),
    ):
        read(svg)

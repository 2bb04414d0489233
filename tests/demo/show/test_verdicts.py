"""The sentences on what a comparison shows count words or characters, as the language is scored, on page and report alike."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

import pytest

from core.cli.printing import print_result
from core.data.clips.labelled_set import Clip, LabelledSet
from core.evaluation.analysis import analyse
from core.evaluation.compare import Comparison, compare
from core.runs import run_folder
from core.runs.export.hugging_face import write_card
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.headline import headline
from core.runs.report.verdicts import by_importance, measures, verdict
from core.runs.report.words import LANGUAGES
from core.runs.request import Request
from core.runs.result import GeneralSpeech, Result
from core.runs.run_folder import Run
from core.text.phrases import phrase
from core.training.recipe import Recipe
from demo.show import comparisons
from demo.wording import Wording

ENGLISH = [
    f"the {colour} house stands here" for colour in ["red", "green", "blue", "grey", "pink", "brown", "black", "white", "gold"]
]
CHINESE = [f"今天{number}点下雨" for number in "一二三四五六七八九"]
SYNTHETIC = GeneralSpeech()


def compared(texts: list[str], language: str, gained: bool = True) -> Comparison:
    wrong = ["zzz" if language == "en" else "错" for _ in texts]
    clips = [Clip(f"/{i}.flac", text) for i, text in enumerate(texts)]
    return compare(clips, *((wrong, texts) if gained else (texts, wrong)), language)


def sentence(comparison: Comparison, language: str, group: str = "test", canary: GeneralSpeech = SYNTHETIC) -> str:
    texts = LANGUAGES[language]
    return verdict(group, comparison.figures, canary, lambda key, **fields: phrase(texts[key], **fields))


def plain(markup: str) -> str:
    """The text of markup, with ordinary spaces."""
    return (
        html.unescape(re.sub("<[^>]+>", " ", markup))
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def on_page(run: Run, result: Result, language: str) -> str:
    """The text that the page shows of a result, from the top."""
    shown = comparisons.headline(run.id, result, run.comparisons().get("test"), Wording(language))
    shown = re.sub("</?b>", "", shown)  # within a sentence
    return plain(shown + comparisons.verdicts(result, Wording(language)))


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """A finished run on clips of a language."""
    language = request.param
    texts = ENGLISH if language == "en" else CHINESE
    found = {"test": compared(texts, language), "canary": compared(ENGLISH, "en", gained=False)}
    clips = tuple(row.clip() for row in found["test"].clips)
    made = run_folder.create(tmp_path / "run", Request("base", LabelledSet("mine", clips, language), (), (), Recipe()))
    figures = {group: comparison.figures for group, comparison in found.items()}
    result = Result("base", "ctc", "mine", False, 9, 0, 0, Recipe(), str(made.folder), language=language, **figures)
    made.write(result, found, {group: analyse(comparison) for group, comparison in found.items()})
    return made


@pytest.mark.parametrize(
    ("texts", "language", "english", "chinese"),
    [(ENGLISH, "en", "word errors fell", "词错误率从"), (CHINESE, "zh", "character errors fell", "字错误率从")],
)
def test_errors_are_of_what_is_counted(texts: list[str], language: str, english: str, chinese: str) -> None:
    comparison = compared(texts, language)
    assert english in sentence(comparison, "en")
    assert re.search(f"(?<![\u4e00-\u9fff]){chinese}", sentence(comparison, "zh-CN"))
    assert ("wer" in measures(language)) == (language == "en")


@pytest.mark.parametrize("run", ["en", "zh"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_and_report_say_the_same(run: Run, language: str, tmp_path: Path) -> None:
    result = run.result()
    assert result is not None
    page = on_page(run, result, language)
    report = plain(write_report(read_outcome(run), LANGUAGES[language], tmp_path)[0].read_text(encoding="utf-8"))
    for group, comparison in run.comparisons().items():
        said = sentence(comparison, language, group)
        assert said in page
        assert said in report
    told = headline(result, run.comparisons()["test"], Wording(language))
    for said in (told.errors, *(sentence for _, sentence in told.facts())):
        assert said in page
        assert said in report
    assert LANGUAGES[language]["verdict.base_kept"] not in page + report


@pytest.mark.parametrize("run", ["en"], indirect=True)
@pytest.mark.parametrize("language", LANGUAGES)
def test_that_the_base_was_kept_is_said_first(
    run: Run, language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, analyses = run.comparisons_and_analyses()
    result = run.result()
    assert result is not None
    result = dataclasses.replace(result, steps=30, best_step=0)
    run.write(result, found, analyses)
    said = LANGUAGES[language]["verdict.base_kept"]
    page = on_page(run, result, language)
    report = plain(write_report(read_outcome(run), LANGUAGES[language], tmp_path)[0].read_text(encoding="utf-8"))
    for text in (page, report):
        assert text.index(said) < text.index(sentence(found["test"], language))
    assert phrase(LANGUAGES[language]["facts.kept_base"], steps=30) in report
    print_result(result, found)
    assert capsys.readouterr().out.startswith(LANGUAGES["en"]["verdict.base_kept"])
    write_card(tmp_path, result)
    assert phrase(LANGUAGES["en"]["facts.kept_base"], steps=30) in (tmp_path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("run", ["zh"], indirect=True)
def test_a_report_on_chinese_counts_characters(run: Run, tmp_path: Path) -> None:
    page, text = (plain(path.read_text(encoding="utf-8")) for path in write_report(read_outcome(run), folder=tmp_path)[:2])
    assert "9 held-out clips of this set, 54 characters" in text
    assert "change in CER, points" in text
    assert re.search(r"errors in 6 characters", text)
    assert "CER in percent; hollow: base, filled: adapted" in page
    figures = run.comparisons()["test"].figures
    assert figures.words == 54


def test_general_speech_is_named_and_bad_news_comes_first() -> None:
    lost, gained = compared(ENGLISH, "en", gained=False), compared(ENGLISH, "en")
    told = sentence(lost, "en", "canary", GeneralSpeech("radio", synthetic=False))
    assert "9 clips of radio" in told
    assert "synthetic clips" in sentence(lost, "en", "canary")
    assert [group for group, _ in by_importance({"test": gained.figures, "canary": lost.figures})] == ["canary", "test"]

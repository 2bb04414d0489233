"""The comparison on the page: clips a page at a time, what was learned, runs lined up; from finished runs on disk."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip, LabelledSet
from core.errors import RunError
from core.evaluation.compare import compare
from core.evaluation.selection import most_telling
from core.runs import run_folder
from core.runs.lineup import line_up
from core.runs.outcome import Outcome, read_outcome
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage.files import read_json, write_json
from core.text.metrics import mark_words
from core.training.recipe import Recipe
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.show import comparisons
from demo.show.markup import marked
from demo.steps.compare import show as analyses
from demo.steps.compare.clips.handlers import PAGE, ClipsHandlers
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.compare.lineup import show as lineups
from demo.steps.compare.lineup.handlers import LineUpHandlers
from demo.wording import Wording
from tests.demo.show.test_markup import result, tags

W = Wording("en")
HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}{{x}}`y`</p><script>"
COLOURS = ("red", "green", "blue", "grey", "pink", "brown", "black", "white", "gold", "silver", "amber", "teal")
SAID = [f"the {colour} house stands here" for colour in COLOURS]


def is_plain(markup: str) -> bool:
    return not tags(markup) & {"img", "script"} and "${" not in markup and "{{" not in markup


def finished(folder: Path, base: list[str], adapted: list[str], said: list[str] = SAID, language: str = "en", **recipe) -> Run:
    """A run as `core.runs.execute` leaves it, with transcripts made by hand and a canary on which nothing changed."""
    clips = [Clip(f"/nowhere/{i}.flac", text, f"speaker {i % 2}", "test") for i, text in enumerate(said)]
    request = Request("base", LabelledSet("mine", tuple(clips), language), (), (), Recipe(**recipe))
    run = run_folder.create(folder, request)
    canary = [Clip(f"/general/{i}.flac", text) for i, text in enumerate(SAID)]
    groups = {"test": compare(clips, base, adapted, language), "canary": compare(canary, SAID, SAID, "en")}
    write_json(folder / "comparison.json", {group: c.to_json() for group, c in groups.items()})
    summaries = {group: dataclasses.asdict(c.figures) for group, c in groups.items()}
    shown = {"model": "base", "clips": 30, "replayed": 0, "seed": 0, "family": "ctc", "set": "mine", "synthetic": False}
    write_json(folder / "result.json", {**summaries, **shown, "recipe": request.recipe.to_json(), "run": str(folder)})
    (folder / "adapted").mkdir()
    return run


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A browser with two finished runs on the same clips, the later one shown, and one on other clips."""
    found = Session(tmp_path)
    wrong = [text.replace("house", "mouse") for text in SAID]
    mixed = [SAID[0].replace("stands", "sands"), *SAID[1:10], *wrong[10:]]
    finished(tmp_path / "runs" / "20260101-100000-a", wrong, wrong, learning_rate=1e-4)
    finished(tmp_path / "runs" / "20260101-110000-b", wrong, mixed, learning_rate=1e-3)
    finished(tmp_path / "runs" / "20260101-120000-c", ["x"] * 3, ["y"] * 3, said=["one word", "two words", "a third"])
    found.choose(run="20260101-110000-b")
    return found


@pytest.fixture
def outcome(session: Session) -> Outcome:
    return read_outcome(session.current_run())


def shown(markup: str) -> list[int]:
    return [int(index) for index in re.findall(r"data-times=\"/times/en/[^/]+/\w+/(\d+)\"", markup)]


def asked(group: str = "test", order: str = "given", kind: str = "all", wanted: str = "") -> dict[str, str]:
    """What the page's components hold when clips are looked for."""
    return {"group": group, "order": order, "kind": kind, "wanted": wanted}


def test_clips_come_a_page_at_a_time(session: Session) -> None:
    listing = ClipsHandlers(W, Outcomes())
    first = listing.first(session, **asked())
    assert shown(first["list"]) == list(range(PAGE))
    assert (first["back"]["interactive"], first["forward"]["interactive"], first["page"]) == (False, True, 0)
    assert "1–10 of 12 clips" in first["where"]
    second = listing.forward(session, page=first["page"], **asked())
    assert shown(second["list"]) == [10, 11]
    assert (second["back"]["interactive"], second["forward"]["interactive"], second["page"]) == (True, False, 1)
    assert listing.forward(session, page=second["page"], **asked())["list"] == second["list"]
    assert listing.back(session, page=second["page"], **asked())["list"] == first["list"]


@pytest.mark.parametrize(
    ("order", "kind", "wanted", "found"),
    [
        ("improved", "all", "", [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]),
        ("harmed", "broken", "", [0]),
        ("given", "wrong", "", [10, 11]),
        ("given", "unchanged", "", [10, 11]),
        ("given", "all", "TEAL", [11]),
        ("given", "fixed", "no such word", []),
    ],
)
def test_clips_are_sorted_filtered_and_searched(session: Session, order: str, kind: str, wanted: str, found: list[int]) -> None:
    markup = ClipsHandlers(W, Outcomes()).first(session, **asked("test", order, kind, wanted))["list"]
    assert shown(markup) == found
    assert found or "No clip matches" in markup


def test_general_speech_is_looked_through_the_same_way(session: Session) -> None:
    markup = ClipsHandlers(W, Outcomes()).first(session, **asked("canary", wanted="gold"))["list"]
    assert shown(markup) == [8]
    assert "/sound/run/20260101-110000-b/canary/8" in markup
    assert "no general speech" in ClipsHandlers(W, Outcomes()).first(session, **asked("own"))["list"]


def test_without_a_run_there_is_nothing(tmp_path: Path) -> None:
    empty = Session(tmp_path)
    assert ClipsHandlers(W, Outcomes()).first(empty, **asked())["list"] == ""
    comparing = CompareHandlers(W, ModelPool(), Outcomes())
    told = comparing.analyses(empty)
    assert (told["learned"], told["forgotten"]) == ("", "")
    assert not told["learned_panel"]["visible"]
    assert not told["forgotten_panel"]["visible"]
    assert LineUpHandlers(W, Outcomes()).offer(empty)["panel"]["visible"] is False
    nothing = comparing.show(empty)
    assert W("compare.empty") in nothing["verdict"]
    assert not any(nothing[name]["visible"] for name in ("again", "clips_panel", "tradeoff_panel"))
    assert not any(nothing[name] for name in ("figures", "own", "clips", "control", "tradeoff"))


def test_an_outcome_is_worked_out_once_and_again_when_the_run_is_another(session: Session) -> None:
    outcomes, run = Outcomes(), session.current_run()
    assert outcomes.of(run) is outcomes.of(run)
    kept = outcomes.of(run)
    (run.folder / "result.json").unlink()
    with pytest.raises(RunError, match="no adapted model yet"):
        outcomes.of(run)
    other = session.run("20260101-120000-c").folder
    shutil.copy(other / "comparison.json", run.folder)
    write_json(run.folder / "result.json", read_json(other / "result.json"))
    assert outcomes.of(run) is not kept


def test_words_can_be_pressed_one_tab_stop_a_transcript(outcome: Outcome) -> None:
    markup = comparisons.clip_list("run", "test", outcome.comparisons["test"], [0], W)
    assert markup.count('data-word="') == 10
    assert markup.count('tabindex="0"') == 2
    assert 'data-words="base"' in markup
    assert 'aria-label="The adapted model’s words: arrow keys move, Enter plays one"' in markup
    broken = '<span class="word broken" role="button" tabindex="-1" data-word="3" title="broken">sands'
    assert broken in markup


def test_chinese_is_written_and_counted_by_character() -> None:
    comparison = compare([Clip("/a.wav", "今天天气很好。")], ["今天天汽很好"], ["今天天气很好"], "zh")
    markup = comparisons.clip_list("run", "test", comparison, [0], W)
    assert re.sub(r"<[^>]+>", "", markup).count("今天天气 (fixed) 很好") == 1
    assert "1 character error in 6 characters: CER 17" in markup
    assert "WER" not in markup
    figures = comparisons.figures(result(test=comparison), W)
    assert "1 held-out clip of this set, 6 characters" in figures
    assert "test.base.wer" not in figures
    said = ["今天天气很好"] * 9
    clips = [Clip(f"/{i}.wav", f"{text}{'一二三四五六七八九'[i]}") for i, text in enumerate(said)]
    told = comparisons.verdicts(result(test=compare(clips, said, [c.text for c in clips], "zh")), Wording("zh-CN"))
    assert "字错误率从" in told


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (3, "Next: if the difference stays the same, about 5 more test sentences"),
        (0, "would hardly settle it"),
        (12, "this is settled"),
    ],
)
def test_without_a_verdict_the_page_says_how_much_more_it_takes(right: int, said: str) -> None:
    wrong = ["nothing of the kind"] * len(SAID)
    texts = SAID[:3] if right == 3 else SAID
    clips = [Clip(f"/{i}.wav", text) for i, text in enumerate(texts)]
    group = compare(clips, wrong[: len(texts)], [*texts[:right], *wrong[right : len(texts)]], "en")
    assert said in comparisons.headline("a", result(test=group), group, W)


def test_what_was_learned_is_told_from_the_analysis(outcome: Outcome) -> None:
    markup = re.sub(' data-label="[^"]*"', "", analyses.panel("test", outcome.comparisons["test"], outcome.analyses["test"], W))
    assert "It learned how this speech sounds" in markup
    assert "9 have fewer errors than before, 0 more, and 3 the same number" in markup
    assert '<tr><th scope="row">house</th><td>10</td><td>12</td><td>10</td></tr>' in markup
    assert '<tr><th scope="row">house</th><td>mouse</td><td>12</td><td>2</td></tr>' in markup
    assert '<td class="dark" style="--share: 100%">12</td>' in markup
    assert "speaker 1" in markup
    assert "too few clips" in markup


def test_the_verdict_is_there_before_every_clip_was_read(session: Session) -> None:
    outcomes = Outcomes()
    told = CompareHandlers(W, ModelPool(), outcomes).show(session)
    assert told["verdict"].index("a real improvement") < told["verdict"].index("On general English")
    assert "12 held-out clips of this set, 60 words" in told["figures"]
    assert (told["own"], told["again"]["visible"], told["clips_panel"]["visible"]) == ("", False, True)  # nothing was recorded
    assert "Analysing every clip" in told["clips"]
    assert told["tradeoff_panel"]["visible"]
    assert told["tradeoff"].count("<circle") == 2
    assert f"· {W('tradeoff.this')}</th>" in told["tradeoff"]
    assert not outcomes._kept


def test_what_was_forgotten_stands_beside_the_gain(session: Session) -> None:
    told = CompareHandlers(W, ModelPool(), Outcomes()).analyses(session)
    assert told["learned_panel"]["visible"]
    assert told["forgotten_panel"]["visible"]
    assert "Gain and forgetting, side by side" in told["forgotten"]
    assert "Gain and forgetting, side by side" not in told["learned"]
    assert "no certain change in how well it transcribes general speech" in told["forgotten"]


def test_runs_on_the_same_clips_are_offered_and_lined_up(session: Session) -> None:
    lining = LineUpHandlers(W, Outcomes())
    offered = lining.offer(session)
    ids = ["20260101-100000-a", "20260101-110000-b"]
    assert offered["panel"]["visible"]
    assert [id for _, id in offered["choice"]["choices"]] == ids
    assert offered["choice"]["choices"][0][0].startswith("2026-01-01 10:00 · ")
    assert offered["choice"]["value"] == ids
    assert (offered["rates"], offered["clips"]) == ("", "")
    first = lining.first(session, ids[::-1])  # in whatever order they were ticked
    rates, clips = first["rates"], first["clips"]
    assert rates.index("run 1 · 2026-01-01 10:00") < rates.index("run 2 · 2026-01-01 11:00")
    assert "Learning rate (peak): 0.0001" in rates
    assert "Learning rate (peak): 0.001" in rates
    assert "points better" not in rates
    assert ", better</td>" in rates
    assert clips.count("<article") == PAGE
    assert "run 2" in clips
    assert "1–10 of 12 clips" in first["where"]
    assert lining.forward(session, ids, first["page"])["clips"].count("<article") == 2


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], "at least two runs"),
        (["20260101-100000-a"], "at least two runs"),
        (["20260101-100000-a", "20260101-120000-c"], "tested on different clips"),
        (["20260101-100000-a", "../../other"], "no such run"),
    ],
)
def test_runs_that_cannot_be_lined_up_are_refused(session: Session, chosen: list[str], said: str) -> None:
    with pytest.raises(RunError, match=said):
        LineUpHandlers(W, Outcomes()).first(session, chosen)


def test_hostile_transcripts_stay_text(tmp_path: Path) -> None:
    said, heard = [f"{HOSTILE} {text}" for text in SAID], [f"{text} {HOSTILE}" for text in SAID]
    found = [
        read_outcome(finished(tmp_path / name, heard, heard, said, learning_rate=rate))
        for name, rate in (("a", 1e-3), ("b", 1e-4))
    ]
    comparison, lined = found[0].comparisons["test"], line_up(found)
    assert is_plain(comparisons.clip_list("run", "test", comparison, range(12), W))
    assert is_plain(analyses.panel("test", comparison, found[0].analyses["test"], W))
    assert is_plain(analyses.beside(found[0].comparisons, W))
    assert is_plain(lineups.rates(lined, W))
    assert is_plain(lineups.clips(lined, range(12), ["/sound"] * 12, W))
    assert is_plain(marked(mark_words("a b", "a b", HOSTILE)[1], W, pressable=True))


def test_the_clip_that_was_watched_is_shown_again_if_it_changed(session: Session) -> None:
    run = session.current_run()
    assert run is not None
    test, shown = run.comparisons()["test"], run.result()
    assert shown is not None
    told = most_telling(test)
    changed = [i for i, clip in enumerate(test.clips) if i != told and clip.base_words != clip.adapted_words]
    assert changed
    pair = comparisons.headline(run.id, shown, test, W, test.clips[changed[0]].id)
    assert f"/test/{changed[0]}" in pair
    assert f"/test/{told}" in comparisons.headline(run.id, shown, test, W, "a clip that is not among them")

"""A report on one run: a self-contained HTML file, the same in Markdown, and all figures as JSON."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping
from pathlib import Path

from core.evaluation.analysis import Analysis, Group
from core.evaluation.compare import Comparison, Figures
from core.evaluation.term_counts import flipped
from core.runs.environment import environment
from core.runs.outcome import Outcome
from core.runs.report.conditions import measured_points, robustness_blocks
from core.runs.report.facts import facts
from core.runs.report.headline import headline
from core.runs.report.markup import (
    Block,
    Code,
    Heading,
    Items,
    MarkedClip,
    Picture,
    Say,
    Table,
    Text,
    percent,
    to_html,
    to_markdown,
)
from core.runs.report.pictures import Change, Series, changes, curves, heat_map, rates
from core.runs.report.sounds import embedded
from core.runs.report.verdicts import KINDS, by_importance, computed_on, measures, verdict
from core.runs.report.words import ENGLISH
from core.runs.run_name import read_name
from core.storage.files import replacing, write_json
from core.storage.temporary import sweep
from core.text.metrics import RESAMPLES
from core.text.phrases import phrase
from core.text.scoring import leading_measure
from core.training.events import Evaluated, Stepped

GROUPS = ("test", "canary")


def write_report(outcome: Outcome, texts: Mapping[str, str] = ENGLISH, folder: Path | None = None) -> list[Path]:
    """Writes report.html, report.md and report.json.

    Args:
        outcome: the run.
        texts: the texts of a language, by the keys of `core.runs.report.words.ENGLISH`; `LANGUAGES` there lists them all.
        folder: folder to write to; by default the run's.

    Returns:
        The three files.

    Raises:
        OSError: the disk is full.
    """

    def say(key: str, **fields: object) -> str:
        return phrase(texts[key], **fields)

    name, facts = read_name(outcome.run), {"model": outcome.request.model, "set": outcome.request.labelled_set.name}
    title = say("title.named", name=name, **facts) if name else say("title", **facts)
    blocks = _blocks(outcome, say)
    marks = {state: say(f"mark.{state}") for state in ("fixed", "broken", "wrong", "missing")}
    nothing = say("compare.nothing")
    sweep(folder or outcome.run.folder)
    files = [(folder or outcome.run.folder) / f"report.{kind}" for kind in ("html", "md", "json")]
    pages = (to_html(title, blocks, say("language"), marks, nothing), to_markdown(title, blocks, nothing))
    for path, page in zip(files, pages, strict=False):
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8", errors="backslashreplace")  # a path may contain an invalid byte
    measured = {"robustness": [point.to_json() for point in measured_points(outcome.run)]}
    write_json(files[2], {**outcome.to_json(), "versions": _versions(outcome)[1], "command": command(outcome), **measured})
    return files


def command(outcome: Outcome) -> str:
    """Returns the command that repeats the run, on the computer that has its clips."""
    folder = outcome.run.folder
    return f"attune finetune --again {shlex.quote(str(folder))} --out {shlex.quote(str(folder) + '-again')}"


def _blocks(outcome: Outcome, say: Say) -> list[Block]:
    blocks = [*_verdicts(outcome, say), *_figures(outcome, say), *_pictures(outcome, say)]
    if "test" in outcome.analyses:
        blocks += _learned(outcome.comparisons["test"], outcome.analyses["test"], say)
    blocks += robustness_blocks(measured_points(outcome.run), say)
    return [*blocks, *_data(outcome, say), *_recipe(outcome, say), *_clips(outcome, say), *_repeat(outcome, say)]


def _verdicts(outcome: Outcome, say: Say) -> list[Block]:
    result = outcome.result
    finished = datetime.datetime.fromtimestamp((outcome.run.folder / "result.json").stat().st_mtime)
    lead = say(
        "lead",
        model=outcome.request.model,
        set=outcome.request.labelled_set.name,
        clips=facts(result, say).clips,
        minutes=f"{result.minutes:.1f}",
        date=f"{finished:%Y-%m-%d %H:%M}",
    )
    blocks: list[Block] = [Text(lead, "lead")]
    if result.base_kept:
        blocks.append(Text(say("verdict.base_kept"), "warning"))
    if "test" in outcome.comparisons:
        told = headline(result, outcome.comparisons["test"], say)
        blocks += [Text(told.errors, told.kind), Items([sentence for _, sentence in told.facts()])]
    for group, figures in by_importance(_groups(outcome)):
        blocks.append(Text(verdict(group, figures, result.canary_set, say), KINDS.get(figures.verdict, "unclear")))
    if result.synthetic:
        blocks.append(Text(say("verdict.synthetic"), "fine"))
    if result.stopped:
        blocks.append(Text(say("stopped"), "warning"))
    overlap = result.overlap
    if overlap.sentences or overlap.speakers:
        blocks.append(Text(say("overlap", **vars(overlap)), "warning"))
    if outcome.differs:
        blocks.append(Text(say("differs", figures=", ".join(outcome.differs)), "warning"))
    return blocks


def _groups(outcome: Outcome) -> dict[str, Figures]:
    return {group: outcome.comparisons[group].figures for group in GROUPS if group in outcome.comparisons}


def _rate(outcome: Outcome) -> str:
    """Returns the name of the set's leading error rate, "WER" or "CER"."""
    return leading_measure(outcome.request.labelled_set.language).upper()


def _figures(outcome: Outcome, say: Say) -> list[Block]:
    rows: list[list[str]] = []
    for group, figures in _groups(outcome).items():
        change = figures.difference
        rows.append([computed_on(group, figures, outcome.result.canary_set, say)])
        for measure in measures(figures.language):
            both = (getattr(rates, measure) for rates in (figures.base, figures.adapted))
            rows.append([say(f"figures.{measure}"), *(f"{percent(rate)} %" for rate in both)])
        ends = f"{100 * change.low:+.1f} … {100 * change.high:+.1f}"
        rate = leading_measure(figures.language).upper()
        rows.append([say("figures.change", rate=rate), f"{100 * change.difference:+.1f}", ends])
        rows.append([say("figures.chance"), f"{change.p_value:.2g}", ""])
    if not rows:
        return []
    head = [say(f"figures.{name}") for name in ("measure", "base", "adapted")]
    blocks: list[Block] = [Heading(say("figures")), Table(head, rows), Text(say("figures.note"), "fine")]
    return blocks + _terms(outcome, say)


def _terms(outcome: Outcome, say: Say) -> list[Block]:
    """Returns the table of the person's own words; nothing if they gave none."""
    counts = outcome.comparisons["test"].figures.terms if "test" in outcome.comparisons else ()
    if not counts:
        return []
    columns = ("word", "base", "adapted", "base_wrote", "adapted_wrote")
    rows: list[list[str]] = []
    for count in counts:
        if count.times:
            both = [say("terms.of", right=number, times=count.times) for number in (count.base, count.adapted)]
            wrote = (count.base_wrote, count.adapted_wrote)
            rows.append([count.term, *both, *(", ".join(text or say("compare.nothing") for text in texts) for texts in wrote)])
        else:
            rows.append([count.term, say("terms.unsaid"), "", "", ""])
    words, right, times = flipped(counts)
    found = say("terms.flipped", words=words, right=right, times=times) if words else say("terms.known")
    return [Heading(say("terms.title"), 3), Text(found), Table([say(f"terms.{name}") for name in columns], rows)]


def _pictures(outcome: Outcome, say: Say) -> list[Block]:
    rows = [
        Change(say(f"group.{group}"), *_both(outcome.comparisons[group]), *_ends(outcome.comparisons[group]))
        for group in GROUPS
        if group in outcome.comparisons
    ]
    analysis = outcome.analyses.get("test")
    if analysis is not None:
        rows += [Change(_group_name(group, "speaker", say), *_of(group)) for group in analysis.speakers[:8]]
        rows += [Change(_group_name(group, "length", say), *_of(group)) for group in analysis.lengths]
        rows += [Change(_group_name(group, "noise", say), *_of(group)) for group in analysis.noises]
    blocks: list[Block] = []
    if rows:
        for name, draw in (("rates", rates), ("changes", changes)):
            title = say(f"pictures.{name}", rate=_rate(outcome))
            blocks.append(Picture(title, draw(rows, title)))
    happened = outcome.run.events()
    losses = [(float(event.step), event.loss) for event in happened if isinstance(event, Stepped)]
    checks = [(float(e.step), 100 * e.wer) for e in happened if isinstance(e, Evaluated) and e.wer is not None]
    for name, points in (("loss", losses), ("validation", checks)):
        if len(points) > 1:
            kept = float(outcome.result.best_step) if name == "validation" else None
            title = say(f"pictures.{name}", rate=_rate(outcome))
            blocks.append(Picture(title, curves([Series("", points)], title, say("pictures.step"), marked=kept)))
    if analysis is not None and analysis.matrix.said:
        matrix = analysis.matrix
        most = max(count for counts in (matrix.base, matrix.adapted) for row in counts for count in row)
        axes = say("pictures.said"), say("pictures.heard")
        for model, counts in (("base", matrix.base), ("adapted", matrix.adapted)):
            title = say("pictures.confusions", model=say(f"figures.{model}"))
            blocks.append(Picture(title, heat_map(matrix.said, matrix.heard, counts, most, title, axes)))
    return [Heading(say("pictures")), *blocks] if blocks else []


def _both(comparison: Comparison) -> tuple[float, float]:
    return comparison.base.wer.rate, comparison.adapted.wer.rate


def _ends(comparison: Comparison) -> tuple[float | None, float | None]:
    thin = comparison.verdict == "thin"
    return (None, None) if thin else (comparison.difference.low, comparison.difference.high)


def _of(group: Group) -> tuple[float, float, float | None, float | None]:
    ends = (group.interval.low, group.interval.high) if group.interval else (None, None)
    return group.base, group.adapted, *ends


def _group_name(group: Group, kind: str, say: Say) -> str:
    if kind == "speaker":
        return (
            say("group.speaker", name=group.name, clips=group.clips) if group.name else say("group.nameless", clips=group.clips)
        )
    digits = 1 if kind == "length" else 0
    ends = {"low": f"{group.low:.{digits}f}", "high": f"{group.high:.{digits}f}"}
    return say(f"group.{kind}", **ends, clips=group.clips)


def _learned(comparison: Comparison, analysis: Analysis, say: Say) -> list[Block]:
    arrows = {name: "{} → {}".format(*getattr(analysis, name)) for name in ("substitutions", "deletions", "insertions")}
    before, after = analysis.runaways
    runaways = {name: f"{getattr(before, name)} → {getattr(after, name)}" for name in ("loops", "runs_on", "empty")}
    by_character = leading_measure(comparison.language) == "cer"
    counts = {"better": analysis.better, "worse": analysis.worse, "same": analysis.same}
    blocks: list[Block] = [
        Heading(say("learned")),
        Text(say("learned.clips", clips=len(comparison.clips), **counts)),
        Text(say(f"learned.test.{analysis.writing.learnt}")),
        Text(say("learned.kinds_cer" if by_character else "learned.kinds", **arrows)),
        Text(say("learned.runaways", **runaways)),
    ]
    for name in ("fixed", "broken"):
        words = getattr(analysis, name)
        rows = [say("learned.count", word=w.word, times=w.times, said=w.said, clips=w.clips) for w in words]
        blocks += [Heading(say(f"learned.{name}"), 3), Items(rows) if rows else Text(say("learned.none"))]
    rows = [say("learned.confusion", said=c.said, heard=c.heard, base=c.base, adapted=c.adapted) for c in analysis.confusions]
    return [*blocks, Heading(say("learned.confusions"), 3), Items(rows) if rows else Text(say("learned.none"))]


def _data(outcome: Outcome, say: Say) -> list[Block]:
    labelled, result = outcome.request.labelled_set, outcome.result
    told = facts(result, say)
    rows = [
        ("set", labelled.name),
        ("language", labelled.language),
        ("train", told.clips),
        ("minutes", f"{result.minutes:.1f}"),
        ("held_out", told.held_out),
        ("canary", _canary(outcome)),
        ("speakers", len({clip.speaker for clip in labelled.clips} - {""})),
        ("dropped", len(result.dropped)),
    ]
    return [Heading(say("data")), Table([], [[say(f"data.{name}"), str(value)] for name, value in rows])]


def _canary(outcome: Outcome) -> str:
    if "canary" not in outcome.comparisons:
        return "0"
    return f"{len(outcome.comparisons['canary'].clips)} ({outcome.request.canary_name})"


def _recipe(outcome: Outcome, say: Say) -> list[Block]:
    result = outcome.result
    told = facts(result, say)
    rows = [
        *([name, str(value)] for name, value in result.recipe.settings().items()),
        *([say(f"recipe.{name}"), getattr(told, name)] for name in ("parameters", "steps", "seconds")),
        [say("recipe.distance"), f"{result.distance:.4f}"],
    ]
    return [Heading(say("recipe")), Table([], rows)]


def _clips(outcome: Outcome, say: Say) -> list[Block]:
    if "test" not in outcome.comparisons:
        return []
    blocks: list[Block] = [Heading(say("clips")), Text(say("clips.legend"), "fine")]
    clips = sorted(outcome.comparisons["test"].clips, key=lambda clip: clip.adapted_errors - clip.base_errors)
    sounds = embedded(clip.path for clip in clips)
    without = sum(clip.path not in sounds for clip in clips)
    if without:
        blocks.append(Text(say("clips.silent", clips=without), "fine"))
    key = "clips.errors_cer" if leading_measure(outcome.comparisons["test"].language) == "cer" else "clips.errors"
    for clip in clips:
        note = say(key, base=clip.base_errors, adapted=clip.adapted_errors, words=clip.words)
        warning = f" {say('compare.trained_on')}" if clip.trained_on else ""
        models = ((say("figures.base"), clip.base_words), (say("figures.adapted"), clip.adapted_words))
        said, sound = (say("clips.said"), clip.reference), sounds.get(clip.path, "")
        blocks.append(MarkedClip(said, models, note + warning, sound, say("clips.play")))
    return blocks


def _repeat(outcome: Outcome, say: Say) -> list[Block]:
    when, versions = _versions(outcome)
    folder = shlex.quote(str(outcome.run.folder))
    check = f"attune compare {folder} --json\nattune compare {folder} --recompute --json"
    blocks: list[Block] = [
        Heading(say("repeat")),
        Text(say("repeat.command")),
        Code(command(outcome)),
        Text(say("repeat.check")),
        Code(check),
        Text(say("repeat.seeds", run=outcome.request.seed)),
        Heading(say(when), 3),
        Table([], [[name, version] for name, version in versions.items()]),
    ]
    card = outcome.run.adapted / "README.md"
    if card.is_file():
        blocks += [Heading(say("card")), Code(card.read_text(encoding="utf-8", errors="replace"))]
    unit = next((c.difference.unit for c in outcome.comparisons.values()), "sentences")
    method = say("method.interval", resamples=f"{RESAMPLES:,}", unit=say(f"verdict.{unit}", count=RESAMPLES))
    return [*blocks, Heading(say("method")), Text(method, "fine"), Text(say("method.noise"), "fine")]


def _versions(outcome: Outcome) -> tuple[str, dict[str, str]]:
    """Returns the versions that the run noted, or else the current ones, after the key of the heading for them."""
    noted = outcome.result.versions
    return ("repeat.versions", noted) if noted else ("repeat.versions_now", environment(outcome.request.recipe.precision))

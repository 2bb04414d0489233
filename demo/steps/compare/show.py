"""What was learned and what was forgotten, as a panel: sentences, tables, a picture. Every number comes from the core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.evaluation.analysis import Analysis, Group, WordCount
from core.evaluation.compare import Comparison
from core.runs.report.pictures import Change, rates
from core.text.metrics import Interval
from core.text.scoring import leading_measure
from demo.show.presenters import change, escape, fine, note, percent
from demo.wording import Wording

NOTHING = "–"
KINDS = {"sound": "good", "worse": "warning"}
SPEAKERS = 8  # in the picture; the table has all


def panel(name: str, comparison: Comparison, analysis: Analysis, w: Wording) -> str:
    """Everything about one group of clips.

    Args:
        name: "test" or "canary".
        comparison: base against adapted.
        analysis: of that comparison.
        w: the page's wording.
    """
    counts = {"better": analysis.better, "worse": analysis.worse, "same": analysis.same}
    parts = [
        _heading("learned.question", w),
        note(w(f"learned.{name}.{analysis.writing.learnt}"), KINDS.get(analysis.writing.learnt, "info")),
        _writing(comparison, analysis, w),
        _heading("learned.kinds", w),
        fine(w("learned.clips", clips=len(comparison.clips), **counts)),
        _kinds(analysis, w),
        '<div class="columns">',
        *(f"<div>{_heading(f'learned.{fate}', w)}{_words(getattr(analysis, fate), w)}</div>" for fate in ("fixed", "broken")),
        f"<div>{_heading('learned.confusions', w)}{_confusions(analysis, w)}</div></div>",
        _matrix(analysis, w),
        _groups(analysis, w),
    ]
    return f'<div class="learned">{"".join(parts)}</div>'


def beside(comparisons: Mapping[str, Comparison], w: Wording) -> str:
    """What was gained on the set beside what was forgotten of general speech: picture and table."""
    there = [(name, comparisons[name]) for name in ("test", "canary") if name in comparisons]
    rows = []
    for name, comparison in there:
        both = comparison.base.wer.rate, comparison.adapted.wer.rate
        rows.append((w(f"learned.beside.{name}"), [*map(percent, both), _interval(comparison.difference, w)]))
    drawn = [
        Change(label, c.base.wer.rate, c.adapted.wer.rate, None, None) for (label, _), (_, c) in zip(rows, there, strict=True)
    ]
    title = w("learned.beside")
    picture = f'<div class="picture">{rates(drawn, title)}</div>'
    table = _table(_head("learned.measure", w), rows, stacked=True)
    return f'<div class="learned">{_heading("learned.beside", w)}{picture}{table}</div>'


def _writing(comparison: Comparison, analysis: Analysis, w: Wording) -> str:
    raw = "raw_cer" if leading_measure(comparison.language) == "cer" else "raw_wer"
    rows = []
    for key, measure, interval in (("normalised", "wer", analysis.writing.normalised), ("raw", raw, analysis.writing.raw)):
        both = (getattr(score, measure).rate for score in (comparison.base, comparison.adapted))
        rows.append((w(f"learned.{key}"), [*map(percent, both), _interval(interval, w)]))
    return _table(_head("learned.measure", w), rows, stacked=True)


def _kinds(analysis: Analysis, w: Wording) -> str:
    rows = []
    for kind in ("substitutions", "deletions", "insertions"):
        rows.append((w(f"learned.{kind}"), [str(count) for count in getattr(analysis, kind)]))
    for kind in ("loops", "runs_on", "empty"):
        rows.append((w(f"learned.{kind}"), [str(getattr(runaways, kind)) for runaways in analysis.runaways]))
    return _table(_head("learned.kind", w)[:3], rows)


def _words(words: Sequence[WordCount], w: Wording) -> str:
    if not words:
        return fine(w("learned.none"))
    head = [w(f"learned.{name}") for name in ("word", "times", "said", "in_clips")]
    return _table(head, [(word.word, [str(word.times), str(word.said), str(word.clips)]) for word in words])


def _confusions(analysis: Analysis, w: Wording) -> str:
    if not analysis.confusions:
        return fine(w("learned.none"))
    head = [w(name) for name in ("learned.word", "learned.heard", "figures.base", "figures.adapted")]
    return _table(head, [(c.said, [c.heard, str(c.base), str(c.adapted)]) for c in analysis.confusions])


def _matrix(analysis: Analysis, w: Wording) -> str:
    matrix = analysis.matrix
    if not matrix.said:
        return ""
    most = max(count for counts in (matrix.base, matrix.adapted) for row in counts for count in row)
    nothing = f'<abbr title="{escape(w("learned.nobody"))}">{NOTHING}</abbr>'
    columns = "".join(f'<th scope="col">{escape(name) or nothing}</th>' for name in matrix.heard)
    drawn = []
    for model in ("base", "adapted"):
        rows = []
        for name, counts in zip(matrix.said, getattr(matrix, model), strict=True):
            cells = "".join(_shaded(count, most) for count in counts)
            rows.append(f'<tr><th scope="row">{escape(name) or nothing}</th>{cells}</tr>')
        drawn.append(
            f'<div class="scroll"><table class="heat"><caption>{escape(w(f"figures.{model}"))}</caption><thead><tr>'
            f'<td class="corner">{escape(w("learned.matrix_corner"))}</td>{columns}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )
    about = fine(w("learned.matrix_about"))
    return f'{_heading("learned.matrix", w)}{about}<div class="columns two">{"".join(drawn)}</div>'


def _shaded(count: int, most: int) -> str:
    """A cell whose shade and number both tell the count."""
    share = round(100 * count / most)
    kind = ' class="dark"' if share > 50 else ""
    return f'<td{kind} style="--share: {share}%">{count}</td>' if count else "<td></td>"


def _groups(analysis: Analysis, w: Wording) -> str:
    named = [(kind, getattr(analysis, kind)) for kind in ("speakers", "lengths", "noises") if getattr(analysis, kind)]
    if not named:
        return ""
    parts = [_heading("learned.groups", w), fine(w("learned.groups_about"))]
    for kind, groups in named:
        title = w(f"learned.{kind}")
        head = [title, w("learned.in_clips"), w("figures.base"), w("figures.adapted"), w("learned.change")]
        drawn = [Change(_name(group, kind, w), group.base, group.adapted, None, None) for group in groups[:SPEAKERS]]
        rows = []
        for group in groups:
            told = w("learned.too_few") if group.interval is None else _interval(group.interval, w)
            rows.append((_name(group, kind, w), [str(group.clips), percent(group.base), percent(group.adapted), told]))
        picture = f'<div class="picture">{rates(drawn, title)}</div>'
        parts.append(f'<div class="group">{picture}{_table(head, rows, stacked=True)}</div>')
    return "".join(parts)


def _name(group: Group, kind: str, w: Wording) -> str:
    if kind == "speakers":
        return group.name or w("learned.nameless")
    digits = 1 if kind == "lengths" else 0
    return w(f"learned.{kind[:-1]}", low=f"{group.low:.{digits}f}", high=f"{group.high:.{digits}f}")


def _interval(interval: Interval, w: Wording) -> str:
    return change(interval.difference, interval.low, interval.high, w)


def _heading(key: str, w: Wording) -> str:
    return f"<h3>{escape(w(key))}</h3>"


def _head(first: str, w: Wording) -> list[str]:
    return [w(name) for name in (first, "figures.base", "figures.adapted", "learned.change")]


def _table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], stacked: bool = False) -> str:
    """A table; on a phone, where it would be too wide, a stacked one has its rows as blocks with labelled cells."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = []
    for name, row in rows:
        cells = (f'<td data-label="{escape(of)}">{escape(cell)}</td>' for of, cell in zip(head[1:], row, strict=True))
        body.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    kind = "figures stacked" if stacked else "figures"
    table = f'<table class="{kind}"><thead><tr>{columns}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'<div class="scroll">{table}</div>'

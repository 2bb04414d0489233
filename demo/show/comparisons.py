"""Markup of comparisons: verdicts, tables of figures, clips side by side, models side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.evaluation.compare import ClipComparison, Comparison, Figures
from core.evaluation.selection import most_telling
from core.evaluation.side_by_side import Trial
from core.runs.report import headline as report_headline
from core.runs.report.facts import facts, millions
from core.runs.report.verdicts import KINDS, by_importance, clip_errors, computed_on, measures, verdict
from core.runs.result import Result
from core.text.metrics import mark_words
from core.text.scoring import UNSPACED_LANGUAGES
from demo.show import markup
from demo.show.markup import NO_BREAK, escape, fine, marked, note, player, unbroken
from demo.show.numbers import percent, points
from demo.wording import Wording

# The messages assets/words.js shows beside a clip; it fills in the braces itself.
_BLANKS: dict[str, dict[str, str]] = {
    "finding": {},
    "failed": {},
    "heard": {"word": "{word}", "start": "{start}", "end": "{end}"},
}
FLIPPED = re.compile(r"\d+ → \d+")  # the two counts in the sentence on errors, which are shown large
FINDING = '<p class="fine finding" role="status"></p>'  # the element it shows them in


def legend(w: Wording) -> str:
    """Returns the legend of the word marks."""
    items = "".join(
        f'<span><span class="word {kind}">{escape(w("mark.sample"))}</span> {escape(w(f"mark.{key}"))}</span>'
        for kind, key in (("fixed", "fixed"), ("broken", "broken"), ("wrong", "wrong"), ("wrong missing", "missing"))
    )
    return f'<div class="legend" aria-hidden="true">{items}</div>'


def headline(run: str, result: Result, test: Comparison | None, w: Wording, watched: str = "") -> str:
    """Returns the result for one glance: one clip, how many errors there were and are, and what follows.

    Args:
        run: id of the run.
        result: of the run.
        test: base against adapted on its test clips, if there are any.
        w: the page's wording.
        watched: id of the clip that was shown while the model learned. It is shown again if it changed; otherwise the clip
            that tells most is.
    """
    kept = note(w("verdict.base_kept"), "warning") if result.base_kept else ""
    if test is None:
        return kept
    told = report_headline.headline(result, test, w)
    same = (i for i, clip in enumerate(test.clips) if watched and clip.id == watched and clip.base_words != clip.adapted_words)
    place = next(same, most_telling(test))
    pair = ""
    if place is not None:
        clip = test.clips[place]
        pair = side_by_side(clip, f"/sound/run/{run}/test/{place}", w, test.language, f"/times/{w.language}/{run}/test/{place}")
    facts = "".join(f'<li class="{name}">{escape(unbroken(said))}</li>' for name, said in told.facts() if name != "cost")
    counts = FLIPPED.sub(lambda found: f"<b>{found[0]}</b>", escape(told.errors))
    cost = f'<p class="cost">{escape(unbroken(told.cost))}</p>'
    more = f"<details><summary>{escape(w('stage.wall.more'))}</summary><ul>{facts}</ul>{legend(w)}</details>"
    said = escape(w("stage.said", base=test.base.wer.errors, adapted=test.adapted.wer.errors))  # by screen readers, once
    shown = f'{pair}<p class="errors">{counts}</p>{cost}{more}'
    return f'{kept}<section class="headline {told.kind}" data-said="{said}">{shown}</section>'


def verdicts(result: Result, w: Wording) -> str:
    """Returns all verdicts, bad news first."""
    parts = []
    for group, found in by_importance(result.figures):
        sentence = verdict(group, found, result.canary_set, w)
        parts.append(markup.verdict(sentence, KINDS.get(found.verdict, "unclear")))
    synthetic = f'<p class="fine">{escape(w("verdict.synthetic"))}</p>' if result.synthetic else ""
    return "".join(parts) + synthetic


def figures(result: Result, w: Wording) -> str:
    """Returns a table of the error rates of base and adapted, normalised and raw, and what the run worked with."""
    head = "".join(f'<th scope="col">{escape(w(f"figures.{c}"))}</th>' for c in ("measure", "base", "adapted"))
    rows = []
    for group, found in result.figures.items():
        label = escape(computed_on(group, found, result.canary_set, w))
        rows.append(f'<tr class="computed-on"><th scope="rowgroup" colspan="3">{label}</th></tr>')
        for measure in measures(found.language):
            cells = "".join(
                f'<td data-figure="{group}.{model}.{measure}">{percent(getattr(getattr(found, model), measure))}</td>'
                for model in ("base", "adapted")
            )
            rows.append(f"<tr><th scope='row'>{escape(w(f'figures.{measure}'))}</th>{cells}</tr>")
    table = f"<table class='figures'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    told = facts(result, w)
    worked_with = "".join(f"<li>{escape(unbroken(phrase))}</li>" for phrase in vars(told).values())
    about = f'<p class="fine">{escape(w("figures.note"))}</p>'
    return f'<div class="scroll">{table}</div>{about}<ul class="fine facts">{worked_with}</ul>'


def control(adapted: Figures, random: Figures, trained: int, w: Wording) -> str:
    """Shows why to fine-tune: the same network on the same clips, from pretrained weights and trained from scratch.

    Args:
        adapted: figures of the fine-tune on the held-out clips.
        random: figures of the same network trained from scratch.
        trained: number of the set's clips that both were trained on.
        w: the page's wording.
    """
    rates = {"base": points(adapted.base.wer), "adapted": points(adapted.adapted.wer), "random": points(random.adapted.wer)}
    sentence = w("control.result", clips=adapted.clips, trained=trained, **rates)
    return f"<h3>{escape(w('control.title'))}</h3>{note(unbroken(sentence))}"


def trials(tried: Sequence[Trial], reference: str, language: str, w: Wording) -> str:
    """Returns a table of one clip's transcripts by several models; with a reference, words are marked and errors counted."""
    names = ("trials.model", "figures.wer", "trials.seconds", "trials.parameters")
    head = "".join(f'<th scope="col">{escape(w(name))}</th>' for name in names)
    rows = []
    for trial in tried:
        words = mark_words(reference, trial.text, trial.text, language)[0] if reference else None
        spaced = language not in UNSPACED_LANGUAGES
        text = marked(words, w, spaced) if words is not None else escape(trial.text) or escape(w("compare.nothing"))
        rate = percent(trial.score.wer.rate) if trial.score else "–"
        cells = (rate, f"{trial.seconds:.1f}{NO_BREAK}s", millions(trial.parameters).replace(" ", NO_BREAK))
        figures = "".join(
            f'<td data-label="{escape(w(name))}">{escape(cell)}</td>' for name, cell in zip(names[1:], cells, strict=True)
        )
        rows.append(
            f'<tr class="computed-on"><th scope="row">{escape(trial.id)}</th>{figures}</tr>'
            f'<tr><td class="tried" colspan="4">{text}</td></tr>'
        )
    table = f"<table class='figures trials'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    hint = "" if reference else f'<p class="fine">{escape(w("trials.no_reference"))}</p>'
    return f'<div class="scroll">{table}</div>{hint}<p class="fine">{escape(w("trials.note"))}</p>'


def play_texts(w: Wording) -> str:
    """Returns the attributes of a clip whose words can be played: the messages while a word is looked up and played."""
    return "".join(f' data-{name}="{escape(w(f"clips.{name}", **_BLANKS[name]))}"' for name in _BLANKS)


def side_by_side(clip: ClipComparison, url: str, w: Wording, language: str = "en", times: str = "") -> str:
    """Returns one clip: base on the left, reference and sound in the middle, adapted on the right.

    Args:
        clip: the clip with both models' transcripts.
        url: of its sound.
        w: the page's wording.
        language: of the comparison.
        times: URL of the word times; without it, words cannot be played.
    """
    cells = [side(clip, model, w(f"compare.{model}"), w, language, pressable=bool(times)) for model in ("base", "adapted")]
    flag = note(w("compare.trained_on"), "warning") if clip.trained_on else ""
    heard = FINDING if times else ""
    middle = f'<div class="said"><p>{escape(clip.reference)}</p>{player(url, w)}{heard}{flag}</div>'
    asks = f' data-times="{escape(times)}"{play_texts(w)}' if times else ""
    return f'<article class="pair"{asks}>{cells[0]}{middle}{cells[1]}</article>'


def side(clip: ClipComparison, model: str, title: str, w: Wording, language: str = "en", pressable: bool = False) -> str:
    """Returns one side of a clip: a model's transcript with its words marked, and its errors.

    Args:
        clip: the clip with both models' transcripts.
        model: "base" or "adapted".
        title: above the transcript.
        w: the page's wording.
        language: of the comparison.
        pressable: whether pressing a word plays it.
    """
    words, wrong, cer = (getattr(clip, f"{model}_{kind}") for kind in ("words", "errors", "cer"))
    errors = unbroken(clip_errors(wrong, clip.words, cer, language, w))
    text = marked(words, w, language not in UNSPACED_LANGUAGES, pressable)
    group = f' role="group" aria-label="{escape(w(f"clips.words.{model}"))}" data-words="{model}"' if pressable else ""
    return (
        f'<div class="side {model}"><h4>{escape(title)}</h4>'
        f'<p class="heard" title="{escape(getattr(clip, model))}"{group}>{text}</p>'
        f'<p class="fine">{escape(errors)}</p></div>'
    )


def plain_pair(base: str, adapted: str, url: str, w: Wording) -> str:
    """Returns one unlabelled clip: two transcripts and no error count."""
    cells = [
        f'<div class="side {model}"><h4>{escape(w(f"compare.{model}"))}</h4><p class="heard">'
        f"{escape(text) or escape(w('compare.nothing'))}</p></div>"
        for model, text in (("base", base), ("adapted", adapted))
    ]
    middle = f'<div class="said"><p class="fine">{escape(w("compare.no_reference"))}</p>{player(url, w)}</div>'
    return f'<article class="pair">{cells[0]}{middle}{cells[1]}</article>'


def clip_list(run: str, group: str, comparison: Comparison, shown: Sequence[int], w: Wording) -> str:
    """Returns some clips of a comparison side by side, with words that play when pressed.

    Args:
        run: id of the run.
        group: "test" or "canary".
        comparison: of that group.
        shown: indices of the clips, in order.
        w: the page's wording.
    """
    if not shown:
        return note(w("clips.none"))
    labels = escape(w("clips.play_stop")), escape(w("clips.play_all"))
    play = f'<button type="button" class="play-all" data-stop="{labels[0]}">{labels[1]}</button>'
    pairs = "".join(
        side_by_side(
            comparison.clips[i],
            f"/sound/run/{run}/{group}/{i}",
            w,
            comparison.language,
            f"/times/{w.language}/{run}/{group}/{i}",
        )
        for i in shown
    )
    return f'<div class="clip-list">{legend(w)}{fine(w("clips.hear"))}<p>{play}</p>{pairs}</div>'

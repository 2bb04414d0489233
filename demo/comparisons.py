"""Comparisons into what the page shows: verdicts, tables of figures, clips side by side, models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.metrics import Word, mark_words
from core.runs import Run
from core.trials import Trial
from demo.presenters import NO_BREAK, escape, marked, note, percent, player, points
from demo.wording import Wording


def legend(w: Wording) -> str:
    """What the marks mean."""
    items = "".join(
        f'<span><span class="word {kind}">{escape(w("mark.sample"))}</span> {escape(w(f"mark.{key}"))}</span>'
        for kind, key in (("fixed", "fixed"), ("broken", "broken"), ("wrong", "wrong"), ("wrong missing", "missing"))
    )
    return f'<div class="legend" aria-hidden="true">{items}</div>'


def verdict(group: dict[str, Any], name: str, w: Wording) -> str:
    """The sentence above the numbers; a change for the worse is said as such."""
    base, adapted, difference = group["base"]["wer"], group["adapted"]["wer"], group["difference"]
    sentence = w(
        f"verdict.{name}.{group['verdict']}",
        base=points(base),
        adapted=points(adapted),
        gain_low=points(-difference["high"]),
        gain_high=points(max(0.0, -difference["low"])),
        loss_low=points(difference["low"]),
        loss_high=points(max(0.0, difference["high"])),
        clips=len(group["clips"]),
        clusters=difference["clusters"],
        unit=w(f"verdict.{difference['unit']}"),
    )
    kind = {"better": "good", "worse": "bad"}.get(group["verdict"], "unclear")
    return f'<p class="verdict {kind}">{escape(sentence.replace(" %", f"{NO_BREAK}%"))}</p>'


def verdicts(comparison: dict[str, Any], synthetic: bool, w: Wording) -> str:
    """All verdicts, the bad news first."""
    named = [(name, comparison[name]) for name in ("test", "canary") if name in comparison]
    named.sort(key=lambda pair: pair[1]["verdict"] != "worse")
    sentences = "".join(verdict(group, name, w) for name, group in named)
    return sentences + (f'<p class="fine">{escape(w("verdict.synthetic"))}</p>' if synthetic else "")


def figures(comparison: dict[str, Any], w: Wording) -> str:
    """WER and CER of base and adapted, normalised and raw."""
    head = "".join(f'<th scope="col">{escape(w(f"figures.{c}"))}</th>' for c in ("measure", "base", "adapted"))
    rows = []
    for name in ("test", "canary"):
        if name not in comparison:
            continue
        group = comparison[name]
        label = escape(w(f"figures.{name}", clips=len(group["clips"]), words=group["words"]))
        rows.append(f'<tr class="computed-on"><th scope="rowgroup" colspan="3">{label}</th></tr>')
        for measure in ("wer", "cer", "raw_wer", "raw_cer"):
            cells = "".join(
                f'<td data-figure="{name}.{model}.{measure}">{percent(group[model][measure])}</td>'
                for model in ("base", "adapted")
            )
            rows.append(f"<tr><th scope='row'>{escape(w(f'figures.{measure}'))}</th>{cells}</tr>")
    table = f"<table class='figures'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll">{table}</div><p class="fine">{escape(w("figures.note"))}</p>'


def control(result: dict[str, Any], random: dict[str, Any], w: Wording) -> str:
    """Why not train directly: the same network on the same clips, from pretrained and from random weights."""
    rates = {
        "base": points(result["test"]["base"]["wer"]),
        "adapted": points(result["test"]["adapted"]["wer"]),
        "random": points(random["test"]["adapted"]["wer"]),
    }
    sentence = w("control.result", clips=result["test"]["clips"], trained=result["clips"] - result["replayed"], **rates)
    return f"<h3>{escape(w('control.title'))}</h3>{note(sentence.replace(' %', f'{NO_BREAK}%'))}"


def trials(tried: Sequence[Trial], reference: str, language: str, w: Wording) -> str:
    """One clip as several models read it; with a reference their words are marked and counted."""
    names = ("trials.model", "figures.wer", "trials.seconds", "trials.parameters")
    head = "".join(f'<th scope="col">{escape(w(name))}</th>' for name in names)
    rows = []
    for trial in tried:
        words = mark_words(reference, trial.text, trial.text, language)[0] if reference else None
        text = marked(words, w) if words is not None else escape(trial.text) or escape(w("compare.nothing"))
        rate = percent(trial.score.wer.rate) if trial.score else "–"
        cells = (rate, f"{trial.seconds:.1f}{NO_BREAK}s", f"{trial.parameters / 1e6:.1f}{NO_BREAK}M")
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


def side_by_side(clip: dict[str, Any], url: str, w: Wording) -> str:
    """One clip: base left, what was said and its sound between, adapted right."""
    cells = []
    for model in ("base", "adapted"):
        words = [Word(**word) for word in clip[f"{model}_words"]]
        wrong = clip[f"{model}_errors"]
        rates = {"wer": percent(wrong / clip["words"]), "cer": percent(clip[f"{model}_cer"])}
        errors = w("compare.errors", errors=wrong, words=clip["words"], **rates)
        cells.append(
            f'<div class="side {model}"><h4>{escape(w(f"compare.{model}"))}</h4>'
            f'<p class="heard" title="{escape(clip[model])}">{marked(words, w)}</p><p class="fine">{escape(errors)}</p></div>'
        )
    flag = note(w("compare.trained_on"), "warning") if clip.get("trained_on") else ""
    middle = f'<div class="said"><p>{escape(clip["reference"])}</p>{player(url, w)}{flag}</div>'
    return f'<article class="pair">{cells[0]}{middle}{cells[1]}</article>'


def plain_pair(base: str, adapted: str, url: str, w: Wording) -> str:
    """One clip nobody has labelled: two transcripts and no count of errors."""
    cells = [
        f'<div class="side {model}"><h4>{escape(w(f"compare.{model}"))}</h4><p class="heard">'
        f"{escape(text) or escape(w('compare.nothing'))}</p></div>"
        for model, text in (("base", base), ("adapted", adapted))
    ]
    middle = f'<div class="said"><p class="fine">{escape(w("compare.no_reference"))}</p>{player(url, w)}</div>'
    return f'<article class="pair">{cells[0]}{middle}{cells[1]}</article>'


def held_out(run: Run, comparison: dict[str, Any], w: Wording) -> str:
    """Every held-out clip side by side, the most improved first."""
    clips = comparison.get("test", {}).get("clips", [])
    order = sorted(range(len(clips)), key=lambda i: clips[i]["adapted_errors"] - clips[i]["base_errors"])
    return legend(w) + "".join(side_by_side(clips[i], f"/sound/run/{run.id}/test/{i}", w) for i in order)

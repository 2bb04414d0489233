"""Markup of comparisons: verdicts, tables of figures, clips side by side, models side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from core.data.samples import CANARY
from core.evaluation.compare import Comparison
from core.evaluation.trials import Trial
from core.text.metrics import Word, mark_words
from core.text.scoring import UNSPACED_LANGUAGES, leading_measure
from demo.show.markup import NO_BREAK, escape, fine, marked, note, player
from demo.show.numbers import percent, points
from demo.wording import Wording

BUILT_IN = {"name": CANARY, "synthetic": True}  # for results without "canary_set", written when there was no other

# The messages assets/words.js shows beside a clip; it fills in the braces itself.
_BLANKS: dict[str, dict[str, str]] = {
    "finding": {},
    "failed": {},
    "heard": {"word": "{word}", "start": "{start}", "end": "{end}"},
}
FINDING = '<p class="fine finding" role="status"></p>'  # where it shows them


def legend(w: Wording) -> str:
    """Returns the legend of the word marks."""
    items = "".join(
        f'<span><span class="word {kind}">{escape(w("mark.sample"))}</span> {escape(w(f"mark.{key}"))}</span>'
        for kind, key in (("fixed", "fixed"), ("broken", "broken"), ("wrong", "wrong"), ("wrong missing", "missing"))
    )
    return f'<div class="legend" aria-hidden="true">{items}</div>'


def general(canary: dict[str, Any], clips: int, w: Wording) -> str:
    """Describes a result's general speech, its "canary_set", with the number of clips."""
    return w("canary.synthetic", clips=clips) if canary["synthetic"] else w("canary.real", clips=clips, name=canary["name"])


def verdict(group: dict[str, Any], name: str, heard: str, w: Wording) -> str:
    """Returns the verdict on one group, which calls a change for the worse by its name; `heard` is from `general`."""
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
        general=heard,
        clusters=difference["clusters"],
        unit=w(f"verdict.{difference['unit']}", count=difference["clusters"]),
        errors=w(f"errors.{leading_measure(group['language'])}"),
    )
    kind = {"better": "good", "worse": "bad"}.get(group["verdict"], "unclear")
    return f'<p class="verdict {kind}">{escape(sentence.replace(" %", f"{NO_BREAK}%"))}</p>'


def verdicts(comparison: dict[str, Any], synthetic: bool, canary: dict[str, Any], w: Wording) -> str:
    """Returns all verdicts, bad news first."""
    named = [(name, comparison[name]) for name in ("test", "canary") if name in comparison]
    named.sort(key=lambda pair: pair[1]["verdict"] != "worse")
    heard = general(canary, len(comparison["canary"]["clips"]) if "canary" in comparison else 0, w)
    sentences = "".join(verdict(group, name, heard, w) + (_needed(group, w) if name == "test" else "") for name, group in named)
    return sentences + (f'<p class="fine">{escape(w("verdict.synthetic"))}</p>' if synthetic else "")


def _needed(group: dict[str, Any], w: Wording) -> str:
    """Returns a note on how much more data a verdict needs, if there is none yet."""
    more = group.get("clips_needed", 0)  # missing in runs of older versions
    if more is None:
        return note(w("verdict.hopeless"))
    unit = w(f"verdict.{group['difference']['unit']}", count=more)
    return note(w("verdict.needed", more=more, unit=unit)) if more else ""


def figures(comparison: dict[str, Any], canary: dict[str, Any], w: Wording) -> str:
    """Returns a table of WER and CER of base and adapted, normalised and raw."""
    head = "".join(f'<th scope="col">{escape(w(f"figures.{c}"))}</th>' for c in ("measure", "base", "adapted"))
    rows = []
    for name in ("test", "canary"):
        if name not in comparison:
            continue
        group = comparison[name]
        by_character = leading_measure(group["language"]) == "cer"
        key = "figures.test_cer" if by_character and name == "test" else f"figures.{name}"
        label = escape(w(key, clips=len(group["clips"]), words=group["words"], general=general(canary, len(group["clips"]), w)))
        rows.append(f'<tr class="computed-on"><th scope="rowgroup" colspan="3">{label}</th></tr>')
        for measure in ("cer", "raw_cer") if by_character else ("wer", "cer", "raw_wer", "raw_cer"):
            cells = "".join(
                f'<td data-figure="{name}.{model}.{measure}">{percent(group[model][measure])}</td>'
                for model in ("base", "adapted")
            )
            rows.append(f"<tr><th scope='row'>{escape(w(f'figures.{measure}'))}</th>{cells}</tr>")
    table = f"<table class='figures'><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll">{table}</div><p class="fine">{escape(w("figures.note"))}</p>'


def control(result: dict[str, Any], random: dict[str, Any], w: Wording) -> str:
    """Shows why to fine-tune: the same network on the same clips, from pretrained weights and trained from scratch."""
    rates = {
        "base": points(result["test"]["base"]["wer"]),
        "adapted": points(result["test"]["adapted"]["wer"]),
        "random": points(random["test"]["adapted"]["wer"]),
    }
    sentence = w("control.result", clips=result["test"]["clips"], trained=result["clips"] - result["replayed"], **rates)
    return f"<h3>{escape(w('control.title'))}</h3>{note(sentence.replace(' %', f'{NO_BREAK}%'))}"


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


def told(w: Wording) -> str:
    """Returns the attributes of a clip whose words can be played: the messages while a word is looked up and played."""
    return "".join(f' data-{name}="{escape(w(f"clips.{name}", **_BLANKS[name]))}"' for name in _BLANKS)


def side_by_side(clip: dict[str, Any], url: str, w: Wording, language: str = "en", times: str = "") -> str:
    """Returns one clip: base on the left, reference and sound in the middle, adapted on the right.

    Args:
        clip: fields of a `core.evaluation.compare.ClipComparison`.
        url: of its sound.
        w: the page's wording.
        language: of the comparison.
        times: URL of the word times; without it, words cannot be played.
    """
    cells = []
    for model in ("base", "adapted"):
        words = [Word(**word) for word in clip[f"{model}_words"]]
        wrong = clip[f"{model}_errors"]
        rates = {"wer": percent(wrong / clip["words"]), "cer": percent(clip[f"{model}_cer"])}
        key = "compare.errors_cer" if leading_measure(language) == "cer" else "compare.errors"
        errors = w(key, errors=wrong, words=clip["words"], **rates)
        text = marked(words, w, language not in UNSPACED_LANGUAGES, pressable=bool(times))
        group = f' role="group" aria-label="{escape(w(f"clips.words.{model}"))}" data-words="{model}"' if times else ""
        cells.append(
            f'<div class="side {model}"><h4>{escape(w(f"compare.{model}"))}</h4>'
            f'<p class="heard" title="{escape(clip[model])}"{group}>{text}</p><p class="fine">{escape(errors)}</p></div>'
        )
    flag = note(w("compare.trained_on"), "warning") if clip.get("trained_on") else ""
    heard = FINDING if times else ""
    middle = f'<div class="said"><p>{escape(clip["reference"])}</p>{player(url, w)}{heard}{flag}</div>'
    asks = f' data-times="{escape(times)}"{told(w)}' if times else ""
    return f'<article class="pair"{asks}>{cells[0]}{middle}{cells[1]}</article>'


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
            dataclasses.asdict(comparison.clips[i]),
            f"/sound/run/{run}/{group}/{i}",
            w,
            comparison.language,
            f"/times/{w.language}/{run}/{group}/{i}",
        )
        for i in shown
    )
    return f'<div class="clip-list">{legend(w)}{fine(w("clips.hear"))}<p>{play}</p>{pairs}</div>'

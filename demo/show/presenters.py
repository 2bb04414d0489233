"""Results and events into what the page shows: escaped markup, plot tables, sentences. No Gradio, no state."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.data.clips.labelled_set import LabelledSet
from core.data.library.recordings import Recording
from core.data.samples import CANARY, SAMPLES
from core.errors import AttuneError
from core.models.catalogue import CATALOGUE
from core.models.loading import is_here
from core.runs.export.hugging_face import folder_name, usage
from core.runs.run_folder import Run
from core.storage import disk
from core.storage.files import home
from core.text.metrics import Word
from core.training.recipe import Recipe
from demo.wording import Wording

if TYPE_CHECKING:
    from core.audio.augment.augmenter import Augmented
    from core.training.forecast import Forecast

NO_BREAK = "\u00a0"  # a number and its unit stay on one line
MINUS = "\u2212"
_AUGMENTED = ("speed", "gain", "noise", "reverb", "telephone", "time_mask", "frequency_mask")
_HELD = ("l2_new", "weight_decay", "dropout", "layer_drop", "label_smoothing", "adversarial", "average", "patience")
_ENTITIES = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})


def escape(text: object) -> str:
    """Makes any text safe inside markup: HTML's own characters, and those that Gradio's templates evaluate."""
    return html.escape(str(text)).translate(_ENTITIES)


def heading(number: int, step: str, w: Wording) -> str:
    """A step's number, title and one sentence."""
    title, sentence = escape(w(f"{step}.title")), escape(w(f"{step}.sentence"))
    return f'<h2 id="{step}"><span class="step-number">{number}</span>{title}</h2><p class="lead">{sentence}</p>'


def note(text: str, kind: str = "info") -> str:
    """A sentence with a frame; "error" and "warning" are announced by screen readers."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note {kind}" role="{role}">{escape(text)}</p>' if text else ""


def picture(png: bytes, label: str) -> str:
    """A picture as part of the page.

    Args:
        png: the file's bytes.
        label: what it shows, for who cannot see it.
    """
    return f'<img class="picture" alt="{escape(label)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def explain(error: BaseException, w: Wording) -> str:
    """An error as a sentence in the page's language; what nobody foresaw gets a general one, never a traceback."""
    if isinstance(error, Exception) and not isinstance(error, AttuneError):
        error = disk.explained(error, home())
    if isinstance(error, AttuneError):
        return reason(error.reason, error.details, str(error), w)
    return w("error.disk") if isinstance(error, OSError) else w("error.unexpected")


def reason(name: str, details: dict[str, Any], message: str, w: Wording) -> str:
    """The sentence for a stable reason; the English message where a translation has none."""
    called = {"name": "adapt"} if name.startswith("recipe_") else {"column": "column", "language": "language"}
    for field, family in called.items():  # by its name on the page
        if w.has(f"{family}.{details.get(field)}"):
            details = {**details, field: w(f"{family}.{details[field]}")}
    try:
        return w(f"error.{name}", **details) if w.has(f"error.{name}") else message
    except (LookupError, TypeError, ValueError):  # details as a damaged file has them
        return message


def percent(share: float) -> str:
    """A rate for people: whole percent, one decimal below 10 %."""
    return f"{points(share)}{NO_BREAK}%"


def duration(seconds: float, w: Wording) -> str:
    """A span of time for people."""
    if not 90 <= seconds < math.inf:
        return w("time.seconds", n=max(1, round(seconds)) if math.isfinite(seconds) else "?")
    return w("time.minutes", n=f"{seconds / 60:.1f}")


def marked(words: Sequence[Word], w: Wording, spaced: bool = True, pressable: bool = False) -> str:
    """A transcript whose words say what became of them: by colour, by line, and in text for screen readers.

    Args:
        words: of the transcript.
        w: the page's wording.
        spaced: whether the language writes spaces between them.
        pressable: whether each can be pressed to be heard (assets/words.js); Tab reaches the first, arrow keys the others.
    """
    if not words:
        return f'<span class="nothing">{escape(w("compare.nothing"))}</span>'
    parts = []
    for i, word in enumerate(words):
        state = "missing" if word.missing else word.state
        text, press = escape(word.text), ""
        if pressable:
            press = f' role="button" tabindex="{0 if i == 0 else -1}" data-word="{i}"'
        if word.state == "same":
            parts.append(f'<span class="word same"{press}>{text}</span>' if pressable else text)
            continue
        spoken = escape(w(f"mark.{state}" if not (word.missing and word.state == "broken") else "mark.missing_broken"))
        kind = f"{word.state} missing" if word.missing else word.state
        parts.append(f'<span class="word {kind}"{press} title="{spoken}">{text}<span class="sr"> ({spoken}) </span></span>')
    return (" " if spaced else "").join(parts)


def player(url: str, w: Wording) -> str:
    """A sound one can play."""
    return f'<audio controls preload="none" src="{escape(url)}" aria-label="{escape(w("listen.play"))}"></audio>'


def subheading(text: str) -> str:
    """The title of a group of panels."""
    return f"<h3>{escape(text)}</h3>"


def fine(text: str) -> str:
    """A sentence in small type."""
    return f'<p class="fine">{escape(text)}</p>'


def model_choices(w: Wording) -> list[tuple[str, str]]:
    """The models by label and id; a label says what is ready and what must be fetched first."""
    rows = []
    for entry in CATALOGUE:
        if is_here(entry.id):
            state = "ready"
        elif entry.bundle is not None:
            state = "package"
        else:
            state = "both" if entry.requirement else "download"
        rows.append((w(f"model.choice.{state}", id=entry.id, mb=entry.megabytes), entry.id))
    return rows


def download(
    id: str,
    megabytes: float,
    finetune_gigabytes: float,
    free: float,
    w: Wording,
    server: str = "",
    requirement: str = "",
) -> str:
    """What using a model costs that is not on this computer; without a server it comes from the hub."""
    needs = [w("model.about.download", id=id, mb=f"{megabytes:.0f}", server=server or w("model.hub"))]
    if requirement:
        needs.append(w("model.about.also", package=requirement))
    needs.append(w("model.memory", gb=f"{finetune_gigabytes:.1f}"))
    needs.append(w("model.free", gb=f"{free / 1e9:.1f}"))
    return fine(" ".join(needs))


def language_name(code: str, w: Wording) -> str:
    """A language by its name in the page's language; by its code where it has none."""
    return w(f"language.{code}") if w.has(f"language.{code}") else code


def language(code: str, detected: bool, w: Wording) -> str:
    """Which language a model wrote, and whether it found that out itself; empty where it does not say."""
    if not code:
        return ""
    return w("listen.language_detected" if detected else "listen.language", language=language_name(code, w))


def transcript(text: str, seconds: float, sound_seconds: float, model: str, w: Wording, spoken: str = "") -> str:
    """What the base heard, how long it took, and in which language."""
    shown = escape(text) if text else f'<span class="nothing">{escape(w("compare.nothing"))}</span>'
    took = escape(w("listen.took", model=model, seconds=f"{seconds:.1f}", sound=f"{sound_seconds:.1f}"))
    said = fine(spoken) if spoken else ""
    return f'<div class="transcript" id="base-transcript" role="status">{shown}</div>{said}<p class="fine">{took}</p>'


def heard_before(text: str, url: str, w: Wording) -> str:
    """The current clip on a page that was loaded again."""
    shown = escape(text) if text else f'<span class="nothing">{escape(w("compare.nothing"))}</span>'
    return f'<div class="transcript" id="base-transcript">{shown}</div><p>{player(url, w)}</p>'


def set_card(about: str, labelled: LabelledSet, minutes: float, example_url: str, w: Wording) -> str:
    """What a labelled set is and holds, with one clip to hear."""
    counts = {part: len(labelled.part(part)) for part in ("train", "validation", "test")}
    lines = [f"<p>{escape(about)}</p>"]
    if labelled.synthetic:
        lines.append(f'<p class="badge">{escape(w("set.synthetic"))}</p>')
    lines.append(f'<p class="fine">{escape(w("set.counts", minutes=f"{minutes:.1f}", **counts))}</p>')
    if labelled.clips and example_url:
        lines.append(f'<p class="example">{player(example_url, w)} “{escape(labelled.clips[0].text)}”</p>')
    return f'<div class="card">{"".join(lines)}</div>'


def own_clips(recordings: Sequence[Recording], w: Wording) -> str:
    """The user's own recordings, newest first."""
    if not recordings:
        return note(w("teach.none"))
    rows = "".join(
        f"<li>{player(f'/sound/recording/{r.id}', w)}<span>"
        f"{escape(r.text) if r.text else escape(w('teach.unlabelled'))}</span>"
        f'<span class="fine">{r.seconds:.1f} s</span></li>'
        for r in reversed(recordings)
    )
    labelled = sum(bool(r.text) for r in recordings)
    seconds = sum(r.seconds for r in recordings if r.text)
    total = escape(w("teach.total", clips=labelled, seconds=f"{seconds:.0f}", all=len(recordings)))
    return f'<p class="fine">{total}</p><ul class="clips">{rows}</ul>'


def recipe_words(recipe: Recipe, clips: int, w: Wording) -> str:
    """A recipe in plain words."""
    batch = recipe.batch_size * recipe.accumulate
    augment = [w(f"recipe.augment.{name}") for name in _AUGMENTED if getattr(recipe.augment, name)]
    held = [w(f"recipe.{name}") for name in _HELD if getattr(recipe, name)]
    lines = [
        *([w("recipe.random")] if recipe.start == "random" else []),
        *([w("recipe.classify")] if recipe.task == "classify" else []),
        w(f"recipe.{recipe.trains}", layers=recipe.last_layers),
        *([w(f"recipe.{recipe.adapter}", rank=recipe.adapter_rank)] if recipe.adapter != "none" else []),
        w(f"recipe.rate.{recipe.schedule}", rate=f"{recipe.learning_rate:g}", epochs=recipe.epochs, clips=clips, batch=batch),
        *([w("recipe.layer_decay", share=f"{recipe.layer_decay:g}")] if recipe.layer_decay < 1 else []),
        *([w("recipe.unfreeze", share=f"{100 * recipe.unfreeze:.0f}")] if recipe.unfreeze else []),
        w("recipe.l2_sp", strength=f"{recipe.l2_sp:g}") if recipe.l2_sp else w("recipe.no_l2_sp"),
        *([w("recipe.also", what=w("recipe.and").join(held))] if held else []),
        *([w("recipe.augment", what=w("recipe.and").join(augment))] if augment else []),
        *([w("recipe.replay", share=f"{100 * recipe.replay:.0f}")] if recipe.replay else []),
        w("recipe.best", times=recipe.evaluations),
    ]
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def augmented(drawn: Augmented, text: str, url: str, w: Wording) -> str:
    """A training clip as augmentation makes it, and what was drawn for it."""
    room = (
        "" if not drawn.room else w("augmented.room") if drawn.rt60 is None else w("augmented.rt60", rt60=f"{drawn.rt60:.2f}")
    )
    noise = w(f"noise.{drawn.noise}") if w.has(f"noise.{drawn.noise}") else drawn.noise
    told = [
        *([w("augmented.speed", speed=f"{drawn.speed:.2f}")] if drawn.speed != 1 else []),
        *([room] if room else []),
        *([w("augmented.noise", noise=noise, snr=f"{drawn.snr_db:.0f}")] if noise else []),
        *([w("augmented.telephone")] if drawn.telephone else []),
        *([w("augmented.gain", gain=f"{drawn.gain_db:+.1f}")] if drawn.gain_db else []),
    ]
    words = w("recipe.and").join(told) if told else w("augmented.nothing")
    return f'<div class="card"><p class="example">{player(url, w)} “{escape(text)}”</p>{fine(words)}</div>'


def forecast_words(forecast: Forecast, w: Wording) -> str:
    """How long it will take here."""
    return w(
        "adapt.forecast",
        total=duration(forecast.total, w),
        train=duration(forecast.train, w),
        evaluate=duration(forecast.evaluate, w),
    )


def axis(table: pd.DataFrame) -> list[float]:
    """The range of a chart's vertical axis: from 0 to a little above the highest value."""
    return [0.0, 1.05 * max(float(table.iloc[:, 1].max()), 1e-3)]


def take_home(run: Run, result: dict[str, Any], w: Wording) -> str:
    """The download, and how to use and repeat it."""
    link = f"/take-home/{run.id}.zip"
    megabytes = sum(file.stat().st_size for file in run.adapted.glob("*") if file.is_file()) / 1e6
    code = usage(folder_name(run.id), result["family"])
    usual = Recipe.default(result["family"], result["clips"] - result["replayed"]).settings()
    chosen = Recipe.from_json(result["recipe"]).settings()
    settings = [f"--set {key}={value}" for key, value in chosen.items() if value != usual[key]]
    given = f"--model {result['model']} --train {result['set']} --canary {CANARY} --seed {result['seed']} --out RUN"
    again = " ".join(["attune finetune", given, *settings])
    parts = [f'<p><a class="download" href="{link}" download>{escape(w("home.download", mb=f"{megabytes:.0f}"))}</a></p>']
    parts.append(f"<h3>{escape(w('home.use'))}</h3><pre><code>{escape(code)}</code></pre>")
    if result["synthetic"] and result["set"] in SAMPLES:  # a copy of one is synthetic too, and goes by another name
        parts.append(f"<h3>{escape(w('home.again'))}</h3><pre><code>{escape(again)}</code></pre>")
    parts.append(f'<p class="fine">{escape(w("home.where", folder=Path(result["run"])))}</p>')
    return "".join(parts)


def change(difference: float, low: float | None, high: float | None, w: Wording) -> str:
    """A difference of rates in percentage points with its interval, where it has one."""

    def signed(share: float) -> str:
        return f"{100 * share:+.1f}".replace("-", MINUS) if abs(share) >= 0.0005 else "0.0"

    if low is None or high is None:
        return signed(difference)
    return w("learned.change_p", change=signed(difference), low=signed(low), high=signed(high))


def points(share: float) -> str:
    """A rate in percent without its sign: whole, one decimal below 10."""
    return f"{share * 100:.0f}" if abs(share) >= 0.0995 else f"{share * 100:.1f}"

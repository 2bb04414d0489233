"""Markup of step 6: the adapted model tried and taken home, its link, how to use and reproduce it, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.data.samples import CANARY, SAMPLES, read_sample
from core.runs.export.hugging_face import OWN_FAMILIES, folder_name, usage
from core.runs.result import Result
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from core.training.proposal import propose
from demo.show.markup import escape, fine, or_nothing
from demo.wording import Wording


def report_links(address: str, kinds: Sequence[str], w: Wording) -> str:
    """Returns links to a report.

    Args:
        address: URL of its files, without the extension.
        kinds: file extensions.
        w: the page's wording.
    """
    links = " ".join(
        f'<a class="{"download" if kind == "html" else "also"}" href="{address}.{kind}" download>'
        f"{escape(w(f'report.{kind}'))}</a>"
        for kind in kinds
    )
    return f"<h3>{escape(w('report.title'))}</h3>{fine(w('report.about'))}<p>{links}</p>"


def take_home(run: Run, result: Result, shared: str, w: Wording) -> str:
    """Returns the link to the adapted model, what it is for, and how to use and reproduce it.

    Args:
        run: a finished run.
        result: its result.
        shared: path of the run's link, see `demo.session.shared_run`.
        w: the page's wording.
    """
    link = f"/take-home/{run.id}.zip"
    code = usage(folder_name(run.id), result.family)
    parts = [f'<p><a class="download" href="{link}" download>{escape(w("home.download", mb=_megabytes(run)))}</a></p>']
    parts.append(_link(shared, w))
    uses = ["home.for.attune"] if result.family in OWN_FAMILIES else ["home.for.python", "home.for.programs"]
    parts.append(f"<h3>{escape(w('home.use'))}</h3><ul>{''.join(f'<li>{escape(w(use))}</li>' for use in uses)}</ul>")
    parts.append(f"<pre><code>{escape(code)}</code></pre>")
    if result.synthetic and result.set in SAMPLES:  # a copy of a sample set is synthetic too, but has another name
        parts.append(f"<h3>{escape(w('home.again'))}</h3><pre><code>{escape(_command(result))}</code></pre>")
    parts.append(f'<p class="fine">{escape(w("home.where", folder=Path(result.run)))}</p>')
    return "".join(parts)


def _link(shared: str, w: Wording) -> str:
    """Returns the run's link for another device: the style sheet shows it on phones, and assets/share.js fills in the address
    and whether another device can reach it.
    """
    buttons = "".join(
        f'<button type="button" data-share="{how}">{escape(w(f"home.link.{how}"))}</button>' for how in ("send", "copy")
    )
    field = f'<input readonly data-path="{escape(shared)}" aria-label="{escape(w("home.link"))}">'
    told = f'<p class="fine" role="status" data-copied="{escape(w("home.link.copied"))}"></p>'
    return (
        f'<div class="share"><h3>{escape(w("home.link"))}</h3>'
        f'<div class="share-there">{fine(w("home.link.about"))}{field}<div>{buttons}</div>{told}</div>'
        f'<div class="share-here">{fine(w("home.link.loopback"))}</div></div>'
    )


def written(text: str, sound: float, seconds: float, w: Wording) -> str:
    """Returns what the adapted model wrote of a sound that is tried.

    Args:
        text: the transcript.
        sound: seconds of sound.
        seconds: that transcribing took.
        w: the page's wording.
    """
    took = fine(w("home.try.took", sound=f"{sound:.1f}", seconds=f"{seconds:.1f}"))
    return f'<div class="transcript" role="status">{or_nothing(text, w)}</div>{took}'


def shared_page(run: Run, w: Wording) -> str:
    """Returns the page that a run's link opens: links to the adapted model and the report, and what the model is for."""
    name = read_name(run)
    title = escape(name or w("home.shared"))
    megabytes = _megabytes(run)
    links = (("../model.zip", w("home.download", mb=megabytes)), ("report.html", w("report.html")))
    shown = "".join(f'<p><a href="{address}" download>{escape(text)}</a></p>' for address, text in links)
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html><html lang="{w.language}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style></head>"
        f"<body><h1>{title}</h1><p>{escape(w('home.shared.about'))}</p>{shown}<p>{escape(w('home.link.about'))}</p></body></html>"
    )


def _megabytes(run: Run) -> str:
    return f"{sum(file.stat().st_size for file in run.adapted.glob('*') if file.is_file()) / 1e6:.0f}"


def _command(result: Result) -> str:
    """Returns the command that repeats a run on a sample set: what the command line would propose, and the changes to it."""
    usual = propose(result.model, result.family, read_sample(result.set)).recipe.settings()
    chosen = result.recipe.settings()
    settings = [f"--set {key}={value}" for key, value in chosen.items() if value != usual[key]]
    given = f"--model {result.model} --train {result.set} --canary {CANARY} --seed {result.seed} --out RUN"
    return " ".join(["attune finetune", given, *settings])

"""Markup of step 6: the adapted model, how to use and reproduce it, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.data.samples import CANARY, SAMPLES, read_sample
from core.runs.export.hugging_face import folder_name, usage
from core.runs.result import Result
from core.runs.run_folder import Run
from core.training.proposal import propose
from demo.show.markup import escape, fine
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


def take_home(run: Run, result: Result, w: Wording) -> str:
    """Returns the link to the adapted model, and how to use and reproduce it."""
    link = f"/take-home/{run.id}.zip"
    megabytes = sum(file.stat().st_size for file in run.adapted.glob("*") if file.is_file()) / 1e6
    code = usage(folder_name(run.id), result.family)
    parts = [f'<p><a class="download" href="{link}" download>{escape(w("home.download", mb=f"{megabytes:.0f}"))}</a></p>']
    parts.append(f"<h3>{escape(w('home.use'))}</h3><pre><code>{escape(code)}</code></pre>")
    if result.synthetic and result.set in SAMPLES:  # a copy of a sample set is synthetic too, but has another name
        parts.append(f"<h3>{escape(w('home.again'))}</h3><pre><code>{escape(_command(result))}</code></pre>")
    parts.append(f'<p class="fine">{escape(w("home.where", folder=Path(result.run)))}</p>')
    return "".join(parts)


def _command(result: Result) -> str:
    """Returns the command that repeats a run on a sample set: what the command line would propose, and the changes to it."""
    usual = propose(result.model, result.family, read_sample(result.set)).recipe.settings()
    chosen = result.recipe.settings()
    settings = [f"--set {key}={value}" for key, value in chosen.items() if value != usual[key]]
    given = f"--model {result.model} --train {result.set} --canary {CANARY} --seed {result.seed} --out RUN"
    return " ".join(["attune finetune", given, *settings])

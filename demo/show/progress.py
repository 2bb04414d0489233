"""Progress displays: a sentence and a bar."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from core.errors import RunError
from core.runs.job_folder import Job, State
from core.runs.report.facts import facts
from core.runs.run_folder import Run
from core.training import events
from demo.show.errors import explain, reason
from demo.show.markup import escape, note
from demo.show.numbers import duration
from demo.show.waiting import NOBODY, Ahead, waiting
from demo.wording import Wording

ACTIVE = ("waiting", "running")


def bar(share: float, label: str, text: str = "") -> str:
    """Returns a progress bar.

    Args:
        share: how much is done, from 0 to 1.
        label: what it is about, for screen readers.
        text: fallback for browsers without progress bars; by default the share in percent.
    """
    return f'<progress value="{share:.3f}" max="1" aria-label="{escape(label)}">{escape(text) or f"{share:.0%}"}</progress>'


def going(sentence: str, share: float | None, label: str, state: str = "", below: str = "") -> str:
    """Returns a sentence about work in progress, and a bar.

    Args:
        sentence: what is in progress. Not announced by screen readers, as it is refreshed every second.
        share: how much is done, from 0 to 1; None if unknown, for no bar.
        label: what the bar is about, for screen readers.
        state: of a job.
        below: markup to put below the bar; not announced either.
    """
    text = note(sentence) + (bar(share, label) if share is not None else "") + below
    return _framed(text.replace(' role="status"', ""), state)


def fetching(id: str, done: int, total: int, remaining: float | None, stopping: bool, w: Wording) -> str:
    """Shows the progress of a model download."""
    if stopping:
        return note(w("model.stopping"))
    if not total:
        return note(w("model.asking", id=id))
    megabytes = {"done": f"{done / 1e6:.0f}", "total": f"{total / 1e6:.0f}"}
    sentence = w("model.fetching", id=id, **megabytes)
    if remaining is not None:
        sentence += w("model.to_go", time=duration(remaining, w))
    return going(sentence, done / total, w("model.progress"))


def run_progress(run: Run, state: State, happened: Sequence[events.Event], w: Wording, ahead: Ahead = NOBODY) -> str:
    """Shows the progress of a fine-tune and its warnings.

    Args:
        run: the fine-tune.
        state: its state.
        happened: its events.
        w: the page's wording.
        ahead: what has to end before it can begin, while it waits.
    """
    prepared = next((e for e in happened if isinstance(e, events.Prepared)), None)
    stepped = next((e for e in reversed(happened) if isinstance(e, events.Stepped)), None)
    entered = next((e for e in reversed(happened) if isinstance(e, events.Entered)), None)
    share, sentence, kind = 0.0, "", "info"
    if state == "done":
        sentence, kind = _done(run, happened, w)
    elif state == "failed" and happened and isinstance(failed := happened[-1], events.Failed):
        sentence, kind = reason(failed.reason, failed.details, w("error.unexpected"), w), "error"
    elif state == "interrupted":
        sentence, kind = w("adapt.interrupted", step=stepped.step if stepped else 0), "error"
    elif state == "waiting" or entered is None or not w.has(f"phase.{entered.phase}"):
        sentence = waiting(ahead, w)
    elif entered.phase == "training" and prepared and stepped:
        share, left = stepped.step / max(1, prepared.steps), run.remaining(happened)
        time = duration(stepped.remaining if left is None else left, w)
        sentence = w("adapt.step", step=stepped.step, steps=prepared.steps, time=time)
    else:
        sentence = w(f"phase.{entered.phase}", clips=entered.clips)
        share, left = 1.0 if stepped else 0.0, run.remaining(happened)
        sentence += w("queue.left", time=duration(left, w)) if left is not None else ""
    if run.should_stop() and state in ACTIVE:
        sentence = w("adapt.stopping")
    return _shown(state, sentence, kind, share, happened, w)


def _done(run: Run, happened: Sequence[events.Event], w: Wording) -> tuple[str, str]:
    """Returns a sentence about a fine-tune that is done, with the numbers of its result, and its kind."""
    try:
        result = run.result()
    except RunError as error:
        return explain(error, w), "error"
    if result is None:  # deleted since
        return "", "info"
    trained = next((event for event in happened if isinstance(event, events.Trained)), None)
    if trained is not None and not result.steps:  # of an earlier version, whose result does not have them
        result = dataclasses.replace(result, steps=trained.steps, best_step=trained.best_step, blend=trained.blend)
    if not result.steps:
        return w("adapt.untrained"), "info"
    key = "adapt.stopped" if result.stopped or (trained is not None and trained.stopped) else "adapt.done"
    told = facts(result, w)
    sentence = w(f"{key}_base" if result.base_kept else key, steps=told.steps)
    sentence += w("adapt.took", seconds=told.seconds) if result.seconds.total else ""
    return sentence, "warning" if result.base_kept else "info"


def job_progress(job: Job, w: Wording, ahead: Ahead = NOBODY) -> str:
    """Shows the progress of a ladder or a measurement and its warnings; the arguments are those of `run_progress`."""
    state, happened = job.state(), job.events()
    advanced = next((event for event in reversed(happened) if isinstance(event, events.Advanced)), None)
    share, kind = 0.0, "info"
    if state == "done":
        finished = next((event for event in reversed(happened) if isinstance(event, events.Finished)), None)
        sentence = w("error.run_damaged", name="events.jsonl", run=job.id)
        if finished is not None:
            sentence = w("job.done", time=duration(finished.seconds, w))
    elif state == "failed" and happened and isinstance(failed := happened[-1], events.Failed):
        sentence = reason(failed.reason, failed.details, w("error.unexpected"), w)
        kind = "info" if failed.reason in ("job_stopped", "stopped_early") else "error"
    elif state == "interrupted":
        sentence, kind = w("job.interrupted"), "error"
    elif job.should_stop():
        sentence = w("job.stopping")
    elif state == "waiting" or not happened:
        sentence = waiting(ahead, w)
    elif advanced is None:
        sentence = w(f"{job.kind}.beginning")
    else:
        share = advanced.done / max(1, advanced.parts)
        left = {"parts": advanced.parts, "time": duration(advanced.remaining, w)}
        sentence = w(f"{job.kind}.going", done=int(advanced.done), **left)
    return _shown(state, sentence, kind, share, happened, w)


def ended(error: BaseException, w: Wording) -> str:
    """Returns why a task ended early: calmly if someone stopped it, else as an error."""
    return note(explain(error, w), "info" if getattr(error, "reason", "").endswith("_stopped") else "error")


def _shown(state: State, sentence: str, kind: str, share: float, happened: Sequence[events.Event], w: Wording) -> str:
    noticed = (event for event in happened if isinstance(event, events.Noticed))
    notices = "".join(note(reason(e.reason, e.details, e.message, w), "warning") for e in noticed)
    if state in ACTIVE:
        return going(sentence, share, w("adapt.progress"), state, notices)
    return _framed(note(sentence, kind) + notices, state)


def _framed(markup: str, state: str) -> str:
    kept = f' data-state="{state}"' if state else ""
    return f'<div class="progress"{kept}>{markup}</div>'

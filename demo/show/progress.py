"""How far a ladder or a robustness job is: a sentence and a bar."""

from __future__ import annotations

from core.runs.job import Job
from core.training import events
from demo.show.presenters import duration, escape, note, reason
from demo.wording import Wording

ACTIVE = ("waiting", "running")


def job_progress(job: Job, w: Wording) -> str:
    """Where a job stands, in a sentence of its kind; with a bar while it goes on."""
    state, happened = job.state(), job.events()
    advanced = next((event for event in reversed(happened) if isinstance(event, events.Advanced)), None)
    notices = [event for event in happened if isinstance(event, events.Noticed)]
    told = "".join(note(reason(e.reason, e.details, e.message, w), "warning") for e in notices)
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
        sentence = w("job.waiting")
    elif advanced is None:
        sentence = w(f"{job.kind}.beginning")
    else:
        share = advanced.done / max(1, advanced.parts)
        left = {"parts": advanced.parts, "time": duration(advanced.remaining, w)}
        sentence = w(f"{job.kind}.going", done=int(advanced.done), **left)
    shown = note(sentence, kind)
    if state not in ACTIVE:
        return f'<div class="progress" data-state="{state}">{shown}{told}</div>'
    bar = f'<progress value="{share:.3f}" max="1" aria-label="{escape(w("adapt.progress"))}">{share:.0%}</progress>'
    shown = shown.replace(' role="status"', "")  # refreshed every second: a screen reader must not read it out each time
    return f'<div class="progress" data-state="{state}">{shown}{bar}{told}</div>'

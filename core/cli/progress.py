"""Progress of jobs, printed to stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from core.errors import AttuneError
from core.runs.job_folder import Job
from core.runs.report import facts
from core.runs.report.words_shared import english
from core.training.events import Advanced, Entered, Evaluated, Event, Failed, Noticed, Prepared, Stepped, Trained, Watched


def show_progress(event: object) -> None:
    """Prints an event of a run to stderr."""
    match event:
        case Entered(phase, clips):
            line = f"{phase}{f': {clips} clips' if clips else ''}"
        case Noticed(_, message, _):
            line = f"note: {message}"
        case Prepared(clips, minutes, steps, trained, total):
            line = (
                f"{facts.clips(clips - event.replayed, event.replayed, english)}, {minutes:.1f} min; {steps} steps planned; "
                f"{facts.trained_parameters(trained, total, english)}; {event.padding:.0%} of the batches are padding"
            )
        case Stepped(step, loss, _, _, remaining):
            line = f"step {step}: loss {loss:.3f}, about {remaining:.0f} s to go"
        case Evaluated(step, wer, _, count, watched):
            line = f"after step {step}: WER {wer:.1%} on {count} validation clips; hears: {watched}" if wer is not None else ""
        case Watched(step, text) if step:
            line = f"after step {step}: the watched test clip reads: {text}"
        case Trained(steps, best):
            line = facts.steps(steps, best, event.blend, english)
        case _:
            return
    if line:
        print(line, file=sys.stderr, flush=True)


def carry_out_here(job: Job, happens: Iterable[Event], show: Callable[[Event], None]) -> None:
    """Runs a job in this process and shows each event; an error that ends it is recorded in its folder.

    Raises:
        AttuneError: the error that ended the job.
    """
    with job.lock():
        try:
            for event in happens:
                show(event)
        except AttuneError as error:
            job.append(Failed(error.reason, str(error), error.details))
            raise


def show_advance(parts: str, decimals: int) -> Callable[[Event], None]:
    """Returns a callback that prints to stderr how much of a job is done, in parts of the given name."""

    def show(event: Event) -> None:
        if isinstance(event, Advanced):
            line = f"{event.done:.{decimals}f} of {event.parts} {parts}, about {event.remaining:.0f} s to go"
            print(line, file=sys.stderr, flush=True)

    return show

"""Wires the panels of step 3 in which clips are collected: which event calls which handler with what. No logic."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.proofread import view as proofread
from demo.steps.teach.proofread.handlers import ProofreadHandlers
from demo.steps.teach.record import view as record
from demo.steps.teach.record.handlers import RecordHandlers
from demo.steps.teach.view import TeachView
from demo.steps.wiring import QUIET, On
from demo.wording import Wording

OFTEN = {**QUIET, "trigger_mode": "multiple"}  # a second recording may come while the base still reads the first
HEARS = {**OFTEN, "concurrency_limit": None}  # waits for its turn to compute
EMPTIED = "() => null"


def wire_record(
    on: On, w: Wording, three: TeachView, handlers: RecordHandlers, teaching: TeachHandlers
) -> Callable[[Callable], None]:
    """Wires prompted recording.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        three: the components of step 3.
        handlers: what the events do.
        teaching: what refreshes the own clips.

    Returns:
        What restores the panel when the given event says that the page was loaded.
    """
    view = three.record
    own = three.mine
    panel = [
        view.shown, view.prompt, view.place, view.take, view.heard, view.record, view.keep, view.previous, view.next, view.aim,
    ]  # fmt: skip

    def then_hear(received: Callable, prompt: gr.Textbox) -> None:
        shown = on(received, handlers.shown, [], panel, None, **OFTEN)
        shown.then(None, None, [view.audio], js=EMPTIED)
        on(shown.then, handlers.hear, [prompt, three.language], [view.heard], view.unheard, blank=True, **HEARS)
        on(shown.then, teaching.own, [], own, None, **OFTEN)

    view.audio.start_recording(None, [view.shown], [view.record, view.being_read], js=record.on_start(w))
    spoken = [view.being_read, view.audio]
    received = on(view.audio.stop_recording, handlers.receive, spoken, [], view.message, js=record.ON_STOP, **OFTEN)
    then_hear(received.then, view.being_read)
    received = on(view.upload.upload, handlers.receive, [view.shown, view.upload], [], view.message, **OFTEN)
    then_hear(received.then, view.shown)
    kept = on(
        view.keep.click, handlers.keep, [view.shown, three.language], [three.language, *panel], view.message, **QUIET
    )  # fmt: skip
    on(kept.then, teaching.own, [], own, None, **QUIET)
    on(view.previous.click, handlers.previous, [view.shown], panel, view.message, **OFTEN)
    on(view.next.click, handlers.next, [view.shown], panel, view.message, **OFTEN)
    on(view.list.input, handlers.choose, [view.list], panel, view.message, **QUIET)
    on(view.use_own.click, handlers.use_own, [view.own, three.language], [view.list, *panel], view.message, **QUIET)

    def restore(loaded: Callable) -> None:
        restored = on(loaded, handlers.restore, [], [view.panel, view.list, view.own, *panel], view.message, **QUIET)
        # The page may have been left while the base was still reading.
        on(restored.then, handlers.hear, [view.shown, three.language], [view.heard], view.unheard, blank=True, **HEARS)

    return restore


def wire_proofread(
    on: On, three: TeachView, handlers: ProofreadHandlers, teaching: TeachHandlers
) -> Callable[[Callable], None]:
    """Wires proofreading; arguments and return value as `wire_record`."""
    view = three.proofread
    own = three.mine
    where = [view.order, view.page]
    running = [view.loading, view.status, view.stop, view.go_on, view.timer, view.finished]
    sheet = [
        view.loading, view.earlier, *running[1:-1], view.work, view.summary, view.back, view.forward, view.page,
        *(part for row in view.rows for part in (row.frame, row.key, row.about, row.text)),
    ]  # fmt: skip
    for event in (view.sound.upload, view.sound.stop_recording):
        received = on(event, handlers.receive, [view.sound], [], view.message, **QUIET)
        received.then(None, None, [view.sound], js=EMPTIED)
        on(received.then, handlers.shown, where, sheet, None, **QUIET)
    on(view.timer.tick, handlers.look, [], running, None, **QUIET, queue=False)
    on(view.finished.change, handlers.shown, where, sheet, None, **QUIET)
    on(view.stop.click, handlers.stop, [], running, view.message, **QUIET)
    on(view.go_on.click, handlers.go_on, where, sheet, view.message, **QUIET)
    on(view.order.input, handlers.shown, where, sheet, view.message, **QUIET)
    on(view.back.click, handlers.back, where, sheet, view.message, **QUIET)
    on(view.forward.click, handlers.forward, where, sheet, view.message, **QUIET)
    for number, row in enumerate(view.rows):
        for event in (row.text.input, row.text.blur):  # what is pasted or dictated is no input to Gradio
            on(event, handlers.type, [row.key, row.text], [], view.message, **QUIET, trigger_mode="always_last")
        for event in (row.accept.click, row.text.submit):
            on(event, handlers.accept, [row.key, row.text, *where], sheet, view.message, **QUIET)
        place = proofread.where(number)
        on(row.split.click, handlers.split, [row.key, row.text, row.at, *where], sheet, view.message, js=place, **QUIET)
        on(row.merge.click, handlers.merge, [row.key, row.text, *where], sheet, view.message, **QUIET)
        on(row.delete.click, handlers.delete, [row.key, *where], sheet, view.message, **QUIET)
    kept = on(view.keep.click, handlers.keep, where, [view.kept, *sheet], view.message, **QUIET)
    on(kept.then, teaching.own, [], own, None, **QUIET)
    named = [view.name, *where]
    kept = on(view.keep_as_set.click, handlers.keep_as_set, named, [view.kept, *sheet], view.message, **QUIET)
    on(kept.then, teaching.choices, [], [three.choice], None, **QUIET)
    on(view.put_aside.click, handlers.put_aside, [view.order], sheet, view.message, **QUIET)
    on(view.earlier.input, handlers.take_up, [view.earlier, view.order], sheet, view.message, **QUIET)
    return lambda loaded: on(loaded, handlers.restore, [], [view.panel, *sheet], view.message, **QUIET)

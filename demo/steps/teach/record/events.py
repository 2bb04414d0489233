"""Step 3, prompted recording: events and their handlers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import gradio as gr

from demo.steps.adapt.events import Adapting
from demo.steps.teach.record import view as script
from demo.steps.teach.record.handlers import RecordHandlers
from demo.steps.teach.record.view import RecordView
from demo.steps.teach.record.words import events as words
from demo.steps.teach.record.words.handlers import WordsHandlers
from demo.steps.teach.record.words.view import OPEN
from demo.steps.wiring import EMPTIED, QUIET, Named, On, Part, Then, named
from demo.wording import Wording

OFTEN = {**QUIET, "trigger_mode": "multiple"}  # a second recording may come while the base still transcribes the first
HEARS = {**OFTEN, "concurrency_limit": None}  # spends most of its time in the queue for computation


def wire(
    on: On,
    w: Wording,
    view: RecordView,
    place: gr.Textbox,
    handlers: RecordHandlers,
    language: gr.Dropdown,
    own: Part,
    adapting: Adapting,
) -> Then:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        w: the wording of the page's language.
        view: the components.
        place: where the visitor was; the page goes there once the sentences are restored.
        handlers: the event handlers.
        language: the language of the visitor's own clips.
        own: the part that shows those clips.
        adapting: updates the recipe for the chosen set, after an event; its forecast once the reading is done.

    Returns:
        A function that connects the restoring of the panel to an event of the page, such as its loading.
    """
    panel = named(view, "shown", "prompt", "take", "heard", "record", "keep", "previous", "next")
    progress = named(view, "place", "exam", "offers", "more")
    panel |= progress
    here, said = {"prompt": view.shown}, {"prompt": view.shown, "language": language}
    language_too = {"language": language}

    def then_hear(event: Callable, prompt: gr.Textbox) -> None:
        spoken = {"prompt": prompt, "language": language, **named(view, "auto")}
        heard = on(event, handlers.hear, spoken, named(view, "heard"), view.unheard, blank=True, **HEARS)
        on(heard.then, handlers.progress, {}, progress, None, **OFTEN)

    def then_show(received: Callable) -> None:
        shown = on(received, handlers.shown, {}, panel, None, **OFTEN)
        shown.then(None, None, [view.audio], js=EMPTIED)
        then_hear(shown.then, view.being_read)
        adapting.then_recipe(on(shown.then, own.show, own.inputs, own.outputs, None, **OFTEN).then)

    view.audio.start_recording(None, [view.shown], [view.record, view.being_read], js=script.on_start(w))
    spoken = {"prompt": view.being_read, "upload": view.audio, "language": language, **named(view, "auto")}
    received = on(view.audio.stop_recording, handlers.receive, spoken, language_too, view.message, js=script.ON_STOP, **OFTEN)
    then_show(received.then)
    noted = view.upload.upload(None, [view.shown], [view.being_read], js="(prompt) => prompt")
    received = on(noted.then, handlers.receive, {**spoken, "upload": view.upload}, language_too, view.message, **OFTEN)
    then_show(received.then)
    kept = on(view.keep.click, handlers.keep, said, {**language_too, **panel}, view.message, **QUIET)
    adapting.then_recipe(on(kept.then, own.show, own.inputs, own.outputs, None, **QUIET).then)
    then_hear(kept.then, view.shown)
    on(view.previous.click, handlers.previous, here, panel, view.message, **OFTEN)
    on(view.next.click, handlers.next, here, panel, view.message, **OFTEN)
    adapting.then_propose(view.done.click)
    on(view.more.click, handlers.more, {}, panel, view.message, **QUIET)
    _wire_lists(on, view, handlers, panel, language)
    restore_words = words.wire(on, view.words, WordsHandlers(w), view.list, language, Part(panel, handlers.shown))

    def restore(loaded: Callable) -> None:
        whole = {**named(view, "list", "own"), **panel}
        restored = on(loaded, handlers.restore, {}, whole, view.message, **QUIET)
        restore_words(loaded)
        restored.then(None, [place], None, js="(place) => attune.place(place)")
        then_hear(restored.then, view.shown)  # the page may have been left while the base was still transcribing

    return restore


def _wire_lists(on: On, view: RecordView, handlers: RecordHandlers, panel: Named, language: gr.Dropdown) -> None:
    """Connects the choice of a list, and what is offered where the base makes no errors."""
    listed = {**named(view, "list"), **panel}
    on(view.list.input, handlers.choose, {"name": view.list}, panel, view.message, **QUIET)
    on(view.use_own.click, handlers.use_own, {"text": view.own, "language": language}, listed, view.message, **QUIET)
    for button, kind in ((view.harder, "accent"), (view.names, "names"), (view.language, "language")):
        on(button.click, partial(handlers.choose_kind, kind=kind), {}, listed, view.message, **QUIET)
    on(view.noise.click, handlers.with_noise, {}, panel, view.message, **QUIET)
    view.own_words.click(None, js=OPEN)

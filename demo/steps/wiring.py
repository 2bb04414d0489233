"""Connects an event, a handler, its inputs and its outputs; the one place where errors meet the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block

from core.errors import AttuneError
from demo.session import notices, session
from demo.session.local import is_local
from demo.show import presenters
from demo.wording import Wording

QUIET = {"show_progress": "hidden"}
HIDDEN = {"api_visibility": "private"}  # documented, every event would add all its inputs to the page: four fifths of it
WAITS = {**QUIET, "concurrency_limit": None}  # mostly waits for its turn to compute: of such, any number at a time
AT_ONCE = {**QUIET, "queue": False, "trigger_mode": "always_last"}  # only reads what is there, as often as it is asked

AT_A_TIME = 2  # calls of one other handler: they read files and write markup, which Python does one at a time anyway
EVENTS = 256  # in hand at a time, of all visitors, most of them waiting for their turn to compute
QUEUE_SECONDS = 0.01  # between two looks at the queue; Gradio's own 0.001 keep a tenth of a core busy with nothing to do
SPARE_THREADS = 64  # for the events that do not queue, such as a timer's, whatever the others wait for

Handler = Callable[..., Any]
Named = Mapping[str, Any]  # components by the names that a handler uses for them
On = Callable[..., Any]


def prepare_queue(page: gr.Blocks) -> None:
    """Gives a page's events so many threads that none which computes or waits keeps those that do not queue from theirs."""
    page.max_threads = EVENTS
    page.queue(default_concurrency_limit=AT_A_TIME, api_open=False)  # else a direct call would pass the queue by
    page.max_threads = EVENTS + SPARE_THREADS
    page._queue.sleep_when_free = QUEUE_SECONDS


def named(view: Any, *names: str) -> dict[str, Any]:
    """Returns components of a view by the names of their fields.

    Args:
        view: a dataclass of components.
        *names: of the fields; without any, all of them that hold a component.

    Raises:
        AttributeError: the view has no such field.
    """
    if names:
        return {name: getattr(view, name) for name in names}
    return {name: part for name, part in vars(view).items() if isinstance(part, Block)}


def connector(w: Wording) -> On:
    """Returns what wires one event of a page in the given language."""

    def on(
        event: Callable,
        handler: Handler,
        inputs: Named | Sequence,
        outputs: Named | Sequence,
        message: gr.HTML | None,
        blank: bool = False,
        **how: Any,
    ) -> Any:
        """Wires it.

        Args:
            event: of a component, or `then` of an event wired before.
            handler: given the session and the inputs by their names, returns a mapping from the names of outputs to their
                new values. An output that it does not name stays as it is.
            inputs: components by name, the handler's keyword arguments.
            outputs: components by name.
            message: where a sentence about an error goes; emptied where there is none.
            blank: whether an error empties the outputs, as they say that something is going on; else they stay.
            how: as Gradio takes it.

        Returns:
            The event, as Gradio returns it.
        """
        how = {**HIDDEN, **how}
        tells = how.get("queue", True)  # only an event in Gradio's queue can show a note beside its outputs
        given = [*inputs.values()] if isinstance(inputs, Mapping) else [*inputs]
        shown = [*outputs.values()] if isinstance(outputs, Mapping) else [*outputs]
        answer = answering(handler, inputs, outputs, message is not None, w, blank, tells)
        return event(answer, given, [*shown, *([message] if message else [])], **how)

    return on


def answering(
    handler: Handler,
    inputs: Named | Sequence,
    outputs: Named | Sequence,
    has_message: bool,
    w: Wording,
    blank: bool = False,
    tells: bool = True,
) -> Callable[..., Any]:
    """Gives a handler its session and its inputs, puts its outputs in order, and turns what goes wrong into a sentence.

    On an error the outputs stay as they are, or are emptied with `blank`, where they said that something was going on.
    With `tells`, damaged files that were found since are told once, in a note that stays until it is closed.
    """

    def handle(request: gr.Request, *values: Any) -> Any:
        found = None
        try:
            is_owner = session.is_owner(request.cookies.get(session.OWNER_COOKIE))
            headers = {name.lower(): value for name, value in request.headers.items()}
            local = is_local(request.client.host if request.client else None, headers, is_owner)
            found = session.find(request.cookies.get(session.COOKIE), local)
            results, message = _called(handler, found, inputs, values, outputs), ""
        except Exception as error:
            if not isinstance(error, AttuneError):
                logging.exception("a handler failed")
            results = ["" if blank else gr.skip()] * len(outputs)
            message = presenters.note(presenters.explain(error, w), "error")
        if tells and found is not None:
            for notice in notices.take(found.folder):
                sentence = presenters.escape(w("app.damaged", name=notice.name, kept=notice.kept))
                gr.Warning(sentence, duration=None, title=w("app.damaged.title"))
        results += [message] if has_message else []
        return results if len(results) > 1 else results[0]

    return handle


def _called(
    handler: Handler, found: session.Session, inputs: Named | Sequence, values: Sequence, outputs: Named | Sequence
) -> list:
    given = isinstance(inputs, Mapping)
    shown = handler(found, **dict(zip(inputs, values, strict=True))) if given else handler(found, *values)
    if not isinstance(outputs, Mapping):
        return list(shown)
    unknown = shown.keys() - outputs.keys()
    assert not unknown, f"a handler returned {sorted(unknown)}, for which the event has no component"
    return [shown.get(name, gr.skip()) for name in outputs]

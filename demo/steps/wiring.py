"""Connects an event, a handler, its inputs and its outputs; the one place where errors meet the page."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block

from core.errors import AttuneError
from demo.session import notices, session
from demo.session.local import is_local
from demo.show import errors, markup
from demo.steps.names import Shown, within
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
Then = Callable[[Callable[..., Any]], Any]  # given `then` of an event, wires what follows it, and returns the last of that


@dataclass(frozen=True)
class Part:
    """A part of the page that a handler fills after any of several events.

    Attributes:
        outputs: components by name.
        show: the handler.
        inputs: components by name, the handler's keyword arguments.
    """

    outputs: Named
    show: Handler
    inputs: Named = field(default_factory=dict)


def combined(name: str, **parts: Part) -> Part:
    """Returns parts of the page as one that a single event fills.

    Args:
        name: of its handler.
        **parts: by the names that go before those of their components, see `demo.steps.names`.
    """

    def show(found: session.Session, **values: Any) -> Shown:
        shown: Shown = {}
        for place, part in parts.items():
            given = {key: values[f"{place}.{key}"] for key in part.inputs}
            shown |= within(place, part.show(found, **given))
        return shown

    show.__name__, show.__qualname__ = name, f"combined({', '.join(parts)}).{name}"
    outputs = {key: one for place, part in parts.items() for key, one in within(place, part.outputs).items()}
    inputs = {key: one for place, part in parts.items() for key, one in within(place, part.inputs).items()}
    return Part(outputs, show, inputs)


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
        inputs: Named,
        outputs: Named,
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

        Raises:
            TypeError: the inputs are not the handler's.
        """
        inspect.signature(handler).bind(None, **inputs)  # raises now, not when a visitor causes the event
        how = {**HIDDEN, **how}
        tells = how.get("queue", True)  # only an event in Gradio's queue can show a note beside its outputs
        shown = [*outputs.values(), *([message] if message else [])]
        answer = answering(handler, inputs, outputs, message is not None, w, blank, tells)
        return event(answer, [*inputs.values()], shown, **how)

    return on


def answering(
    handler: Handler,
    inputs: Named,
    outputs: Named,
    has_message: bool,
    w: Wording,
    blank: bool = False,
    tells: bool = True,
) -> Callable[..., Any]:
    """Gives a handler its session and its inputs, orders its answer as the outputs are, and turns an error into a sentence.

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
            message = markup.note(errors.explain(error, w), "error")
        if tells and found is not None:
            for notice in notices.take(found.folder):
                sentence = markup.escape(w("app.damaged", name=notice.name, kept=notice.kept))
                gr.Warning(sentence, duration=None, title=w("app.damaged.title"))
        results += [message] if has_message else []
        return results if len(results) > 1 else results[0]

    return handle


def _called(handler: Handler, found: session.Session, inputs: Named, values: Sequence[Any], outputs: Named) -> list[Any]:
    shown = handler(found, **dict(zip(inputs, values, strict=True)))
    unknown = shown.keys() - outputs.keys()
    assert not unknown, f"a handler returned {sorted(unknown)}, for which the event has no component"
    return [shown.get(name, gr.skip()) for name in outputs]

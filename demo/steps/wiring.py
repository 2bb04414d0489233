"""Connects events to handlers, inputs and outputs, and turns handlers' errors into messages on the page."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.blocks import Block

from core.errors import AttuneError
from demo.session import notices, session
from demo.session.local import is_local
from demo.show import errors, markup
from demo.steps.names import Shown, prefixed
from demo.wording import Wording

QUIET = {"show_progress": "hidden"}
HIDDEN = {"api_visibility": "private"}  # in the API docs, each event would list all its inputs: four fifths of the page's size
WAITS = {**QUIET, "concurrency_limit": None}  # mostly waits for its turn to compute, so no limit
AT_ONCE = {**QUIET, "queue": False, "trigger_mode": "always_last"}  # quick reads; triggers during a call run once more

AT_A_TIME = 2  # concurrent calls per other handler: they read files and write markup, which Python serialises anyway
EVENTS = 256  # in progress at a time, of all visitors, most of them waiting for their turn to compute
QUEUE_SECONDS = 0.01  # poll interval of the queue; Gradio's own 0.001 keeps a tenth of a core busy when idle
SPARE_THREADS = 64  # reserved for events that do not queue, such as a timer's

Handler = Callable[..., Any]
Named = Mapping[str, Any]  # components by a handler's names for them
On = Callable[..., Any]
EMPTIED = "() => null"  # empties a component in the browser
Then = Callable[[Callable[..., Any]], Any]  # takes an event's `then`, wires the events that follow, and returns the last


@dataclass(frozen=True)
class Part:
    """A part of the page that a handler fills, whichever event triggers it.

    Attributes:
        outputs: components by name.
        show: the handler.
        inputs: components by name, the handler's keyword arguments.
    """

    outputs: Named
    show: Handler
    inputs: Named = field(default_factory=dict)


def combined(name: str, **parts: Part) -> Part:
    """Combines parts of the page into one that a single event fills.

    Args:
        name: of the combined handler.
        **parts: by the prefix of their components' names, see `demo.steps.names`.
    """

    def show(found: session.Session, **values: Any) -> Shown:
        shown: Shown = {}
        for place, part in parts.items():
            given = {key: values[f"{place}.{key}"] for key in part.inputs}
            shown |= prefixed(place, part.show(found, **given))
        return shown

    show.__name__, show.__qualname__ = name, f"combined({', '.join(parts)}).{name}"
    outputs = {key: one for place, part in parts.items() for key, one in prefixed(place, part.outputs).items()}
    inputs = {key: one for place, part in parts.items() for key, one in prefixed(place, part.inputs).items()}
    return Part(outputs, show, inputs)


def prepare_queue(page: gr.Blocks) -> None:
    """Gives a page enough threads that events which compute or wait never block those that do not queue."""
    page.max_threads = EVENTS
    page.queue(default_concurrency_limit=AT_A_TIME, api_open=False)  # otherwise direct API calls would bypass the queue
    page.max_threads = EVENTS + SPARE_THREADS
    page._queue.sleep_when_free = QUEUE_SECONDS


def named(view: Any, *names: str) -> dict[str, Any]:
    """Returns components of a view by the names of their fields.

    Args:
        view: a dataclass of components.
        *names: of the fields; by default all that hold a component.

    Raises:
        AttributeError: the view has no such field.
    """
    if names:
        return {name: getattr(view, name) for name in names}
    return {name: part for name, part in vars(view).items() if isinstance(part, Block)}


def connector(w: Wording) -> On:
    """Returns a function that wires one event of a page in the given language."""

    def on(
        event: Callable,
        handler: Handler,
        inputs: Named,
        outputs: Named,
        message: gr.HTML | None,
        blank: bool | Collection[str] = False,
        **how: Any,
    ) -> Any:
        """Wires an event.

        Args:
            event: of a component, or `then` of an event wired before.
            handler: takes the session and the inputs by name; returns new values by output name. Outputs that it does not
                name stay unchanged.
            inputs: components by name, the handler's keyword arguments.
            outputs: components by name.
            message: where an error message goes; emptied if there is no error.
            blank: whether an error empties the outputs, because they say that something is in progress; or the names of
                those that it empties.
            how: passed to Gradio.

        Returns:
            The event, as Gradio returns it.

        Raises:
            TypeError: the inputs do not match the handler's parameters.
        """
        inspect.signature(handler).bind(None, **inputs)  # fails now, not when a visitor triggers the event
        how = {**HIDDEN, **how}
        tells = how.get("queue", True)  # only events in Gradio's queue can show a notification as well as outputs
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
    blank: bool | Collection[str] = False,
    tells: bool = True,
) -> Callable[..., Any]:
    """Wraps a handler for Gradio: finds its session, names its inputs, orders its outputs and turns errors into messages.

    On an error the outputs stay unchanged, or are emptied with `blank`, for outputs that said something was in progress.
    With `tells`, newly found damaged files are reported, each once, in a notification that stays until closed.
    """

    emptied = outputs.keys() if blank is True else set(blank or ())

    def handle(request: gr.Request, *values: Any) -> Any:
        found = None
        try:
            is_owner = session.is_owner(request.cookies.get(session.OWNER_COOKIE))
            headers = {name.lower(): value for name, value in request.headers.items()}
            local = is_local(request.client.host if request.client else None, headers, is_owner)
            found = session.find(request.cookies.get(session.COOKIE), local, page=w.language)
            results, message = _called(handler, found, inputs, values, outputs), ""
        except Exception as error:
            if not isinstance(error, AttuneError):
                logging.exception("a handler failed")
            results = ["" if name in emptied else gr.skip() for name in outputs]
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

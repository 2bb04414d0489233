"""Handlers and components meet by name: what fits nothing is noticed, what is left out stays as it is."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from core.errors import DatasetError
from demo.session import session
from demo.session.session import Session
from demo.steps.names import Shown, numbered, prefixed
from demo.steps.wiring import Part, answering, combined, connector, named
from demo.wording import Wording

W = Wording("en")


@pytest.fixture
def asked(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The request of a visitor."""
    monkeypatch.setattr(session, "find", lambda token, local, page: Session(tmp_path, local, page=page))
    return SimpleNamespace(cookies={}, client=None, headers={})


@pytest.fixture
def page() -> SimpleNamespace:
    async def built() -> SimpleNamespace:  # outside a running loop, Gradio makes some and leaves them open
        with gr.Blocks() as blocks:
            return SimpleNamespace(blocks=blocks, text=gr.Textbox(), other=gr.Textbox(), message=gr.HTML(), press=gr.Button())

    return asyncio.run(built())


def swap(found: Session, text: str, other: str) -> Shown:
    return {"other": text, "text": other}


def test_values_go_by_name_whatever_the_order(asked: SimpleNamespace, page: SimpleNamespace) -> None:
    inputs, outputs = {"other": page.other, "text": page.text}, {"text": page.text, "other": page.other}
    assert answering(swap, inputs, outputs, True, W)(asked, "of other", "of text") == ["of other", "of text", ""]


def test_what_a_handler_leaves_out_stays(asked: SimpleNamespace, page: SimpleNamespace) -> None:
    handle = answering(lambda found: {"text": "new"}, {}, named(page, "text", "other"), False, W)
    assert handle(asked) == ["new", gr.skip()]


def test_an_error_is_told_and_empties_only_what_says_that_something_goes_on(
    asked: SimpleNamespace, page: SimpleNamespace
) -> None:
    def refuse(found: Session) -> Shown:
        raise DatasetError("no_clip", "Record or upload a clip first.")

    for blank, value in ((False, gr.skip()), (True, "")):
        shown = answering(refuse, {}, named(page, "text", "other"), True, W, blank)(asked)
        assert shown[:2] == [value, value]
        assert W("error.no_clip") in shown[2]


def test_a_value_for_no_component_is_an_error(
    asked: SimpleNamespace, page: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    shown = answering(lambda found: {"txt": "new"}, {}, named(page, "text"), True, W)(asked)
    assert W("error.unexpected") in shown[1]
    assert "['txt'], for which the event has no component" in caplog.text


@pytest.mark.parametrize("inputs", [("text",), ("text", "other", "message"), ()])
def test_inputs_that_a_handler_does_not_take_are_noticed_when_the_page_is_built(
    inputs: tuple[str, ...], page: SimpleNamespace
) -> None:
    async def wired() -> None:
        with page.blocks:
            connector(W)(page.press.click, swap, {name: page.text for name in inputs}, named(page, "text", "other"), None)

    with pytest.raises(TypeError, match="argument"):
        asyncio.run(wired())
    assert not page.blocks.fns


def test_parts_are_filled_by_one_event_and_keep_their_names_apart(page: SimpleNamespace) -> None:
    one = Part(named(page, "text"), lambda found, other: {"text": f"one {other}"}, named(page, "other"))
    two = Part(named(page, "text", "message"), lambda found: {"text": "two"})
    whole = combined("restore", one=one, two=two)
    assert whole.outputs == {"one.text": page.text, "two.text": page.text, "two.message": page.message}
    assert whole.inputs == {"one.other": page.other}
    assert whole.show(None, **{"one.other": "x"}) == {"one.text": "one x", "two.text": "two"}
    assert whole.show.__name__ == "restore"
    inspect.signature(whole.show).bind(None, **whole.inputs)


def test_rows_are_numbered_from_0() -> None:
    assert prefixed("split", {"table": 1}) == {"split.table": 1}
    assert numbered("row", [{"text": "a"}, {"text": "b", "key": "c"}]) == {
        "row 0.text": "a",
        "row 1.text": "b",
        "row 1.key": "c",
    }

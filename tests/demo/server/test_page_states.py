"""What the server keeps of every page that was ever opened is small, and what a page was told is not forgotten."""

from __future__ import annotations

import asyncio

import gradio as gr
import pytest
from fastapi import FastAPI
from gradio.routes import App

from demo.server import page_states
from demo.server.page_states import use_page_states
from demo.steps.wiring import AT_A_TIME, EVENTS, SPARE_THREADS, connector, prepare_queue
from demo.wording import Wording


async def build() -> tuple[App, gr.Blocks, gr.Dropdown]:
    with gr.Blocks(analytics_enabled=False) as page:
        for _ in range(50):
            gr.Textbox("Attune")
        choice = gr.Dropdown(["a"], value="a")
        prepare_queue(page)
    server = FastAPI()
    gr.mount_gradio_app(server, page, path="/en")
    app = server.routes[-1].app  # type: ignore[attr-defined]
    use_page_states(app)
    return app, page, choice


def built() -> tuple[App, gr.Blocks, gr.Dropdown]:
    """A page of many components, with a list that is changed while it is open."""
    return asyncio.run(build())  # with no loop running, Gradio would make some and leave them open


def test_a_page_knows_what_was_put_into_its_lists_and_keeps_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_states, "OPEN_PAGES", 3)
    app, page, choice = built()
    states = app.state_holder
    states["mine"][choice._id] = gr.Dropdown(["a", "b"], render=False)
    assert states["mine"][choice._id].choices == [("a", "a"), ("b", "b")]
    assert states["another"][choice._id].choices == [("a", "a")]
    assert states["another"] is states["another"]
    assert len(states["mine"].config_values) <= 1 < 50 < len(page.blocks)
    for number in range(5):
        assert states[f"tab {number}"][choice._id] is choice
        assert states["mine"][choice._id].choices == [("a", "a"), ("b", "b")]  # it is in use
    assert len(states.session_data) <= 3
    assert page.state_holder is states


def test_events_that_wait_leave_threads_to_those_that_do_not() -> None:
    _, page, _ = built()
    page.create_limiter()
    assert page.limiter is not None
    assert page.limiter.total_tokens == EVENTS + SPARE_THREADS > page._queue.max_thread_count == EVENTS
    assert page._queue.default_concurrency_limit == AT_A_TIME > 1


def test_no_event_is_described_on_the_page() -> None:
    async def build() -> gr.Blocks:
        with gr.Blocks(analytics_enabled=False) as page:
            connector(Wording("en"))(gr.Button().click, lambda session: {}, {}, {}, None)
        page.config = page.get_config_file()
        return page

    page = asyncio.run(build())
    assert page.get_api_info() == {"named_endpoints": {}, "unnamed_endpoints": {}}

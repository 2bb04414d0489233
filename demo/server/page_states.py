"""Gradio's state of each opened page, without its per-page copy of the whole configuration."""

from __future__ import annotations

from types import SimpleNamespace

from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

OPEN_PAGES = 4000  # per language; older pages lose the choices filled into their lists


class PageStates(StateHolder):
    """The components of each opened page that differ from the page as built.

    Gradio's own holder also keeps the configuration of every component of every opened page, for deep links to a page's
    state, which are not offered here. That costs 0.8 MB and 50 ms per page, during which no other request is answered.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        """Returns the state of an opened page, creating it if there is none."""
        if session_id not in self.session_data:
            without_copies = SimpleNamespace(default_config=self.blocks.default_config, blocks=())
            self.session_data[session_id] = SessionState(without_copies)  # type: ignore[arg-type]
        return super().__getitem__(session_id)


def use_page_states(app: App) -> None:
    """Makes a mounted page use `PageStates`."""
    blocks = app.get_blocks()
    blocks.state_session_capacity = OPEN_PAGES
    blocks._queue.pending_messages_per_session.max_size = OPEN_PAGES
    app.state_holder = PageStates()
    app.state_holder.set_blocks(blocks)

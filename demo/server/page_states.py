"""What Gradio keeps of every opened page, without the copy of the whole page that it makes for each."""

from __future__ import annotations

from types import SimpleNamespace

from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder

OPEN_PAGES = 4000  # in one language; of an older one the choices that were put into its lists are forgotten


class PageStates(StateHolder):
    """The components of each opened page that differ from the page as it was built.

    Gradio's own also keeps the configuration of every component of every opened page, for links to a page's state, which are
    not offered here: 0.8 MB and 50 ms of computing a page, during which nobody else is answered.
    """

    def __getitem__(self, session_id: str) -> SessionState:
        """Returns the state of an opened page, a new one if there is none."""
        if session_id not in self.session_data:
            without_copies = SimpleNamespace(default_config=self.blocks.default_config, blocks=())
            self.session_data[session_id] = SessionState(without_copies)  # type: ignore[arg-type]
        return super().__getitem__(session_id)


def use_page_states(app: App) -> None:
    """Lets a mounted page keep its states so."""
    blocks = app.get_blocks()
    blocks.state_session_capacity = OPEN_PAGES
    blocks._queue.pending_messages_per_session.max_size = OPEN_PAGES
    app.state_holder = PageStates()
    app.state_holder.set_blocks(blocks)

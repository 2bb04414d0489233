"""Step 1: loading the base."""

from __future__ import annotations

from demo import presenters
from demo.session import Session
from demo.shelf import Shelf
from demo.wording import Wording


class ModelHandlers:
    """What happens in step 1."""

    def __init__(self, w: Wording, shelf: Shelf) -> None:
        self._w, self._shelf = w, shelf

    def use(self, session: Session, id: str) -> tuple[str]:
        """Model id -> status sentence. Loads it, fetching it if need be; on failure the earlier choice stays."""
        id = (id or "").strip()
        with self._shelf.model(id) as model:
            parameters = sum(p.numel() for p in model.network.parameters()) / 1e6
            family = model.family
        session.choose(model=id)
        return (presenters.note(self._w("model.ready", id=id, parameters=f"{parameters:.1f}", family=family)),)

    def loading(self, session: Session, id: str) -> tuple[str]:
        """Model id -> what is happening meanwhile."""
        return (presenters.note(self._w("model.loading", id=(id or "").strip())),)

"""Handlers of step 1: downloading and loading the base."""

from __future__ import annotations

import gradio as gr

from core.errors import AttuneError
from core.models.base.protocol import TellsLanguages
from core.models.catalogue import CATALOGUE, listed
from core.models.loading import announced_by_hub, fetch_model, is_fetchable, is_here, refuse_private
from core.models.sources.model_ids import is_hub_id
from core.storage import memory
from demo.background import downloads
from demo.background.downloads import Fetch
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session.session import Session
from demo.session.typed_models import permitted
from demo.show import errors, markup
from demo.show.languages import writes
from demo.show.progress import ended, fetching
from demo.steps.model import show
from demo.steps.names import Shown
from demo.wording import Wording


class ModelHandlers:
    """The handlers of step 1.

    Args:
        w: the wording.
        pool: models in memory.
        tasks: background tasks; downloads belong to everyone, so that a second visitor joins a running one.
        fetch: downloads a model.
    """

    def __init__(self, w: Wording, pool: ModelPool, tasks: Tasks, fetch: Fetch = fetch_model) -> None:
        self._w, self._pool, self._tasks, self._fetch = w, pool, tasks, fetch
        self._public: set[str] = set()

    def about(self, session: Session, id: str) -> Shown:
        """id -> about (what using the model requires: nothing, a package, or a download of some size; what it writes)."""
        return {"about": self._about(session, id) + "".join(map(markup.fine, self._writes(id)))}

    def begin(self, session: Session, id: str) -> Shown:
        """id -> status, stop, timer. Starts the download of a model that is not on this computer."""
        id = permitted(id, session.local)
        if self._is_here(session, id) or not is_fetchable(id):
            session.choose(fetching="")
            return {"status": markup.note(self._w("model.loading", id=id)), **_over()}
        try:
            waiting = session.choices.fetching
            downloads.begin(self._tasks, session.name, id, self._fetch, session.local, before=waiting)
        except AttuneError as error:
            session.choose(fetching="")
            return {"status": markup.note(errors.explain(error, self._w), "error"), **_over()}
        session.choose(fetching=id)
        status = markup.note(self._w("model.asking", id=id))
        return {"status": status, "stop": gr.update(visible=True), "timer": gr.update(active=True)}

    def use(self, session: Session, id: str) -> Shown:
        """id -> status. Loads the model, unless it is still downloading; on failure the earlier choice stays."""
        id = permitted(id, session.local)
        if session.choices.fetching == id or (is_fetchable(id) and not self._is_here(session, id)):
            return {}  # only `begin` downloads, within limits, or has said why not
        with self._pool.lend(session.name, id) as model:
            parameters = sum(p.numel() for p in model.network.parameters()) / 1e6
            family = model.family
            spoken = model.languages if isinstance(model, TellsLanguages) else ()
            written = show.what_it_writes(id, spoken, model.characters(), self._w)
        session.choose(model=id)
        ready = self._w("model.ready", id=id, parameters=f"{parameters:.1f}", family=family)
        return {"status": markup.note(self._w.joined(ready, written))}

    def arrived(self, session: Session, id: str) -> Shown:
        """id (of a model just downloaded) -> status."""
        return self.use(session, id) if id else {}

    def relabel(self, session: Session, id: str) -> Shown:
        """id -> choice (with labels that say what is ready now)."""
        used = id.strip() if isinstance(id, str) else ""
        if not used:  # nothing was downloaded; relabelling the list would undo what is being typed into it
            return {}
        if used == session.choices.model:
            return self._chosen(used)
        return {"choice": gr.update(choices=show.model_choices(self._w))}

    def restore(self, session: Session) -> Shown:
        """-> choice, and the outputs of `look`."""
        id = session.choices.model
        chosen = [] if id == CATALOGUE[0].id else [self._w("model.chosen", id=id), *self._writes(id)]
        status = {"status": markup.note(self._w.joined(*chosen))} if chosen else {}
        return {**self._chosen(id), **status, **self.look(session)}

    def stop(self, session: Session) -> Shown:
        """-> status (the download is stopping, or continues for others)."""
        id = session.choices.fetching
        if downloads.leave(self._tasks, session.name, id) or not id:
            return {"status": markup.note(self._w("model.stopping"))}
        session.choose(fetching="")
        return {"status": markup.note(self._w("model.left", id=id))}

    def look(self, session: Session) -> Shown:
        """-> status, stop, timer, fetched (the id of a model just downloaded)."""
        id = session.choices.fetching
        download = downloads.look(self._tasks, id)
        if not id:
            return {**_over(), "fetched": ""}
        if download is None:  # the app has been restarted
            session.choose(fetching="")
            return {"status": markup.note(self._w("error.fetch_interrupted", id=id)), **_over(), "fetched": ""}
        if not download.ended:
            done, total, left = download.done, download.total or 0, download.remaining()
            shown = fetching(id, done, total, left, download.stopping, self._w)
            going_on = {"stop": gr.update(visible=not download.stopping), "timer": gr.update(active=True)}
            return {"status": shown, **going_on, "fetched": ""}
        session.choose(fetching="")
        if download.error is None:
            return {"status": markup.note(self._w("model.loading", id=id)), **_over(), "fetched": id}
        return {"status": ended(download.error, self._w), **_over(), "fetched": ""}

    def _chosen(self, id: str) -> Shown:
        return {"choice": gr.update(choices=show.model_choices(self._w), value=id)}

    def _writes(self, id: str) -> list[str]:
        """Says which languages a model of the catalogue writes."""
        said = writes(id.strip(), self._w) if isinstance(id, str) else ""
        return [self._w("writes.it", writes=said)] if said else []

    def _about(self, session: Session, id: str) -> str:
        try:
            id = permitted(id, session.local)
            entry, here = listed(id), self._is_here(session, id)
        except AttuneError:  # the button will say why
            return ""
        free = memory.available()
        if here:
            return markup.fine(self._w("model.about.ready", id=id))
        if entry is not None and entry.bundle is not None:
            return markup.fine(self._w("model.about.package", id=id, package=entry.requirement))
        if is_fetchable(id) and downloads.are_off():
            return markup.fine(self._w("error.downloads_off", id=id))
        if entry is not None:
            server = entry.release.server if entry.release else ""
            return show.download(id, entry.megabytes, entry.finetune_gigabytes, free, self._w, server, entry.requirement)
        try:
            announced = announced_by_hub(id)
        except AttuneError:  # as above
            return ""
        if announced is None:
            return ""
        return show.download(id, announced.bytes / 1e6, memory.needed_to_finetune(announced.parameters) / 1e9, free, self._w)

    def _is_here(self, session: Session, id: str) -> bool:
        """Returns whether a model is on this computer; refuses visitors from elsewhere a hub model that is not public.

        Raises:
            ModelError: the model is not public, or the hub cannot say.
        """
        if not is_here(id):
            return False
        if is_hub_id(id) and listed(id) is None and not session.local and not downloads.are_off() and id not in self._public:
            refuse_private(id)
            self._public.add(id)
        return True


def _over() -> Shown:
    """Returns values for stop and timer while nothing is downloading."""
    return {"stop": gr.update(visible=False), "timer": gr.update(active=False)}

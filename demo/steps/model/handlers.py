"""Step 1: fetching and loading the base."""

from __future__ import annotations

import gradio as gr

from core.errors import AttuneError
from core.models.catalogue import listed
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
from demo.show.progress import fetching
from demo.steps.model import show
from demo.steps.names import Shown
from demo.wording import Wording


class ModelHandlers:
    """What happens in step 1.

    Args:
        w: the words.
        pool: models that are warm.
        tasks: what goes on in the background; a fetch is everyone's, so that a second visitor joins in.
        fetch: what fetches a model.
    """

    def __init__(self, w: Wording, pool: ModelPool, tasks: Tasks, fetch: Fetch = fetch_model) -> None:
        self._w, self._pool, self._tasks, self._fetch = w, pool, tasks, fetch
        self._public: set[str] = set()

    def about(self, session: Session, id: str) -> Shown:
        """id -> about (what using the model takes: nothing, a package, or a download and how large)."""
        return {"about": self._about(session, id)}

    def begin(self, session: Session, id: str) -> Shown:
        """id -> status, stop, timer. What is not on this computer is fetched from now on."""
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
        """id -> status. Loads the model, unless it is on its way; on failure the earlier choice stays."""
        id = permitted(id, session.local)
        if session.choices.fetching == id or (is_fetchable(id) and not self._is_here(session, id)):
            return {}  # loading fetches nothing: `begin` does, within limits, or has said why not
        with self._pool.lend(session.name, id) as model:
            parameters = sum(p.numel() for p in model.network.parameters()) / 1e6
            family = model.family
        session.choose(model=id)
        return {"status": markup.note(self._w("model.ready", id=id, parameters=f"{parameters:.1f}", family=family))}

    def arrived(self, session: Session, id: str) -> Shown:
        """id (of a model that has just been fetched) -> status."""
        return self.use(session, id) if id else {}

    def relabel(self, session: Session, id: str) -> Shown:
        """id -> choice (with what is ready by now)."""
        used = id.strip() if isinstance(id, str) else ""
        if not used:  # nothing has come; labelling the list anew would undo what is being typed into it
            return {}
        if used == session.choices.model:
            return self._chosen(used)
        return {"choice": gr.update(choices=show.model_choices(self._w))}

    def restore(self, session: Session) -> Shown:
        """-> choice, and as `look`."""
        return {**self._chosen(session.choices.model), **self.look(session)}

    def stop(self, session: Session) -> Shown:
        """-> status (the fetch is stopping, or goes on for others)."""
        id = session.choices.fetching
        if downloads.leave(self._tasks, session.name, id) or not id:
            return {"status": markup.note(self._w("model.stopping"))}
        session.choose(fetching="")
        return {"status": markup.note(self._w("model.left", id=id))}

    def look(self, session: Session) -> Shown:
        """-> status, stop, timer, fetched (the id of a model that has just come)."""
        id = session.choices.fetching
        download = downloads.look(self._tasks, id)
        if not id:
            return {**_over(), "fetched": ""}
        if download is None:  # the app was started anew meanwhile
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
        kind = "info" if getattr(download.error, "reason", "") == "fetch_stopped" else "error"
        return {"status": markup.note(errors.explain(download.error, self._w), kind), **_over(), "fetched": ""}

    def _chosen(self, id: str) -> Shown:
        return {"choice": gr.update(choices=show.model_choices(self._w), value=id)}

    def _about(self, session: Session, id: str) -> str:
        try:
            id = permitted(id, session.local)
            entry, here = listed(id), self._is_here(session, id)
        except AttuneError:  # pressing the button says why
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
            told = announced_by_hub(id)
        except AttuneError:  # as above
            return ""
        if told is None:
            return ""
        return show.download(id, told.bytes / 1e6, memory.needed_to_finetune(told.parameters) / 1e9, free, self._w)

    def _is_here(self, session: Session, id: str) -> bool:
        """Whether a model is on this computer, for whoever asks: what only its owner may fetch is not, for others.

        Raises:
            ModelError: the hub does not say whether it is for everyone.
        """
        if not is_here(id):
            return False
        if is_hub_id(id) and listed(id) is None and not session.local and not downloads.are_off() and id not in self._public:
            refuse_private(id)
            self._public.add(id)
        return True


def _over() -> Shown:
    """Values for stop and timer while nothing is fetched."""
    return {"stop": gr.update(visible=False), "timer": gr.update(active=False)}

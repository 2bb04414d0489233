"""Handlers of the end of the page: removing, restoring and permanently deleting runs, ladders and long recordings."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import gradio as gr

from core.data.samples import SAMPLES
from core.errors import RunError
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from core.storage.files import read_json
from core.storage.state import UNREADABLE
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.background.tasks import Tasks
from demo.session import removal
from demo.session.chosen_set import OWN
from demo.session.session import Session
from demo.show import markup
from demo.steps import removed_panel
from demo.steps.names import Shown
from demo.wording import Wording


class YourDataHandlers:
    """The handlers. An item's key is its kind and id, such as "runs/20261130-0800-1a2b3c4d"."""

    def __init__(self, w: Wording, tasks: Tasks, pool: ModelPool, outcomes: Outcomes) -> None:
        self._w, self._tasks, self._pool, self._outcomes = w, tasks, pool, outcomes

    def show(self, session: Session) -> Shown:
        """-> choice (the stored items), and the values of `removed_panel.offer`."""
        there, gone = [], []
        for kind in removal.KINDS:
            paths = sorted((session.folder / kind).glob("[0-9A-Za-z]*"), reverse=True)
            there += [(label, f"{kind}/{path.name}") for path in paths if (label := self._label(kind, path))]
            items = removal.trash(session, kind).items()
            gone += [(self._label(kind, path) or path.name, f"{kind}/{path.name}") for path in items]
        return {"choice": gr.update(choices=there, value=None), **removed_panel.offer(gone)}

    def remove(self, session: Session, key: str | None) -> Shown:
        """key (of an item) -> note (that it was removed), and the outputs of `show`."""
        kind, id = _parsed(key)
        if kind == "long":
            self._tasks.stop(session.name, f"transcribe {id}")
            if self._tasks.is_running(session.name, f"transcribe {id}"):
                raise RunError(
                    "removal_transcribing", "It is still being transcribed and is stopping now. Try again in a moment."
                )
        removal.remove(session, kind, id)
        self._outcomes.forget(session.folder / kind / id)
        return self._noted("removed.note", session)

    def restore(self, session: Session, key: str | None) -> Shown:
        """key (of a removed item) -> note (that it was restored), and the outputs of `show`."""
        kind, id = _parsed(key)
        removal.trash(session, kind).take_out(id, session.folder / kind)
        return self._noted("removed.back", session)

    def delete(self, session: Session, key: str | None) -> Shown:
        """key (of a removed item) -> note (that it was deleted for good), and the outputs of `show`."""
        kind, id = _parsed(key)
        removal.trash(session, kind).delete(id)
        self._pool.forget(session.folder / kind / id)
        return self._noted("removed.gone", session)

    def asking(self, session: Session) -> Shown:
        """-> confirm (shown, to ask whether to forget everything)."""
        return {"confirm": gr.update(visible=True)}

    def keeping(self, session: Session) -> Shown:
        """-> confirm (hidden)."""
        return {"confirm": gr.update(visible=False)}

    def _noted(self, key: str, session: Session) -> Shown:
        return {"note": markup.note(self._w(key), "good"), **self.show(session)}

    def _label(self, kind: str, path: Path) -> str:
        """Returns an item's label; "" if the path is not an item."""
        file = path / ("about.json" if kind == "long" else "request.json")
        if not file.is_file():
            return ""
        with suppress(OSError, *UNREADABLE):
            fields = read_json(file)
            if kind == "long":
                return self._w("data.long", name=str(fields["name"]), minutes=f"{fields['seconds'] / 60:.1f}")
            fields = fields.get("request", fields)
            when = f"{path.name[:4]}-{path.name[4:6]}-{path.name[6:8]} {path.name[9:11]}:{path.name[11:13]}"
            name = str(fields["labelled_set"]["name"])
            called = self._w(f"set.{name}") if name in (*SAMPLES, OWN) else name
            label = self._w(f"data.{kind}", when=when, set=called, model=Path(fields["model"]).name)
            name = read_name(Run(path)) if kind == "runs" else ""
            return f"{name} · {label}" if name else label
        return self._w("data.damaged", name=path.name)


def _parsed(key: str | None) -> tuple[str, str]:
    kind, _, id = (key or "").partition("/")
    if kind not in removal.KINDS:
        raise RunError("removal_missing", "Choose an item first.")
    return kind, id

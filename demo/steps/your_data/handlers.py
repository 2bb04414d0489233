"""The end of the page: runs, ladders and long recordings that are removed, restored, or deleted for good."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from core.data.samples import SAMPLES
from core.errors import RunError
from core.storage.files import read_json
from core.storage.state import UNREADABLE
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.background.tasks import Tasks
from demo.session import removal
from demo.session.chosen_set import OWN
from demo.session.session import Session
from demo.show import presenters
from demo.wording import Wording


class YourDataHandlers:
    """What happens there. A thing is known by its kind and its id, such as "runs/20261130-0800-1a2b3c4d"."""

    def __init__(self, w: Wording, tasks: Tasks, pool: ModelPool, outcomes: Outcomes) -> None:
        self._w, self._tasks, self._pool, self._outcomes = w, tasks, pool, outcomes

    def show(self, session: Session) -> tuple:
        """-> what there is, whether something can be restored, what."""
        there, gone = [], []
        for kind in removal.KINDS:
            paths = sorted((session.folder / kind).glob("[0-9A-Za-z]*"), reverse=True)
            there += [(label, f"{kind}/{path.name}") for path in paths if (label := self._label(kind, path))]
            items = removal.trash(session, kind).items()
            gone += [(self._label(kind, path) or path.name, f"{kind}/{path.name}") for path in items]
        return gr.update(choices=there, value=None), *removable(gone)

    def remove(self, session: Session, key: str | None) -> tuple:
        """Thing -> that it is removed, then as `show`."""
        kind, id = _parsed(key)
        if kind == "long":
            self._tasks.stop(session.name, f"transcribe {id}")
            if self._tasks.is_running(session.name, f"transcribe {id}"):
                raise RunError("removal_transcribing", "It is still being transcribed, and is asked to stop. Try again then.")
        removal.remove(session, kind, id)
        self._outcomes.forget(session.folder / kind / id)
        return presenters.note(self._w("removed.told"), "good"), *self.show(session)

    def restore(self, session: Session, key: str | None) -> tuple:
        """Removed thing -> that it is back, then as `show`."""
        kind, id = _parsed(key)
        removal.trash(session, kind).take_out(id, session.folder / kind)
        return presenters.note(self._w("removed.back"), "good"), *self.show(session)

    def delete(self, session: Session, key: str | None) -> tuple:
        """Removed thing -> that it is deleted for good, then as `show`."""
        kind, id = _parsed(key)
        removal.trash(session, kind).delete(id)
        self._pool.forget(session.folder / kind / id)
        return presenters.note(self._w("removed.gone"), "good"), *self.show(session)

    def asking(self, session: Session, sure: bool = True) -> tuple[dict]:
        """-> whether to forget everything is being asked."""
        return (gr.update(visible=sure),)

    def keeping(self, session: Session) -> tuple[dict]:
        """-> it is no longer being asked."""
        return self.asking(session, sure=False)

    def _label(self, kind: str, path: Path) -> str:
        """What a thing is called; "" where it is none."""
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
            return self._w(f"data.{kind}", when=when, set=called, model=Path(fields["model"]).name)
        return self._w("data.damaged", name=path.name)


def removable(gone: list[tuple[str, Any]]) -> tuple[dict, dict]:
    """Returns whether a `RemovedView` is shown, and what it offers."""
    return gr.update(visible=bool(gone)), gr.update(choices=gone, value=gone[0][1] if gone else None)


def _parsed(key: str | None) -> tuple[str, str]:
    kind, _, id = (key or "").partition("/")
    if kind not in removal.KINDS:
        raise RunError("removal_missing", "Choose first what it is about.")
    return kind, id

"""Handlers of the stage: how far each step is, and where the visitor was."""

from __future__ import annotations

from pathlib import Path

from core.data.names import OWN
from core.data.samples import SAMPLES
from core.errors import AttuneError, DatasetError
from core.text.scoring import leading_measure
from demo.session import chosen_set, reading_list
from demo.session.session import Session
from demo.show.numbers import percent
from demo.show.progress import ACTIVE
from demo.steps.names import Shown
from demo.steps.stage import show
from demo.steps.stage.show import State
from demo.wording import Wording

READING = "reading"


class StageHandlers:
    """The handlers of the stage as a whole; those of its cards belong to the steps."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def restore(self, session: Session) -> Shown:
        """-> place (where the visitor was), and the outputs of `states`."""
        return {"place": READING if self._is_reading(session) else "", **self.states(session)}

    def states(self, session: Session) -> Shown:
        """-> bar (the steps, each with its state)."""
        choices = session.choices
        heard = State("done", choices.heard) if choices.clip else State("open")
        steps = {
            "model": State("done", Path(choices.model).name),
            "listen": heard,
            "teach": self._set(session),
            **self._run(session),
        }
        return {"bar": show.bar(steps, self._w)}

    def _set(self, session: Session) -> State:
        try:
            labelled = chosen_set.labelled_set(session)
        except DatasetError:
            return State("open", self._w("set.own") if session.choices.labelled_set == OWN else "")
        name = labelled.name
        called = self._w(f"set.{name}") if name in (*SAMPLES, OWN) else name
        return State("done", self._w("stage.state.set", set=called, train=len(labelled.part("train"))))

    def _run(self, session: Session) -> dict[str, State]:
        """Returns the states of the steps that need a run."""
        run = session.current_run()
        if run is not None and any(one.state() in ACTIVE for one in session.queue()):
            return {"adapt": State("running"), "compare": State("open"), "home": State("open")}
        try:
            result = run.result() if run is not None else None
        except AttuneError:  # damaged; step 5 says so
            result = None
        if result is None:
            return {name: State("open") for name in ("adapt", "compare", "home")}
        rates = ""
        if result.test is not None:
            measure = leading_measure(result.test.language)
            base, adapted = (percent(getattr(one, measure)) for one in (result.test.base, result.test.adapted))
            rates = self._w(f"stage.state.{measure}", base=base, adapted=adapted)
        return {"adapt": State("done"), "compare": State("done", rates), "home": State("done")}

    def _is_reading(self, session: Session) -> bool:
        """Returns whether sentences have been read for own clips since a fine-tune was last started."""
        if session.choices.labelled_set != OWN:
            return False
        takes = reading_list.read(session).takes.values()
        if not takes:
            return False
        run = session.current_run()
        if run is None:
            return True
        recordings = {one.id: one for one in session.recordings.all()}
        newest = max((recordings[take.id].path.stat().st_mtime for take in takes if take.id in recordings), default=0.0)
        return newest > (run.folder / "request.json").stat().st_mtime

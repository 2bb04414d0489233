"""Step 3: inspecting a set before training, in the background, and repairing it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gradio as gr

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import assign_parts
from core.data.inspection import repairs
from core.data.inspection.findings import SetFinding
from core.data.inspection.inspection import Inspection, inspect
from core.errors import AttuneError, DatasetError
from core.models.loading import is_here, model_family
from core.text.normalisation import Normalisation
from demo.background.model_pool import ModelPool
from demo.background.tasks import Task, Tasks
from demo.session import chosen_set, removal
from demo.session.session import Session
from demo.show import markup
from demo.show.progress import ended
from demo.steps.names import Shown, numbered
from demo.steps.teach.inspect import show
from demo.steps.teach.show import working
from demo.wording import Wording

KIND = "inspection"
SPELLING = ("ctc", "deepspeech", "seq2seq")  # families that may lack a character; for others, the model is not needed


@dataclass(frozen=True)
class InspectionOrder:
    """An inspection to carry out.

    Attributes:
        name: name of the chosen set, from `Choices.labelled_set`.
        labelled: the set's clips at the time of the request.
        normalisation: how its texts are to be written.
        model: id of the base.
        ask: whether to check with the base how well each text fits its sound.
        closed: whether the texts are a closed set of words.
    """

    name: str
    labelled: LabelledSet
    normalisation: Normalisation
    model: str
    ask: bool
    closed: bool


class InspectHandlers:
    """Event handlers of the inspection.

    Args:
        w: the wording of the page's language.
        pool: models kept in memory.
        tasks: the background tasks.
        places: maximum number of repairable findings shown at once.
    """

    def __init__(self, w: Wording, pool: ModelPool, tasks: Tasks, places: int) -> None:
        self._w, self._pool, self._tasks, self._places = w, pool, tasks, places

    def begin(self, session: Session, closed: bool) -> Shown:
        """closed (whether the texts are a closed set of words) -> the outputs of `look`."""
        self._start(session, closed, ask=False)
        return self.look(session)

    def ask(self, session: Session, closed: bool) -> Shown:
        """closed -> the outputs of `look`. Also checks with the base how well each text fits its sound."""
        self._start(session, closed, ask=True)
        return self.look(session)

    def stop(self, session: Session) -> Shown:
        """-> progress (the inspection is stopping)."""
        self._tasks.stop(session.name, KIND)
        return {"progress": markup.note(self._w("bring.stopping"))}

    def restore(self, session: Session) -> Shown:
        """-> the outputs of `look` and `buttons`."""
        return {**self.look(session), **self.buttons(session)}

    def look(self, session: Session) -> Shown:
        """-> progress, stop, timer, summary, for each place its row, about and repair, rest (the other findings)."""
        task = self._tasks.look(session.name, KIND)
        if task is not None and not task.ended:
            key = "inspect.asking" if task.order.ask else "inspect.looking"
            going_on = {"stop": gr.update(visible=not task.stopping), "timer": gr.update(active=True)}
            return {"progress": working(key, task, self._w), **going_on}
        over = {"stop": gr.update(visible=False), "timer": gr.update(active=False)}
        empty = {"summary": "", **self._filled([]), "rest": ""}
        if task is None or task.order.name != session.choices.labelled_set:
            return {"progress": "", **over, **empty}
        if task.error is not None:
            return {"progress": ended(task.error, self._w), **over, **empty}
        stale = "" if self._is_current(session, task.order) else markup.note(self._w("inspect.stale"), "warning")
        return {"progress": stale, **over, **self._report(session, task, task.result)}

    def repair(self, session: Session, closed: bool, place: int) -> Shown:
        """closed, place (number of the pressed button) -> done (what was done), and the outputs of `look` for a new report."""
        task = self._tasks.look(session.name, KIND)
        stored = chosen_set.changeable_set(session)
        if task is None or not task.ended or task.result is None or not self._is_current(session, task.order):
            raise DatasetError("report_stale", "The set has changed since it was checked. Check it again.")
        finding = _mendable(task.result)[place]
        repaired = repairs.repair(task.order.labelled, finding, stored.seed, closed)
        session.library.update(stored.id, repaired)
        done = self._w(f"repaired.{finding.remedy}", count=_changed(task.order.labelled, repaired))
        self._start(session, closed, ask=task.order.ask)
        return {"done": markup.note(done, "good"), **self.look(session)}

    def undo(self, session: Session, closed: bool) -> Shown:
        """closed -> done (the last change is undone), and the outputs of `look`."""
        stored = chosen_set.changeable_set(session)
        before = len(stored.clips)
        after = session.library.undo(stored.id)
        done = self._w("inspect.undone", before=before, after=len(after.clips))
        self._again(session, closed)
        return {"done": markup.note(done, "good"), **self.look(session)}

    def back(self, session: Session, closed: bool) -> Shown:
        """closed -> done (all left-out clips are back in the set), and the outputs of `look`."""
        stored = chosen_set.changeable_set(session)
        whole = replace(stored.labelled(), clips=tuple(one.clip for one in (*stored.clips, *stored.left_out)))
        session.library.update(stored.id, whole)
        self._again(session, closed)
        done = self._w("inspect.put_back", count=len(stored.left_out))
        return {"done": markup.note(done, "good"), **self.look(session)}

    def delete(self, session: Session, closed: bool) -> Shown:
        """closed -> done (the left-out clips are permanently deleted), and the outputs of `look`."""
        stored = chosen_set.changeable_set(session)
        removal.refuse_in_use(session, frozenset(Path(one.clip.path) for one in stored.left_out))
        count = session.library.delete_left_out(stored.id, partial(removal.forget_clips, session))
        self._again(session, closed)
        return {"done": markup.note(self._w("inspect.deleted", count=count), "good"), **self.look(session)}

    def buttons(self, session: Session) -> Shown:
        """-> undo, back, delete: each is shown if there is something to undo, restore or permanently delete."""
        stored = chosen_set.stored_set(session)
        steps = session.library.changes(stored.id) if stored else 0
        out = len(stored.left_out) if stored else 0
        return {
            "undo": gr.update(visible=steps > 0),
            "back": gr.update(visible=out > 0, value=self._w("inspect.back_many", count=out)),
            "delete": gr.update(visible=out > 0, value=self._w("inspect.delete_many", count=out)),
        }

    def _again(self, session: Session, closed: bool) -> None:
        task = self._tasks.look(session.name, KIND)
        if task is not None and task.ended and task.result is not None:
            self._start(session, closed, ask=task.order.ask)

    def _is_current(self, session: Session, asked: InspectionOrder) -> bool:
        now = self._order(session, asked)
        same = now.labelled.clips == asked.labelled.clips and now.normalisation == asked.normalisation
        return same and now.name == asked.name

    def _order(self, session: Session, asked: InspectionOrder) -> InspectionOrder:
        labelled = chosen_set.as_typed(session)
        if chosen_set.stored_set(session) is None:
            with suppress(DatasetError):
                clips = assign_parts(labelled.clips, labelled.language, closed=asked.closed)
                labelled = replace(labelled, clips=tuple(clips))
        form = chosen_set.form(session, labelled)
        return replace(asked, name=session.choices.labelled_set, labelled=labelled, normalisation=form)

    def _start(self, session: Session, closed: bool, ask: bool) -> None:
        empty = LabelledSet("", ())
        order = self._order(session, InspectionOrder("", empty, empty.normalisation, session.choices.model, ask, closed))
        stored = chosen_set.stored_set(session)
        dropped = stored.dropped if stored else ()

        def work(task: Task) -> Inspection:
            def progress(done: int, total: int | None) -> None:
                task.progress(done, total)
                self._pool.pause()

            def look(model=None, known=None) -> Inspection:  # noqa: ANN001
                return inspect(
                    order.labelled, dropped, known, model, order.closed, order.normalisation, progress,
                    lambda: task.stopping,
                )  # fmt: skip

            if order.ask:
                with self._pool.lend(session.name, order.model, soon=False) as model:
                    return look(model, model.characters())
            known = None
            if is_here(order.model) and model_family(order.model) in SPELLING:
                with suppress(AttuneError), self._pool.lend(session.name, order.model) as model:
                    known = model.characters()
            return look(None, known)

        self._tasks.start(session.name, KIND, order, work)

    def _report(self, session: Session, task: Task, report: Inspection) -> Shown:
        changeable = chosen_set.stored_set(session) is not None

        def sound(clip: Clip) -> str:
            with suppress(DatasetError):
                return chosen_set.sound(session, clip)
            return ""

        mendable = _mendable(report) if changeable else []
        shown = mendable[: self._places]
        filled = [
            {
                "row": gr.update(visible=True),
                "about": show.finding(found, report, sound, self._w),
                "repair": gr.update(value=self._w(f"remedy.{found.remedy}", count=len(found.clips))),
            }
            for found in shown
        ]
        others = [found for found in report.findings if found not in shown]
        rest = "".join(show.finding(found, report, sound, self._w) for found in others)
        if not report.findings:
            rest = markup.note(self._w("inspect.nothing"), "good")
        elif not changeable and any(found.remedy for found in others):
            rest += markup.fine(self._w("inspect.copy_first"))
        asked = "" if task.order.ask else markup.fine(self._w("inspect.not_asked", model=task.order.model))
        summary = show.summary(report, self._w) + show.report_links(self._w) + asked
        return {"summary": summary, **self._filled(filled), "rest": rest}

    def _filled(self, places: list[Shown]) -> Shown:
        """Returns values for all places; unused ones are hidden."""
        empty = [{"row": gr.update(visible=False), "about": ""} for _ in range(self._places - len(places))]
        return numbered("place", [*places, *empty])


def _mendable(report: Inspection) -> list[SetFinding]:
    return [finding for finding in report.findings if finding.remedy]


def _changed(before: LabelledSet, after: LabelledSet) -> int:
    return len(set(before.clips) - set(after.clips))

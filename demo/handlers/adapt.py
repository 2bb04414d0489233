"""Step 4: forecasting, starting, stopping and watching a fine-tune."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr
import pandas as pd
import soundfile

from core import audio, runs
from core.dataset import LabelledSet
from core.errors import AttuneError, DatasetError, RunError
from core.forecast import Forecast, forecast, usual_clips
from core.importers.samples import CANARY, read_sample
from core.models.catalogue import model_family
from core.models.classifier import Classifier
from core.recipe import Recipe
from demo import presenters
from demo.handlers.teach import labelled_set
from demo.jobs import Jobs
from demo.session import Session
from demo.shelf import Shelf
from demo.wording import Wording

# The recipe's fields that the page offers; the seed beside them is no part of a recipe.
SETTINGS = ("task", "trains", "learning_rate", "epochs", "l2_sp", "layer_decay", "head_rate", "vocabulary")
ACTIVE = ("waiting", "running")
LOOKED = 11  # outputs of `look`


class AdaptHandlers:
    """What happens in step 4."""

    def __init__(self, w: Wording, shelf: Shelf, jobs: Jobs) -> None:
        self._w, self._shelf, self._jobs = w, shelf, jobs
        self._forecasts: dict[tuple[str, LabelledSet, Recipe], Forecast] = {}

    def default(self, session: Session) -> tuple:
        """The chosen model and set -> the default recipe's settings, its words, no forecast yet."""
        return self.task(session, "transcribe")

    def task(self, session: Session, task: str) -> tuple:
        """What the model becomes -> that task's default settings, its words, no forecast yet."""
        choices = session.choices
        try:
            clips = len(labelled_set(session, task == "classify").part("train"))
        except DatasetError:
            clips = 0
        recipe = Recipe.default("classifier" if task == "classify" else model_family(choices.model), clips)
        return *(getattr(recipe, name) for name in SETTINGS), presenters.recipe_words(recipe, clips, self._w), ""

    def words(self, session: Session, *values: Any) -> tuple[str, str]:
        """Settings -> the recipe in words, no forecast yet."""
        recipe = _recipe(values)
        try:
            clips = len(labelled_set(session, recipe.task == "classify").part("train"))
        except DatasetError:
            clips = 0
        return presenters.recipe_words(recipe, clips, self._w), ""

    def forecasting(self, session: Session) -> tuple[str]:
        """-> what is happening meanwhile."""
        return ("" if self._is_active(session) else presenters.note(self._w("adapt.forecasting")),)

    def forecast(self, session: Session, *values: Any) -> tuple[str]:
        """Settings -> how long it will take on this computer, by doing a little of it; nothing while a run takes its time."""
        if self._is_active(session):
            return ("",)
        recipe = _recipe(values)
        try:
            labelled = labelled_set(session, recipe.task == "classify")
        except DatasetError:  # the set's card says what is missing
            return ("",)
        key = (session.choices.model, labelled, recipe)
        if key not in self._forecasts:
            self._forecasts[key] = self._measure(session.choices.model, labelled, recipe)
        return (presenters.note(presenters.forecast_words(self._forecasts[key], self._w)),)

    def _measure(self, id: str, labelled: LabelledSet, recipe: Recipe) -> Forecast:
        train = labelled.part("train")
        seconds = [soundfile.info(clip.path).duration for clip in train]
        sample = [(audio.decode(train[i].path), train[i].text) for i in usual_clips(seconds, recipe.batch_size)]
        canary = read_sample(CANARY).clips
        easy = [audio.decode(clip.path) for clip in canary[:2]]
        test, validation = len(labelled.part("test")), len(labelled.part("validation"))
        with self._shelf.model(id) as model:
            if recipe.task == "classify" and model.family != "classifier":
                model = Classifier.from_recogniser(model, [clip.text for clip in train])
            return forecast(model, sample, easy, len(train), test, len(canary), validation, recipe)

    def _is_active(self, session: Session) -> bool:
        run = session.current_run()
        return run is not None and run.state() in ACTIVE

    def start(self, session: Session, *values: Any) -> tuple:
        """Settings and seed -> the run as it stands."""
        *settings, seed = values
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is running. Stop it first.")
        recipe, choices = _recipe(settings), session.choices
        labelled = labelled_set(session, recipe.task == "classify")
        own = [clip for clip in labelled.clips if clip.path.endswith(f"{choices.clip}.flac")] if choices.clip else []
        if choices.clip and not own:
            recording = session.collection.get(choices.clip)
            own = [runs.Clip(str(recording.path), recording.text)] if recording.text else []
        request = runs.Request(
            model=choices.model,
            labelled_set=labelled,
            canary=read_sample(CANARY).clips,
            own=tuple(own),
            recipe=recipe,
            seed=int(seed or 0),
        )
        run = runs.create(session.new_run_folder(), request)
        self._jobs.start(run)
        session.choose(run=run.id)
        return self.look(session, "")

    def stop(self, session: Session) -> tuple:
        """-> the run as it stands, asked to stop."""
        run = session.current_run()
        if run is not None and run.state() in ACTIVE:
            run.ask_to_stop()
        return self.look(session, "")

    def look(self, session: Session, seen: str) -> tuple:
        """What was shown -> progress, charts, loss, WER, watch panel, watched clip, start, stop, timer, seen, finished run."""
        run = session.current_run()
        if run is None:
            idle, hidden = presenters.note(self._w("adapt.idle")), gr.update(visible=False)
            return idle, hidden, None, None, hidden, "", *_buttons(active=False), "", ""
        state, happened = run.state(), run.events()
        now = f"{run.id} {state} {len(happened)} {run.should_stop()}"
        if now == seen:
            return (gr.skip(),) * LOOKED
        loss, wer = presenters.loss_table(happened), presenters.wer_table(happened)
        watched = presenters.watched(happened, run.request().labelled_set.language, self._w)
        return (
            presenters.progress(run, state, happened, self._w),
            gr.update(visible=not wer.empty),
            _chart(loss),
            _chart(wer),
            gr.update(visible=bool(watched)),
            watched,
            *_buttons(active=state in ACTIVE),
            now,
            run.id if state == "done" else "",
        )


def _buttons(active: bool) -> tuple:
    """Start, stop and timer."""
    return gr.update(interactive=not active), gr.update(interactive=active), gr.update(active=active)


def _chart(table: pd.DataFrame) -> dict | None:
    return None if table.empty else gr.update(value=table, y_lim=presenters.axis(table))


def _recipe(values: tuple | list) -> Recipe:
    given = dict(zip(SETTINGS, values, strict=False))
    missing = [name for name, value in given.items() if value is None]
    if missing:
        raise AttuneError("recipe_value", f"{missing[0]} is empty.", name=missing[0], value="")
    given["epochs"] = int(given["epochs"])
    return dataclasses.replace(Recipe(), **{name: type(getattr(Recipe(), name))(value) for name, value in given.items()})

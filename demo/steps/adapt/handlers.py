"""Handlers of step 4: forecasting, starting, stopping and watching a fine-tune."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.names import OWN
from core.data.samples import CANARY, REPLAY, read_sample
from core.errors import DatasetError, RunError
from core.models.loading import model_family
from core.runs import run_folder
from core.runs.request import Request, build_request
from core.training.proposal import Proposal, propose
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.session import chosen_set, own_words
from demo.session.chosen_set import as_typed, labelled_set
from demo.session.session import Session
from demo.show import markup
from demo.show.progress import ACTIVE, run_progress
from demo.steps.adapt import settings, show
from demo.steps.job_panel import buttons
from demo.wording import Wording

if TYPE_CHECKING:
    from core.training.forecast import Forecast

RATE_CLIPS = 64  # training clips for a rate search: its 60 steps use most of them once
BABBLE_CLIPS = 12  # mixed into the babble of many voices
LAMBDAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)


class AdaptHandlers:
    """The handlers of step 4. Computing libraries are imported only in those that need them: the page opens without torch."""

    def __init__(self, w: Wording, pool: ModelPool, jobs: Jobs, forecasts: Forecasts) -> None:
        self._w, self._pool, self._jobs, self._forecasts = w, pool, jobs, forecasts

    def default(self, session: Session) -> dict[str, Any]:
        """-> the outputs of `preset`, for the preset that suits the chosen set, or the own words that its clips say."""
        model, labelled = session.choices.model, self._set(session)
        texts = [clip.text for clip in labelled.clips] if session.choices.labelled_set == OWN else []
        terms = own_words.terms_said(session, texts, labelled.language)
        return self._filled(session, propose(model, model_family(model), labelled, terms=terms))

    def preset(self, session: Session, preset: str) -> dict[str, Any]:
        """preset -> preset, the recipe's fields, suits, recipe, forecast (empty): for the chosen model and set."""
        model = session.choices.model
        return self._filled(session, propose(model, model_family(model), self._set(session), preset))

    def task(self, session: Session, task: str) -> dict[str, Any]:
        """task -> the recipe's fields, suits, recipe, forecast (empty): that task's default recipe."""
        if task == "classify":
            return self._proposed(session, Recipe.default("classifier", self._counts(session, Recipe(task=task))[0]))
        proposed = self.default(session)
        del proposed["preset"]
        return proposed

    def words(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> recipe (in words), forecast (empty)."""
        return {"recipe": self._words(session, settings.recipe_of(fields)), "forecast": ""}

    def restore(self, session: Session) -> dict[str, Any]:
        """-> the outputs of `default` and `look`."""
        return {**self.default(session), **self.look(session)}

    def picture(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> picture (which of the network's layers are trained, and at what rate). Changes nothing."""
        recipe = settings.recipe_of(fields)
        with self._pool.lend(session.folder.name, session.choices.model) as model:
            from core.training.learner import for_task, layer_plans

            if recipe.task == "classify" and model.family != "classifier":  # a classifier has its words already
                model = for_task(model, recipe, [clip.text for clip in labelled_set(session, closed=True).part("train")])
            plans = layer_plans(model, recipe)
        return {"picture": show.picture(plans, {}, self._w)}

    def find_rate(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> rates_panel, rates (the curve), rates_note (the suggested rate)."""
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is already running. Stop it first.")
        recipe = settings.recipe_of(fields)
        train = labelled_set(session, recipe.task == "classify").part("train")[:RATE_CLIPS]
        sounds = [(sound_files.decode(clip.path), clip.text) for clip in train]
        with self._pool.lend(session.folder.name, session.choices.model, soon=False) as model:
            from core.training.learner import for_task
            from core.training.rate_finder import find_rate

            model = for_task(model, recipe, [text for _, text in sounds])
            curve = find_rate(model, sounds, recipe, on_step=lambda done, steps: self._pool.pause())
        table = show.rates(curve)
        return {
            "rates_panel": gr.update(visible=True),
            "rates": gr.update(value=table, y_lim=show.axis(table)),
            "rates_note": show.suggestion(curve, len(sounds), self._w),
        }

    def finding(self, session: Session) -> dict[str, Any]:
        """-> rates_note (the search is running)."""
        return {"rates_note": markup.note(self._w("adapt.finding"))}

    def hear(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> augmented (a random training clip after augmentation, and the changes made)."""
        recipe = settings.recipe_of(fields)
        train = labelled_set(session, recipe.task == "classify").part("train")
        if not train:
            raise DatasetError("no_training_clips", "There are no clips to train on.")
        from core.audio.augment.augmenter import Augmenter

        rng = np.random.default_rng()
        clip = train[int(rng.integers(len(train)))]
        others = [sound_files.decode(clip.path) for clip in train[:BABBLE_CLIPS]]
        drawn = Augmenter(recipe.augment, others).augmented(sound_files.decode(clip.path), rng)
        path = session.folder / "augmented.flac"
        sound_files.write_flac(path, drawn.wave)
        return {"augmented": show.augmented(drawn, clip.text, f"/sound/augmented?{secrets.token_hex(4)}", self._w)}

    def forecasting(self, session: Session) -> dict[str, Any]:
        """-> forecast (it is being measured)."""
        return {"forecast": "" if self._is_active(session) else markup.note(self._w("adapt.forecasting"))}

    def forecast(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> forecast (how long the run will take on this computer, from timing a small part of it).

        Empty while a run is active; unchanged if the same browser has requested another forecast in the meantime.
        """
        if self._is_active(session):
            return {"forecast": ""}
        recipe = settings.recipe_of(fields)
        try:
            measured = self.forecast_of(session, recipe)
        except DatasetError:  # the set's card says what is missing
            return {"forecast": ""}
        if measured is None:
            return {"forecast": ""} if self._is_active(session) else {}
        return {"forecast": markup.note(show.forecast_words(measured, self._w))}

    def forecast_of(self, session: Session, recipe: Recipe, general: bool = True) -> Forecast | None:
        """Measures how long a recipe would take on the chosen set, including general speech if `general`.

        Returns None if the same browser has requested another forecast in the meantime, or started a run, which needs the
        computer more.

        Raises:
            DatasetError: there are too few own clips to hold any out.
        """
        beside = chosen_set.canary(session).clips if general else ()
        key = (session.choices.model, labelled_set(session, recipe.task == "classify"), recipe, beside)
        try:
            return self._forecasts.of(session.folder.name, key, lambda: self._measure(session, *key))
        except _RunStarted:
            return None

    def canaries(self, session: Session) -> dict[str, Any]:
        """-> canary (the available general speech, and the current choice)."""
        there, name = chosen_set.canaries(session, self._w), session.choices.canary
        if name not in [id for _, id in there]:  # its set was deleted
            session.choose(canary=CANARY)
        return {"canary": gr.update(choices=there, value=session.choices.canary)}

    def choose_canary(self, session: Session, canary: str) -> dict[str, Any]:
        """canary -> forecast (empty)."""
        chosen_set.choose_canary(session, canary)
        return {"forecast": ""}

    def start(self, session: Session, *, suits: str, seed: float | None, control: bool, **fields: Any) -> dict[str, Any]:
        """The recipe's fields, suits, seed, control (whether to train the control too) -> the outputs of `look`."""
        recipe = suited(session, fields, suits)
        recipes = [recipe]
        if control:  # evaluated only once, at the end: transcribing with a random network is slow and tells little
            recipes.append(dataclasses.replace(recipe, start="random", adapter="none", trains="everything", evaluations=1))
        return self._start(session, recipes, int(seed or 0))

    def sweep(self, session: Session, *, suits: str, seed: float | None, **fields: Any) -> dict[str, Any]:
        """The recipe's fields, suits, seed -> the outputs of `look`. Queues a run for each strength of the pull to theta_p."""
        recipe = suited(session, fields, suits)
        return self._start(session, [dataclasses.replace(recipe, l2_sp=strength) for strength in LAMBDAS], int(seed or 0))

    def stop(self, session: Session) -> dict[str, Any]:
        """-> the outputs of `look`. Stops the active runs; those still waiting never start."""
        for run in session.queue():
            if run.state() in ACTIVE:
                run.ask_to_stop()
        return self.look(session)

    def look(self, session: Session, seen: str = "") -> dict[str, Any]:
        """seen -> progress, start, stop, timer, seen, finished: the current state of the runs; nothing if it is unchanged."""
        queue = session.queue()
        if not queue:
            return {"progress": markup.note(self._w("adapt.idle")), **buttons(active=False), "seen": "", "finished": ""}
        states = [run.state() for run in queue]
        place = next((states.index(state) for state in ("running", "waiting") if state in states), 0)
        run, state, happened = queue[place], states[place], queue[place].events()
        now = f"{run.id} {' '.join(states)} {len(happened)} {run.should_stop()}"
        if now == seen:
            return {}
        active = any(state in ACTIVE for state in states)
        shown = run_progress(run, state, happened, self._w)
        if len(queue) > 1 and active:
            shown = markup.fine(self._w("adapt.queue", place=place + 1, runs=len(queue))) + shown
        finished = " ".join(one.id for one, ended in zip(queue, states, strict=True) if ended == "done")
        return {"progress": shown, **buttons(active), "seen": now, "finished": finished}

    def _start(self, session: Session, recipes: list[Recipe], seed: int) -> dict[str, Any]:
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is already running. Stop it first.")
        started = []
        for recipe in recipes:
            request = request_of(session, recipe, seed)
            started.append(run_folder.create(session.new_run_folder(), request))
        for run in started:
            self._jobs.start(run)
        session.choose(run=started[0].id, queue=" ".join(run.id for run in started))
        return self.look(session)

    def _proposed(self, session: Session, recipe: Recipe, name: str = "") -> dict[str, Any]:
        words = self._words(session, recipe, name)
        return {**settings.values(recipe), "suits": model_family(session.choices.model), "recipe": words, "forecast": ""}

    def _words(self, session: Session, recipe: Recipe, name: str = "") -> str:
        why = markup.fine(self._w(f"preset.{name}.why")) if name else ""
        return why + show.recipe_words(recipe, *self._counts(session, recipe), self._w)

    def _filled(self, session: Session, proposal: Proposal) -> dict[str, Any]:
        return {"preset": proposal.preset, **self._proposed(session, proposal.recipe, proposal.preset)}

    def _set(self, session: Session) -> LabelledSet:
        try:
            return labelled_set(session)
        except DatasetError:  # too few clips so far
            return as_typed(session)

    def _counts(self, session: Session, recipe: Recipe) -> tuple[int, int]:
        """Returns the numbers of training and validation clips; zeros while there are too few clips."""
        try:
            labelled = labelled_set(session, recipe.task == "classify")
        except DatasetError:
            return 0, 0
        return len(labelled.part("train")), len(labelled.part("validation"))

    def _measure(self, session: Session, id: str, labelled: LabelledSet, recipe: Recipe, general: Sequence[Clip]) -> Forecast:
        from core.training.forecast import Workload, forecast
        from core.training.learner import for_task

        work = Workload.of(labelled, general, recipe)
        with self._pool.lend(session.folder.name, id, soon=False) as model:
            model = for_task(model, recipe, [clip.text for clip in labelled.part("train")])
            return forecast(model, work, recipe, lambda: self._make_way(session))

    def _make_way(self, session: Session) -> None:
        """Lets what is more urgent go first.

        Raises:
            _RunStarted: the session has started a run.
        """
        self._pool.pause()
        if self._is_active(session):
            raise _RunStarted

    def _is_active(self, session: Session) -> bool:
        return any(run.state() in ACTIVE for run in session.queue())


class _RunStarted(Exception):
    """A forecast is no longer needed."""


def suited(session: Session, fields: Mapping[str, Any], family: str) -> Recipe:
    """Returns the recipe of the page's fields, after checking that they are for the chosen model.

    Args:
        session: the session with the chosen model.
        fields: as for `settings.recipe_of`.
        family: the model family that the fields are for.

    Raises:
        RecipeError: a field is out of range.
        RunError: a model of another family has been chosen in the meantime.
    """
    if family != model_family(session.choices.model):
        raise RunError("recipe_other_model", "This recipe was for another model. Check the new one, then start again.")
    return settings.recipe_of(fields)


def request_of(session: Session, recipe: Recipe, seed: int) -> Request:
    """Returns the request for a fine-tune of the model and clips chosen on the page, with a recipe.

    Raises:
        DatasetError: there are too few own clips to hold any out.
    """
    choices = session.choices
    labelled = labelled_set(session, recipe.task == "classify")
    own = [clip for clip in labelled.clips if clip.id == choices.clip]
    if choices.clip and not own:
        recording = session.recordings.get(choices.clip)
        own = [Clip(str(recording.path), recording.text, id=recording.id)] if recording.text else []
    canary, general = chosen_set.canary(session), read_sample(REPLAY).clips
    terms = own_words.terms_said(session, [clip.text for clip in labelled.part("test")], labelled.language)
    return build_request(choices.model, labelled, recipe, seed, canary, general, own, terms)

"""Handlers of step 4: forecasting, starting, stopping and watching a fine-tune."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np

from core.audio import sound_files
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.names import OWN
from core.data.samples import CANARY
from core.errors import AttuneError, DatasetError, RecipeError, RunError
from core.models.loading import model_family
from core.runs import run_folder
from core.runs.job_folder import Expected
from core.runs.run_folder import Run
from core.training.events import Event, Stepped
from core.training.proposal import Proposal, propose
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.session import chosen_set, own_words
from demo.session.chosen_set import as_typed, labelled_set
from demo.session.session import Session
from demo.show import errors, markup
from demo.show.numbers import duration
from demo.show.progress import ACTIVE, run_progress
from demo.show.waiting import NOBODY, Ahead, waiting
from demo.steps.adapt import settings, show
from demo.steps.adapt.request import missing, request_of, suited, training_set
from demo.wording import Wording

if TYPE_CHECKING:
    from core.training.forecast import Forecast

RATE_CLIPS = 64  # training clips for a rate search: its 60 steps use most of them once
BABBLE_CLIPS = 12  # mixed into the babble of many voices
LAMBDAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
FORECAST_SECONDS = 4.0  # that a forecast may take before the page says that it comes later, which it does within 5
LOADING_SECONDS = 3.0  # of a fine-tune, for the model and its clips
LATE_SECONDS = 60.0  # that it is waited for after that
MEASURING_SECONDS = 20.0  # that it may be measured for: four times what an idle computer takes


class AdaptHandlers:
    """The handlers of step 4. Computing libraries are imported only in those that need them: the page opens without torch."""

    def __init__(self, w: Wording, pool: ModelPool, jobs: Jobs, forecasts: Forecasts) -> None:
        self._w, self._pool, self._jobs, self._forecasts = w, pool, jobs, forecasts

    def default(self, session: Session) -> dict[str, Any]:
        """-> the outputs of `preset`, for the preset that suits the chosen set, or the own words that its clips say."""
        model, found = session.choices.model, training_set(session)
        labelled = as_typed(session) if isinstance(found, DatasetError) else found
        texts = [clip.text for clip in labelled.clips] if session.choices.labelled_set == OWN else []
        terms = own_words.terms_said(session, texts, labelled.language)
        return self._filled(session, propose(model, model_family(model), labelled, terms=terms), found)

    def preset(self, session: Session, preset: str) -> dict[str, Any]:
        """preset -> preset, the recipe's fields, suits, recipe, and the outputs of `ready`: for the chosen model and set."""
        model, found = session.choices.model, training_set(session)
        labelled = as_typed(session) if isinstance(found, DatasetError) else found
        return self._filled(session, propose(model, model_family(model), labelled, preset), found)

    def task(self, session: Session, task: str) -> dict[str, Any]:
        """task -> the recipe's fields, suits, recipe, and the outputs of `ready`: that task's default recipe."""
        if task == "classify":
            found = training_set(session, closed=True)
            return self._proposed(session, Recipe.default("classifier", _counts(found)[0]), found)
        proposed = self.default(session)
        del proposed["preset"]
        return proposed

    def words(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> recipe (in words), and the outputs of `ready`; if a field is wrong, the latter say which."""
        try:
            recipe = settings.recipe_of(fields)
        except RecipeError as error:
            return self._offer(session, errors.explain(error, self._w))
        found = training_set(session, recipe.task == "classify")
        return {"recipe": self._words(recipe, found), **self._offer(session, missing(self._w, session, found))}

    def ready(self, session: Session, closed: bool = False) -> dict[str, Any]:
        """-> start, find, hear, sweep, timer, forecast: whether a fine-tune could start now, or in a sentence why not.

        `start`, `find` and `sweep` are enabled where their work is possible and no run is active; `hear` where there are clips.
        `forecast` holds the sentence with what is missing and what to do, and is otherwise empty. `timer` is active as long as
        `look` has to be called to keep all of this up to date.

        Args:
            session: whose choices count.
            closed: whether the clips are to be classified, see `labelled_set`.
        """
        return self._offer(session, missing(self._w, session, training_set(session, closed)))

    def restore(self, session: Session) -> dict[str, Any]:
        """-> the outputs of `default` and `look`."""
        return {**self.look(session), **self.default(session)}

    def picture(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> picture (which of the network's layers are trained, and at what rate). Changes nothing."""
        recipe = settings.recipe_of(fields)
        with self._pool.lend(session.folder.name, session.choices.model) as model:
            from core.training.learner import for_task, layer_plans

            if recipe.task == "classify" and model.family != "classifier":  # a classifier has its words already
                model = for_task(model, recipe, [clip.text for clip in labelled_set(session, closed=True).part("train")])
            parameters = sum(parameter.numel() for parameter in model.network.parameters())
            plans = layer_plans(model, recipe)
        return {"picture": show.picture(plans, parameters, self._w)}

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
        """-> forecast (it is being measured, or what is missing for a start)."""
        if self._is_active(session):
            return {"forecast": ""}
        is_own = session.choices.labelled_set == OWN  # of these, few may be too few; others may take long to split
        lacks = missing(self._w, session, training_set(session)) if is_own or session.choices.fetching else ""
        return {"forecast": markup.note(lacks or self._w("adapt.forecasting"))}

    def forecast(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> forecast (how long the run will take on this computer, from timing a small part of it).

        It includes what is ahead in the queue. If measuring takes more than `FORECAST_SECONDS`, it says that the time will be
        known later. Empty while a run is active; unchanged if the same browser has requested another forecast in the meantime.
        """
        if self._is_active(session):
            return {"forecast": ""}
        recipe = settings.recipe_of(fields)
        found = training_set(session, recipe.task == "classify")
        if (lacks := missing(self._w, session, found)) or isinstance(found, DatasetError):
            return {"forecast": markup.note(lacks)}
        try:
            measured, late = self.forecast_of(session, recipe, found, FORECAST_SECONDS), False
        except TimeoutError:
            measured, late = None, True
        if self._is_active(session):
            return {"forecast": ""}
        return {"forecast": show.forecast_words(measured, self._jobs.ahead(), self._w)} if measured or late else {}

    def late_forecast(self, session: Session, **fields: Any) -> dict[str, Any]:
        """The recipe's fields -> forecast, if it came later than `FORECAST_SECONDS`; otherwise unchanged."""
        recipe = settings.recipe_of(fields)
        found = training_set(session, recipe.task == "classify")
        if isinstance(found, DatasetError) or missing(self._w, session, found) or self._is_active(session):
            return {}
        try:
            measured = self.forecast_of(session, recipe, found, LATE_SECONDS)
        except TimeoutError:
            return {}
        if measured is None or self._is_active(session):
            return {}
        return {"forecast": show.forecast_words(measured, self._jobs.ahead(), self._w)}

    def forecast_of(
        self, session: Session, recipe: Recipe, labelled: LabelledSet, seconds: float, general: bool = True
    ) -> Forecast | None:
        """Measures how long a recipe would take on a set, including general speech if `general`.

        Returns None if the same browser has requested another forecast in the meantime, or started a run, which needs the
        computer more.

        Raises:
            TimeoutError: it takes longer than `seconds`; measuring goes on for a while.
        """
        key = self._asked(session, recipe, labelled, general)
        try:
            return self._forecasts.within(seconds, session.folder.name, key, lambda: self._measure(session, *key))
        except _RunStarted:
            return None

    def expected(self, session: Session, recipe: Recipe, labelled: LabelledSet, general: bool = True) -> Forecast | None:
        """Returns the forecast of a recipe on a set if it has been measured."""
        return self._forecasts.known(self._asked(session, recipe, labelled, general))

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
        """seen -> progress, stop, seen, finished, and the outputs of `ready`: the state of the runs; nothing if unchanged."""
        queue = session.queue()
        states = [run.state() for run in queue]
        active = any(state in ACTIVE for state in states)
        finished = " ".join(one.id for one, ended in zip(queue, states, strict=True) if ended == "done")
        place = next((states.index(state) for state in ("running", "waiting") if state in states), 0)
        happened = queue[place].events() if queue else []
        ahead = self._jobs.ahead(queue[place]) if active and states[place] == "waiting" else NOBODY
        now = session.choices.fetching
        if queue:
            waits = self._time_to_wait(queue[place], happened, ahead) if active else ""
            now = f"{queue[place].id} {' '.join(states)} {len(happened)} {queue[place].should_stop()} {waits} {now}"
        if now == seen and now:
            return {}
        shown = markup.note(self._w("adapt.idle"))
        if queue:
            shown = run_progress(queue[place], states[place], happened, self._w, ahead)
        if len(queue) > 1 and active:
            shown = markup.fine(self._w("adapt.queue", place=place + 1, runs=len(queue))) + shown
        closed = bool(queue) and not active and self._classified(queue[place])
        offer = self._offer(session, "") if active else self.ready(session, closed)
        label = "adapt.stop" if "running" in states else "adapt.leave_queue"
        stop = gr.update(interactive=active, value=self._w(label))
        return {"progress": shown, **offer, "stop": stop, "seen": now, "finished": finished}

    def _start(self, session: Session, recipes: list[Recipe], seed: int) -> dict[str, Any]:
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is already running. Stop it first.")
        requests = [request_of(session, recipe, seed) for recipe in recipes]
        started = [run_folder.create(session.new_run_folder(), request) for request in requests]
        measured = self.expected(session, recipes[0], requests[0].labelled_set)  # the others take about as long
        expected = Expected(measured.total + LOADING_SECONDS, measured.after) if measured else None
        for run in started:
            self._jobs.start(run, expected)
        session.choose(run=started[0].id, queue=" ".join(run.id for run in started))
        return self.look(session)

    def _time_to_wait(self, run: Run, happened: Sequence[Event], ahead: Ahead) -> str:
        """Returns what changes while nothing happens: place and time in the queue, and what is left before the first step."""
        if ahead.jobs:
            return waiting(ahead, self._w)
        left = None if any(isinstance(event, Stepped) for event in happened) else run.remaining(happened)
        return duration(left, self._w) if left is not None else ""

    def _offer(self, session: Session, lacks: str) -> dict[str, Any]:
        active = self._is_active(session)
        possible = gr.update(interactive=not lacks and not active)
        return {
            **dict.fromkeys(("start", "find", "sweep"), possible),
            "hear": gr.update(interactive=not lacks),
            "timer": gr.update(active=active or bool(session.choices.fetching)),
            "forecast": "" if active else markup.note(lacks),
        }

    def _proposed(self, session: Session, recipe: Recipe, found: LabelledSet | DatasetError, name: str = "") -> dict[str, Any]:
        words = self._words(recipe, found, name)
        filled = {**settings.values(recipe), "suits": model_family(session.choices.model), "recipe": words}
        return {**filled, **self._offer(session, missing(self._w, session, found))}

    def _words(self, recipe: Recipe, found: LabelledSet | DatasetError, name: str = "") -> str:
        why = markup.fine(self._w(f"preset.{name}.why")) if name else ""
        return why + show.recipe_words(recipe, *_counts(found), self._w)

    def _asked(
        self, session: Session, recipe: Recipe, labelled: LabelledSet, general: bool
    ) -> tuple[str, LabelledSet, Recipe, Sequence[Clip]]:
        """Returns what a forecast depends on."""
        return session.choices.model, labelled, recipe, chosen_set.canary(session).clips if general else ()

    def _filled(self, session: Session, proposal: Proposal, found: LabelledSet | DatasetError) -> dict[str, Any]:
        return {"preset": proposal.preset, **self._proposed(session, proposal.recipe, found, proposal.preset)}

    def _measure(self, session: Session, id: str, labelled: LabelledSet, recipe: Recipe, general: Sequence[Clip]) -> Forecast:
        from core.training.forecast import Workload, forecast
        from core.training.learner import for_task

        work, began = Workload.of(labelled, general, recipe), time.monotonic()
        with self._pool.lend(session.folder.name, id, soon=False) as model:
            model = for_task(model, recipe, [clip.text for clip in labelled.part("train")])
            return forecast(model, work, recipe, lambda: self._make_way(session, began))

    def _make_way(self, session: Session, began: float) -> None:
        """Lets what is more urgent go first.

        Raises:
            _RunStarted: the session has started a run.
            TimeoutError: the forecast has been measured for too long.
        """
        self._pool.pause()
        if self._is_active(session):
            raise _RunStarted
        if time.monotonic() - began > MEASURING_SECONDS:
            raise TimeoutError

    def _classified(self, run: Run) -> bool:
        try:
            return run.request().recipe.task == "classify"
        except AttuneError:  # damaged
            return False

    def _is_active(self, session: Session) -> bool:
        return any(run.state() in ACTIVE for run in session.queue())


class _RunStarted(Exception):
    """A forecast is no longer needed."""


def _counts(found: LabelledSet | DatasetError) -> tuple[int, int]:
    """Returns the numbers of training and validation clips; zeros while there are too few clips."""
    if isinstance(found, DatasetError):
        return 0, 0
    return len(found.part("train")), len(found.part("validation"))

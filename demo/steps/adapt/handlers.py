"""Step 4: forecasting, starting, stopping and watching a fine-tune."""

from __future__ import annotations

import copy
import dataclasses
import math
import secrets
from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from core.audio import sound_files
from core.audio.augment.augmenter import Augmenter
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.samples import CANARY, REPLAY, WATCHED_CLIPS, read_sample
from core.errors import DatasetError, RunError
from core.models.catalogue import model_family
from core.models.classifier import Classifier
from core.runs import run_folder
from core.training import freezing
from core.training.forecast import Forecast, forecast, spread_clips, usual_clips
from core.training.learner import with_adapters
from core.training.presets import PRESETS, preset
from core.training.rate_finder import find_rate
from core.training.recipe import Recipe
from demo.background.forecasts import Forecasts
from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.session import chosen_set
from demo.session.chosen_set import labelled_set
from demo.session.session import Session
from demo.show import presenters
from demo.show.progress import ACTIVE, run_progress
from demo.steps.adapt import settings
from demo.steps.adapt import show as layers
from demo.wording import Wording

RATE_CLIPS = 64  # of the training clips: 60 steps see most of them once
BABBLE_CLIPS = 12  # whose voices a babble is made of
LOOKED = 6  # outputs of `look`
LAMBDAS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)


class AdaptHandlers:
    """What happens in step 4."""

    def __init__(self, w: Wording, pool: ModelPool, jobs: Jobs, forecasts: Forecasts) -> None:
        self._w, self._pool, self._jobs, self._forecasts = w, pool, jobs, forecasts

    def default(self, session: Session) -> tuple:
        """The chosen model and set -> the preset that suits the set, and what `preset` makes of it."""
        name = session.choices.labelled_set
        return self.preset(session, name if name in PRESETS else PRESETS[0])

    def preset(self, session: Session, name: str) -> tuple:
        """Preset -> itself, its settings, the family they suit, its words, no forecast yet."""
        family = model_family(session.choices.model)
        recipe = preset(name, family, self._clips(session, Recipe()))
        return name, *settings.values(recipe), family, self._words(session, recipe, name), ""

    def task(self, session: Session, task: str) -> tuple:
        """What the model becomes -> that task's default settings, the family they suit, its words, no forecast yet."""
        if task != "classify":
            return self.default(session)[1:]
        recipe = Recipe.default("classifier", self._clips(session, Recipe(task=task)))
        return *settings.values(recipe), model_family(session.choices.model), self._words(session, recipe), ""

    def words(self, session: Session, *values: Any) -> tuple[str, str]:
        """Settings -> the recipe in words, no forecast yet."""
        return self._words(session, settings.recipe_of(values)), ""

    def picture(self, session: Session, *values: Any) -> tuple[str]:
        """Settings -> the network's layers, what learns in each and at what rate. Nothing is changed."""
        recipe = settings.recipe_of(values)
        with self._pool.lend(session.folder.name, session.choices.model) as model:
            if recipe.task == "classify" and model.family != "classifier":
                texts = [clip.text for clip in labelled_set(session, closed=True).part("train")]
                model = Classifier.from_recogniser(model, texts)
            if recipe.adapter == "none":
                plans = freezing.plan(model, recipe)
            else:
                twin = copy.deepcopy(model)
                plans = with_adapters(twin, freezing.plan(twin, recipe), recipe, seed=0)
        return (layers.picture(plans, {}, self._w),)

    def find_rate(self, session: Session, *values: Any) -> tuple:
        """Settings -> the curve's panel, the curve, what it says."""
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is running. Stop it first.")
        recipe = settings.recipe_of(values)
        train = labelled_set(session, recipe.task == "classify").part("train")[:RATE_CLIPS]
        sounds = [(sound_files.decode(clip.path), clip.text) for clip in train]
        with self._pool.lend(session.folder.name, session.choices.model, soon=False) as model:
            if recipe.task == "classify" and model.family != "classifier":
                model = Classifier.from_recogniser(model, [text for _, text in sounds])
            curve = find_rate(model, sounds, recipe, on_step=lambda done, steps: self._pool.pause())
        table = pd.DataFrame({"rate": [math.log10(rate) for rate in curve.rates], "loss": curve.smoothed})
        key = "adapt.rate_none" if curve.suggestion is None else "adapt.rate_found"
        told = self._w(key, rate=f"{curve.suggestion or 0:.1g}", steps=len(curve.rates), clips=len(sounds))
        return gr.update(visible=True), gr.update(value=table, y_lim=presenters.axis(table)), presenters.note(told)

    def finding(self, session: Session) -> tuple[str]:
        """-> what is happening meanwhile."""
        return (presenters.note(self._w("adapt.finding")),)

    def hear(self, session: Session, *values: Any) -> tuple[str]:
        """Settings -> one training clip as it is and as augmentation makes it, with what was drawn."""
        recipe = settings.recipe_of(values)
        train = labelled_set(session, recipe.task == "classify").part("train")
        if not train:
            raise DatasetError("no_training_clips", "There is no clip that can be trained on.")
        rng = np.random.default_rng()
        clip = train[int(rng.integers(len(train)))]
        others = [sound_files.decode(clip.path) for clip in train[:BABBLE_CLIPS]]
        drawn = Augmenter(recipe.augment, others).augmented(sound_files.decode(clip.path), rng)
        path = session.folder / "augmented.flac"
        sound_files.write_flac(path, drawn.wave)
        return (presenters.augmented(drawn, clip.text, f"/sound/augmented?{secrets.token_hex(4)}", self._w),)

    def forecasting(self, session: Session) -> tuple[str]:
        """-> what is happening meanwhile."""
        return ("" if self._is_active(session) else presenters.note(self._w("adapt.forecasting")),)

    def forecast(self, session: Session, *values: Any) -> tuple[str]:
        """Settings -> how long it will take on this computer, by doing a little of it; nothing while a run takes its time."""
        if self._is_active(session):
            return ("",)
        recipe = settings.recipe_of(values)
        try:
            measured = self.forecast_of(session, recipe)
        except DatasetError:  # the set's card says what is missing
            return ("",)
        if measured is None:
            return (gr.skip(),)
        return (presenters.note(presenters.forecast_words(measured, self._w)),)

    def forecast_of(self, session: Session, recipe: Recipe, general: bool = True) -> Forecast | None:
        """Measures how long a recipe would take on the chosen set; `general` where general speech is read too.

        None where the same browser asked for another forecast meanwhile.

        Raises:
            DatasetError: too few own clips to hold any out.
        """
        beside = chosen_set.canary(session).clips if general else ()
        key = (session.choices.model, labelled_set(session, recipe.task == "classify"), recipe, beside)
        return self._forecasts.of(session.folder.name, key, lambda: self._measure(session, *key))

    def canaries(self, session: Session) -> tuple[dict]:
        """-> what general speech there is to choose from, and what is chosen."""
        there, name = chosen_set.canaries(session, self._w), session.choices.canary
        if name not in [id for _, id in there]:  # its set was deleted
            session.choose(canary=CANARY)
        return (gr.update(choices=there, value=session.choices.canary),)

    def choose_canary(self, session: Session, name: str) -> tuple[str]:
        """General speech -> no forecast yet."""
        chosen_set.choose_canary(session, name)
        return ("",)

    def start(self, session: Session, *values: Any) -> tuple:
        """Settings, their family, seed, whether to train the control too -> the runs as they stand."""
        *given, family, seed, control = values
        recipe = suited(session, given, family)
        recipes = [recipe]
        if control:  # read once at the end: what a random network writes takes long to read, and says little
            recipes.append(dataclasses.replace(recipe, start="random", adapter="none", trains="everything", evaluations=1))
        return self._start(session, recipes, int(seed or 0))

    def sweep(self, session: Session, *values: Any) -> tuple:
        """Settings, their family, seed -> a short run for each strength of the pull towards the pretrained values, queued."""
        *given, family, seed = values
        recipe = suited(session, given, family)
        return self._start(session, [dataclasses.replace(recipe, l2_sp=strength) for strength in LAMBDAS], int(seed or 0))

    def stop(self, session: Session) -> tuple:
        """-> the runs as they stand, asked to stop: those that have not begun never do."""
        for run in session.queue():
            if run.state() in ACTIVE:
                run.ask_to_stop()
        return self.look(session, "")

    def look(self, session: Session, seen: str) -> tuple:
        """What was shown -> progress, start, stop, timer, seen, finished."""
        queue = session.queue()
        if not queue:
            return presenters.note(self._w("adapt.idle")), *_buttons(active=False), "", ""
        states = [run.state() for run in queue]
        place = next((states.index(state) for state in ("running", "waiting") if state in states), 0)
        run, state, happened = queue[place], states[place], queue[place].events()
        now = f"{run.id} {' '.join(states)} {len(happened)} {run.should_stop()}"
        if now == seen:
            return (gr.skip(),) * LOOKED
        shown = run_progress(run, state, happened, self._w)
        if len(queue) > 1 and any(s in ACTIVE for s in states):
            shown = presenters.fine(self._w("adapt.queue", place=place + 1, runs=len(queue))) + shown
        finished = " ".join(one.id for one, ended in zip(queue, states, strict=True) if ended == "done")
        return (
            shown,
            *_buttons(active=any(s in ACTIVE for s in states)),
            now,
            finished,
        )

    def _start(self, session: Session, recipes: list[Recipe], seed: int) -> tuple:
        if self._is_active(session):
            raise RunError("already_running", "A fine-tune is running. Stop it first.")
        started = []
        for recipe in recipes:
            request = request_of(session, recipe, seed)
            started.append(run_folder.create(session.new_run_folder(), request))
        for run in started:
            self._jobs.start(run)
        session.choose(run=started[0].id, queue=" ".join(run.id for run in started))
        return self.look(session, "")

    def _words(self, session: Session, recipe: Recipe, name: str = "") -> str:
        why = presenters.fine(self._w(f"preset.{name}.why")) if name else ""
        return why + presenters.recipe_words(recipe, self._clips(session, recipe), self._w)

    def _clips(self, session: Session, recipe: Recipe) -> int:
        try:
            return len(labelled_set(session, recipe.task == "classify").part("train"))
        except DatasetError:
            return 0

    def _measure(self, session: Session, id: str, labelled: LabelledSet, recipe: Recipe, general: Sequence[Clip]) -> Forecast:
        train = labelled.part("train")
        sample = [(sound_files.decode(train[i].path), train[i].text) for i in spread_clips(_seconds(train), recipe.batch_size)]
        held_out, easy = labelled.part("test"), general or read_sample(CANARY).clips
        heard = [[sound_files.decode(clips[i].path) for i in usual_clips(_seconds(clips))] for clips in (held_out, easy)]
        watch = [sound_files.decode(clip.path) for clip in read_sample(REPLAY).clips[-WATCHED_CLIPS:]] if general else []
        test, validation = len(held_out), len(labelled.part("validation"))
        with self._pool.lend(session.folder.name, id, soon=False) as model:
            if recipe.task == "classify" and model.family != "classifier":
                model = Classifier.from_recogniser(model, [clip.text for clip in train])
            counts = len(train), test, len(general), validation
            return forecast(model, sample, *heard, *counts, recipe, watch, self._pool.pause)

    def _is_active(self, session: Session) -> bool:
        return any(run.state() in ACTIVE for run in session.queue())


def _seconds(clips: Sequence[Clip]) -> list[float]:
    return [chosen_set.seconds(clip) for clip in clips]


def suited(session: Session, given: Sequence[Any], family: str) -> Recipe:
    """Returns the recipe of the page's settings, as long as they are for the chosen model.

    Raises:
        RecipeError: a field is outside its range.
        RunError: another model was chosen meanwhile, and the settings were for one of another family.
    """
    if family != model_family(session.choices.model):
        raise RunError("recipe_other_model", "This recipe was for another model. Look at the new one, and start again.")
    return settings.recipe_of(given)


def request_of(session: Session, recipe: Recipe, seed: int) -> run_folder.Request:
    """Returns the fine-tune that is chosen on the page: its model and clips, by a recipe.

    Raises:
        DatasetError: too few own clips to hold any out.
    """
    choices = session.choices
    labelled = labelled_set(session, recipe.task == "classify")
    own = [clip for clip in labelled.clips if clip.path.endswith(f"{choices.clip}.flac")] if choices.clip else []
    if choices.clip and not own:
        recording = session.recordings.get(choices.clip)
        own = [run_folder.Clip(str(recording.path), recording.text)] if recording.text else []
    general, canary = read_sample(REPLAY).clips, chosen_set.canary(session)
    return run_folder.Request(
        model=choices.model,
        labelled_set=labelled,
        canary=canary.clips,
        own=tuple(own),
        recipe=recipe,
        seed=seed,
        general=general[:-WATCHED_CLIPS] if recipe.replay else (),
        watch=() if recipe.start == "random" else general[-WATCHED_CLIPS:],
        canary_name=canary.name,
        canary_synthetic=canary.synthetic,
    )


def _buttons(active: bool) -> tuple:
    """Start, stop and timer."""
    return gr.update(interactive=not active), gr.update(interactive=active), gr.update(active=active)

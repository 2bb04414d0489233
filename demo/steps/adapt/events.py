"""Event wiring of step 4: the recipe, its forecast, and the runs. No logic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.steps.adapt.handlers import AdaptHandlers
from demo.steps.adapt.ladder import events as ladder
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.steps.adapt.view import AdaptView
from demo.steps.adapt.watch import events as watch
from demo.steps.adapt.watch.handlers import WatchHandlers
from demo.steps.compare.view import CompareView
from demo.steps.stage.flip import FlipView
from demo.steps.wiring import QUIET, WAITS, On, Part, Then, named
from demo.wording import Wording


@dataclass(frozen=True)
class Adapting:
    """What other steps wire after their events.

    Attributes:
        then_propose: takes an event that changes the model or the set, and proposes a recipe and its forecast after it.
        then_recipe: likewise, but without a forecast, which takes seconds to measure.
        restore: takes the event after the page was loaded, and restores the step after it.
    """

    then_propose: Then
    then_recipe: Then
    restore: Then


def wire(
    on: On,
    w: Wording,
    flip: FlipView,
    four: AdaptView,
    five: CompareView,
    pool: ModelPool,
    jobs: Jobs,
    forecasts: Forecasts,
    states: Part,
) -> Adapting:
    """Wires step 4.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        flip: the card of the stage that starts and stops a fine-tune.
        four: the components of step 4.
        five: the components of step 5, which has the button for a sweep.
        pool: models in memory.
        jobs: starts fine-tunes and ladders.
        forecasts: cached forecasts.
        states: shows how far each step is.
    """
    handlers = AdaptHandlers(w, pool, jobs, forecasts)
    then_forecast = _forecasting(on, flip, four, handlers)
    _wire_recipe(on, flip, four, five, handlers, then_forecast)
    _wire_data(on, flip, four, handlers, then_forecast)
    _wire_run(on, flip, four, five, handlers)
    watch.wire(on, four.watch, flip.seen, WatchHandlers(w))
    planned = {**_planned(four), **named(four, "seed")}
    climbing = LadderHandlers(w, jobs, handlers)
    restore_ladder = ladder.wire(on, four.ladder, planned, climbing)

    def then_recipe(event: Callable) -> Any:
        proposed = on(event, handlers.default, {}, _proposed(flip, four, five), None, **QUIET)
        on(proposed.then, climbing.ready, {}, named(four.ladder.job, "start"), None, **QUIET)
        return on(proposed.then, states.show, states.inputs, states.outputs, None, **QUIET)

    def then_propose(event: Callable) -> None:
        then_forecast(then_recipe(event).then)

    def restore(event: Callable) -> None:
        shown = {**_proposed(flip, four, five), **_looked(flip, four, five)}
        then_forecast(on(event, handlers.restore, {}, shown, flip.message, **QUIET).then)
        restore_ladder(event)

    return Adapting(then_propose, then_recipe, restore)


def _planned(four: AdaptView) -> dict[str, Any]:
    """Returns the components that define a run."""
    return {**four.settings, **named(four, "suits")}


def _offered(flip: FlipView, four: AdaptView, five: CompareView) -> dict[str, Any]:
    """Returns the buttons that need a model and clips, and where it says what is missing, see `AdaptHandlers.ready`."""
    return {**named(flip, "start", "timer", "forecast"), **named(four, "find", "hear"), **named(five, "sweep")}


def _proposed(flip: FlipView, four: AdaptView, five: CompareView) -> dict[str, Any]:
    """Returns the components filled with a proposal for a model and a set."""
    return {**named(four, "preset", "recipe"), **_planned(four), **_offered(flip, four, five)}


def _looked(flip: FlipView, four: AdaptView, five: CompareView) -> dict[str, Any]:
    """Returns the components that show the state of the runs."""
    return {**named(flip, "progress", "stop", "seen", "finished"), **_offered(flip, four, five)}


def _forecasting(on: On, flip: FlipView, four: AdaptView, handlers: AdaptHandlers) -> Then:
    """Returns a function that takes an event that changes the recipe, and updates forecast and picture after it."""

    def then_forecast(event: Callable) -> None:
        timed = on(event, handlers.forecasting, {}, named(flip, "forecast"), None, **QUIET)
        timed = on(timed.then, handlers.forecast, four.settings, named(flip, "forecast"), flip.message, blank=True, **WAITS)
        timed = on(timed.then, handlers.picture, four.settings, named(four, "picture"), None, **WAITS)
        on(timed.then, handlers.late_forecast, four.settings, named(flip, "forecast"), None, **WAITS)

    return then_forecast


def _wire_recipe(
    on: On, flip: FlipView, four: AdaptView, five: CompareView, handlers: AdaptHandlers, then_forecast: Then
) -> None:
    proposed, words = _proposed(flip, four, five), {**named(four, "recipe"), **_offered(flip, four, five)}
    then_forecast(on(four.preset.input, handlers.preset, named(four, "preset"), proposed, four.message, **QUIET).then)
    for name, setting in four.settings.items():
        if name == "task":
            then_forecast(on(setting.input, handlers.task, {name: setting}, proposed, four.message, **QUIET).then)
        else:
            on(setting.input, handlers.words, four.settings, words, four.message, **QUIET)
            then_forecast(setting.blur)
    sought = on(four.find.click, handlers.finding, {}, named(four, "rates_note"), four.message, **QUIET)
    on(
        sought.then, handlers.find_rate, four.settings, named(four, "rates_panel", "rates", "rates_note"), four.message,
        blank=True, **QUIET, concurrency_limit=1,  # each needs as much memory as a fine-tune
    )  # fmt: skip


def _wire_data(on: On, flip: FlipView, four: AdaptView, handlers: AdaptHandlers, then_forecast: Then) -> None:
    canary, forecast = named(four, "canary"), named(flip, "forecast")
    on(four.advanced.expand, handlers.canaries, {}, canary, None, **QUIET)
    then_forecast(on(four.canary.input, handlers.choose_canary, canary, forecast, four.message, **QUIET).then)
    on(four.hear.click, handlers.hear, four.settings, named(four, "augmented"), four.message, **QUIET)


def _wire_run(on: On, flip: FlipView, four: AdaptView, five: CompareView, handlers: AdaptHandlers) -> None:
    planned, looked = _planned(four), _looked(flip, four, five)
    on(flip.start.click, handlers.start, {**planned, **named(four, "seed", "control")}, looked, flip.message, **QUIET)
    on(five.sweep.click, handlers.sweep, {**planned, **named(four, "seed")}, looked, five.message, **QUIET)
    on(flip.stop.click, handlers.stop, {}, looked, flip.message, **QUIET)
    on(flip.timer.tick, handlers.look, named(flip, "seen"), looked, None, **QUIET, queue=False)

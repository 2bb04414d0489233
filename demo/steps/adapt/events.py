"""Wires step 4: the recipe and its forecast, the run, the watching, the ladder of more and more clips. No logic."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from demo.background.forecasts import Forecasts
from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import AdaptHandlers
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.steps.adapt.ladder.view import LadderView
from demo.steps.adapt.view import AdaptView
from demo.steps.adapt.watch.handlers import WatchHandlers
from demo.steps.adapt.watch.view import WatchView
from demo.steps.compare.view import CompareView
from demo.steps.job_panel import JobView
from demo.steps.wiring import AT_ONCE, QUIET, WAITS, On
from demo.wording import Wording

Then = Callable[[Callable], None]


def wire(
    on: On, w: Wording, four: AdaptView, five: CompareView, pool: ModelPool, jobs: Jobs, forecasts: Forecasts
) -> tuple[Then, Then]:
    """Wires it.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        four: the components of step 4.
        five: those of step 5, where a sweep is asked for.
        pool: models that are warm.
        jobs: starts what trains.
        forecasts: those that were measured.

    Returns:
        What, given an event after which another model or set is chosen, proposes a recipe for it; and what, given the
        event after the page was loaded, restores the step.
    """
    handlers = AdaptHandlers(w, pool, jobs, forecasts)
    climbing = LadderHandlers(w, jobs, handlers)
    planned = [*four.settings, four.suits]
    recipe = [*planned, four.recipe, four.forecast]
    proposed = [four.preset, *recipe]
    looked = [four.progress, four.start, four.stop, four.timer, four.seen, four.finished]
    climbed = _climbed(four.ladder.job)

    def then_forecast(event: Callable) -> None:
        timed = on(event, handlers.forecasting, [], [four.forecast], None, **QUIET)
        timed = on(timed.then, handlers.forecast, four.settings, [four.forecast], four.message, blank=True, **WAITS)
        on(timed.then, handlers.picture, four.settings, [four.picture], None, **WAITS)

    then_forecast(on(four.preset.input, handlers.preset, [four.preset], proposed, four.message, **QUIET).then)
    for name, setting in zip(settings.NAMES, four.settings, strict=True):
        if name == "task":
            then_forecast(on(setting.input, handlers.task, [setting], recipe, four.message, **QUIET).then)
        else:
            on(setting.input, handlers.words, four.settings, [four.recipe, four.forecast], four.message, **QUIET)
            then_forecast(setting.blur)
    sought = on(four.find.click, handlers.finding, [], [four.rates_note], four.message, **QUIET)
    on(
        sought.then, handlers.find_rate, four.settings, [four.rates_panel, four.rates, four.rates_note], four.message,
        blank=True, **QUIET, concurrency_limit=1,  # each takes the memory of a fine-tune
    )  # fmt: skip
    on(four.advanced.expand, handlers.canaries, [], [four.canary], None, **QUIET)
    then_forecast(on(four.canary.input, handlers.choose_canary, [four.canary], [four.forecast], four.message, **QUIET).then)
    on(four.hear.click, handlers.hear, four.settings, [four.augmented], four.message, **QUIET)
    on(four.start.click, handlers.start, [*planned, four.seed, four.control], looked, four.message, **QUIET)
    on(five.sweep.click, handlers.sweep, [*planned, four.seed], looked, five.message, **QUIET)
    on(four.stop.click, handlers.stop, [], looked, four.message, **QUIET)
    on(four.timer.tick, handlers.look, [four.seen], looked, None, **QUIET, queue=False)
    _wire_watch(on, w, four.watch, four.seen)
    _wire_ladder(on, four.ladder, climbing, [*planned, four.seed])

    def then_propose(event: Callable) -> None:
        then_forecast(on(event, handlers.default, [], proposed, None, **QUIET).then)

    def restore(loaded: Callable) -> None:
        def load(session: Session) -> tuple:
            return *handlers.default(session), *handlers.look(session, ""), *climbing.look(session, "", None)

        then_forecast(on(loaded, load, [], [*proposed, *looked, *climbed], four.message, **QUIET).then)

    return then_propose, restore


def _wire_watch(on: On, w: Wording, watch: WatchView, seen: gr.Textbox) -> None:
    watching = WatchHandlers(w)
    moment = [watch.about, watch.charts, watch.transcripts, watch.drift]
    shown = [watch.panel, watch.moment, *moment, watch.followed]
    on(seen.change, watching.look, [watch.moment, watch.followed], shown, None, **QUIET, queue=False)
    on(watch.moment.input, watching.at, [watch.moment], moment, None, **AT_ONCE)


def _climbed(climb: JobView) -> list[gr.components.Component]:
    return [climb.progress, climb.result, climb.start, climb.stop, climb.timer, climb.seen]


def _wire_ladder(on: On, view: LadderView, climbing: LadderHandlers, planned: list[gr.components.Component]) -> None:
    climb, target, climbed = view.job, view.target, _climbed(view.job)
    opened = on(climb.panel.expand, climbing.forecasting, [], [climb.forecast], None, **QUIET)
    on(opened.then, climbing.forecast, planned, [climb.forecast], climb.message, blank=True, **WAITS)
    on(climb.start.click, climbing.start, [*planned, target], climbed, climb.message, **QUIET)
    on(climb.stop.click, climbing.stop, [target], climbed, climb.message, **QUIET)
    on(climb.timer.tick, climbing.look, [climb.seen, target], climbed, None, **QUIET, queue=False)
    on(target.change, climbing.look, [climb.seen, target], climbed, None, **QUIET)

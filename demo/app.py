"""The page: lays out the views and connects every event. No logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from fastapi import FastAPI

from core.training.presets import PRESETS, preset
from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.background.tasks import Tasks
from demo.server import routes
from demo.server.blocks import Page
from demo.show import markup
from demo.steps.adapt import events as adapting
from demo.steps.adapt import view as adapt
from demo.steps.compare import events as comparing
from demo.steps.compare import view as compare
from demo.steps.listen import events as listening
from demo.steps.listen import view as listen
from demo.steps.listen.handlers import ListenHandlers
from demo.steps.model import events as choosing
from demo.steps.model import view as model
from demo.steps.model.handlers import ModelHandlers
from demo.steps.stage import events as staging
from demo.steps.stage import view as stage
from demo.steps.stage.handlers import StageHandlers
from demo.steps.take_home import events as taking_home
from demo.steps.take_home import view as take_home
from demo.steps.teach import events as teaching
from demo.steps.teach import view as teach
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.wiring import QUIET, combined, connector, named, prepare_queue
from demo.steps.your_data import events as keeping
from demo.steps.your_data import view as your_data
from demo.steps.your_data.handlers import YourDataHandlers
from demo.theme import css, head, head_start, theme
from demo.wording import LANGUAGES, NAMES, Wording


def build_page(w: Wording, pool: ModelPool, jobs: Jobs, outcomes: Outcomes, tasks: Tasks, forecasts: Forecasts) -> gr.Blocks:
    """Builds the page in one language."""
    with Page(w, title=w("app.title"), analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_banner(w), elem_id="banner")
        front = stage.build(w)
        gr.HTML(_lab(w), elem_id="lab")
        one = model.build(w)
        two = listen.build(w)
        three = teach.build(w)
        four = adapt.build(w, preset(PRESETS[0], "whisper", 40), "whisper")
        five = compare.build(w)
        six = take_home.build(w)
        seven = your_data.build(w)

        on = connector(w)
        finished, handlers = front.flip.finished, TeachHandlers(w)
        staged, states = staging.wire(on, front, StageHandlers(w))
        adapted = adapting.wire(on, w, front.flip, four, five, pool, jobs, forecasts, states)
        again = comparing.wire(on, w, front.flip, front.wall, five, pool, outcomes, jobs)
        taking_home.wire(on, w, finished, six, pool)
        own = teaching.own_clips(front.teach, three, handlers)
        listener = ListenHandlers(w, pool)
        then_say = teaching.then_languages(on, w, front, three, handlers, pool)

        def then_follow(event: Callable[..., Any]) -> None:
            """Updates after a change of model what depends on it."""
            adapted.then_propose(event)
            then_say(event)
            on(event, listener.spoken, {}, named(front.say, "spoken"), None, **QUIET)

        models = choosing.wire(on, one, ModelHandlers(w, pool, tasks), then_follow)
        heard = listening.wire(on, front.say, two, listener, own, again, states)
        taught, restore_teach = teaching.wire(on, w, front, three, handlers, pool, tasks, adapted)
        keeping.wire(on, seven, YourDataHandlers(w, tasks, pool, outcomes), finished)

        whole = combined("restore", model=models, teach=taught, listen=heard, stage=staged)
        loaded = on(page.load, whole.show, whole.inputs, whole.outputs, one.message, **QUIET)
        restore_teach(loaded.then)
        adapted.restore(loaded.then)
    prepare_queue(page)
    return page


def build_server(hosts: frozenset[str] = frozenset()) -> FastAPI:
    """Builds the server of these pages.

    Args:
        hosts: names and addresses, besides the loopback ones, at which browsers may reach it.
    """
    return routes.build_server(build_page, lambda language: {"theme": theme(), "css": css(), "head": head()}, head_start, hosts)


def _lab(w: Wording) -> str:
    return f"<h2>{markup.escape(w('stage.lab'))}</h2>{markup.fine(w('stage.lab.about'))}"


def _banner(w: Wording) -> str:
    other = next(language for language in LANGUAGES if language != w.language)
    return (
        f"<header><h1>{markup.escape(w('app.title'))}</h1>"
        f'<p class="lead">{markup.escape(w("app.tagline"))}</p>'
        f'<button type="button" class="plain" id="start-anew-ask">{markup.escape(w("anew.ask"))}</button>'
        f'<a class="language" href="/language/{other}" lang="{other}" hreflang="{other}">{NAMES[other]}</a></header>'
        f'{_start_anew(w)}<p id="announced" class="sr" role="status"></p>'
    )


def _start_anew(w: Wording) -> str:
    """Returns the question before everything of this browser is forgotten; assets/start_over.js asks it."""
    title, about, forget, keep = (markup.escape(w(f"anew.{part}")) for part in ("title", "about", "forget", "keep"))
    return (
        '<dialog id="start-anew" aria-labelledby="start-anew-title">'
        f'<h2 id="start-anew-title">{title}</h2><p>{about}</p>'
        f'<div class="failed" hidden>{markup.note(w("data.forget_failed"), "error")}</div>'
        f'<p class="choices"><button type="button" class="plain" id="start-anew-keep" autofocus>{keep}</button>'
        f'<button type="button" class="plain danger" id="start-anew-forget">{forget}</button></p></dialog>'
    )

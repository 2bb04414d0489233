"""The page: lays the views out and wires every event. No logic."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr
from fastapi import FastAPI

from core.training.presets import PRESETS, preset
from demo.background.forecasts import Forecasts
from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.background.tasks import Tasks
from demo.server import routes
from demo.server.page import Page
from demo.session import reading_list, session
from demo.show import presenters
from demo.steps.adapt import events as adapting
from demo.steps.adapt import view as adapt
from demo.steps.compare import events as comparing
from demo.steps.compare import view as compare
from demo.steps.listen import view as listen
from demo.steps.listen.handlers import ListenHandlers
from demo.steps.model import view as model
from demo.steps.model.handlers import ModelHandlers
from demo.steps.take_home import events as taking_home
from demo.steps.take_home import view as take_home
from demo.steps.teach import collecting, managing
from demo.steps.teach import view as teach
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.proofread.handlers import ProofreadHandlers
from demo.steps.teach.record.handlers import RecordHandlers
from demo.steps.wiring import HIDDEN, QUIET, WAITS, Handler, On, answering, connector, prepare_queue
from demo.steps.your_data import view as your_data
from demo.steps.your_data.handlers import YourDataHandlers
from demo.steps.your_data.view import FORGET, YourDataView
from demo.theme import css, head, theme
from demo.wording import LANGUAGES, NAMES, Wording


def build_page(w: Wording, pool: ModelPool, jobs: Jobs, outcomes: Outcomes, tasks: Tasks, forecasts: Forecasts) -> gr.Blocks:
    """Builds the page in one language."""
    with Page(w, title=w("app.title"), analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_banner(w), elem_id="banner")
        one = model.build(w)
        two = listen.build(w)
        three = teach.build(w, {**{name: reading_list.listed(name) for name in reading_list.LISTS}, reading_list.OWN: ()})
        four = adapt.build(w, preset(PRESETS[0], "whisper", 40), "whisper")
        five = compare.build(w)
        six = take_home.build(w)
        seven = your_data.build(w)

        models, listening, teaching = ModelHandlers(w, pool, tasks), ListenHandlers(w, pool), TeachHandlers(w)
        recording, proofing = RecordHandlers(w, pool), ProofreadHandlers(w, pool, tasks)
        on = connector(w)
        own = three.mine
        then_propose, restore_adapt = adapting.wire(on, w, four, five, pool, jobs, forecasts)
        comparing.wire(on, w, four.finished, five, pool, outcomes, jobs)
        taking_home.wire(on, w, four.finished, six)

        def then_use(event: Callable, handler: Handler, id: gr.Dropdown | gr.Textbox) -> None:
            used = on(event, handler, [id], [one.status], one.message, blank=True, **WAITS)
            used = on(used.then, models.relabel, [id], [one.choice], None, **QUIET)
            then_propose(used.then)

        fetching = [one.status, one.stop, one.timer, one.fetched]
        # Leaving the list asks about the model, and the next thing pressed is the button: the two share no stream.
        on(one.choice.input, models.about, [one.choice], [one.about], None, **QUIET, queue=False)
        then_use(on(one.use.click, models.begin, [one.choice], fetching[:3], one.message, **QUIET).then, models.use, one.choice)
        on(one.stop.click, models.stop, [], [one.status], None, **QUIET)
        on(one.timer.tick, models.look, [], fetching, None, **QUIET, queue=False)
        then_use(one.fetched.change, models.arrived, one.fetched)

        heard = gr.on(
            [two.audio.stop_recording, two.audio.upload],
            answering(listening.working, [two.audio], [two.transcript], False, w),
            [two.audio],
            [two.transcript],
            **QUIET,
            **HIDDEN,
        )
        heard = on(heard.then, listening.hear, [two.audio], [two.transcript, three.text], two.message, blank=True, **WAITS)
        heard = on(heard.then, teaching.own, [], own, None, **QUIET)
        tried = on(two.try_all.click, listening.trying, [], [two.trials], two.message, **QUIET)
        on(tried.then, listening.try_all, [], [two.trials], two.message, blank=True, **WAITS)
        on(two.details.expand, listening.spectrogram, [], [two.spectrogram], two.message)

        chosen = on(three.choice.input, teaching.choose, [three.choice], [three.card], three.message, **QUIET)
        then_propose(chosen.then)
        restore_sets = managing.wire(on, w, three, teaching, pool, tasks, chosen, then_propose)
        on(three.add.click, teaching.add, [three.text, three.language], [three.added, *own], three.message, **QUIET)
        on(three.text.submit, teaching.add, [three.text, three.language], [three.added, *own], three.message, **QUIET)
        noted = [three.removed_note, *own]
        on(three.remove.click, teaching.remove, [three.removal], noted, three.message, **QUIET)
        on(three.removed.restore.click, teaching.restore, [three.removed.choice], noted, three.message, **QUIET)
        on(three.removed.delete.click, teaching.delete, [three.removed.choice], noted, three.message, **QUIET)
        on(three.language.input, teaching.choose_language, [three.language], [three.card], three.message, **QUIET)
        restore_record = collecting.wire_record(on, w, three, recording, teaching)
        wire_your_data(on, seven, YourDataHandlers(w, tasks, pool, outcomes), four.finished)
        restore_proofread = collecting.wire_proofread(on, three, proofing, teaching)

        def restore(current: session.Session) -> tuple:
            choices = current.choices
            return (
                models.choices(choices.model),
                *teaching.choices(current),
                choices.language,
                *listening.restore(current),
                *teaching.own(current),
                *models.look(current),
            )

        restored = [one.choice, three.choice, three.language, two.transcript, three.text, *own, *fetching]
        loaded = on(page.load, restore, [], restored, one.message, **QUIET)
        restore_record(loaded.then)
        restore_proofread(loaded.then)
        restore_sets(loaded.then)
        restore_adapt(loaded.then)
    prepare_queue(page)
    return page


def wire_your_data(on: On, view: YourDataView, handlers: YourDataHandlers, finished: gr.Textbox) -> None:
    """Wires the end of the page.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: what the events do.
        finished: holds the id of the run that has just finished.
    """
    shown = [view.choice, *view.removed.parts]
    told = [view.note, *shown]
    for event in (view.panel.expand, finished.change):
        on(event, handlers.show, [], shown, None, **QUIET)
    on(view.remove.click, handlers.remove, [view.choice], told, view.message, **QUIET)
    on(view.removed.restore.click, handlers.restore, [view.removed.choice], told, view.message, **QUIET)
    on(view.removed.delete.click, handlers.delete, [view.removed.choice], told, view.message, **QUIET)
    on(view.forget.click, handlers.asking, [], [view.confirm], None, **QUIET)
    on(view.keep.click, handlers.keeping, [], [view.confirm], None, **QUIET)
    view.forget_all.click(None, js=FORGET)


def build_server(hosts: frozenset[str] = frozenset()) -> FastAPI:
    """Builds the server of these pages.

    Args:
        hosts: names and addresses, besides the loopback ones, by which browsers may reach it.
    """
    return routes.build_server(build_page, lambda language: {"theme": theme(), "css": css(), "head": head(language)}, hosts)


def _banner(w: Wording) -> str:
    other = next(language for language in LANGUAGES if language != w.language)
    return (
        f"<header><h1>{presenters.escape(w('app.title'))}</h1>"
        f'<a class="language" href="/language/{other}" lang="{other}" hreflang="{other}">{NAMES[other]}</a></header>'
        f'<p class="lead">{presenters.escape(w("app.tagline"))}</p>'
        f'<p class="fine">{presenters.escape(w("app.private"))}</p>'
        f'<p class="note warning insecure" role="status">{presenters.escape(w("app.insecure"))}</p>'
    )

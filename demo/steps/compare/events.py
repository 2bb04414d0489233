"""Wires step 5 and what step 6 takes from it: the verdict, the clips, runs lined up, harder conditions, the report."""

from __future__ import annotations

import gradio as gr

from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.steps.compare.clips.handlers import ClipsHandlers
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.compare.lineup.handlers import LineUpHandlers
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.compare.view import CompareView
from demo.steps.job_panel import JobView
from demo.steps.take_home.handlers import ReportHandlers
from demo.steps.take_home.report_view import ReportView
from demo.steps.take_home.view import TakeHomeView
from demo.steps.wiring import AT_ONCE, QUIET, On
from demo.wording import Wording


def wire(
    on: On, w: Wording, finished: gr.Textbox, five: CompareView, six: TakeHomeView, pool: ModelPool, outcomes: Outcomes
) -> None:
    """Wires the comparison, its clips and the runs lined up.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        finished: holds the id of the run that has just finished.
        five: the components of step 5.
        six: those of step 6.
        pool: models that are warm.
        outcomes: the results of runs.
    """
    comparing, listing, lining = CompareHandlers(w, pool, outcomes), ClipsHandlers(w, outcomes), LineUpHandlers(w, outcomes)
    clips, lineup = five.clips, five.lineup
    compared = [
        five.verdict, five.figures, five.own, five.again, clips.panel, clips.list, five.control, five.tradeoff_panel,
        five.tradeoff, six.download,
    ]  # fmt: skip
    asked = [clips.group, clips.order, clips.kind, clips.wanted]
    listed = [clips.list, *clips.pager.parts]
    lined = [lineup.rates, lineup.clips, *lineup.pager.parts]
    learned = [five.learned_panel, five.learned, five.forgotten_panel, five.forgotten]

    shown = on(finished.change, comparing.show, [], compared, five.message, **QUIET)
    shown = on(shown.then, listing.first, asked, listed, five.message, **QUIET)
    shown = on(shown.then, comparing.analyses, [], learned, five.message, **QUIET)
    on(shown.then, lining.offer, [], [lineup.panel, lineup.choice, *lined], lineup.message, **QUIET)
    on(five.again.click, comparing.again, [], [five.own], five.message, concurrency_limit=None)
    for part in asked:  # a text that is pasted is a change and no input
        changed = part.change if part is clips.wanted else part.input
        on(changed, listing.first, asked, listed, five.message, **AT_ONCE)
    on(lineup.go.click, lining.first, [lineup.choice], lined, lineup.message, **QUIET)
    for turn in ("back", "forward"):
        pages = ((clips.pager, listing, asked, listed), (lineup.pager, lining, [lineup.choice], lined))
        for pager, handlers, given, outputs in pages:
            pressed, handler = getattr(pager, turn).click, getattr(handlers, turn)
            after = on(pressed, handler, [*given, pager.page], outputs, five.message, **AT_ONCE)
            after.then(None, js=f"() => document.getElementById('{outputs[0].elem_id}').scrollIntoView()")


def wire_report(on: On, w: Wording, finished: gr.Textbox, reports: ReportView) -> None:
    """Wires the report; arguments as `wire`."""
    on(finished.change, ReportHandlers(w).links, [], [reports.links], None, **QUIET)


def wire_robustness(on: On, w: Wording, finished: gr.Textbox, view: JobView, jobs: Jobs) -> None:
    """Wires the harder conditions.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        finished: holds the id of the run that has just finished.
        view: the components.
        jobs: starts what measures.
    """
    handlers = RobustnessHandlers(w, jobs)
    endured = [
        view.panel, view.forecast, view.progress, view.result, view.start, view.stop, view.timer, view.seen,
    ]  # fmt: skip
    on(finished.change, handlers.look, [view.seen], endured, None, **QUIET)
    on(view.start.click, handlers.start, [], endured, view.message, **QUIET)
    on(view.stop.click, handlers.stop, [], endured, view.message, **QUIET)
    on(view.timer.tick, handlers.look, [view.seen], endured, None, **QUIET, queue=False)

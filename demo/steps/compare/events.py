"""Wires step 5: the verdict and what belongs to it, and its panels. No logic."""

from __future__ import annotations

import gradio as gr

from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.steps.compare.clips import events as clips
from demo.steps.compare.clips.handlers import ClipsHandlers
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.compare.lineup import events as lineup
from demo.steps.compare.lineup.handlers import LineUpHandlers
from demo.steps.compare.robustness import events as robustness
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.compare.view import CompareView
from demo.steps.wiring import QUIET, On, named
from demo.wording import Wording


def wire(on: On, w: Wording, finished: gr.Textbox, five: CompareView, pool: ModelPool, outcomes: Outcomes, jobs: Jobs) -> None:
    """Wires it.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        finished: holds the id of the run that has just finished.
        five: the components.
        pool: models that are warm.
        outcomes: the results of runs.
        jobs: starts what measures.
    """
    comparing = CompareHandlers(w, pool, outcomes)
    shown = {
        **named(five, "verdict", "figures", "own", "again", "control", "tradeoff_panel", "tradeoff"),
        "clips_panel": five.clips.panel,
        "clips": five.clips.list,
    }
    learned = named(five, "learned_panel", "learned", "forgotten_panel", "forgotten")
    # What takes reading every clip follows the verdict, a panel after the other.
    done = on(finished.change, comparing.show, {}, shown, five.message, **QUIET)
    done = clips.wire(on, five.clips, five.message, ClipsHandlers(w, outcomes), done.then)
    done = on(done.then, comparing.analyses, {}, learned, five.message, **QUIET)
    lineup.wire(on, five.lineup, LineUpHandlers(w, outcomes), done.then)
    on(five.again.click, comparing.again, {}, named(five, "own"), five.message, concurrency_limit=None)
    robustness.wire(on, five.robustness, finished, RobustnessHandlers(w, jobs))

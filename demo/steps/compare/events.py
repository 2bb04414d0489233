"""Event wiring of step 5: the verdict with its figures, and the panels. No logic."""

from __future__ import annotations

from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.steps.compare.between import events as between
from demo.steps.compare.between.curve_handlers import CurveHandlers
from demo.steps.compare.between.handlers import BetweenHandlers
from demo.steps.compare.clips import events as clips
from demo.steps.compare.clips.handlers import ClipsHandlers
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.compare.lineup import events as lineup
from demo.steps.compare.lineup.handlers import LineUpHandlers
from demo.steps.compare.robustness import events as robustness
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.compare.view import CompareView
from demo.steps.stage.flip import FlipView
from demo.steps.stage.wall import WallView
from demo.steps.wiring import AT_ONCE, QUIET, On, Part, named
from demo.wording import Wording


def wire(
    on: On, w: Wording, flip: FlipView, wall: WallView, five: CompareView, pool: ModelPool, outcomes: Outcomes, jobs: Jobs
) -> Part:
    """Wires step 5.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        flip: the card of the stage with the progress of the run.
        wall: the part of the stage that shows one clip.
        five: the components.
        pool: models in memory.
        outcomes: cached outcomes of runs.
        jobs: starts robustness jobs.

    Returns:
        The part that offers to transcribe the visitor's clip with both models, for events that change the clip.
    """
    comparing = CompareHandlers(w, pool, outcomes)
    finished = flip.finished
    shown = {
        **named(wall, "headline", "own", "again"),
        **named(five, "verdict", "figures", "words", "control", "tradeoff_panel", "tradeoff"),
        "clips_panel": five.clips.panel,
        "clips": five.clips.list,
    }
    learned = named(five, "learned_panel", "learned", "forgotten_panel", "forgotten")
    # The panels that need every clip read follow the verdict, one after another.
    done = on(finished.change, comparing.show, {}, shown, five.message, **QUIET)
    done.then(None, [finished], None, js="(id) => attune.arrived(id)")
    done = clips.wire(on, five.clips, five.message, ClipsHandlers(w, outcomes), done.then)
    done = on(done.then, comparing.analyses, {}, learned, five.message, **QUIET)
    lineup.wire(on, five.lineup, LineUpHandlers(w, outcomes), done.then)
    on(flip.seen.change, comparing.live, {}, named(wall, "headline"), None, **AT_ONCE)
    on(wall.again.click, comparing.again, {}, named(wall, "own"), wall.message, concurrency_limit=None)
    between.wire(on, five.between, finished, BetweenHandlers(w, pool), CurveHandlers(w, jobs))
    robustness.wire(on, five.robustness, finished, RobustnessHandlers(w, jobs))
    return Part(named(wall, "again"), comparing.offers_again)

"""Handlers of the slider in step 5: one clip by any model between base and adapted."""

from __future__ import annotations

import gradio as gr

from core.audio import sound_files
from core.errors import RunError
from core.evaluation.compare import ClipComparison
from core.evaluation.selection import most_telling
from core.runs.run_folder import Run
from core.training.recipe import MAX_BLEND
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.compare.between import show
from demo.steps.names import Shown
from demo.wording import Wording


class BetweenHandlers:
    """The handlers of the slider."""

    def __init__(self, w: Wording, pool: ModelPool) -> None:
        self._w, self._pool = w, pool

    def offer(self, session: Session) -> Shown:
        """-> panel, place, marks, written: the slider where the adapted model of the current run is."""
        run = session.current_run()
        result = run.result() if run is not None else None
        if run is None or result is None or not result.has_line or not (run.adapted / "config.json").is_file():
            return {"panel": gr.update(visible=False), "written": ""}
        found = _clip(run)
        if found is None:
            return {"panel": gr.update(visible=False), "written": ""}
        clip, language = found
        written = show.written(clip, clip.adapted, result.blend, result.blend, language, self._w)
        marks = show.marks(result.blend, self._w)
        return {"panel": gr.update(visible=True), "place": gr.update(value=result.blend), "marks": marks, "written": written}

    def move(self, session: Session, place: float) -> Shown:
        """place -> written: the clip by the model there. Where base and adapted model are, it is what they wrote in the run."""
        run = session.current_run()
        result = run.result() if run is not None else None
        found = _clip(run) if run is not None else None
        if run is None or result is None or found is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        (clip, language), a = found, round(min(MAX_BLEND, max(0.0, float(place or 0.0))), 2)
        text = {0.0: clip.base, result.blend: clip.adapted}.get(a)
        if text is None:
            request = run.request()
            as_in_run = {"precision": request.recipe.precision, "thin": request.recipe.thin}
            ends, wave = (request.model, str(run.adapted)), sound_files.decode(clip.path)
            text = self._pool.transcribe_between(session.name, ends, a, result.blend, language, wave, **as_in_run)
        return {"written": show.written(clip, text, a, result.blend, language, self._w)}


def _clip(run: Run) -> tuple[ClipComparison, str] | None:
    """Returns the clip that the slider rewrites, and its language.

    It is the person's own clip, or the test clip that tells most if nothing is wrong in their own.
    """
    comparisons = run.comparisons()
    there = [found for group in ("own", "test") if (found := comparisons.get(group)) is not None]
    for found in there:
        place = most_telling(found)
        if place is not None:
            return found.clips[place], found.language
    return (there[0].clips[0], there[0].language) if there else None

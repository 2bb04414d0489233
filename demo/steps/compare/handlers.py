"""Steps 5 and 6: base against adapted, and taking the adapted model home."""

from __future__ import annotations

import dataclasses
from typing import Any

import gradio as gr

from core.audio import sound_files
from core.data.clips.labelled_set import Clip
from core.errors import DatasetError, RunError
from core.evaluation.compare import compare
from core.runs.removed_clips import WITHDRAWN
from core.runs.tradeoff import points
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.session.session import Session
from demo.show import comparisons, presenters
from demo.steps.compare import show as analyses
from demo.steps.compare import tradeoff
from demo.wording import Wording


class CompareHandlers:
    """What happens in steps 5 and 6."""

    def __init__(self, w: Wording, pool: ModelPool, outcomes: Outcomes) -> None:
        self._w, self._pool, self._outcomes = w, pool, outcomes

    def show(self, session: Session) -> tuple:
        """The current run -> all of `app.compared`: from the verdict to what is taken home."""
        run = session.current_run()
        result = run.result() if run is not None else None
        if run is None or result is None:
            empty = presenters.note(self._w("compare.empty"))
            hidden = gr.update(visible=False)
            return empty, "", "", hidden, hidden, "", "", hidden, "", presenters.note(self._w("home.empty"))
        comparison = run.comparison() or {}  # at once; what takes reading every clip follows
        canary = result.get("canary_set", comparisons.BUILT_IN)
        withdrawn = presenters.note(self._w("compare.withdrawn")) if result.get(WITHDRAWN) else ""
        own = ""
        if "own" in comparison and comparison["own"]["clips"]:
            clip, language = comparison["own"]["clips"][0], comparison["own"]["language"]
            sound, times = (f"{address}/{run.id}/own/0" for address in ("/sound/run", f"/times/{self._w.language}"))
            own = self._own(comparisons.side_by_side(clip, sound, self._w, language, times))
        return (
            comparisons.verdicts(comparison, result["synthetic"], canary, self._w) + withdrawn,
            comparisons.figures(comparison, canary, self._w),
            own,
            gr.update(visible=True),
            gr.update(visible="test" in comparison or "canary" in comparison),
            presenters.note(self._w("clips.reading")),
            self._control(session, result),
            gr.update(visible=True),
            tradeoff.picture(points(session.runs(), run), run.id, self._w),
            presenters.take_home(run, result, self._w),
        )

    def analyses(self, session: Session) -> tuple:
        """The current run -> what was learned and what was forgotten, each after its panel."""
        run = session.current_run()
        if run is None or run.result() is None:
            return gr.update(visible=False), "", gr.update(visible=False), ""
        outcome = self._outcomes.of(run)
        told = {
            name: analyses.panel(name, outcome.comparisons[name], a, self._w)
            for name, a in outcome.analyses.items()
            if name != "own"
        }
        forgotten = analyses.beside(outcome.comparisons, self._w) + told["canary"] if "canary" in told else ""
        return gr.update(visible="test" in told), told.get("test", ""), gr.update(visible=bool(forgotten)), forgotten

    def again(self, session: Session) -> tuple[str]:
        """The clip of step 2 -> what base and adapted hear in it, with its words marked where it is labelled."""
        run = session.current_run()
        if run is None or run.result() is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        if not session.choices.clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        recording = session.recordings.get(session.choices.clip)
        request = run.request()
        language = request.labelled_set.language
        wave = sound_files.decode(recording.path)
        texts = []
        for id in (request.model, str(run.adapted)):
            texts.append(self._pool.transcribe(session.folder.name, id, language, wave).transcript.text)
        url = f"/sound/recording/{recording.id}"
        if not recording.text:
            return (self._own(comparisons.plain_pair(*texts, url, self._w)),)
        trained = {clip.path for clip in request.labelled_set.part("train")}
        clip = Clip(str(recording.path), recording.text, part="train" if str(recording.path) in trained else "")
        pair = compare([clip], texts[:1], texts[1:], language).clips[0]
        return (self._own(comparisons.side_by_side(dataclasses.asdict(pair), url, self._w, language)),)

    def _control(self, session: Session, result: dict[str, Any]) -> str:
        """What the same network learnt from random weights, where that was trained too."""
        for run in session.queue():
            try:
                control = run.result()
            except RunError:  # damaged
                continue
            is_control = control is not None and control["recipe"].get("start") == "random"
            if control is not None and is_control and control.get("test") and result.get("test"):
                return comparisons.control(result, control, self._w)
        return ""

    def _own(self, pair: str) -> str:
        return f"<h3>{presenters.escape(self._w('compare.own'))}</h3>{pair}"

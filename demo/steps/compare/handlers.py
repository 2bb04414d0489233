"""Handlers of step 5: comparing base and adapted."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.audio import sound_files
from core.data.clips.labelled_set import Clip
from core.errors import DatasetError, RunError
from core.evaluation.compare import compare
from core.runs.result import Result
from core.runs.tradeoff import points
from core.training.events import Watched
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.show import comparisons, markup
from demo.show.live import live_pair
from demo.show.progress import ACTIVE
from demo.steps.adapt.watch.handlers import run_in_view
from demo.steps.compare import show as analyses
from demo.steps.compare.words import show as words
from demo.wording import Wording


class CompareHandlers:
    """The handlers of step 5."""

    def __init__(self, w: Wording, pool: ModelPool, outcomes: Outcomes) -> None:
        self._w, self._pool, self._outcomes = w, pool, outcomes

    def show(self, session: Session) -> dict[str, Any]:
        """-> headline, verdict, figures, words, own, again, clips_panel, clips, control, tradeoff_panel, tradeoff.

        They show the current run.
        """
        run = session.current_run()
        result = run.result() if run is not None else None
        if run is None or result is None:
            hidden = dict.fromkeys(("again", "clips_panel", "tradeoff_panel"), gr.update(visible=False))
            empty = dict.fromkeys(("figures", "words", "own", "clips", "control", "tradeoff"), "")
            headline = self.live(session) or {"headline": markup.placeholder(self._w("stage.wall.empty"))}
            return {"verdict": markup.note(self._w("compare.empty")), **headline, **empty, **hidden}
        withdrawn = markup.note(self._w("compare.withdrawn")) if result.withdrawn else ""
        found = run.comparisons()
        watched = next((event.clip for event in run.events() if isinstance(event, Watched)), "")
        own, compared = "", found.get("own")
        if compared is not None and compared.clips:
            clip, language = compared.clips[0], compared.language
            sound, times = (f"{address}/{run.id}/own/0" for address in ("/sound/run", f"/times/{self._w.language}"))
            own = self._own(comparisons.side_by_side(clip, sound, self._w, language, times))
        return {
            "headline": comparisons.headline(run.id, result, found.get("test"), self._w, watched),
            "verdict": comparisons.verdicts(result, self._w) + withdrawn,
            "figures": comparisons.figures(result, self._w),
            "words": words.table(result.test.terms if result.test else (), self._w),
            "own": own,
            **self.offers_again(session),
            "clips_panel": gr.update(visible=bool(result.figures)),
            "clips": markup.note(self._w("clips.reading")),
            "control": self._control(session, result),
            "tradeoff_panel": gr.update(visible=True),
            "tradeoff": analyses.tradeoff(points(session.runs(), run), run.id, self._w),
        }

    def offers_again(self, session: Session) -> dict[str, Any]:
        """-> again: visible where there are both models and a clip for them to transcribe."""
        run = session.current_run()
        there = bool(session.choices.clip) and run is not None and run.state() == "done"
        return {"again": gr.update(visible=there)}

    def live(self, session: Session) -> dict[str, Any]:
        """-> headline: one held-out clip while a fine-tune is running; nothing otherwise."""
        run = run_in_view(session.queue())
        if run is None or run.state() not in ACTIVE:
            return {}
        pair = live_pair(run.events(), run.request().labelled_set.language, self._w)
        shown = f'<section class="headline">{pair}</section>' if pair else markup.placeholder(self._w("stage.wall.soon"))
        return {"headline": shown}

    def analyses(self, session: Session) -> dict[str, Any]:
        """-> learned_panel, learned, forgotten_panel, forgotten: what the current run learned and forgot."""
        run = session.current_run()
        learned = forgotten = ""
        if run is not None and run.result() is not None:
            outcome = self._outcomes.of(run)
            found = outcome.comparisons
            panels = {
                name: analyses.panel(name, found[name], a, self._w) for name, a in outcome.analyses.items() if name != "own"
            }
            learned = panels.get("test", "")
            forgotten = analyses.beside(found, self._w) + panels["canary"] if "canary" in panels else ""
        return {
            "learned_panel": gr.update(visible=bool(learned)),
            "learned": learned,
            "forgotten_panel": gr.update(visible=bool(forgotten)),
            "forgotten": forgotten,
        }

    def again(self, session: Session) -> dict[str, Any]:
        """-> own: transcripts of the clip of step 2 by base and adapted, with words marked if the clip is labelled."""
        run = session.current_run()
        if run is None or run.result() is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        if not session.choices.clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        recording = session.recordings.get(session.choices.clip)
        request = run.request()
        language = request.labelled_set.language
        wave = sound_files.decode(recording.path)
        as_in_run = {"precision": request.recipe.precision, "thin": request.recipe.thin}
        texts = []
        for id in (request.model, str(run.adapted)):
            heard = self._pool.transcribe(session.folder.name, id, language, wave, **as_in_run)
            texts.append(heard.transcript.text)
        url = f"/sound/recording/{recording.id}"
        if not recording.text:
            return {"own": self._own(comparisons.plain_pair(*texts, url, self._w))}
        trained = recording.id in {clip.id for clip in request.labelled_set.part("train")}
        clip = Clip(str(recording.path), recording.text, part="train" if trained else "", id=recording.id)
        pair = compare([clip], texts[:1], texts[1:], language).clips[0]
        return {"own": self._own(comparisons.side_by_side(pair, url, self._w, language))}

    def _control(self, session: Session, result: Result) -> str:
        """Returns the comparison with the same network trained from scratch, if that was queued with this run."""
        for run in session.queue():
            try:
                control = run.result()
            except RunError:  # damaged
                continue
            is_control = control is not None and control.recipe.start == "random"
            if control is not None and is_control and control.test and result.test:
                return comparisons.control(result.test, control.test, result.own_clips, self._w)
        return ""

    def _own(self, pair: str) -> str:
        return f"<h3>{markup.escape(self._w('compare.own'))}</h3>{pair}"

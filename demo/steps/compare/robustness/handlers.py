"""Handlers of the robustness panel in step 5: base and adapted in noise, in a room and over a telephone."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.evaluation.robustness import CONDITIONS
from core.runs.result import Result
from core.runs.robustness_job import RobustnessJob, create, find
from demo.background.job_processes import Jobs
from demo.show import markup, numbers
from demo.steps.compare.measuring import MeasuringHandlers
from demo.steps.compare.robustness import show
from demo.wording import Wording


class RobustnessHandlers(MeasuringHandlers[RobustnessJob]):
    """The handlers of the robustness panel."""

    def __init__(self, w: Wording, jobs: Jobs) -> None:
        super().__init__(w, jobs, create, find)

    def offers(self, result: Result) -> bool:
        """Whether the run has test clips."""
        return result.test is not None

    def panel(self, visible: bool) -> dict[str, Any]:
        """Returns the panel's visibility."""
        return {"panel": gr.update(visible=visible)}

    def seconds(self, result: Result) -> float:
        """Forecasts the measurement in seconds."""
        read = 2 * sum(found.clips for found in result.figures.values()) + result.validation_clips
        tested = result.test.clips if result.test is not None else 0
        return result.seconds.evaluate / max(1, read) * 2 * tested * len(CONDITIONS)

    def forecast(self, result: Result) -> str:
        """Returns how many clips are measured under how many conditions, and how long it will take."""
        assert result.test is not None, "the panel is offered for test clips"
        time = numbers.duration(self.seconds(result), self._w)
        return markup.note(self._w("robustness.forecast", clips=result.test.clips, conditions=len(CONDITIONS), time=time))

    def found(self, job: RobustnessJob, result: Result) -> str:
        """Returns the results of the conditions so far."""
        return show.result(job.points(), self._w)

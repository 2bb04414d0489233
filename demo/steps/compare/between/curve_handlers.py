"""Handlers of the errors along the slider in step 5, which a job counts."""

from __future__ import annotations

from core.runs.blend_job import BlendJob, create, find, places
from core.runs.result import Result
from demo.background.job_processes import Jobs
from demo.show import markup, numbers
from demo.steps.compare.between import show
from demo.steps.compare.measuring import MeasuringHandlers
from demo.wording import Wording


class CurveHandlers(MeasuringHandlers[BlendJob]):
    """The handlers of the panel."""

    def __init__(self, w: Wording, jobs: Jobs) -> None:
        super().__init__(w, jobs, create, find)

    def forecast(self, result: Result) -> str:
        """Returns how long counting will take, from the time that the run took for its clips."""
        clips = sum(found.clips for found in result.figures.values())
        computed = len(places(result.blend)) - 2  # base and adapted model have written theirs
        seconds = result.seconds.evaluate / max(1, 2 * clips + result.validation_clips) * clips * computed
        time = numbers.duration(seconds, self._w)
        return markup.note(self._w("blend.forecast", clips=clips, places=computed, time=time))

    def found(self, job: BlendJob, result: Result) -> str:
        """Returns the curve so far."""
        return show.curve(job.points(), result.blend, self._w)

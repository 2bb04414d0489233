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

    def offers(self, result: Result) -> bool:
        """Whether there are models between base and adapted model."""
        return result.has_line

    def seconds(self, result: Result) -> float:
        """Forecasts the counting in seconds."""
        clips = _clips(result)
        return result.seconds.evaluate / max(1, 2 * clips + result.validation_clips) * clips * _computed(result)

    def forecast(self, result: Result) -> str:
        """Returns how many clips are transcribed at how many places, and how long it will take."""
        time = numbers.duration(self.seconds(result), self._w)
        return markup.note(self._w("blend.forecast", clips=_clips(result), places=_computed(result), time=time))

    def found(self, job: BlendJob, result: Result) -> str:
        """Returns the curve so far."""
        return show.curve(job.points(), result.blend, self._w)


def _clips(result: Result) -> int:
    return sum(found.clips for found in result.figures.values())


def _computed(result: Result) -> int:
    return len(places(result.blend)) - 2  # base and adapted model have written theirs

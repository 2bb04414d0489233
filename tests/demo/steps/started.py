"""Jobs for tests."""

from __future__ import annotations

from core.runs.job_folder import Expected, Job
from demo.background.job_processes import Jobs
from demo.show.waiting import Ahead


class Started(Jobs):
    """Jobs that are written down and not started; `is_ahead` stands for the queue before each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        self.is_ahead = Ahead(0, 0.0)

    def ahead(self, job: Job | None = None) -> Ahead:
        return self.is_ahead

    def start(self, job: Job, expected: Expected | None = None) -> None:
        if expected is not None:
            job.expect(expected)
        self.jobs.append(job)

"""Jobs for tests."""

from __future__ import annotations

from core.runs.job_folder import Job


class Started:
    """Jobs that are written down and not started."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def start(self, job: Job) -> None:
        self.jobs.append(job)

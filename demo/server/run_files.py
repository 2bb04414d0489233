"""Downloads of a run: the adapted model and the report, for its visitor and for whoever has its link."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from core.data.importers.rows import file_name
from core.errors import AttuneError
from core.runs.export import hugging_face
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from demo.server.answers import Find, answer, download, missing
from demo.session import shared_run
from demo.session.session import Session
from demo.steps.take_home.handlers import write
from demo.steps.take_home.show import shared_page
from demo.wording import LANGUAGES, Wording

HEADERS = {"cache-control": "no-store", "x-robots-tag": "noindex"}


def add_routes(server: FastAPI, find: Find) -> None:
    """Adds the routes.

    Args:
        server: to add them to.
        find: returns a request's session; raises RunError if there is none.
    """

    @server.get("/take-home/{id}.zip")
    def model_zip(request: Request, id: str) -> Response:
        return answer(request, find, lambda found: _zip(found.run(id)))

    @server.get("/report/{id}/{language}/report.{kind}")
    def report_file(request: Request, id: str, language: str, kind: str) -> Response:
        return answer(request, find, lambda found: _report(found, found.run(id), language, kind))

    @server.get("/shared/{owner}/{id}/{signed}/{language}/")
    def shared(owner: str, id: str, signed: str, language: str) -> Response:
        try:
            run = shared_run.find(owner, id, signed)[1]
            return HTMLResponse(shared_page(run, Wording(_known(language))), headers=HEADERS)
        except (AttuneError, KeyError):
            return missing()

    @server.get("/shared/{owner}/{id}/{signed}/model.zip")
    def shared_zip(owner: str, id: str, signed: str) -> Response:
        try:
            return _zip(shared_run.find(owner, id, signed)[1])
        except AttuneError:
            return missing()

    @server.get("/shared/{owner}/{id}/{signed}/{language}/report.html")
    def shared_report(owner: str, id: str, signed: str, language: str) -> Response:
        try:
            session, run = shared_run.find(owner, id, signed)
            return _report(session, run, _known(language), "html")
        except (AttuneError, KeyError):
            return missing()


def _zip(run: Run) -> Response:
    return download(hugging_face.zip_model(run), f"{_name(run)}.zip")


def _report(session: Session, run: Run, language: str, kind: str) -> Response:
    return download(write(session, run.id, language, kind), f"{_name(run)}.{kind}")


def _name(run: Run) -> str:
    """Returns a file's name, without extension: the run's name made safe, or its id."""
    name = read_name(run)
    return f"attune-{file_name(name) if name else run.id}"


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise KeyError(language)
    return language

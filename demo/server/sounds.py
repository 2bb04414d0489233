"""Routes for the sounds played on the pages and for their word times."""

from __future__ import annotations

import dataclasses
import logging
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.convertors import IntegerConvertor, register_url_convertor

from core.data.samples import read_sample
from core.errors import AttuneError
from core.runs.word_times import word_times
from demo.background.model_pool import ModelPool
from demo.server.answers import Find, answer, missing, sound
from demo.session.session import Session
from demo.show import errors
from demo.steps.teach.proofread import long_recordings
from demo.wording import LANGUAGES, Wording


class Number(IntegerConvertor):
    """A number in a path; negative or longer numbers match no route."""

    regex = "[0-9]{1,9}"


def add_routes(server: FastAPI, find: Find, pool: ModelPool) -> None:
    """Adds the routes.

    Args:
        server: to add them to.
        find: returns a request's session; raises RunError if there is none.
        pool: models in memory.
    """
    register_url_convertor("number", Number())

    @server.get("/sound/sample/{name}/{index:number}")
    def sample_sound(name: str, index: int) -> Response:
        try:
            return sound(Path(read_sample(name).clips[index].path))
        except (AttuneError, IndexError):
            return missing()

    @server.get("/sound/recording/{id}")
    def recording_sound(request: Request, id: str) -> Response:
        return answer(request, find, lambda session: sound(session.recordings.get(id).path))

    @server.get("/sound/set/{id}/{clip}")
    def stored_sound(request: Request, id: str, clip: str) -> Response:
        return answer(request, find, lambda session: sound(_stored(session, id, clip)))

    @server.get("/sound/long/{id}/{start:number}-{end:number}")
    def draft_sound(request: Request, id: str, start: int, end: int) -> Response:
        def made(session: Session) -> Response:
            cut = long_recordings.find(session, id).cut(start / 1000, end / 1000)
            return Response(cut, media_type="audio/flac")

        return answer(request, find, made)

    @server.get("/sound/augmented")
    def augmented_sound(request: Request) -> Response:
        return answer(request, find, lambda session: sound(session.folder / "augmented.flac"))

    @server.get("/sound/run/{id}/{group}/{index:number}")
    def run_sound(request: Request, id: str, group: str, index: int) -> Response:
        def made(session: Session) -> Response:
            return sound(Path(session.run(id).compared_clips(group)[index].path))

        return answer(request, find, made)

    @server.get("/times/{language}/{id}/{group}/{index:number}")
    def times(request: Request, language: str, id: str, group: str, index: int) -> Response:
        if language not in LANGUAGES:
            return PlainTextResponse("No such language.", 404)
        try:
            current = find(request)
            lend = partial(pool.lend, current.name)
            return JSONResponse(dataclasses.asdict(word_times(current.run(id), group, index, lend)))
        except Exception as error:
            if not isinstance(error, AttuneError):
                logging.exception("aligning failed")
            return JSONResponse({"error": errors.explain(error, Wording(language))})


def _stored(current: Session, id: str, clip: str) -> Path:
    stored = current.library.open(id)
    return Path({one.clip.id: one.clip.path for one in (*stored.clips, *stored.left_out)}[clip])

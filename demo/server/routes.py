"""The server: one page per language, and the other routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response

from core.audio.sound_files import MAX_BYTES
from demo.background.forecast_cache import Forecasts
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.background.tasks import Tasks
from demo.server import run_files, set_files, sounds, upload_routes
from demo.server.answers import visitor
from demo.server.delivery import Delivery
from demo.server.erase_visitor import Forgetting
from demo.server.page_sessions import PageSessions
from demo.server.page_states import use_page_states
from demo.server.security import Guard
from demo.session import session
from demo.wording import LANGUAGES, Wording, preferred

LANGUAGE_COOKIE = "attune_language"

BuildPage = Callable[[Wording, ModelPool, Jobs, Outcomes, Tasks, Forecasts], gr.Blocks]
Look = Callable[[str], dict[str, Any]]  # returns theme, css and head of a language's page, as `gr.mount_gradio_app` takes them


def build_server(
    build_page: BuildPage, look: Look, first: Callable[[str], str], hosts: frozenset[str] = frozenset()
) -> FastAPI:
    """Builds the server.

    Args:
        build_page: builds the page of a language.
        look: returns theme, css and head of a language's page.
        first: returns what the head of a language's page begins with, before Gradio's own scripts.
        hosts: names and addresses, besides the loopback ones, at which browsers may reach it.
    """
    server = FastAPI(title="Attune", docs_url=None, redoc_url=None, openapi_url=None)
    pool, jobs, outcomes, tasks, forecasts = ModelPool(), Jobs(), Outcomes(), Tasks(), Forecasts()
    forgetting = Forgetting(jobs, tasks, pool, outcomes)
    server.state.sweep = forgetting.sweep
    server.state.warm = lambda path: pool.warm(session.proposed(path.strip("/")).model)  # a new visitor's
    _add_start(server)
    run_files.add_routes(server, visitor)
    sounds.add_routes(server, visitor, pool)
    set_files.add_routes(server, visitor, tasks)
    upload_routes.add_routes(server, visitor)
    forgetting.add_route(server, visitor)
    for language in LANGUAGES:
        _mount(server, language, build_page(Wording(language), pool, jobs, outcomes, tasks, forecasts), look(language))
    server.add_middleware(Delivery, pages={f"/{language}/": first(language) for language in LANGUAGES})
    server.add_middleware(session.Cookies, paths=frozenset({"/", *(f"/{language}/" for language in LANGUAGES)}))
    server.add_middleware(PageSessions)
    server.add_middleware(Guard, hosts=hosts, pages=LANGUAGES)
    return server


def _mount(server: FastAPI, language: str, page: gr.Blocks, look: dict[str, Any]) -> None:
    gr.mount_gradio_app(
        server,
        page,
        path=f"/{language}",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_BYTES,
        **look,
    )
    use_page_states(server.routes[-1].app)  # type: ignore[attr-defined]


def _add_start(server: FastAPI) -> None:
    """Adds the routes that lead to a page: the start, the language choice, and the owner's address shown in the terminal."""

    @server.get("/")
    def start(request: Request) -> Response:
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        language = chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", ""))
        return RedirectResponse(f"/{language}/")

    @server.get("/favicon.ico")
    def icon() -> Response:
        return Response(status_code=204)

    @server.get("/language/{language}")
    def choose_language(language: str) -> Response:
        if language not in LANGUAGES:
            return PlainTextResponse("No such language.", 404)
        response = RedirectResponse(f"/{language}/")
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=session.YEAR_SECONDS, samesite="lax")
        return response

    @server.get("/owner/{token}")
    def own(token: str) -> Response:
        if not session.is_owner(token):
            return PlainTextResponse("Not found.", 404)
        response = RedirectResponse("/")
        response.set_cookie(session.OWNER_COOKIE, token, max_age=session.YEAR_SECONDS, httponly=True, samesite="strict")
        return response

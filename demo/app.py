"""The page and its server: lays the views out, wires every event, serves sound and downloads. No logic."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response

from core import export
from core.audio import MAX_BYTES
from core.errors import AttuneError, RunError
from core.importers.samples import read_sample
from core.presets import PRESETS, preset
from core.word_times import word_times
from demo import collecting, managing, presenters, proofreading, reading, session, set_files, settings
from demo.handlers.adapt import AdaptHandlers
from demo.handlers.clips import ClipsHandlers
from demo.handlers.compare import CompareHandlers
from demo.handlers.ladder import LadderHandlers
from demo.handlers.lineup import LineUpHandlers
from demo.handlers.listen import ListenHandlers
from demo.handlers.model import ModelHandlers
from demo.handlers.proofread import ProofreadHandlers
from demo.handlers.record import RecordHandlers
from demo.handlers.report import ReportHandlers, write
from demo.handlers.robustness import RobustnessHandlers
from demo.handlers.teach import TeachHandlers
from demo.handlers.watch import WatchHandlers
from demo.jobs import Jobs
from demo.outcomes import Outcomes
from demo.security import Guard, is_local
from demo.shelf import Shelf
from demo.tasks import Tasks
from demo.theme import css, head, theme
from demo.views import adapt, compare, listen, model, report, robustness, take_home, teach
from demo.wording import LANGUAGES, NAMES, Wording, preferred

LANGUAGE_COOKIE = "attune_language"

Handler = Callable[..., tuple]


def build_page(w: Wording, shelf: Shelf, jobs: Jobs, outcomes: Outcomes, tasks: Tasks) -> gr.Blocks:
    """Builds the page in one language."""
    with gr.Blocks(title=w("app.title"), analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_banner(w), elem_id="banner")
        one = model.build(w)
        two = listen.build(w)
        three = teach.build(w, {**{name: reading.listed(name) for name in reading.LISTS}, reading.OWN: ()})
        four = adapt.build(w, preset(PRESETS[0], "whisper", 40))
        five = compare.build(w)
        six = take_home.build(w)
        with five.verdict.parent:
            endurance = robustness.build(w)
        with six.download.parent:
            reports = report.build()

        models, listening, teaching = ModelHandlers(w, shelf, tasks), ListenHandlers(w, shelf), TeachHandlers(w)
        recording, proofing = RecordHandlers(w, shelf), ProofreadHandlers(w, shelf, tasks)
        adapting, comparing = AdaptHandlers(w, shelf, jobs), CompareHandlers(w, shelf, outcomes)
        watching, climbing, enduring = WatchHandlers(w), LadderHandlers(w, jobs, adapting), RobustnessHandlers(w, jobs)
        listing, lining, reporting = ClipsHandlers(w, outcomes), LineUpHandlers(w, outcomes), ReportHandlers(w)

        def on(
            event: Callable,
            handler: Handler,
            inputs: Sequence,
            outputs: Sequence,
            message: gr.HTML | None,
            blank: bool = False,
            **how: Any,
        ):
            return event(
                _told(handler, len(outputs), message is not None, w, blank),
                [*inputs],
                [*outputs, *([message] if message else [])],
                **how,
            )

        own = [three.own, three.removal, three.card]
        recipe = [*four.settings, four.recipe, four.forecast]
        chosen_preset = [four.preset, *recipe]
        looked = [four.progress, four.start, four.stop, four.timer, four.seen, four.finished]
        compared = [
            five.verdict, five.figures, five.own, five.again, five.clips.panel, five.clips.list, five.control,
            five.tradeoff_panel, five.tradeoff, six.download,
        ]  # fmt: skip
        quiet = {"show_progress": "hidden"}

        def then_forecast(event: Callable) -> None:
            timed = on(event, adapting.forecasting, [], [four.forecast], None, **quiet)
            timed = on(timed.then, adapting.forecast, four.settings, [four.forecast], four.message, blank=True, **quiet)
            on(timed.then, adapting.picture, four.settings, [four.picture], None, **quiet)

        def then_use(event: Callable, handler: Handler, id: gr.Dropdown | gr.Textbox) -> None:
            used = on(event, handler, [id], [one.status], one.message, blank=True, **quiet)
            used = on(used.then, models.relabel, [id], [one.choice], None, **quiet)
            then_forecast(on(used.then, adapting.default, [], chosen_preset, None, **quiet).then)

        fetching = [one.status, one.stop, one.timer, one.fetched]
        # Leaving the list asks about the model, and the next thing pressed is the button: the two share no stream.
        on(one.choice.input, models.about, [one.choice], [one.about], None, **quiet, queue=False)
        then_use(on(one.use.click, models.begin, [one.choice], fetching[:3], one.message, **quiet).then, models.use, one.choice)
        on(one.stop.click, models.stop, [], [one.status], None, **quiet)
        on(one.timer.tick, models.look, [], fetching, None, **quiet, queue=False)
        then_use(one.fetched.change, models.arrived, one.fetched)

        heard = gr.on(
            [two.audio.stop_recording, two.audio.upload],
            _told(listening.working, 1, False, w),
            [two.audio],
            [two.transcript],
            **quiet,
        )
        heard = on(heard.then, listening.hear, [two.audio], [two.transcript, three.text], two.message, blank=True, **quiet)
        heard = on(heard.then, teaching.own, [], own, None, **quiet)
        tried = on(two.try_all.click, listening.trying, [], [two.trials], two.message, **quiet)
        on(tried.then, listening.try_all, [], [two.trials], two.message, blank=True, **quiet)
        on(two.details.expand, listening.spectrogram, [], [two.spectrogram], two.message)

        chosen = on(three.choice.input, teaching.choose, [three.choice], [three.card], three.message, **quiet)
        then_forecast(on(chosen.then, adapting.default, [], chosen_preset, None, **quiet).then)

        def then_adapt(event: Callable) -> None:
            then_forecast(on(event, adapting.default, [], chosen_preset, None, **quiet).then)

        restore_sets = managing.wire(on, w, three, teaching, shelf, tasks, chosen, then_adapt)
        on(three.add.click, teaching.add, [three.text, three.language], [three.added, *own], three.message, **quiet)
        on(three.text.submit, teaching.add, [three.text, three.language], [three.added, *own], three.message, **quiet)
        on(three.remove.click, teaching.remove, [three.removal], own, three.message, **quiet)
        on(three.language.input, teaching.choose_language, [three.language], [three.card], three.message, **quiet)
        restore_record = collecting.wire_record(on, w, three, recording, teaching)
        restore_proofread = collecting.wire_proofread(on, three, proofing, teaching)

        then_forecast(on(four.preset.input, adapting.preset, [four.preset], chosen_preset, four.message, **quiet).then)
        for name, setting in zip(settings.NAMES, four.settings, strict=True):
            if name == "task":
                then_forecast(on(setting.input, adapting.task, [setting], recipe, four.message, **quiet).then)
            else:
                on(setting.input, adapting.words, four.settings, [four.recipe, four.forecast], four.message, **quiet)
                then_forecast(setting.blur)
        sought = on(four.find.click, adapting.finding, [], [four.rates_note], four.message, **quiet)
        on(
            sought.then, adapting.find_rate, four.settings, [four.rates_panel, four.rates, four.rates_note], four.message,
            blank=True, **quiet,
        )  # fmt: skip
        on(four.advanced.expand, adapting.canaries, [], [four.canary], None, **quiet)
        then_forecast(on(four.canary.input, adapting.choose_canary, [four.canary], [four.forecast], four.message, **quiet).then)
        on(four.hear.click, adapting.hear, four.settings, [four.augmented], four.message, **quiet)
        on(four.start.click, adapting.start, [*four.settings, four.seed, four.control], looked, four.message, **quiet)
        on(five.sweep.click, adapting.sweep, [*four.settings, four.seed], looked, five.message, **quiet)
        on(four.stop.click, adapting.stop, [], looked, four.message, **quiet)
        on(four.timer.tick, adapting.look, [four.seen], looked, None, **quiet, queue=False)
        shown = on(four.finished.change, comparing.show, [], compared, five.message, **quiet)
        asked = [five.clips.group, five.clips.order, five.clips.kind, five.clips.wanted]
        listed = [five.clips.list, *five.clips.pager.parts]
        lined = [five.lineup.rates, five.lineup.clips, *five.lineup.pager.parts]
        at_once = {**quiet, "queue": False, "trigger_mode": "always_last"}
        shown = on(shown.then, listing.first, asked, listed, five.message, **quiet)
        learned = [five.learned_panel, five.learned, five.forgotten_panel, five.forgotten]
        shown = on(shown.then, comparing.analyses, [], learned, five.message, **quiet)
        on(shown.then, lining.offer, [], [five.lineup.panel, five.lineup.choice, *lined], five.lineup.message, **quiet)
        for part in asked:  # a text that is pasted is a change and no input
            changed = part.change if part is five.clips.wanted else part.input
            on(changed, listing.first, asked, listed, five.message, **at_once)
        on(five.lineup.go.click, lining.first, [five.lineup.choice], lined, five.lineup.message, **quiet)
        for turn in ("back", "forward"):
            pages = ((five.clips.pager, listing, asked, listed), (five.lineup.pager, lining, [five.lineup.choice], lined))
            for pager, handlers, given, outputs in pages:
                pressed, handler = getattr(pager, turn).click, getattr(handlers, turn)
                after = on(pressed, handler, [*given, pager.page], outputs, five.message, **at_once)
                after.then(None, js=f"() => document.getElementById('{outputs[0].elem_id}').scrollIntoView()")
        on(five.again.click, comparing.again, [], [five.own], five.message)

        on(four.finished.change, reporting.links, [], [reports.links], None, **quiet)

        watch = four.watch
        moment = [watch.about, watch.charts, watch.transcripts, watch.drift]
        on(
            four.seen.change, watching.look, [watch.moment, watch.followed],
            [watch.panel, watch.moment, *moment, watch.followed], None, **quiet, queue=False,
        )  # fmt: skip
        on(watch.moment.input, watching.at, [watch.moment], moment, None, **quiet, queue=False, trigger_mode="always_last")

        climb, target = four.ladder.job, four.ladder.target
        climbed = [climb.progress, climb.result, climb.start, climb.stop, climb.timer, climb.seen]
        planned = [*four.settings, four.seed]
        opened = on(climb.panel.expand, climbing.forecasting, [], [climb.forecast], None, **quiet)
        on(opened.then, climbing.forecast, planned, [climb.forecast], climb.message, blank=True, **quiet)
        on(climb.start.click, climbing.start, [*planned, target], climbed, climb.message, **quiet)
        on(climb.stop.click, climbing.stop, [target], climbed, climb.message, **quiet)
        on(climb.timer.tick, climbing.look, [climb.seen, target], climbed, None, **quiet, queue=False)
        on(target.change, climbing.look, [climb.seen, target], climbed, None, **quiet)

        endured = [
            endurance.panel, endurance.forecast, endurance.progress, endurance.result, endurance.start, endurance.stop,
            endurance.timer, endurance.seen,
        ]  # fmt: skip
        on(four.finished.change, enduring.look, [endurance.seen], endured, None, **quiet)
        on(endurance.start.click, enduring.start, [], endured, endurance.message, **quiet)
        on(endurance.stop.click, enduring.stop, [], endured, endurance.message, **quiet)
        on(endurance.timer.tick, enduring.look, [endurance.seen], endured, None, **quiet, queue=False)

        def restore(current: session.Session) -> tuple:
            choices = current.choices
            return (
                models.choices(choices.model),
                *teaching.choices(current),
                choices.language,
                *listening.restore(current),
                *teaching.own(current),
                *adapting.default(current),
                *adapting.look(current, ""),
                *models.look(current),
                *climbing.look(current, "", None),
            )

        restored = [
            one.choice, three.choice, three.language, two.transcript, three.text, *own, *chosen_preset, *looked, *fetching,
            *climbed,
        ]  # fmt: skip
        loaded = on(page.load, restore, [], restored, one.message, **quiet)
        restore_record(loaded.then)
        restore_proofread(loaded.then)
        restore_sets(loaded.then)
        then_forecast(loaded.then)
    return page


def _told(handler: Handler, outputs: int, has_message: bool, w: Wording, blank: bool = False) -> Callable[..., Any]:
    """Gives a handler its session and turns what goes wrong into a sentence: the one place where errors meet the page.

    On an error the outputs stay as they are, or are emptied with `blank`, where they said that something was going on.
    """

    def handle(request: gr.Request, *values: Any) -> Any:
        try:
            local = is_local(request.client.host if request.client else None, request.headers.get("host", ""))
            found = session.find(request.cookies.get(session.COOKIE), local)
            results, message = list(handler(found, *values)), ""
        except Exception as error:
            if not isinstance(error, AttuneError):
                logging.exception("a handler failed")
            results, message = ["" if blank else gr.skip()] * outputs, presenters.note(presenters.explain(error, w), "error")
        results += [message] if has_message else []
        return results if len(results) > 1 else results[0]

    return handle


def build_server(hosts: frozenset[str] = frozenset()) -> FastAPI:
    """Builds the server: a page a language, sounds, downloads.

    Args:
        hosts: names and addresses, besides the loopback ones, by which browsers may reach it.
    """
    server = FastAPI(title="Attune", docs_url=None, redoc_url=None, openapi_url=None)
    shelf, jobs, outcomes, tasks = Shelf(), Jobs(), Outcomes(), Tasks()

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

    @server.get("/sound/sample/{name}/{index}")
    def sample_sound(name: str, index: int) -> Response:
        return _file(lambda: Path(read_sample(name).clips[index].path))

    @server.get("/sound/recording/{id}")
    def recording_sound(request: Request, id: str) -> Response:
        return _file(lambda: _session(request).collection.get(id).path)

    @server.get("/sound/set/{id}/{clip}")
    def stored_sound(request: Request, id: str, clip: str) -> Response:
        return _file(lambda: _stored(_session(request), id, clip))

    @server.get("/sound/long/{id}/{start}-{end}")
    def draft_sound(request: Request, id: str, start: int, end: int) -> Response:
        try:
            sound = proofreading.find(_session(request), id).cut(start / 1000, end / 1000)
        except AttuneError:
            return PlainTextResponse("Not found.", 404)
        return Response(sound, media_type="audio/flac")

    @server.get("/sound/augmented")
    def augmented_sound(request: Request) -> Response:
        return _file(lambda: _existing(_session(request).folder / "augmented.flac"))

    @server.get("/sound/run/{id}/{group}/{index}")
    def run_sound(request: Request, id: str, group: str, index: int) -> Response:
        return _file(lambda: Path((_session(request).run(id).comparison() or {})[group]["clips"][index]["path"]))

    @server.get("/times/{language}/{id}/{group}/{index}")
    def times(request: Request, language: str, id: str, group: str, index: int) -> Response:
        if language not in LANGUAGES:
            return PlainTextResponse("No such language.", 404)
        try:
            return JSONResponse(dataclasses.asdict(word_times(_session(request).run(id), group, index, shelf.model)))
        except Exception as error:
            if not isinstance(error, AttuneError):
                logging.exception("aligning failed")
            return JSONResponse({"error": presenters.explain(error, Wording(language))})

    @server.get("/take-home/{id}.zip")
    def model_zip(request: Request, id: str) -> Response:
        return _file(lambda: export.zip_model(_session(request).run(id)), f"attune-{id}.zip")

    @server.get("/report/{id}/{language}/report.{kind}")
    def report_file(request: Request, id: str, language: str, kind: str) -> Response:
        return _file(lambda: write(_session(request), id, language, kind), f"attune-{id}.{kind}")

    set_files.add_routes(server, _session, tasks)
    for language in LANGUAGES:
        gr.mount_gradio_app(
            server,
            build_page(Wording(language), shelf, jobs, outcomes, tasks),
            path=f"/{language}",
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=MAX_BYTES,
            theme=theme(),
            css=css(),
            head=head(language),
        )
    server.add_middleware(session.Cookies, paths=frozenset({"/", *(f"/{language}/" for language in LANGUAGES)}))
    server.add_middleware(Guard, hosts=hosts)
    return server


def _session(request: Request) -> session.Session:
    return session.find(request.cookies.get(session.COOKIE))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise RunError("run_missing", "There is no such sound.")
    return path


def _stored(current: session.Session, id: str, clip: str) -> Path:
    stored = current.library.open(id)
    return Path({Path(one.clip.path).stem: one.clip.path for one in (*stored.clips, *stored.left_out)}[clip])


def _file(find: Callable[[], Path], download: str | None = None) -> Response:
    try:
        path = find()
    except (AttuneError, KeyError, IndexError):
        return PlainTextResponse("Not found.", 404)
    return FileResponse(path, filename=download) if download else FileResponse(path, media_type="audio/flac")


def _banner(w: Wording) -> str:
    other = next(language for language in LANGUAGES if language != w.language)
    return (
        f"<header><h1>{presenters.escape(w('app.title'))}</h1>"
        f'<a class="language" href="/language/{other}" lang="{other}" hreflang="{other}">{NAMES[other]}</a></header>'
        f'<p class="lead">{presenters.escape(w("app.tagline"))}</p>'
        f'<p class="fine">{presenters.escape(w("app.private"))}</p>'
        f'<p class="note warning insecure" role="status">{presenters.escape(w("app.insecure"))}</p>'
    )

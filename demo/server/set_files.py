"""Downloads about a set: the set itself, the dropped rows, the inspection report."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response

from core.data.clips.labelled_set import Clip
from core.data.exporters import LAYOUTS, export_zip
from core.data.importers.rows import file_name
from core.data.inspection.inspection import Inspection
from core.text.escaping import cell
from demo.background.tasks import Tasks
from demo.server.answers import Find, answer, download, missing
from demo.session import chosen_set
from demo.session.session import Session
from demo.steps.teach.bring.show import dropped_table
from demo.steps.teach.inspect.handlers import KIND
from demo.steps.teach.inspect.show import report_document, report_rows
from demo.wording import LANGUAGES, Wording

BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets mistake UTF-8 for an older encoding


def add_routes(server: FastAPI, find: Find, tasks: Tasks) -> None:
    """Adds the routes.

    Args:
        server: to add them to.
        find: returns a request's session; raises RunError if there is none.
        tasks: background tasks, whose results include the reports.
    """

    @server.get("/set/{id}/dropped-{language}.csv")
    def dropped(request: Request, id: str, language: str) -> Response:
        def made(session: Session) -> Response:
            stored = session.library.open(id)
            return _csv(dropped_table(stored.dropped, Wording(language)), f"{file_name(stored.name)}-dropped.csv")

        return answer(request, find, made) if language in LANGUAGES else missing()

    @server.get("/set/report-{language}.{kind}")
    def report(request: Request, language: str, kind: str) -> Response:
        def made(session: Session) -> Response:
            task = tasks.look(session.name, KIND)
            if task is None or not isinstance(task.result, Inspection):
                return missing()
            return _report(session, task.result, kind, Wording(language))

        return answer(request, find, made) if language in LANGUAGES else missing()

    @server.get("/set/{id}/{format}.zip")
    def packed(request: Request, id: str, format: str) -> Response:
        def made(session: Session) -> Response:
            if format not in LAYOUTS:
                return missing()
            stored = session.library.open(id)
            path = export_zip(stored, session.folder / "exports" / f"{id}-{format}.zip", format)
            return download(path, f"{file_name(stored.name)}-{format}.zip")

        return answer(request, find, made)


def _report(session: Session, report: Inspection, kind: str, w: Wording) -> Response:
    name = f"{file_name(report.name)}-report.{kind}"
    stored = chosen_set.stored_set(session)
    sources = {one.clip.id: one.source for one in (*stored.clips, *stored.left_out)} if stored else {}

    def called(clip: Clip) -> str:
        return sources.get(clip.id) or Path(clip.path).name

    match kind:
        case "html":
            when = f"{datetime.datetime.now():%Y-%m-%d %H:%M}"
            return _attached(report_document(report, when, w), "text/html", name)
        case "csv":
            return _csv(report_rows(report, called, w), name)
        case "json":
            fields = report.to_json()
            for finding, found in zip(fields["findings"], report.findings, strict=True):
                finding["examples"] = [called(clip) for clip in found.clips[: len(finding["examples"])]]
                finding["details"].pop("messages", None)  # they contain paths of this computer
            return _attached(json.dumps(fields, ensure_ascii=False, indent=1), "application/json", name)
    return missing()


def _csv(rows: Iterable[Sequence[Any]], name: str) -> Response:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return _attached(BYTE_ORDER_MARK + text.getvalue(), "text/csv", name)


def _attached(text: str, kind: str, name: str) -> Response:
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    headers = {"content-disposition": f'attachment; filename="{plain}"'}
    return Response(text.encode("utf-8", "replace"), media_type=f"{kind}; charset=utf-8", headers=headers)

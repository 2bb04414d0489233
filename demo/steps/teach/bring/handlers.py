"""Step 3: importing files or a dataset, in the background, into a set of the session's library."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr
from filelock import FileLock, Timeout

from core.data.importers.any_format import into_library, read
from core.errors import AttuneError, DatasetError
from core.storage.files import write_json
from core.storage.state import lock, read_fields
from core.storage.temporary import discard
from core.text.scoring import clean
from demo.background import downloads
from demo.background.tasks import Task, Tasks
from demo.session import chosen_set, uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import errors, markup
from demo.show.progress import ended
from demo.steps.names import Shown
from demo.steps.teach.bring import show
from demo.steps.teach.show import working
from demo.wording import Wording

KIND = "import"
QUESTIONS = ("table_columns", "table_ambiguous", "tier_needed")  # errors that a visitor can resolve; meanwhile, files stay
ASKED_COLUMNS = ("path", "text", "speaker")
MAX_DATASET_ROWS = 5_000
MAX_NAME_BYTES = 120  # of an uploaded file; file systems allow 255
NOTE = "import.json"  # in an import's folder, names the set: if it outlives the process, it tells which import was lost
_DATASET = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(:[\w.-]+)?", re.ASCII)


@dataclass(frozen=True)
class ImportOrder:
    """An import to carry out.

    Attributes:
        folder: used by this import alone: `uploaded` holds the files, `work` unpacked and cut ones.
        source: the file or folder to read, or a dataset's id.
        name: name of the set.
        language: ISO 639-1 code of the speech.
        alive: held until the import has ended, also while it waits for an answer; released if the process dies.
        dataset: whether `source` is an id on the Hugging Face hub.
        limit: maximum number of rows to read; None for all.
        columns, tier: the visitor's answers.
    """

    folder: Path
    source: str
    name: str
    language: str
    alive: FileLock
    dataset: bool = False
    limit: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""


@dataclass(frozen=True)
class ImportNote:
    """The note in an import's folder.

    Attributes:
        name: name of the set that the import creates.
    """

    name: str


class BringHandlers:
    """Event handlers of the import."""

    def __init__(self, w: Wording, tasks: Tasks) -> None:
        self._w, self._tasks = w, tasks

    def begin(self, session: Session, files: Sequence[Upload] | None, name: str, language: str) -> Shown:
        """files, name, language -> the outputs of `look`. The files now belong to this session."""
        if not files:
            raise DatasetError("nothing_uploaded", "Choose files first.")
        with self._new_folder(session) as (folder, alive):
            uploaded = folder / "uploaded"
            uploaded.mkdir()
            for upload in files:  # tables and annotations refer to sounds by their names on the visitor's computer
                uploads.move(session, upload, _free(uploaded, _file_name(upload.name)))
            there = sorted(uploaded.iterdir())
            source = there[0] if len(there) == 1 else uploaded
            self._start(session, ImportOrder(folder, str(source), clean(name) or clean(there[0].stem) or "?", language, alive))
        return self.look(session)

    def emptied(self, session: Session) -> Shown:
        """-> files (none, since the import has taken them)."""
        return {"files": None}

    def fetch(self, session: Session, id: str, rows: float | None, name: str, language: str) -> Shown:
        """id (of a dataset), rows (how many), name, language -> the outputs of `look`."""
        id = (id or "").strip()
        if not _DATASET.fullmatch(id):
            raise DatasetError("huggingface_id", "A dataset's id looks like google/fleurs:sw_ke.")
        if downloads.are_off():
            raise DatasetError("dataset_downloads_off", "Downloads are switched off here. Upload the recordings instead.")
        limit = max(1, min(int(rows or 1), MAX_DATASET_ROWS))
        with self._new_folder(session) as (folder, alive):
            self._start(session, ImportOrder(folder, id, clean(name) or id, language, alive, dataset=True, limit=limit))
        return self.look(session)

    def answer(self, session: Session, path: str | None, text: str | None, speaker: str | None, tier: str | None) -> Shown:
        """path, text, speaker (columns of a table), tier -> the outputs of `look`; the import continues."""
        task = self._tasks.look(session.name, KIND)
        if task is None or not _is_question(task):
            raise DatasetError("nothing_uploaded", "There is nothing to continue with. Upload the files again.")
        given = {name: column for name, column in zip(ASKED_COLUMNS, (path, text, speaker), strict=True) if column}
        self._start(session, replace(task.order, columns={**task.order.columns, **given}, tier=tier or task.order.tier))
        return self.look(session)

    def stop(self, session: Session) -> Shown:
        """-> progress (the import is stopping)."""
        self._tasks.stop(session.name, KIND)
        return {"progress": markup.note(self._w("bring.stopping"))}

    def restore(self, session: Session) -> Shown:
        """-> panel (open while there is an import to show), and the outputs of `look` and `result`."""
        shown = {**self.look(session), **self.result(session)}
        return shown if self._tasks.look(session.name, KIND) is None else {"panel": gr.update(open=True), **shown}

    def look(self, session: Session) -> Shown:
        """-> progress, stop, timer, question, asked (the question's text), path, text, speaker and tier (the possible
        answers), arrived (the id of the set just imported)."""
        task = self._tasks.look(session.name, KIND) or self._interrupted(session)
        shown: Shown = {
            "progress": "",
            "stop": gr.update(visible=False),
            "timer": gr.update(active=False),
            "question": gr.update(visible=False),
            "asked": "",
        }
        if task is None:
            return shown
        if not task.ended:
            progress = working(f"bring.{task.phase or 'reading'}", task, self._w)
            going_on = {"stop": gr.update(visible=not task.stopping), "timer": gr.update(active=True)}
            return {**shown, "progress": progress, **going_on}
        if task.error is None:
            self._tasks.forget(session.name, KIND)
            return {**shown, "arrived": task.result}
        if _is_question(task):
            asked = markup.note(errors.explain(task.error, self._w))
            return {**shown, "question": gr.update(visible=True), "asked": asked, **self._answers(task)}
        details = task.error.details if isinstance(task.error, AttuneError) else {}
        rows = show.dropped_rows(details["dropped"], self._w) if "dropped" in details else ""
        return {**shown, "progress": ended(task.error, self._w) + rows}

    def result(self, session: Session) -> Shown:
        """-> result (how many rows of the chosen set's source were imported, and why others were dropped)."""
        stored = chosen_set.stored_set(session)
        return {"result": show.counts(stored, self._w) if stored else ""}

    def _answers(self, task: Task) -> Shown:
        error = task.error
        assert isinstance(error, AttuneError), "only those are questions"
        listed = [str(name) for name in error.details["listed"]]
        if error.reason == "tier_needed":
            hidden = {name: gr.update(visible=False) for name in ASKED_COLUMNS}
            return {**hidden, "tier": gr.update(visible=True, choices=listed, value=listed[0])}
        known = task.order.columns
        columns = {name: gr.update(visible=True, choices=listed, value=known.get(name)) for name in ASKED_COLUMNS}
        return {**columns, "tier": gr.update(visible=False)}

    def _interrupted(self, session: Session) -> Task | None:
        """Returns an import that an earlier process left unfinished when it died, as a failed task; deletes its files."""
        names = []
        for note in (session.folder / "imports").glob(f"*/{NOTE}"):
            with suppress(Timeout), _lock(session).acquire(timeout=0):  # another process of this user may be running it
                names.append(read_fields(note, ImportNote, None).get("name", note.parent.name))
                discard(note.parent, session.folder)
        if not names:
            return None
        message = f"A restart interrupted the import of {names[0]}; nothing is kept of it. Bring it again."
        return self._tasks.failed(session.name, KIND, DatasetError("import_interrupted", message, name=names[0]))

    @contextmanager
    def _new_folder(self, session: Session) -> Iterator[tuple[Path, FileLock]]:
        """Creates an import's folder and acquires its lock; undoes both if the import cannot start."""
        task, alive, folder = (
            self._tasks.look(session.name, KIND),
            _lock(session),
            session.folder / "imports" / secrets.token_hex(8),
        )
        if task is not None and task.ended and task.order is not None:
            task.order.alive.release()  # the question of the previous import was never answered
        try:
            alive.acquire(timeout=0)
        except Timeout:
            raise DatasetError("import_running", "Another import is running. Wait for it, or stop it.") from None
        try:
            discard(folder.parent, session.folder)
            folder.mkdir(parents=True)
            yield folder, alive
        except BaseException:
            _end(folder, alive)
            raise

    def _start(self, session: Session, order: ImportOrder) -> None:
        write_json(order.folder / NOTE, asdict(ImportNote(order.name)))

        def work(task: Task) -> str:
            asked = False
            try:
                return _carried_out(session, order, task)
            except DatasetError as error:
                asked = error.reason in QUESTIONS
                raise
            finally:
                if not asked:
                    _end(order.folder, order.alive)

        self._tasks.start(session.name, KIND, order, work)


def _lock(session: Session) -> FileLock:
    """Returns the lock of the process that runs the session's import; one thread acquires it, another releases it."""
    return lock(session.folder / "imports.lock", thread_local=False)


def _end(folder: Path, alive: FileLock) -> None:
    discard(folder, folder.parents[1])
    alive.release()


def _carried_out(session: Session, order: ImportOrder, task: Task) -> str:
    task.enter("reading")
    imported = read(
        order.source,
        "huggingface" if order.dataset else "",
        language=order.language,
        columns=order.columns,
        tier=order.tier,
        limit=order.limit,
        work=order.folder / "work",
        within=None if order.dataset else order.folder / "uploaded",
        progress=task.progress,
        should_stop=lambda: task.stopping,
        on_hub=order.dataset,
    )
    task.enter("writing")
    created = into_library(
        imported, session.library, order.name, order.language, progress=task.progress, should_stop=lambda: task.stopping
    )
    session.choose(labelled_set=created.stored.id)
    return created.stored.id


def _is_question(task: Task) -> bool:
    error: Any = task.error
    return task.ended and getattr(error, "reason", "") in QUESTIONS and "listed" in error.details


def _file_name(called: str) -> str:
    """Returns a file's original name without folders and without characters that file systems forbid."""
    name = clean(re.split(r"[\\/]", called)[-1]).lstrip(".").replace("\0", "") or "file"
    stem, dot, suffix = name.rpartition(".")
    while len(name.encode()) > MAX_NAME_BYTES:
        stem, suffix = stem[:-1], suffix[:12]
        name = f"{stem}{dot}{suffix}" if stem else suffix
    return name


def _free(folder: Path, name: str) -> Path:
    path, number = folder / name, 1
    while path.exists():
        number += 1
        path = folder / f"{number}-{name}"
    return path

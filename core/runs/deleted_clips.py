"""Removal of deleted clips from the files of runs; the adapted weights, which do not name the clips, are kept."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import id_of
from core.errors import RunError
from core.evaluation.analysis import analyse, measure_sounds
from core.evaluation.compare import Comparison, compare
from core.runs.export.hugging_face import write_card
from core.runs.job_folder import Job
from core.runs.run_folder import Run, compared_fields
from core.runs.run_name import read_name
from core.storage.files import read_json, replacing, sha256, write_json
from core.storage.state import UNREADABLE, remove
from core.text.terms import terms_in

ACTIVE = ("waiting", "running")
REQUESTED = ("canary", "own", "general", "watch")  # lists of clips in a request besides the labelled set
# Fields of `core.runs.result.Result`: whether clips were removed, and the checksum of comparison.json as written.
WITHDRAWN, WRITTEN = "withdrawn", "comparison_sha256"


def jobs_in(folder: Path) -> Iterator[Job]:
    """Yields the runs and ladders in a folder."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (path / "request.json").is_file():
            yield Job(path)


def uses(job: Job, sounds: Collection[Path]) -> bool:
    """Returns whether a run or ladder has a clip whose sound is one of these files, see `_is_of`."""
    return any(_is_of(clip, sounds) for clip in _clips(job.folder / "request.json"))


def is_active(job: Job) -> bool:
    """Returns whether a run or ladder, or a job inside its folder, is waiting or running."""
    return any(
        Job(path.parent).state() in ACTIVE for path in (*job.folder.glob("request.json"), *job.folder.glob("*/request.json"))
    )


def refuse_active(jobs: Iterator[Job], sounds: Collection[Path]) -> None:
    """Checks that no active run or ladder uses clips that are to be deleted, as it would write them to disk again.

    Raises:
        RunError: one does.
    """
    for job in jobs:
        if uses(job, sounds) and is_active(job):
            raise RunError("removal_running", "A running fine-tune uses this. Stop it, or wait until it has finished.")


def withdraw(job: Job, sounds: Collection[Path]) -> None:
    """Removes clips from a run or ladder: their texts, the models' transcripts and their paths.

    The figures are recomputed from the remaining held-out clips. For a training clip, the request keeps an empty entry.
    The request lists the clips to look for, so it is changed last and the removal can be repeated after a crash.

    Args:
        job: the run or the ladder; must not be active.
        sounds: sound files of recordings or library sets, which are named by the ids of their clips.

    Raises:
        OSError: the disk is full.
    """
    for rung in jobs_in(job.folder / "rungs"):
        withdraw(rung, sounds)
    names = {path.name for path in sounds}
    request = job.folder / "request.json"
    texts = {clip["text"] for clip in _clips(request) if _is_of(clip, sounds)}
    if not texts:
        copies = {Path(clip["path"]).name for clip in _clips(request)}
        if _names(request, names - copies):  # damaged, so clips cannot be removed from it
            shutil.rmtree(job.folder, ignore_errors=True)
        return
    for copy in job.folder.rglob("*.damaged-*"):
        remove(copy)
    for path in job.folder.rglob("events.jsonl"):
        try:
            _rewrite_lines(path, texts, names)
        except UNREADABLE:
            remove(path)
    for name in ("comparison.json", "result.json"):
        if not _read(job.folder / name):
            remove(job.folder / name)
    try:
        _rewrite_comparison(job.folder, sounds)
    except UNREADABLE:  # also damaged; without it, the run counts as unfinished
        for name in ("comparison.json", "result.json"):
            remove(job.folder / name)
    for name in ("times", "reports"):
        shutil.rmtree(job.folder / name, ignore_errors=True)
    for made in (*job.folder.glob("report.*"), *job.folder.rglob("log.txt")):
        made.unlink(missing_ok=True)
    fields = read_json(request)
    inner = fields.get("request", fields)  # the request of a ladder
    inner["labelled_set"]["clips"] = [
        {**clip, "path": "", "text": "", "speaker": "", "id": ""} if _is_of(clip, sounds) else clip
        for clip in inner["labelled_set"]["clips"]
        if clip.get("part") == "train" or not _is_of(clip, sounds)
    ]
    for group in REQUESTED:
        if group in inner:
            inner[group] = _without(inner[group], sounds)
    if inner.get("terms"):
        language = inner["labelled_set"].get("language", "en")
        inner["terms"] = list(terms_in([clip["text"] for clip in _clips_of(inner)], inner["terms"], language))
        _rewrite_card(job.folder)
    write_json(request, fields)


def _rewrite_card(folder: Path) -> None:
    """Writes the model card again, which counts the person's own words, and removes the zip that holds the earlier one."""
    run = Run(folder)
    for made in folder.glob("*.zip"):
        made.unlink(missing_ok=True)
    result = run.result() if run.adapted.is_dir() else None
    if result is not None:
        write_card(run.adapted, result, read_name(run))


def _names(request: Path, names: Collection[str]) -> bool:
    with suppress(OSError):
        content = request.read_bytes()
        return any(name.encode() in content for name in names)
    return False


def _rewrite_comparison(folder: Path, sounds: Collection[Path]) -> None:
    comparison, result = _read(folder / "comparison.json"), _read(folder / "result.json")
    as_written = bool(comparison) and result.get(WRITTEN) == sha256(folder / "comparison.json")
    left: dict[str, Any] = {}
    for group, compared in comparison.items():
        whole = Comparison.from_json(compared)
        rows = [row for row in whole.clips if not _is_of(vars(row), sounds)]
        if rows and len(rows) < len(whole.clips):
            base, adapted = ([getattr(row, model) for row in rows] for model in ("base", "adapted"))
            said = terms_in([row.reference for row in rows], whole.terms, whole.language)
            again = compare([row.clip() for row in rows], base, adapted, whole.language, said)
            left[group] = compared_fields(again, analyse(again, measure_sounds(again)))
            if result.get(group):
                result[group] = dataclasses.asdict(again.figures)
        elif rows:
            left[group] = compared
        elif result.get(group):
            result[group] = None
    if comparison:
        write_json(folder / "comparison.json", left)
    if result:
        if as_written:
            result[WRITTEN] = sha256(folder / "comparison.json")
        result[WITHDRAWN] = True
        result["dropped"] = _without(result.get("dropped", []), sounds)
        write_json(folder / "result.json", result)


def _rewrite_lines(path: Path, texts: Collection[str], names: Collection[str]) -> None:
    """Removes the texts of clips, and their transcripts during training, from the events."""
    gone: set[int] = set()
    held_out: list[str] = []
    lines = []
    for line in path.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # cut short by a crash
        if event.get("event") == "watched" and event.get("reference") in texts:
            continue
        if event.get("held_out"):
            gone = {place for place, text in enumerate(event["held_out"]) if text in texts}
            event["held_out"] = held_out = [text for text in event["held_out"] if text not in texts]
        if event.get("texts"):
            event["texts"] = [text for place, text in enumerate(event["texts"]) if place not in gone]
        if event.get("reference") in texts:  # replaced by the first remaining clip
            left = zip(held_out, event.get("texts", ()), strict=False)
            event["reference"], event["watched"] = next(left, ("", ""))
        if "message" in event and any(part in str(event) for part in (*texts, *names)):
            event |= {"message": "", "details": {}}
        lines.append(json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join(lines))


def _without(rows: list[dict[str, Any]], sounds: Collection[Path]) -> list[dict[str, Any]]:
    return [row for row in rows if not _is_of(row, sounds)]


def _is_of(row: dict[str, Any], sounds: Collection[Path]) -> bool:
    """Returns whether a run's clip has one of these sounds.

    Clips are compared by id, so that this works after the home folder was moved. A copy of the clip that still exists
    elsewhere, such as in a library set, is a different sound: deleting one of the two keeps the other.
    """
    path = Path(row["path"])
    if path in sounds:
        return True
    return (row.get("id") or id_of(row["path"])) in {sound.stem for sound in sounds} and not path.is_file()


def _clips(request: Path) -> list[dict[str, Any]]:
    """Returns the clips that a request lists; none if it cannot be read."""
    with suppress(KeyError, TypeError, AttributeError):
        fields = _read(request)
        return _clips_of(fields.get("request", fields))
    return []


def _clips_of(fields: dict[str, Any]) -> list[dict[str, Any]]:
    groups = [fields["labelled_set"]["clips"], *(fields.get(group, []) for group in REQUESTED)]
    return [clip for group in groups for clip in group if "path" in clip and "text" in clip]


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError, RecursionError):
        fields = read_json(path)
        return fields if isinstance(fields, dict) else {}
    return {}

"""Markup for a set, for the visitor's own clips and for the progress of work on a set. No Gradio."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.data.clips.labelled_set import LabelledSet
from core.data.clips.parts import small_test
from core.data.library.recordings import Recording
from demo.show import errors
from demo.show.markup import escape, fine, note, player
from demo.show.progress import going
from demo.wording import Wording


def set_brief(labelled: LabelledSet, example_url: str, w: Wording) -> str:
    """Returns the size of a labelled set in one line, and a player for one of its clips."""
    size = w("stage.set", train=len(labelled.part("train")), test=len(labelled.part("test")))
    badge = f' <span class="badge">{escape(w("stage.synthetic"))}</span>' if labelled.synthetic else ""
    said = f"<span>“{escape(labelled.clips[0].text)}”</span>"
    example = f'<p class="example">{player(example_url, w)} {said}</p>' if example_url else ""
    return f'<p class="size">{escape(size)}{badge}</p>{example}'


def own_so_far(clips: int, w: Wording) -> str:
    """Returns how many labelled clips of their own a person has, while they are too few."""
    return f'<p class="size">{escape(w("stage.own_so_far", clips=clips))}</p>'


def set_card(about: str, labelled: LabelledSet, minutes: float, example_url: str, w: Wording) -> str:
    """Returns a card that describes a labelled set and plays one of its clips."""
    counts = {part: len(labelled.part(part)) for part in ("train", "validation", "test")}
    lines = [f"<p>{escape(about)}</p>"]
    if labelled.synthetic:
        lines.append(f'<p class="badge">{escape(w("set.synthetic"))}</p>')
    key = "set.counts" if counts["validation"] else "set.counts.no_validation"
    lines.append(f'<p class="fine">{escape(w(key, minutes=f"{minutes:.1f}", **counts))}</p>')
    if said := small_test(labelled):
        size = w(f"set.test.{said.details['unit']}", words=said.details["words"])
        lines.append(fine(errors.reason(said.reason, {**said.details, "size": size}, said.message, w)))
    if labelled.clips and example_url:
        lines.append(f'<p class="example">{player(example_url, w)} “{escape(labelled.clips[0].text)}”</p>')
    return f'<div class="card">{"".join(lines)}</div>'


def own_clips(recordings: Sequence[Recording], w: Wording) -> str:
    """Returns a list of the visitor's own recordings, newest first."""
    if not recordings:
        return note(w("teach.none"))
    rows = "".join(
        f"<li>{player(f'/sound/recording/{r.id}', w)}<span>"
        f"{escape(r.text) if r.text else escape(w('teach.unlabelled'))}</span>"
        f'<span class="fine">{r.seconds:.1f} s</span></li>'
        for r in reversed(recordings)
    )
    labelled = sum(bool(r.text) for r in recordings)
    seconds = sum(r.seconds for r in recordings if r.text)
    total = escape(w("teach.total", clips=labelled, seconds=f"{seconds:.0f}", all=len(recordings)))
    return f'<p class="fine">{total}</p><ul class="clips">{rows}</ul>'


class Progress(Protocol):
    """The progress of some work; `total` is None where the end is not known."""

    done: int
    total: int | None
    stopping: bool


def working(key: str, task: Progress, w: Wording) -> str:
    """Returns the progress of a task: a sentence, and a bar if the end is known."""
    if task.stopping:
        return note(w("bring.stopping"))
    sentence = w(key, done=task.done, total=task.total or "?")
    return going(sentence, task.done / task.total if task.total else None, w("bring.progress"))


def part_heads(w: Wording) -> str:
    """Returns the headings of a table with one row for each part of a set."""
    names = ("part", "clips", "minutes", "speakers", "sentences")
    return "".join(f'<th scope="col">{escape(w(f"parts.{name}"))}</th>' for name in names)

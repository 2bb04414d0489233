"""Step 3: showing and changing the split."""

from __future__ import annotations

from collections import Counter

import gradio as gr

from core.data.clips import splits
from core.data.clips.labelled_set import LabelledSet, clip_seconds
from core.data.inspection import findings, repairs
from core.data.inspection.findings import CheckedRow
from core.data.inspection.inspection import Histogram, Inspection
from core.errors import DatasetError
from core.text.scoring import normalise
from demo.session import chosen_set
from demo.session.session import Session
from demo.show import errors, markup
from demo.steps.names import Shown
from demo.steps.teach.inspect.show import finding_words
from demo.steps.teach.split import show
from demo.wording import Wording

CLIP, SPEAKER = "clip:", "speaker:"


class SplitHandlers:
    """Event handlers of the split."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def show(self, session: Session) -> Shown:
        """-> table (the split, and which conclusions it allows), editing (shown if the split can be changed), who (the clips
        and speakers to move), seed."""
        locked = {"editing": gr.update(visible=False), "who": gr.update(choices=[], value=[])}
        stored = chosen_set.stored_set(session)
        if stored is None:
            try:
                labelled = chosen_set.labelled_set(session)
            except DatasetError as error:
                return {"table": markup.note(errors.explain(error, self._w), "warning"), **locked}
            seconds = {clip.id: clip_seconds(clip) for clip in labelled.clips}
        else:
            labelled = stored.labelled()
            seconds = {one.clip.id: one.seconds for one in stored.clips}
        shown = self._table(labelled, seconds)
        if stored is None:
            return {"table": shown + markup.fine(self._w("split.copy_first")), **locked}
        who = gr.update(choices=self._choices(labelled), value=[])
        return {"table": shown, "editing": gr.update(visible=True), "who": who, "seed": gr.update(value=stored.seed)}

    def move(self, session: Session, who: list[str], part: str) -> Shown:
        """who (clips and speakers), part -> note (the clips moved, including those that had to move along)."""
        stored = chosen_set.stored_set(session)
        if stored is None or not who:
            raise DatasetError("nothing_to_move", "Choose clips or speakers to move.")
        labelled = stored.labelled()
        clips = {name[len(CLIP) :] for name in who if name.startswith(CLIP)}
        speakers = {name[len(SPEAKER) :] for name in who if name.startswith(SPEAKER)}
        moved = splits.move(labelled, part, clips, speakers)  # type: ignore[arg-type]
        session.library.update(stored.id, moved.labelled)
        sentences = [self._w("split.moved", count=len(moved.moved), part=self._w(f"part.{part}"))]
        if moved.dragged:
            texts = {clip.id: clip.text for clip in labelled.clips}
            first = "; ".join(f"“{texts[id]}”" for id in moved.dragged[:3])
            sentences.append(self._w("split.dragged", count=len(moved.dragged), first=first))
        if moved.overlap.sentences or moved.overlap.speakers:
            sentences.append(self._w("split.overlap", sentences=moved.overlap.sentences, speakers=moved.overlap.speakers))
        return {"note": markup.note(" ".join(sentences), "good")}

    def new_split(self, session: Session, seed: float | None) -> Shown:
        """seed -> note (the sizes of the new split)."""
        stored = chosen_set.changeable_set(session)
        seed = int(seed or 0)
        after = session.library.update(stored.id, repairs.resplit(stored.labelled(), seed), seed).labelled()
        counts = {part: len(after.part(part)) for part in ("train", "validation", "test")}
        return {"note": markup.note(self._w("split.done", seed=seed, **counts), "good")}

    def _table(self, labelled: LabelledSet, seconds: dict[str, float]) -> str:
        checked = [CheckedRow(clip, True, sentence=normalise(clip.text, labelled.language)) for clip in labelled.clips]
        report = Inspection(labelled.name, labelled.language, tuple(checked), (), (), *_NO_SPREADS)
        found = [*findings.leaks(checked), *findings.conclusions(checked)]
        remarks = [finding_words(one, report, self._w) for one in found]
        sentences = {row.clip: row.sentence for row in checked}
        clips = [(clip, seconds.get(clip.id, 0.0)) for clip in labelled.clips]
        return show.split_table(clips, sentences.__getitem__, remarks, self._w)

    def _choices(self, labelled: LabelledSet) -> list[tuple[str, str]]:
        speakers = Counter(clip.speaker for clip in labelled.clips if clip.speaker)
        named = [(self._w("split.speaker", name=name, clips=count), SPEAKER + name) for name, count in sorted(speakers.items())]
        parts = {"": self._w("part.none"), **{part: self._w(f"part.{part}") for part in ("train", "validation", "test")}}
        return [*named, *((f"{clip.text} ({parts[clip.part]})", CLIP + clip.id) for clip in labelled.clips)]


_NO_SPREADS = (Histogram((), ()), Histogram((), ()))

"""What the chosen base made of a person's exam."""

from __future__ import annotations

from core.data.clips.exam import EXAM, Exam, examine
from demo.session import reading_list
from demo.session.reading import Reading
from demo.session.session import Session


def exam(session: Session, reading: Reading) -> Exam:
    """Returns what the chosen base made of the exam of the chosen list.

    Args:
        session: whose exam it is.
        reading: its state.
    """
    kept = reading_list.kept(session, reading)
    sentences = [prompt.text for prompt in reading.plan if prompt.part == EXAM]
    takes = {text: reading.takes[text] for text in sentences if text in kept}
    heard = {text: take.heard for text, take in takes.items() if take.heard is not None and take.base == session.choices.model}
    return examine(heard, len(sentences), len(reading.retired), reading.language or session.choices.language)

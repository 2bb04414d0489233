"""A person's own words, and the sentences around them that they read.

SESSION/
  own_words.json    the words by kind, their language, and the sentences of either side as edited
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.data.clips.exam import EXAM, LESSONS, Prompt, key
from core.data.clips.labelled_set import check_text
from core.errors import DatasetError
from core.storage.files import write_json
from core.storage.state import read_fields
from core.text.carriers import KINDS, Faulty, find_faults, write_carriers
from core.text.scoring import clean
from core.text.terms import check_terms, split_terms, terms_in
from demo.session import reading_list
from demo.session.reading import Reading, parts_of
from demo.session.session import Session
from demo.wording.reading_lists import WORDS
from demo.wording.templates import LANGUAGES, templates

MAX_SENTENCES = 100  # of a side, once a person has edited them


@dataclass(frozen=True)
class OwnWords:
    """A person's own words.

    Attributes:
        language: ISO 639-1 code of the sentences.
        words: the words by kind, see `core.text.carriers.KINDS`.
        exam, lessons: the sentences to read, as written for the words or as edited.
    """

    language: str = LANGUAGES[0]
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exam: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """All words."""
        return tuple(word for several in self.words.values() for word in several)


def read(session: Session) -> OwnWords:
    """Returns the stored words; before there are any, none, in the language of the person's own clips."""
    stored = read_fields(session.folder / "own_words.json", OwnWords, session.damaged)
    chosen = session.choices.language
    usual = chosen if chosen in LANGUAGES else LANGUAGES[0]
    language = stored.get("language", usual)
    words = {kind: tuple(several) for kind, several in stored.get("words", {}).items() if kind in KINDS}
    sides = (tuple(stored.get(side, ())) for side in ("exam", "lessons"))
    return OwnWords(language if language in LANGUAGES else usual, words, *sides)


def write(session: Session, typed: Mapping[str, str], language: str) -> OwnWords:
    """Stores words and the sentences around them, in place of those before.

    Args:
        session: whose words they are.
        typed: by kind, what was typed: words with commas or line breaks between them.
        language: one of `demo.wording.templates.LANGUAGES`.

    Raises:
        DatasetError: there are no templates in this language; or no words, too many, or one that cannot be used.
    """
    if language not in LANGUAGES:
        raise DatasetError("reading_unknown", "There is no such list of sentences.")
    by_kind = {kind: split_terms(typed.get(kind, "")) for kind in KINDS}
    left = set(check_terms((word for several in by_kind.values() for word in several), language))
    words = {}
    for kind, several in by_kind.items():
        words[kind] = tuple(word for word in dict.fromkeys(several) if word in left)
        left.difference_update(words[kind])
    made = write_carriers(words, templates(language))
    return _store(session, OwnWords(language, words, made.exam, made.lessons))


def use(session: Session, exam: str, lessons: str) -> list[Faulty]:
    """Stores the sentences as edited, and makes them the list to read if nothing is wrong with them.

    Args:
        session: whose sentences they are.
        exam, lessons: the sentences of each side, one a line.

    Returns:
        What is wrong; the list to read stays as it was if there is anything.

    Raises:
        DatasetError: there are no words yet, a side has no sentences or too many, or a sentence is too long.
    """
    now = read(session)
    if not now.terms:
        raise DatasetError("terms_none", "Type the words first: names, places or terms, with commas between them.")
    sides = [_lines(exam), _lines(lessons)]
    now = _store(session, dataclasses.replace(now, exam=sides[0], lessons=sides[1]))
    faults = find_faults(now.exam, now.lessons, now.terms, now.language)
    faults += _read_otherwise(reading_list.read(session), now)
    if faults:
        return faults
    plan = [
        Prompt(check_text(text, now.language, f"line {line}"), part)
        for part, side in ((EXAM, now.exam), (LESSONS, now.lessons))
        for line, text in enumerate(side, 1)
    ]
    session.choose(language=now.language)
    reading_list.use_plan(session, WORDS, plan)
    return []


def terms_said(session: Session, texts: Sequence[str], language: str) -> tuple[str, ...]:
    """Returns the person's own words that are in at least one of some texts."""
    return terms_in(texts, read(session).terms, language)


def _read_otherwise(reading: Reading, now: OwnWords) -> list[Faulty]:
    """Returns the sentences that a list has on the other side, or that were read there."""
    parts = parts_of(reading, now.language, but=WORDS)
    faults = []
    for side, part, texts in (("exam", EXAM, now.exam), ("lessons", LESSONS, now.lessons)):
        known = ((line, text, parts.get(key(text, now.language), part)) for line, text in enumerate(texts, 1))
        faults += [Faulty(side, line, text, "read") for line, text, other in known if other != part]  # type: ignore[arg-type]
    return faults


def _lines(text: str) -> tuple[str, ...]:
    """Returns the lines of a side, without empty ones at its end."""
    lines = [clean(line) for line in text.rstrip().splitlines()]
    if not lines:
        raise DatasetError("words_no_sentences", "Both the exam and the lessons need sentences.")
    if len(lines) > MAX_SENTENCES:
        raise DatasetError(
            "reading_too_many", f"There are {len(lines)} sentences; the limit is {MAX_SENTENCES}.", limit=MAX_SENTENCES
        )
    return tuple(lines)


def _store(session: Session, words: OwnWords) -> OwnWords:
    write_json(session.folder / "own_words.json", dataclasses.asdict(words))
    return words

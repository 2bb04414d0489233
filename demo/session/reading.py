"""The state of a person's reading, and how its plan changes: chosen for the base's errors, or without what was removed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from core.data.clips.exam import EXAM, EXAM_SENTENCES, FIRST_SENTENCES, LESSON_SENTENCES, LESSONS, Plan, key, planned, replanned
from demo.wording.reading_lists import LISTS, OWN, listed


@dataclass(frozen=True)
class Take:
    """The last recording of a prompt.

    Attributes:
        id: of the recording; the take counts as kept once the recording has a text.
        heard: the base's transcript, or None until there is one.
        checked: whether the base knows the language, so that a transcript far from the prompt is meaningful.
        base: id of the base whose transcript it is.
    """

    id: str
    heard: str | None = None
    checked: bool = True
    base: str = ""


@dataclass(frozen=True)
class Reading:
    """A person's list, prompts, position and takes.

    Attributes:
        list: one of `LISTS`, or another that has a plan, such as "own".
        own: the prompts of the person's own list.
        place: index in the plan of the prompt to read, from 0.
        takes: the last recording of each prompt, by its text.
        plans: the sentences to read, by list: first the exam, then the lessons.
        chosen: lists whose sentences have been chosen for what the base made of the first ones.
        retired: hashes of exam sentences that are not read again, because their transcript was seen.
    """

    list: str = LISTS[0]
    own: tuple[str, ...] = ()
    place: int = 0
    takes: dict[str, Take] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """The prompts of the list with their parts; at least one."""
        return self.plans[self.list]

    @property
    def prompts(self) -> tuple[str, ...]:
        """The sentences of the plan."""
        return tuple(prompt.text for prompt in self.plan)

    @property
    def part(self) -> str:
        """The part of the prompt to read now: "test" for the exam, "train" for the lessons."""
        return self.plan[min(self.place, len(self.plan) - 1)].part

    @property
    def prompt(self) -> str:
        """The prompt to read now."""
        return self.prompts[min(self.place, len(self.prompts) - 1)]

    @property
    def language(self) -> str:
        """ISO 639-1 code of the list; "" for the person's own, whose language they choose themselves."""
        return self.list.partition("_")[0] if self.list in LISTS else ""


def with_plan(reading: Reading, language: str) -> Reading:
    """Returns the reading with a plan for its list, if it has none."""
    if reading.plans.get(reading.list):
        return reading
    if reading.list == OWN:
        return with_own(reading, reading.own, language)
    sentences = _not_retired(reading, listed(reading.list)) or listed(reading.list)
    plan = planned(sentences, reading.language, parts_of(reading, language), LESSON_SENTENCES)
    return dataclasses.replace(reading, plans={**reading.plans, reading.list: plan})


def with_own(reading: Reading, own: Sequence[str], language: str) -> Reading:
    """Returns the reading with the person's own list; its sentences keep the parts that they have."""
    plan = planned(_not_retired(reading, own) or own, language, parts_of(reading, language), lessons=None)
    return dataclasses.replace(reading, own=tuple(own), plans={**reading.plans, OWN: plan})


def parts_of(reading: Reading, language: str, but: str = "") -> dict[str, str]:
    """Returns the part of every sentence that is planned or read, by `key`; of the list `but`, only of those read."""
    language = reading.language or language
    parts = {key(text, language): LESSONS for text in reading.takes}  # read before there were plans
    for name, plan in reading.plans.items():
        parts |= {key(one.text, language): one.part for one in plan if name != but or one.text in reading.takes}
    return parts


def adapted(reading: Reading, language: str) -> Reading:
    """Chooses the rest of a long list once the base has transcribed the first sentences of its exam."""
    exam = [one.text for one in reading.plan if one.part == EXAM]
    transcribed = sum(text in reading.takes and reading.takes[text].heard is not None for text in exam)
    is_long = reading.list in LISTS and len(listed(reading.list)) > 2 * (EXAM_SENTENCES + LESSON_SENTENCES)
    if not is_long or reading.list in reading.chosen or transcribed < min(FIRST_SENTENCES, len(exam)):
        return reading
    fixed = [*reading.takes, reading.prompt]
    changed = chosen_anew(reading, language, fixed, (len(exam), len(reading.plan) - len(exam)))
    return dataclasses.replace(changed, place=changed.prompts.index(reading.prompt), chosen=(*reading.chosen, reading.list))


def chosen_anew(reading: Reading, language: str, fixed: Sequence[str], counts: tuple[int, int]) -> Reading:
    """Chooses new sentences for the plan, except for those in `fixed`, and returns the changed reading."""
    heard = [(text, take.heard) for text, take in reading.takes.items() if take.heard is not None and text in reading.prompts]
    sentences = reading.own if reading.list == OWN else listed(reading.list) if reading.list in LISTS else ()
    parts = parts_of(reading, language, but=reading.list)
    plan = replanned(reading.plan, fixed, heard, _not_retired(reading, sentences), reading.language or language, parts, counts)
    return dataclasses.replace(reading, plans={**reading.plans, reading.list: plan})


def retired(reading: Reading, language: str, seen: Collection[str]) -> Reading:
    """Takes sentences of the exam whose transcript was seen out of all plans; others take their place where there are any."""
    gone = {one.text for plan in reading.plans.values() for one in plan if one.text in seen and one.part == EXAM}
    if not gone:
        return reading
    plans = {name: tuple(one for one in plan if one.text not in gone) for name, plan in reading.plans.items()}
    plans = {name: plan for name, plan in plans.items() if plan or name == reading.list}
    counts = [sum(one.part == part for one in reading.plan) for part in (EXAM, LESSONS)]
    before, out = reading.prompt, tuple(dict.fromkeys([*reading.retired, *map(_hash, sorted(gone))]))
    changed = dataclasses.replace(reading, plans=plans, retired=out)
    changed = chosen_anew(changed, language, changed.prompts, (counts[0], counts[1]))
    if not changed.plan:  # an own list of this sentence alone
        changed = dataclasses.replace(changed, plans={**changed.plans, reading.list: reading.plan})
    prompts = changed.prompts
    return dataclasses.replace(changed, place=prompts.index(before) if before in prompts else _new(reading, changed))


def _not_retired(reading: Reading, sentences: Sequence[str]) -> list[str]:
    return [text for text in sentences if _hash(text) not in reading.retired]


def _new(before: Reading, after: Reading) -> int:
    """Returns the index of the first prompt that was not in the plan before; 0 if there is none."""
    return next((i for i, text in enumerate(after.prompts) if text not in before.prompts), 0)


def _hash(text: str) -> str:
    """Returns a hash by which a sentence is recognised once its text may be gone."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]

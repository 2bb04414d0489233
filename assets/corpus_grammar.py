"""English sentences for synthetic speech, from rules and word lists written for Attune.

The sentences mean little; they are there so that a network hears every sound of the language in many surroundings.

In a rule, `[thing]` stands for another rule, `[jobs]` for a word of a list of `corpus_words`, `[past handling]` for a form
of one, `[moods,colours]` for a word of several lists, and `(is|was)` for one of two words. `a` becomes `an` by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random

import corpus_words as words

MOST_CHARACTERS = 90  # of a sentence: about six seconds

RULES = {
    "person": (
        "[names]", "[names]", "[owner] [relatives]", "the [jobs]", "the [moods] [jobs]", "a [moods] [jobs]",
        "[names]'s [relatives]",
    ),
    "people": (
        "[many] [plural jobs]", "[owner] [plural relatives]", "[names] and [names]", "the [moods] [plural jobs,animals]",
        "they", "we", "you",
    ),
    "owner": ("my", "your", "his", "her", "our", "their"),
    "many": ("the", "some", "many", "both", "most", "few", "[number]"),
    "number": (
        "[units]", "[teens]", "[tens]", "[tens] [units]", "[units] hundred", "[units] hundred and [tens]",
        "[units] hundred and [tens] [units]", "[units] thousand", "[units] million",
    ),
    "thing": (
        "[owner] [things]", "(the|this|that) [adjectives] [things]", "a [adjectives,colours] [things]",
        "[number] [plural things]",
        "(some|these|those) [adjectives,colours] [plural things]", "the [colours] [things]", "[names]'s [things]",
        "(a pair of|the|some) [colours] [pairs]",
    ),
    "food": (
        "the [foods]", "some [foods] and [foods]", "a little [foods]", "the [adjectives] [foods]", "[foods] with [foods]",
        "(a cup of|a glass of|two bottles of|too much) [drinks]",
    ),
    "place": ("[by] the [places]", "[by] the [adjectives] [places]", "near [cities]", "from [cities] to [cities]"),
    "when": ("", "[times]", "[times]", "[adverbs]"),
    "clause": ("[person] was [moods]", "the [topics] was [adjectives]", "[people] had [done moving] [place]"),
    "sentence": (
        "[person] [past handling] [thing] [when]",
        "[person] (always|never|often|hardly ever) [third handling] [thing]",
        "[people] (will|must|could|might|should) [handling] [thing] [when]",
        "[people] had [done handling] [thing] [when]",
        "[person] (is|was|kept) [doing handling] [thing] [place]",
        "[person] (has|had) [done eating] [food] [when]",
        "[person] would rather [eating] [food] [when]",
        "[person] (drank|poured|asked for|spilled) (a cup of|a glass of|some) [drinks] [when]",
        "[person] [past moving] [place] [when]",
        "[people] could [moving] [place] [when]",
        "the [adjectives,colours,moods] [animals] [past moving,resting] [place] [when]",
        "[number] [plural animals] were [doing resting,moving] [place]",
        "[person] (was|is|has been) [doing resting] [place] [when]",
        "[person] [past meeting] [person] [place]",
        "[people] [past meeting] [person] [when]",
        "[person] [past saying] that [clause]",
        "the [things,places,foods] [place] (is|was|looked|seemed) [adjectives]",
        "the [things] is (too|very|rather) [adjectives] and [colours]",
        "[person] (is|felt|looks|became) [moods] because of the [topics]",
        "[person] (knows nothing|asked me|wrote a book|talked) about [topics] and [topics]",
        "[person] is (interested in|tired of|good at) [topics]",
        "(please|don't|never|let's|you should|you needn't) [handling] [thing] [when]",
        "(please|do not|first) [moving] [place] and then [resting] [adverbs]",
        "(why did|how could|where did|would|can|didn't) [person] [handling] [thing]?",
        "when will [people] [eating] [food]?",
        "who [past handling] [thing] [when]?",
        "(is|was) there a [adjectives] [things,places] [place]?",
        "there are [number] [plural things,animals,places] [place]",
        "the [places] is [number] [measures] (away|from here|wide|long)",
        "[person] (paid|wants|spent) [number] (pounds|dollars|euros|pence) for [thing]",
        "if it (rains|snows|freezes|thunders) (today|tonight|tomorrow), [person] can't [moving] [place]",
        "while [person] was [doing resting], [person] [past handling] [thing]",
        "(I'm not|I've been|we're still|they weren't|she isn't|he's now) [doing handling] [thing] [when]",
        "(I would like|we need|nobody wants|she bought|they sold) [thing] and [thing]",
        "the [things] (was|will be|has been|can be) [done handling] by [person]",
    ),
}  # fmt: skip


def third(verb: str) -> str:
    """Returns "carries" of "carry"."""
    first, _, rest = verb.partition("_")
    if first.endswith("y") and first[-2] not in "aeiou":
        first = first[:-1] + "ies"
    else:
        first += "es" if first.endswith(("s", "sh", "ch", "x", "z", "o")) else "s"
    return f"{first} {rest}".strip()


def past(verb: str) -> str:
    """Returns "carried" of "carry"."""
    if verb in words.PAST:
        return words.PAST[verb].replace("_", " ")
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in words.DOUBLING else "") + "ed"


def done(verb: str) -> str:
    """Returns "written" of "write": the form after "has"."""
    return words.DONE.get(verb, past(verb))


def doing(verb: str) -> str:
    """Returns "carrying" of "carry"."""
    first, _, rest = verb.partition("_")
    if first.endswith("e") and not first.endswith(("ee", "oe", "ye")):
        first = first[:-1]
    elif first in words.DOUBLING:
        first += first[-1]
    return f"{first}ing {rest}".strip()


def plural(noun: str) -> str:
    """Returns "cherries" of "cherry"."""
    if noun in words.PLURALS:
        return words.PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x", "z", "tomato", "potato", "mango")) else "s")


FORMS: dict[str, Callable[[str], str]] = {"third": third, "past": past, "done": done, "doing": doing, "plural": plural}


def with_articles(text: str) -> str:
    """Writes "an" for "a" before a vowel that is heard."""
    return re.sub(r"\ba (?=(?!uni|use|euro|one\b)[aeiou]|honest|hour)", "an ", text)


class Grammar:
    """Draws sentences.

    Args:
        seed: the same seed draws the same sentences.
    """

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)

    def sentences(self) -> Iterator[str]:
        """Yields sentences without end, each once, with a capital and a stop."""
        seen = set()
        while True:
            text = with_articles(" ".join(self._drawn("sentence").replace("_", " ").split()))
            key = "".join(c for c in text.lower() if c.isalpha() or c in " '")
            if key not in seen and len(text) <= MOST_CHARACTERS:
                seen.add(key)
                yield text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")

    def _drawn(self, rule: str) -> str:
        """Returns what a rule becomes."""
        text = re.sub(r"\(([^)]*)\)", lambda match: self._rng.choice(match[1].split("|")), self._rng.choice(RULES[rule]))
        return re.sub(r"\[([^]]*)\]", lambda match: self._filled(match[1]), text)

    def _filled(self, slot: str) -> str:
        if slot in RULES:
            return self._drawn(slot)
        form, _, lists = slot.rpartition(" ")
        word = self._rng.choice(getattr(words, self._rng.choice(lists.split(",")).upper()))
        return FORMS[form](word) if form else word

"""Times of each word of a compared clip, as aligned by each model: computed once and kept in the run's folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex

from core.audio import sound_files
from core.errors import RunError
from core.models.base.protocol import AsrModel, in_language
from core.models.loading import load_model
from core.runs.run_folder import Run
from core.storage.files import write_json
from core.storage.state import Damaged, read_checked, remove
from core.text.metrics import word_pairs
from core.text.scoring import UNSPACED_LANGUAGES, clean, normalise

Lend = Callable[[str, str], AbstractContextManager[AsrModel]]  # lends a model, given its id and language
Stretch = tuple[float, float]  # start and end, in seconds from the beginning of the clip


@dataclass(frozen=True)
class WordTimes:
    """Times of the words of one clip.

    Attributes:
        base, adapted: one stretch for every marked word, in the order of `ClipComparison.base_words` and
            `adapted_words`, from that model's alignment of its own transcript. A missing word has its time in that
            model's alignment of the reference.
    """

    base: tuple[Stretch, ...]
    adapted: tuple[Stretch, ...]


@contextmanager
def loaded(id: str, language: str) -> Iterator[AsrModel]:
    """Loads a model for use in a `with` block."""
    yield load_model(id, language)


def word_times(run: Run, group: str, index: int, lend: Lend = loaded) -> WordTimes:
    """Returns the times of the words of one clip; the models are used only the first time.

    Args:
        run: a finished run.
        group: "test", "canary" or "own".
        index: index of the clip in the run's comparison.
        lend: provides the models.

    Raises:
        RunError: the run has no such clip.
        AudioError: the clip can no longer be read.
        ModelError: a model cannot be loaded, or cannot align words.
        DatasetError: a text does not fit the sound.
    """
    compared = run.comparisons().get(group)
    if compared is None or not 0 <= index < len(compared.clips):
        raise RunError("run_no_clip", f"The run in {run.folder} has no such clip.", folder=str(run.folder))
    path = run.folder / "times" / f"{group}-{index}.json"
    clip, language = compared.clips[index], compared.language
    found = _stored(path)
    marked = len(clip.base_words), len(clip.adapted_words)
    if found is None or (len(found.base), len(found.adapted)) != marked:  # other scoring rules split the words otherwise
        request = run.request()
        wave = sound_files.decode(clip.path)
        found = WordTimes((), ())
        for name, id in (("base", request.model), ("adapted", str(run.adapted))):
            with lend(id, request.labelled_set.language) as model, in_language(model, language):
                times = marked_times(model, wave, clip.reference, getattr(clip, name), language)
                found = dataclasses.replace(found, **{name: tuple(times)})
        write_json(path, dataclasses.asdict(found))
    return found


def _stored(path: Path) -> WordTimes | None:
    """Returns the stored times, if any; removes a damaged file, so that it is computed again."""
    try:
        stored = read_checked(path, WordTimes)
    except FileNotFoundError:
        return None
    except Damaged:
        remove(path)
        return None
    return WordTimes(*(tuple((start, end) for start, end in stored[name]) for name in ("base", "adapted")))


def marked_times(model: AsrModel, wave: np.ndarray, reference: str, text: str, language: str) -> list[Stretch]:
    """Returns the time of every marked word of a transcript, see `core.text.metrics.mark_words`.

    Args:
        model: the model that wrote the transcript.
        wave: float32 [samples] at 16 kHz.
        reference: the reference.
        text: the model's transcript.
        language: ISO 639-1 code.

    Returns:
        One stretch per marked word, in order; missing words have the time of the reference's word.

    Raises:
        ModelError, DatasetError: see `core.evaluation.alignment.align`.
    """
    from core.evaluation.alignment import align  # loads torch, which stored times do not need

    rows = word_pairs(reference, text, language)
    whole = (0.0, len(wave) / sound_files.SAMPLE_RATE)
    sources = [text, reference] if any(not heard for _, heard in rows) else [text]
    times = []
    for source in sources:
        spans = [(span.start_s, span.end_s) for span in align(model, wave, source)]
        units = [spans[first : last + 1] for first, last in spoken_units(source, language)]
        times.append([(some[0][0], some[-1][1]) if some else whole for some in units])
    found, said, written = [], 0, 0
    for expected, heard in rows:
        row, at = (times[0], written) if heard else (times[1], said)
        found.append(row[at] if at < len(row) else whole)
        said, written = said + bool(expected), written + bool(heard)
    return found


def spoken_units(text: str, language: str) -> list[tuple[int, int]]:
    """Maps each word of a normalised text to the words of the original text that it comes from.

    "Twenty five, um, dogs" is normalised to "25 dogs": (0, 1) and (3, 3). Ever longer prefixes of the text are normalised:
    a word that changes the result belongs to the last word of the result, and one that does not was left out.

    Args:
        text: the text as written by a person or a model.
        language: ISO 639-1 code. In languages without spaces, characters are used instead of words.

    Returns:
        First and last unit, from 0, of every word of `core.text.scoring.normalise`.
    """
    text = clean(text)
    pattern = r"(?=\S)\X" if language in UNSPACED_LANGUAGES else r"\S+"
    ends = [0, *(match.end() for match in regex.finditer(pattern, text))]
    results = [normalise(text[:end], language).split() for end in ends]
    counts = _from_the_right([len(result) for result in results])
    changed = [i for i in range(1, len(results)) if results[i] != results[i - 1]]
    units = []
    for word in range(counts[-1]):
        first = next(i for i in range(1, len(counts)) if counts[i] > word)
        last = max((i for i in changed if counts[i] == word + 1), default=first)
        units.append((first - 1, max(first, last) - 1))
    return units


def _from_the_right(counts: Sequence[int]) -> list[int]:
    """Makes counts non-decreasing: "one hundred and" is two words, but becomes a single number if "twenty" follows."""
    return np.minimum.accumulate(np.array(counts)[::-1])[::-1].tolist()

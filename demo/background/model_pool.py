"""Models that are warm, so that a transcript does not wait for loading, and what is computed with them."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE
from core.errors import AttuneError
from core.models.base.protocol import AsrModel, Pause, Transcript, no_pause
from core.models.loading import is_here, load_model
from core.storage.memory import return_free_memory
from core.training.stopwatch import Stopwatch
from demo.background.compute_turn import ComputeTurn

PLACES = 3  # models that stay in memory, however large: a base, its adapted one, and one more
SMALL_PLACES, SMALL_BYTES = 8, 800_000_000  # so many stay while they are small together, as those that come with Attune
AUTO = "auto"  # what `load_model` finds best
LOADS = 2  # at a time: of a large model each takes gigabytes for a while
IDLE_SECONDS = 300.0  # after which a model that nobody used leaves memory; loading the usual ones again takes a second
LOOK_SECONDS = 30.0  # between two looks for such
WAITING_CLIPS = 8  # of one person, such as prompts read one after another; one is transcribed, the others wait
BATCH_CLIPS = 16  # of different people, transcribed together; as many as Whisper decodes together
SHORT_SECONDS = MAX_CLIP_SECONDS  # what models transcribe in one go; longer clips are transcribed alone, with pauses
SHORT_SLICE_SECONDS = 5.0  # of such a clip alone, before others have their turn; few need as much
BATCH_SECONDS = 60.0  # of them in all: more of them would hold up whoever comes next


class Key(NamedTuple):
    """What tells one model in memory from another.

    Attributes:
        id: of the model.
        language: ISO 639-1 code, as `load_model` takes it.
        precision: of its numbers, likewise.
        thin: whether padding is thinned, where the family pads.
    """

    id: str
    language: str
    precision: str = AUTO
    thin: bool = True


@dataclass(frozen=True)
class TimedTranscript:
    """What a model wrote for one clip.

    Attributes:
        transcript: the text.
        seconds: of computing; waiting and loading are left out. Clips that were transcribed together share it evenly.
        language: that the model writes, "" where it detects one.
        parameters: how many the model has.
    """

    transcript: Transcript
    seconds: float
    language: str
    parameters: int


@dataclass(eq=False)
class _Warm:
    """A model in memory, or on its way there.

    Attributes:
        ready: set when it is loaded, or has failed to.
        model: None until then.
        error: why it failed.
        users: how many use it now.
        used: when it was last used, by the clock in seconds.
    """

    ready: threading.Event = field(default_factory=threading.Event)
    model: AsrModel | None = None
    error: Exception | None = None
    users: int = 0
    used: float = 0.0


@dataclass(eq=False)
class _Clip:
    """A clip that waits to be transcribed.

    Attributes:
        owner: whose it is.
        key: of the model.
        wave: float32 [samples] at 16 kHz.
        heard: the answer.
        alone: whether it is to be transcribed by itself.
    """

    owner: str
    key: Key
    wave: np.ndarray
    heard: TimedTranscript | None = None
    alone: bool = False


class ModelPool:
    """The most recently used models of all visitors, each in memory once.

    Loading a model holds nobody up who uses another one. Computing takes turns (see `ComputeTurn`), and short clips that wait
    for the same model are transcribed together, which gives the texts that each alone would have given.

    Args:
        clock: tells the seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = ComputeTurn(clock)
        self._lock = threading.Lock()
        self._models: OrderedDict[Key, _Warm] = OrderedDict()
        self._clips: list[_Clip] = []
        self._asked: Counter[str] = Counter()
        self._answered = threading.Condition(self._lock)
        self._transcribing: set[str] = set()
        self._loading = threading.BoundedSemaphore(LOADS)
        self._looking = False

    def transcribe(
        self, owner: str, id: str, language: str, wave: np.ndarray, precision: str = AUTO, thin: bool = True
    ) -> TimedTranscript:
        """Transcribes a clip as soon as it is its owner's turn. A person's clips are transcribed one after the other.

        Args:
            owner: whose clip it is.
            id: of the model.
            language: ISO 639-1 code, as `load_model` takes it.
            wave: float32 [samples] at 16 kHz.
            precision: as `load_model` takes it.
            thin: whether padding is thinned, where the family pads.

        Raises:
            AttuneError: too many clips of this owner are waiting.
            ModelError: the model cannot be loaded.
        """
        key = Key(id, language, precision, thin)
        with self._only_one(owner), self._used(key) as model:
            clip = _Clip(owner, key, wave)
            with self._lock:
                self._clips.append(clip)
            try:
                while clip.heard is None:
                    with self._turn.taken(owner, needless=lambda: clip.heard is not None) as held:
                        if held:
                            self._transcribe(model, clip)
            finally:
                with self._lock:
                    if clip in self._clips:
                        self._clips.remove(clip)
            return clip.heard

    @contextmanager
    def lend(self, owner: str, id: str, language: str = "", soon: bool = True) -> Iterator[AsrModel]:
        """Lends a model for a turn, loading it if it is not in memory.

        Work that takes more than a second calls `pause` now and then, with the model as it was lent.

        Args:
            owner: for whom.
            id: of the model.
            language: ISO 639-1 code, as `load_model` takes it.
            soon: whether somebody waits for the answer; background work stands back for those who do.

        Raises:
            ModelError: it cannot be loaded.
        """
        with self._used(Key(id, language)) as model, self._turn.taken(owner, soon):
            yield model

    def warm(self, id: str, language: str = "") -> None:
        """Loads a model before anyone asks for it; one that must be fetched first, or cannot be loaded, is left alone."""
        if is_here(id):
            try:
                with self._used(Key(id, language)):
                    pass
            except Exception as error:  # whoever asks for it is told
                logging.warning("%s could not be loaded: %s", id, error)

    def pause(self) -> None:
        """Lets others have their turn, where this thread has been lent a model for some time; others may use it meanwhile."""
        self._turn.pause()

    def forget(self, folder: Path) -> None:
        """Drops the models that lie in a folder; one that is in use goes when it is not used any more."""
        with self._lock:
            for key in [key for key in self._models if Path(key.id).is_relative_to(folder)]:
                del self._models[key]
        return_free_memory()

    def drop_idle(self) -> int:
        """Drops the models that nobody has used for some minutes and gives their memory back; returns how many."""
        with self._lock:
            idle = [key for key, warm in self._models.items() if not warm.users and self._clock() - warm.used >= IDLE_SECONDS]
            for key in idle:
                del self._models[key]
        if idle:
            return_free_memory()
        return len(idle)

    @contextmanager
    def _only_one(self, owner: str) -> Iterator[None]:
        with self._answered:
            if self._asked[owner] >= WAITING_CLIPS:
                raise AttuneError(
                    "too_many_clips",
                    f"{WAITING_CLIPS} of your clips are waiting to be transcribed. Try again when they are done.",
                    count=WAITING_CLIPS,
                )
            self._asked[owner] += 1
            self._answered.wait_for(lambda: owner not in self._transcribing)
            self._transcribing.add(owner)
        try:
            yield
        finally:
            with self._answered:
                self._transcribing.discard(owner)
                self._asked -= Counter([owner])  # who has none left is forgotten
                self._answered.notify_all()

    @contextmanager
    def _used(self, key: Key) -> Iterator[AsrModel]:
        """A model that stays in memory meanwhile; whoever comes first loads it, outside of all locks and turns."""
        with self._lock:
            warm = self._models.get(key)
            first = warm is None
            if warm is None:
                warm = self._models[key] = _Warm()
            warm.users += 1
            self._models.move_to_end(key)
            self._look_for_idle()
        try:
            if first:
                self._load(key, warm)
            warm.ready.wait()
            if warm.model is None:
                raise warm.error or RuntimeError("loading was interrupted")
            yield warm.model
        finally:
            with self._lock:
                warm.users -= 1
                warm.used = self._clock()
                left = self._make_room()
            del warm
            if left:
                return_free_memory()

    def _load(self, key: Key, warm: _Warm) -> None:
        try:
            with self._loading:
                warm.model = _loaded(key)
        except Exception as error:
            warm.error = error
        finally:
            if warm.model is None:
                with self._lock:
                    self._models.pop(key, None)
            warm.ready.set()

    def _make_room(self) -> int:
        """Drops the least recently used models that are too many or too large; those in use stay."""
        before = len(self._models)
        for key in [key for key, warm in self._models.items() if not warm.users]:
            size = sum(_bytes(warm.model) for warm in self._models.values() if warm.model is not None)
            if len(self._models) <= (SMALL_PLACES if size <= SMALL_BYTES else PLACES):
                break
            del self._models[key]
        return before - len(self._models)

    def _transcribe(self, model: AsrModel, clip: _Clip) -> None:
        together = self._companions(clip)
        if together:
            try:
                return self._read(model, [clip, *together])
            except Exception:  # of whichever clip; each is transcribed by itself now, and its owner told what is wrong
                logging.exception("transcribing %d clips together failed", 1 + len(together))
        # What a guard threw away is soon decoded again: in slices of a second, most of its time would be waiting.
        after = None if _seconds(clip) > SHORT_SECONDS else SHORT_SLICE_SECONDS
        self._read(model, [clip], partial(self._turn.pause, after))

    def _companions(self, clip: _Clip) -> list[_Clip]:
        """Takes a clip, and those of others that are transcribed with it, from the waiting ones; in the order of coming."""
        with self._lock:
            if clip in self._clips:
                self._clips.remove(clip)
            chosen, seconds = [], _seconds(clip)
            for other in self._clips if _goes_together(clip) else ():
                fits = seconds + _seconds(other) <= BATCH_SECONDS and len(chosen) < BATCH_CLIPS - 1
                if other.key == clip.key and fits and _goes_together(other):
                    chosen.append(other)
                    seconds += _seconds(other)
            self._clips = [other for other in self._clips if other not in chosen]
            return chosen

    def _read(self, model: AsrModel, clips: list[_Clip], wait: Pause = no_pause) -> None:
        watch = Stopwatch(wait)
        transcripts = model.transcribe([clip.wave for clip in clips], watch.pause)
        seconds = watch.seconds() / len(clips)
        parameters = sum(parameter.numel() for parameter in model.network.parameters())
        for clip, transcript in zip(clips, transcripts, strict=True):
            if transcript.guarded and len(clips) > 1:
                # It may be drawn at random, and then even the rounding counts, which is another one for several clips.
                clip.alone = True
            else:
                clip.heard = TimedTranscript(transcript, seconds, model.language, parameters)
        for other in clips[1:]:
            if other.heard is not None:  # else its turn is still to come
                self._turn.served(other.owner)

    def _look_for_idle(self) -> None:
        """Starts the thread that drops idle models; it ends with the last of them."""
        if not self._looking:
            self._looking = True
            threading.Thread(target=self._drop_idle_ones, daemon=True, name="idle models").start()

    def _drop_idle_ones(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.drop_idle()
            return_free_memory()
            with self._lock:
                if not self._models:
                    self._looking = False
                    return


def _loaded(key: Key) -> AsrModel:
    chosen = {} if key.precision == AUTO else {"precision": key.precision}
    model = load_model(key.id, key.language, **chosen)
    if not key.thin:
        model.thin = False
    return model


def _bytes(model: AsrModel) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.network.parameters())


def _goes_together(clip: _Clip) -> bool:
    return not clip.alone and _seconds(clip) <= SHORT_SECONDS


def _seconds(clip: _Clip) -> float:
    return len(clip.wave) / SAMPLE_RATE

"""The pool of models kept in memory, so that a transcript need not wait for loading, and transcription with them."""

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

PLACES = 3  # models that stay in memory, however large: a base, its adapted model, and one more
SMALL_PLACES, SMALL_BYTES = 8, 800_000_000  # limit while their total size is this small, as with models bundled with Attune
AUTO = "auto"  # lets `load_model` pick the best
LOADS = 2  # at a time: loading a large model temporarily takes gigabytes
IDLE_SECONDS = 300.0  # before an unused model is dropped; reloading a typical one takes a second
LOOK_SECONDS = 30.0  # between checks for idle models
WAITING_CLIPS = 8  # per person, such as prompts read in a row; one is transcribed, the others wait
BATCH_CLIPS = 16  # of different people, transcribed together; Whisper's batch size
SHORT_SECONDS = MAX_CLIP_SECONDS  # what models transcribe in one go; longer clips are transcribed alone, with pauses
SHORT_SLICE_SECONDS = 5.0  # time slice of a short clip transcribed alone; few need that long
BATCH_SECONDS = 60.0  # total audio of a batch; more would hold up whoever comes next


class Key(NamedTuple):
    """Identifies a model in memory.

    Attributes:
        id: of the model.
        language: ISO 639-1 code, as `load_model` takes it.
        precision: number format, as `load_model` takes it.
        thin: whether padding is thinned, in families that pad.
        copy: whether it is a copy whose weights are set for each use.
    """

    id: str
    language: str
    precision: str = AUTO
    thin: bool = True
    copy: bool = False


@dataclass(frozen=True)
class TimedTranscript:
    """A model's transcript of one clip.

    Attributes:
        transcript: the text.
        seconds: compute time, excluding waiting and loading; clips transcribed together share it evenly.
        language: that the model writes; "" if it detects the language.
        parameters: number of parameters of the model.
    """

    transcript: Transcript
    seconds: float
    language: str
    parameters: int


@dataclass(eq=False)
class _Warm:
    """A model that is in memory or being loaded.

    Attributes:
        ready: set once loading has succeeded or failed.
        model: None until loaded.
        error: why loading failed.
        users: how many are using it now.
        used: when it was last used, in seconds of the clock.
    """

    ready: threading.Event = field(default_factory=threading.Event)
    model: AsrModel | None = None
    error: Exception | None = None
    users: int = 0
    used: float = 0.0


@dataclass(eq=False)
class _Clip:
    """A clip waiting to be transcribed.

    Attributes:
        owner: whose it is.
        key: of the model.
        wave: float32 [samples] at 16 kHz.
        heard: the transcript, once there is one.
        alone: whether to transcribe it by itself.
    """

    owner: str
    key: Key
    wave: np.ndarray
    heard: TimedTranscript | None = None
    alone: bool = False


class ModelPool:
    """The most recently used models of all visitors, each loaded once.

    Loading one model does not block users of another. Threads take turns computing (see `ComputeTurn`), and short clips
    waiting for the same model are transcribed as a batch, with the same texts as one by one.

    Args:
        clock: returns the time in seconds.
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
        """Transcribes a clip when its owner's turn comes. Clips of the same owner are transcribed one at a time.

        Args:
            owner: whose clip it is.
            id: of the model.
            language: ISO 639-1 code, as `load_model` takes it.
            wave: float32 [samples] at 16 kHz.
            precision: as `load_model` takes it.
            thin: whether padding is thinned, in families that pad.

        Raises:
            AttuneError: this owner has too many clips waiting.
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

    def transcribe_between(
        self,
        owner: str,
        ends: tuple[str, str],
        a: float,
        kept: float,
        language: str,
        wave: np.ndarray,
        precision: str = AUTO,
        thin: bool = True,
    ) -> str:
        """Transcribes a clip with the model at a place on the line between two, see `core.models.blend`.

        Besides the two, which other clips need as well, there is one copy in memory. Its weights are set and used within one
        turn, without pauses, so that nobody else meets them.

        Args:
            owner: whose clip it is.
            ends: ids of the base and of its adapted model.
            a: the place; 0 is the base.
            kept: the place of the adapted model.
            language: ISO 639-1 code, as `load_model` takes it.
            wave: float32 [samples] at 16 kHz, at most `SHORT_SECONDS`; of longer sound, only the beginning is transcribed.
            precision: as `load_model` takes it.
            thin: whether padding is thinned, in families that pad.

        Raises:
            AttuneError: this owner has too many clips waiting.
            ModelError: a model cannot be loaded.
        """
        base, adapted = (Key(id, language, precision, thin) for id in ends)
        with (
            self._only_one(owner),
            self._used(base) as start,
            self._used(adapted) as end,
            self._used(adapted._replace(copy=True)) as moved,
            self._turn.taken(owner),
        ):
            from core.models.blend import blend  # imports torch, which by now is loaded

            blend(start, end, a, moved, kept)
            return moved.transcribe([wave[: round(SHORT_SECONDS * SAMPLE_RATE)]])[0].text

    @contextmanager
    def lend(self, owner: str, id: str, language: str = "", soon: bool = True) -> Iterator[AsrModel]:
        """Lends a model for the length of a turn, loading it if needed.

        Work that takes more than a second must call `pause` now and then, with the model in the state in which it was lent.

        Args:
            owner: whose work it is.
            id: of the model.
            language: ISO 639-1 code, as `load_model` takes it.
            soon: whether someone is waiting for the answer; background work gives way to such requests.

        Raises:
            ModelError: the model cannot be loaded.
        """
        with self._used(Key(id, language)) as model, self._turn.taken(owner, soon):
            yield model

    def warm(self, id: str, language: str = "") -> None:
        """Preloads a model, unless it would have to be downloaded; a failure is only logged."""
        if is_here(id):
            try:
                with self._used(Key(id, language)):
                    pass
            except Exception as error:  # reported to whoever asks for the model
                logging.warning("%s could not be loaded: %s", id, error)

    def pause(self) -> None:
        """Lets others compute, if this thread has held its turn for a while; they may use the lent model meanwhile."""
        self._turn.pause()

    def forget(self, folder: Path) -> None:
        """Drops the models stored in a folder; one in use is freed when its last user is done."""
        with self._lock:
            for key in [key for key in self._models if Path(key.id).is_relative_to(folder)]:
                del self._models[key]
        return_free_memory()

    def drop_idle(self) -> int:
        """Drops models unused for `IDLE_SECONDS` and frees their memory; returns how many."""
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
                self._asked -= Counter([owner])  # drops owners with none left
                self._answered.notify_all()

    @contextmanager
    def _used(self, key: Key) -> Iterator[AsrModel]:
        """Keeps a model in memory while in use; its first user loads it, holding no turn and no lock but that on loading."""
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
                warm.model = load_model(key.id, key.language, precision=key.precision, thin=key.thin)
        except Exception as error:
            warm.error = error
        finally:
            if warm.model is None:
                with self._lock:
                    self._models.pop(key, None)
            warm.ready.set()

    def _make_room(self) -> int:
        """Drops the least recently used models beyond the limits, except those in use; returns how many."""
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
            except Exception:  # any clip may be at fault: each is retried by itself, and its owner gets its error
                logging.exception("transcribing %d clips together failed", 1 + len(together))
        # Decoding again after a guard rejected a text is quick; in one-second slices, most of its time would go to waiting.
        after = None if _seconds(clip) > SHORT_SECONDS else SHORT_SLICE_SECONDS
        self._read(model, [clip], partial(self._turn.pause, after))

    def _companions(self, clip: _Clip) -> list[_Clip]:
        """Takes a clip and others to transcribe with it off the waiting list; returns the others in order of arrival."""
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
                # It may have been sampled at random, where rounding matters, and batches round differently.
                clip.alone = True
            else:
                clip.heard = TimedTranscript(transcript, seconds, model.language, parameters)
        for other in clips[1:]:
            if other.heard is not None:  # else it is still waiting
                self._turn.served(other.owner)

    def _look_for_idle(self) -> None:
        """Starts the thread that drops idle models, unless it is running; it ends when no models are left."""
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


def _bytes(model: AsrModel) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.network.parameters())


def _goes_together(clip: _Clip) -> bool:
    return not clip.alone and _seconds(clip) <= SHORT_SECONDS


def _seconds(clip: _Clip) -> float:
    return len(clip.wave) / SAMPLE_RATE

"""Long recordings being transcribed: one thread each. What is read is on disk, so that any page joins in, and whatever
stops it, the rest can be read later."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from core import drafts
from core.drafts import AT_ONCE
from core.segmentation import segment
from demo.proofreading import LongRecording
from demo.shelf import Shelf


@dataclass
class Transcription:
    """One recording being read.

    Attributes:
        before: spans that had been read when it began.
        begun: when that was, by the monotonic clock in seconds.
        stopping: whether someone asked it to stop.
        ended: whether it is over.
        error: why it failed, if it did.
    """

    before: int
    begun: float = field(default_factory=time.monotonic)
    stopping: bool = False
    ended: bool = False
    error: Exception | None = None

    def remaining(self, read: int, spans: int) -> float | None:
        """Returns the seconds still to go at the speed so far; None while there is no speed."""
        done = read - self.before
        return (spans - read) * (time.monotonic() - self.begun) / done if done > 0 else None


class Transcriptions:
    """Starts them and says how far they are.

    Args:
        shelf: lends the model, a few spans at a time, so that nobody waits for a whole recording.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._running: dict[str, Transcription] = {}
        self._lock = threading.Lock()

    def start(self, recording: LongRecording, model: str) -> None:
        """Starts reading what is not read yet, or does nothing while it is being read."""
        with self._lock:
            current = self._running.get(recording.id)
            if current is not None and not current.ended:
                return
            started = self._running[recording.id] = Transcription(recording.about.read)
        threading.Thread(target=self._run, args=(recording, model, started), daemon=True, name="transcribe").start()

    def look(self, recording: LongRecording) -> Transcription | None:
        """Returns how it goes, or how the last one of this recording ended; None if there was none since the start."""
        return self._running.get(recording.id)

    def stop(self, recording: LongRecording) -> None:
        """Asks it to stop after the spans in flight; what is read is kept."""
        current = self._running.get(recording.id)
        if current is not None:
            current.stopping = True

    def _run(self, recording: LongRecording, model: str, current: Transcription) -> None:
        try:
            wave = recording.wave()
            spans = segment(wave)  # the same samples give the same spans
            for start in range(current.before, len(spans), AT_ONCE):
                if current.stopping:
                    break
                chosen = spans[start : start + AT_ONCE]
                with self._shelf.model(model) as lent:
                    written = drafts.transcribe(wave, chosen, lent)
                recording.add(written, start + len(chosen))
        except Exception as error:  # it is shown where the page asks how far it is
            current.error = error
        finally:
            current.ended = True

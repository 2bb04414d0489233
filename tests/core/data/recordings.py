"""Small recordings for the importers' tests, and what they say of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import soundfile

from core.audio.sound_files import decode
from core.data.clips.labelled_set import Clip
from core.data.importers.rows import Imported
from tests.conftest import tone


def made(count: int, sentences: int | None = None, speakers: int = 0, part: str = "", first: int = 0) -> list[Clip]:
    """Clips /0.wav, /1.wav ... of which every `sentences`-th says the same and every `speakers`-th has one voice."""
    return [
        Clip(f"/{i}.wav", f"satz nummer {i % (sentences or first + count)}", f"voice {i % speakers}" if speakers else "", part)
        for i in range(first, first + count)
    ]


def sound(path: Path, seconds: float = 0.3, rate: int = 16_000, channels: int = 1, subtype: str | None = None) -> Path:
    """Writes a tone of its own pitch; the format is the suffix's, the kind of sample the subtype's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hertz = 200 + sum(path.name.encode()) % 200
    wave = tone(seconds * rate / 16_000, hertz * 16_000 / rate)
    soundfile.write(path, np.repeat(wave[:, None], channels, axis=1), rate, subtype=subtype)
    return path


def text(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def kept(imported: Imported) -> list[tuple[str, str, str, str]]:
    """The clips by the names of their files."""
    return [(Path(clip.path).name, clip.text, clip.speaker, clip.part) for clip in imported.clips]


def reasons(imported: Imported) -> dict[str, int]:
    return dict(Counter(dropped.reason for dropped in imported.dropped))


def parts(imported: Imported, talk: Path) -> list[tuple[str, float, float]]:
    """The text of each clip and where it is in the recording, in seconds."""
    whole, found = decode(talk), []
    for clip in imported.clips:
        wave = decode(clip.path)
        at = whole.tobytes().index(wave.tobytes()) // wave.itemsize
        found.append((clip.text, round(at / 16_000, 2), round((at + len(wave)) / 16_000, 2)))
    return found

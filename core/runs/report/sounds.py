"""The sounds of a report: test clips as small MP3 files inside the page, so that it needs no other file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from contextlib import suppress

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.errors import AttuneError

MAX_BYTES = 2_000_000  # of all sounds of a report, as base64; about eight minutes
# Of what libsndfile writes and every browser plays (Safari plays Opus only since 18.4), the smallest at which speech at 16 kHz
# is clear: about 25 kbit/s, 3 kB a second.
FORMAT, COMPRESSION, BITRATE = "MP3", 0.9, "CONSTANT"


def embedded(paths: Iterable[str], most: int = MAX_BYTES) -> dict[str, str]:
    """Returns clips' sounds as data URIs, by path.

    Args:
        paths: of the clips, the most important first. Those whose file is gone or damaged are left out, and so are all
            after the first that no longer fits.
        most: bytes of all URIs together.
    """
    found: dict[str, str] = {}
    left = most
    for path in dict.fromkeys(paths):
        with suppress(AttuneError, OSError):
            uri = _uri(path)
            left -= len(uri)
            if left < 0:
                break
            found[path] = uri
    return found


def _uri(path: str) -> str:
    import soundfile  # not needed by who only reads the words

    written = io.BytesIO()
    wave = sound_files.decode(path, sound_files.MAX_CLIP_SECONDS)
    soundfile.write(written, wave, SAMPLE_RATE, format=FORMAT, compression_level=COMPRESSION, bitrate_mode=BITRATE)
    return f"data:audio/mpeg;base64,{base64.b64encode(written.getvalue()).decode()}"

"""Writing the clips of a new set as 16 kHz FLAC."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.data.clips.labelled_set import CLIP_ID, Clip, Dropped, Note, check_text, told_apart
from core.data.clips.sound_changes import SoundChanges
from core.data.library.stored_set import sound_path, write_lines
from core.data.library.verify import Progress
from core.errors import AttuneError, DatasetError
from core.storage.files import sha256


def write_clips(
    clips: Sequence[Clip],
    name: str,
    language: str,
    building: Path,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> tuple[list[Dropped], list[Note]]:
    """Writes the sounds and the list of a new set.

    Args:
        clips: the clips to write.
        name: name of the set.
        language: ISO 639-1 code of the speech.
        building: folder of the new set.
        progress: called after every clip.
        should_stop: called before every clip.

    Returns:
        The clips whose sound or text cannot be used, and notes on those whose sound had something wrong with it.

    Raises:
        DatasetError: no clip can be used, or `should_stop` returned True.
        OSError: the disk is full.
    """
    unusable: list[Dropped] = []
    changed = SoundChanges()
    lines: list[dict[str, Any] | str] = []
    for number, clip in enumerate(told_apart(clips), 1):
        if should_stop():
            raise DatasetError("writing_stopped", f"Writing {name} was stopped.", name=name)
        try:
            text = check_text(clip.text, language, Path(clip.path).name)
            sound = sound_files.read_sound(clip.path)
        except AttuneError as error:
            unusable.append(Dropped.because(clip.path, error))
        else:
            path = sound_path(building, clip.id if CLIP_ID.fullmatch(clip.id) else secrets.token_hex(8))
            sound_files.write_flac(path, sound.wave, sound.changes)
            changed.add(clip.path, sound.changes)
            line = {"id": path.stem, "text": text, "speaker": clip.speaker, "part": clip.part}
            line |= {"sha256": sha256(path), "fingerprint": sound_files.fingerprint(sound.wave)}
            lines.append({**line, "seconds": len(sound.wave) / SAMPLE_RATE, "source": Path(clip.path).name})
        progress(number, len(clips))
    if not lines:
        why = unusable[0].message if unusable else "There are none."
        raise DatasetError("set_no_clips", f"No clip can be used, so there is no set. {why}", why=why)
    write_lines(building, lines)
    return unusable, changed.notes()

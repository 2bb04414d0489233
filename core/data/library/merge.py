"""Merging two stored sets of one language into a third."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from core.data.clips.labelled_set import Clip, Overlap, overlap
from core.data.library.stored_set import StoredClip, StoredSet, copy_sounds, write_dropped, write_lines
from core.errors import DatasetError


@dataclass(frozen=True)
class Merged:
    """The result of a merge.

    Attributes:
        stored: the merged set.
        duplicates: clips of the second set whose samples are already in the first; they were left out.
        conflicting: the duplicates whose text differs; the first set's text was kept.
        overlap: overlap between training and held-out clips of the merged set.
    """

    stored: StoredSet
    duplicates: tuple[Clip, ...]
    conflicting: tuple[Clip, ...]
    overlap: Overlap


def check_mergeable(one: StoredSet, other: StoredSet) -> None:
    """Checks that two sets can be merged; raises DatasetError if they are the same set or differ in language."""
    if one.id == other.id or one.language != other.language:
        raise DatasetError(
            "merge_sets",
            f"Only two different sets in the same language can be merged; these are {one.name!r} ({one.language}) and "
            f"{other.name!r} ({other.language}).",
            first=one.name,
            second=other.name,
        )


def write_merged(one: StoredSet, other: StoredSet, building: Path) -> None:
    """Writes the clips of both sets; a duplicate sound is written once, with the text, speaker and part of the first.

    Args:
        one, other: the sets.
        building: folder of the new set.

    Raises:
        DatasetError: a sound file is missing or corrupted.
        OSError: the disk is full.
    """
    known = _by_samples(one)
    taken = {stored.clip.id for stored in one.clips}
    lines = [stored.fields for stored in one.clips]
    copy_sounds(one.clips, building)
    for stored in other.clips:
        if stored.fingerprint not in known:
            id = stored.clip.id if stored.clip.id not in taken else secrets.token_hex(8)
            copy_sounds([stored], building, id)
            lines.append({**stored.fields, "id": id})
    write_lines(building, lines)
    write_dropped(building, [*one.dropped, *other.dropped])


def describe(merged: StoredSet, one: StoredSet, other: StoredSet) -> Merged:
    """Returns the duplicates of two sets, and the overlap between training and held-out clips of the merged set."""
    known = _by_samples(one)
    duplicates = [stored for stored in other.clips if stored.fingerprint in known]
    labelled = merged.labelled()
    held_out = [*labelled.part("validation"), *labelled.part("test")]
    return Merged(
        merged,
        tuple(stored.clip for stored in duplicates),
        tuple(stored.clip for stored in duplicates if stored.clip.text != known[stored.fingerprint].clip.text),
        overlap(labelled.part("train"), held_out, merged.language),
    )


def _by_samples(stored: StoredSet) -> dict[str, StoredClip]:
    return {clip.fingerprint: clip for clip in stored.clips}

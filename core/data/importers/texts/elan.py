"""ELAN's .eaf.

https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.data.importers.encoding import MAX_TEXT_BYTES
from core.data.importers.rows import SOUND_SUFFIXES, Options, Rows
from core.data.importers.texts.annotations import Annotation, StartEnd, Tier, annotation_rows, tier_names
from core.errors import DatasetError

SUFFIX = ".eaf"
MAX_TIERS_UP = 10  # from an annotation to the one it takes its times from


def recognises(path: Path) -> bool:
    """Whether this is an ELAN file by its name, or a folder that holds some."""
    return path.suffix.lower() == SUFFIX if path.is_file() else any(p.suffix.lower() == SUFFIX for p in path.iterdir())


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per annotation of the chosen tier; the speaker is the tier's participant."""
    yield from annotation_rows(path, SUFFIX, options, _parse)


def tiers(path: Path) -> list[str]:
    """Returns the names of the tiers that have annotations with times.

    Raises:
        DatasetError: a file cannot be read.
    """
    return tier_names(path, SUFFIX, _parse)


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses a document type: only one can declare entities, and ELAN writes none."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError("a document type")


def _parse(path: Path) -> Annotation:
    try:
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise ValueError("too large")
        root = ElementTree.parse(path, ElementTree.XMLParser(target=_WithoutDoctype())).getroot()
        if root.tag != "ANNOTATION_DOCUMENT":
            raise ValueError("another kind of file")
        return Annotation(tuple(_tiers(root)), tuple(_sounds(root, path)))
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DatasetError(
            "annotation_damaged", f"{path.name} is not an ELAN file, or it is damaged. Save it again in ELAN.", name=path.name
        ) from error


def _tiers(root: ElementTree.Element) -> list[Tier]:
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    spans: dict[str | None, StartEnd] = {}
    for mark in root.iter("ALIGNABLE_ANNOTATION"):
        start, end = slots.get(mark.get("TIME_SLOT_REF1")), slots.get(mark.get("TIME_SLOT_REF2"))
        if start and end:  # annotations between two with times have none of their own
            spans[mark.get("ANNOTATION_ID")] = int(start) / 1000, int(end) / 1000
    above = {mark.get("ANNOTATION_ID"): mark.get("ANNOTATION_REF") for mark in root.iter("REF_ANNOTATION")}
    tiers = []
    for tier in root.iter("TIER"):
        marks = [mark for mark in tier.iter() if mark.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")]
        sharing = Counter(mark.get("ANNOTATION_REF") for mark in marks)
        pieces = []
        for mark in marks:
            id = mark.get("ANNOTATION_ID")
            alone = mark.tag == "ALIGNABLE_ANNOTATION" or sharing[mark.get("ANNOTATION_REF")] == 1
            for _ in range(MAX_TIERS_UP):
                id = above.get(id, id)
            pieces.append((spans.get(id) if alone else None, mark.findtext("ANNOTATION_VALUE") or ""))
        if any(span for span, _ in pieces):
            tiers.append(Tier(tier.get("TIER_ID") or "", tier.get("PARTICIPANT") or "", tuple(pieces)))
    return tiers


def _sounds(root: ElementTree.Element, path: Path) -> list[Path]:
    """Returns where the recording may be: where the file says, and under the same name in its folder."""
    sounds = []
    for medium in root.iter("MEDIA_DESCRIPTOR"):
        for address in (medium.get("RELATIVE_MEDIA_URL"), medium.get("MEDIA_URL")):
            name = unquote(urlsplit(address or "").path)
            if name and "\0" not in name and Path(name).suffix.lower() in SOUND_SUFFIXES:
                sounds += [path.parent / name, path.parent / Path(name).name]
    return sounds

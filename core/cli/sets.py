"""`attune sets`: manages named sets in the library of this computer's user."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

from core.cli.arguments import Commands, command
from core.cli.printing import print_json
from core.errors import DatasetError
from core.storage.files import home

if TYPE_CHECKING:
    from core.data.library.library import Library
    from core.data.library.stored_set import StoredSet


def users_library() -> Library:
    """Returns the command line's library of sets; each browser that uses the page has a separate one."""
    from core.data.library.library import Library

    return Library(home() / "library")


def add(commands: Commands) -> None:
    """Adds the command; without an option it lists the sets."""
    about = "List the sets of the library; copy, merge, rename, delete, restore or verify them."
    parser = command(commands, "sets", run, about)
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--copy", nargs=2, metavar=("SET", "NAME"), help="make an independent copy of a set")
    task.add_argument("--merge", nargs=3, metavar=("SET", "SET2", "NAME"), help="merge two sets into a new one")
    task.add_argument("--rename", nargs=2, metavar=("SET", "NAME"), help="rename a set")
    task.add_argument("--delete", metavar="SET", help="move a set to the trash; --restore brings it back for a day")
    task.add_argument("--restore", metavar="SET", help="restore a set from the trash")
    task.add_argument("--empty-trash", action="store_true", help="delete what is in the trash for good")
    task.add_argument("--verify", metavar="SET", help="check every sound against its checksum; exit status 1 if one is damaged")
    task.add_argument("--drop-left-out", metavar="SET", help="delete the clips that were left out of a set for good")
    task.add_argument("--undo", metavar="SET", help="undo the last change to the clips of a set")


def run(options: argparse.Namespace) -> int:
    """Performs the chosen task; sets are given by name or id."""
    library = users_library()
    library.sweep()
    if options.verify:
        return _verify(library, library.find(options.verify), options.json)
    details: dict[str, Any] = {}
    if options.copy:
        done, line = library.copy(library.find(options.copy[0]).id, options.copy[1]), "copied"
    elif options.merge:
        merged = library.merge(library.find(options.merge[0]).id, library.find(options.merge[1]).id, options.merge[2])
        done = merged.stored
        details = {
            "duplicates": len(merged.duplicates),
            "conflicting": [{"path": clip.path, "text": clip.text} for clip in merged.conflicting],
            "overlap": vars(merged.overlap),
        }
        line = (
            f"merged: {len(merged.duplicates)} sounds were in both and are taken once, {len(merged.conflicting)} of them with "
            f"another text; {merged.overlap.sentences} sentences and {merged.overlap.speakers} speakers now stand both in "
            "training and held out"
        )
    elif options.rename:
        done, line = library.rename(library.find(options.rename[0]).id, options.rename[1]), "renamed"
    elif options.delete:
        done, line = (
            library.find(options.delete),
            "in the trash: --restore brings it back for a day, then it is gone for good",
        )
        library.delete(done.id)
    elif options.restore:
        done, line = library.restore(_in_trash(library, options.restore)), "restored"
    elif options.undo:
        done, line = library.undo(library.find(options.undo).id), "the last change is taken back"
    elif options.drop_left_out:
        library.delete_left_out(library.find(options.drop_left_out).id)
        done, line = library.find(options.drop_left_out), "the clips that were left out are deleted for good"
    elif options.empty_trash:
        gone = library.empty_trash()
        if options.json:
            print_json({"deleted": gone})
        else:
            print(f"{gone} sets deleted for good")
        return 0
    else:
        return _list(library, options.json)
    if options.json:
        print_json({**as_json(done), **details})
    else:
        print(f"{as_line(done)}: {line}")
    return 0


def _in_trash(library: Library, name: str) -> str:
    found = [stored.id for stored in library.trash() if name in (stored.id, stored.name)]
    if len(found) > 1:
        raise DatasetError(
            "sets_alike", f"Several deleted sets are called {name!r}: {', '.join(found)}. Give one's id.", name=name, ids=found
        )
    return found[0] if found else name


def _verify(library: Library, stored: StoredSet, for_program: bool) -> int:
    damages = library.verify(stored.id)
    if for_program:
        print_json({**as_json(stored), "damages": [vars(damage) for damage in damages]})
    elif damages:
        print("\n".join(f"{damage.kind}: {damage.name}" for damage in damages))
    else:
        print(f"{as_line(stored)}: every sound is as it was written")
    return 1 if damages else 0


def _list(library: Library, for_program: bool) -> int:
    sets, trash, damaged = library.sets(), library.trash(), library.damaged()
    if for_program:
        listed = {"sets": [as_json(stored) for stored in sets], "trash": [as_json(stored) for stored in trash]}
        print_json({"folder": str(library.folder), **listed, "damaged": damaged})
        return 0
    for heading, rows in (("", sets), ("in the trash, each for a day:", trash)):
        if rows and heading:
            print(heading)
        print("\n".join(as_line(stored) for stored in rows), end="\n" if rows else "")
    for id in damaged:
        print(f"{id}  cannot be read: its set.json is damaged, its sounds are still there")
    if not sets:
        print(f"no sets in {library.folder}; attune import SOURCE --name NAME makes one")
    return 0


def as_json(stored: StoredSet) -> dict[str, Any]:
    """Returns a set's description as JSON, for programs."""
    parts = Counter(one.clip.part for one in stored.clips)
    return {
        "id": stored.id,
        "name": stored.name,
        "language": stored.language,
        "clips": len(stored.clips),
        "minutes": stored.seconds / 60,
        "parts": parts,
        "left_out": len(stored.left_out),
        "normalisation": stored.normalisation.to_json(),
    }


def as_line(stored: StoredSet) -> str:
    """Returns a set's description as one line of text."""
    return f"{stored.id}  {stored.name}  {stored.language}, {len(stored.clips)} clips, {stored.seconds / 60:.1f} min"

"""`attune import`: makes a labelled set from recordings in any known format, in the library or as files."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.arguments import Commands, command, count
from core.cli.printing import print_json
from core.data.names import ARCHIVE, FORMAT_NAMES
from core.errors import DatasetError

if TYPE_CHECKING:
    from core.data.clips.labelled_set import Note

SHOWN_DROPPED = 10  # dropped rows listed on stderr at most; --json has them all


def add(commands: Commands) -> None:
    """Adds the command."""
    about = "Import recordings in any known format: as a named set, or as clips.csv with 16 kHz FLAC files."
    parser = command(commands, "import", run, about)
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="a table, subtitles or annotations beside their recordings, a folder or archive; an id with --format huggingface",
    )
    parser.add_argument("--name", metavar="NAME", help="keep it in the library under this name; see attune sets")
    add_destination(parser, "SET", required=False)
    parser.add_argument("--format", metavar="F", help=f"one of {', '.join([*FORMAT_NAMES, ARCHIVE])} (default: detected)")
    parser.add_argument("--tier", metavar="T", help="of an ELAN or Praat annotation")
    parser.add_argument(
        "--column", action="append", metavar="OURS=THEIRS", help="name a table's column, e.g. text=words; start= ignores one"
    )
    parser.add_argument("--limit", type=count, metavar="N", help="read at most N rows")


def add_destination(parser: argparse.ArgumentParser, folder: str, required: bool) -> None:
    """Adds the options for the output folder and the language, and defaults for options of only import or only export."""
    parser.add_argument("--to", required=required, type=Path, metavar=folder, help="the folder to write")
    parser.add_argument("--language", default="en", metavar="CODE", help="ISO 639-1 code of the speech (default en)")
    parser.set_defaults(format="", tier="", column=[], limit=None, layout="csv", name="")


def run(options: argparse.Namespace) -> int:
    """Reads a set in any layout; saves it to the library, writes it in another layout, or both."""
    from core.cli.sets import as_json, as_line, users_library
    from core.data.exporters import export
    from core.data.importers.any_format import into_library, read
    from core.storage.temporary import temporary_folder

    if not options.name and not options.to:
        raise DatasetError("import_where", "Say where to: --name NAME for the library, --to FOLDER for files, or both.")
    with temporary_folder(options.to.parent if options.to else Path(tempfile.gettempdir()), "import") as work:
        imported = read(
            options.source,
            options.format,
            language=options.language,
            columns=dict(_pair(given) for given in options.column),
            tier=options.tier,
            limit=options.limit,
            work=work,
            progress=_row_progress("read"),
        )
        if not imported.clips:
            raise DatasetError(
                "import_nothing",
                f"None of the {len(imported.dropped)} rows of {options.source} can be used. {imported.dropped[0].message}",
            )
        fields: dict[str, Any] = {"format": imported.format}
        notes: Sequence[Note] = ()
        if options.name:
            stored = into_library(imported, users_library(), options.name, options.language).stored
            kept, dropped, line = len(stored.clips), list(stored.dropped), as_line(stored)
            notes = stored.notes
            fields |= as_json(stored)
        if options.to:
            exported = export(imported.clips, options.to, options.layout, options.language, _row_progress("written"))
            kept, dropped = len(exported.clips), [*imported.dropped, *exported.dropped]
            notes = (*imported.notes, *exported.notes)
            line = f"{kept} clips of {imported.format} in {options.to}"
            fields["path"] = str(options.to)
    for note in notes:
        print(f"note: {note.message}", file=sys.stderr)
    for one in dropped[:SHOWN_DROPPED]:
        print(f"dropped: {one.message}", file=sys.stderr)
    if len(dropped) > SHOWN_DROPPED:
        print(f"and {len(dropped) - SHOWN_DROPPED} more", file=sys.stderr)
    if options.json:
        reasons = Counter(one.reason for one in dropped)
        counts: dict[str, Any] = {"rows": kept + len(dropped), "clips": kept}
        counts |= {"reasons": reasons, "dropped": [vars(one) for one in dropped]}
        print_json({**fields, **counts, "notes": [vars(note) for note in notes]})
    else:
        print(f"{line}, {len(dropped)} rows dropped")
    return 0


def _pair(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals:
        raise DatasetError("column_unknown", f"--column takes OURS=THEIRS, not {given!r}.", name=given, known="")
    return ours.strip(), theirs.strip()


def _row_progress(verb: str) -> Callable[[int, int | None], None]:
    """Returns a progress callback that prints every thousandth row to stderr."""

    def show(done: int, total: int | None) -> None:
        if done % 1000 == 0:
            print(f"{verb} {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)

    return show

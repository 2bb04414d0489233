"""`attune import` and `attune export`: labelled sets in and out."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.cli.printing import print_json
from core.cli.sets import as_json, as_line, users_library
from core.data.exporters import export
from core.data.importers.any_format import into_library, read
from core.errors import DatasetError
from core.storage.temporary import temporary_folder

SHOWN_DROPPED = 10  # rows that are named on stderr; --json has them all


def take_in(options: argparse.Namespace) -> int:
    """Reads a set in any layout; keeps it in the library, writes it in another layout, or both."""
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
        told: dict[str, Any] = {"format": imported.format}
        if options.name:
            stored = into_library(imported, users_library(), options.name, options.language).stored
            kept, dropped, line = len(stored.clips), list(stored.dropped), as_line(stored)
            told |= as_json(stored)
        if options.to:
            exported = export(imported.clips, options.to, options.layout, options.language, _row_progress("written"))
            kept, dropped = len(exported.clips), [*imported.dropped, *exported.dropped]
            line = f"{kept} clips of {imported.format} in {options.to}"
            told["path"] = str(options.to)
    for one in dropped[:SHOWN_DROPPED]:
        print(f"dropped: {one.message}", file=sys.stderr)
    if len(dropped) > SHOWN_DROPPED:
        print(f"and {len(dropped) - SHOWN_DROPPED} more", file=sys.stderr)
    if options.json:
        reasons = Counter(one.reason for one in dropped)
        counts = {"rows": kept + len(dropped), "clips": kept}
        print_json({**told, **counts, "reasons": reasons, "dropped": [vars(one) for one in dropped]})
    else:
        print(f"{line}, {len(dropped)} rows dropped")
    return 0


def _pair(given: str) -> tuple[str, str]:
    ours, equals, theirs = given.partition("=")
    if not equals:
        raise DatasetError("column_unknown", f"--column takes OURS=THEIRS, not {given!r}.", name=given, known="")
    return ours.strip(), theirs.strip()


def count(text: str) -> int:
    """Reads a whole number above 0 from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number, 1 or more")
    return int(text)


def _row_progress(verb: str) -> Callable[[int, int | None], None]:
    """Returns what shows every thousandth row on stderr."""

    def show(done: int, total: int | None) -> None:
        if done % 1000 == 0:
            print(f"{verb} {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)

    return show

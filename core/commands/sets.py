"""`attune import` and `attune export`: labelled sets in and out."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from core.commands.printing import print_json
from core.errors import DatasetError
from core.exporters import export
from core.importers.formats import read

SHOWN_DROPPED = 10  # rows that are named on stderr; --json has them all


def take_in(options: argparse.Namespace) -> int:
    """Reads a set in any layout and writes it in another."""
    columns = {}
    for pair in options.column:
        ours, equals, theirs = pair.partition("=")
        if not equals:
            raise DatasetError("column_unknown", f"--column takes OURS=THEIRS, not {pair!r}.", name=pair, known="")
        columns[ours.strip()] = theirs.strip()
    options.to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.to.parent, prefix=f".{options.to.name}-") as work:
        imported = read(
            options.source,
            options.format,
            language=options.language,
            columns=columns,
            tier=options.tier,
            limit=options.limit,
            work=Path(work),
            progress=_row_progress("read"),
        )
        if not imported.clips:
            raise DatasetError(
                "import_nothing",
                f"None of the {len(imported.dropped)} rows of {options.source} can be used. {imported.dropped[0].message}",
            )
        exported = export(imported.clips, options.to, options.layout, options.language, _row_progress("written"))
    dropped = [*imported.dropped, *exported.dropped]
    for one in dropped[:SHOWN_DROPPED]:
        print(f"dropped: {one.message}", file=sys.stderr)
    if len(dropped) > SHOWN_DROPPED:
        print(f"and {len(dropped) - SHOWN_DROPPED} more", file=sys.stderr)
    if options.json:
        reasons = Counter(one.reason for one in dropped)
        listed = [vars(one) for one in dropped]
        counts = {"rows": len(exported.clips) + len(dropped), "clips": len(exported.clips)}
        print_json({"format": imported.format, "path": str(options.to), **counts, "reasons": reasons, "dropped": listed})
    else:
        print(f"{len(exported.clips)} clips of {imported.format} in {options.to}, {len(dropped)} rows dropped")
    return 0


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

"""`attune export`: writes a labelled set in a layout that other programs read."""

from __future__ import annotations

from core.cli import import_set
from core.cli.arguments import Commands, command
from core.data.names import LAYOUT_NAMES


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = command(commands, "export", import_set.run, "Write a set in a layout that other programs read.")
    parser.add_argument("source", metavar="SET", help="anything attune import takes, such as a folder it wrote")
    import_set.add_destination(parser, "FOLDER", required=True)
    parser.add_argument("--format", dest="layout", choices=LAYOUT_NAMES, help="default csv")

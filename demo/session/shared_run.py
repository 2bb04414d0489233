"""Links to a run that work without its visitor's cookie: read-only, unguessable, and dead once the run is removed.

A link names the session's folder and the run, which are no secrets, and is signed with this server's secret. It gives access to
the adapted model and the report of that one run, and to nothing else of the session.
"""

from __future__ import annotations

import hmac
import re

from core.errors import RunError
from core.runs.run_folder import Run
from core.storage.files import home
from demo.session.session import Session, signature

_OWNER = re.compile(r"[0-9a-f]{32}")


def path(session: Session, run: Run) -> str:
    """Returns the path of a run's link on this server."""
    return f"/shared/{session.name}/{run.id}/{_signed(session.name, run.id)}/"


def find(owner: str, id: str, signed: str) -> tuple[Session, Run]:
    """Returns the session and the run of a link.

    Args:
        owner: name of the session's folder.
        id: of the run.
        signed: the signature.

    Raises:
        RunError: the link is not one of this server's, or the run is removed or not finished.
    """
    genuine = hmac.compare_digest(signed.encode(), _signed(owner, id).encode())
    folder = home() / "sessions" / owner
    if not (genuine and _OWNER.fullmatch(owner) and folder.is_dir()):
        raise RunError("run_missing", "There is no such run.")
    session = Session(folder)
    run = session.run(id)
    if run.result() is None:
        raise RunError("run_missing", "There is no such run.")
    return session, run


def _signed(owner: str, id: str) -> str:
    return signature(f"run {owner} {id}")

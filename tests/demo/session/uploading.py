"""Uploads as a browser leaves them."""

from __future__ import annotations

import secrets
from pathlib import Path

from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload


def uploaded(session: Session, content: bytes | Path | str, name: str = "") -> Upload:
    """Puts a file, or a copy of one, among a session's uploads."""
    data = content if isinstance(content, bytes) else Path(content).read_bytes()
    name = name or ("file" if isinstance(content, bytes) else Path(content).name)
    id = secrets.token_hex(8)
    place = uploads.folder(session) / id
    place.mkdir(parents=True)
    (place / ("as it arrived" if isinstance(content, bytes) else name)).write_bytes(data)
    return Upload(id, name)

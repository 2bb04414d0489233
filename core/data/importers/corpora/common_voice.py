"""Mozilla Common Voice: clips/ with train.tsv, dev.tsv, test.tsv and validated.tsv.

https://github.com/common-voice/cv-dataset; torchaudio's COMMONVOICE reads the same folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.data.clips.labelled_set import Dropped, Note
from core.data.importers.rows import Options, Row, Rows
from core.data.importers.tables.records import records

PARTS = {"train": "train", "dev": "validation", "test": "test", "validated": ""}  # table -> part
COLUMNS = {"path": "path", "text": "sentence", "speaker": "client_id"}


def recognises(path: Path) -> bool:
    """Whether this folder holds clips/ and one of the tables."""
    return (path / "clips").is_dir() and any((path / f"{name}.tsv").is_file() for name in PARTS)


def rows(path: Path, options: Options) -> Rows:
    """Yields the rows of train, dev and test, then, without a part, the other rows of validated.tsv.

    A clip that did not get more votes for than against is dropped. other.tsv and invalidated.tsv are not read.
    """
    listed: set[str] = set()
    for name, part in PARTS.items():
        table = path / f"{name}.tsv"
        if not table.is_file():
            continue
        columns = {**COLUMNS, **options.columns}
        for record in records(table, options.language, columns, also=("up_votes", "down_votes"), go_on=options.go_on):
            if isinstance(record, Note):  # the columns of its tables are known
                continue
            if isinstance(record, Dropped):
                yield record
                continue
            where, fields = record
            if name == "validated" and fields["path"] in listed:
                continue
            listed.add(fields["path"])
            sound = path / "clips" / fields["path"]
            if not sound.suffix and not os.path.isfile(sound):  # the first releases omit it
                sound = sound.with_name(f"{sound.name}.mp3")
            votes = fields.get("up_votes", ""), fields.get("down_votes", "")
            if all(vote.isdecimal() for vote in votes) and int(votes[0]) <= int(votes[1]):
                why = f"{where}: {votes[0]} votes for this clip and {votes[1]} against."
                yield Dropped(str(sound), "row_votes", why, where)
            else:
                yield Row(str(sound), fields["text"], where, fields.get("speaker", ""), part)

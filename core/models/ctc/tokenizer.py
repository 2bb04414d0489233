"""The tokeniser of a CTC model, with one token per character."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from transformers import Wav2Vec2CTCTokenizer

from core.models.base.vocabulary import BLANK, SPACE, UNKNOWN
from core.storage.temporary import temporary_folder


def tokenizer_of(characters: Sequence[str]) -> Wav2Vec2CTCTokenizer:
    """Returns a tokeniser with one token per character: blank 0, unknown 1, space 2, then the characters in order."""
    ids = {token: i for i, token in enumerate([BLANK, UNKNOWN, SPACE, *characters])}
    with temporary_folder(Path(tempfile.gettempdir()), "vocabulary") as folder:  # it reads its vocabulary only from a file
        path = folder / "vocab.json"
        path.write_text(json.dumps(ids), encoding="utf-8")
        return Wav2Vec2CTCTokenizer(
            str(path), pad_token=BLANK, unk_token=UNKNOWN, word_delimiter_token=SPACE, bos_token=None, eos_token=None
        )

"""Whisper's special tokens, from its tokeniser, for folders whose generation_config.json is missing or older than these.

The names and the rules are those of openai/whisper, tokenizer.py and decoding.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from transformers.models.whisper.tokenization_whisper import LANGUAGES

from core.models.base.pretrained import unfit_tokenizer
from core.storage.files import read_json, write_json

START, END, NO_TIMESTAMPS = "<|startoftranscript|>", "<|endoftext|>", "<|notimestamps|>"
TASKS = ("<|transcribe|>", "<|translate|>")

_ENGLISH_END = 50256  # GPT-2's <|endoftext|>, the end in English-only models; the multilingual vocabulary has 50257 before it
_MAX_INITIAL_TIMESTAMP = 50  # steps of 0.02 s
# Neither speaker tags nor marks of what is not speech are written, such as [laughs] or ♪. Signs that take several tokens
# are left alone, except notes, whose first tokens they share with other signs of the same block only.
_SIGNS = (
    *'"#()*+/:;<=>@[\\]^_`{|}~「」『』', "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", '("', "((", "))", "(((",
    ")))", "[[", "]]", "{{", "}}", "♪♪", "♪♪♪",
)  # fmt: skip
_NOTES = tuple("♩♪♫♬♭♮♯")
_NOT_FIRST_IN_WORD = (" -", " '")
_PREVIOUS = "<|startofprev|>"
_SILENT = (_PREVIOUS, "<|startoflm|>", "<|nospeech|>", "<|nocaptions|>")  # the last is the older name of the one before


def complete(id: str, generation: Any, config: Any, tokenizer: Any) -> None:
    """Fills in what a generation configuration lacks; what it has is kept.

    Args:
        id: what the user calls the model.
        generation: transformers' GenerationConfig, changed in place.
        config: the network's WhisperConfig.
        tokenizer: its WhisperTokenizer.

    Raises:
        ModelError: the tokeniser has other special tokens than the network, or none.
    """
    known = _known(tokenizer, [START, NO_TIMESTAMPS])
    start, no_timestamps = config.decoder_start_token_id, getattr(generation, "no_timestamps_token_id", None)
    no_timestamps = known.get(NO_TIMESTAMPS) if no_timestamps is None else no_timestamps
    if no_timestamps is None or known.get(NO_TIMESTAMPS, no_timestamps) != no_timestamps or known.get(START, start) != start:
        raise unfit_tokenizer(id)
    given = generation.to_dict()
    if given.get("is_multilingual") is None:
        generation.is_multilingual = config.eos_token_id != _ENGLISH_END
    values: dict[str, Any] = {
        "no_timestamps_token_id": no_timestamps,
        "decoder_start_token_id": start,
        "eos_token_id": config.eos_token_id,
        "pad_token_id": config.pad_token_id,
        "prev_sot_token_id": _known(tokenizer, [_PREVIOUS]).get(_PREVIOUS),
        "max_initial_timestamp_index": _MAX_INITIAL_TIMESTAMP,
        "return_timestamps": False,
        "max_length": config.max_target_positions,
    }
    if generation.is_multilingual and given.get("lang_to_id") is None:
        values["lang_to_id"] = _known(tokenizer, [f"<|{language}|>" for language in LANGUAGES])
    if generation.is_multilingual and given.get("task_to_id") is None:
        tasks = _known(tokenizer, TASKS)
        values["task_to_id"] = {token.strip("<|>"): number for token, number in tasks.items()}
    if {} in (values.get("lang_to_id"), values.get("task_to_id")):
        raise unfit_tokenizer(id)
    if given.get("suppress_tokens") is None:
        values["suppress_tokens"] = sorted({*not_speech(tokenizer), *_known(tokenizer, [START, *TASKS, *_SILENT]).values()})
    if given.get("begin_suppress_tokens") is None:
        values["begin_suppress_tokens"] = [*_encoded(tokenizer, " "), config.eos_token_id]
    for name, value in values.items():
        if given.get(name) is None:
            setattr(generation, name, value)


def write_vocabulary(folder: Path, tokenizer: Any) -> None:
    """Writes vocab.json, merges.txt and added_tokens.json, for tools that do not read tokenizer.json, such as whisper.cpp's.

    As in OpenAI's own folders, the end is part of the vocabulary, and the other special tokens are added ones.
    """
    tokenizer.save_vocabulary(str(folder))
    added = tokenizer.get_added_vocab()
    ends = {END: added.pop(END)} if END in added else {}
    write_json(folder / "vocab.json", read_json(folder / "vocab.json") | ends)
    write_json(folder / "added_tokens.json", added)


def not_speech(tokenizer: Any) -> set[int]:
    """Returns the tokens of speaker tags and of marks for what is not speech."""
    tokens = {_encoded(tokenizer, text)[0] for text in _NOT_FIRST_IN_WORD}
    for sign in (*_SIGNS, *_NOTES):
        for text in (sign, f" {sign}"):
            encoded = _encoded(tokenizer, text)
            if len(encoded) == 1 or sign in _NOTES:
                tokens.add(encoded[0])
    return tokens


def _known(tokenizer: Any, tokens: Iterable[str]) -> dict[str, int]:
    """Returns the ids of those tokens that a tokeniser has, which gives the others the id of its unknown one."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in tokens}
    return {token: number for token, number in ids.items() if number not in (None, tokenizer.unk_token_id)}


def _encoded(tokenizer: Any, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False).input_ids

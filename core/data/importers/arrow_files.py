"""Reads untrusted Parquet files and the output of `save_to_disk`, row by row, in bounded memory.

Only the files themselves are read; references to other files in their metadata are ignored.
"""

from __future__ import annotations

import json
import mmap
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.data.importers.parquet_pages import unpacked_bytes

BATCH_BYTES = 32_000_000  # decoded at once, unless a single row is larger
MAX_BATCH_ROWS = 1_000
SOUND_FIELDS = ("bytes", "path")  # of a column with sounds
HEADER, COMPRESSION, DATA = 2, 3, 1  # positions of fields in Arrow's tables Message, RecordBatch and DictionaryBatch
HEADER_TYPE, DICTIONARY, RECORDS = 1, 2, 3


class TooLarge(Exception):
    """A file claims to hold more than the limit."""


def schema_of(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """Returns the names of a file's columns, and the class names of each column of class numbers.

    Raises:
        Exception: the file is damaged, in Arrow's words.
    """
    schema = _schema(path)
    return list(schema.names), _classes(schema.metadata or {})


def _schema(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    if _is_parquet(path):
        return parquet.read_schema(path)
    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_stream(source) as stream:
        return stream.schema


def holds_arrays(path: Path, column: str) -> bool:
    """Whether a column of a file has the samples of sounds as lists of numbers, by themselves or in a field "array".

    Raises:
        Exception: the file is damaged, in Arrow's words.
    """
    from pyarrow import types

    kind = _schema(path).field(column).type
    fields = {field.name for field in kind} if types.is_struct(kind) else set()
    return (
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or ("array" in fields and not fields & set(SOUND_FIELDS))
    )


def examples(path: Path, columns: Sequence[str], allowed: int) -> Iterator[dict[str, Any]]:
    """Yields a file's rows, with the named columns only.

    Args:
        path: a Parquet file; any other is read as an Arrow stream.
        columns: names of some of its columns.
        allowed: the most bytes that the columns may have uncompressed.

    Raises:
        TooLarge: they have more.
        Exception: from Arrow, if the file is damaged or its columns have types that no table of recordings has.
    """
    if _is_parquet(path):
        yield from _parquet_examples(path, columns, allowed)
    else:
        yield from _stream_examples(path, columns)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() != ".arrow"


def _classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Returns the class names as `datasets` stores them."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        named = {column: kind.get("names") for column, kind in features.items() if kind.get("_type") == "ClassLabel"}
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return {}
    return {column: [str(name) for name in names] for column, names in named.items() if isinstance(names, list)}


def _parquet_examples(path: Path, columns: Sequence[str], allowed: int) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    wanted = {*columns, *(f"{column}.{field}" for column in columns for field in SOUND_FIELDS)}
    with parquet.ParquetFile(path, memory_map=True) as file:
        leaves = [number for number in range(len(file.schema)) if file.schema.column(number).path in wanted]
        if any(file.schema.column(number).max_repetition_level for number in leaves):
            raise ValueError("a column of lists")  # a single row of which may be as large as a whole file
        paths = [file.schema.column(number).path for number in leaves]
        sizes = _unpacked_sizes(path, file.metadata, leaves)
        if sum(sizes) > allowed:
            raise TooLarge
        for number, size in enumerate(sizes):
            # One dictionary entry may be used by any number of rows, but no row is larger than the whole row group.
            rows = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES // max(1, size)))
            for batch in file.iter_batches(rows, row_groups=[number], columns=paths, use_threads=False):
                yield from _batch_examples(batch, columns)


def _unpacked_sizes(path: Path, metadata: Any, leaves: Sequence[int]) -> list[int]:
    """Returns the uncompressed bytes of some columns, by row group."""
    sizes = [0] * metadata.num_row_groups
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for number in range(metadata.num_row_groups):
            for leaf in leaves:
                column = metadata.row_group(number).column(leaf)
                begins = [column.data_page_offset]
                if column.has_dictionary_page and column.dictionary_page_offset:
                    begins.append(column.dictionary_page_offset)
                sizes[number] += unpacked_bytes(content, min(begins), column.total_compressed_size)
    return sizes


def _stream_examples(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    import pyarrow

    with pyarrow.memory_map(str(path)) as source:
        for message in pyarrow.ipc.MessageReader.open_stream(source):
            if _is_compressed(message.metadata.to_pybytes()):  # `datasets` never does
                raise TooLarge
    with pyarrow.memory_map(str(path)) as source, pyarrow.ipc.open_stream(source) as stream:
        for batch in stream:
            for column in columns:
                batch.column(column).validate(full=True)  # reading invalid data may crash
            yield from _batch_examples(batch, columns)


def _batch_examples(batch: Any, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    there = [column for column in columns if column in batch.schema.names]
    arrays = {column: batch.column(column) for column in there}
    for array in arrays.values():
        _refuse_nested(array.type)
    for row in range(batch.num_rows):
        yield {column: _value(array[row]) for column, array in arrays.items()}


def _refuse_nested(kind: Any) -> None:
    from pyarrow import types

    if types.is_dictionary(kind):
        return _refuse_nested(kind.value_type)
    for one in [field.type for field in kind if field.name in SOUND_FIELDS] if types.is_struct(kind) else [kind]:
        inner = one.value_type if types.is_dictionary(one) else one
        if types.is_nested(inner) or types.is_run_end_encoded(inner):
            raise ValueError(f"a column of {kind}")
    return None


def _value(scalar: Any) -> Any:
    from pyarrow import types

    if scalar.is_valid and types.is_struct(scalar.type):
        names = [field.name for field in scalar.type]
        return {name: scalar[name].as_py() for name in SOUND_FIELDS if name in names}
    return scalar.as_py()


def _is_compressed(message: bytes) -> bool:
    """Whether a message of Arrow's holds compressed data (Message.fbs of its format, as FlatBuffers lay out a table)."""
    table = struct.unpack_from("<I", message)[0]
    kind, header = _field(message, table, HEADER_TYPE), _field(message, table, HEADER)
    if not kind or not header or message[kind] not in (DICTIONARY, RECORDS):
        return False
    batch = _followed(message, header)
    if message[kind] == DICTIONARY:
        data = _field(message, batch, DATA)
        batch = _followed(message, data) if data else batch
    return _field(message, batch, COMPRESSION) != 0


def _field(message: bytes, table: int, number: int) -> int:
    """Returns the position of a table's field; 0 if it is missing."""
    places = table - struct.unpack_from("<i", message, table)[0]
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", message, places + at)[0] if at < struct.unpack_from("<H", message, places)[0] else 0
    return table + offset if offset else 0


def _followed(message: bytes, at: int) -> int:
    return at + struct.unpack_from("<I", message, at)[0]

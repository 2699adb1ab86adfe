"""What the converters of arrays and of tables share."""

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

# Bytes of a source handled at a time.
PIECE_BYTES = 16 * 2**20


class ConvertError(Exception):
    """Something the user can mend: a file, an option."""


def parse_rows(text: str) -> tuple[int, int | None]:
    """Reads `A:B`, a half-open range whose ends may be left out."""
    first, separator, last = text.partition(":")
    try:
        if not separator:
            raise ValueError
        begin = int(first) if first else 0
        end = int(last) if last else None
        if begin < 0 or (end is not None and end <= begin):
            raise ValueError
    except ValueError:
        raise ConvertError(f"'{text}' is not a range of rows A:B with 0 <= A < B") from None
    return begin, end


def select_rows(rows: tuple[int, int | None], count: int, where: str) -> tuple[int, int]:
    """The rows to take of `count` there are."""
    begin, end = rows
    end = count if end is None else end
    if begin >= count or end > count:
        raise ConvertError(f"{where}: rows {begin}:{end} were asked for, but it has {count} rows")
    return begin, end


def open_source(path: Path) -> BinaryIO:
    """Opens a file, unpacking it if it is compressed (told by its first bytes, not its name)."""
    with open(path, "rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if compressed else open(path, "rb")


def rows_per_piece(row_bytes: int) -> int:
    """How many rows to handle at a time."""
    return max(1, PIECE_BYTES // max(1, row_bytes))


def read_exactly(stream: BinaryIO, size: int, where: str) -> bytes:
    """Reads `size` bytes or fails."""
    try:
        data = stream.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ConvertError(f"{where}: damaged compressed file ({error})") from None
    if len(data) < size:
        raise ConvertError(f"{where}: ends too early; it may be cut off")
    return data


def cast(values: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
    """Converts to `dtype`; numbers that do not fit in it are an error, not changed in silence."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ConvertError(f"{where}: holds NaN or infinite numbers, which no kernel can take; remove or replace them")
    if values.dtype == dtype:
        return values
    with np.errstate(all="ignore"):
        result = values.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(result, values):
        raise ConvertError(f"{where}: holds numbers that {dtype} cannot; give another --dtype")
    return result


def text_stream(path: Path) -> io.TextIOWrapper:
    """Opens a file of lines, compressed or not."""
    return io.TextIOWrapper(open_source(path), encoding="utf-8-sig", newline=None)

"""Arrays in IDX, NPY and NPZ files."""

import argparse
import math
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import h5py
import numpy as np

from convert_common import ConvertError, cast, open_source, read_exactly, rows_per_piece, select_rows

# IDX: the third byte of a file gives the type of its numbers, which are big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


@dataclass
class Source:
    """An array to be read row after row: `read(n)` gives the next n rows."""

    where: str
    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[int], np.ndarray]


def stream_source(where: str, shape: tuple[int, ...], dtype: np.dtype, stream: BinaryIO) -> Source:
    """Rows that lie one after the other in a stream."""
    row = shape[1:]

    def read(count: int) -> np.ndarray:
        data = read_exactly(stream, count * math.prod(row) * dtype.itemsize, where)
        return np.frombuffer(data, dtype).reshape(count, *row)

    return Source(where, shape, dtype, read)


def idx_source(where: str, stream: BinaryIO) -> Source:
    """The array of an IDX file; the first two bytes, zero, have been read."""
    code, dimensions = read_exactly(stream, 2, where)
    if code not in IDX_TYPES or dimensions == 0:
        raise ConvertError(f"{where}: its head is not that of an IDX file")
    shape = struct.unpack(f">{dimensions}I", read_exactly(stream, 4 * dimensions, where))
    return stream_source(where, shape, np.dtype(IDX_TYPES[code]), stream)


def npy_source(where: str, stream: BinaryIO) -> Source:
    """The array of an NPY file, or of a member of an NPZ file."""
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_columns, dtype = read_header(stream)
    except ValueError as error:
        raise ConvertError(f"{where}: not an NPY array ({error})") from None
    if dtype.kind not in "biuf":
        raise ConvertError(f"{where}: holds {dtype}, not numbers")
    if by_columns and len(shape) > 1:
        raise ConvertError(f"{where}: is stored column by column; save it with numpy.ascontiguousarray first")
    return stream_source(where, shape, dtype, stream)


def open_npz_member(path: Path, member: str) -> BinaryIO:
    """One array of an NPZ file; `member` may be empty if there is only one."""
    archive = zipfile.ZipFile(path)
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    if not member and len(names) == 1:
        member = names[0]
    if member not in names:
        raise ConvertError(f"{path}: give {path}:NAME with one of its arrays: {', '.join(names)}")
    return archive.open(member + ".npy")


def open_array(source: str) -> Source:
    """Finds out what kind of file a source is, by its first bytes."""
    path, member = Path(source), ""
    if not path.exists() and ":" in source:
        head, _, member = source.rpartition(":")
        path = Path(head)
    if not path.is_file():
        raise ConvertError(f"{path}: no such file")
    where = f"{path.name}:{member}" if member else path.name
    if zipfile.is_zipfile(path):
        return npy_source(where, open_npz_member(path, member))
    stream = open_source(path)
    magic = read_exactly(stream, 2, where)
    if magic == b"\0\0":
        return idx_source(where, stream)
    if magic == b"\x93N":
        stream.seek(0)
        return npy_source(where, stream)
    raise ConvertError(f"{where}: is neither IDX nor NPY nor NPZ (for CSV and libsvm: convert.py table)")


def row_shape(shape: tuple[int, ...], kind: str) -> tuple[int, ...]:
    """Shape of a row in the output."""
    row = shape[1:]
    if kind == "flat" and len(row) > 1:
        return (math.prod(row),)
    if (kind == "image" and len(row) == 2) or (kind == "sequence" and len(row) == 1):
        return (*row, 1)
    return row


def convert(source: str, file: h5py.File, name: str, options: argparse.Namespace) -> h5py.Dataset:
    """Copies an array into `file` under `name`."""
    array = open_array(source)
    if not array.shape:
        raise ConvertError(f"{array.where}: is a single number")
    begin, end = select_rows(options.rows, array.shape[0], array.where)
    row = row_shape(array.shape, options.shape)
    dtype = np.dtype(options.dtype or array.dtype.newbyteorder("="))
    if dtype.kind == "b":
        dtype = np.dtype(np.uint8)
    dataset = file.create_dataset(name, (end - begin, *row), dtype)
    dataset.attrs["source"] = array.where
    if options.shape == "flat" and len(array.shape) > 2:
        dataset.attrs["image_shape"] = array.shape[1:] if len(array.shape) > 3 else (*array.shape[1:], 1)

    piece = rows_per_piece(math.prod(array.shape[1:]) * array.dtype.itemsize)
    for first in range(0, end, piece):
        last = min(end, first + piece)
        values = array.read(last - first)
        if last > begin:
            values = values[max(0, begin - first):]
            start = max(first, begin) - begin
            dataset[start:last - begin] = cast(values, dtype, array.where).reshape(-1, *row)
    return dataset

"""Tables in CSV and libsvm files."""

import argparse
import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import h5py
import numpy as np

from convert_common import ConvertError, cast, rows_per_piece, text_stream

# Text is parsed through Python objects, many times as large as the numbers they become.
TEXT_OVERHEAD = 16


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that hold something, with their numbers."""
    try:
        with text_stream(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise ConvertError(f"{path}: damaged, or not a text file ({error})") from None


def is_number(text: str) -> bool:
    """Whether a field of a table is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


class Labels:
    """Collects labels piece by piece and writes them: integers, real numbers, or text that becomes integers."""

    def __init__(self, kind: str, where: str) -> None:
        self.kind = kind
        self.where = where
        self.codes: dict[str, int] = {}

    def decide(self, fields: list[str]) -> None:
        """Chooses the type, if it is not given, by the first labels."""
        if self.kind != "auto":
            return
        if not all(is_number(text) for text in fields):
            self.kind = "text"
        else:
            self.kind = "integer" if all(float(text).is_integer() for text in fields) else "real"

    def dtype(self) -> np.dtype:
        """Type of the data set."""
        return np.dtype(np.float64 if self.kind == "real" else np.int64)

    def encode(self, numbered: list[tuple[int, str]]) -> np.ndarray:
        """Labels as numbers; text in order of first appearance, which `finish` puts right."""
        if self.kind == "text":
            codes = [self.codes.setdefault(text.strip(), len(self.codes)) for _, text in numbered]
            return np.array(codes, np.int64)
        values = np.empty(len(numbered), self.dtype())
        for i, (number, text) in enumerate(numbered):
            try:
                value = float(text)
                if self.kind == "integer" and not value.is_integer():
                    raise ValueError
                values[i] = value
            except (ValueError, OverflowError):
                raise ConvertError(f"{self.where}:{number}: the label '{text.strip()}' is not {self.kind}; "
                                   "choose with --label-type real or text") from None
        return values

    def finish(self, dataset: h5py.Dataset) -> None:
        """Numbers text in alphabetical order and keeps the names."""
        if self.kind != "text":
            return
        names = sorted(self.codes)
        final = np.empty(len(names), np.int64)
        for i, name in enumerate(names):
            final[self.codes[name]] = i
        piece = rows_per_piece(8)
        for first in range(0, dataset.shape[0], piece):
            dataset[first:first + piece] = final[dataset[first:first + piece]]
        dataset.attrs["class_names"] = names


@dataclass
class Table:
    """How the lines of a file become rows: `parse` gives features [n, width] and the labels' text."""

    width: int
    header_lines: int
    has_labels: bool
    parse: Callable[[list[tuple[int, str]]], tuple[np.ndarray, list[str]]]
    feature_names: list[str] = field(default_factory=list)


def guess_delimiter(line: str) -> str | None:
    """The separator that occurs in a line; None is any white space."""
    for delimiter in (",", ";", "\t"):
        if delimiter in line:
            return delimiter
    return None


def split_fields(line: str, delimiter: str | None) -> list[str]:
    """The fields of a CSV line."""
    if delimiter is None:
        return line.split()
    return next(csv.reader([line], delimiter=delimiter))


def find_label_column(option: str, names: list[str] | None, count: int, path: Path) -> int | None:
    """The column of the labels as a number."""
    if option == "none":
        return None
    if option == "last":
        return count - 1
    try:
        column = int(option)  # a number is never taken for a name: the first line may hold numbers
    except ValueError:
        if names and option in names:
            return names.index(option)
        known = f"its columns are {', '.join(names)}" if names else "the file has no header, so give a number"
        raise ConvertError(f"{path}: no column is named '{option}'; {known}") from None
    if not -count <= column < count:
        raise ConvertError(f"{path}: there is no column {column}; the file has {count}, numbered from 0")
    return column % count


def csv_table(path: Path, options: argparse.Namespace) -> Table:
    """Looks at the first lines of a CSV file."""
    first = list(islice(numbered_lines(path), 2))
    delimiter = options.delimiter or guess_delimiter(first[0][1])
    head = [text.strip() for text in split_fields(first[0][1], delimiter)]
    label = find_label_column(options.label_column, None if options.header == "no" else head, len(head), path)
    features = [column for column in range(len(head)) if column != label]
    if not features:
        raise ConvertError(f"{path}: has one column only, taken for the labels; give --label-column none "
                           "if it is a feature, --delimiter if columns were not told apart")
    named = label is not None and head[label] == options.label_column and not is_number(options.label_column)
    header = options.header == "yes" or (
        options.header == "auto" and (named or not all(is_number(head[column]) for column in features)))

    def parse(lines: list[tuple[int, str]]) -> tuple[np.ndarray, list[str]]:
        values = np.empty((len(lines), len(features)))
        labels = []
        for i, (number, line) in enumerate(lines):
            fields = split_fields(line, delimiter)
            if len(fields) != len(head):
                raise ConvertError(f"{path.name}:{number}: has {len(fields)} columns, the first line {len(head)}")
            if label is not None:
                labels.append(fields.pop(label))
            try:
                values[i] = fields
            except ValueError:
                column = next(j for j, text in enumerate(fields) if not is_number(text))
                name = f" ({head[features[column]]})" if header else ""
                raise ConvertError(f"{path.name}:{number}: column {features[column]}{name} holds "
                                   f"'{fields[column]}', not a number") from None
        return values, labels

    names = [head[column] for column in features] if header else []
    return Table(len(features), int(header), label is not None, parse, names)


def libsvm_pairs(path: Path, number: int, line: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Label, indices (from 1) and values of a libsvm line."""
    label, *pairs = line.partition("#")[0].split()
    try:
        split = [pair.split(":") for pair in pairs if not pair.startswith("qid:")]
        indices = np.array([int(index) for index, _ in split], np.int64)
        values = np.array([float(value) for _, value in split])
    except ValueError:
        raise ConvertError(f"{path.name}:{number}: is not LABEL INDEX:VALUE INDEX:VALUE ...") from None
    if indices.size and indices.min() < 1:
        raise ConvertError(f"{path.name}:{number}: has the index {indices.min()}; indices are counted from 1")
    return label, indices, values


def libsvm_table(path: Path, options: argparse.Namespace) -> Table:
    """Finds the number of features of a libsvm file, reading it through unless it is given."""
    width = options.features
    if width is None:
        width = max((libsvm_pairs(path, *numbered)[1].max(initial=0) for numbered in numbered_lines(path)), default=0)
    if width < 1:
        raise ConvertError(f"{path}: has no features")

    def parse(lines: list[tuple[int, str]]) -> tuple[np.ndarray, list[str]]:
        values = np.zeros((len(lines), width))
        labels = []
        for i, (number, line) in enumerate(lines):
            label, indices, entries = libsvm_pairs(path, number, line)
            if indices.max(initial=0) > width:
                raise ConvertError(f"{path.name}:{number}: has the index {indices.max()}, above --features {width}")
            values[i, indices - 1] = entries
            labels.append(label)
        return values, labels

    return Table(int(width), 0, True, parse)


def open_table(path: Path, options: argparse.Namespace) -> Table:
    """Finds out what kind of table a file is."""
    if not path.is_file():
        raise ConvertError(f"{path}: no such file")
    first = next(numbered_lines(path), None)
    if first is None:
        raise ConvertError(f"{path}: is empty")
    pairs = first[1].split()[1:2]
    kind = options.format
    if kind == "auto":
        kind = "libsvm" if pairs and ":" in pairs[0] and "," not in pairs[0] else "csv"
    return libsvm_table(path, options) if kind == "libsvm" else csv_table(path, options)


def convert(source: str, file: h5py.File, name: str, options: argparse.Namespace) -> list[h5py.Dataset]:
    """Writes features and labels of a table into the group `name` of `file`."""
    path = Path(source)
    table = open_table(path, options)
    labels = Labels(options.label_type, path.name)
    dtype = np.dtype(options.dtype or np.float64)
    begin, end = options.rows
    lines = islice(numbered_lines(path), table.header_lines, None)
    lines = islice(lines, begin, end)

    piece = rows_per_piece(8 * table.width * TEXT_OVERHEAD)
    # As the number of rows is not known beforehand, the data sets grow; hence chunks, and of the size of a tile's rows.
    chunk = max(1, min(piece, 2**20 // (dtype.itemsize * table.width)))
    inputs = file.create_dataset(f"{name}/{options.inputs_name}", (0, table.width), dtype,
                                 maxshape=(None, table.width), chunks=(chunk, table.width))
    inputs.attrs["source"] = path.name
    if table.feature_names:
        inputs.attrs["feature_names"] = table.feature_names
    targets = None
    count = 0
    while block := list(islice(lines, piece)):
        features, texts = table.parse(block)
        inputs.resize(count + len(block), axis=0)
        inputs[count:] = cast(features, dtype, path.name)
        if table.has_labels:
            if targets is None:
                labels.decide(texts)
                targets = file.create_dataset(f"{name}/{options.targets_name}", (0,), labels.dtype(),
                                              maxshape=(None,), chunks=(2**16,))
                targets.attrs["source"] = path.name
            targets.resize(count + len(block), axis=0)
            targets[count:] = labels.encode([(number, text) for (number, _), text in zip(block, texts, strict=True)])
        count += len(block)
    if count == 0:
        raise ConvertError(f"{path}: has no rows in the range asked for")
    if end is not None and count < end - begin:
        raise ConvertError(f"{path}: rows {begin}:{end} were asked for, but it has {begin + count} rows")
    if targets is None:
        return [inputs]
    labels.finish(targets)
    return [inputs, targets]

"""Adds to a data file the numbers of rows of some classes, for `rows` of an input file.

    select_rows.py data.h5 /train/labels /train/two_classes --classes 0 1 --each 64

The first rows of each class are taken, class by class.
"""

import argparse
import sys

import h5py
import numpy as np


def select(labels: np.ndarray, classes: list[int], each: int) -> np.ndarray:
    """Row numbers, class by class."""
    found = [np.flatnonzero(labels == label)[:each] for label in classes]
    for label, rows in zip(classes, found, strict=True):
        if len(rows) < each:
            raise SystemExit(f"select_rows: error: class {label} has {len(rows)} rows, not {each}")
    return np.concatenate(found).astype(np.int64)


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="an HDF5 file, which is changed")
    parser.add_argument("labels", help="its data set of labels")
    parser.add_argument("rows", help="the data set to write; replaced where it is there")
    parser.add_argument("--classes", type=int, nargs="+", required=True)
    parser.add_argument("--each", type=int, required=True, metavar="N", help="rows of each class")
    options = parser.parse_args(arguments)
    with h5py.File(options.file, "r+") as file:
        rows = select(file[options.labels][:], options.classes, options.each)
        if options.rows in file:
            del file[options.rows]
        file[options.rows] = rows
    print(f"{options.file}:{options.rows}: {len(rows)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())

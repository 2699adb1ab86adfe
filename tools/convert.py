"""Converts data sets to the HDF5 files that widelimit reads.

    convert.py arrays OUT.h5 /train/images=train-images-idx3-ubyte.gz /train/labels=train-labels-idx1-ubyte.gz
    convert.py table OUT.h5 /train=train.csv /test=test.csv --label-column price

`arrays` takes IDX files (also compressed: .gz), NPY and NPZ (FILE.npz:NAME), one array each. `table` takes CSV and
libsvm files (also .gz), and writes the features and the labels of each as two data sets of a group. Files are read
in pieces, so that they may be larger than the memory. The output appears under its name when it is complete, and not
before; after an error nothing is left of it.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py

import convert_arrays
import convert_tables
from convert_common import ConvertError, parse_rows


def parse_assignment(text: str) -> tuple[str, str]:
    """Splits `/path/in/output=SOURCE`."""
    name, separator, source = text.partition("=")
    name = "/" + name.strip("/")
    if not separator or name == "/" or not source:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form /path/in/output=SOURCE")
    return name, source


def rows_argument(text: str) -> tuple[int, int | None]:
    """`parse_rows` for argparse."""
    try:
        return parse_rows(text)
    except ConvertError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="{arrays,table}")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("output", type=Path, help="the HDF5 file to write")
    common.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    common.add_argument("--rows", type=rows_argument, default=(0, None), metavar="A:B",
                        help="only rows A to B-1 of each source (either may be left out)")
    common.add_argument("--dtype", choices=["uint8", "int32", "int64", "float32", "float64"],
                        help="type of the data written (arrays: as the source; table: float64)")
    common.add_argument("--class-names", metavar="A,B,...", default="",
                        help="names of the classes 0, 1, ..., kept with every label array for plots")

    arrays = commands.add_parser("arrays", parents=[common], help="IDX, NPY and NPZ files",
                                 description="Writes each source as one data set.")
    arrays.add_argument("sources", nargs="+", type=parse_assignment, metavar="/DATASET=SOURCE",
                        help="an array: FILE (IDX or NPY, also .gz) or FILE.npz:NAME")
    arrays.add_argument("--shape", choices=["keep", "flat", "image", "sequence"], default="keep",
                        help="what to do with arrays of more than two dimensions: keep them; flat: rows of numbers, "
                             "their shape in the attribute image_shape; image: [N, H, W] becomes [N, H, W, 1]; "
                             "sequence: [N, T] becomes [N, T, 1]")

    table = commands.add_parser("table", parents=[common], help="CSV and libsvm files",
                                description="Writes each source as a group of two data sets, features and labels.")
    table.add_argument("sources", nargs="+", type=parse_assignment, metavar="/GROUP=SOURCE",
                       help="a table, one row a line (also .gz)")
    table.add_argument("--format", choices=["auto", "csv", "libsvm"], default="auto",
                       help="auto: libsvm if the first row has INDEX:VALUE pairs")
    table.add_argument("--label-column", default="last", metavar="NAME|NUMBER|last|none",
                       help="CSV: the column of the labels: its name in the header, or its number from 0")
    table.add_argument("--delimiter", help="CSV: what separates columns (default: guessed from the first line)")
    table.add_argument("--header", choices=["auto", "yes", "no"], default="auto",
                       help="CSV: if the first line names the columns (auto: if words stand where numbers belong)")
    table.add_argument("--label-type", choices=["auto", "integer", "real", "text"], default="auto",
                       help="type of the labels; text is numbered in alphabetical order (auto: from the first rows)")
    table.add_argument("--features", type=int, metavar="D",
                       help="libsvm: the number of features, which saves reading the file twice")
    table.add_argument("--inputs-name", default="inputs", help="name of the features in the group (default: inputs)")
    table.add_argument("--targets-name", default="targets", help="name of the labels in the group (default: targets)")
    return parser


def written(options: argparse.Namespace, file: h5py.File) -> Iterator[h5py.Dataset]:
    """Converts all sources, one data set after the other."""
    for name, source in options.sources:
        if options.command == "arrays":
            yield convert_arrays.convert(source, file, name, options)
        else:
            yield from convert_tables.convert(source, file, name, options)


def convert(options: argparse.Namespace) -> None:
    """Writes the output beside its name and renames it at the end."""
    if options.output.exists() and not options.overwrite:
        raise ConvertError(f"{options.output} exists; give --overwrite to replace it")
    names = [name for name, _ in options.sources]
    if len(set(names)) < len(names):
        raise ConvertError("two sources have the same name in the output")
    class_names = [name.strip() for name in options.class_names.split(",") if name.strip()]
    partial = options.output.with_name(options.output.name + ".partial")
    try:
        with h5py.File(partial, "w") as file:
            for dataset in written(options, file):
                if class_names and dataset.ndim == 1 and dataset.dtype.kind in "iu":
                    dataset.attrs["class_names"] = class_names
                print(f"{dataset.name} {list(dataset.shape)} {dataset.dtype} from {dataset.attrs['source']}")
        os.replace(partial, options.output)
    finally:
        partial.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    options = make_parser().parse_args(arguments)
    try:
        convert(options)
    except (ConvertError, OSError) as error:
        print(f"convert: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

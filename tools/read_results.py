"""How to read a results file: prints what is in one. Use it as it is, or as an example to copy from.

    read_results.py results.h5
"""

import sys
from collections.abc import Iterator

import h5py


def datasets(group: h5py.Group) -> Iterator[h5py.Dataset]:
    """All data sets below a group."""
    for item in group.values():
        if isinstance(item, h5py.Group):
            yield from datasets(item)
        elif not item.is_scale:  # dimension scales only name the axes of other data sets
            yield item


def summary(name: str) -> str:
    """Run, metrics and arrays of a results file, as text."""
    lines = []
    with h5py.File(name) as file:
        for key in ("program_version", "created", "ranks", "threads", "wall_seconds", "peak_rss_bytes_max"):
            if key in file.attrs:
                lines.append(f"{key:20} {file.attrs[key]}")
        for dataset in datasets(file):
            if dataset.shape == ():
                lines.append(f"{dataset.name:20} {dataset[()]:.6g}")
            else:
                # Only the first row is read: a Gram matrix may be larger than the memory.
                sizes = zip(dataset.dims, dataset.shape, strict=True)
                # A dimension is named by its label, or by the scale attached to it.
                axes = ", ".join(f"{axis.label or next(iter(axis.keys()), '?')}: {size}" for axis, size in sizes)
                lines.append(f"{dataset.name:20} [{axes}] {dataset.dtype}, begins with {dataset[:1].ravel()[:3]}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Runs the program; returns its exit status."""
    if len(arguments) != 1:
        print("usage: read_results.py RESULTS.h5", file=sys.stderr)
        return 2
    try:
        print(summary(arguments[0]))
    except OSError as error:
        print(f"read_results: error: {arguments[0]}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

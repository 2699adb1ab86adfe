"""Makes the data files of the tests on input files: Fashion-MNIST from the Debian package dataset-fashion-mnist, some of
it as images and as rows, and a small table.

Usage: fashion_mnist.py FOLDER. Exit status 77 where the package is not on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py

FOLDER = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
TOOLS = Path(__file__).resolve().parents[2] / "tools"
NOT_HERE = 77
PARTS = {
    "/train/images": "train-images-idx3-ubyte.gz",
    "/train/labels": "train-labels-idx1-ubyte.gz",
    "/test/images": "t10k-images-idx3-ubyte.gz",
    "/test/labels": "t10k-labels-idx1-ubyte.gz",
}


def some_with_positions(flat: Path, output: Path, shape: tuple[int, ...]) -> None:
    """The first images of each set in another shape."""
    count = 1000
    with h5py.File(flat) as source, h5py.File(output, "w") as target:
        for name in ("train", "test"):
            target[f"{name}/images"] = source[f"{name}/images"][:count].reshape(count, *shape)
            target[f"{name}/labels"] = source[f"{name}/labels"][:count]


def main(folder: Path) -> int:
    output = folder / "fashion_mnist.h5"
    if output.exists():
        return 0
    table = [sys.executable, str(TOOLS / "synthetic_table.py"), str(folder / "million_rows.h5"), "--rows", "1000"]
    subprocess.run([*table, "--test-rows", "1000"], check=True)
    if not all((FOLDER / name).is_file() for name in PARTS.values()):
        print(f"no Fashion-MNIST in {FOLDER}: install dataset-fashion-mnist or set FASHION_MNIST")
        return NOT_HERE
    sources = [f"{path}={FOLDER / name}" for path, name in PARTS.items()]
    command = [sys.executable, str(TOOLS / "convert.py"), "arrays", str(output), "--shape", "flat", *sources]
    status = subprocess.run(command, check=False).returncode
    if status == 0:
        some_with_positions(output, folder / "fashion_mnist_images.h5", (28, 28, 1))
        some_with_positions(output, folder / "fashion_mnist_rows.h5", (28, 28))
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""Makes the data file of the tests on Fashion-MNIST from the Debian package dataset-fashion-mnist.

Usage: fashion_mnist.py OUTPUT. Exit status 77 where the package is not on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))
TOOLS = Path(__file__).resolve().parents[2] / "tools"
NOT_HERE = 77
PARTS = {
    "/train/images": "train-images-idx3-ubyte.gz",
    "/train/labels": "train-labels-idx1-ubyte.gz",
    "/test/images": "t10k-images-idx3-ubyte.gz",
    "/test/labels": "t10k-labels-idx1-ubyte.gz",
}


def main(output: Path) -> int:
    if output.exists():
        return 0
    if not all((FOLDER / name).is_file() for name in PARTS.values()):
        print(f"no Fashion-MNIST in {FOLDER}: install dataset-fashion-mnist or set FASHION_MNIST")
        return NOT_HERE
    sources = [f"{path}={FOLDER / name}" for path, name in PARTS.items()]
    command = [sys.executable, str(TOOLS / "convert.py"), "arrays", str(output), "--shape", "flat", *sources]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

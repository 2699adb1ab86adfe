"""Makes a table for regression of any size: standard normal features, and targets that depend on a few of them.

    synthetic_table.py OUT.h5 [--rows 1246064] [--test-rows 10000] [--features 94] [--noise 0.1] [--seed 1]

Data sets: /train/inputs [rows, features], /train/targets [rows, 1], and the same under /test. The target is
sin(x0) + x1·x2 + |x3| - mean, scaled to unit variance, with normal noise. Written in blocks: memory does not grow with
the number of rows.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np

BLOCK_ROWS = 65536
MEAN = np.sqrt(2 / np.pi)
DEVIATION = np.sqrt((1 - np.exp(-2)) / 2 + 1 + (1 - 2 / np.pi))  # of the three terms, which are independent


def write(group: h5py.Group, rows: int, features: int, noise: float, random: np.random.Generator) -> None:
    inputs = group.create_dataset("inputs", (rows, features), dtype=np.float32)
    targets = group.create_dataset("targets", (rows, 1), dtype=np.float32)
    for begin in range(0, rows, BLOCK_ROWS):
        end = min(rows, begin + BLOCK_ROWS)
        x = random.standard_normal((end - begin, features), dtype=np.float32)
        y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + np.abs(x[:, 3]) - MEAN) / DEVIATION
        inputs[begin:end] = x
        targets[begin:end, 0] = y + noise * random.standard_normal(end - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--rows", type=int, default=1246064)
    parser.add_argument("--test-rows", type=int, default=10000)
    parser.add_argument("--features", type=int, default=94)
    parser.add_argument("--noise", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.features < 4 or min(options.rows, options.test_rows) < 1:
        parser.error("at least 4 features and 1 row of each kind are needed")
    random = np.random.default_rng(options.seed)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(options.output, "w") as file:
        write(file.create_group("train"), options.rows, options.features, options.noise, random)
        write(file.create_group("test"), options.test_rows, options.features, options.noise, random)


if __name__ == "__main__":
    main()

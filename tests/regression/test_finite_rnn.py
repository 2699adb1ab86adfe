"""Kernels of recurrent networks against the average of finite ones, through the program.

WIDELIMIT_RNN_WIDTH and WIDELIMIT_RNN_SEEDS make the comparison sharper (2048 and 64 take a few minutes)."""

import os
import unittest

import numpy as np

from finite_rnn import Layer, Layout, averages
from program import ProgramTest, points

WIDTH = int(os.environ.get("WIDELIMIT_RNN_WIDTH", "256"))
SEEDS = int(os.environ.get("WIDELIMIT_RNN_SEEDS", "48"))
STEPS, CHANNELS = 5, 3
LENGTHS = [5, 5, 3]
STANDARD_ERRORS = 4


class FiniteRnnTest(ProgramTest):
    """Each entry lies within a few standard errors of the average, and of the error of finite width, O(1/width)."""

    def check(self, layout: Layout) -> None:
        x = points(3, STEPS * CHANNELS, seed=5).reshape(3, STEPS, CHANNELS)
        x[1] = 0.8 * x[0] + 0.3 * x[1]
        self.write_data(x=x, lengths=np.array(LENGTHS))
        job = self.write_input(
            {
                "data": {"train": {"file": "data.h5", "inputs": "/x", "lengths": "/lengths"}},
                "network": layout.network(),
                "job": {"type": "gram"},
                "output": {"file": "out.h5"},
            }
        )
        self.compute(job)
        found = self.results()
        expected = averages(layout, [row[:length] for row, length in zip(x, LENGTHS, strict=True)], WIDTH, SEEDS)
        for name, (mean, error) in expected.items():
            kernel = found[f"/gram/{name}"]
            allowed = STANDARD_ERRORS * error + 2 / WIDTH * np.abs(mean)
            deviations = np.abs(kernel - mean) / error
            print(f"{name}: at most {deviations.max():.2f} standard errors of {(error / mean).max():.1%}")
            self.assertTrue((np.abs(kernel - mean) <= allowed).all(), f"{name}: {kernel}, finite {mean} ± {error}")

    def test_one_layer(self) -> None:
        self.check(Layout([Layer("relu", 1.3, 0.9, 0.2)], "last"))

    def test_stacked(self) -> None:
        self.check(Layout([Layer("erf", 1.2, 0.8, 0.1), Layer("relu", 1.1, 1.2, 0.3)], "last"))

    def test_pooled(self) -> None:
        self.check(Layout([Layer("relu", 1.2, 0.8, 0.1), Layer("erf", 1.3, 1.1, 0.2)], "mean"))


if __name__ == "__main__":
    unittest.main()

"""Spectra of kernels through the program: eigenpairs, alignment, effective dimension and the learning curve."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

POINTS = 900

INPUT = """
data:
  train: {file: data.h5, inputs: /x, targets: /y}
network: [dense: {w_std: 1.4142135623730951, b_std: 0.1}, relu, dense]
job: {type: spectrum, count: 12, vectors: true}
"""


class Spectrum(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        random = np.random.default_rng(1)
        x = random.standard_normal((POINTS, 8))
        cls.y = np.stack([np.sin(x[:, 0]) + 0.5 * x[:, 1], x[:, 1] * x[:, 2]], axis=1)
        with h5py.File(cls.folder / "data.h5", "w") as file:
            file["x"], file["y"] = x, cls.y
        (cls.folder / "run.yaml").write_text(INPUT)
        cls.run_program("gram.h5", settings=["job={type: gram, kernels: [ntk]}"])
        with h5py.File(cls.folder / "gram.h5") as file:
            cls.k = file["gram/ntk"][()]
        values, vectors = np.linalg.eigh(cls.k)
        cls.values, cls.vectors = values[::-1], vectors[:, ::-1]

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @classmethod
    def run_program(cls, output, settings=(), expect=0):
        words = os.environ["MPIEXEC"].split() + [os.environ["WIDELIMIT"], "run", str(cls.folder / "run.yaml")]
        words += ["--output", str(cls.folder / output)]
        for setting in settings:
            words += ["--set", setting]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != expect:
            raise AssertionError(f"{done.returncode}, not {expect}: {done.stderr}")
        return " ".join(done.stderr.split())

    def read(self, output):
        with h5py.File(self.folder / output) as file:
            group = file["spectrum"]
            return {name: group[name][()] for name in group}, dict(group.attrs)

    def test_eigenpairs_alignment_and_sums_by_all_methods(self):
        ridge = 1e-3 * np.trace(self.k) / POINTS
        dimension = (self.values / (self.values + ridge)).sum()
        power = ((self.vectors.T @ self.y) ** 2).sum(axis=1)
        for number, settings in enumerate(
            (["job.method=dense"], ["job.method=krylov"], ["job.method=krylov", "job.gram=recomputed"])
        ):
            self.run_program(f"s{number}.h5", [*settings, "job.ridge.value=1e-3"])
            found, about = self.read(f"s{number}.h5")
            self.assertEqual(about["method"], "krylov" if number else "dense")
            np.testing.assert_allclose(found["eigenvalues"], self.values[:12], rtol=1e-10)
            v = found["eigenvectors"]
            self.assertEqual(v.shape, (POINTS, 12))
            self.assertLess(abs(self.k @ v - v * found["eigenvalues"]).max(), 2e-8 * self.values[0])
            self.assertLess(abs(v.T @ v - np.eye(12)).max(), 1e-10)
            self.assertLess(found["residuals"].max(), 1e-8)
            np.testing.assert_allclose(found["target_alignment"], power[:12] / power.sum(), atol=1e-7)
            self.assertLessEqual(about["effective_dimension_low"], dimension * (1 + 1e-9))
            self.assertGreaterEqual(about["effective_dimension_high"], dimension * (1 - 1e-9))
            self.assertAlmostEqual(about["largest_stable_learning_rate"] * (self.values[0] + ridge), 2 * POINTS, 4)
        dense, _ = self.read("s0.h5")
        krylov, _ = self.read("s1.h5")
        self.assertEqual(list(dense["samples"]), [1, 2, 5, 10, 20, 50])
        self.assertEqual(list(krylov["samples"]), [1, 2, 5, 10])
        np.testing.assert_allclose(krylov["predicted_mse"], dense["predicted_mse"][:4], rtol=0.15)

    def test_learning_curve_is_that_of_regressions_on_random_subsets(self):
        sizes = [10, 30, 90]
        self.run_program("curve.h5", ["job.method=dense", f"job.samples={sizes}", "job.ridge.value=1e-2"])
        predicted = self.read("curve.h5")[0]["predicted_mse"]
        ridge = 1e-2 * np.trace(self.k) / POINTS
        random = np.random.default_rng(2)
        for size, expected in zip(sizes, predicted):
            errors = []
            for _ in range(30):
                chosen = random.permutation(POINTS)[:size]
                alpha = np.linalg.solve(self.k[np.ix_(chosen, chosen)] + ridge * np.eye(size), self.y[chosen])
                errors.append(((self.k[:, chosen] @ alpha - self.y) ** 2).mean())
            self.assertAlmostEqual(np.mean(errors) / expected, 1, delta=0.2, msg=str(size))

    def test_bad_input_is_said_plainly(self):
        cases = {
            "no more than 900": ["job.count=901"],
            "fewer than 900 samples": ["job.samples=[10, 900]"],
            "sizes must ascend": ["job.samples=[10, 10]"],
            "needs the key `targets`": ["job.samples=[10]", "data.train={file: data.h5, inputs: /x}"],
        }
        for number, (text, settings) in enumerate(cases.items()):
            said = self.run_program(f"bad{number}.h5", settings, expect=2)
            self.assertRegex(said, text)
        said = self.run_program("few.h5", ["job.method=krylov", "job.max_products=2"], expect=2)
        self.assertRegex(said, "Raise job.max_products")
        self.assertGreater(self.read("few.h5")[0]["residuals"].max(), 1e-8)

    def test_targets_may_be_left_out(self):
        self.run_program("plain.h5", ["data.train={file: data.h5, inputs: /x}"])
        self.assertNotIn("target_alignment", self.read("plain.h5")[0])


if __name__ == "__main__":
    unittest.main()

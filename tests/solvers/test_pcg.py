"""Regressions by conjugate gradients through the program: stopped and gone on with, refused, and compared with the
factorisation."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

POINTS = 1200


def write_data(path):
    """POINTS points with real targets; a second set in which some are equal, and one contradicts another."""
    random = np.random.default_rng(1)
    x = random.standard_normal((POINTS, 12))
    y = np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2], np.sign(x[:, 3])], axis=1)
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = x, y
        file["test_x"] = random.standard_normal((100, 12))
        x, y = x[:300].copy(), y[:300].copy()
        x[200], x[250] = x[7], x[9]
        y[200] = y[7]
        file["equal_x"], file["equal_y"] = x, y


INPUT = """
data:
  train: {file: data.h5, inputs: /x, targets: /y}
  test: {file: data.h5, inputs: /test_x}
network: [dense: {w_std: 1.4142135623730951, b_std: 0.1}, relu, dense: {w_std: 1.4142135623730951}, relu, dense]
job: {type: regression, solver: pcg, tolerance: 1.0e-8}
"""


class Pcg(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        write_data(cls.folder / "data.h5")
        (cls.folder / "run.yaml").write_text(INPUT)

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def command(self, output, *arguments, settings=()):
        words = os.environ["MPIEXEC"].split() + [os.environ["WIDELIMIT"], "run", str(self.folder / "run.yaml")]
        words += ["--output", str(self.folder / output), *arguments]
        for setting in settings:
            words += ["--set", setting]
        return words

    def run_program(self, output, *arguments, settings=(), expect=0):
        done = subprocess.run(self.command(output, *arguments, settings=settings), capture_output=True, text=True)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stderr

    def read(self, output, *paths):
        with h5py.File(self.folder / output) as file:
            return [file[path][()] for path in paths]

    def solver(self, output):
        with h5py.File(self.folder / output) as file:
            return dict(file["solver"].attrs)

    def assert_same(self, one, other):
        paths = ["solution/alpha", "predictions/test", "predictions/train", "solver/residual"]
        for path, a, b in zip(paths, self.read(one, *paths), self.read(other, *paths)):
            np.testing.assert_array_equal(a, b, path)

    def test_equals_cholesky_whatever_keeps_the_kernel_or_preconditions(self):
        self.run_program("cholesky.h5", settings=["job.solver=cholesky"])
        expected = self.read("cholesky.h5", "predictions/test", "predictions/train")
        for number, settings in enumerate(
            (
                ["job.gram=stored"],
                ["job.gram=recomputed"],
                ["job.gram=file"],
                ["job.preconditioner={type: pivoted_cholesky, rank: 300}"],
                ["job.preconditioner={type: none}"],
                ["job.preconditioner={rank: 300, block: 0}"],
                ["job.preconditioner={rank: 300, block: 700}"],
            )
        ):
            output = f"way{number}.h5"
            self.run_program(output, settings=settings)
            for found, right in zip(self.read(output, "predictions/test", "predictions/train"), expected):
                self.assertLess(abs(found - right).max() / abs(right).max(), 1e-7, settings)
            solver = self.solver(output)
            self.assertEqual(solver["converged"], 1)
            self.assertLessEqual(solver["true_residual"], 1e-8 * (1 + 1e-6))
            self.assertEqual(len(self.read(output, "solver/residual")[0]), solver["iterations"])
            self.assertFalse(list(self.folder.glob(f"way{number}.checkpoint*")))

    def test_mixed_precision_solves_the_kernel_in_double(self):
        settings = ["job.tolerance=1e-11", "job.ridge.value=1e-4", "data.train.rows=[0, 600]"]
        self.run_program("double.h5", "--overwrite", settings=[*settings, "job.solver=cholesky"])
        expected = self.read("double.h5", "predictions/test", "solution/alpha")
        for gram in ("stored", "recomputed"):
            self.run_program("mixed.h5", "--overwrite", settings=[*settings, "precision=mixed", f"job.gram={gram}"])
            solver = self.solver("mixed.h5")
            self.assertLessEqual(solver["true_residual"], 1e-11)
            for found, right in zip(self.read("mixed.h5", "solution/alpha"), expected[1:]):
                self.assertLess(abs(found - right).max() / abs(right).max(), 1e-7)
        said = self.run_program("single.h5", settings=[*settings, "precision=single"], expect=2)
        self.assertIn("use precision: mixed or double", said)

    def test_mixed_precision_keeps_32_bits_of_the_kernel_in_double(self):
        settings = ["job.tolerance=1e-8", "job.ridge.value=1e-4", "data.train.rows=[0, 600]", "checkpoint=none"]
        self.run_program("double.h5", "--overwrite", settings=[*settings, "job.solver=cholesky"])
        self.run_program("mixed.h5", "--overwrite", settings=[*settings, "precision=mixed", "job.gram=stored"])
        self.assertLessEqual(self.solver("mixed.h5")["true_residual"], 1e-8)
        for path in ("predictions/train", "solution/alpha"):  # of which the latter shows a rounded kernel by 1e-6
            found, right = (self.read(name, path)[0] for name in ("mixed.h5", "double.h5"))
            self.assertLess(np.linalg.norm(found - right) / np.linalg.norm(right), 1e-7, path)

    def test_a_kernel_in_a_file_needs_the_file(self):
        said = self.run_program("none.h5", settings=["job.gram=file", "checkpoint=none"], expect=2)
        self.assertIn("gram: file", said)

    def test_variance_and_covariance_equal_those_of_cholesky(self):
        for kernel in ("ntk", "nngp", "ntkgp"):
            for posterior in ("variance", "covariance"):
                common = [f"job.kernel={kernel}", f"job.posterior={posterior}", "job.ridge.value=1e-3"]
                common += ["data.train.rows=[0, 400]"]
                for solver in ("cholesky", "pcg"):
                    self.run_program(f"{solver}.h5", "--overwrite", settings=[*common, f"job.solver={solver}"])
                found, expected = (
                    self.read(f"{solver}.h5", f"predictions/test_{posterior}")[0] for solver in ("pcg", "cholesky")
                )
                self.assertLess(abs(found - expected).max(), 1e-6 * expected.max(), (kernel, posterior))
                np.testing.assert_array_equal(found, found.T)

    def test_goes_on_after_too_few_iterations_bit_for_bit(self):
        for gram in ("stored", "file", "recomputed"):
            settings = [f"job.gram={gram}", "job.preconditioner.rank=50"]
            self.run_program(f"{gram}.h5", settings=settings)
            cut = f"{gram}_cut.h5"
            said = self.run_program(cut, settings=[*settings, "job.max_iterations=9"], expect=2)
            self.assertIn("Raise job.max_iterations", said)
            self.assertEqual(self.solver(cut)["converged"], 0)
            self.assertEqual(self.solver(cut)["iterations"], 9)
            said = self.run_program(cut, "--resume", "--overwrite", settings=settings)
            self.assertIn("after iteration 9", said)
            self.assert_same(f"{gram}.h5", cut)

    def test_stops_on_a_signal_and_goes_on_bit_for_bit(self):
        settings = ["job.gram=recomputed", "job.preconditioner.rank=20", "job.tolerance=1e-11"]
        self.run_program("whole.h5", settings=settings)
        settings.append("checkpoint.every=0.001 s")
        with subprocess.Popen(
            self.command("signal.h5", settings=settings), stderr=subprocess.PIPE, text=True
        ) as process:
            state = self.folder / "signal.checkpoint.h5.solver"
            while process.poll() is None and not state.exists():
                time.sleep(0.001)
            process.send_signal(signal.SIGUSR1)  # which mpiexec passes on
            said = process.communicate()[1]
        self.assertEqual(process.returncode, 75, said)
        self.assertFalse((self.folder / "signal.h5").exists())
        said = self.run_program("signal.h5", "--resume", settings=settings)
        self.assertIn("after iteration", said)
        self.assert_same("whole.h5", "signal.h5")

    def test_equal_points_are_named(self):
        settings = ["data.train={file: data.h5, inputs: /equal_x, targets: /equal_y}", "job.max_iterations=400"]
        said = self.run_program("stop.h5", settings=[*settings, "job.duplicates=stop"], expect=2)
        for words in ("job.duplicates", "200 = 7,", "250 = 9 (other targets)"):
            self.assertIn(words, said)
        said = self.run_program("warned.h5", settings=settings, expect=2)
        self.assertIn("250 = 9 (other targets)", said)
        self.assertEqual(self.solver("warned.h5")["converged"], 0)
        self.assertIn("Set ", said.split("those so far")[1])
        said = self.run_program("ridge.h5", settings=[*settings, "job.ridge.value=1e-6"])
        self.assertNotIn("250 = 9", said)


if __name__ == "__main__":
    unittest.main()

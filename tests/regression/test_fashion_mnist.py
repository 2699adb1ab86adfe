"""Real data: the accuracy of a well-known kernel, and every input file that comes with the program."""

import os
import re
import unittest
from pathlib import Path

from program import SOURCE, ProgramTest

DATA = Path(os.environ.get("WIDELIMIT_TEST_DATA", "")) / "fashion_mnist.h5"


@unittest.skipUnless(DATA.is_file(), f"no {DATA}: the package dataset-fashion-mnist is missing")
class FashionMnistTest(ProgramTest):
    """Jobs of inputs/."""

    def options(self, job: Path, train: int, test: int) -> list[str]:
        """Changes an input file to the tests' data, shortened."""
        text = job.read_text()
        sets = ["train"] + ["test"] * bool(re.search(r"^  test:", text, re.MULTILINE))
        data = DATA.parent / Path(re.search(r"file: ([^,}\s]*)", text)[1]).name
        changes = [f"data.{name}.file={data}" for name in sets]
        changes += [f"data.{name}.rows=[0, {rows}]" for name, rows in zip(sets, (train, test), strict=False)]
        return [part for change in changes for part in ("--set", change)]

    def test_accuracy(self) -> None:
        """10,000 images through three hidden layers, no ridge: 87.3 % of 10,000 others."""
        job = SOURCE / "inputs" / "fashion_mnist_ntk.yaml"
        options = self.options(job, 10000, 10000)
        self.compute(job, *options, "--output", "out.h5", threads=2, limit=300)
        found = self.results()
        self.assertAlmostEqual(float(found["/metrics/test/accuracy"]), 0.873, delta=0.005)
        self.assertEqual(float(found["/metrics/train/accuracy"]), 1)

    def test_input_files(self) -> None:
        """Each runs, shortened; check says what it will need, info what it made."""
        jobs = sorted((SOURCE / "inputs").glob("*.yaml"))
        self.assertGreaterEqual(len(jobs), 3)
        for job in jobs:
            with self.subTest(job.name):
                images = "fashion_mnist_images" in job.read_text()  # whose entries take milliseconds
                points = 24 if images else 300
                options = self.options(job, points, points // 3)
                if "preconditioner" in job.read_text():
                    options += ["--set", f"job.preconditioner.rank={points // 3}"]  # fewer than the points that are left
                words = [f"data       {points} training points", "memory", "disk"]
                if "type: limit" in job.read_text():
                    for change in ("steps=2", "particles=512", "record={}"):
                        options += ["--set", "job." + change]
                    words += ["matrices", "program"]
                else:
                    words += ["tiles", "time"]
                plan = self.run_program("check", job, *options)
                self.assertEqual(plan.status, 0, plan.errors)
                for word in words:
                    self.assertIn(word, plan.output)
                output = job.stem + ".h5"
                self.compute(job, *options, "--output", output, ranks=2)
                self.assertEqual(list(self.folder.glob("*.partial")) + list(self.folder.glob("*.checkpoint*")), [])
                info = self.run_program("info", output)
                self.assertEqual(info.status, 0, info.errors)
                for path in self.results(output):
                    self.assertIn(path, info.output)

    def test_too_large(self) -> None:
        """check of a job that does not fit prints the plan, and is refused with the numbers."""
        job = SOURCE / "inputs" / "fashion_mnist_ntk.yaml"
        options = [*self.options(job, 60000, 10000), "--set", "resources.memory_per_rank=2 GiB"]
        plan = self.run_program("check", job, *options, ranks=2)
        self.assert_refused(plan, "memory_per_rank.*needs about .*GiB on each of 2 ranks.* 2 GiB")
        self.assertIn("60000 training points", plan.output)


class WordsTest(ProgramTest):
    """What is printed without a job."""

    def test_version_and_help(self) -> None:
        for option, words in {
            "--version": ("widelimit ", "HDF5", "Kokkos", "MPI"),
            "--help": ("run", "check", "info", "Exit status"),
        }.items():
            for ranks in (1, 2):
                outcome = self.run_program(option, ranks=ranks)
                self.assertEqual((outcome.status, outcome.errors), (0, ""))
                for word in words:
                    self.assertIn(word, outcome.output)
        keys = self.run_program("check", "--keys")
        self.assertEqual(keys.status, 0)
        self.assertIn("on_corrupt", keys.output)


if __name__ == "__main__":
    unittest.main()

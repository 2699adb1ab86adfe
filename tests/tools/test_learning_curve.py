"""tools/learning_curve.py with a stand-in for the program."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

import learning_curve

# Writes accuracies 1 - 10/N, and keeps a record of its arguments.
PROGRAM = """#!/usr/bin/env python3
import re, sys
import h5py, numpy as np
open(sys.argv[0] + ".record", "a").write(" ".join(sys.argv[1:]) + "\\n")
sizes = [int(size) for size in re.search(r"samples=\\[(.*?)\\]", " ".join(sys.argv)).group(1).split(",")]
if 13 in sizes:
    sys.exit(2)
with h5py.File(sys.argv[sys.argv.index("--output") + 1], "w") as file:
    file.attrs["input"] = "title: A job\\n"
    file["learning_curve/samples"] = sizes
    file["learning_curve/test_accuracy"] = 1 - 10 / np.array(sizes)
    file["predictions/test"] = np.zeros((100, 3))
"""


class LearningCurveTest(unittest.TestCase):
    """Runs in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.program = self.folder / "program"
        self.program.write_text(PROGRAM.replace("/usr/bin/env python3", sys.executable))
        self.program.chmod(0o700)
        for name in ("a.yaml", "b.yaml"):
            (self.folder / name).write_text("job: x\n")

    def run_tool(self, *arguments: str) -> tuple[int, str]:
        """Exit status and all that was said."""
        said = io.StringIO()
        folder = ["--program", self.program, "--folder", self.folder / "kept", "--output", self.folder / "curve.png"]
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = learning_curve.main([str(argument) for argument in (*arguments, *folder)])
        return status, said.getvalue()

    def record(self) -> list[str]:
        return Path(f"{self.program}.record").read_text().splitlines()

    def test_runs_every_job_once_and_plots(self) -> None:
        jobs = [str(self.folder / name) for name in ("a.yaml", "b.yaml")]
        arguments = (*jobs, "--sizes", "50,20", "--test-rows", "100", "--set", "precision=single")
        status, said = self.run_tool(*arguments)
        self.assertEqual(status, 0, said)
        self.assertIn("A job: 20 points, accuracy 50.00%", said)
        self.assertTrue((self.folder / "curve.png").read_bytes().startswith(b"\x89PNG"))
        self.assertEqual(len(self.record()), 2)
        self.assertIn("--set data.train.rows=[0, 50] --set job.samples=[20, 50] --set precision=single "
                      "--set data.test.rows=[0, 100]", self.record()[0])
        self.run_tool(*arguments)
        self.assertEqual(len(self.record()), 2)  # both were there
        status, said = self.run_tool(*jobs, "--sizes", "20,30")
        self.assertEqual(status, 2)
        self.assertIn("is of other sizes than [20, 30]", said)

    def test_a_job_that_fails_is_named(self) -> None:
        status, said = self.run_tool(str(self.folder / "a.yaml"), "--sizes", "13")
        self.assertEqual(status, 2)
        self.assertIn("a.yaml ended with status 2", said)

    def test_wrong_options(self) -> None:
        for arguments, because in {
            ("a.yaml", "--sizes", "ten"): "not a list of numbers",
            ("a.yaml", "--labels", "x", "y"): "2 labels were given for 1 jobs",
        }.items():
            with self.subTest(because), self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()) as err:
                learning_curve.main([*arguments, "--program", str(self.program)])
            self.assertIn(because, err.getvalue())


if __name__ == "__main__":
    unittest.main()

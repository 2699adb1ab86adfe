"""tools/select_rows.py on a small file made here."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

import select_rows


class SelectRowsTest(unittest.TestCase):
    """Runs the program in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name) / "data.h5"
        with h5py.File(self.data, "w") as file:
            file["y"] = np.array([3, 0, 3, 1, 0, 3], np.uint8)

    def select(self, *arguments: str) -> int:
        """Exit status."""
        with contextlib.redirect_stdout(io.StringIO()):
            return select_rows.main([str(self.data), "/y", "/rows", *arguments])

    def test_rows_of_the_classes_in_their_order(self) -> None:
        for each, rows in ((1, [0, 1]), (2, [0, 2, 1, 4])):
            self.assertEqual(self.select("--classes", "3", "0", "--each", str(each)), 0)
            with h5py.File(self.data) as file:
                self.assertEqual(file["rows"][:].tolist(), rows)

    def test_too_few_rows_are_refused(self) -> None:
        with self.assertRaisesRegex(SystemExit, "class 1 has 1 rows, not 2"):
            self.select("--classes", "1", "--each", "2")


if __name__ == "__main__":
    unittest.main()

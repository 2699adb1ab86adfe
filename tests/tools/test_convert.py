"""tools/convert.py: every format, ranges of rows, and what it says of damaged or unsuitable files."""

import contextlib
import gzip
import io
import struct
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import h5py
import numpy as np

import convert
import convert_common


class ConvertTest(unittest.TestCase):
    """Runs the program in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.output = self.folder / "out.h5"

    def run_convert(self, *arguments: str | Path) -> tuple[int, str]:
        """Exit status, and what was written to standard error."""
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = convert.main([str(argument) for argument in arguments])
        return status, errors.getvalue()

    def read(self, name: str) -> np.ndarray:
        with h5py.File(self.output) as file:
            return file[name][:]

    def attribute(self, name: str, attribute: str) -> list:
        with h5py.File(self.output) as file:
            return list(file[name].attrs[attribute])

    def assert_refused(self, *arguments: str | Path, because: str) -> None:
        """The program ends with status 2, says why, and leaves nothing behind."""
        before = set(self.folder.iterdir())
        status, errors = self.run_convert(*arguments)
        self.assertEqual(status, 2)
        self.assertIn(because, errors)
        self.assertEqual(set(self.folder.iterdir()), before)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path


class ArraysTest(ConvertTest):
    """`convert.py arrays`."""

    def write_idx(self, values: np.ndarray, code: int, name: str = "images.gz", cut: int = 0) -> Path:
        path = self.folder / name
        head = struct.pack(">BBBB", 0, 0, code, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
        data = head + values.astype(values.dtype.newbyteorder(">")).tobytes()
        path.write_bytes(gzip.compress(data[:len(data) - cut]))
        return path

    def test_idx_images_become_flat_rows_with_their_shape_kept(self) -> None:
        images = np.arange(5 * 3 * 4, dtype=np.uint8).reshape(5, 3, 4)
        source = self.write_idx(images, 0x08)
        self.assertEqual(self.run_convert("arrays", self.output, f"/a/b={source}", "--shape", "flat"), (0, ""))
        np.testing.assert_array_equal(self.read("/a/b"), images.reshape(5, 12))
        self.assertEqual(self.attribute("/a/b", "image_shape"), [3, 4, 1])
        self.assertEqual(self.read("/a/b").dtype, np.uint8)

    def test_sequences_get_a_channel(self) -> None:
        source = self.write_idx(np.arange(12, dtype=np.uint8).reshape(3, 4), 0x08)
        self.assertEqual(self.run_convert("arrays", self.output, f"x={source}", "--shape", "sequence"), (0, ""))
        np.testing.assert_array_equal(self.read("x"), np.arange(12).reshape(3, 4, 1))

    def test_idx_images_get_a_channel(self) -> None:
        source = self.write_idx(np.ones((2, 3, 4), np.uint8), 0x08)
        self.run_convert("arrays", self.output, f"x={source}", "--shape", "image")
        self.assertEqual(self.read("x").shape, (2, 3, 4, 1))

    def test_idx_numbers_are_big_endian(self) -> None:
        source = self.write_idx(np.array([[1.5, -2.0], [3.0, 1e30]], np.float32), 0x0D)
        self.run_convert("arrays", self.output, f"x={source}")
        np.testing.assert_array_equal(self.read("x"), np.array([[1.5, -2.0], [3.0, 1e30]], np.float32))

    def test_pieces_and_rows_do_not_change_values(self) -> None:
        values = np.random.default_rng(1).standard_normal((37, 5))
        np.save(self.folder / "x.npy", values)
        np.savez_compressed(self.folder / "x.npz", values=values, other=values[:2])
        for source in ("x.npy", "x.npz:values"):
            for piece_rows in (1, 4, 100):
                with mock.patch.object(convert_common, "PIECE_BYTES", piece_rows * 40):
                    self.run_convert("arrays", self.output, f"x={self.folder / source}", "--rows", "3:36",
                                     "--overwrite")
                np.testing.assert_array_equal(self.read("x"), values[3:36])

    def test_type_can_be_chosen(self) -> None:
        np.save(self.folder / "x.npy", np.array([1, 2, 300]))
        source = f"x={self.folder / 'x.npy'}"
        self.run_convert("arrays", self.output, source, "--dtype", "float32")
        self.assertEqual(self.read("x").dtype, np.float32)
        self.output.unlink()
        self.assert_refused("arrays", self.output, source, "--dtype", "uint8", because="uint8 cannot")

    def test_class_names_go_with_labels_only(self) -> None:
        np.save(self.folder / "y.npy", np.array([0, 1]))
        np.save(self.folder / "x.npy", np.zeros((2, 3)))
        self.run_convert("arrays", self.output, f"y={self.folder / 'y.npy'}", f"x={self.folder / 'x.npy'}",
                         "--class-names", "cat, dog")
        self.assertEqual(self.attribute("y", "class_names"), ["cat", "dog"])
        with h5py.File(self.output) as file:
            self.assertNotIn("class_names", file["x"].attrs)

    def test_damaged_and_unsuitable_sources_are_refused(self) -> None:
        images = self.write_idx(np.ones((5, 3, 4), np.uint8), 0x08, cut=7)
        self.assert_refused("arrays", self.output, f"x={images}", because="images.gz: ends too early")
        images.write_bytes(images.read_bytes()[:-12])
        self.assert_refused("arrays", self.output, f"x={images}", because="damaged compressed file")
        self.assert_refused("arrays", self.output, f"x={self.folder / 'no.npy'}", because="no such file")
        text = self.write("x.txt", "1,2,3\n")
        self.assert_refused("arrays", self.output, f"x={text}", because="neither IDX nor NPY nor NPZ")
        np.savez(self.folder / "x.npz", first=np.ones(2), second=np.ones(2))
        self.assert_refused("arrays", self.output, f"x={self.folder / 'x.npz'}", because="first, second")
        np.save(self.folder / "f.npy", np.asfortranarray(np.ones((2, 2))))
        self.assert_refused("arrays", self.output, f"x={self.folder / 'f.npy'}", because="column by column")
        np.save(self.folder / "n.npy", np.array([1.0, np.nan]))
        self.assert_refused("arrays", self.output, f"x={self.folder / 'n.npy'}", because="NaN")
        self.assert_refused("arrays", self.output, f"x={self.folder / 'n.npy'}", "--rows", "1:5", because="has 2 rows")

    def test_an_existing_output_is_kept(self) -> None:
        np.save(self.folder / "x.npy", np.ones(3))
        self.output.write_text("precious")
        self.assert_refused("arrays", self.output, f"x={self.folder / 'x.npy'}", because="--overwrite")
        self.assertEqual(self.output.read_text(), "precious")
        # Nor is it lost when its replacement fails half-way.
        self.assert_refused("arrays", self.output, f"x={self.folder / 'x.npy'}", f"y={self.folder / 'no.npy'}",
                            "--overwrite", because="no such file")
        self.assertEqual(self.output.read_text(), "precious")


class TableTest(ConvertTest):
    """`convert.py table`."""

    def test_csv_with_header_and_named_labels(self) -> None:
        source = self.write("t.csv", "a,price,b\n1,10.5,2\n\n3,20,4\n")
        self.assertEqual(self.run_convert("table", self.output, f"/train={source}", "--label-column", "price"), (0, ""))
        np.testing.assert_array_equal(self.read("/train/inputs"), [[1, 2], [3, 4]])
        np.testing.assert_array_equal(self.read("/train/targets"), [10.5, 20])
        self.assertEqual(self.attribute("/train/inputs", "feature_names"), ["a", "b"])

    def test_csv_text_labels_are_numbered_in_alphabetical_order(self) -> None:
        source = self.write("t.csv", '5.1;3.5;"virginica"\n4.9;3;setosa\n6;2;virginica\n')
        with mock.patch.object(convert_common, "PIECE_BYTES", 1):  # a piece for each row
            self.run_convert("table", self.output, f"iris={source}")
        np.testing.assert_array_equal(self.read("iris/targets"), [1, 0, 1])
        self.assertEqual(self.attribute("iris/targets", "class_names"), ["setosa", "virginica"])
        np.testing.assert_array_equal(self.read("iris/inputs"), [[5.1, 3.5], [4.9, 3], [6, 2]])

    def test_csv_label_column_by_number_is_not_taken_for_a_name(self) -> None:
        source = self.write("t.csv", "1,7,8\n2,9,10\n")
        self.run_convert("table", self.output, f"t={source}", "--label-column", "1")
        np.testing.assert_array_equal(self.read("t/targets"), [7, 9])
        self.assertEqual(self.read("t/targets").dtype, np.int64)

    def test_csv_without_labels(self) -> None:
        source = self.write("t.csv", "1 2\n3 4\n5 6\n")
        self.run_convert("table", self.output, f"t={source}", "--label-column", "none", "--rows", "1:",
                         "--dtype", "float32")
        np.testing.assert_array_equal(self.read("t/inputs"), np.array([[3, 4], [5, 6]], np.float32))
        with h5py.File(self.output) as file:
            self.assertEqual(list(file["t"]), ["inputs"])

    def test_libsvm(self) -> None:
        source = self.write("t.svm", "+1 1:0.5 3:2\n-1 2:1 # remark\n+1\n")
        self.run_convert("table", self.output, f"t={source}", "--format", "libsvm")
        np.testing.assert_array_equal(self.read("t/inputs"), [[0.5, 0, 2], [0, 1, 0], [0, 0, 0]])
        np.testing.assert_array_equal(self.read("t/targets"), [1, -1, 1])
        self.run_convert("table", self.output, f"t={source}", "--features", "5", "--overwrite")
        self.assertEqual(self.read("t/inputs").shape, (3, 5))

    def test_errors_name_line_and_column(self) -> None:
        cases = {
            "a,b\n1,2\nx,4\n": "t.csv:3: column 0 (a) holds 'x', not a number",
            "a,b\n1,2\n,4\n": "t.csv:3: column 0 (a) holds ''",
            "1,2\n3,4,5\n": "t.csv:2: has 3 columns, the first line 2",
            "1,2\n3,four\n": "t.csv:2: the label 'four'",
            "1 1:2\n1 0:2\n": "t.csv:2: has the index 0",
            "1 1:2\n1 x:2\n": "t.csv:2: is not LABEL INDEX:VALUE",
            "": "is empty",
            "a,b\n": "no rows",
            "1\n2\n": "one column only",
            "nan,1\n": "NaN",
        }
        for text, message in cases.items():
            with self.subTest(message), mock.patch.object(convert_common, "PIECE_BYTES", 1):
                source = self.write("t.csv", text)
                self.assert_refused("table", self.output, f"t={source}", because=message)
        source = self.write("t.csv", "a,b\n1,2\n")
        self.assert_refused("table", self.output, f"t={source}", "--label-column", "c", because="its columns are a, b")
        self.assert_refused("table", self.output, f"t={source}", "--label-column", "2", because="no column 2")
        self.assert_refused("table", self.output, f"t={source}", "--rows", "0:2", because="it has 1 rows")


if __name__ == "__main__":
    unittest.main()

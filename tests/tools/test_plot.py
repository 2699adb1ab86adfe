"""tools/plot.py and tools/read_results.py on small files made here."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path

import h5py
import matplotlib.pyplot as plt
import numpy as np

import plot
import read_results


class PlotTest(unittest.TestCase):
    """Runs the program in a folder of its own."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.results = Path(folder.name) / "results.h5"
        self.labels = Path(folder.name) / "data.h5"
        points = np.random.default_rng(3).standard_normal((30, 40))
        self.gram = points @ points.T
        outputs = np.zeros((4, 3))
        outputs[[0, 1, 2, 3], [0, 2, 2, 1]] = 1
        with h5py.File(self.results, "w") as file:
            file.attrs["input"] = 'data: none\ntitle: "A small run"\n'
            file.attrs["ranks"] = 2
            file["gram/ntk"] = self.gram
            file["gram/nngp"] = np.tril(self.gram)
            file["predictions/test"] = outputs
            file["metrics/test/accuracy"] = 0.75
            file["gram/ntk"].dims[0].label = "train"
            file["scales/class"] = np.arange(3)
            file["scales/class"].make_scale("class")
            file["predictions/test"].dims[1].attach_scale(file["scales/class"])
        with h5py.File(self.labels, "w") as file:
            file["y"] = np.array([9, 0, 2, 2, 2], np.uint8)
            file["y"].attrs["class_names"] = ["red", "green", "blue"]
            file["real"] = np.ones(5)

    def run_plot(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = plot.main([str(argument) for argument in arguments])
        return status, out.getvalue(), err.getvalue()

    def assert_picture(self, path: Path) -> None:
        """The file is a picture of some size that shows more than one colour."""
        pixels = plt.imread(path)
        self.assertGreater(min(pixels.shape[:2]), 300)
        self.assertGreater(np.ptp(pixels[..., :3]), 0.5)

    def test_every_kind_is_drawn(self) -> None:
        calls = {
            "gram": [], "spectrum": [], "predictions": ["--labels", f"{self.labels}:/y", "--first-label", "1"],
        }
        for command, options in calls.items():
            with self.subTest(command):
                status, out, err = self.run_plot(command, self.results, *options)
                self.assertEqual((status, err), (0, ""))
                picture = self.results.with_name(f"results_{command}.png")
                self.assertIn(str(picture), out)
                self.assert_picture(picture)

    def write_training(self, path: Path, regime: str) -> Path:
        """A training run of three steps on four points."""
        with h5py.File(path, "w") as file:
            file.attrs["input"] = "title: Training\n"
            file["limit/step"] = np.arange(4)
            file["limit/loss"] = np.array([1, 0.5, 0.25, 0.2])
            file["limit/loss_standard_error"] = np.full(4, 0.01)
            file["limit/test_loss"] = np.array([1, 0.6, 0.5, 0.4])
            file["limit/alignment_step"] = np.array([0, 3])
            file["limit/alignment/tangent"] = np.array([0.2, 0.5])
            file["limit/alignment/feature/layer_1"] = np.array([0.2, 0.6])
            file["limit/recorded_step"] = np.array([0, 3])
            file["limit/feature_kernel/layer_1"] = np.random.default_rng(1).random((2, 4, 2, 4))
            file.create_group("regime").attrs["regime"] = regime
        return path

    def test_training_is_drawn_alone_and_compared(self) -> None:
        mup = self.write_training(self.results.with_name("mup.h5"), "feature_learning")
        ntk = self.write_training(self.results.with_name("ntk.h5"), "kernel")
        for more in ([], ["--compare", ntk]):
            output = self.results.with_name(f"limit_{len(more)}.png")
            status, _, errors = self.run_plot("limit", mup, "--output", output, *more)
            self.assertEqual((status, errors), (0, ""))
            self.assert_picture(output)
        status, _, errors = self.run_plot("limit", self.results)
        self.assertEqual(status, 2)
        self.assertIn("/limit/loss", errors)

    def test_training_and_spectra_are_drawn(self) -> None:
        results = self.results.with_name("training.h5")
        with h5py.File(results, "w") as file:
            file.attrs["input"] = "title: Training\n"
            file["dynamics/time"] = np.array([0, 1, 10, np.inf])
            for name, values in {"loss": [1, 0.5, 0.1, 0.05], "test_loss": [1, 0.6, 0.3, 0.3],
                                 "train_accuracy": [0.1, 0.5, 0.9, 1], "test_accuracy": [0.1, 0.4, 0.8, 0.8]}.items():
                file[f"dynamics/{name}"] = np.array(values)
            file["spectrum/eigenvalues"] = 1 / np.arange(1.0, 9)
            file["spectrum/target_alignment"] = np.full(8, 0.1)
            file["spectrum/samples"] = np.array([1, 10, 100])
            file["spectrum/predicted_mse"] = np.array([1, 0.5, np.nan])
        for command in ("dynamics", "spectrum"):
            status, out, err = self.run_plot(command, results)
            self.assertEqual((status, err), (0, ""))
            self.assert_picture(results.with_name(f"training_{command}.png"))
        status, _, err = self.run_plot("dynamics", self.results)
        self.assertEqual(status, 2)
        self.assertIn("no /dynamics/time", err)

    def test_accuracy_is_that_of_the_labels_chosen(self) -> None:
        # Predicted 0, 2, 2, 1; true from row 1 on: 0, 2, 2, 2.
        _, out, _ = self.run_plot("predictions", self.results, "--labels", f"{self.labels}:/y", "--first-label", "1")
        self.assertIn("accuracy 75.00 % on 4 points", out)

    def test_a_lower_triangle_is_completed_and_points_are_picked(self) -> None:
        points = plot.subsample(30, 7)
        self.assertEqual((len(points), points[0], points[-1]), (7, 0, 29))
        with h5py.File(self.results) as file:
            for kernel in ("ntk", "nngp"):
                np.testing.assert_array_equal(plot.read_submatrix(file[f"gram/{kernel}"], points),
                                              self.gram[np.ix_(points, points)])

    def test_a_spectrum_of_a_part_is_announced(self) -> None:
        _, out, _ = self.run_plot("spectrum", self.results, "--points", "10")
        self.assertIn("eigenvalues of 10 of its 30 points", out)

    def test_the_title_is_that_of_the_run(self) -> None:
        with h5py.File(self.results) as file:
            self.assertEqual(plot.title_of(file), "A small run")

    def test_errors_say_what_to_do(self) -> None:
        cases = {
            ("predictions",): "--labels",
            ("predictions", "--labels", f"{self.labels}:/y", "--first-label", "2"): "too few for 4 points",
            ("predictions", "--labels", f"{self.labels}:/y"): "label 9, but there are 3 outputs",
            ("predictions", "--labels", f"{self.labels}:/z"): "no data set /z",
            ("predictions", "--labels", f"{self.labels}:/real"): "no class labels",
            ("predictions", "--set", "train"): "no /predictions/train",
        }
        for (command, *options), message in cases.items():
            with self.subTest(message):
                status, _, err = self.run_plot(command, self.results, *options)
                self.assertEqual(status, 2)
                self.assertIn(message, err)
        status, _, err = self.run_plot("gram", self.labels)
        self.assertEqual(status, 2)
        self.assertIn("no Gram matrix", err)

    def test_results_are_summarised(self) -> None:
        text = read_results.summary(str(self.results))
        self.assertRegex(text, r"ranks +2")
        self.assertRegex(text, r"/metrics/test/accuracy +0\.75")
        self.assertIn("[train: 30, ?: 30]", text)
        self.assertIn("[?: 4, class: 3]", text)
        self.assertNotIn("/scales", text)


if __name__ == "__main__":
    unittest.main()

"""Gram matrices and predictions: as described in the files, and the same however the work is spread."""

import unittest
from typing import Any

import h5py
import numpy as np

from program import MLP, ProgramTest, changed, kernel_job, points

N, N_TEST = 150, 40
NETWORKS = {
    "mlp": MLP,
    "residual": [
        "dense",
        {"repeat": {"times": 2, "layers": [{"residual": ["relu", {"dense": {"w_std": 1.1, "b_std": 0.2}}]}]}},
        "relu",
        "dense",
    ],
    "layer_norm": [{"dense": {"w_std": 1.2}}, "layer_norm", "erf", {"dense": {"b_std": 0.3}}, "relu", "dense"],
    "numerical": [{"dense": {"w_std": 1.2}}, {"numerical": {"fn": "tanh"}}, "dense"],
}


class SpreadTest(ProgramTest):
    """Results do not depend on ranks, threads and tiles beyond rounding."""

    def setUp(self) -> None:
        super().setUp()
        self.write_data(x=points(N, 6), y=points(N, 2, seed=2), x_test=points(N_TEST, 6, seed=3))

    def check(self, tree: dict[str, Any], ways: list[tuple[int, int, int]], tolerance: float) -> None:
        job = self.write_input(tree)
        expected: dict[str, np.ndarray] = {}
        for ranks, threads, tile in ways:
            options = ("--overwrite", "--set", f"resources.tile={tile}")
            self.compute(job, *options, ranks=ranks, threads=threads)
            found = self.results()
            expected = expected or found
            self.assertEqual(found.keys(), expected.keys())
            for path, array in expected.items():
                if path in ("/solver/residual", "/solution/alpha"):
                    continue  # rounding itself; amplified by the inverse
                self.assert_close(found[path], array, tolerance, f"{path} on {ranks} ranks, tile {tile}")

    def test_gram(self) -> None:
        for name, network in NETWORKS.items():
            with self.subTest(name):
                tree = changed(kernel_job("gram"), {"network": network})
                self.check(tree, [(1, 1, 64), (1, 2, 64), (2, 1, 64), (3, 1, 50), (4, 1, 64)], 1e-13)

    def test_regression(self) -> None:
        for name in ("mlp", "residual"):
            with self.subTest(name):
                job = kernel_job("regression", ridge={"value": 0.1}, posterior="variance")
                tree = changed(job, {"network": NETWORKS[name]})
                self.check(tree, [(1, 1, 64), (1, 2, 128), (2, 1, 64), (3, 1, 50), (4, 1, 128)], 1e-12)

    def test_learning_curve(self) -> None:
        """Of one kernel, as of regressions on the first rows alone."""
        self.write_data(
            x=points(N, 6), y=points(N, 2, seed=2), x_test=points(N_TEST, 6, seed=3), y_test=points(N_TEST, 2, seed=4)
        )
        tree = changed(kernel_job("regression", ridge={"value": 0.1}), {"data.test.targets": "/y_test"})
        sizes = [1, 40, 64, N]
        self.compute(self.write_input(changed(tree, {"job.samples": sizes})), ranks=2)
        found = self.results()
        np.testing.assert_array_equal(found["/learning_curve/samples"], sizes)
        with h5py.File(self.folder / "out.h5") as file:
            ridge = float(file["solver"].attrs["ridge"])
        for size, mse in zip(sizes, found["/learning_curve/test_mse"], strict=True):
            alone = {"job.ridge": {"value": ridge, "scale": "absolute"}, "data.train.rows": [0, size]}
            self.compute(self.write_input(changed(tree, alone)), "--overwrite")
            self.assertAlmostEqual(float(self.results()["/metrics/test/mse"]), mse, delta=1e-10 * mse)

    def test_mean(self) -> None:
        tree = kernel_job("regression", kernel="nngp", ridge={"value": 0.1})
        self.check(tree, [(1, 1, 64), (1, 2, 64), (2, 1, 64), (3, 1, 50), (4, 1, 1000)], 1e-13)


class GramTest(ProgramTest):
    """What a Gram matrix file holds."""

    def setUp(self) -> None:
        super().setUp()
        self.x, self.x_test = points(N, 6), points(N_TEST, 6, seed=3)
        self.write_data(x=self.x, x_test=self.x_test, both=np.vstack([self.x, self.x_test]))

    def gram(self, name: str, ranks: int = 2, **changes: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        tree = changed(kernel_job("gram"), {"resources": {"tile": 64}, "output.file": name} | dotted)
        self.compute(self.write_input(tree), ranks=ranks)
        return self.results(name)

    def test_symmetric_and_positive(self) -> None:
        for path, gram in self.gram("out.h5").items():
            if not path.startswith("/gram/"):
                continue
            np.testing.assert_array_equal(gram, gram.T)
            eigenvalues = np.linalg.eigvalsh(gram)
            self.assertGreater(eigenvalues[0], -1e-12 * eigenvalues[-1])

    def test_blocks_of_a_joint_matrix(self) -> None:
        apart = self.gram("apart.h5")
        joint = self.gram("joint.h5", data__train__inputs="/both", data__test=None)
        for kernel in ("nngp", "ntk"):
            self.assert_close(apart["/gram/" + kernel], joint["/gram/" + kernel][:N, :N], 1e-14)
            self.assert_close(apart["/gram_test/" + kernel], joint["/gram/" + kernel][N:, :N], 1e-14)

    def test_lower_triangle(self) -> None:
        full, lower = self.gram("full.h5"), self.gram("lower.h5", job__triangle="lower")
        for kernel in ("/gram/nngp", "/gram/ntk"):
            np.testing.assert_array_equal(lower[kernel], np.tril(full[kernel]))

    def test_one_kernel(self) -> None:
        both, one = self.gram("both.h5"), self.gram("one.h5", job__kernels=["ntk"])
        self.assertNotIn("/gram/nngp", one)
        self.assert_close(one["/gram/ntk"], both["/gram/ntk"], 1e-14)

    def test_single_precision(self) -> None:
        double, single = self.gram("double.h5"), self.gram("single.h5", precision="single")
        for path in ("/gram/nngp", "/gram/ntk", "/gram_test/nngp", "/gram_test/ntk"):
            self.assertEqual(single[path].dtype, np.float32)
            self.assert_close(single[path].astype(float), double[path], 1e-5, path)

    def test_chosen_rows(self) -> None:
        self.write_data("list.h5", x=self.x, rows=np.arange(N)[::-3].copy())
        full = self.gram("full.h5")["/gram/ntk"]
        some = self.gram("some.h5", data__train={"file": "list.h5", "inputs": "/x", "rows": "/rows"})
        chosen = np.arange(N)[::-3]
        self.assert_close(some["/gram/ntk"], full[np.ix_(chosen, chosen)], 1e-14)

    def test_description(self) -> None:
        """Dimension scales, and the attributes of the root."""
        self.gram("out.h5")
        with h5py.File(self.folder / "out.h5") as file:
            self.assertNotIn("checkpoint", file)
            for path, names in {
                "gram/nngp": ["train_point", "train_point"],
                "gram/ntk": ["train_point", "train_point"],
                "gram_test/ntk": ["test_point", "train_point"],
            }.items():
                for axis, name in enumerate(names):
                    scale = file[path].dims[axis][0]
                    self.assertEqual(scale.name, "/" + name)
                    np.testing.assert_array_equal(scale[()], np.arange(file[path].shape[axis]))
            attributes = dict(file.attrs)
            self.assertEqual(attributes["ranks"], 2)
            self.assertEqual(attributes["threads"], 1)
            self.assertEqual(attributes["input"], (self.folder / "job.yaml").read_text())
            for name in ("format_version", "program_version", "created", "execution_space"):
                self.assertTrue(attributes[name], name)
            self.assertGreater(attributes["wall_seconds"], 0)
            self.assertGreater(attributes["peak_rss_bytes_max"], 1e6)


if __name__ == "__main__":
    unittest.main()

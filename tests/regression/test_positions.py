"""Images, sequences and graphs through the program: Gram matrices against reference numbers, lengths and scaling."""

import os
import unittest
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from program import ProgramTest, changed, points

REFERENCE = Path(os.environ.get("WIDELIMIT_SHARED_DIR", "")) / "reference" / "kernels.h5"


def gram_job(network: list[Any]) -> dict[str, Any]:
    """An input file on /x of data.h5."""
    return {
        "data": {"train": {"file": "data.h5", "inputs": "/x"}},
        "network": network,
        "job": {"type": "gram"},
        "output": {"file": "out.h5"},
    }


@unittest.skipUnless(REFERENCE.is_file(), f"no reference numbers in {REFERENCE}")
class PositionReferenceTest(ProgramTest):
    """Groups of the reference file."""

    def check(self, case: str, ranks: int) -> None:
        with h5py.File(REFERENCE) as file:
            group = file[case]
            network = group.attrs["network"]
            arrays = {name: group[name][()] for name in ("x1", "x2", "p1", "p2") if name in group}
            expected = {name: group[name][()] for name in ("nngp_11", "ntk_11", "nngp_12", "ntk_12")}
        self.write_data(**arrays)
        sets = {part: f"file: data.h5, inputs: /x{part}" for part in "12"}
        if "p1" in arrays:
            sets = {part: text + f", patterns: {{p: /p{part}}}" for part, text in sets.items()}
        job = self.folder / "job.yaml"
        job.write_text(
            f"data:\n  train: {{{sets['1']}}}\n  test: {{{sets['2']}}}\nnetwork:\n{network}"
            "job: {type: gram}\nresources: {tile: 2}\noutput: {file: out.h5}\n"
        )
        self.compute(job, "--overwrite", ranks=ranks)
        found = self.results()
        for kernel in ("nngp", "ntk"):
            self.assert_close(found[f"/gram/{kernel}"], expected[f"{kernel}_11"], 1e-7, case)
            self.assert_close(found[f"/gram_test/{kernel}"], expected[f"{kernel}_12"].T, 1e-11, case)

    def test_cases(self) -> None:
        for number, case in enumerate(("conv_valid_gap", "avg_pool_1d", "aggregate_directed", "attention_block", "rnn_relu")):
            with self.subTest(case):
                self.check(case, ranks=1 + number % 2)


class PositionDataTest(ProgramTest):
    """What stands in the data file beside the inputs."""

    NETWORK = ["conv", "relu", {"global_self_attention": {"pos_emb_type": "sum"}}, "relu", "global_avg_pool", "dense"]

    def kernel(self, tree: dict[str, Any], **arrays: np.ndarray) -> np.ndarray:
        self.write_data(**arrays)
        self.compute(self.write_input(tree), "--overwrite")
        return self.results()["/gram/ntk"]

    def test_what_stands_beyond_a_length_changes_nothing(self) -> None:
        x = points(4, 14).reshape(4, 7, 2)
        lengths = np.array([7, 5, 4, 5])
        tree = changed(gram_job(self.NETWORK), {"data.train.lengths": "/lengths", "data.inputs": "standardize"})
        kernel = self.kernel(tree, x=x, lengths=lengths)
        other = x.copy()
        other[1, 5:] = 1e3
        np.testing.assert_allclose(self.kernel(tree, x=other, lengths=lengths), kernel, rtol=1e-14)
        # Rows of the file are chosen with their lengths; two of equal length are what they are alone.
        tree = changed(tree, {"data.train.rows": "/rows", "data.inputs": None})
        some = self.kernel(tree, x=x, lengths=lengths, rows=np.array([3, 1]))
        alone = self.kernel(gram_job(self.NETWORK), x=x[[3, 1], :5])
        np.testing.assert_allclose(some, alone, rtol=1e-13)

    def test_a_shared_pattern_is_one_for_each(self) -> None:
        x, pattern = points(3, 8).reshape(3, 4, 2), np.abs(points(4, 4, seed=2))
        tree = changed(
            gram_job([{"aggregate": {"pattern": "p"}}, "dense", "relu", "global_sum_pool", "dense"]),
            {"data.train.patterns": {"p": "/p"}},
        )
        shared = self.kernel(tree, x=x, p=pattern)
        np.testing.assert_array_equal(self.kernel(tree, x=x, p=np.stack([pattern] * 3)), shared)

    def test_scaling_takes_every_pixel_for_a_feature(self) -> None:
        x = points(6, 24).reshape(6, 4, 3, 2) * np.arange(1, 25).reshape(4, 3, 2) + 5
        flat = x.reshape(6, 24)
        centred = flat - flat.mean(0)
        values, vectors = np.linalg.eigh(centred.T @ centred / 6)
        epsilon = 0.1 * values.mean()
        expected = {
            "per_feature": centred / centred.std(0),
            "standardize": (flat - flat.mean()) / flat.std(),
            "unit_norm": flat / np.linalg.norm(flat, axis=1, keepdims=True),
            "zca": centred @ vectors / np.sqrt(values + epsilon) @ vectors.T,
        }
        network = ["conv", "relu", "flatten", "dense"]
        for name, scaled in expected.items():
            with self.subTest(name):
                scaling = {"zca": {"epsilon": 0.1}} if name == "zca" else name
                kernel = self.kernel(changed(gram_job(network), {"data.inputs": scaling}), x=x)
                plain = self.kernel(gram_job(network), x=scaled.reshape(x.shape))
                self.assert_close(kernel, plain, 1e-12, name)

    def test_flattened_images_are_vectors(self) -> None:
        x = points(5, 12)
        perceptron = [{"dense": {"b_std": 0.1}}, "relu", "dense"]
        vectors = self.kernel(gram_job(perceptron), x=x)
        images = self.kernel(gram_job(["flatten", *perceptron]), x=x.reshape(5, 2, 3, 2))
        self.assert_close(images, vectors, 1e-14)

    def test_check_tells_positions(self) -> None:
        self.write_data(x=points(5, 12).reshape(5, 3, 4, 1))
        outcome = self.run_program("check", self.write_input(gram_job(["conv", "relu", "flatten", "dense"])))
        self.assertEqual(outcome.status, 0, outcome.errors)
        self.assertIn("3 x 4 positions of 1 channel", outcome.output)
        self.assertRegex(outcome.output, r"conv  filter 3.*-> 1 x 2 positions")
        self.assertRegex(outcome.output, r"stage 1: 3 x 4 positions, 1 of 35 shifts, .* flop and .* bytes .*: .*conv\+relu")


if __name__ == "__main__":
    unittest.main()

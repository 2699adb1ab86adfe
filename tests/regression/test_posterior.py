"""Mean and covariance of Gaussian-process inference against reference numbers, through the program."""

import os
import unittest
from pathlib import Path

import h5py
import numpy as np

from program import ProgramTest

REFERENCE = Path(os.environ.get("WIDELIMIT_SHARED_DIR", "")) / "reference" / "kernels.h5"


@unittest.skipUnless(REFERENCE.is_file(), f"no reference numbers in {REFERENCE}")
class PosteriorTest(ProgramTest):
    """Groups gp_inference of the reference file: kernel, ridge, mean, covariance."""

    def check(self, case: str) -> None:
        with h5py.File(REFERENCE) as file:
            group = file[case]
            inputs = {name: group[name][()] for name in ("x_train", "y_train", "x_test")}
            network = group.attrs["network"]
            # The kernels behind the numbers carry rounding of their own, on points that are almost collinear.
            tolerance = 1e-9 + 4 * group.attrs["check_kernels_rel_dev"]
            answers = {
                name: (answer["mean"][()], answer["cov"][()], dict(answer.attrs))
                for name, answer in group["gp_inference"].items()
            }
        self.write_data(**inputs)
        for name, (mean, covariance, attributes) in answers.items():
            kernel, ridge = name.split("_", 1)
            scale = "absolute" if ridge == "reg_abs" else "relative"
            value = float(attributes.get("diag_reg", 0))
            job = self.folder / "job.yaml"
            job.write_text(
                "data:\n  train: {file: data.h5, inputs: /x_train, targets: /y_train}\n"
                "  test: {file: data.h5, inputs: /x_test}\n"
                f"network:\n{network}"
                f"job: {{type: regression, kernel: {kernel}, posterior: covariance,"
                f" ridge: {{value: {value!r}, scale: {scale}}}}}\n"
                "output: {file: out.h5}\n"
            )
            for ranks, posterior in ((1, "covariance"), (2, "covariance"), (2, "variance")):
                with self.subTest(name, ranks=ranks, posterior=posterior):
                    self.assertEqual(value > 0, ridge != "reg0")
                    options = ("--overwrite", "--set", f"job.posterior={posterior}")
                    self.compute(job, *options, ranks=ranks)
                    found = self.results()
                    self.assert_close(found["/predictions/test"], mean, tolerance, "mean")
                    if posterior == "covariance":
                        self.assert_close(found["/predictions/test_covariance"], covariance, tolerance)
                    else:
                        self.assert_close(found["/predictions/test_variance"], np.diag(covariance), tolerance)

    def test_relu(self) -> None:
        self.check("predict_relu_mlp")

    def test_erf(self) -> None:
        self.check("predict_erf_mlp")


if __name__ == "__main__":
    unittest.main()

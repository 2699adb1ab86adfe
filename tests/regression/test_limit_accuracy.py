"""The limit of infinite width against networks of finite width, against the exact kernel, and its tolerance."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import h5py
import numpy as np

from program import PROGRAM, SOURCE, ProgramTest, changed, points

Array = np.ndarray
FUNCTIONS = {"tanh": {"numerical": {"fn": "tanh"}}, "relu": "relu", "gelu": "gelu", "erf": "erf"}
ONCE = {"kernels_at": [], "densities_at": []}


def rms(values: Array) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(values**2)))


def training_job(network: list[Any], **job: Any) -> dict[str, Any]:  # noqa: ANN401
    """An input file on /x and /x_test of data.h5."""
    sets = {name: {"file": "data.h5", "inputs": f"/x{end}", "targets": f"/y{end}"}
            for name, end in (("train", ""), ("test", "_test"))}
    return {
        "data": sets,
        "network": network,
        "job": {"type": "limit", "steps": 10, "optimizer": {"learning_rate": 0.3}, "record": ONCE} | job,
        "checkpoint": "none",
        "output": {"file": "out.h5"},
    }


class TrainingTest(ProgramTest):
    """Smooth targets on Gaussian points."""

    def write_points(self, *shape: int) -> None:
        """Six training points and three test points."""
        x, x_test = (points(n, int(np.prod(shape)), seed).reshape(n, *shape) for n, seed in ((6, 1), (3, 3)))
        self.targets = np.sin(2 * x.reshape(6, -1)[:, :1])
        self.write_data(x=x, x_test=x_test, y=self.targets, y_test=np.sin(2 * x_test.reshape(3, -1)[:, :1]))

    def add_lengths(self, job: dict[str, Any], steps: int) -> None:
        """Gives the sequences lengths from 1 to `steps`."""
        with h5py.File(self.folder / "data.h5", "r+") as file:
            file["lengths"], file["lengths_test"] = 1 + np.arange(6) % steps, 1 + np.arange(3) % steps
        job["data"]["train"]["lengths"], job["data"]["test"]["lengths"] = "/lengths", "/lengths_test"

    def train(self, job: dict[str, Any]) -> tuple[Array, Array | None]:
        """Outputs on training and test points, steps x points, and their standard errors."""
        self.compute(self.write_input(job), "--overwrite")
        found = self.results()
        names = [f"/limit/{part}{end}" for end in ("", "_standard_error") for part in ("train", "test")]
        parts = [found[name][..., 0] for name in names if name in found]
        return np.hstack(parts[:2]), np.hstack(parts[2:]) if len(parts) > 2 else None


class FiniteWidthTest(TrainingTest):
    """Wide networks are within their standard errors of their limit, and not of that of another optimizer."""

    WIDTH, NETWORKS = 512, 24

    def check(self, function: str, depth: int, momentum: float) -> None:
        self.write_points(4)
        network = [{"repeat": {"times": depth, "layers": [{"dense": {"w_std": 1.4}}, FUNCTIONS[function]]}}, "dense"]
        job = training_job(network, particles=4096, replicates=4)
        job["job"]["optimizer"] = {"learning_rate": 0.3 * (1 - momentum), "momentum": momentum}
        limit, limit_error = self.train(job)
        other, _ = self.train(changed(job, {"job.optimizer.momentum": 0.8 - momentum}))
        widths = {"job.type": "finite", "job.particles": None, "job.width": self.WIDTH, "job.seed": 5,
                  "job.replicates": self.NETWORKS}
        finite, finite_error = self.train(changed(job, widths))
        error = rms(np.hypot(finite_error, limit_error)[1:])
        self.assertLess(rms(finite - limit), 4 * error)
        self.assertGreater(rms(finite - other), 5 * error)

    def test_relu(self) -> None:
        self.check("relu", 2, 0)

    def test_gelu_with_momentum(self) -> None:
        self.check("gelu", 1, 0.8)

    def test_erf(self) -> None:
        self.check("erf", 4, 0)

    def test_tanh_with_momentum(self) -> None:
        self.check("tanh", 2, 0.8)


class LayersTest(TrainingTest):
    """Outputs and order parameters of networks of all kinds are those of wide networks, while features move."""

    DENSE = {"dense": {"w_std": 1.4, "b_std": 0.3}}
    CONV = {"conv": {"filter": [2], "strides": [1], "w_std": 1.4, "b_std": 0.1}}
    STEPS = 8

    def check(self, network: list[Any], *shape: int, lengths: bool = False, **changes: object) -> None:
        self.write_points(*shape)
        job = training_job(network, steps=self.STEPS, particles=4096, replicates=4, record={"densities_at": []})
        if lengths:
            self.add_lengths(job, shape[0])
        job["job"] |= changes
        widths = {"job.type": "finite", "job.particles": None, "job.width": 256, "job.replicates": 12}
        records = []
        for tree in (job, changed(job, widths)):
            self.compute(self.write_input(tree), "--overwrite")
            records.append({path.removeprefix("/limit/"): array for path, array in self.results().items()})
        limit, finite = records
        paths = [path for path in limit if path + "_standard_error" in limit]
        self.assertTrue({"train", "test", "loss", "tangent_kernel", "feature_kernel/layer_1"} <= set(paths))
        for path in paths:
            error = rms(np.hypot(limit[path + "_standard_error"], finite[path + "_standard_error"]))
            self.assertLess(rms(finite[path] - limit[path]), 4 * error, path)
            self.assertLess(error, 0.25 * rms(limit[path]), path)
        kernel = limit["tangent_kernel"]
        self.assertGreater(rms(kernel[-1] - kernel[0]), 0.05 * rms(kernel[0]))

    def test_normalised_and_residual(self) -> None:
        self.check([self.DENSE, "layer_norm", {"residual": ["relu", self.DENSE]}, "erf", "dense"], 4)

    def test_convolutions(self) -> None:
        self.check([self.CONV, "relu", self.CONV, "erf", "flatten", "dense"], 4, 2)

    def test_recurrent(self) -> None:
        rnn = {"activation": "relu", "w_std": 1.2, "u_std": 1, "b_std": 0.1}
        self.check([{"rnn": rnn | {"return": "sequence"}}, {"rnn": rnn | {"activation": "erf"}}, "dense"], 3, 2)

    def test_attention(self) -> None:
        network = [self.CONV, "relu", {"global_self_attention": {}}, "relu", "global_avg_pool", "dense"]
        self.check(network, 4, 2, optimizer={"learning_rate": 1.0})

    def test_embeddings_local_weights_and_lengths(self) -> None:
        local = {"conv_local": self.CONV["conv"] | {"padding": "same", "filter": [2]}}
        attention = {"global_self_attention": {"pos_emb_type": "sum", "val_pos_emb": True}}
        network = [local, "relu", attention, "relu", "global_avg_pool", "dense"]
        self.check(network, 3, 2, lengths=True, batch_size=4, optimizer={"learning_rate": 1.0})

    def test_dropout(self) -> None:
        def network(*dropout: object) -> list[Any]:
            return [self.DENSE, "relu", *dropout, self.DENSE, "relu", *dropout, "dense"]

        self.check(network({"dropout": {"rate": 0.4}}), 4, optimizer={"learning_rate": 0.6})
        job = changed(training_job([]), {"job.steps": self.STEPS, "job.particles": 2**15, "job.replicates": 4,
                                         "job.optimizer.learning_rate": 0.6})
        with_masks, error = self.train(job | {"network": network({"dropout": {"rate": 0.4}})})
        without, _ = self.train(job | {"network": network()})
        self.assertGreater(rms(with_masks - without), 5 * rms(error))

    def optimize(self, **more: object) -> None:
        optimizer = {"learning_rate": 0.3, "momentum": 0.8, "weight_decay": 0.1, "decay": "cosine"} | more
        self.check([self.DENSE, "relu", "dense"], 4, optimizer=optimizer, batch_size=3)

    def test_nesterov_momentum_and_weight_decay(self) -> None:
        self.optimize(nesterov=True)

    def test_clipped_gradients(self) -> None:
        self.optimize(clip=0.2)


class KernelRegimeTest(TrainingTest):
    """In the NTK parametrization training is gradient descent with the kernel of the job `gram`."""

    STEPS, RATE, RUNS = 20, 0.4, 8
    CONV = LayersTest.CONV

    def exact(self, job: dict[str, Any]) -> Array:
        """Outputs on training and test points, steps x points."""
        gram = changed(job, {"job": {"type": "gram", "kernels": ["ntk"]}, "data.train.targets": None,
                             "data.test.targets": None, "checkpoint": None})
        self.compute(self.write_input(gram), "--overwrite")
        found = self.results()
        kernel = np.vstack([found["/gram/ntk"], found["/gram_test/ntk"]])
        train = len(self.targets)
        outputs = [np.zeros(len(kernel))]
        for _ in range(self.STEPS):
            residual = (outputs[-1][:train] - self.targets[:, 0]) / train
            outputs.append(outputs[-1] - self.RATE * kernel @ residual)
        return np.array(outputs)

    def check(self, network: list[Any], *shape: int, lengths: bool = False, most: float = 0.01) -> None:
        self.write_points(*shape)
        job = training_job(network, parametrization="ntk", steps=self.STEPS, replicates=self.RUNS,
                           optimizer={"learning_rate": self.RATE})
        if lengths:
            self.add_lengths(job, shape[0])
        exact = self.exact(job)
        errors = []
        for particles in (256, 2048, 16384):
            found, error = self.train(changed(job, {"job.particles": particles}))
            self.assertLess(rms(found - exact), 4 * rms(error))
            errors.append(np.hypot(rms(found - exact), np.sqrt(self.RUNS - 1) * rms(error)))  # of one run
        # M^-1/2: each eightfold number of particles divides the error by 2.83.
        for few, many in zip(errors, errors[1:]):
            self.assertGreater(few / many, 2)
            self.assertLess(few / many, 4)
        self.assertLess(errors[-1], most * rms(exact))

    def test_convolutions(self) -> None:
        conv = {"filter": [2], "strides": [1], "w_std": 1.4, "b_std": 0.1}
        same = conv | {"padding": "same"}
        self.check([{"conv": conv}, "relu", {"conv": same}, "erf", "global_avg_pool", "dense"], 4, 2)

    def test_convolutions_of_images(self) -> None:
        self.check([{"conv": {"filter": [2, 2], "strides": [1, 1]}}, "relu", "flatten", "dense"], 3, 3, 2)

    def test_recurrent_networks(self) -> None:
        rnn = {"activation": "relu", "w_std": 1.2, "u_std": 1, "b_std": 0.1}
        self.check([{"rnn": rnn | {"return": "sequence"}}, {"rnn": rnn | {"activation": "erf"}}, "dense"], 3, 2)

    def test_local_convolutions(self) -> None:
        local = {"conv_local": {"filter": [2], "strides": [1], "w_std": 1.4, "b_std": 0.3}}
        self.check([local, "relu", local, "erf", "global_avg_pool", "dense"], 4, 2)

    def test_embeddings_of_positions(self) -> None:
        for kind in ("sum", "concat"):
            attention = {"pos_emb_type": kind, "val_pos_emb": True, "w_pos_emb_std": 0.8,
                         "pos_emb_decay": {"length": 2, "p_norm": 2}, "w_value_std": 1.2, "b_std": 0.1}
            network = [self.CONV, "relu", {"global_self_attention": attention}, "relu", "flatten", "dense"]
            self.check(network, 4, 2, most=0.02)

    def test_sequences_of_unequal_length(self) -> None:
        same = {"conv": {"filter": [3], "strides": [1], "padding": "same", "w_std": 1.4, "b_std": 0.3}}
        attention = {"global_self_attention": {"pos_emb_type": "sum", "b_std": 0.1}}
        pool = {"avg_pool": {"window": [2], "strides": [1], "padding": "same", "normalize_edges": True}}
        self.check([same, "relu", pool, attention, "erf", "global_avg_pool", "dense"], 4, 2, lengths=True)
        rnn = {"rnn": {"activation": "erf", "w_std": 1.2, "u_std": 1, "b_std": 0.1}}
        self.check([same, "relu", rnn, "dense"], 4, 2, lengths=True)


class RepresentationTest(TrainingTest):
    """Dense and conditioned matrices have one law, whatever the functions between them."""

    FUNCTIONS = [
        "relu", {"leaky_relu": {"alpha": 0.2}}, {"abrelu": {"a": -0.5, "b": 1.2}}, "abs", "erf", "sigmoid_like",
        "gelu", {"sin": {"b": 1.5, "c": 0.3}}, {"cos": {"c": 0.4}}, {"rbf": {"gamma": 0.7}}, "sign",
        {"exp": {"b": 0.4}}, "gaussian", "gabor", {"monomial": {"degree": 2}}, {"rectified_monomial": {"degree": 2}},
        {"polynomial": {"coef": [0.2, 1, -0.3]}},
        *({"numerical": {"fn": fn}} for fn in ("tanh", "sigmoid", "softplus", "swish", "elu", "selu", "mish")),
    ]

    def test_all_functions(self) -> None:
        self.write_points(4)
        for function in [*self.FUNCTIONS, {"hermite": {"degree": 2}}]:
            norm = ["layer_norm"] if "hermite" in function else []
            layers = ["dense", *norm, function, {"dense": {"b_std": 0.2}}, *norm, function, "dense"]
            job = training_job(layers, particles=256, replicates=16, steps=4)
            with self.subTest(function=str(function)):
                conditioned, error = self.train(changed(job, {"job.representation": "conditioned"}))
                dense, dense_error = self.train(changed(job, {"job.representation": "dense", "job.seed": 7}))
                self.assertGreater(rms(conditioned), 0)
                self.assertLess(rms(conditioned - dense), 3 * rms(np.hypot(error, dense_error)))


class ToleranceTest(TrainingTest):
    """What conditioned matrices leave out changes outputs by a few `tolerance` at most."""

    def test_errors_follow_the_tolerance(self) -> None:
        self.write_points(4)
        network = [{"repeat": {"times": 2, "layers": [{"dense": {"w_std": 1.4}}, FUNCTIONS["tanh"]]}}, "dense"]
        job = training_job(network, particles=2048, representation="conditioned")
        exact, _ = self.train(changed(job, {"job.tolerance": 1e-12}))
        errors, ranks = [], []
        tolerances = [10.0**k for k in range(-10, -1, 2)]
        for tolerance in tolerances:
            found, _ = self.train(changed(job, {"job.tolerance": tolerance}))
            errors.append(np.abs(found - exact).max())
            self.assertLess(errors[-1], 5 * tolerance, tolerance)
            with h5py.File(self.folder / "out.h5") as file:
                ranks.append(int(file["limit"].attrs["rank_right_W2"]))
        for finer, coarser in zip(errors, errors[1:]):
            self.assertLessEqual(finer, 3 * coarser + 1e-14)
        self.assertEqual(ranks, sorted(ranks, reverse=True))
        self.assertLess(ranks[-1], ranks[0] / 2)
        self.assertGreater(errors[-1], 1e-5)


class CompareWidthsTest(ProgramTest):
    """tools/compare_widths.py on two small widths."""

    def compare(self, *more: str) -> subprocess.CompletedProcess[str]:
        small = "--depths 1 --functions relu --optimizers sgd --widths 32 512 --seeds 16 --particles 2000"
        command = [sys.executable, str(SOURCE / "tools" / "compare_widths.py"), "--program", PROGRAM]
        command += [*small.split(), "--replicates", "4", "--threads", "1", *more]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_it_tells_right_from_wrong(self) -> None:
        right, wrong = self.compare(), self.compare("--allowed", "0.01")
        self.assertEqual(right.returncode, 0, right.stdout + right.stderr)
        self.assertRegex(right.stdout, r"relu, 1 hidden, sgd +32 +\d")
        self.assertIn("all networks approach", right.stdout)
        self.assertEqual(wrong.returncode, 1, wrong.stdout + wrong.stderr)
        self.assertIn("width 512 is off by more than 0.01 standard errors", wrong.stdout)
        self.assertEqual(self.compare("--seeds", "1").returncode, 2)

"""Training as tensor programs: the limit against wide networks, stopped and gone on with, refused."""

import signal

import h5py
import numpy as np

from program import STOPPED, ProgramTest, changed, points

TANH = {"numerical": {"fn": "tanh"}}
JOB = {
    "data": {
        "train": {"file": "data.h5", "inputs": "/x", "targets": "/y"},
        "test": {"file": "data.h5", "inputs": "/x_test", "targets": "/y_test"},
    },
    "network": [{"repeat": {"times": 2, "layers": ["dense", TANH]}}, "dense"],
    "job": {
        "type": "limit",
        "optimizer": {"learning_rate": 0.5},
        "steps": 8,
        "particles": 2048,
        "replicates": 4,
        "record": {"alignment_at": {"every": 4}},
    },
    "output": {"file": "out.h5"},
}


class LimitTest(ProgramTest):
    """A folder with the data of JOB."""

    def setUp(self) -> None:
        super().setUp()
        x, x_test = points(6, 4), points(3, 4, seed=3)
        self.write_data(x=x, y=np.sin(2 * x[:, :1]), x_test=x_test, y_test=np.sin(2 * x_test[:, :1]))


class WidthTest(LimitTest):
    """Networks approach the limit as their width grows."""

    def test_finite_networks_approach_the_limit(self) -> None:
        self.compute(self.write_input(JOB))
        limit = self.results()
        distances = []
        for width, replicates in ((16, 96), (256, 12)):
            finite = changed(JOB, {
                "job.type": "finite", "job.width": width, "job.particles": None, "job.replicates": replicates})
            self.compute(self.write_input(finite), "--overwrite")
            found = self.results()
            for name in ("train", "test", "loss"):
                error = np.hypot(found[f"/limit/{name}_standard_error"], limit[f"/limit/{name}_standard_error"])
                distance = np.abs(found[f"/limit/{name}"] - limit[f"/limit/{name}"])
                if width == 256:
                    self.assertLess((distance / np.maximum(error, 1e-12)).max(), 5, name)
            start = np.abs(found["/limit/loss"][-1] - limit["/limit/loss"][-1])
            distances.append(start)
        self.assertLess(distances[1], distances[0])

    def test_results_are_described(self) -> None:
        self.compute(self.write_input(JOB), "--set", "job.extrapolate=true")
        found = self.results()
        for path, shape in {
            "train": (9, 6, 1), "test": (9, 3, 1), "loss": (9,), "test_loss": (9,), "step": (9,),
            "feature_kernel/layer_1": (2, 6, 2, 6), "gradient_kernel/layer_2": (2, 6, 2, 6),
            "tangent_kernel": (2, 6, 6), "alignment/tangent": (3,), "alignment/feature/layer_2": (3,),
            "density/layer_1": (2, 6, 120), "density_centre": (120,), "alignment_step": (3,),
        }.items():
            self.assertEqual(found["/limit/" + path].shape, shape, path)
        for path in ("train", "loss", "feature_kernel/layer_1"):
            for more in ("_standard_error", "_bias", "_bias_standard_error"):
                self.assertEqual(found[f"/limit/{path}{more}"].shape, found["/limit/" + path].shape)
        # Outputs start at zero; densities integrate to one; a kernel is symmetric over points and steps.
        np.testing.assert_array_less(np.abs(found["/limit/train"][0]), 1e-12)
        width = found["/limit/density_centre"][1] - found["/limit/density_centre"][0]
        np.testing.assert_allclose(found["/limit/density/layer_1"].sum(axis=-1) * width, 1, atol=1e-3)
        kernel = found["/limit/feature_kernel/layer_2"].reshape(12, 12)
        np.testing.assert_allclose(kernel, kernel.T)
        with h5py.File(self.folder / "out.h5") as file:
            self.assertEqual(file["regime"].attrs["regime"], "feature_learning")
            self.assertGreater(file["limit"].attrs["rank_right_W2"], 6)

    def test_two_ranks_give_the_same_bits(self) -> None:
        network = ["dense", TANH, {"dropout": {"rate": 0.8}}, "dense", TANH, "dense"]
        job = self.write_input(changed(JOB, {"network": network, "job.replicates": 2, "job.batch_size": 2}))
        self.compute(job)
        one = self.results()
        self.compute(job, "--overwrite", ranks=2)
        for path, array in self.results().items():
            np.testing.assert_array_equal(array, one[path], path)


class LimitRestartTest(LimitTest):
    """Runs that are stopped go on to the same bits."""

    def stopped_and_resumed(self, job: dict, ranks: int) -> None:
        unsaved = self.write_input(changed(job, {"checkpoint": "none"}), "whole.yaml")
        self.compute(unsaved, "--output", "whole.h5", ranks=ranks)
        whole = self.results("whole.h5")
        running = self.start("run", self.write_input(job), ranks=ranks)
        work = self.folder / "out.checkpoint.h5"
        running.wait_until(work.exists)
        running.signal_ranks(signal.SIGTERM)
        outcome = running.wait()
        self.assertEqual(outcome.status, STOPPED, outcome.errors)
        self.assertFalse((self.folder / "out.h5").exists())
        outcome = self.compute(self.write_input(job), "--resume", ranks=ranks)
        self.assertIn("going on from", outcome.errors)
        self.assertFalse(work.exists())
        for path, array in self.results().items():
            np.testing.assert_array_equal(array, whole[path], path)

    def test_the_limit(self) -> None:
        slow = {
            "network": ["dense", TANH, "dense", TANH, {"dropout": {"rate": 0.8}}, "dense"],
            "job.steps": 30, "job.replicates": 2, "job.optimizer.momentum": 0.5, "job.batch_size": 4,
            "checkpoint": {"every": "0.001 s"},
        }
        self.stopped_and_resumed(changed(JOB, slow), ranks=1)

    def test_the_limit_on_two_ranks(self) -> None:
        few = {"job.steps": 8, "job.replicates": 1, "job.particles": 512, "checkpoint": {"every": "0.001 s"}}
        self.stopped_and_resumed(changed(JOB, few), ranks=2)

    def test_dense_matrices_in_single_precision(self) -> None:
        dense = {
            "job.steps": 30, "job.particles": 300, "job.representation": "dense", "precision": "single",
            "checkpoint": {"every": "0.001 s"},
        }
        self.stopped_and_resumed(changed(JOB, dense), ranks=1)


class LimitInputTest(LimitTest):
    """What cannot be run is said before, or as soon as it is seen."""

    def test_refused(self) -> None:
        for what, (changes, because) in {
            "no memory": (
                {"job.particles": 10**9, "resources": {"memory_per_rank": "1 GiB"}},
                (r"job\.yaml:\d+: resources\.memory_per_rank", r"job\.particles of at most \d+"),
            ),
            "diverges": ({"job.optimizer.learning_rate": 100.0, "job.steps": 100}, ("(diverges|not finite)", "step", "loss")),
            "batch": ({"job.batch_size": 7}, (r"batch_size", "7")),
            "trivial": (
                {"job.parametrization": {"layers": [{"a": 0, "b": 0, "c": 3}] * 3}}, ("parametrization",)),
            "not built": ({"job.optimizer.type": "adam"}, ("adam", "not built")),
            "multipliers": ({"job.optimizer.multipliers": [1, 2]}, ("multipliers",)),
            "kernels": ({"job.record.kernels_at": [9]}, ("kernels_at",)),
            "too few particles": ({"job.particles": 20, "job.representation": "conditioned"}, ("particles",)),
        }.items():
            with self.subTest(what):
                outcome = self.run_program("run", self.write_input(changed(JOB, changes)), "--overwrite")
                self.assert_refused(outcome, *because)
                self.assertFalse((self.folder / "out.h5").exists())

    def test_remedies_for_too_few_particles(self) -> None:
        few = {"job.particles": 20, "job.representation": "conditioned"}
        said = self.assert_refused(self.run_program("run", self.write_input(changed(JOB, few))), "cannot be matched")
        for key, value in (("representation", "dense"), ("moment_matching", False), ("tolerance", 0.2)):
            self.assertIn(f"job.{key}", said)
            self.compute(self.write_input(changed(JOB, few | {f"job.{key}": value})), "--overwrite")

    def test_lengths_of_sequences_for_a_written_program(self) -> None:
        lengths = [3, 1, 2, 3, 2, 1]
        self.write_data(x=points(6, 6).reshape(6, 3, 2), y=points(6, 1), lengths=np.array(lengths))
        program = """
            data train_inputs [2, 18]
            vector U [2] gaussian 1
            observe:
              ends = 1*train_lengths
              h = U @ train_inputs
              q = mean: h^2
            record other ends observe=ends
            record other q observe=q
        """
        deaf = program.replace("1*train_lengths", "1*train_inputs")
        job = changed(JOB, {"network": None, "program": deaf, "data.test": None, "data.train.lengths": "/lengths",
                            "job.steps": 1, "job.record": None})
        refused = self.run_program("run", self.write_input(job))
        self.assert_refused(refused, "the sequences have lengths", r"declare `data train_lengths \[1, 18\]`")
        hears = "data train_lengths [1, 18]\n" + program
        self.compute(self.write_input(job | {"program": hears}))
        found = self.results()
        ends = np.arange(3)[None] == np.array(lengths)[:, None] - 1
        self.assertTrue((found["/limit/observable/ends"][0] == ends.reshape(1, 18)).all())
        beyond = np.arange(3)[None] >= np.array(lengths)[:, None]
        self.assertTrue(((found["/limit/observable/q"][0] == 0) == beyond.reshape(1, 18)).all())
        whole = self.run_program("run", self.write_input(changed(job | {"program": hears}, {"data.train.lengths": None})))
        self.assert_refused(whole, "`train_lengths` needs data.train.lengths")

    def test_the_plan(self) -> None:
        outcome = self.run_program("check", self.write_input(JOB))
        self.assertEqual(outcome.status, 0, outcome.errors)
        for pattern in (r"W2 +conditioned, rank about \d+ and \d+", "features move", "memory", "flops"):
            self.assertRegex(outcome.output, pattern)

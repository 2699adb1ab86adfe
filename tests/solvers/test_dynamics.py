"""Training in function space through the program: against reference numbers, plain recursions and wide finite networks;
stopped and gone on with; refused."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

REFERENCE = os.environ.get("WIDELIMIT_REFERENCE_KERNELS", "")
POINTS = 150

INPUT = """
data:
  train: {file: data.h5, inputs: /x, targets: /y}
  test: {file: data.h5, inputs: /test_x, targets: /test_y}
network: [dense: {w_std: 1.4, b_std: 0.1}, relu, dense: {w_std: 1.4, b_std: 0.1}, relu, dense]
job: {type: dynamics}
"""


def one_hot(labels, classes):
    return np.eye(classes)[labels]


def write_data(path):
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        for name, count in (("", POINTS), ("test_", 40)):
            x = random.standard_normal((count, 6))
            file[name + "x"] = x
            file[name + "y"] = np.stack([np.sin(x[:, 0]), x[:, 1] * x[:, 2]], axis=1)
            labels = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0.5)
            file[name + "labels"] = labels
            file[name + "binary"] = (labels > 0).astype(float)
            file[name + "f0"] = 0.1 * random.standard_normal((count, 2))
        file["order"] = np.array([random.permutation(POINTS)[:10] for _ in range(30)])
        file["short_order"] = np.array([[3, 1, -1], [149, -1, -1]])
        file["wrong_order"] = np.array([[3, 1], [150, 0]])
        file["twice"] = np.array([[3, 1], [4, 4]])


def softmax(f):
    e = np.exp(f - f.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Dynamics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        write_data(cls.folder / "data.h5")
        (cls.folder / "run.yaml").write_text(INPUT)
        cls.run_program("gram.h5", settings=["job={type: gram, kernels: [ntk]}"])
        with h5py.File(cls.folder / "gram.h5") as file:
            cls.k, cls.k_test = file["gram/ntk"][()], file["gram_test/ntk"][()]
        with h5py.File(cls.folder / "data.h5") as file:
            cls.data = {name: file[name][()] for name in file}

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @classmethod
    def command(cls, output, *arguments, settings=(), file="run.yaml"):
        words = os.environ["MPIEXEC"].split() + [os.environ["WIDELIMIT"], "run", str(cls.folder / file)]
        words += ["--output", str(cls.folder / output), *arguments]
        for setting in settings:
            words += ["--set", setting]
        return words

    @classmethod
    def run_program(cls, output, *arguments, settings=(), expect=0, file="run.yaml"):
        command = cls.command(output, *arguments, settings=settings, file=file)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != expect:
            raise AssertionError(f"{done.returncode}, not {expect}: {done.stderr}")
        return done.stderr

    def read(self, output):
        """All data sets, by path, and the attributes of /dynamics."""
        arrays = {}
        with h5py.File(self.folder / output) as file:
            file.visititems(lambda name, item: arrays.update({name: item[()]}) if hasattr(item, "shape") else None)
            return arrays, dict(file["dynamics"].attrs)

    def assert_close(self, found, expected, tolerance, message=""):
        self.assertEqual(found.shape, expected.shape, message)
        self.assertLess(abs(found - expected).max(), tolerance * abs(expected).max(), message)

    # --- flow of the squared error

    def test_all_ways_of_flow_agree(self):
        common = ["job.times=[0, 1, 30, 1000]", "job.optimizer.learning_rate=0.5", "job.ridge.value=1e-3"]
        common += ["job.initial={file: data.h5, train: /f0, test: /test_f0}"]
        self.run_program("eigen.h5", settings=common)
        expected, attributes = self.read("eigen.h5")
        self.assertEqual(attributes["method"], "eigen")
        for number, settings in enumerate(
            (["job.method=krylov"], ["job.method=ode"], ["job.method=krylov", "job.gram=recomputed"])
        ):
            self.run_program(f"flow{number}.h5", settings=[*common, *settings, "job.tolerance=1e-9"])
            found, about = self.read(f"flow{number}.h5")
            for path in ("dynamics/train", "dynamics/test", "dynamics/train_with_ridge", "dynamics/loss"):
                self.assert_close(found[path], expected[path], 1e-7, (settings, path))
            self.assertAlmostEqual(about["largest_eigenvalue"] / attributes["largest_eigenvalue"], 1, 3)
        k, y, f0 = self.k, self.data["y"], self.data["f0"]
        values, vectors = np.linalg.eigh(k)
        ridge = 1e-3 * np.trace(k) / POINTS
        for t, train, test in zip(expected["dynamics/time"], expected["dynamics/train"], expected["dynamics/test"]):
            weight = -np.expm1(-(values + ridge) * 0.5 * t / POINTS) / (values + ridge)
            a = vectors @ (weight[:, None] * (vectors.T @ (y - f0)))
            self.assert_close(train, f0 + k @ a, 1e-9)
            self.assert_close(test, self.data["test_f0"] + self.k_test @ a, 1e-9)

    @unittest.skipUnless(os.path.exists(REFERENCE), "no reference numbers")
    def test_reference_numbers_from_the_inputs(self):
        with h5py.File(REFERENCE) as file:
            for group in ("predict_relu_mlp", "predict_erf_mlp"):
                self.compare_with_reference(file[group])

    def compare_with_reference(self, group):
        data = self.folder / (group.name.strip("/") + ".h5")
        with h5py.File(data, "w") as file:
            for name in ("x_train", "x_test", "y_train", "y_train_onehot", "f0_train", "f0_test"):
                file[name] = group[name][()]
        network = group.attrs["network"].replace("\n", "\n  ")
        (self.folder / "reference.yaml").write_text(
            f"data:\n  train: {{file: {data.name}, inputs: /x_train, targets: /y_train}}\n"
            f"  test: {{file: {data.name}, inputs: /x_test}}\nnetwork:\n  {network}\n"
            "job: {type: dynamics, average: entries}\n"
        )
        initial = f"job.initial={{file: {data.name}, train: /f0_train, test: /f0_test}}"
        condition = group.attrs["condition_number_ntk_dd"]
        tolerance = 1e-9 * condition / 1e3 + condition * 1e-9
        cases = [
            ("gradient_descent/cross_entropy_ntk_lr20", "_tight",
             ["job.loss=cross_entropy", "data.train.targets=/y_train_onehot", "job.tolerance=1e-10", initial]),
            ("gradient_descent/cross_entropy_ntk_lr5_momentum0.9", "_tight",
             ["job.loss=cross_entropy", "data.train.targets=/y_train_onehot", "job.tolerance=1e-10", initial]),
            ("gradient_descent/mse_ntk_lr1_momentum0.9", "_tight", [initial]),
            ("gradient_descent_mse/ntk_reg_rel_lr1_f0", "", ["job.ridge.value=1e-3", initial]),
            ("gradient_descent_mse_ensemble/ntk_reg_abs_lr1", "ensemble",
             ["job.ridge={value: 1e-3, scale: absolute}", "job.ensemble=true"]),
            ("gradient_descent_mse_ensemble/nngp_reg_rel_lr1", "ensemble",
             ["job.ridge={value: 1e-3}", "job.ensemble=true", "job.kernel=nngp"]),
        ]  # fmt: skip
        for path, kind, settings in cases:
            case = group[path]
            times = ", ".join("inf" if np.isinf(t) else repr(float(t)) for t in case["t"][()])
            settings = [*settings, f"job.times=[{times}]", f"job.optimizer.learning_rate={case.attrs['learning_rate']}"]
            momentum = case.attrs.get("momentum", "none")
            if momentum != "none":
                settings.append(f"job.optimizer.momentum={momentum}")
            self.run_program("reference.h5", "--overwrite", settings=settings, file="reference.yaml")
            found, about = self.read("reference.h5")
            if kind == "ensemble":
                self.assert_close(found["dynamics/test"], case["mean_test"][()], 1e-5 if "nngp" in path else 1e-6, path)
                self.assert_close(found["dynamics/train_with_ridge"], case["mean_train"][()], 1e-6, path)
                self.assert_close(found["dynamics/test_covariance"], case["cov_test"][()], 1e-6, path)
                self.assert_close(found["dynamics/train_with_ridge_covariance"], case["cov_train"][()], 1e-6, path)
                continue
            bound = max(tolerance, 1e-8)
            self.assert_close(found["dynamics/test"], case["f_test" + kind][()], bound, path)
            train = case["f_train_regularized"] if "f_train_regularized" in case else case["f_train" + kind]
            self.assert_close(found["dynamics/train"], train[()], bound, path)
        rates = group["max_learning_rate"]
        self.run_program("rate.h5", "--overwrite", file="reference.yaml",
                         settings=["job.optimizer={type: gd, learning_rate: 0.1, momentum: 0.9}", "job.steps=1"])  # fmt: skip
        self.assertAlmostEqual(self.read("rate.h5")[1]["largest_stable_learning_rate"] / rates["value"][2], 1, 7)

    # --- steps

    def recursion(self, batches, rate, loss, targets, momentum=0.0, nesterov=False, decay=0.0):
        """Outputs at the training and test points after each step, by the definition, in plain NumPy."""
        f0, k, n = np.zeros_like(targets), self.k, POINTS
        a, velocity = np.zeros_like(targets), np.zeros_like(targets)
        states = [a]
        for batch in batches:
            f = f0 + k @ a
            slope = np.zeros_like(targets)
            residual = {"mse": f, "softmax": softmax(f), "logistic": 1 / (1 + np.exp(-f))}[loss] - targets
            slope[batch] = residual[batch] / len(batch)
            slope += decay * a
            velocity = momentum * velocity + slope
            a = a - rate * (slope + momentum * velocity if nesterov else velocity)
            states.append(a)
        return np.array([k @ a for a in states]), np.array([self.k_test @ a for a in states])

    def test_steps_follow_the_recursion(self):
        y, labels = self.data["y"], one_hot(self.data["labels"], 3)
        binary = self.data["binary"][:, None]
        every = [np.arange(POINTS)] * 12
        cases = [
            ("mse", y, "gd", {}, []),
            ("mse", y, "gd", {"momentum": 0.8, "nesterov": True}, ["job.gram=recomputed"]),
            ("mse", y, "sgd", {"momentum": 0.5, "decay": 0.02}, []),
            ("softmax", labels, "sgd", {"momentum": 0.5}, ["job.gram=recomputed"]),
            ("logistic", binary, "gd", {}, []),
        ]
        for number, (loss, targets, kind, rule, settings) in enumerate(cases):
            settings = [*settings, f"job.optimizer.type={kind}", "job.optimizer.learning_rate=0.05", "job.steps=[0, 5, 12]"]
            for key, value in rule.items():
                name = {"decay": "weight_decay"}.get(key, key)
                settings.append(f"job.optimizer.{name}={str(value).lower()}")
            if kind == "sgd":
                settings.append("job.optimizer.batch_size=40")
            if loss != "mse":
                settings.append("job.loss=cross_entropy")
            if loss == "softmax":
                settings += ["data.targets=one_hot", "data.train.targets=/labels", "data.test.targets=/test_labels"]
            if loss == "logistic":
                settings += ["data.train.targets=/binary", "data.test.targets=/test_binary"]
            output = f"steps{number}.h5"
            self.run_program(output, settings=settings)
            found, about = self.read(output)
            batches = every
            if kind == "sgd":
                order = found["dynamics/batches"]
                self.assertEqual(order.shape, (12, 40))
                batches = [row[row >= 0] for row in order]
                self.assertEqual([len(batch) for batch in batches[:5]], [40, 40, 40, 30, 40])
                self.assertEqual(sorted(np.concatenate(batches[:4])), list(range(POINTS)))
            train, test = self.recursion(batches, 0.05, loss, targets, **rule)
            scale = abs(train).max()
            self.assertLess(abs(found["dynamics/train"] - train[[0, 5, 12]]).max(), 1e-10 * scale, loss)
            self.assertLess(abs(found["dynamics/test"] - test[[0, 5, 12]]).max(), 1e-10 * scale, loss)
            self.assertEqual(list(found["dynamics/time"]), [0, 5, 12])
            if loss == "mse":
                expected = [((f - targets) ** 2).sum() / (2 * POINTS) for f in train[[0, 5, 12]]]
            elif loss == "softmax":
                expected = [-(targets * np.log(softmax(f))).sum() / POINTS for f in train[[0, 5, 12]]]
                accuracy = (train[12].argmax(1) == targets.argmax(1)).mean()
                self.assertAlmostEqual(found["metrics/train/accuracy"], accuracy)
            else:
                expected = [(np.logaddexp(0, f) - targets * f).sum() / POINTS for f in train[[0, 5, 12]]]
                accuracy = ((train[12] > 0) == (targets > 0.5)).mean()
                self.assertAlmostEqual(found["metrics/train/accuracy"], accuracy)
            np.testing.assert_allclose(found["dynamics/loss"], expected, rtol=1e-10)

    def test_a_given_order_of_batches(self):
        settings = ["job.optimizer={type: sgd, learning_rate: 0.1, batches: {file: data.h5, order: /order}}"]
        self.run_program("order.h5", settings=[*settings, "job.steps=35"])
        found, _ = self.read("order.h5")
        order = self.data["order"]
        batches = [order[step % 30] for step in range(35)]
        np.testing.assert_array_equal(found["dynamics/batches"], batches)
        train, _ = self.recursion(batches, 0.1, "mse", self.data["y"])
        self.assert_close(found["dynamics/train"][-1], train[-1], 1e-11)
        short = settings[0].replace("/order", "/short_order")
        self.run_program("short.h5", settings=[short, "job.steps=2"])
        train, _ = self.recursion([[3, 1], [149]], 0.1, "mse", self.data["y"])
        self.assert_close(self.read("short.h5")[0]["dynamics/train"][-1], train[-1], 1e-11)

    def test_flow_of_cross_entropy_is_small_steps(self):
        common = ["job.loss=cross_entropy", "data.targets=one_hot", "data.train.targets=/labels"]
        common += ["data.test.targets=/test_labels"]
        self.run_program("ce.h5", settings=[*common, "job.times=[0, 20]", "job.tolerance=1e-9"])
        flow, about = self.read("ce.h5")
        self.assertEqual(about["method"], "ode")
        errors = []
        for steps in (400, 800):
            self.run_program(
                f"ce{steps}.h5",
                settings=[*common, f"job.optimizer={{type: gd, learning_rate: {20 / steps}}}", f"job.steps=[{steps}]"],
            )
            errors.append(abs(self.read(f"ce{steps}.h5")[0]["dynamics/test"][-1] - flow["dynamics/test"][-1]).max())
        self.assertLess(errors[0], 0.02 * abs(flow["dynamics/test"][-1]).max())
        self.assertAlmostEqual(errors[0] / errors[1], 2, delta=0.1)

    def test_long_times_of_cross_entropy_take_few_steps(self):
        settings = ["job.loss=cross_entropy", "data.train.targets=/binary", "data.test.targets=/test_binary"]
        self.run_program("long.h5", settings=[*settings, "job.times=[1, 1e3, 1e6]", "job.optimizer.learning_rate=1"])
        found, about = self.read("long.h5")
        self.assertLess(about["steps"], 3000)
        self.assertLess(found["dynamics/loss"][-1], 1e-3)

    # --- finite networks

    def test_a_wide_network_trained_on_the_same_batches_is_the_same(self):
        # One hidden layer, all weights trained, the squared error of its own initial outputs; with momentum, and with
        # weight decay that shrinks the initial weights, and with them the kernel, to three quarters.
        yaml = INPUT.replace("dense: {w_std: 1.4, b_std: 0.1}, relu, dense: {w_std: 1.4, b_std: 0.1}, relu, dense",
                             "dense: {w_std: 1.4142135623730951}, relu, dense")  # fmt: skip
        self.assertNotEqual(yaml, INPUT)
        (self.folder / "shallow.yaml").write_text(yaml)
        x, x_test, y = self.data["x"][:24], self.data["test_x"], self.data["y"][:24]
        rules = (
            {"momentum": 0.0, "decay": 0.0},
            {"momentum": 0.5, "decay": 0.0},
            {"momentum": 0.0, "decay": 0.02},
        )
        for rule in rules:
            errors = {}
            for width in (8192, 65536):
                distances = []
                for seed in range(2):
                    train, test, order = self.train_network(x, x_test, y, width, seed, **rule)
                    with h5py.File(self.folder / "start.h5", "w") as file:
                        file["train"], file["test"], file["order"] = train[0], test[0], order
                    settings = ["data.train.rows=[0, 24]", "job.steps=[0, 10, 30]"]
                    settings += ["job.initial={file: start.h5, train: /train, test: /test}"]
                    settings += ["job.optimizer={type: sgd, learning_rate: 0.5, decay_towards: zero, "
                                 f"momentum: {rule['momentum']}, weight_decay: {rule['decay']}, "
                                 "batches: {file: start.h5, order: /order}}"]  # fmt: skip
                    self.run_program("network.h5", "--overwrite", settings=settings, file="shallow.yaml")
                    found = self.read("network.h5")[0]
                    for set_name, outputs in (("train", train), ("test", test)):
                        moved = outputs[[10, 30]] - outputs[0]
                        difference = found[f"dynamics/{set_name}"][1:] - outputs[[10, 30]]
                        distances.append(np.linalg.norm(difference) / np.linalg.norm(moved))
                errors[width] = np.mean(distances)
            # A part in the square root of the width, and falling with it: by 2.8 for 8 times the width.
            self.assertLess(errors[8192], 4 / np.sqrt(8192), rule)
            self.assertLess(errors[65536], 0.6 * errors[8192], rule)

    @staticmethod
    def train_network(x, x_test, y, width, seed, momentum, decay, rate=0.5, steps=30, batch=8):
        random = np.random.default_rng(seed)
        both = np.concatenate([x, x_test]) * np.sqrt(2 / x.shape[1])
        weights = [random.standard_normal((x.shape[1], width)), random.standard_normal((width, y.shape[1]))]
        velocity = [np.zeros_like(w) for w in weights]
        order = np.array([random.permutation(len(x))[:batch] for _ in range(steps)])
        outputs = []
        for step in range(steps + 1):
            hidden = both @ weights[0]
            outputs.append(np.maximum(hidden, 0) @ weights[1] / np.sqrt(width))
            if step == steps:
                break
            rows = order[step]
            residual = (outputs[-1][rows] - y[rows]) / batch
            back = (residual @ weights[1].T) * (hidden[rows] > 0) / np.sqrt(width)
            slopes = [both[rows].T @ back, np.maximum(hidden[rows], 0).T @ residual / np.sqrt(width)]
            for w, v, slope in zip(weights, velocity, slopes):
                v *= momentum
                v += slope + decay * w
                w -= rate * v
        outputs = np.array(outputs)
        return outputs[:, : len(x)], outputs[:, len(x) :], order

    # --- stopped, gone on with

    def test_goes_on_bit_for_bit(self):
        order = ["job.optimizer={type: sgd, learning_rate: 0.05, momentum: 0.9, batch_size: 16}", "job.steps=1500"]
        ode = ["job.loss=cross_entropy", "data.train.targets=/binary", "data.test.targets=/test_binary"]
        ode += ["job.times=[1, 10, 1e3, 3e3]", "job.tolerance=1e-9", "job.optimizer.learning_rate=2"]
        for name, settings in (("sgd", order), ("ode", ode)):
            self.run_program(f"{name}.h5", settings=settings)
            often = [*settings, "checkpoint.every=0.001 s"]
            with subprocess.Popen(
                self.command(f"{name}_cut.h5", settings=often), stderr=subprocess.PIPE, text=True
            ) as process:
                state = self.folder / f"{name}_cut.checkpoint.h5"
                while process.poll() is None and not state.exists():
                    time.sleep(0.001)
                process.send_signal(signal.SIGUSR1)  # which mpiexec passes on
                said = process.communicate()[1]
            self.assertEqual(process.returncode, 75, said)
            self.assertFalse((self.folder / f"{name}_cut.h5").exists())
            said = self.run_program(f"{name}_cut.h5", "--resume", settings=settings)
            self.assertIn("going on from", said)
            whole, resumed = self.read(f"{name}.h5")[0], self.read(f"{name}_cut.h5")[0]
            for path in ("dynamics/train", "dynamics/test", "dynamics/loss", "dynamics/time"):
                np.testing.assert_array_equal(resumed[path], whole[path], (name, path))
            self.assertFalse(list(self.folder.glob(f"{name}_cut.checkpoint*")))

    # --- refused

    def test_bad_input_is_said_plainly(self):
        gd = "job.optimizer.type=gd"
        cases = {
            "larger than the training set of 150": ["job.optimizer={type: sgd, batch_size: 151}"],
            "times must ascend": ["job.times=[1, 10, 5]"],
            "from 0|at least 0|negative": ["job.times=[-1, 5]"],
            "steps must ascend": [gd, "job.steps=[5, 5]"],
            "give `steps` to gd": [gd, "job.times=[1]"],
            "outputs grow without end": ["job.loss=cross_entropy", "job.times=[1, inf]"],
            "targets from 0 to 1": ["job.loss=cross_entropy", "job.times=[1]"],
            "row 1 .*names point 150": ["job.optimizer={type: sgd, batches: {file: data.h5, order: /wrong_order}}", "job.steps=1"],
            "row 1 .*names a point twice": ["job.optimizer={type: sgd, batches: {file: data.h5, order: /twice}}", "job.steps=1"],
            "covariances over initialisations": [gd, "job.ensemble=true"],
            "`dense` has a bias": ["job.optimizer={type: gd, weight_decay: 0.1, decay_towards: zero}"],
            "give their outputs|test points: give": ["job.initial={file: data.h5, train: /f0}"],
            "holds 80 numbers": ["job.initial={file: data.h5, train: /test_f0, test: /test_f0}"],
            "job.gram: recomputed": [gd, "job.gram=stored", "resources.memory_per_rank=150 MiB"],
        }  # fmt: skip
        for number, (text, settings) in enumerate(cases.items()):
            with self.subTest(text):
                said = self.run_program(f"bad{number}.h5", settings=settings, expect=2)
                self.assertRegex(" ".join(said.split()), text)
                self.assertFalse((self.folder / f"bad{number}.h5").exists())

    def test_training_that_diverges_keeps_what_came_before(self):
        settings = ["job.optimizer={type: gd, learning_rate: 1000}", "job.steps=[0, 1, 2, 5000]"]
        said = " ".join(self.run_program("diverged.h5", settings=settings, expect=2).split())
        self.assertRegex(said, r"not finite any more at step \d+.*learning_rate.*stable up to about")
        self.assertEqual(list(self.read("diverged.h5")[0]["dynamics/time"]), [0, 1, 2])


if __name__ == "__main__":
    unittest.main()

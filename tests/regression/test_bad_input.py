"""What a user can get wrong ends with status 2 and one paragraph that says what to do, and changes no file."""

import unittest
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from program import ProgramTest, changed, kernel_job, points

N = 40
REGRESSION = changed(
    kernel_job("regression", ridge={"value": 1e-3}),
    {"data.test.targets": "/y_test", "precision": "double", "resources": {"tile": 64}},
)
LABELS = {"data.train.targets": "/labels", "data.test.targets": "/labels_test", "data.targets": "one_hot"}


IMAGES = {"data.train.inputs": "/images", "data.test.inputs": "/images_test"}
SEQUENCES = {
    "data.train.inputs": "/sequences",
    "data.test.inputs": "/sequences_test",
    "data.train.patterns": {"bonds": "/bonds"},
    "data.test.patterns": {"bonds": "/bonds_all"},
    "network": ["dense", "relu", "flatten", "dense"],
}


def network(*layers: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"network": list(layers)}


# What is changed in REGRESSION, the key of the input file whose line is named (empty: none), what is said of it.
KEYS = {
    "unknown key": ({"resource": {}}, "resource", r"resource: unknown key.*mean `resources`"),
    "unknown key in a map": ({"job.kernal": "ntk"}, "kernal", r"job.kernal: unknown key.*mean `kernel`"),
    "unknown key of a layer": (network({"dense": {"wstd": 1}}), "wstd", r"dense.wstd: unknown key.*mean `w_std`"),
    "unknown job": (
        {"job.type": "regresion"},
        "type",
        r"job.type: expected one of .*mean `regression`.*found `regresion`",
    ),
    "job that is not built": ({"job.type": "maml"}, "type", r"job.type.*maml.*not built"),
    "unknown choice": ({"job.kernel": "ntkk"}, "kernel", r"job.kernel: expected one of .*mean `ntk`.*found `ntkk`"),
    "no network": ({"network": None}, "", r"network"),
    "no data": ({"data": None}, "", r"data"),
    "no targets": ({"data.train.targets": None}, "train", r"data.train.*targets"),
    "text for a number": ({"job.ridge.value": "small"}, "value", r"job.ridge.value.*number.*small"),
    "a list for a map": ({"job": ["regression"]}, "job", r"job.*map"),
    "a number below its range": ({"job.ridge.value": -1}, "value", r"job.ridge.value.*-1"),
    "a tile of nothing": ({"resources.tile": 0}, "tile", r"resources.tile.*0"),
    "a part of a point": ({"resources.tile": 1.5}, "tile", r"resources.tile.*1\.5"),
    "not a number": ({"job.ridge.value": ".nan"}, "value", r"job.ridge.value"),
    "memory without a unit": ({"resources.memory_per_rank": "much"}, "memory_per_rank", r"memory_per_rank.*much"),
    "a time without a unit": ({"checkpoint": {"every": "often"}}, "every", r"checkpoint.every.*often"),
    "wrong precision": (
        {"precision": "half"},
        "precision",
        r"precision: expected one of double, single, mixed, found `half`",
    ),
    "unknown layer": (network("dense", "rellu", "dense"), "rellu", r"unknown layer `rellu`.*mean `relu`"),
    "no weights": (network("relu"), "relu", r"`relu`.*needs a Gaussian input.*`dense`"),
    "dropout of the inputs": (network("dropout", "dense"), "dropout", r"`dropout`.*raw input.*`dense`"),
    "sum of nothing": (network({"sum": []}), "sum", r"sum"),
    "negative weights": (network({"dense": {"w_std": -1}}), "w_std", r"w_std.*-1"),
}

DATA = {
    "missing file": ({"data.train.file": "none.h5"}, "", r"no such file.*none\.h5"),
    "not HDF5": ({"data.train.file": "text.h5"}, "", r"text\.h5 is not an HDF5 file"),
    "cut short": ({"data.train.file": "short.h5"}, "", r"short\.h5 is cut short"),
    "a folder": ({"data.train.file": "."}, "", r"folder"),
    "no such data set": ({"data.train.inputs": "/xx"}, "inputs", r"no data set /xx.*mean /x"),
    "a group": ({"data.train.inputs": "/group"}, "inputs", r"group.*not a data set"),
    "text": ({"data.train.inputs": "/text"}, "inputs", r"no numbers.*string"),
    "a vector": ({"data.train.inputs": "/labels"}, "inputs", r"labels.*\[40\].*\[N, D\]"),
    "too many axes": ({"data.train.inputs": "/volumes"}, "inputs", r"volumes.*\[N, H, W, C\]"),
    "other features": ({"data.test.inputs": "/narrow"}, "inputs", r"data.test.inputs.*5 features.*6"),
    "other outputs": ({"data.test.targets": "/y_wide"}, "targets", r"data.test.targets.*3 columns.*2"),
    "too few targets": ({"data.train.targets": "/y_short"}, "targets", r"data.train.targets.*39 rows.*40 inputs"),
    "rows beyond the end": ({"data.train.rows": [0, 41]}, "rows", r"data.train.rows.*\[0, 41\].*has 40.*end <= 40"),
    "rows backwards": ({"data.train.rows": [20, 10]}, "rows", r"data.train.rows.*begin < end"),
    "row numbers beyond the end": ({"data.train.rows": "/far"}, "rows", r"entry 1 is 40.*0 to 39"),
    "NaN": ({"data.train.inputs": "/x_nan"}, "inputs", r"/x_nan: row 17, column 3.*NaN"),
    "infinite": ({"data.test.inputs": "/x_inf"}, "inputs", r"/x_inf: row 23, column 2.*infinite"),
    "too large for single precision": (
        {"data.train.inputs": "/x_huge", "precision": "single"},
        "inputs",
        r"/x_huge: row 5, column 1.*single",
    ),
    "NaN in targets": ({"data.train.targets": "/y_nan"}, "targets", r"/y_nan: row 3, column 1.*NaN"),
    "labels that are no integers": (LABELS | {"data.train.targets": "/y1"}, "targets", r"/y1.*integers"),
    "negative labels": (LABELS | {"data.train.targets": "/labels_negative"}, "", r"targets.*-1"),
    "labels of unseen classes": (LABELS | {"data.test.targets": "/labels_far"}, "", r"data.test.targets.*9"),
    "kernels that overflow": (
        network({"dense": {"w_std": 1e200}}, "relu", {"dense": {"w_std": 1e200}}),
        "",
        r"overflow|infinite",
    ),
    "output is the data": ({"output.file": "data.h5"}, "file", r"data\.h5.*training data.*write elsewhere"),
    "output in no folder": ({"output.file": "nowhere/out.h5"}, "", r"no folder.*nowhere"),
    "output is a folder": ({"output.file": "."}, "", r"folder"),
    "output exists": ({"output.file": "text.h5"}, "", r"text\.h5: exists already.*--overwrite"),
    "too little memory": (
        {"resources.memory_per_rank": "10 MiB"},
        "memory_per_rank",
        r"resources.memory_per_rank.*needs about .*10 MiB",
    ),
}


POSITIONS = IMAGES | network("conv", "relu", "flatten", "dense")

# What is changed in POSITIONS; the network fits the shape of the data, or says what does not.
POSITIONS_TABLE = {
    "images for a perceptron": (
        network("dense", "relu", "dense"),
        "dense",
        r"`dense` \(line \d+\) and still has 4 x 4 positions, those of the data.*`flatten` first.*--shape flat",
    ),
    "vectors for a convolution": (
        {"data.train.inputs": "/x", "data.test.inputs": "/x_test"},
        "conv",
        r"`conv` \(line \d+\) works on positions, but the data are vectors.*\[N, H, W, C\]",
    ),
    "images trained, vectors tested": (
        {"data.test.inputs": "/x_test"},
        "inputs",
        r"data.test.inputs.*6 features.*4 x 4 positions of 3 channels",
    ),
    "attention on vectors": (
        network({"conv": {"padding": "same"}}, "flatten", "dense", "global_self_attention", "dense"),
        "global_self_attention",
        r"`global_self_attention` \(line \d+\) works on positions, but `dense` \(line \d+\) leaves none",
    ),
    "a filter larger than the image": (
        network("conv", {"conv": {"filter": [1, 3]}}, "flatten", "dense"),
        "conv",
        r"`conv`.*leaves no positions: its filter of 3 is longer than the 2 positions of axis 2, which `conv`.*same",
    ),
    "a pool that leaves nothing": (
        network("conv", "relu", {"avg_pool": {"window": 3}}, "flatten", "dense"),
        "avg_pool",
        r"`avg_pool` \(line \d+\) leaves no positions: its window of 3",
    ),
    "branches of other shapes": (
        network("conv", {"sum": [[{"conv": {"padding": "same"}}], ["relu", {"conv": {"filter": 2}}]]}, "flatten"),
        "sum",
        r"branches of `sum`.*branch 1, made by `conv`.*has 2 x 2 positions, but branch 2, made by .* 1 x 1 position",
    ),
    "a readout with positions": (
        network("conv", "relu", "dense"),
        "dense",
        r"ends with `dense`.*still has 2 x 2 positions.*`flatten` or `global_avg_pool`",
    ),
    "recurrent network on images": (network("rnn", "dense"), "rnn", r"`rnn`.*works on sequences.*4 x 4 positions"),
    "an unknown pattern": (
        SEQUENCES | network({"aggregate": {"pattern": "bond"}}, "dense", "flatten"),
        "aggregate",
        r"pattern `bond`.*mean `bonds`",
    ),
    "patterns of another size": (
        SEQUENCES | {"data.train.patterns.bonds": "/bonds_small"},
        "bonds",
        r"bonds_small has the shape \[40, 4, 4\].*\[40, 5, 5\]",
    ),
    "a pattern for one part only": (
        SEQUENCES | {"data.test.patterns": None},
        "test",
        r"pattern `bonds` of data.train.patterns is missing in data.test",
    ),
    "lengths of images": ({"data.train.lengths": "/lengths"}, "lengths", r"lengths are of sequences"),
    "lengths beyond the end": (
        SEQUENCES | {"data.train.lengths": "/lengths_long"},
        "lengths",
        r"lengths_long: the length of sequence 3 is 6.*from 1 to the number of positions, 5",
    ),
    "sequences too short for a filter": (
        SEQUENCES | {"data.train.lengths": "/lengths"} | network("conv", "flatten", "dense"),
        "conv",
        r"`conv`.*leaves no positions.*in a sequence of length 2",
    ),
}


class BadInputTest(ProgramTest):
    """One folder of data for all rows of the tables."""

    def setUp(self) -> None:
        super().setUp()
        x, y = points(N, 6), points(N, 2, seed=2)
        labels = np.arange(N) % 4

        def with_value(array: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
            copy = array.copy()
            copy[row, column] = value
            return copy

        path = self.write_data(
            x=x,
            y=y,
            x_test=points(30, 6, seed=3),
            y_test=points(30, 2, seed=4),
            y_wide=points(30, 3),
            y_short=y[:39],
            y1=y[:, 0],
            y_nan=with_value(y, 3, 1, np.nan),
            x_nan=with_value(x, 17, 3, np.nan),
            x_inf=with_value(points(30, 6, seed=3), 23, 2, np.inf),
            x_huge=with_value(x, 5, 1, 1e300),
            images=points(N, 48).reshape(N, 4, 4, 3),
            images_test=points(30, 48).reshape(30, 4, 4, 3),
            volumes=np.zeros((N, 2, 2, 2, 1)),
            sequences=points(N, 10).reshape(N, 5, 2),
            sequences_test=points(30, 10).reshape(30, 5, 2),
            lengths=np.full(N, 2),
            lengths_long=np.where(np.arange(N) == 3, 6, 5),
            bonds=np.ones((N, 5, 5)),
            bonds_small=np.ones((N, 4, 4)),
            bonds_all=np.ones((5, 5)),
            narrow=points(30, 5),
            labels=labels,
            labels_test=labels[:30],
            labels_far=np.full(30, 9),
            labels_negative=labels - 1,
            far=np.array([0, 40]),
        )
        with h5py.File(path, "a") as file:
            file["group/x"] = x
            file["text"] = ["a", "b"]
        (self.folder / "text.h5").write_text("no HDF5\n")
        (self.folder / "short.h5").write_bytes(path.read_bytes()[:2000])

    def check_refused(self, tree: dict[str, Any], key: str, because: str, ranks: int, command: str = "run") -> None:
        job = self.write_input(tree)
        before = self.snapshot()
        said = self.assert_refused(self.run_program(command, job, ranks=ranks), because)
        if key:
            line = int(said.split("job.yaml:")[1].split(":")[0])
            self.assertIn(key, job.read_text().splitlines()[line - 1], said)
        self.assertEqual(self.snapshot(), before)

    def check_table(self, table: dict[str, tuple[dict[str, Any], str, str]], every: int = 8) -> None:
        """All rows on one rank, and each `every`-th on two."""
        for number, (name, (changes, key, because)) in enumerate(table.items()):
            for ranks in (1, 2) if number % every == 0 else (1,):
                with self.subTest(name, ranks=ranks):
                    self.check_refused(changed(REGRESSION, changes), key, because, ranks)


class KeysTest(BadInputTest):
    """Input files."""

    def test_keys(self) -> None:
        self.check_table(KEYS)


class DataTest(BadInputTest):
    """Data, output and memory."""

    def test_data(self) -> None:
        self.check_table(DATA, every=4)


class PositionsTest(BadInputTest):
    """Networks and data with positions."""

    def test_positions(self) -> None:
        table = {name: (POSITIONS | changes, *rest) for name, (changes, *rest) in POSITIONS_TABLE.items()}
        self.check_table(table)


class CommandTest(BadInputTest):
    """Other ways to be refused."""

    def test_check_refuses_alike(self) -> None:
        for name in ("missing file", "other features", "too little memory"):
            with self.subTest(name):
                changes, key, because = DATA[name]
                self.check_refused(changed(REGRESSION, changes), key, because, 1, "check")

    def test_syntax(self) -> None:
        job = self.folder / "job.yaml"
        job.write_text("data: {train: [\nnetwork: }\n")
        self.assert_refused(self.run_program("run", job), r"job\.yaml:\d")
        self.assert_refused(self.run_program("run", self.folder / "none.yaml", ranks=2), r"none\.yaml")

    def test_command_line(self) -> None:
        self.write_input(REGRESSION)
        for arguments, because in {
            ("rum", "job.yaml"): "unknown command `rum`.*run",
            (): "--help",
            ("run",): "INPUT",
            ("run", "job.yaml", "--max-time", "3"): "--max-time.*unit",
            ("run", "job.yaml", "--set", "job.kernal=ntk"): "kernal.*kernel",
            ("run", "job.yaml", "--set", "job"): "--set",
            ("info", "none.h5"): r"none\.h5",
            ("info", "text.h5"): r"text\.h5 is not an HDF5 file",
        }.items():
            with self.subTest(arguments):
                self.assert_refused(self.run_program(*arguments), because)

    def test_output_of_the_command_line(self) -> None:
        """--output is checked as output.file is, under whatever name it reaches a file."""
        job = self.write_input(REGRESSION)
        before = self.snapshot()
        for name, because in {
            "data.h5": "training data",
            "./data.h5": "training data",
            str(self.folder / "data.h5"): "training data",
            "text.h5": "exists already",
            "nowhere/out.h5": "no folder",
        }.items():
            options = [] if because == "exists already" else ["--overwrite"]
            with self.subTest(name):
                outcome = self.run_program("run", job, "--output", name, *options)
                self.assert_refused(outcome, because)
                self.assertEqual(self.snapshot(), before)
        (self.folder / "link.h5").symlink_to("data.h5")
        outcome = self.run_program("run", job, "--output", "link.h5", "--overwrite", ranks=2)
        self.assert_refused(outcome, "training data")

    def test_overwrite(self) -> None:
        (self.folder / "out.h5").write_text("old\n")
        job = self.write_input(REGRESSION)
        self.assert_refused(self.run_program("run", job, ranks=2), "exists already.*--overwrite")
        self.assertEqual((self.folder / "out.h5").read_text(), "old\n")
        self.compute(job, "--overwrite")
        self.assertIn("/solution/alpha", self.results())

    def test_not_positive_definite(self) -> None:
        """Equal rows leave a kernel without a Cholesky factor; the ridge that is named gives it one."""
        x = points(N, 6)
        x[7] = x[31]
        self.write_data(x=x, y=points(N, 2, seed=2), x_test=x[:3])
        job = self.write_input(kernel_job("regression"))
        for ranks in (1, 2):
            outcome = self.run_program("run", job, ranks=ranks)
            said = self.assert_refused(outcome, r"job\.yaml.*not positive definite.*A ridge of \{value: .*--resume")
            ridge = said.split("A ridge of {value: ")[1].split(",")[0]
            outcome = self.compute(job, "--resume", "--set", f"job.ridge.value={ridge}", ranks=ranks)
            self.assertIn("1 of 1 tiles are there", outcome.errors)
            (self.folder / "out.h5").unlink()


def can_write_anywhere(folder: Path) -> bool:
    """Rights do not hold for root."""
    folder.chmod(0o500)
    try:
        (folder / "trial").write_text("")
    except PermissionError:
        return False
    finally:
        folder.chmod(0o700)
    return True


class RightsTest(ProgramTest):
    """Files and folders that may not be read or written."""

    def setUp(self) -> None:
        super().setUp()
        self.write_data(x=points(N, 6), y=points(N, 2), x_test=points(30, 6), y_test=points(30, 2))

    def test_unwritable_folder(self) -> None:
        if can_write_anywhere(self.folder):
            self.skipTest("this user may write everywhere")
        closed = self.folder / "closed"
        closed.mkdir(mode=0o500)
        job = self.write_input(changed(REGRESSION, {"output.file": "closed/out.h5"}))
        self.assert_refused(self.run_program("run", job, ranks=2), r"closed/out\.h5.*Permission denied")

    def test_unreadable_data(self) -> None:
        if can_write_anywhere(self.folder):
            self.skipTest("this user may read everywhere")
        (self.folder / "data.h5").chmod(0)
        self.assert_refused(self.run_program("run", self.write_input(REGRESSION)), r"no right to read .*data\.h5")


if __name__ == "__main__":
    unittest.main()

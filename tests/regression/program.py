"""Runs the program as its users do: data and input files in a folder of their own, mpirun, exit status, results."""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

PROGRAM = os.environ["WIDELIMIT_PROGRAM"]
MPIEXEC = [os.environ.get("WIDELIMIT_MPIEXEC", "mpiexec"), *os.environ.get("WIDELIMIT_MPI_FLAGS", "").split()]
SOURCE = Path(__file__).resolve().parents[2]
STOPPED = 75

MLP = [{"dense": {"w_std": 1.4, "b_std": 0.1}}, "relu", {"dense": {"w_std": 1.4, "b_std": 0.1}}]


@dataclass
class Outcome:
    """How a run ended."""

    status: int
    errors: str
    output: str = ""
    seconds: float = 0

    def lines(self, level: str) -> list[str]:
        """What the program said at a level: info, warning or error."""
        mark = level + ": "
        return [line[len(mark) :] for line in self.errors.splitlines() if line.startswith(mark)]


class Running:
    """A run that has been started, with all its ranks in a process group of its own."""

    def __init__(self, command: list[str], folder: Path, threads: int, more_environment: dict[str, str]) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | more_environment
        self.start = time.monotonic()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait(self, limit: float = 60) -> Outcome:
        """Fails where the run has not ended within `limit` seconds: it hangs."""
        try:
            output, errors = self.process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.kill_all()
            _, errors = self.process.communicate()
            raise AssertionError(f"still running after {limit} s:\n{errors}") from None
        return Outcome(self.process.returncode, errors, output, time.monotonic() - self.start)

    def ranks(self) -> list[int]:
        """Process numbers of the program itself, without mpiexec."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if os.getsid(int(entry.name)) != self.process.pid and not self.is_ours(entry):
                    continue
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except (OSError, ProcessLookupError):
                continue
            if command[0].decode() == PROGRAM:
                found.append(int(entry.name))
        return sorted(found)

    def is_ours(self, process: Path) -> bool:
        """Whether mpiexec, which gives its ranks process groups of their own, is the parent."""
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(self.process.pid)

    def signal_ranks(self, number: signal.Signals, count: int | None = None) -> None:
        """Sends a signal to the first `count` ranks, or to all."""
        for rank in self.ranks()[:count]:
            os.kill(rank, number)

    def kill_all(self) -> None:
        """Ends everything at once, as a machine that fails does."""
        ranks = self.ranks()
        for process in [self.process.pid, *ranks]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def end(self) -> None:
        """Leaves nothing running."""
        if self.process.poll() is None:
            self.kill_all()
        if self.process.stdout and not self.process.stdout.closed:
            self.process.communicate()

    def wait_until(self, happened: Callable[[], bool], limit: float = 30) -> bool:
        """Waits until `happened`; False where the run ended before."""
        end = time.monotonic() + limit
        while not happened():
            if self.process.poll() is not None:
                return False
            if time.monotonic() > end:
                self.kill_all()
                raise AssertionError("what was waited for did not happen")
            time.sleep(0.01)
        return True


class ProgramTest(unittest.TestCase):
    """A test in a temporary folder."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="widelimit_")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write_data(self, name: str = "data.h5", **arrays: np.ndarray) -> Path:
        """Writes arrays as data sets at the root of an HDF5 file."""
        path = self.folder / name
        with h5py.File(path, "w") as file:
            for key, array in arrays.items():
                file[key] = array
        return path

    def write_input(self, tree: dict[str, Any], name: str = "job.yaml") -> Path:
        """Writes an input file, one key a line: JSON is YAML."""
        path = self.folder / name
        path.write_text(json.dumps(tree, indent=1) + "\n")
        return path

    def start(self, *arguments: str | Path, ranks: int = 1, threads: int = 1, **environment: str) -> Running:
        """Starts the program; one rank runs without mpiexec, as users do."""
        mpi = [*MPIEXEC, "-n", str(ranks)] if ranks > 1 else []
        command = [*mpi, PROGRAM, *map(str, arguments)]
        running = Running(command, self.folder, threads, environment)
        self.addCleanup(running.end)
        return running

    def run_program(
        self, *arguments: str | Path, ranks: int = 1, threads: int = 1, limit: float = 60, **environment: str
    ) -> Outcome:
        """Runs the program to its end."""
        return self.start(*arguments, ranks=ranks, threads=threads, **environment).wait(limit)

    def compute(self, *arguments: str | Path, ranks: int = 1, threads: int = 1, limit: float = 60) -> Outcome:
        """`widelimit run`, which must succeed."""
        outcome = self.run_program("run", *arguments, ranks=ranks, threads=threads, limit=limit)
        self.assertEqual(outcome.status, 0, outcome.errors)
        return outcome

    def results(self, name: str = "out.h5") -> dict[str, np.ndarray]:
        """All data sets of a results file."""
        found: dict[str, np.ndarray] = {}

        def collect(path: str, item: h5py.HLObject) -> None:
            if isinstance(item, h5py.Dataset):
                found["/" + path] = item[()]

        with h5py.File(self.folder / name) as file:
            file.visititems(collect)
        return found

    def snapshot(self) -> dict[str, bytes]:
        """Names and contents of all files of the folder."""
        return {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def assert_refused(self, outcome: Outcome, *because: str) -> str:
        """Status 2 and one paragraph, said once, with each of the patterns `because` in it."""
        self.assertEqual(outcome.status, 2, outcome.errors)
        said = outcome.lines("error")
        self.assertEqual(len(said), 1, outcome.errors)
        for pattern in because:
            self.assertRegex(said[0], re.compile(pattern, re.DOTALL))
        return said[0]

    def assert_close(self, found: np.ndarray, expected: np.ndarray, tolerance: float, what: str = "") -> None:
        """Equal to `tolerance` relative to the largest entry."""
        self.assertEqual(found.shape, expected.shape, what)
        worst = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300)
        self.assertLessEqual(worst, tolerance, what)


def changed(tree: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of `tree` with the values of dotted paths replaced; None removes a key."""
    result = copy.deepcopy(tree)
    for path, value in changes.items():
        *way, last = path.split(".")
        node = result
        for key in way:
            node = node.setdefault(key, {})
        if value is None:
            node.pop(last, None)
        else:
            node[last] = copy.deepcopy(value)
    return result


def points(rows: int, features: int, seed: int = 1) -> np.ndarray:
    """Gaussian points."""
    return np.random.default_rng(seed).standard_normal((rows, features))


def kernel_job(kind: str, **job: Any) -> dict[str, Any]:  # noqa: ANN401
    """An input file on /x and /y of data.h5, tested on /x_test."""
    train = {"file": "data.h5", "inputs": "/x"}
    if kind == "regression":
        train["targets"] = "/y"
    return {
        "data": {"train": train, "test": {"file": "data.h5", "inputs": "/x_test"}},
        "network": copy.deepcopy(MLP),
        "job": {"type": kind, **job},
        "output": {"file": "out.h5"},
    }

"""Runs that are killed, or asked to stop, go on from their checkpoint to the results of an uninterrupted run."""

import random
import re
import signal
import time
import unittest
from pathlib import Path

import h5py
import numpy as np

from program import MLP, STOPPED, Outcome, ProgramTest, Running, changed, kernel_job, points

# 2,000 points through a deep network in tiles of 64: 528 tiles, and two seconds or so on one thread.
N, TILE = 2000, 64
TILES = (N // TILE + 1) * (N // TILE + 2) // 2
DEEP = [{"repeat": {"times": 48, "layers": [{"dense": {"w_std": 1.4, "b_std": 0.1}}, "gelu"]}}, "dense"]
JOBS = {
    "gram": changed(kernel_job("gram"), {"network": DEEP, "resources": {"tile": TILE}}),
    "regression": changed(
        kernel_job("regression", ridge={"value": 1e-2}), {"network": DEEP, "resources": {"tile": TILE}}
    ),
}
WORK = {"gram": "out.h5.partial", "regression": "out.checkpoint.h5"}


def finished_tiles(path: Path) -> int:
    """Tiles marked as finished, read from the file as it lies on the disk."""
    with h5py.File(path, "r", locking=False) as file:
        return sum(int(group["finished"][()].sum()) for group in file["checkpoint"].values())


class RestartTest(ProgramTest):
    """A folder with the data of JOBS."""

    def setUp(self) -> None:
        super().setUp()
        self.write_data(x=points(N, 8), y=points(N, 2, seed=2), x_test=points(100, 8, seed=3))

    def whole(self, kind: str, ranks: int) -> dict[str, np.ndarray]:
        """Results of an uninterrupted run. --resume does no harm where there is nothing to go on from."""
        job = self.write_input(JOBS[kind])
        self.compute(job, "--resume", "--overwrite", "--output", "whole.h5", ranks=ranks)
        return self.results("whole.h5")

    def started(self, kind: str, ranks: int, *options: str) -> Running:
        """A run that has finished a few tiles."""
        running = self.start("run", self.write_input(JOBS[kind]), *options, ranks=ranks)
        work = self.folder / WORK[kind]
        running.wait_until(lambda: work.exists() and finished_tiles(work) >= 4)
        return running

    def resumed(self, kind: str, ranks: int, at_least: int) -> Outcome:
        """Goes on, and sees in the log that finished tiles were not computed again."""
        outcome = self.compute(self.folder / "job.yaml", "--resume", ranks=ranks)
        there = re.search(r"going on from \S*" + WORK[kind] + r": (\d+) of (\d+) tiles", outcome.errors)
        self.assertIsNotNone(there, outcome.errors)
        self.assertGreaterEqual(int(there[1]), at_least)
        self.assertLessEqual(int(there[1]), int(there[2]))
        self.assertFalse((self.folder / WORK[kind]).exists())
        return outcome

    def assert_same_results(self, expected: dict[str, np.ndarray], tolerance: float = 0) -> None:
        found = self.results()
        self.assertEqual(found.keys(), expected.keys())
        for path, array in expected.items():
            if tolerance == 0:
                np.testing.assert_array_equal(found[path], array, path)
            elif path not in ("/solver/residual", "/solution/alpha"):  # rounding itself; amplified by the inverse
                self.assert_close(found[path], array, tolerance, path)


class KilledTest(RestartTest):
    """kill -9 of all ranks."""

    def kill(self, kind: str, ranks: int) -> int:
        """Kills a run at a random moment. Returns the number of tiles that were finished."""
        longest = 0.8
        while True:
            running = self.started(kind, ranks)
            time.sleep(random.uniform(0, longest))
            running.kill_all()
            running.process.communicate()
            if not (self.folder / "out.h5").exists():
                return finished_tiles(self.folder / WORK[kind])
            (self.folder / "out.h5").unlink()  # it was over already
            longest /= 2

    def check(self, kind: str, ranks: int, other_ranks: int) -> None:
        expected = self.whole(kind, ranks)
        finished = self.kill(kind, ranks)
        refused = self.run_program("run", self.folder / "job.yaml")
        self.assert_refused(refused, "unfinished run.*--resume.*--overwrite")
        self.resumed(kind, ranks, finished)
        self.assert_same_results(expected)
        (self.folder / "out.h5").unlink()
        finished = self.kill(kind, ranks)
        self.resumed(kind, other_ranks, finished)
        # The solve amplifies the rounding of the kernel, whose condition number is 1e5 with this ridge.
        self.assert_same_results(expected, 1e-13 if kind == "gram" else 1e-9)

    def test_gram(self) -> None:
        self.check("gram", 1, 3)

    def test_gram_on_two_ranks(self) -> None:
        self.check("gram", 2, 1)

    def test_regression(self) -> None:
        self.check("regression", 1, 2)

    def test_regression_on_two_ranks(self) -> None:
        self.check("regression", 2, 3)

    def test_killed_again_and_again(self) -> None:
        expected = self.whole("gram", 2)
        self.kill("gram", 2)
        for _ in range(3):
            running = self.start("run", self.folder / "job.yaml", "--resume", ranks=2)
            time.sleep(random.uniform(0.2, 1.2))
            running.kill_all()
            running.process.communicate()
        self.compute(self.folder / "job.yaml", "--resume", "--overwrite", ranks=2)
        self.assert_same_results(expected)

    def test_one_rank_killed(self) -> None:
        """mpiexec ends the others, and the run can go on."""
        expected = self.whole("regression", 2)
        running = self.started("regression", 2)
        running.signal_ranks(signal.SIGKILL, count=1)
        self.assertNotEqual(running.wait(20).status, 0)
        self.resumed("regression", 2, 4)
        self.assert_same_results(expected)


class StoppedTest(RestartTest):
    """SIGTERM, SIGUSR1, --max-time."""

    def check_stopped(self, outcome: Outcome, reason: str) -> None:
        self.assertEqual(outcome.status, STOPPED, outcome.errors)
        said = [line for line in outcome.lines("warning") if line.startswith("stopped")]
        self.assertEqual(said, [f"stopped on {reason}; what is finished is saved, go on with --resume"])
        self.assertFalse((self.folder / "out.h5").exists())

    def check_signal(self, kind: str, number: signal.Signals, ranks: int, count: int | None) -> None:
        expected = self.whole(kind, ranks)
        running = self.started(kind, ranks)
        running.signal_ranks(number, count)
        self.check_stopped(running.wait(20), number.name)
        self.resumed(kind, ranks, finished_tiles(self.folder / WORK[kind]))
        self.assert_same_results(expected)

    def test_sigterm(self) -> None:
        self.check_signal("gram", signal.SIGTERM, 1, None)

    def test_sigusr1_on_all_ranks(self) -> None:
        self.check_signal("regression", signal.SIGUSR1, 2, None)

    def test_sigterm_on_one_rank(self) -> None:
        self.check_signal("gram", signal.SIGTERM, 3, 1)

    def test_sigusr1_to_mpiexec(self) -> None:
        """Open MPI hands the signal on, as Slurm's --signal counts on."""
        running = self.started("regression", 2)
        running.process.send_signal(signal.SIGUSR1)
        self.check_stopped(running.wait(20), "SIGUSR1")

    def test_max_time(self) -> None:
        for kind, ranks in (("gram", 1), ("regression", 2)):
            with self.subTest(kind):
                expected = self.whole(kind, ranks)
                job = self.write_input(JOBS[kind])
                outcome = self.run_program("run", job, "--resume", "--max-time", "0.3 s", ranks=ranks)
                self.check_stopped(outcome, "--max-time")
                self.resumed(kind, ranks, finished_tiles(self.folder / WORK[kind]))
                self.assert_same_results(expected)
                (self.folder / "out.h5").unlink()

    def test_signal_while_factorising(self) -> None:
        """The kernel is kept, and the run ends when the factorisation has."""
        job = self.write_input(changed(JOBS["regression"], {"network": MLP, "resources.tile": 512}))
        data = {"x": points(4000, 8), "y": points(4000, 2, seed=2), "x_test": points(100, 8, seed=3)}
        self.write_data(**data)
        self.compute(job, "--output", "whole.h5")
        running = self.start("run", job)
        running.wait_until(lambda: self.is_complete(self.folder / WORK["regression"]))
        running.signal_ranks(signal.SIGTERM)
        self.check_stopped(running.wait(60), "SIGTERM")
        self.resumed("regression", 1, 36)
        self.assert_same_results(self.results("whole.h5"))

    @staticmethod
    def is_complete(work: Path) -> bool:
        return work.exists() and finished_tiles(work) == 36

    def test_nothing_to_go_on_from(self) -> None:
        job = self.write_input(changed(JOBS["regression"], {"checkpoint": "none"}))
        outcome = self.run_program("run", job, "--max-time", "0.3 s", ranks=2)
        self.assertEqual(outcome.status, STOPPED, outcome.errors)
        self.assertIn("nothing is saved", outcome.errors)


class CheckpointTest(RestartTest):
    """Checkpoints that do not fit, or are damaged."""

    def setUp(self) -> None:
        super().setUp()
        running = self.started("regression", 1)
        running.signal_ranks(signal.SIGTERM)
        self.assertEqual(running.wait(20).status, STOPPED)
        self.work = self.folder / WORK["regression"]
        self.job = self.folder / "job.yaml"

    def check_refused(self, because: str, *options: str) -> None:
        before = self.snapshot()
        self.assert_refused(self.run_program("run", self.job, "--resume", *options, ranks=2), because)
        self.assertEqual(self.snapshot(), before)

    def edit(self, attribute: str, value: str) -> None:
        with h5py.File(self.work, "r+") as file:
            file["checkpoint"].attrs[attribute] = value

    def test_of_another_input(self) -> None:
        self.check_refused("another input: line .* was .* and is now", "--set", "network[0].repeat.times=3")

    def test_of_another_tile_size(self) -> None:
        self.check_refused("this checkpoint holds .*tiles of 64.*needs .*tiles of 96", "--set", "resources.tile=96")

    def test_of_another_version(self) -> None:
        self.edit("program_version", "0.0.1")
        self.check_refused("written by widelimit 0.0.1")

    def test_of_another_format(self) -> None:
        self.edit("format_version", "99")
        self.check_refused("format version 99")

    def test_that_is_none(self) -> None:
        self.work.write_bytes((self.folder / "data.h5").read_bytes())
        self.check_refused("holds no checkpoint")

    def test_cut_short(self) -> None:
        self.work.write_bytes(self.work.read_bytes()[:5000])
        self.check_refused(r"out\.checkpoint\.h5")

    def test_another_ridge_finds_the_kernel(self) -> None:
        outcome = self.compute(self.job, "--resume", "--set", "job.ridge.value=0.5")
        self.assertRegex(outcome.errors, r"going on from .*: [1-9]\d* of")

    def test_damaged(self) -> None:
        """A flipped byte is found; on_corrupt: recompute computes the tile again."""
        with h5py.File(self.work) as file:
            offset = file["gram/ntk"].id.get_chunk_info_by_coord((64, 0)).byte_offset
        with self.work.open("r+b") as file:
            file.seek(offset + 1000)
            byte = file.read(1)[0]
            file.seek(offset + 1000)
            file.write(bytes([byte ^ 1]))
        self.check_refused("tile 1 of /gram/ntk .*damaged.*checkpoint.on_corrupt: recompute")
        finished = finished_tiles(self.work)
        outcome = self.compute(self.job, "--resume", "--set", "checkpoint.on_corrupt=recompute")
        self.assertIn(f"{finished - 1} of {TILES} tiles are there", outcome.errors)
        self.assertEqual(len([line for line in outcome.lines("warning") if "computed again" in line]), 1)
        self.compute(self.write_input(JOBS["regression"]), "--output", "whole.h5")
        self.assert_same_results(self.results("whole.h5"))

    def test_of_another_job(self) -> None:
        """A regression does not overwrite the tiles of a Gram job that has the same output."""
        self.work.unlink()
        running = self.started("gram", 1)
        running.signal_ranks(signal.SIGTERM)
        self.assertEqual(running.wait(20).status, STOPPED)
        self.job = self.write_input(JOBS["regression"])
        self.check_refused(r"out\.h5\.partial: holds the work of an unfinished run")

    def test_two_runs_at_once(self) -> None:
        """The second run on one checkpoint is refused."""
        running = self.start("run", self.job, "--resume", ranks=1)
        before = finished_tiles(self.work)
        running.wait_until(lambda: finished_tiles(self.work) > before)
        self.assert_refused(self.run_program("run", self.job, "--resume"), "another run is writing")
        self.assertEqual(running.wait().status, 0)


def setUpModule() -> None:
    """Random moments differ from run to run; the seed of a failure is told."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed of the random moments: {seed}", flush=True)
    random.seed(seed)


if __name__ == "__main__":
    unittest.main()

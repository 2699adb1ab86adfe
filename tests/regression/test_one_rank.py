"""What goes wrong on one rank alone, and disks that are full: all ranks end, with one message."""

import signal
import subprocess
import time
import unittest
from pathlib import Path
from typing import Any

from program import MPIEXEC, PROGRAM, ProgramTest, Running, changed, kernel_job, points

N = 1500
GRAM = changed(kernel_job("gram"), {"resources": {"tile": 64}})
REGRESSION = changed(kernel_job("regression", ridge={"value": 1e-2}), {"resources": {"tile": 64}})


class OneRankTest(ProgramTest):
    """Ranks that differ."""

    def setUp(self) -> None:
        super().setUp()
        self.write_data(x=points(N, 6), y=points(N, 2, seed=2), x_test=points(100, 6, seed=3))

    def start_differently(self, limits: str, tree: dict[str, Any], different: int) -> Running:
        """Three ranks, one of them under `limits` of the shell."""
        arguments = ["run", str(self.write_input(tree))]
        command = list(MPIEXEC)
        for rank in range(3):
            command += [":"] * (rank > 0) + ["-n", "1"]
            if rank == different:
                command += ["sh", "-c", f'{limits}; exec "$0" "$@"']
            command += [PROGRAM, *arguments]
        running = Running(command, self.folder, 1, {})
        self.addCleanup(running.end)
        return running

    def test_a_file_larger_than_one_rank_may_write(self) -> None:
        """As if its disk were full: the tiles that it computes cannot be written."""
        for different in (1, 2):
            for name, tree in {"gram": GRAM, "regression": REGRESSION}.items():
                with self.subTest(name, rank=different):
                    outcome = self.start_differently("ulimit -f 3000", tree, different).wait(30)
                    self.assert_refused(outcome, "larger than .*`ulimit -f` allows")
                    self.assertFalse((self.folder / "out.h5").exists())
                    # The others' tiles are kept, and the run can go on where there is room.
                    outcome = self.compute(self.folder / "job.yaml", "--resume", ranks=2)
                    self.assertIn("tiles are there", outcome.errors)
                    (self.folder / "out.h5").unlink()

    def test_one_rank_stands_still(self) -> None:
        """kill -9 of a rank that does not answer ends the others."""
        running = self.start("run", self.write_input(GRAM), ranks=3)
        running.wait_until(lambda: len(running.ranks()) == 3)
        rank = running.ranks()[1]
        time.sleep(0.3)
        try:
            running.process.poll()
            signal_process(rank, signal.SIGSTOP)
            time.sleep(0.2)
            signal_process(rank, signal.SIGKILL)
        except ProcessLookupError:
            self.skipTest("the run was over too soon")
        self.assertNotEqual(running.wait(30).status, 0)
        self.assertFalse((self.folder / "out.h5").exists())


def signal_process(process: int, number: signal.Signals) -> None:
    subprocess.run(["kill", f"-{int(number)}", str(process)], check=False)


class FullDiskTest(ProgramTest):
    """A small disk of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.write_data(x=points(N, 6), y=points(N, 2, seed=2), x_test=points(100, 6, seed=3))

    def mount(self, size: str) -> Path:
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=False, capture_output=True
        )
        if mounted.returncode != 0:
            self.skipTest("no right to mount a small disk")
        self.addCleanup(lambda: subprocess.run(["umount", str(disk)], check=True))
        return disk

    def test_gram(self) -> None:
        disk = self.mount("8m")
        job = self.write_input(GRAM)
        outcome = self.run_program("run", job, "--output", "disk/out.h5", ranks=2)
        self.assert_refused(outcome, r"disk/out\.h5\.partial.*needs .*MiB of disk.* free")
        self.assertEqual(list(disk.iterdir()), [])

    def test_results_of_a_regression(self) -> None:
        """The kernel is kept, so that the results can go elsewhere."""
        disk = self.mount("200k")
        job = self.write_input(changed(REGRESSION, {"checkpoint": {"file": "work.h5"}}))
        outcome = self.run_program("run", job, "--output", "disk/out.h5", ranks=2)
        self.assert_refused(outcome, r"disk/out\.h5.*(needs .* of disk|disk is full)")
        self.assertEqual(list(disk.iterdir()), [])
        outcome = self.compute(job, "--resume", ranks=2)
        self.assertRegex(outcome.errors, r"(\d+) of \1 tiles are there")


if __name__ == "__main__":
    unittest.main()

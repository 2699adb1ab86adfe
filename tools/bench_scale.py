"""Memory of every way of working on a kernel that does not fit: all of 1,246,064 rows by default.

    bench_scale.py --data million_rows.h5 [--ranks 2] [--seconds 60] [--only NAME…]

--data is made by tools/synthetic_table.py. Each job runs until it has begun what it is about (its log says so, or it
has only to read) and --seconds more, then it is stopped by SIGTERM; an iteration on all rows would take half an hour.
Printed are the memory that `widelimit check` announces and the peak of resident memory (VmHWM), both summed over the
ranks.

Peaks hold what a job touched up to then: a Krylov space grows product by product to what is announced.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parent.parent
GIB = 2**30
POLL_S = 0.2

INPUT = """
data:
  train: {{file: table.h5, inputs: /train/inputs, targets: /train/{targets}}}
  test: {{file: table.h5, inputs: /test/inputs, targets: /test/targets}}
  inputs: standardize
network:
  - repeat: {{times: 3, layers: [dense: {{w_std: 1.4142135623730951}}, relu]}}
  - dense
job: {{{job}}}
precision: {precision}
"""


@dataclass(frozen=True)
class Way:
    """One way of working."""

    job: str  # the section of the input file
    begun: str  # in the log, from when on the seconds count; "^": from the start; "": it runs to its end
    targets: str = "targets"  # or zeros, which are solved at once: what follows the solution is reached
    precision: str = "single"


PCG = "type: regression, solver: pcg, gram: recomputed, ridge: {value: 1.0e-2}, tolerance: 1.0e-3"
NYSTROM = f"{PCG}, preconditioner: {{type: nystrom, rank: 500}}"
DYNAMICS = "type: dynamics, gram: recomputed"
WAYS = {
    "pcg": Way(NYSTROM, "preconditioner of rank"),
    "pcg_mixed": Way(NYSTROM, "preconditioner of rank", precision="mixed"),
    "pcg_pivoted_cholesky": Way(f"{PCG}, preconditioner: {{type: pivoted_cholesky, rank: 500}}",
                                "preconditioner of rank"),
    "prediction": Way(NYSTROM, "", targets="zeros"),
    "variance": Way(f"{NYSTROM}, posterior: variance", "predict.*took", targets="zeros"),
    "covariance": Way(f"{NYSTROM}, posterior: covariance", "predict.*took", targets="zeros"),
    "sgd": Way(f"{DYNAMICS}, steps: 20, optimizer: {{type: sgd, learning_rate: 0.1, momentum: 0.9, batch_size: 128}}",
               ""),
    "gradient_descent": Way(f"{DYNAMICS}, steps: 20, optimizer: {{type: gd, learning_rate: 0.1}}", "^"),
    "flow": Way(f"{DYNAMICS}, times: [1, 10], optimizer: {{type: flow}}, method: krylov", "^"),
    "spectrum": Way("type: spectrum, count: 10, method: krylov, gram: recomputed", "^"),
}


class BenchError(Exception):
    """A job cannot be measured; says why."""


def ranks_of(process: int, program: Path) -> list[int]:
    """Processes of the program among a process and what it started."""
    found, waiting = [], [process]
    while waiting:
        pid = waiting.pop()
        try:
            if Path(f"/proc/{pid}/exe").resolve() == program:
                found.append(pid)
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        except OSError:
            continue  # ended in between
    return found


def peak_bytes(pid: int) -> int:
    """VmHWM of a process; 0 where it has ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def announced_bytes(command: list[str], ranks: int) -> float:
    """Memory of all ranks by `widelimit check`."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^memory +([\d.]+) (GiB|MiB|TiB)", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not found:
        raise BenchError(f"widelimit check failed:\n{done.stderr[-2000:]}{done.stdout[-2000:]}")
    return float(found[1]) * {"MiB": 2**20, "GiB": GIB, "TiB": 2**40}[found[2]] * ranks


def run_until(command: list[str], program: Path, folder: Path, begun: str, seconds: float) -> tuple[int, str]:
    """Runs a job to its end, or `seconds` after its log matched `begun`. Bytes of all ranks at their peaks; its log."""
    log, peaks, deadline = folder / "log", {}, None
    with log.open("w") as file, subprocess.Popen(command, stdout=file, stderr=file, cwd=folder) as process:
        while process.poll() is None:
            for pid in ranks_of(process.pid, program):
                peaks[pid] = max(peaks.get(pid, 0), peak_bytes(pid))
            if begun and deadline is None and re.search(begun, log.read_text()):
                deadline = time.monotonic() + seconds
            if deadline is not None and time.monotonic() > deadline:
                for pid in ranks_of(process.pid, program):
                    os.kill(pid, signal.SIGTERM)
                deadline = float("inf")
            time.sleep(POLL_S)
    if process.returncode not in (0, 75):
        raise BenchError(f"widelimit ended with status {process.returncode}:\n{log.read_text()[-2000:]}")
    return sum(peaks.values()), log.read_text()


def measure(options: argparse.Namespace, name: str, folder: Path) -> None:
    """One row."""
    way = WAYS[name]
    job = folder / f"{name}.yaml"
    job.write_text(INPUT.format(targets=way.targets, job=way.job, precision=way.precision))
    launch = ["mpirun", "-n", str(options.ranks), "--bind-to", "none"] if options.ranks > 1 else []
    announced = announced_bytes([*launch, str(options.program), "check", str(job)], options.ranks)
    start = time.monotonic()
    peak, log = run_until([*launch, str(options.program), "run", str(job)], options.program, folder, way.begun,
                          options.seconds)
    last = log.strip().splitlines()[-1] if options.verbose else ""
    seconds = time.monotonic() - start
    print(f"{name:<22} {announced / GIB:>10.2f} {peak / GIB:>10.2f} {seconds:>9.0f}  {last}", flush=True)


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "release" / "src" / "cli" / "widelimit")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60, help="after the job has begun (default: 60)")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=list(WAYS), metavar="NAME",
                        help=f"of {', '.join(WAYS)} (default: all)")
    parser.add_argument("--verbose", action="store_true", help="print the last line of each log")
    options = parser.parse_args()
    options.program = options.program.resolve()
    try:
        with tempfile.TemporaryDirectory() as name, h5py.File(options.data) as data:
            folder, rows = Path(name), len(data["train/inputs"])
            with h5py.File(folder / "table.h5", "w") as table:
                table.create_dataset("train/zeros", (rows, 1), dtype="f4")
                for array in ("train/inputs", "train/targets", "test/inputs", "test/targets"):
                    table[array] = h5py.ExternalLink(options.data.resolve(), array)
            data.close()
            print(f"{rows} rows, {options.ranks} rank(s)\n")
            print(f"{'':<22} {'check, GiB':>10} {'peak, GiB':>10} {'seconds':>9}")
            for way in options.only:
                measure(options, way, folder)
    except BenchError as error:
        print(f"bench_scale: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

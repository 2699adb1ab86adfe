"""Time to a test error: widelimit's conjugate gradients beside EigenPro 2, on the same kernel, data and cores.

    bench_eigenpro.py --eigenpro CHECKOUT [--kernel ntk gaussian] [--points 20000] [--threads 2]

CHECKOUT is a copy of github.com/EigenPro/EigenPro-pytorch (Ma & Belkin 2017, 2019). It runs in an environment of its
own with PyTorch, which is made in build/eigenpro at the first run.

Both regress one-hot labels of Fashion-MNIST without a ridge, in single precision, with the kernel

    ntk         of three hidden ReLU layers; EigenPro's own function ntk_relu, the same up to a factor
    gaussian    exp(-|x - x'|²/(2·bandwidth²)); for widelimit it is the NNGP of `dense, rbf`

EigenPro gets the step, batch size and preconditioner that it chooses by itself (the eigenvectors of the latter from
torch.linalg.eigh, as torch.lobpcg does not end on CPUs), and is measured in two ways: as its users run it, evaluating
the kernel in every epoch, and with the whole kernel matrix kept, whose making counts. Each row of widelimit is one run
from the start, each of EigenPro's the state after an epoch. Seconds are those of preparing and solving, without
predictions on the test images. At the end: the first row of each that is within --excess of the test error of
widelimit's last row.

--processor-time makes them seconds of processor time, for machines that are busy with other things (with one thread:
threads that wait for each other count as well); those of widelimit then hold its start and its predictions too.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PEER_FOLDER = ROOT / "build" / "eigenpro"
WORKER = ROOT / "tools" / "bench_eigenpro_worker.py"
CLASSES, FEATURES = 10, 784
WAYS = {"kept": "EigenPro, matrix kept", "evaluated": "EigenPro"}

INPUT = """
data:
  train: {{file: {data}, inputs: /train/images, targets: /train/labels, rows: [0, {points}]}}
  test: {{file: {data}, inputs: /test/images, targets: /test/labels}}
  inputs: standardize
  targets: one_hot
network: {network}
job: {{type: regression, kernel: {kernel}, solver: pcg, preconditioner: {{type: nystrom, rank: {rank}}}}}
precision: single
checkpoint: none
"""


class BenchError(Exception):
    """The comparison cannot be made; says why."""


@dataclass
class Row:
    """One state of a method: what was done, seconds, mean squared error and accuracy (%) on the test images."""

    method: str
    effort: str
    seconds: float
    error: float
    accuracy: float

    def __str__(self) -> str:
        return f"{self.method:<22} {self.effort:<22} {self.seconds:>8.1f} {self.error:>12.6f} {self.accuracy:>10.2f}"


def peer_python() -> Path:
    """The interpreter of EigenPro's environment, which is made if it is not there."""
    python = PEER_FOLDER / "bin" / "python"
    check = [python, "-c", "import torch, numpy"]
    if python.exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return python
    print(f"installing torch into {PEER_FOLDER.relative_to(ROOT)}", file=sys.stderr)
    for command in ([sys.executable, "-m", "venv", "--clear", PEER_FOLDER],
                    [python, "-m", "pip", "install", "-q", "torch", "numpy"], check):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"torch could not be installed; it ended with\n{done.stderr[-2000:]}")
    return python


def write_data(options: argparse.Namespace, path: Path) -> None:
    """The data as EigenPro gets them: images as standardized rows of floats, labels as integers."""
    with h5py.File(options.data) as file:
        x, y = file["train/images"][:options.points], file["train/labels"][:options.points]
        x_test, y_test = file["test/images"][:], file["test/labels"][:]
    mean, deviation = x.mean(), x.std()
    x, x_test = (((part - mean) / deviation).reshape(len(part), -1).astype(np.float32) for part in (x, x_test))
    np.savez(path, x=x, y=y.astype(np.int64), x_test=x_test, y_test=y_test.astype(np.int64))


def children_seconds() -> float:
    """Processor time of what has run and ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_widelimit(options: argparse.Namespace, kernel: str, folder: Path) -> Iterator[Row]:
    """One run for each tolerance."""
    with h5py.File(options.data) as file:
        labels = file["test/labels"][:].astype(int)
    hidden = "{repeat: {times: 3, layers: [dense: {w_std: 1.4142135623730951}, relu]}}"
    gamma = FEATURES / (2 * options.bandwidth**2)
    network = f"[{hidden}, dense]" if kernel == "ntk" else f"[dense, rbf: {{gamma: {gamma}}}]"
    job, results = folder / "job.yaml", folder / "results.h5"
    job.write_text(INPUT.format(data=options.data.resolve(), points=options.points, network=network,
                                kernel="ntk" if kernel == "ntk" else "nngp", rank=options.rank))
    for tolerance in options.tolerances:
        command = [options.program, "run", job, "--output", results, "--overwrite", "--set",
                   f"job.tolerance={tolerance}"]
        before = children_seconds()
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"widelimit failed:\n{done.stderr[-2000:]}")
        with h5py.File(results) as file:
            seconds = sum(float(value) for name, value in file["timings"].attrs.items() if name != "predict")
            if options.processor_time:
                seconds = children_seconds() - before
            iterations = int(file["solver"].attrs["iterations"])
            predictions = file["predictions/test"][:]
        yield Row("widelimit", f"{tolerance:g}, {iterations} iterations", seconds,
                  float(((predictions - np.eye(CLASSES)[labels]) ** 2).mean()),
                  100 * float((predictions.argmax(1) == labels).mean()))


def run_eigenpro(options: argparse.Namespace, kernel: str, way: str, data: Path) -> Iterator[Row]:
    """The states after each epoch."""
    command = [peer_python(), WORKER, options.eigenpro, data, kernel, way, options.bandwidth, options.epochs,
               options.threads, options.memory_gb, "processor" if options.processor_time else "wall"]
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as worker:
        for line in worker.stdout:
            epoch, seconds, error, accuracy = json.loads(line)
            yield Row(WAYS[way], f"{epoch} epochs", seconds, error, 100 * accuracy)
            if seconds > options.seconds:
                worker.terminate()
                return
    if worker.returncode != 0:
        raise BenchError(f"EigenPro failed with status {worker.returncode}")


def shown(rows: Iterator[Row]) -> list[Row]:
    """Prints rows as they come."""
    kept = []
    for row in rows:
        print(row, flush=True)
        kept.append(row)
    return kept


def compare(options: argparse.Namespace, kernel: str, folder: Path) -> None:
    """All rows of a kernel, and what each method took to the same error."""
    print(f"\n{kernel}, {options.points} images, {options.threads} threads\n")
    print(f"{'':<22} {'':<22} {'seconds':>8} {'test error':>12} {'accuracy %':>10}")
    data = folder / "data.npz"
    write_data(options, data)
    runs = [shown(run_widelimit(options, kernel, folder))]
    runs += [shown(run_eigenpro(options, kernel, way, data)) for way in WAYS]
    goal = runs[0][-1].error * (1 + options.excess)
    print(f"\nto a test error of {goal:.6f}:")
    ours = next(row for row in runs[0] if row.error <= goal)
    for rows in runs:
        first = next((row for row in rows if row.error <= goal), None)
        print(f"{first}   {first.seconds / ours.seconds:.1f} x" if first else
              f"{rows[-1].method:<22} not within {rows[-1].effort}")


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eigenpro", type=Path, required=True, metavar="CHECKOUT", help="the folder with eigenpro2/")
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "data" / "fashion_mnist.h5",
                        help="made by tools/fashion_mnist.sh")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "release" / "src" / "cli" / "widelimit")
    parser.add_argument("--kernel", nargs="+", choices=["ntk", "gaussian"], default=["ntk", "gaussian"])
    parser.add_argument("--points", type=int, default=20000, help="training images (default: 20000)")
    parser.add_argument("--bandwidth", type=float, default=15.0, help="of the Gaussian (default: 15)")
    parser.add_argument("--rank", type=int, default=2000, help="of widelimit's preconditioner (default: 2000)")
    parser.add_argument("--tolerances", type=float, nargs="+", default=[1e-1, 1e-2, 1e-3, 1e-4],
                        help="of widelimit's runs, the last of which sets the goal (default: 1e-1 1e-2 1e-3 1e-4)")
    parser.add_argument("--excess", type=float, default=1e-3, help="of the test error at the goal (default: 1e-3)")
    parser.add_argument("--epochs", type=int, default=50, help="of EigenPro, at most (default: 50)")
    parser.add_argument("--seconds", type=float, default=300, help="of EigenPro, at most (default: 300)")
    parser.add_argument("--threads", type=int, default=2, help="cores for each program (default: 2)")
    parser.add_argument("--processor-time", action="store_true", help="for busy machines; with --threads 1")
    parser.add_argument("--memory-gb", type=int, default=8, help="that EigenPro may use (default: 8)")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < options.threads:
        parser.error(f"{options.threads} threads need as many cores, not {len(cores)}")
    os.sched_setaffinity(0, cores[:options.threads])
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    try:
        if not (options.eigenpro / "eigenpro2").is_dir():
            raise BenchError(f"{options.eigenpro} has no folder eigenpro2; check out "
                             "github.com/EigenPro/EigenPro-pytorch and name its folder")
        with tempfile.TemporaryDirectory() as folder:
            for kernel in options.kernel:
                compare(options, kernel, Path(folder))
    except BenchError as error:
        print(f"bench_eigenpro: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

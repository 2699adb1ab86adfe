"""Test accuracy against the number of training points, of one or more regression jobs, as a plot.

    learning_curve.py inputs/fashion_mnist_myrtle.yaml inputs/fashion_mnist_ntk.yaml --sizes 100,200,500,1000

Runs each job once, on as many rows of its training set as the largest size: the kernel of these holds those of all
sizes (`job.samples`). Plots the accuracies on its test set (or its first --test-rows) with 95 % intervals of the test
sample. Results are kept in --folder; those that are there already are not computed again.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from plot import STYLE, title_of

ROOT = Path(__file__).resolve().parent.parent
COLOURS = ["#4477aa", "#cc6677", "#228833", "#aa3377", "#ccbb44", "#66ccee"]


class CurveError(Exception):
    """Something the user can mend: a file, an option, a job."""


@dataclass
class Curve:
    """Accuracies of one job."""

    label: str
    sizes: np.ndarray
    accuracies: np.ndarray
    tested: int

    @classmethod
    def read(cls, results: Path, sizes: list[int], label: str) -> "Curve":
        """Of a run that has measured it. Raises CurveError where it has other sizes or no accuracies."""
        with h5py.File(results) as file:
            if "learning_curve/test_accuracy" not in file:
                raise CurveError(f"{results}: has no test accuracies; the job needs labels of its test data")
            group = file["learning_curve"]
            if list(group["samples"]) != sizes:
                raise CurveError(f"{results}: is of other sizes than {sizes}; remove it, or choose another --folder")
            accuracies = group["test_accuracy"][()]
            return cls(label or title_of(file), group["samples"][()], accuracies, file["predictions/test"].shape[0])


def sizes_argument(text: str) -> list[int]:
    """Reads `100,200,500`."""
    try:
        sizes = sorted({int(item) for item in text.split(",")})
    except ValueError:
        sizes = [0]
    if sizes[0] < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of numbers of points such as 100,200,500")
    return sizes


def run(options: argparse.Namespace, job: Path, results: Path) -> None:
    """Runs the program once."""
    settings = [f"data.train.rows=[0, {options.sizes[-1]}]", f"job.samples={options.sizes}", *options.set]
    if options.test_rows:
        settings.append(f"data.test.rows=[0, {options.test_rows}]")
    command = [*options.launcher.split(), options.program, "run", job, "--resume", "--output", results]
    command += [item for setting in settings for item in ("--set", setting)]
    print(job.stem, flush=True)
    done = subprocess.run([str(item) for item in command], check=False)
    if done.returncode != 0:
        raise CurveError(f"{job.name} ended with status {done.returncode}")


def measure(options: argparse.Namespace) -> list[Curve]:
    """The curves of all jobs, from results that are there or are made now."""
    options.folder.mkdir(parents=True, exist_ok=True)
    curves = []
    for number, job in enumerate(options.jobs):
        results = options.folder / f"{job.stem}.h5"
        if not results.exists():
            run(options, job, results)
        curve = Curve.read(results, options.sizes, options.labels[number] if options.labels else "")
        for size, accuracy in zip(curve.sizes, curve.accuracies, strict=True):
            print(f"  {curve.label}: {size} points, accuracy {accuracy:.2%}", flush=True)
        curves.append(curve)
    return curves


def draw(curves: list[Curve], output: Path) -> None:
    """One line for each job."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
        for number, curve in enumerate(curves):
            accuracy = curve.accuracies
            error = 1.96 * np.sqrt(accuracy * (1 - accuracy) / curve.tested)
            axis.errorbar(curve.sizes, 100 * accuracy, 100 * error, marker="o", capsize=3, label=curve.label,
                          color=COLOURS[number % len(COLOURS)])
        axis.set_xscale("log")
        sizes = sorted({size for curve in curves for size in curve.sizes})
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
        axis.minorticks_off()
        axis.set_xlabel("training points")
        axis.set_ylabel("test accuracy, %")
        axis.grid(visible=True, color="#dddddd", linewidth=0.7)
        axis.legend(frameon=False, fontsize=8)
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output)
        plt.close(figure)


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="+", type=Path, help="input files of regressions with labels")
    parser.add_argument("--sizes", type=sizes_argument, default=[125, 250, 500, 1000], metavar="N,N,...",
                        help="numbers of training points (default: 125,250,500,1000)")
    parser.add_argument("--test-rows", type=int, metavar="N", help="test on the first N rows of each test set")
    parser.add_argument("--labels", nargs="+", metavar="TEXT", help="names of the jobs in the plot (default: titles)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of widelimit run; all jobs")
    parser.add_argument("--launcher", default="", help="how to start the program, e.g. 'mpirun -n 2'")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/src/cli/widelimit", help="widelimit")
    parser.add_argument("--folder", type=Path, default=ROOT / "build/results/curves", help="where results are kept")
    parser.add_argument("--output", type=Path, default=ROOT / "build/results/learning_curve.png", help="the plot")
    options = parser.parse_args(arguments)
    if options.labels and len(options.labels) != len(options.jobs):
        parser.error(f"{len(options.labels)} labels were given for {len(options.jobs)} jobs")
    if not os.access(options.program, os.X_OK):
        parser.error(f"{options.program} is no program; build widelimit or give --program")
    try:
        draw(measure(options), options.output)
    except (CurveError, OSError) as error:
        print(f"learning_curve: error: {error}", file=sys.stderr)
        return 2
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())

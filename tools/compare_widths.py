"""Networks of finite width against their limit: how far their outputs are from it, and whether that falls with width.

    compare_widths.py      depths 1, 2, 4; tanh, relu, gelu, erf; SGD and momentum; widths 2^9 … 2^13: takes long
    compare_widths.py --depths 2 --functions relu --widths 64 256 --particles 2000     takes seconds

For each network and optimizer the job `limit` is run with `--replicates`, and for each width the job `finite` with
`--seeds` networks, by default of dense matrices, on synthetic points, in the maximal update parametrization. Columns:

    difference  rms over steps and test points of (mean of the networks - limit), divided by the rms of the limit
    error       rms standard error of that difference, in the same unit
    in errors   their quotient: about 1 where nothing but chance is left
    deviation   rms difference of one network from the limit, its mean and its chance together; falls as width^-1/2

The exit status is 1 where the largest width is off by more than `--allowed` standard errors, or where the deviation
does not fall from the smallest to the largest width; the fitted exponent of its fall is told. The difference of the
means is nothing but chance from some width on; small widths and many seeds show how it falls.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {
    "tanh": "numerical: {fn: tanh}",
    "relu": "relu",
    "gelu": "gelu",
    "erf": "erf",
}
MOMENTUM = {"sgd": 0.0, "momentum": 0.8}
INPUT = """
data:
  train: {{file: data.h5, inputs: /x, targets: /y}}
  test: {{file: data.h5, inputs: /x_test, targets: /y_test}}
network: [{{repeat: {{times: {depth}, layers: [dense: {{w_std: {w_std}}}, {layer}]}}}}, dense]
job:
  type: {job}
  optimizer: {{learning_rate: {rate}, momentum: {momentum}}}
  steps: {steps}
  {size_key}: {size}
  replicates: {replicates}
  representation: {representation}
  seed: {seed}
  record: {{kernels_at: [], densities_at: []}}
precision: {precision}
checkpoint: none
output: {{file: out.h5}}
"""


class Outputs(NamedTuple):
    """Test outputs after each step but the first, and their standard errors: steps x points x 1."""

    mean: "object"
    error: "object"
    loss: "object"  # on the training points, from the start


class Row(NamedTuple):
    """What one width shows."""

    width: int
    difference: float
    error: float
    deviation: float


def run(folder: Path, options: argparse.Namespace, **values: object) -> Outputs:
    """Runs the program on one input file."""
    import h5py

    (folder / "job.yaml").write_text(INPUT.format(steps=options.steps, precision=options.precision, **values))
    outcome = subprocess.run([options.program, "run", "job.yaml", "--overwrite"], cwd=folder, capture_output=True,
                             text=True, check=False)
    if outcome.returncode:
        raise SystemExit(f"compare_widths: error: {outcome.stderr}")
    with h5py.File(folder / "out.h5") as file:
        limit = file["limit"]
        return Outputs(limit["test"][1:], limit["test_standard_error"][1:], limit["loss"][()])


def compare(folder: Path, options: argparse.Namespace, network: dict[str, object],
            network_seed: int) -> tuple[Outputs, list[Row]]:
    """The limit, and one row for each width."""
    import numpy as np

    def rms(values: "np.ndarray") -> float:
        return float(np.sqrt(np.mean(values**2)))

    limit = run(folder, options, job="limit", size_key="particles", size=options.particles, seed=network_seed,
                replicates=options.replicates, representation="auto", **network)
    scale, rows = rms(limit.mean), []
    for width in options.widths:
        finite = run(folder, options, job="finite", size_key="width", size=width, seed=network_seed + width,
                     replicates=options.seeds, representation=options.representation, **network)
        difference = rms(finite.mean - limit.mean)
        deviation = np.hypot(difference, rms(finite.error) * (options.seeds - 1) ** 0.5)
        rows.append(Row(width, difference / scale, rms(np.hypot(finite.error, limit.error)) / scale,
                        float(deviation) / scale))
    return limit, rows


def fall(rows: list[Row]) -> str:
    """The exponent of the deviation by least squares."""
    import numpy as np

    if len(rows) < 2:
        return ""
    logs = np.log([[row.width, row.deviation] for row in rows])
    return f"deviation as width^{np.polyfit(logs[:, 0], logs[:, 1], 1)[0]:.2f}; "


def faults(rows: list[Row], allowed: float) -> list[str]:
    """What speaks against the limit."""
    found = []
    first, last = rows[0], rows[-1]
    if last.difference > allowed * last.error:
        found.append(f"width {last.width} is off by more than {allowed:g} standard errors")
    if len(rows) > 1 and first.deviation <= last.deviation:
        found.append("the deviation does not fall with width")
    return found


def write_data(folder: Path, options: argparse.Namespace) -> None:
    """Gaussian points and a smooth function of them."""
    import h5py
    import numpy as np

    rng = np.random.default_rng(options.seed)
    direction = rng.standard_normal((options.features, 1)) / options.features**0.5
    with h5py.File(folder / "data.h5", "w") as file:
        for suffix, count in (("", options.points), ("_test", options.test_points)):
            x = rng.standard_normal((count, options.features))
            file["x" + suffix], file["y" + suffix] = x, np.sin(2 * x @ direction)


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/src/cli/widelimit"))
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 4], help="hidden layers")
    parser.add_argument("--functions", nargs="+", choices=LAYERS, default=list(LAYERS))
    parser.add_argument("--optimizers", nargs="+", choices=MOMENTUM, default=list(MOMENTUM))
    parser.add_argument("--widths", type=int, nargs="+", default=[2**k for k in range(9, 14)])
    parser.add_argument("--seeds", type=int, default=8, help="networks of each width, at least 2")
    parser.add_argument("--particles", type=int, default=2**15, help="of the limit")
    parser.add_argument("--replicates", type=int, default=8, help="runs of the limit, at least 2")
    parser.add_argument("--points", type=int, default=8)
    parser.add_argument("--test-points", type=int, default=4)
    parser.add_argument("--features", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--learning-rate", type=float, default=0.25, help="with momentum (1 - momentum) times as large")
    parser.add_argument("--representation", choices=["dense", "conditioned"], default="dense",
                        help="of the networks of finite width; conditioned has the same law and costs less")
    parser.add_argument("--precision", choices=["single", "double"], default="double")
    parser.add_argument("--allowed", type=float, default=4, help="standard errors")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.seeds < 2 or options.replicates < 2:
        parser.error("standard errors need --seeds and --replicates of at least 2")
    options.widths.sort()
    options.program = str(Path(options.program).resolve())
    return options


def main() -> int:
    """Compares all networks; returns the exit status."""
    options = parse()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    failed, count = 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_data(folder, options)
        print(f"{'':>28}   width  difference  error    in errors  deviation")
        for function in options.functions:
            for depth in options.depths:
                for optimizer in options.optimizers:
                    start = time.monotonic()
                    momentum = MOMENTUM[optimizer]
                    network = {"depth": depth, "layer": LAYERS[function], "momentum": momentum,
                               "rate": options.learning_rate * (1 - momentum),
                               "w_std": 2**0.5 if function in ("relu", "gelu") else 1.5}
                    count += 1
                    limit, rows = compare(folder, options, network, options.seed + 2**20 * count)
                    title = f"{function}, {depth} hidden, {optimizer}"
                    for row in rows:
                        print(f"{title:>28}  {row.width:>6}  {row.difference:<10.2e}  {row.error:<7.1e}  "
                              f"{row.difference / row.error:<9.2f}  {row.deviation:.1e}")
                        title = ""
                    print(f"{'':>28}  loss of the limit {limit.loss[0]:.3f} to {limit.loss[-1]:.3f}; "
                          f"{fall(rows)}{time.monotonic() - start:.0f} s")
                    for fault in faults(rows, options.allowed):
                        failed += 1
                        print(f"{'':>28}  WRONG: {fault}")
                    sys.stdout.flush()
    print(f"{failed} faults" if failed else "all networks approach their limits")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

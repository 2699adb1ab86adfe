"""Training in the limit of infinite width against a dense network in NumPy, and how cost and memory grow.

    bench_limit.py                       20,000 particles against a dense network of width 20,000, then 10^4 … 10^6
    bench_limit.py --particles 4000      smaller

Three hidden layers of tanh, 8 points, 20 full-batch steps in the maximal update parametrization, both in the same
precision and with the same number of threads. Of the dense network some steps are timed, without drawing its weights.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POINTS, FEATURES, STEPS, LAYERS, RATE = 8, 10, 20, 3, 0.2
ROOT = Path(__file__).resolve().parents[1]
INPUT = """
data: {{train: {{file: data.h5, inputs: /x, targets: /y}}}}
network: [{{repeat: {{times: {layers}, layers: [dense, numerical: {{fn: tanh}}]}}}}, dense]
job:
  type: limit
  optimizer: {{learning_rate: {rate}}}
  steps: {steps}
  particles: {particles}
  tolerance: {tolerance}
  record: {{kernels_at: [], densities_at: []}}
precision: {precision}
checkpoint: none
output: {{file: out.h5}}
"""


def run_limit(program: str, folder: Path, particles: int, options: argparse.Namespace) -> tuple[float, float, str]:
    """Seconds of training, peak memory in GiB, and the ranks."""
    import h5py

    text = INPUT.format(layers=LAYERS, rate=RATE, steps=STEPS, particles=particles, tolerance=options.tolerance,
                        precision=options.precision)
    (folder / "job.yaml").write_text(text)
    outcome = subprocess.run([program, "run", "job.yaml", "--overwrite"], cwd=folder, capture_output=True, text=True,
                             check=False)
    if outcome.returncode:
        raise SystemExit(f"bench_limit: error: {outcome.stderr}")
    ranks = re.search(r"ranks of the matrices: (.*)", outcome.stderr)
    with h5py.File(folder / "out.h5") as file:
        seconds = float(file["timings"].attrs["train"])
        return seconds, float(file.attrs["peak_rss_bytes_max"]) / 2**30, ranks[1] if ranks else "dense"


def time_dense(x, y, width: int, steps: int, precision: str) -> float:  # noqa: ANN001
    """Seconds of `steps` steps of a dense network, a plain program."""
    import numpy as np

    real = np.float64 if precision == "double" else np.float32
    rng = np.random.default_rng(0)
    inputs, targets = x.T.astype(real) / real(np.sqrt(FEATURES)), y.ravel().astype(real)
    rate = real(RATE)
    first = rng.standard_normal((width, FEATURES), dtype=real)
    readout = rng.standard_normal(width, dtype=real)
    row = rng.standard_normal(width, dtype=real) / real(np.sqrt(width))
    hidden = [np.tile(row, (width, 1)) for _ in range(LAYERS - 1)]  # values do not matter for the time
    start = time.perf_counter()
    for _ in range(steps):
        features = [np.tanh(first @ inputs)]
        for w in hidden:
            features.append(np.tanh(w @ features[-1]))
        chi = (readout @ features[-1] / real(width) - targets) / real(POINTS)
        gradient = readout[:, None] * chi * (1 - features[-1] ** 2)
        readout = readout - rate * (features[-1] @ chi)
        for layer in range(LAYERS - 2, -1, -1):
            back = hidden[layer].T @ gradient
            hidden[layer] -= (gradient * (rate / real(width))) @ features[layer].T
            gradient = back * (1 - features[layer] ** 2)
        first = first - rate * (gradient @ inputs.T)
    return time.perf_counter() - start


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/src/cli/widelimit"))
    parser.add_argument("--particles", type=int, default=20000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10**4, 10**5, 10**6])
    parser.add_argument("--precision", choices=["single", "double"], default="single")
    parser.add_argument("--tolerance", default="1e-6")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dense-steps", type=int, default=2, help="steps of the dense network that are timed")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    import h5py
    import numpy as np

    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((POINTS, FEATURES)), rng.standard_normal((POINTS, 1))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with h5py.File(folder / "data.h5", "w") as file:
            file["x"], file["y"] = x, y
        for size in options.sizes:
            seconds, memory, ranks = run_limit(options.program, folder, size, options)
            print(f"  {size:>8} particles: {seconds:7.2f} s, {1e6 * seconds / size:6.1f} us a particle, "
                  f"{memory:.2f} GiB, ranks {ranks}")
        if options.particles:
            limit = min(run_limit(options.program, folder, options.particles, options)[0] for _ in range(2))
            dense = time_dense(x, y, options.particles, options.dense_steps, options.precision)
            whole = dense * STEPS / options.dense_steps
            print(f"{options.precision}, {options.threads} threads, {options.particles} particles, {STEPS} steps: "
                  f"limit {limit:.2f} s, dense NumPy {whole:.1f} s ({whole / limit:.1f} x)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

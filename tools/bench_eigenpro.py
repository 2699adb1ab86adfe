"""Time to a test error: widelimit's conjugate gradients beside EigenPro 2, on the same kernel, data and cores.

    bench_eigenpro.py --data fashion_mnist.h5 [--points 20000] [--epochs 1 2 4 8] [--tolerances 1e-2 1e-3 1e-4]

Both regress one-hot labels with the Gaussian kernel exp(-|x - x'|²/(2·bandwidth²)) without a ridge, in single precision:
for widelimit it is the NNGP of `dense, rbf`. EigenPro gets the batch size, step and preconditioner that it chooses by
itself. Each line is one run from the start: seconds of reading, preparing and solving (no evaluation), then error and
accuracy on the test images. Run it with a Python that has torch and the package eigenpro2
(github.com/EigenPro/EigenPro-pytorch; neither is a dependency of widelimit).
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parent.parent

INPUT = """
data:
  train: {{file: {data}, inputs: /train/images, targets: /train/labels, rows: [0, {points}]}}
  test: {{file: {data}, inputs: /test/images, targets: /test/labels}}
  inputs: standardize
  targets: one_hot
network: [dense, rbf: {{gamma: {gamma}}}]
job: {{type: regression, kernel: nngp, solver: pcg, preconditioner: {{type: nystrom, rank: {rank}}}}}
precision: single
checkpoint: none
"""


def read(path: Path, points: int) -> tuple[np.ndarray, ...]:
    """Training and test images as standardized rows of floats, and labels."""
    with h5py.File(path) as file:
        x, y = file["train/images"][:points], file["train/labels"][:points]
        x_test, y_test = file["test/images"][:], file["test/labels"][:]
    mean, deviation = x.mean(), x.std()
    flat = [((part - mean) / deviation).reshape(len(part), -1).astype(np.float32) for part in (x, x_test)]
    return flat[0], y.astype(int), flat[1], y_test.astype(int)


def scores(predictions: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean squared error against one-hot labels, and accuracy in percent."""
    error = float(((predictions - np.eye(10)[labels]) ** 2).mean())
    return error, 100 * float((predictions.argmax(1) == labels).mean())


def print_row(method: str, effort: str, seconds: float, predictions: np.ndarray, labels: np.ndarray) -> None:
    error, accuracy = scores(predictions, labels)
    print(f"{method:<10} {effort:<18} {seconds:>8.1f} {error:>12.5f} {accuracy:>10.2f}", flush=True)


def run_widelimit(options: argparse.Namespace, labels: np.ndarray) -> None:
    features = 784
    with tempfile.TemporaryDirectory() as folder:
        job, results = Path(folder) / "job.yaml", Path(folder) / "results.h5"
        gamma = features / (2 * options.bandwidth**2)
        job.write_text(INPUT.format(data=options.data.resolve(), points=options.points, gamma=gamma, rank=options.rank))
        for tolerance in options.tolerances:
            command = [options.program, "run", job, "--output", results, "--overwrite", "--set",
                       f"job.tolerance={tolerance}"]
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"widelimit failed:\n{done.stderr[-2000:]}")
            with h5py.File(results) as file:
                parts = file["timings"].attrs
                seconds = sum(float(value) for name, value in parts.items() if name != "predict")
                iterations = int(file["solver"].attrs["iterations"])
                print_row("widelimit", f"tolerance {tolerance:g}, {iterations} it.", seconds,
                          file["predictions/test"][:], labels)


def run_eigenpro(options: argparse.Namespace, data: tuple[np.ndarray, ...]) -> None:
    import torch
    from eigenpro2.kernels import gaussian
    from eigenpro2.models import KernelModel

    torch.set_num_threads(options.threads)
    x, labels, x_test, test_labels = data
    x, x_test = torch.from_numpy(x), torch.from_numpy(x_test)
    y = torch.from_numpy(np.eye(10, dtype=np.float32)[labels])
    for epochs in options.epochs:
        torch.manual_seed(1)
        start = time.perf_counter()
        model = KernelModel(lambda a, b: gaussian(a, b, bandwidth=options.bandwidth), x, 10, device=torch.device("cpu"))
        with contextlib.redirect_stdout(None):
            model.fit(x, y, epochs=epochs, mem_gb=options.memory_gb, run_epoch_eval=False)
        seconds = time.perf_counter() - start
        predictions = torch.cat([model(part) for part in torch.split(x_test, 1000)]).numpy()
        print_row("EigenPro", f"{epochs} epochs", seconds, predictions, test_labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "build" / "data" / "fashion_mnist.h5")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "release" / "src" / "cli" / "widelimit")
    parser.add_argument("--points", type=int, default=20000, help="training images")
    parser.add_argument("--bandwidth", type=float, default=15.0, help="of the Gaussian, on standardized images")
    parser.add_argument("--rank", type=int, default=2000, help="of widelimit's Nyström preconditioner")
    parser.add_argument("--tolerances", type=float, nargs="+", default=[1e-1, 1e-2, 1e-3, 1e-4])
    parser.add_argument("--epochs", type=int, nargs="+", default=[1, 2, 5, 10, 20])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory-gb", type=int, default=8, help="that EigenPro may use")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    data = read(options.data, options.points)
    print(f"{'':<10} {'effort':<18} {'seconds':>8} {'test error':>12} {'accuracy %':>10}")
    run_widelimit(options, data[3])
    run_eigenpro(options, data)


if __name__ == "__main__":
    main()

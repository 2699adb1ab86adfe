"""Trains by EigenPro 2; run by bench_eigenpro.py in an environment with PyTorch.

    bench_eigenpro_worker.py CHECKOUT DATA.npz ntk|gaussian evaluated|kept BANDWIDTH EPOCHS THREADS MEMORY_GB \
        wall|processor

Prints a line of JSON after each epoch: [epoch, seconds, mean squared error, accuracy] on the test images.

EigenPro asks torch.lobpcg for hundreds of eigenvectors of a matrix of 2,000 points, which takes longer than all of the
training here (it does not converge in single precision). It gets torch.linalg.eigh instead: seconds.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

CLASSES = 10
BLOCK = 1000


def kernel_of(name: str, bandwidth: float) -> Callable:
    """EigenPro's own function of two sets of rows."""
    from eigenpro2 import kernels

    return partial(kernels.ntk_relu, depth=4) if name == "ntk" else partial(kernels.gaussian, bandwidth=bandwidth)


def by_blocks(kernel: Callable, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The kernel matrix of x and y."""
    whole = torch.empty(len(x), len(y))
    for begin in range(0, len(x), BLOCK):
        whole[begin:begin + BLOCK] = kernel(x[begin:begin + BLOCK], y)
    return whole


def look_up(gram: torch.Tensor, points: torch.Tensor) -> Callable:
    """The kernel function of points that are given by their numbers, from their whole kernel matrix."""

    def kernel(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        chosen = gram[rows[:, 0].long()]
        return chosen if columns.data_ptr() == points.data_ptr() else chosen[:, columns[:, 0].long()]

    return kernel


def leading_eigenpairs(matrix: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest eigenvalues, descending, and their vectors, as torch.lobpcg gives them."""
    values, vectors = torch.linalg.eigh(matrix)
    return values[-count:].flip(0), vectors[:, -count:].flip(1)


def train(kernel: Callable, x: torch.Tensor, labels: torch.Tensor, epochs: int, memory_gb: int,
          now: Callable, observe: Callable) -> None:
    """Calls observe(epoch, seconds so far, weights) after each epoch; its own time does not count. now: the clock."""
    from eigenpro2.models import KernelModel

    epoch, pause = 0, 0.0
    start = now()

    class Watched(KernelModel):
        """Stops the clock for the evaluation that the optimizer asks for after each epoch."""

        def evaluate(self, x_eval, y_eval, bs, metrics=()):  # noqa: ANN001, ANN202, ARG002
            nonlocal epoch, pause
            if x_eval is None:  # the validation set, which follows the training set
                begin = now()
                epoch += 1
                observe(epoch, begin - start - pause, self.weight)
                pause += now() - begin
            return {"mse": 0.0, "multiclass-acc": 0.0}

    model = Watched(kernel, x, CLASSES, device=torch.device("cpu"))
    with contextlib.redirect_stdout(None):
        model.fit(x, torch.eye(CLASSES)[labels], epochs=epochs, mem_gb=memory_gb)


def main() -> None:
    """Trains and prints."""
    checkout, data, name, way, bandwidth, epochs, threads, memory_gb, clock = sys.argv[1:]
    sys.path.insert(0, checkout)
    now = time.process_time if clock == "processor" else time.perf_counter
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    torch.lobpcg = leading_eigenpairs
    arrays = {key: torch.from_numpy(value) for key, value in np.load(data).items()}
    kernel = kernel_of(name, float(bandwidth))
    cross = by_blocks(kernel, arrays["x_test"], arrays["x"])
    truth = torch.eye(CLASSES)[arrays["y_test"]]

    begin, x, out = now(), arrays["x"], sys.stdout
    if way == "kept":
        gram, x = by_blocks(kernel, x, x), torch.arange(len(x), dtype=torch.float32)[:, None]
        kernel = look_up(gram, x)
    spent = now() - begin

    def observe(epoch: int, seconds: float, weights: torch.Tensor) -> None:
        predictions = cross @ weights
        error = float(((predictions - truth) ** 2).mean())
        hits = (predictions.argmax(1) == arrays["y_test"]).float().mean()
        print(json.dumps([epoch, spent + seconds, error, float(hits)]), file=out, flush=True)

    train(kernel, x, arrays["y"], int(epochs), int(memory_gb), now, observe)


if __name__ == "__main__":
    main()

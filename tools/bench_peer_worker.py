"""Times neural-tangents; run by bench_peer.py in the environment of the peer.

    bench_peer_worker.py POINTS REPETITIONS

Prints the seconds of each way of calling it as one line of JSON.
"""

import json
import sys
import time
from collections.abc import Callable

import jax
import numpy as np
from neural_tangents import stax

INPUTS = 784
BATCHES = (1024, 2048, 4096)


def relu_network() -> Callable:
    """Kernel function of three hidden ReLU layers without biases."""
    hidden = [layer for _ in range(3) for layer in (stax.Dense(1, 2**0.5, None), stax.Relu())]
    return stax.serial(*hidden, stax.Dense(1, 1.0, None))[2]


def shortest(function: Callable, repetitions: int) -> float:
    """Seconds of the quickest call; the first, which compiles, is not counted."""
    jax.block_until_ready(function())
    seconds = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def main() -> None:
    """Measures the whole matrix at once, and its lower triangle in square batches of several sizes."""
    points, repetitions = int(sys.argv[1]), int(sys.argv[2])
    kernel = relu_network()
    x = jax.device_put(np.random.default_rng(0).standard_normal((points, INPUTS)).astype(np.float32))
    symmetric = jax.jit(lambda a: kernel(a, None, "ntk"))
    pair = jax.jit(lambda a, b: kernel(a, b, "ntk"))

    def in_batches(size: int) -> None:
        for i in range(0, points, size):
            for j in range(0, i + 1, size):
                pair(x[i:i + size], x[j:j + size]).block_until_ready()

    seconds = {"whole matrix at once": shortest(lambda: symmetric(x), repetitions)}
    for size in BATCHES:
        if size < points:
            seconds[f"batches of {size}"] = shortest(lambda size=size: in_batches(size), repetitions)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

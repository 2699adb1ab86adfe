"""Times neural-tangents on images and sequences; run by bench_peer.py in the environment of the peer.

    bench_peer_positions_worker.py SECONDS NAME…

For each network, blocks of the NTK of N x N points for growing N, until a block takes longer than SECONDS. Prints the
quickest seconds per entry of each network as one line of JSON. The networks are those of tests/bench/positions.cpp.
"""

import json
import sys
import time
from collections.abc import Callable

import jax
import numpy as np
from neural_tangents import stax

W_STD = 2**0.5


def conv() -> tuple:
    """A 3 x 3 convolution."""
    return stax.Conv(1, (3, 3), padding="SAME", W_std=W_STD)


def blocks(count: int) -> list:
    """Convolutions with ReLU."""
    return [layer for _ in range(count) for layer in (conv(), stax.Relu())]


def halve() -> tuple:
    """Averages of 2 x 2 pixels."""
    return stax.AvgPool((2, 2), strides=(2, 2))


def serial(*layers: tuple) -> Callable:
    """The kernel function of a network with a readout."""
    return stax.serial(*layers, stax.Dense(1))[2]


def myrtle(counts: tuple[int, ...]) -> Callable:
    """Blocks before each of the pools."""
    layers = [layer for count in counts for layer in (*blocks(count), halve())]
    return serial(*layers, stax.GlobalAvgPool())


def resnet() -> Callable:
    """Residual blocks with layer normalisation."""
    branch = [layer for _ in range(2) for layer in (stax.LayerNorm(), stax.Relu(), conv())]
    block = stax.serial(stax.FanOut(2), stax.parallel(stax.Identity(), stax.serial(*branch)), stax.FanInSum())
    return serial(conv(), *[block] * 4, stax.LayerNorm(), stax.Relu(), stax.GlobalAvgPool())


def attention() -> Callable:
    """Two layers of attention without softmax."""
    layer = stax.GlobalSelfAttention(1, 1, 1, 1, linear_scaling=True, attention_mechanism="IDENTITY")
    return serial(stax.Dense(1), *[layer, stax.Relu(), stax.Dense(1)] * 2, stax.GlobalAvgPool())


IMAGE, SEQUENCE = (32, 32, 3), (64, 32)
NETWORKS: dict[str, tuple[Callable[[], Callable], tuple[int, ...]]] = {
    "conv21_flatten_32x32": (lambda: serial(*blocks(21), stax.Flatten()), IMAGE),
    "conv21_gap_32x32": (lambda: serial(*blocks(21), stax.GlobalAvgPool()), IMAGE),
    "myrtle5_32x32": (lambda: myrtle((2, 1, 1, 0)), IMAGE),
    "myrtle10_32x32": (lambda: myrtle((3, 3, 3, 0)), IMAGE),
    "resnet_layer_norm_32x32": (resnet, IMAGE),
    "attention_64": (attention, SEQUENCE),
}


def seconds_per_entry(kernel: Callable, shape: tuple[int, ...], limit: float) -> float:
    """Of the best size of blocks. The first call of each size, which compiles, is not counted."""
    random = np.random.default_rng(0)
    function = jax.jit(lambda a, b: kernel(a, b, "ntk"))
    best, size = float("inf"), 2
    while size <= 128:
        x, y = (jax.device_put(random.standard_normal((size, *shape)).astype(np.float32)) for _ in range(2))
        try:
            function(x, y).block_until_ready()
            begin = time.perf_counter()
            function(x, y).block_until_ready()
        except jax.errors.JaxRuntimeError:  # too little memory
            break
        taken = time.perf_counter() - begin
        best = min(best, taken / size**2)
        if 4 * taken > limit:
            break
        size *= 2
    return best


def main() -> None:
    """Measures the networks named."""
    limit = float(sys.argv[1])
    seconds = {}
    for name in sys.argv[2:]:
        make, shape = NETWORKS[name]
        seconds[name] = seconds_per_entry(make(), shape, limit)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

"""Recurrent networks of finite width in numpy: kernels averaged over random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import erf, pi

import numpy as np

Array = np.ndarray


def erf_slope(h: Array) -> Array:
    """The derivative of erf."""
    return 2 / np.sqrt(pi) * np.exp(-(h**2))


ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "relu": (lambda h: np.maximum(h, 0), lambda h: (h > 0).astype(h.dtype)),
    "erf": (np.vectorize(erf, otypes=[float]), erf_slope),
}


@dataclass
class Layer:
    """The keys of an `rnn` in an input file."""

    activation: str
    w_std: float
    u_std: float
    b_std: float


@dataclass
class Layout:
    """Layers one on the other, and what is read out: the `last` step, or the `mean` over all."""

    layers: list[Layer]
    readout: str

    def network(self) -> list[object]:
        """The network of an input file."""
        written: list[object] = []
        for number, layer in enumerate(self.layers):
            top = number == len(self.layers) - 1
            keys = {"return": "last" if top and self.readout == "last" else "sequence"}
            written.append({"rnn": vars(layer) | keys})
        return [*written, *(["global_avg_pool"] if self.readout == "mean" else []), "dense"]


class FiniteNetwork:
    """One draw of the weights."""

    def __init__(self, layout: Layout, width: int, inputs: int, random: np.random.Generator) -> None:
        self.layout, self.width = layout, width
        self.weights = []
        for number, layer in enumerate(layout.layers):
            fan_in = inputs if number == 0 else width
            w = layer.w_std / np.sqrt(width) * random.standard_normal((width, width), np.float32)
            u = layer.u_std / np.sqrt(fan_in) * random.standard_normal((width, fan_in), np.float32)
            b = layer.b_std * random.standard_normal(width)
            self.weights.append((w, u, b))
        self.v = random.standard_normal(width)

    def run(self, x: Array) -> tuple[Array, list[tuple[Array, Array, Array]]]:
        """Features that are read out, and of each layer the inputs, previous states and gradients ∂f/∂h, by steps."""
        passes, below = [], x
        for layer, (w, u, b) in zip(self.layout.layers, self.weights, strict=True):
            phi, _ = ACTIVATIONS[layer.activation]
            before, states, h = np.zeros(self.width), [], []
            for step in below:
                states.append(before)
                h.append(w @ before + u @ step + b)
                before = phi(h[-1])
            passes.append((below, np.array(states), np.array(h)))
            below = np.array([*states[1:], before])
        share = np.zeros(len(x))
        share[-1] = 1
        if self.layout.readout == "mean":
            share[:] = 1 / len(x)
        features = share @ below
        above = np.outer(share, self.v) / np.sqrt(self.width)
        results = []
        for layer, (w, u, _), (z, states, h) in reversed(
            list(zip(self.layout.layers, self.weights, passes, strict=True))
        ):
            _, slope = ACTIVATIONS[layer.activation]
            delta = np.zeros_like(h)
            later = np.zeros(self.width)
            for t in reversed(range(len(h))):
                delta[t] = slope(h[t]) * (above[t] + w.T @ later)
                later = delta[t]
            above = delta @ u
            results.append((z, states, delta))
        return features, results[::-1]

    def kernels(self, points: list[Array]) -> tuple[Array, Array]:
        """Of sequences [T, C]: the covariance of the output over readout weights, and the tangent kernel."""
        runs = [self.run(x) for x in points]
        nngp = np.array([[a @ b for b, _ in runs] for a, _ in runs]) / self.width
        ntk = nngp.copy()
        for i, (_, passes) in enumerate(runs):
            for j, (_, others) in enumerate(runs):
                for layer, (z, s, delta), (z_col, s_col, delta_col) in zip(
                    self.layout.layers, passes, others, strict=True
                ):
                    weights = layer.w_std**2 / self.width * (s @ s_col.T) + layer.b_std**2
                    weights = weights + layer.u_std**2 / z.shape[1] * (z @ z_col.T)
                    ntk[i, j] += (delta @ delta_col.T * weights).sum()
        return nngp, ntk


def averages(layout: Layout, points: list[Array], width: int, seeds: int) -> dict[str, tuple[Array, Array]]:
    """Mean and standard error of both kernels over networks."""
    draws = [
        FiniteNetwork(layout, width, points[0].shape[1], np.random.default_rng([seed, width])).kernels(points)
        for seed in range(seeds)
    ]
    found = {}
    for name, values in zip(("nngp", "ntk"), (np.array(kernel) for kernel in zip(*draws, strict=True)), strict=True):
        found[name] = (values.mean(0), values.std(0, ddof=1) / np.sqrt(seeds))
    return found

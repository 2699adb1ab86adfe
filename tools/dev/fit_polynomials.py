#!/usr/bin/env python3
"""Prints the polynomial coefficients of include/widelimit/kernels/elementary.hpp, mills_ratio.hpp and
transcendental.hpp, and the split of pi.

Each function is interpolated at Chebyshev nodes in 60 digits and expanded in powers of its argument; the
printed error is the largest relative error of the exact polynomial on a fine grid. Needs mpmath.
"""

from mpmath import asin, atanh, erf, erfc, exp, fac2, linspace, matrix, lu_solve, floor, mp, mpf, cos, pi, polyval, sin, sqrt

mp.dps = 60


def fit(function, low, high, degree):
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * k + 1) / (2 * degree + 2)) for k in range(degree + 1)]
    vandermonde = matrix(degree + 1, degree + 1)
    for i, x in enumerate(nodes):
        for j in range(degree + 1):
            vandermonde[i, j] = x**j
    solution = lu_solve(vandermonde, matrix([function(x) for x in nodes]))
    coefficients = [solution[j] for j in range(degree + 1)]
    grid = linspace(low, high, 401)
    error = max(abs(polyval(coefficients[::-1], x) / function(x) - 1) for x in grid)
    return coefficients, error


def show(name, function, low, high, degree, digits):
    coefficients, error = fit(function, mpf(low), mpf(high), degree)
    body = ", ".join(mp.nstr(c, digits, min_fixed=0, max_fixed=0) for c in coefficients)
    print(f"// {name}: degree {degree}, relative error {mp.nstr(error, 2)}\n{{{body}}}\n")



def arcsine_ratio(y):  # asin(√y)/√y
    return asin(sqrt(y)) / sqrt(y) if y > mpf(10) ** -40 else mpf(1) + y / 6


def relu_deviation(y):  # (sin t - t cos t)/(y√y) with sin(t/2) = √y
    if y < mpf(10) ** -20:
        return mpf(8) / 3 - mpf(4) / 5 * y
    x = sqrt(y)
    t = 2 * asin(x)
    return (2 * x * sqrt(1 - y) - t * (1 - 2 * y)) / (y * x)


def exponential_rest(r):  # (exp(r) - 1 - r)/r²
    return (exp(r) - 1 - r) / r**2 if abs(r) > mpf(10) ** -15 else mpf(1) / 2 + r / 6


def arctanh_ratio(y):  # atanh(√y)/√y
    return atanh(sqrt(y)) / sqrt(y) if y > mpf(10) ** -40 else mpf(1) + y / 3


def sine_ratio(y):  # sin(√y)/√y
    return sin(sqrt(y)) / sqrt(y) if y > mpf(10) ** -40 else mpf(1) - y / 6


def mills_ratio(y):  # (1+s)·(1-Φ(s))/Φ'(s), y = (s-3)/(s+3), so that [-1, 1] is s >= 0
    if y > mpf(9) / 11:  # s > 30: the asymptotic series in h = 1/s
        h = (1 - y) / (3 * (1 + y))
        return (1 + h) * sum((-1) ** k * fac2(2 * k - 1) * h ** (2 * k) for k in range(14))
    s = 3 * (1 + y) / (1 - y)
    return (1 + s) * sqrt(pi / 2) * exp(s * s / 2) * erfc(s / sqrt(mpf(2)))


def erf_ratio(y):  # erf(√y)/√y
    return erf(sqrt(y)) / sqrt(y) if y > mpf(10) ** -40 else 2 / sqrt(pi) * (1 - y / 3)


def split(number, bits):  # leading parts of so many bits each, then the rest
    parts = []
    for _ in range(2):
        exponent = int(floor(mp.log(number, 2)))
        unit = mpf(2) ** (exponent + 1 - bits)
        parts.append(floor(number / unit) * unit)
        number -= parts[-1]
    return [mp.nstr(part, 17) for part in [*parts, number]]


if __name__ == "__main__":
    for digits, sizes in ((18, (18, 17, 9, 10, 8, 26, 9)), (10, (7, 6, 4, 4, 4, 10, 4))):
        show("asin(sqrt(y))/sqrt(y), 0 <= y <= 1/2", arcsine_ratio, 0, 0.5, sizes[0], digits)
        show("(sin t - t cos t)/y^1.5, y = sin(t/2)^2 <= 1/2", relu_deviation, 0, 0.5, sizes[1], digits)
        show("(exp(r)-1-r)/r^2, |r| <= 0.3466", exponential_rest, -0.3466, 0.3466, sizes[2], digits)
        show("atanh(sqrt(y))/sqrt(y), 0 <= y <= 1/9", arctanh_ratio, 0, mpf(1) / 9, sizes[3], digits)
        show("sin(sqrt(y))/sqrt(y), 0 <= y <= (pi/2)^2", sine_ratio, 0, (pi / 2) ** 2, sizes[4], digits)
        show("(1+s) times the Mills ratio, y = (s-3)/(s+3)", mills_ratio, -1, 1, sizes[5], digits)
        show("erf(sqrt(y))/sqrt(y), 0 <= y <= 0.3", erf_ratio, 0, mpf("0.3"), sizes[6], digits)
    print("// pi =", " + ".join(split(mp.pi, 29)))

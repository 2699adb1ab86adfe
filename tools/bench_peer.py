"""Compares widelimit's speed with neural-tangents' (JAX), both on the same cores and in one run.

    bench_peer.py [perceptron] [--threads 2] [--points 8192]
    bench_peer.py positions [--threads 2] [--seconds 20] [--only NAME…]

`positions` measures the NTK of images and sequences by the networks of tests/bench/positions.cpp, single precision, in
seconds per entry, each program with the best of several sizes of blocks (the peer's take --seconds at most each).

`perceptron`: measured is the NTK Gram matrix of a network of three hidden ReLU layers, N x N, 784 inputs, single precision; beside it
the matrix product of that size by OpenBLAS (ssyrk), a bound on what any method can reach. The benchmark program must
know, by these names of Google Benchmark,

    gram_relu3_f32_N    widelimit's Gram matrix, one benchmark for each size of its tiles
    syrk_f32_N          the product alone

All compute the lower triangle, and the matrix is not kept; the peer also the whole matrix at once, as its users would.
Each gets the best of several tile sizes, and the peer's compilation is not counted. It is installed into build/peer
at the first run.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEER_FOLDER = ROOT / "build" / "peer"
BENCHMARKS = ROOT / "build" / "release" / "tests" / "bench"
PEER_PACKAGES = ["neural-tangents==0.6.5", "jax==0.4.23", "jaxlib==0.4.23", "numpy<2", "scipy<1.13"]
POSITION_NETWORKS = ["conv21_flatten_32x32", "conv21_gap_32x32", "myrtle5_32x32", "myrtle10_32x32",
                     "resnet_layer_norm_32x32", "attention_64"]
SECONDS_PER_UNIT = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


class BenchError(Exception):
    """The comparison cannot be made; says why."""


def peer_python() -> Path:
    """The interpreter of the peer's environment, which is made if it is not there."""
    python = PEER_FOLDER / "bin" / "python"
    check = [python, "-c", "import jax, neural_tangents"]
    if python.exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return python
    if not (3, 9) <= sys.version_info[:2] <= (3, 12):
        raise BenchError("the peer needs a Python from 3.9 to 3.12; run this script with one")
    print(f"installing {', '.join(PEER_PACKAGES)} into {PEER_FOLDER.relative_to(ROOT)}", file=sys.stderr)
    for command in ([sys.executable, "-m", "venv", "--clear", PEER_FOLDER],
                    [python, "-m", "pip", "install", "-q", *PEER_PACKAGES], check):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"the peer could not be installed; it ended with\n{done.stderr[-2000:]}")
    return python


def time_peer(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the peer for each way of calling it."""
    command = [peer_python(), ROOT / "tools" / "bench_peer_worker.py", str(options.points), str(options.repetitions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the peer failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_benchmark(program: Path, names: str, repetitions: int) -> list[dict]:
    """What a benchmark program measures of the benchmarks that match `names`."""
    if not program.is_file():
        raise BenchError(f"{program} is not built (cmake --build build/release --target {program.name})")
    command = [program, f"--benchmark_filter={names}", "--benchmark_format=json",
               f"--benchmark_repetitions={repetitions}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{program.name} failed:\n{done.stderr[-2000:]}")
    try:
        runs = json.loads(done.stdout)["benchmarks"]
    except (ValueError, KeyError):
        return []  # Google Benchmark prints no JSON when nothing matches
    for run in runs:
        if run.get("error_occurred"):
            raise BenchError(f"{run['name']}: {run.get('error_message', 'failed')}")
    return [run for run in runs if run.get("run_type") == "iteration"]


def time_ours(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of the program and of the product, the shortest of all repetitions and tile sizes."""
    names = [f"gram_relu3_f32_{options.points}", f"syrk_f32_{options.points}"]
    benchmark = BENCHMARKS / "bench_gram"
    seconds: dict[str, float] = {}
    for run in run_benchmark(benchmark, f"^({'|'.join(names)})(/.*)?$", options.repetitions):
        # Google Benchmark appends arguments (the tile size) and how it measured to the name: /8192/512/real_time.
        name = next((name for name in names if f"{run['name']}/".startswith(f"{name}/")), None)
        if name is None:
            continue
        time = run["real_time"] * SECONDS_PER_UNIT[run["time_unit"]]
        seconds[name] = min(time, seconds.get(name, time))
    missing = [name for name in names if name not in seconds]
    if missing:
        raise BenchError(f"{benchmark.name} has no benchmark {' or '.join(missing)}")
    return dict(zip(("widelimit", "product alone (ssyrk)"), (seconds[name] for name in names), strict=True))


def print_table(options: argparse.Namespace, ours: dict[str, float], peer: dict[str, float]) -> None:
    """Times and ratios, the peer's best marked."""
    best = min(peer, key=peer.__getitem__)
    reference = ours.get("widelimit")
    entries = options.points**2
    print(f"NTK of 3 hidden ReLU layers, {options.points} x {options.points}, 784 inputs, single precision, "
          f"{options.threads} threads; shortest of {options.repetitions}\n")
    print(f"{'':42} {'seconds':>9} {'ns/entry':>9} {'to widelimit':>13}")
    for name, seconds in [*ours.items(), *((f"neural-tangents, {how}", seconds) for how, seconds in peer.items())]:
        ratio = f"{seconds / reference:13.2f}" if reference else f"{'-':>13}"
        mark = "  <- its best" if name == f"neural-tangents, {best}" else ""
        print(f"{name:42} {seconds:9.3f} {seconds / entries * 1e9:9.2f} {ratio}{mark}")


def compare_perceptron(options: argparse.Namespace) -> None:
    """Whole matrices of a perceptron."""
    peer = time_peer(options)
    print_table(options, {} if options.peer_only else time_ours(options), peer)


def compare_positions(options: argparse.Namespace) -> None:
    """Entries of networks on images and sequences."""
    ours: dict[str, float] = {}
    if not options.peer_only:
        for run in run_benchmark(BENCHMARKS / "bench_positions", f"^({'|'.join(options.only)})/f32", options.repetitions):
            name = run["name"].split("/")[0]
            ours[name] = min(run["entry_s"], ours.get(name, run["entry_s"]))
        missing = [name for name in options.only if name not in ours]
        if missing:
            raise BenchError(f"bench_positions has no benchmark {' or '.join(missing)}")
    command = [peer_python(), ROOT / "tools" / "bench_peer_positions_worker.py", str(options.seconds),
               *options.only]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"the peer failed:\n{done.stderr[-2000:]}")
    peer = json.loads(done.stdout.splitlines()[-1])
    print(f"NTK, single precision, {options.threads} threads, milliseconds an entry\n")
    print(f"{'':26} {'widelimit':>11} {'neural-tangents':>16} {'ratio':>9}")
    for name in options.only:
        mine = f"{ours[name] * 1e3:11.4f}" if name in ours else f"{'-':>11}"
        ratio = f"{peer[name] / ours[name]:9.1f}" if name in ours else f"{'-':>9}"
        print(f"{name:26} {mine} {peer[name] * 1e3:16.3f} {ratio}")


def main() -> int:
    """Runs the program; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="?", choices=["perceptron", "positions"], default="perceptron",
                        help="what to measure (default: perceptron)")
    parser.add_argument("--threads", type=int, default=2, help="cores for each program (default: 2)")
    parser.add_argument("--points", type=int, default=8192, help="perceptron: N (default: 8192)")
    parser.add_argument("--repetitions", type=int, default=5, help="of each measurement (default: 5)")
    parser.add_argument("--seconds", type=float, default=20, help="positions: longest block of the peer (default: 20)")
    parser.add_argument("--only", nargs="+", choices=POSITION_NETWORKS, default=POSITION_NETWORKS, metavar="NAME",
                        help=f"positions: networks to measure, of {', '.join(POSITION_NETWORKS)} (default: all)")
    parser.add_argument("--peer-only", action="store_true", help="measure the peer alone")
    options = parser.parse_args()

    # Both programs take the cores they may run on for the number of their threads.
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < options.threads:
        print(f"bench_peer: error: {options.threads} threads need as many cores, not {len(cores)}", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, cores[:options.threads])
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    try:
        (compare_perceptron if options.work == "perceptron" else compare_positions)(options)
    except BenchError as error:
        print(f"bench_peer: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

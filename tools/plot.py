"""Plots of results files.

    plot.py gram results.h5 --labels data.h5:/train/labels       heat map of the Gram matrices, points sorted by class
    plot.py spectrum results.h5                                  eigenvalues of the Gram matrices, or of a job `spectrum`
                                                                 with alignment and learning curve
    plot.py dynamics results.h5                                  loss and accuracy over time
    plot.py predictions results.h5 --labels data.h5:/test/labels confusion matrix and accuracy of each class
    plot.py limit limit_mup.h5 --compare limit_ntk.h5            losses, alignments and feature kernels of training
"""

import argparse
import sys
from pathlib import Path

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# A heat map has no more pixels than this, and an eigenvalue problem no more rows, unless asked for.
HEAT_MAP_POINTS = 1000
SPECTRUM_POINTS = 4000
KERNEL_NAMES = {"nngp": "NNGP kernel $K$", "ntk": "Neural tangent kernel $\\Theta$"}
COLOURS = {"nngp": "#4477aa", "ntk": "#cc6677"}
STYLE = {
    "font.size": 10, "axes.titlesize": 11, "axes.titleweight": "bold", "figure.titlesize": 12,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555",
    "xtick.color": "#333333", "ytick.color": "#333333", "figure.dpi": 150, "savefig.bbox": "tight",
}


class PlotError(Exception):
    """Something the user can mend: a file, an option."""


def title_of(file: h5py.File) -> str:
    """The title of the run, from its input, else the file's name."""
    text = file.attrs.get("input", "")
    for line in (text.decode() if isinstance(text, bytes) else str(text)).splitlines():
        if line.startswith("title:"):
            return line.removeprefix("title:").strip().strip("\"'")
    return Path(file.filename).name


def kernels_of(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The Gram matrices in a results file."""
    found = {name: file[f"gram/{name}"] for name in KERNEL_NAMES if f"gram/{name}" in file}
    if not found:
        raise PlotError(f"{file.filename}: has no Gram matrix, /gram/nngp or /gram/ntk; a job of type gram writes it")
    return found


def read_labels(where: str) -> tuple[np.ndarray, list[str]]:
    """Labels and class names from `FILE:/DATASET`."""
    name, separator, dataset = where.rpartition(":")
    if not separator:
        raise PlotError(f"'{where}' is not of the form FILE:/DATASET")
    with h5py.File(name) as file:
        if dataset not in file:
            raise PlotError(f"{name}: has no data set {dataset}")
        values = file[dataset][:]
        if values.ndim != 1 or values.dtype.kind not in "iu":
            raise PlotError(f"{name}: {dataset} holds no class labels (one integer for each point)")
        names = [str(item) for item in file[dataset].attrs.get("class_names", [])]
    return values, names


def labels_for(options: argparse.Namespace, count: int) -> tuple[np.ndarray, list[str]]:
    """The labels of `count` points, from the row where they begin."""
    values, names = read_labels(options.labels)
    first = options.first_label
    if first + count > len(values):
        raise PlotError(f"{options.labels}: has {len(values)} labels, too few for {count} points from row {first}")
    values = values[first:first + count].astype(np.int64)
    return values, names or [str(i) for i in range(int(values.max()) + 1)]


def subsample(count: int, limit: int) -> np.ndarray:
    """Evenly spread indices, all of them if they are few enough."""
    return np.arange(count) if count <= limit else np.unique(np.linspace(0, count - 1, limit).round().astype(np.int64))


def read_submatrix(matrix: h5py.Dataset, points: np.ndarray) -> np.ndarray:
    """Rows and columns `points` of a Gram matrix; a matrix stored as its lower triangle is completed."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise PlotError(f"{matrix.name} is not a square matrix")
    values = np.empty((len(points), len(points)))
    piece = max(1, 2**25 // matrix.shape[1])
    for first in range(0, matrix.shape[0], piece):  # pieces of whole rows: HDF5 picks scattered ones very slowly
        inside = (points >= first) & (points < first + piece)
        if inside.any():
            values[inside] = matrix[first:first + piece][points[inside] - first][:, points]
    if not np.triu(values, 1).any():
        values = np.tril(values) + np.tril(values, -1).T
    return values


def plot_gram(file: h5py.File, options: argparse.Namespace) -> Figure:
    """Heat maps, one for each kernel."""
    kernels = kernels_of(file)
    figure, axes = plt.subplots(1, len(kernels), figsize=(5.6 * len(kernels), 5.2), squeeze=False,
                                layout="constrained")
    for axis, (name, matrix) in zip(axes[0], kernels.items(), strict=True):
        count = matrix.shape[0]
        points = subsample(count, options.points or HEAT_MAP_POINTS)
        values = read_submatrix(matrix, points)
        order = "the data's order"
        if options.labels:
            labels, names = labels_for(options, count)
            by_class = np.lexsort([values.diagonal(), labels[points]])  # within a class by the kernel's diagonal
            values = values[np.ix_(by_class, by_class)]
            order = "sorted by class"
            mark_classes(axis, labels[points][by_class], names)
        else:
            ticks = np.linspace(0, len(points) - 1, 5).round().astype(int)
            axis.set_xticks(ticks, points[ticks])
            axis.set_yticks(ticks, points[ticks])
        # A few extreme entries must not leave the rest in one colour.
        off_diagonal = values[~np.eye(len(points), dtype=bool)]
        low, high = np.percentile(off_diagonal if off_diagonal.size else values, [0.5, 99.5])
        image = axis.imshow(values, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
        axis.spines[:].set_visible(False)
        figure.colorbar(image, ax=axis, shrink=0.82, extend="both", label="kernel value")
        shown = f"{count:,} points" if len(points) == count else f"{len(points):,} of {count:,} points"
        axis.set_title(KERNEL_NAMES[name])
        axis.set_xlabel(f"data point ({shown}, {order})")
        axis.set_ylabel("data point")
    return figure


def mark_classes(axis: plt.Axes, labels: np.ndarray, names: list[str]) -> None:
    """Lines between classes, their names in the middle of each."""
    borders = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [len(labels)]])
    for border in borders:
        axis.axhline(border - 0.5, color="white", linewidth=0.4)
        axis.axvline(border - 0.5, color="white", linewidth=0.4)
    texts = [names[label] if label < len(names) else str(label) for label in labels[starts]]
    axis.set_xticks((starts + ends - 1) / 2, texts, rotation=45, ha="right", rotation_mode="anchor", fontsize=8)
    axis.set_yticks((starts + ends - 1) / 2, texts, fontsize=8)
    axis.tick_params(length=0)


def spectra_of(file: h5py.File, options: argparse.Namespace) -> dict[str, tuple[np.ndarray, str]]:
    """Eigenvalues, largest first, and what they are of, for each kernel; divided by the number of points."""
    if "spectrum/eigenvalues" in file:
        values = file["spectrum/eigenvalues"][:]
        return {"ntk": (np.sort(values)[::-1], f"{len(values):,} leading eigenvalues")}
    spectra = {}
    for name, matrix in kernels_of(file).items():
        count = matrix.shape[0]
        points = subsample(count, options.points or SPECTRUM_POINTS)
        values = np.linalg.eigvalsh(read_submatrix(matrix, points))[::-1] / len(points)
        if len(points) < count:
            print(f"plot: {matrix.name}: eigenvalues of {len(points):,} of its {count:,} points (see --points)")
        note = f"{count:,} points" if len(points) == count else f"{len(points):,} of {count:,} points"
        spectra[name] = (values, f"{KERNEL_NAMES[name]}, {note}")
    return spectra


def plot_spectrum(file: h5py.File, options: argparse.Namespace) -> Figure:
    """Eigenvalues over their rank, both axes logarithmic; of a job `spectrum` also what follows from them."""
    more = [draw for name, draw in (("target_alignment", draw_alignment), ("predicted_mse", draw_learning_curve))
            if f"spectrum/{name}" in file]
    figure, axes = plt.subplots(1, 1 + len(more), figsize=(6.4 + 4.2 * len(more), 4.4), layout="constrained",
                                squeeze=False)
    axis = axes[0, 0]
    for other, draw in zip(axes[0, 1:], more):
        draw(other, file["spectrum"])
    for name, (values, label) in spectra_of(file, options).items():
        rank = np.arange(1, len(values) + 1)
        positive = values > 0
        axis.loglog(rank[positive], values[positive], color=COLOURS[name], linewidth=1.8, label=label)
        if not positive.all():
            print(f"plot: {name}: {(~positive).sum()} eigenvalues are not positive and are left out")
    axis.set_xlabel("rank of the eigenvalue")
    axis.set_ylabel("eigenvalue" if "spectrum/eigenvalues" in file else "eigenvalue / number of points")
    axis.grid(which="major", color="#dddddd", linewidth=0.7)
    axis.set_axisbelow(True)
    axis.legend(frameon=False)
    return figure


def draw_alignment(axis: plt.Axes, spectrum: h5py.Group) -> None:
    """The share of the targets in the leading eigenvectors together."""
    share = np.cumsum(spectrum["target_alignment"][:])
    axis.semilogx(np.arange(1, len(share) + 1), 100 * share, color=COLOURS["ntk"], linewidth=1.8)
    axis.set_xlabel("eigenvectors")
    axis.set_ylabel("share of the targets' squares within them (%)")
    axis.set_ylim(0, 100)
    axis.grid(which="major", color="#dddddd", linewidth=0.7)


def draw_learning_curve(axis: plt.Axes, spectrum: h5py.Group) -> None:
    """The predicted error over the size of the training set."""
    error = spectrum["predicted_mse"][:]
    known = np.isfinite(error)
    axis.loglog(spectrum["samples"][:][known], error[known], color=COLOURS["nngp"], linewidth=1.8, marker="o",
                markersize=3.5)
    axis.set_xlabel("size of the training set")
    axis.set_ylabel("predicted mean squared error")
    axis.grid(which="major", color="#dddddd", linewidth=0.7)


def plot_dynamics(file: h5py.File, _: argparse.Namespace) -> Figure:
    """Loss, and accuracy where there are classes, over time; infinite time stands apart, on the right."""
    if "dynamics/time" not in file:
        raise PlotError(f"{file.filename}: no /dynamics/time; is it of a job of type dynamics?")
    group = file["dynamics"]
    time = group["time"][:]
    panels = [("loss", {"train": "loss", "test": "test_loss"}, 1)]
    if "train_accuracy" in group:
        panels.append(("accuracy (%)", {"train": "train_accuracy", "test": "test_accuracy"}, 100))
    figure, axes = plt.subplots(1, len(panels), figsize=(6.0 * len(panels), 4.2), layout="constrained", squeeze=False)
    finite = np.isfinite(time)
    first = time[finite & (time > 0)]
    end = first.max() if len(first) else 1
    for axis, (label, sets, factor) in zip(axes[0], panels):
        for (name, path), colour in zip(sets.items(), COLOURS.values()):
            if path not in group:
                continue
            values = factor * group[path][:]
            axis.plot(time[finite], values[finite], color=colour, linewidth=1.8, marker="o", markersize=3.5, label=name)
            if not finite.all():
                axis.plot([4 * end], values[~finite], color=colour, marker="*", markersize=10, linestyle="none")
        axis.set_xscale("symlog", linthresh=first.min() if len(first) else 1)
        axis.set_xlabel("time (steps)" + ("; stars: infinite time" if not finite.all() else ""))
        axis.set_ylabel(label)
        axis.grid(which="major", color="#dddddd", linewidth=0.7)
        axis.legend(frameon=False)
    values = np.concatenate([group[path][:] for path in panels[0][1].values() if path in group])
    if (values > 0).all():
        axes[0, 0].set_yscale("log")
    return figure


def plot_predictions(file: h5py.File, options: argparse.Namespace) -> Figure:
    """Confusion matrix beside the accuracy of each class."""
    path = f"predictions/{options.set}"
    if path not in file:
        raise PlotError(f"{file.filename}: has no /{path}; a job of type regression writes it")
    if not options.labels:
        raise PlotError("which classes are right? Give --labels FILE:/DATASET")
    outputs = file[path][:]
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        raise PlotError(f"{file.filename}: /{path} has shape {list(outputs.shape)}; classes need two columns or more")
    labels, names = labels_for(options, outputs.shape[0])
    classes = outputs.shape[1]
    if labels.min() < 0 or labels.max() >= classes:
        raise PlotError(f"{options.labels}: holds label {labels.max()}, but there are {classes} outputs")
    names = (names + [str(i) for i in range(len(names), classes)])[:classes]
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (labels, outputs.argmax(axis=1)), 1)
    totals = confusion.sum(axis=1)
    share = confusion / np.maximum(totals, 1)[:, None]
    accuracy = np.trace(confusion) / confusion.sum()

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 5.2), width_ratios=[1.55, 1], layout="constrained")
    draw_confusion(left, share, confusion, names)
    rows = np.arange(classes)
    right.barh(rows, np.diag(share) * 100, color=COLOURS["nngp"], height=0.7)
    for i in rows:
        if totals[i]:
            text = f"{np.diag(share)[i] * 100:.1f}"
            right.text(1.5, i, text, va="center", color="white" if share[i, i] > 0.1 else "#222222", fontsize=8)
    right.axvline(accuracy * 100, color=COLOURS["ntk"], linewidth=1.2, linestyle="--")
    right.set_title(f"Accuracy: {accuracy * 100:.2f} % of {confusion.sum():,}", color="#333333")
    right.set_yticks(rows, names)
    right.set_ylim(classes - 0.5, -0.5)
    right.set_xlim(0, 100)
    right.set_xlabel("accuracy within the class (%; dashed: all)")
    print(f"plot: accuracy {accuracy * 100:.2f} % on {confusion.sum():,} points")
    return figure


def draw_confusion(axis: plt.Axes, share: np.ndarray, confusion: np.ndarray, names: list[str]) -> None:
    """The confusion matrix, its counts written in if there is room."""
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    classes = len(names)
    if classes <= 20:
        for i, j in np.argwhere(confusion):
            axis.text(j, i, f"{confusion[i, j]}", ha="center", va="center", fontsize=8 if classes <= 10 else 6,
                      color="white" if share[i, j] > 0.5 else "#222222")
    axis.set_xticks(range(classes), names, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(classes), names)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    axis.set_title("Confusion matrix (number of points)", color="#333333")
    axis.set_xlabel("predicted class")
    axis.set_ylabel("true class")


def parametrization_of(file: h5py.File) -> str:
    """What a training run is called in a legend: its regime."""
    regime = file["regime"].attrs["regime"] if "regime" in file else ""
    return str(regime.decode() if isinstance(regime, bytes) else regime).replace("_", " ")


def plot_limit(file: h5py.File, options: argparse.Namespace) -> Figure:
    """Losses, alignments with the targets, and the last feature kernel at the first and the last recorded step."""
    runs = [file]
    if options.compare:
        runs.append(h5py.File(options.compare))
    for run in runs:
        if "limit/loss" not in run:
            raise PlotError(f"{run.filename}: has no /limit/loss; a job of type limit or finite writes it")
    figure = plt.figure(figsize=(11.5, 3.6 + 3.2 * len(runs)), layout="constrained")
    grid = figure.add_gridspec(1 + len(runs), 2)
    losses, alignments = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    for run, colour in zip(runs, COLOURS.values(), strict=False):
        draw_training(losses, alignments, run["limit"], parametrization_of(run), colour)
    losses.set(title="Loss", xlabel="step", ylabel="loss", yscale="log")
    losses.legend(frameon=False)
    alignments.set(title="Alignment of kernels with the targets", xlabel="step", ylabel="alignment", ylim=(0, 1))
    alignments.legend(frameon=False)
    for row, run in enumerate(runs, 1):
        draw_feature_kernels(figure, grid, row, run, options)
    for run in runs[1:]:
        run.close()
    return figure


def draw_training(losses: plt.Axes, alignments: plt.Axes, limit: h5py.Group, label: str, colour: str) -> None:
    """The curves of one run."""
    for name, style in (("loss", "-"), ("test_loss", "--")):
        if name not in limit:
            continue
        values = limit[name][:]
        losses.plot(limit["step"][:], values, style, color=colour,
                    label=f"{label}, {'test' if name == 'test_loss' else 'train'}")
        if name + "_standard_error" in limit:
            error = limit[name + "_standard_error"][:]
            losses.fill_between(limit["step"][:], values - error, values + error, color=colour, alpha=0.25, linewidth=0)
    if "alignment" not in limit:
        return
    steps = limit["alignment_step"][:]
    if "tangent" in limit["alignment"]:
        alignments.plot(steps, limit["alignment/tangent"][:], "-", color=colour, label=f"{label}, tangent kernel")
    features = [name for name in limit.get("alignment/feature", {}) if not name.endswith(("_error", "_bias"))]
    if features:
        last = max(features, key=lambda name: (len(name), name))
        alignments.plot(steps, limit[f"alignment/feature/{last}"][:], "--", color=colour, label=f"{label}, features")


def draw_feature_kernels(figure: Figure, grid: plt.GridSpec, row: int, run: h5py.File,
                         options: argparse.Namespace) -> None:
    """The kernel of the last layer's features at the first and the last recorded step, in one scale."""
    group = run.get("limit/feature_kernel", {})
    layers = [name for name in group if not name.endswith(("_error", "_bias"))]
    if not layers:
        return
    layer = max(layers, key=lambda name: (len(name), name))
    kernel, steps = group[layer][:], run["limit/recorded_step"][:]
    count = kernel.shape[1]
    order = np.arange(count)
    if options.labels:
        order = np.argsort(labels_for(options, count)[0], kind="stable")
    shown = [kernel[k, :, k][np.ix_(order, order)] for k in (0, -1)]
    low, high = min(values.min() for values in shown), max(values.max() for values in shown)
    axes = []
    for column, (values, step) in enumerate(zip(shown, (steps[0], steps[-1]), strict=True)):
        axis = figure.add_subplot(grid[row, column])
        image = axis.imshow(values, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
        axis.spines[:].set_visible(False)
        axis.set_title(f"Features of {layer.replace('_', ' ')}, step {step} ({parametrization_of(run)})")
        axis.set_xlabel("data point")
        axes.append(axis)
    figure.colorbar(image, ax=axes, shrink=0.85, label="feature kernel")


def make_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("results", type=Path, help="a results file of widelimit")
    common.add_argument("--output", type=Path, help="the picture (default: RESULTS_COMMAND.png beside the results)")
    common.add_argument("--title", help="instead of the title in the input file")
    points = argparse.ArgumentParser(add_help=False)
    points.add_argument("--points", type=int, metavar="N", help="take N points, evenly spread, where there are more")
    labels = argparse.ArgumentParser(add_help=False)
    labels.add_argument("--labels", metavar="FILE:/DATASET", help="the true classes, integers from 0")
    labels.add_argument("--first-label", type=int, default=0, metavar="ROW",
                        help="the label that belongs to the first point (default: 0)")

    gram = commands.add_parser("gram", parents=[common, points, labels], help="heat map of the Gram matrices")
    gram.set_defaults(draw=plot_gram)
    spectrum = commands.add_parser("spectrum", parents=[common, points], help="eigenvalues of the Gram matrices")
    spectrum.set_defaults(draw=plot_spectrum)
    dynamics = commands.add_parser("dynamics", parents=[common], help="loss and accuracy over time")
    dynamics.set_defaults(draw=plot_dynamics)
    predictions = commands.add_parser("predictions", parents=[common, labels],
                                      help="confusion matrix and accuracy of each class")
    predictions.add_argument("--set", choices=["test", "train"], default="test", help="which predictions")
    predictions.set_defaults(draw=plot_predictions)
    limit = commands.add_parser("limit", parents=[common, labels], help="losses, alignments, feature kernels of training")
    limit.add_argument("--compare", type=Path, metavar="RESULTS", help="a second run, in the same picture")
    limit.set_defaults(draw=plot_limit)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; returns its exit status."""
    options = make_parser().parse_args(arguments)
    output = options.output or options.results.with_name(f"{options.results.stem}_{options.command}.png")
    try:
        with plt.rc_context(STYLE), h5py.File(options.results) as file:
            figure = options.draw(file, options)
            figure.suptitle(options.title or title_of(file))
            figure.savefig(output)
            plt.close(figure)
    except (PlotError, OSError) as error:
        print(f"plot: error: {error}", file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Reads a results file as a user does, with h5py alone: plain arrays, named dimensions, attributes.

Usage: read_with_h5py.py FILE
"""

import sys

import h5py
import numpy as np


def main(name):
    with h5py.File(name, "r") as file:
        ntk = file["gram/ntk"]
        assert ntk.shape == (20, 20) and ntk.dtype == np.float64
        assert np.array_equal(ntk[()], np.ones((20, 20)))
        assert np.array_equal(ntk[3:5, ::7], np.ones((2, 3)))
        assert ntk.dims[0][0].name == "/train_point" and ntk.dims[1][0].name == "/train_point"

        alpha = file["solution/alpha"]
        assert np.array_equal(alpha[()], np.arange(40.0).reshape(20, 2))
        assert [d.label for d in alpha.dims] == ["train_point", "output"]
        assert np.array_equal(alpha.dims[0][0][()], np.arange(20))
        assert alpha.attrs["columns"] == 2

        train = file["dynamics/train"]
        assert train.dtype == np.float32 and [d[0].name for d in train.dims] == [
            "/time", "/train_point", "/output"]
        assert file["metrics/train/mse"][()] == 0.125
        assert file["solver/iterations"][()].tolist() == [5, 7]
        assert file["train_point"].is_scale

        assert file.attrs["format_version"] == 1
        assert file.attrs["input"] == "title: \u00b5P\njob: {type: gram}\n"
        assert file.attrs["created"].endswith("Z")
        assert file.attrs["threads"] == 3 and file.attrs["execution_space"] == "OpenMP"
        assert dict(file["timings"].attrs) == {"gram": 1.25, "solve": 0.25}
        assert file["regime"].attrs["regime"] == "kernel" and "checkpoint" not in file


if __name__ == "__main__":
    main(sys.argv[1])

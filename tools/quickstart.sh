#!/usr/bin/env bash
# From a fresh clone to a result and a plot: installs what is missing, builds widelimit, converts Fashion-MNIST, trains
# an infinitely wide network on 10,000 of its images and tests it on 10,000 others. Can be run again; what is done
# already is not done twice, only the job is.
#
#   tools/quickstart.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONDONTWRITEBYTECODE=1

say() { printf '\n== %s\n' "$*"; }

python=build/python/bin/python
widelimit=build/release/src/cli/widelimit
data=build/data/fashion_mnist.h5
result=build/results/fashion_mnist_ntk.h5

say "Set-up"
tools/setup.sh

say "Build"
launcher=()
! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake --preset release -G Ninja "${launcher[@]}"
cmake --build build/release --parallel "$(nproc)" --target widelimit

say "Data"
tools/fashion_mnist.sh flat

say "Job: inputs/fashion_mnist_ntk.yaml on 2 ranks"
mkdir -p build/results
# Cores, not hardware threads: two threads of a core share its vector units. Not more than this process may use.
cores=$(lscpu -p=CORE,SOCKET | grep -v '^#' | sort -u | wc -l)
(( cores <= $(nproc) && cores > 0 )) || cores=$(nproc)
export OMP_NUM_THREADS=$(( cores > 1 ? cores / 2 : 1 ))
if [[ $(id -u) == 0 ]]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
mpirun --oversubscribe --bind-to none -n 2 "$widelimit" run inputs/fashion_mnist_ntk.yaml --overwrite

say "Result"
"$python" tools/plot.py predictions "$result" --labels "$data:/test/labels" --output build/results/fashion_mnist_ntk.png
"$python" tools/read_results.py "$result"
echo
echo "Results: $result"
echo "Plot:    build/results/fashion_mnist_ntk.png"

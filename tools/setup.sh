#!/usr/bin/env bash
# Installs what widelimit needs to build and run: Debian or Ubuntu packages, and a Python environment in
# build/python. Does nothing, within a second or two, where everything is there already.
#
#   tools/setup.sh            to build and run
#   tools/setup.sh --tests    also what only the tests use (clang-format, Slurm)
#   tools/setup.sh --tidy     also clang-tidy
#
# Environment:
#   WIDELIMIT_SKIP_PACKAGES=1   leave the system's packages alone (modules or Spack provide them)
#   PYTHON=/path/to/python3     the interpreter to make the Python environment with
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

needed=(g++ cmake ninja-build git pkg-config ca-certificates python3 python3-venv python3-pip
        openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libopenblas-openmp-dev libscalapack-openmpi-dev
        libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev librandom123-dev
        libgtest-dev libbenchmark-dev dataset-fashion-mnist)
wanted=()  # the tests that need these are left out without them
for option in "$@"; do
  case $option in
    --tests) wanted+=(clang-format slurm-wlm munge) ;;
    --tidy) wanted+=(clang-tidy) ;;
    *) fail "unknown option '$option'; known are --tests and --tidy" ;;
  esac
done

# Prints those of the given packages that are not installed.
missing_packages() {
  local installed
  # A package the system has never heard of makes dpkg-query fail; the others are printed all the same.
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
  local package
  for package in "$@"; do
    grep -qx "$package installed" <<<"$installed" || printf '%s\n' "$package"
  done
}

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

may_become_root() {
  [[ $(id -u) == 0 ]] && return 0
  command -v sudo >/dev/null || return 1
  sudo -n true 2>/dev/null || [[ -t 0 ]]  # without a terminal sudo could not ask for a password
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

install_packages() {
  if [[ ${WIDELIMIT_SKIP_PACKAGES:-} ]]; then
    say "WIDELIMIT_SKIP_PACKAGES is set: system packages are left alone"
    return
  fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "no apt-get here: going on with what modules or Spack provide. Needed are a C++20 compiler, CMake 3.22, Ninja,"
    say "MPI, parallel HDF5, OpenBLAS, ScaLAPACK, yaml-cpp, CLI11, spdlog, fmt, Random123, GoogleTest and Google Benchmark"
    return
  fi
  local missing missing_wanted=()
  mapfile -t missing < <(missing_packages "${needed[@]}")
  (( ${#wanted[@]} == 0 )) || mapfile -t missing_wanted < <(missing_packages "${wanted[@]}")
  (( ${#missing[@]} + ${#missing_wanted[@]} > 0 )) || return 0

  if ! may_become_root; then
    if (( ${#missing[@]} > 0 )); then
      fail "some packages are not installed, and this is neither root nor able to use sudo. Ask the administrator for
    apt-get install --no-install-recommends ${missing[*]}
or load modules that provide them, set WIDELIMIT_SKIP_PACKAGES=1 and run again."
    fi
    say "not installed, so some tests are left out: ${missing_wanted[*]}"
    return
  fi
  as_root apt-get update -q || say "apt-get update failed; trying with the package lists at hand"
  if (( ${#missing[@]} > 0 )); then
    say "installing ${missing[*]}"
    apt_install "${missing[@]}" || fail "apt-get could not install the packages (its messages are above). On Ubuntu the
component 'universe' must be enabled: add-apt-repository universe"
  fi
  if (( ${#missing_wanted[@]} > 0 )); then
    say "installing ${missing_wanted[*]}"
    apt_install "${missing_wanted[@]}" || say "not installed, so some tests are left out: ${missing_wanted[*]}"
  fi
}

# Prints the first interpreter that can make a virtual environment. A python3 ahead of the system's on PATH may be
# too old, built without ensurepip, or a launcher that points at nothing: each is tried, none is trusted.
find_python() {
  local candidate
  while read -r candidate; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done < <(printf '%s\n' ${PYTHON:+"$PYTHON"}; type -ap python3; printf '%s\n' /usr/bin/python3)
  fail "no python3 here can make a virtual environment (3.10 or later with the modules venv and ensurepip). Install
python3-venv, or set PYTHON to an interpreter that can."
}

has_modules() {
  build/python/bin/python -c 'import h5py, matplotlib, numpy, PIL' 2>/dev/null
}

make_python_environment() {
  has_modules && return
  local python
  if ! build/python/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    say "making the Python environment build/python with $python"
    mkdir -p build
    "$python" -m venv --clear build/python || fail "$python could not make build/python"
  fi
  say "installing h5py, numpy, matplotlib and pillow into build/python"
  build/python/bin/python -m pip install -q --disable-pip-version-check h5py numpy matplotlib pillow ||
    fail "pip could not install the Python packages; is the package index reachable? (proxy: https_proxy, mirror: PIP_INDEX_URL)"
  has_modules || fail "the packages in build/python do not load; remove that folder and run again"
}

# Whether CMake finds a Kokkos of its own accord: a system's, a module's, Spack's.
cmake_finds_kokkos() {
  local folder status=0
  folder=$(mktemp -d)
  printf '%s\n' 'cmake_minimum_required(VERSION 3.22)' 'project(probe LANGUAGES CXX)' \
    'find_package(Kokkos 4.5 CONFIG REQUIRED)' >"$folder/CMakeLists.txt"
  cmake -S "$folder" -B "$folder/build" >/dev/null 2>&1 || status=1
  rm -rf "$folder"
  return $status
}

provide_kokkos() {
  local prebuilt
  for prebuilt in build/python/lib/python3*/site-packages/pygenten/lib64/cmake/Kokkos/KokkosConfig.cmake; do
    [[ ! -e $prebuilt ]] || return 0
  done
  command -v cmake >/dev/null || fail "cmake is not installed"
  cmake_finds_kokkos && return
  say "CMake finds no Kokkos 4.5 or later: installing a prebuilt one (OpenMP only) into build/python"
  build/python/bin/python -m pip install -q --disable-pip-version-check --only-binary=:all: pygenten==0.1.5 ||
    fail "no prebuilt Kokkos for this machine ($(uname -m), $(build/python/bin/python --version)), or no package index reachable.
Install Kokkos 4.5 or later (Spack: spack install kokkos +openmp) and set Kokkos_ROOT to where it lies."
}

install_packages
make_python_environment
provide_kokkos

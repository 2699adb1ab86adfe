#!/usr/bin/env bash
# Everything that must pass before a change is merged: formatting, a build without warnings, unit tests under the
# address and undefined-behaviour sanitizers, and all tests of the release build. Can be run again, and is quick then.
#
#   tools/test.sh           what CI runs
#   tools/test.sh --tidy    also clang-tidy on all sources (slow)
#
# Environment:
#   WIDELIMIT_SKIP_ASAN=1   leave the sanitizers out
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PYTHONDONTWRITEBYTECODE=1

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'test: error: %s\n' "$*" >&2; exit 1; }

tidy=
setup_options=(--tests)
for option in "$@"; do
  case $option in
    --tidy) tidy=1; setup_options+=(--tidy) ;;
    *) fail "unknown option '$option'; known is --tidy" ;;
  esac
done

say "Set-up"
tools/setup.sh "${setup_options[@]}"

say "Formatting"
# Versions of clang-format differ in what they call formatted; .clang-format is written for this one.
format_version=14
formatter=
for candidate in clang-format-$format_version clang-format; do
  if "$candidate" --version 2>/dev/null | grep -q "version $format_version\."; then
    formatter=$candidate
    break
  fi
done
mapfile -t sources < <(find include src tests -name '*.cpp' -o -name '*.hpp')
if [[ -z $formatter ]]; then
  echo "not checked: clang-format $format_version is not here"
elif ! "$formatter" --dry-run -Werror "${sources[@]}"; then
  fail "not formatted (see above). Run: find include src tests -name '*.?pp' -exec $formatter -i {} +"
fi

launcher=()
! command -v ccache >/dev/null || launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
jobs=$(nproc)

say "Build: release"
cmake --preset release -G Ninja "${launcher[@]}"
cmake --build build/release --parallel "$jobs"

if [[ $tidy ]]; then
  say "clang-tidy"
  find src -name '*.cpp' -print0 | xargs -0 -P "$jobs" -n 1 \
    clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option
fi

# Open MPI keeps memory until the process ends, which is not a leak of this program.
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
if [[ ${WIDELIMIT_SKIP_ASAN:-} ]]; then
  say "Sanitizers: left out (WIDELIMIT_SKIP_ASAN)"
else
  say "Build and unit tests: sanitizers"
  cmake --preset asan -G Ninja -DWIDELIMIT_BENCHMARKS=OFF "${launcher[@]}"
  cmake --build build/asan --parallel "$jobs"
  ctest --preset asan -j "$jobs"
fi

say "Tests: release"
# Tests that kill a run or send it a signal depend on the moment: one that fails is tried once more.
ctest --preset release -j "$jobs" --repeat until-pass:2

/// \file
/// Whole Gram matrices of small data sets, for tests.
#pragma once

#include <vector>

#include "widelimit/gram/tile_evaluator.hpp"

namespace widelimit::test {

/// K and Θ, row-major.
struct Gram {
  Index rows, cols;
  std::vector<double> nngp, ntk;
};

/// The Gram matrices of x1 with itself and of x1 (rows) with x2 (columns), in one tile each.
struct GramPair {
  Gram self, cross;
};

template <class Real>
GramPair gram_matrices(network::Sequence const& network, std::vector<double> const& x1,
                       std::vector<double> const& x2, Index d) {
  auto const prepared = [&](std::vector<double> const& x) {
    return gram::prepare_points(std::vector<Real>(x.begin(), x.end()),
                                static_cast<Index>(x.size()) / d, d);
  };
  auto a = prepared(x1), b = prepared(x2);
  auto const program = gram::bind(gram::compile(network), std::vector{&a, &b});
  auto const evaluate = [&](gram::Points<Real> const& rows, gram::Points<Real> const& cols) {
    std::vector<Real> nngp(rows.n * cols.n), ntk(rows.n * cols.n);
    gram::TileEvaluator<Real>(program, rows, cols, gram::Output::both)(
        {0, rows.n}, {0, cols.n}, nngp.data(), ntk.data(), cols.n);
    return Gram{rows.n, cols.n, {nngp.begin(), nngp.end()}, {ntk.begin(), ntk.end()}};
  };
  return {evaluate(a, a), evaluate(a, b)};
}

}  // namespace widelimit::test

/// \file
/// Whole Gram matrices of small data sets, for tests.
#pragma once

#include <map>
#include <string>
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

/// Inputs, row-major, with lengths and patterns where they have them.
struct PositionInputs {
  std::vector<double> values;
  std::vector<Index> lengths = {};
  std::map<std::string, std::vector<double>> patterns = {};

  template <class Real>
  gram::Points<Real> points(Index d) const {
    auto result = gram::prepare_points(std::vector<Real>(values.begin(), values.end()),
                                       static_cast<Index>(values.size()) / d, d);
    result.positions.lengths = lengths;
    for (auto const& [name, pattern] : patterns)
      result.positions.patterns[name].values.assign(pattern.begin(), pattern.end());
    return result;
  }
};

namespace detail {

template <class Real>
GramPair evaluate_pair(gram::Plan const& plan, gram::Points<Real>& a, gram::Points<Real>& b) {
  auto const program = gram::bind(plan, std::vector{&a, &b});
  auto const evaluate = [&](gram::Points<Real> const& rows, gram::Points<Real> const& cols) {
    std::vector<Real> nngp(rows.n * cols.n), ntk(rows.n * cols.n);
    gram::TileEvaluator<Real>(program, rows, cols, gram::Output::both)(
        {0, rows.n}, {0, cols.n}, nngp.data(), ntk.data(), cols.n);
    return Gram{rows.n, cols.n, {nngp.begin(), nngp.end()}, {ntk.begin(), ntk.end()}};
  };
  return {evaluate(a, a), evaluate(a, b)};
}

}  // namespace detail

/// The same for data with positions.
template <class Real>
GramPair position_gram_matrices(network::Sequence const& network, network::InputShape const& shape,
                                PositionInputs const& x1, PositionInputs const& x2) {
  Index d = shape.channels;
  for (Index const n : shape.positions) d *= n;
  auto a = x1.points<Real>(d), b = x2.points<Real>(d);
  return detail::evaluate_pair(gram::compile(network, shape, !x1.lengths.empty()), a, b);
}

template <class Real>
GramPair gram_matrices(network::Sequence const& network, std::vector<double> const& x1,
                       std::vector<double> const& x2, Index d) {
  auto const prepared = [&](std::vector<double> const& x) {
    return gram::prepare_points(std::vector<Real>(x.begin(), x.end()),
                                static_cast<Index>(x.size()) / d, d);
  };
  auto a = prepared(x1), b = prepared(x2);
  return detail::evaluate_pair(gram::compile(network), a, b);
}

}  // namespace widelimit::test

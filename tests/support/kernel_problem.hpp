/// \file
/// Small data sets with the kernel of a network of hidden relu layers, for tests of what works on
/// kernels.
#pragma once

#include <cmath>
#include <random>

#include "widelimit/gram/symmetric_product.hpp"
#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"

namespace widelimit::test {

/// Random points on all ranks alike, bound to a network.
template <class Real>
class KernelProblem {
 public:
  /// \param near_duplicates  as many of the last points are the first ones but for 1e-4
  KernelProblem(Index n, Index d, int layers, unsigned seed, Index near_duplicates = 0) {
    std::mt19937_64 bits(seed);
    std::vector<Real> x(static_cast<std::size_t>(n * d));
    for (Real& value : x) value = static_cast<Real>(static_cast<double>(bits()) * 0x1p-63 - 1);
    for (Index i = 0; i < near_duplicates; ++i)
      for (Index k = 0; k < d; ++k)
        x[static_cast<std::size_t>((n - 1 - i) * d + k)] =
            x[static_cast<std::size_t>(i * d + k)] + static_cast<Real>(1e-4 * ((k + i) % 3));
    points_ = gram::prepare_points(x, n, d);
    network::Sequence network;
    for (int k = 0; k < layers; ++k) {
      network.push_back({network::Dense{std::sqrt(2.0), 0.1}, "dense", 0});
      network.push_back({network::AbRelu{}, "relu", 0});
    }
    network.push_back({network::Dense{}, "dense", 0});
    program_ = gram::bind(gram::compile(network), std::vector{&points_});
  }

  gram::Points<Real> const& points() const { return points_; }
  gram::BoundProgram<Real> const& program() const { return program_; }
  gram::PartMaker<Real> maker(gram::Kernel kernel) const { return {program_, points_, kernel}; }
  gram::TileEvaluator<Real> evaluator() const {
    return {program_, points_, points_, gram::Output::both, gram::DiagonalTiles::lower};
  }

  /// The whole kernel matrix, by one tile.
  linalg::ReplicatedMatrix matrix(gram::Kernel kernel) const {
    Index const n = points_.n;
    std::vector<Real> nngp(static_cast<std::size_t>(n * n)), ntk(nngp.size());
    gram::TileEvaluator<Real>(program_, points_, points_, gram::Output::both)(
        {0, n}, {0, n}, nngp.data(), ntk.data(), n);
    linalg::ReplicatedMatrix whole(n, n);
    auto const& from = kernel == gram::Kernel::nngp ? nngp : ntk;
    whole.values.assign(from.begin(), from.end());
    return whole;
  }

 private:
  gram::Points<Real> points_;
  gram::BoundProgram<Real> program_;
};

}  // namespace widelimit::test

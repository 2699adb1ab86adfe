/// \file
/// Products of the train x train kernel with blocks of columns, for solvers that iterate.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "widelimit/gram/symmetric_product.hpp"
#include "widelimit/gram/tile_loop.hpp"
#include "widelimit/linalg/row_blocks.hpp"

namespace widelimit::regression {

/// K as an operator. Rows of the columns are spread over the ranks, see RowBlocks. Each part of the
/// lower triangle, wherever it is, serves both triangles.
class KernelOperator {
 public:
  explicit KernelOperator(linalg::RowBlocks rows) : rows_(std::move(rows)) {}
  virtual ~KernelOperator() = default;

  linalg::RowBlocks const& rows() const { return rows_; }

  /// Y = K·X for this rank's rows, column-major. Collective: each rank adds up what
  /// its parts give to all rows, then the sums are spread; 2·N·columns numbers travel and as many
  /// are held whole by each rank.
  /// \param go_on  asked now and then by each rank; where it is false on any, the product ends
  /// \return       whether it was finished, the same on all ranks
  bool multiply(double const* x, Index columns, double* y, std::function<bool()> const& go_on,
                gram::PartSums sums = gram::PartSums::exact) const;

 protected:
  /// Adds the parts of this rank times X to Y, N x columns each. Local.
  virtual bool add_share(double const* x, Index columns, double* y, gram::PartSums sums,
                         std::function<bool()> const& go_on) const = 0;

 private:
  linalg::RowBlocks rows_;
};

/// Tiles kept in the memory of the rank that a tile loop gives them to: a sink of the loop, then an
/// operator. Memory: the rank's share of N²/2 entries.
/// \tparam Real   of the entries kept
/// \tparam Given  of the tiles. Where it is the wider, what rounding left is kept too, a byte an
///                entry: products in working precision are of the rounded entries, exact ones of
///                those given, to a relative 2^-32 of each (kernels::SplitEntries).
template <class Real, class Given = Real>
class StoredKernel final : public KernelOperator, public gram::TileSink<Given> {
 public:
  /// \param kernel  which of a tile's kernels is kept
  StoredKernel(linalg::RowBlocks rows, gram::Kernel kernel)
      : KernelOperator(std::move(rows)), kernel_(kernel) {}

  /// Keeps a tile of the lower triangle; of one on the diagonal its upper half is not looked at.
  void accept(gram::Tile<Given> const& tile, bool stored) override;

 protected:
  bool add_share(double const* x, Index columns, double* y, gram::PartSums sums,
                 std::function<bool()> const& go_on) const override;

 private:
  gram::Kernel kernel_;
  gram::SymmetricProduct<Real> product_;
  std::vector<gram::MatrixPart<Real>> parts_;
  std::vector<Kokkos::View<Real*, Kokkos::HostSpace>> memory_;             // of a tile each
  std::vector<Kokkos::View<std::int8_t*, Kokkos::HostSpace>> remainders_;  // the same
};

/// Tiles read from where they are stored for each product, while the one before is multiplied.
/// Memory: two tiles a rank.
template <class Real>
class FiledKernel final : public KernelOperator {
 public:
  /// \param grid   of a lower triangle
  /// \param tiles  has all tiles of the grid; must outlive the operator
  FiledKernel(linalg::RowBlocks rows, io::TileGrid const& grid, gram::TileSource<Real> const& tiles,
              gram::Kernel kernel)
      : KernelOperator(std::move(rows)), grid_(grid), tiles_(tiles), kernel_(kernel) {}

 protected:
  bool add_share(double const* x, Index columns, double* y, gram::PartSums sums,
                 std::function<bool()> const& go_on) const override;

 private:
  std::vector<Real> read(Index tile) const;

  io::TileGrid grid_;
  gram::TileSource<Real> const& tiles_;
  gram::Kernel kernel_;
  gram::SymmetricProduct<Real> product_;
};

/// Tiles made anew for each product and dropped at once: a product costs half a Gram matrix. Memory:
/// one part a thread.
template <class Real>
class RecomputedKernel final : public KernelOperator {
 public:
  RecomputedKernel(linalg::RowBlocks rows, gram::PartMaker<Real> maker)
      : KernelOperator(std::move(rows)), product_(std::move(maker)) {}

 protected:
  bool add_share(double const* x, Index columns, double* y, gram::PartSums sums,
                 std::function<bool()> const& go_on) const override;

 private:
  gram::SymmetricProduct<Real> product_;
};

extern template class StoredKernel<float>;
extern template class StoredKernel<double>;
extern template class StoredKernel<float, double>;
extern template class FiledKernel<float>;
extern template class FiledKernel<double>;
extern template class RecomputedKernel<float>;
extern template class RecomputedKernel<double>;

}  // namespace widelimit::regression

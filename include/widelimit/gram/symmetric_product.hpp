/// \file
/// Products of a symmetric kernel matrix with columns, from parts of its lower triangle that are
/// stored or made on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <Kokkos_Core.hpp>

#include "widelimit/gram/kernel.hpp"
#include "widelimit/gram/points.hpp"

namespace widelimit::gram {

/// A part of a symmetric matrix: all of its entries below the diagonal, or a square on the diagonal
/// (rows == cols).
template <class Real>
struct MatrixPart {
  Range rows, cols;               ///< no longer than `part_side`, or `made_side` if to be made
  Real const* entries = nullptr;  ///< row-major; the square on the diagonal whole; null: to be made
  Index ld = 0;
  /// What rounding to single left of the entries, see kernels::SplitEntries, in their order; of use
  /// to exact sums. Null: nothing is known of it.
  std::int8_t const* remainders = nullptr;
};

/// The precision of sums within a part.
enum class PartSums {
  working,  ///< that of the entries: fastest, rounding of the size of theirs
  exact     ///< double, of entries with their remainders
};

/// K or Θ of a data set with itself, part by part.
template <class Real>
struct PartMaker {
  BoundProgram<Real> program;
  Points<Real> const& points;  ///< must outlive the maker
  Kernel kernel;
};

/// Adds parts times columns to Y: T·X to the rows of a part and, below the diagonal, Tᵀ·X to its
/// columns. Each part is the work of one thread (on a GPU, of all); sums are made in an order that does not depend on
/// timing, so that equal calls give equal bits.
template <class Real>
class SymmetricProduct {
 public:
  /// For parts that bring their entries.
  SymmetricProduct() = default;
  /// For parts whose entries are null, all of them where kernels run on a GPU: made where they are
  /// multiplied, and dropped.
  explicit SymmetricProduct(PartMaker<Real> maker) : maker_(std::move(maker)) {}

  /// \param count, part  the parts, asked for in order by one thread
  /// \param x, y         n x columns each, column-major with leading dimension `ld`; host memory
  /// \param sums         of the entries of a part; those of parts are always in double
  /// \param go_on        asked between batches of parts; false ends the call
  /// \return             whether all parts were added
  /// Local. 4·columns flops an entry beside making it; memory: 64 MiB at most or four parts of
  /// sums a thread. Throws InputError where an entry that is made is not finite.
  bool add(Index count, std::function<MatrixPart<Real>(Index)> const& part, double const* x,
           double* y, Index ld, Index columns, PartSums sums,
           std::function<bool()> const& go_on) const;

 private:
  std::optional<PartMaker<Real>> maker_;
};

extern template class SymmetricProduct<float>;
extern template class SymmetricProduct<double>;

}  // namespace widelimit::gram

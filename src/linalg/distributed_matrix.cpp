#include "widelimit/linalg/distributed_matrix.hpp"

#include <climits>

#include <fmt/format.h>

#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/memory.hpp"

namespace widelimit::linalg {
namespace {

// ScaLAPACK computes positions in a rank's share with 32-bit integers; LAPACK on one rank does not.
void check_32_bit(Index rows, Index cols, Index local_entries, int ranks) {
  if (rows > INT_MAX || cols > INT_MAX)
    throw InputError(
        fmt::format("a dense {} x {} matrix has more rows or columns than the 32-bit "
                    "integers of LAPACK and ScaLAPACK can count; use an iterative "
                    "solver (job.solver: pcg)",
                    rows, cols));
  if (ranks > 1 && local_entries > INT_MAX)
    throw InputError(fmt::format(
        "each of the {} ranks would hold {} entries of a {} x {} matrix, and ScaLAPACK's 32-bit "
        "integers reach {}; use at least {} ranks",
        ranks, local_entries, rows, cols, INT_MAX, 1 + ranks * local_entries / INT_MAX));
}

}  // namespace

template <class Real>
DistributedMatrix<Real>::DistributedMatrix(ProcessGrid grid, Index rows, Index cols, Index block)
    : grid_(std::move(grid)),
      row_axis_{rows, block, grid_.rows()},
      col_axis_{cols, block, grid_.cols()} {
  runtime::agree(grid_.comm(), [&] {
    Index const entries = local_rows() * local_cols();
    check_32_bit(rows, cols, entries, grid_.size());
    double const bytes = static_cast<double>(entries) * sizeof(Real);
    if (bytes < runtime::available_memory_bytes())
      // Zero pages cost nothing until they are written.
      data_.reset(static_cast<Real*>(
          std::calloc(static_cast<std::size_t>(std::max<Index>(1, entries)), sizeof(Real))));
    if (!data_)
      throw InputError(fmt::format(
          "out of memory: each of {} ranks needs {} for its share of a dense {} x {} matrix, and "
          "{} are available on this machine; use more ranks on more nodes, precision: single, or "
          "an iterative solver (job.solver: pcg)",
          grid_.size(), runtime::format_bytes(bytes), rows, cols,
          runtime::format_bytes(runtime::available_memory_bytes())));
  });
}

template <class Real>
void DistributedMatrix<Real>::scatter(ReplicatedMatrix const& whole) {
  for (Index j = 0; j < local_cols(); ++j)
    for (Index i = 0; i < local_rows(); ++i)
      local(i, j) = static_cast<Real>(whole(global_row(i), global_col(j)));
}

template <class Real>
ReplicatedMatrix DistributedMatrix<Real>::gather() const {
  ReplicatedMatrix whole(rows(), cols());
  for (Index j = 0; j < local_cols(); ++j)
    for (Index i = 0; i < local_rows(); ++i) whole(global_row(i), global_col(j)) = local(i, j);
  grid_.comm().sum(whole.values.data(), rows() * cols());
  return whole;
}

template <class Real>
std::array<int, 9> DistributedMatrix<Real>::descriptor() const {
  constexpr int dense = 1;
  int const nb = static_cast<int>(block());
  return {
      dense, grid_.context(),       static_cast<int>(rows()), static_cast<int>(cols()), nb, nb, 0,
      0,     static_cast<int>(ld())};
}

template class DistributedMatrix<float>;
template class DistributedMatrix<double>;

}  // namespace widelimit::linalg

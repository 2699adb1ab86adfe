#include "widelimit/linalg/local_columns.hpp"

namespace widelimit::linalg {

std::vector<double> local_columns(RowBlocks const& rows, ReplicatedMatrix const& matrix) {
  Range const mine = rows.mine();
  return transposed(matrix.row(mine.begin), matrix.cols, mine.size());
}

ReplicatedMatrix replicated(RowBlocks const& rows, std::vector<double> const& local,
                            Index columns) {
  std::vector<double> whole(static_cast<std::size_t>(rows.size() * columns));
  rows.gather(local.data(), columns, whole.data());
  ReplicatedMatrix matrix;
  matrix.rows = rows.size();
  matrix.cols = columns;
  matrix.values = transposed(whole.data(), rows.size(), columns);
  return matrix;
}

std::vector<double> transposed(double const* from, Index n, Index columns) {
  std::vector<double> to(static_cast<std::size_t>(n * columns));
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < columns; ++c)
      to[static_cast<std::size_t>(i * columns + c)] = from[c * n + i];
  return to;
}

}  // namespace widelimit::linalg

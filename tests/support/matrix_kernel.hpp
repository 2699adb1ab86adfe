/// \file
/// A kernel matrix that is given, in the place of one of a network.
#pragma once

#include "widelimit/linalg/replicated_matrix.hpp"
#include "widelimit/regression/training_kernel.hpp"

namespace widelimit::test {

class MatrixKernel final : public regression::TrainingKernel {
 public:
  MatrixKernel(runtime::Communicator const& comm, linalg::ReplicatedMatrix matrix)
      : TrainingKernel(linalg::RowBlocks(comm, matrix.rows)), matrix_(std::move(matrix)) {}

  bool multiply(double const* x, Index columns, double* y,
                std::function<bool()> const& go_on) const override {
    Index const n = rows().size();
    std::vector<double> whole(static_cast<std::size_t>(n * columns));
    rows().gather(x, columns, whole.data());
    Range const mine = rows().mine();
    for (Index c = 0; c < columns; ++c)
      for (Index i = mine.begin; i < mine.end; ++i) {
        double sum = 0;
        for (Index j = 0; j < n; ++j)
          sum += matrix_(i, j) * whole[static_cast<std::size_t>(c * n + j)];
        y[c * mine.size() + i - mine.begin] = sum;
      }
    return rows().comm().first_rank_where(!go_on()) < 0;
  }

  void multiply_columns(std::vector<Index> const& points, double const* g, Index columns,
                        double* y) const override {
    Range const mine = rows().mine();
    for (Index c = 0; c < columns; ++c)
      for (Index i = mine.begin; i < mine.end; ++i) {
        double sum = 0;
        for (std::size_t k = 0; k < points.size(); ++k)
          sum += matrix_(i, points[k]) * g[static_cast<Index>(k) * columns + c];
        y[c * mine.size() + i - mine.begin] = sum;
      }
  }

  /// This rank's rows of a matrix, column-major; and back.
  std::vector<double> local(linalg::ReplicatedMatrix const& whole) const {
    std::vector<double> result;
    for (Index c = 0; c < whole.cols; ++c)
      for (Index i = rows().mine().begin; i < rows().mine().end; ++i) result.push_back(whole(i, c));
    return result;
  }
  linalg::ReplicatedMatrix whole(std::vector<double> const& local, Index columns) const {
    Index const n = rows().size();
    std::vector<double> all(static_cast<std::size_t>(n * columns));
    rows().gather(local.data(), columns, all.data());
    linalg::ReplicatedMatrix result(n, columns);
    for (Index c = 0; c < columns; ++c)
      for (Index i = 0; i < n; ++i) result(i, c) = all[static_cast<std::size_t>(c * n + i)];
    return result;
  }

 private:
  linalg::ReplicatedMatrix matrix_;
};

}  // namespace widelimit::test

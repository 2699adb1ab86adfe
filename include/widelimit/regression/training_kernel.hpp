/// \file
/// The kernel of the training points as training in function space needs it: whole, or a batch of
/// its columns.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "widelimit/linalg/row_blocks.hpp"
#include "widelimit/regression/kernel_columns.hpp"
#include "widelimit/regression/kernel_operator.hpp"

namespace widelimit::regression {

/// Rows of the kernel are spread over the ranks, see RowBlocks.
class TrainingKernel {
 public:
  explicit TrainingKernel(linalg::RowBlocks rows) : rows_(std::move(rows)) {}
  virtual ~TrainingKernel() = default;
  linalg::RowBlocks const& rows() const { return rows_; }

  /// Y = K·X for this rank's rows, column-major; sums in double. Collective.
  /// \param go_on  asked now and then; where it is false on any rank, the product ends
  /// \return       whether it was finished, the same on all ranks
  virtual bool multiply(double const* x, Index columns, double* y,
                        std::function<bool()> const& go_on) const = 0;

  /// Y = K(·, points)·G for this rank's rows, column-major. \param g  |points| x columns, row-major,
  /// the same on all ranks. Local, |points| x rows entries.
  virtual void multiply_columns(std::vector<Index> const& points, double const* g, Index columns,
                                double* y) const = 0;

 private:
  linalg::RowBlocks rows_;
};

/// All entries of this rank's rows in memory: N²/ranks of them.
template <class Real>
class StoredRows final : public TrainingKernel {
 public:
  /// Computes the entries. Local, in strips, between which `go_on` is asked: where it was false, not
  /// all are there and `complete` says so.
  StoredRows(linalg::RowBlocks rows, gram::PartMaker<Real> const& maker,
             std::function<bool(Index rows_done)> const& go_on);

  bool complete() const { return complete_; }
  bool multiply(double const* x, Index columns, double* y,
                std::function<bool()> const& go_on) const override;
  void multiply_columns(std::vector<Index> const& points, double const* g, Index columns,
                        double* y) const override;

 private:
  std::unique_ptr<Real[]> entries_;  ///< row-major, local_size x N
  bool complete_ = true;
};

/// Entries made where they are multiplied, and dropped.
template <class Real>
class RecomputedRows final : public TrainingKernel {
 public:
  RecomputedRows(linalg::RowBlocks rows, gram::PartMaker<Real> maker)
      : TrainingKernel(rows),
        whole_(rows, maker),
        columns_(maker.program, maker.points, maker.kernel) {}

  bool multiply(double const* x, Index columns, double* y,
                std::function<bool()> const& go_on) const override {
    return whole_.multiply(x, columns, y, go_on);
  }
  void multiply_columns(std::vector<Index> const& points, double const* g, Index columns,
                        double* y) const override;

 private:
  RecomputedKernel<Real> whole_;
  EvaluatedColumns<Real> columns_;
};

extern template class StoredRows<float>;
extern template class StoredRows<double>;
extern template class RecomputedRows<float>;
extern template class RecomputedRows<double>;

}  // namespace widelimit::regression

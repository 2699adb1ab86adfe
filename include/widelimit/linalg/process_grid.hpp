/// \file
/// Ranks in a rectangle, as ScaLAPACK wants them.
#pragma once

#include <memory>

#include "widelimit/runtime/communicator.hpp"

namespace widelimit::linalg {

/// All ranks of a communicator as `rows()` x `cols()` processes, numbered row by row; as square as
/// the count allows, rows <= cols. Copies share one BLACS context, which the last one ends.
class ProcessGrid {
 public:
  /// Collective.
  explicit ProcessGrid(runtime::Communicator const& comm);

  runtime::Communicator const& comm() const { return comm_; }
  int rows() const { return rows_; }
  int cols() const { return cols_; }
  int row() const { return row_; }  ///< of this rank
  int col() const { return col_; }  ///< of this rank
  int size() const { return rows_ * cols_; }
  /// BLACS context, the second entry of a ScaLAPACK descriptor.
  int context() const { return *context_; }

 private:
  runtime::Communicator comm_;
  int rows_ = 1, cols_ = 1, row_ = 0, col_ = 0;
  std::shared_ptr<int> context_;
};

}  // namespace widelimit::linalg

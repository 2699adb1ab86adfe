/// \file
/// Some columns of the train x train kernel.
#pragma once

#include <vector>

#include "widelimit/gram/block_cyclic_sink.hpp"
#include "widelimit/gram/points.hpp"

namespace widelimit::regression {

/// Where a preconditioner gets the columns that it is made of.
template <class Real>
class KernelColumns {
 public:
  virtual ~KernelColumns() = default;
  /// Number of points.
  virtual Index size() const = 0;
  virtual double diagonal(Index point) const = 0;
  /// Entries of `rows` x `columns`, row-major without gaps. Local.
  virtual void evaluate(Range rows, std::vector<Index> const& columns, Real* to) const = 0;
  /// Entries of `points` x `points`, row-major without gaps, symmetric. Local.
  virtual void evaluate_square(std::vector<Index> const& points, Real* to) const = 0;
};

/// Columns of K or Θ, made from the points.
template <class Real>
class EvaluatedColumns final : public KernelColumns<Real> {
 public:
  /// \param points  must outlive this
  EvaluatedColumns(gram::BoundProgram<Real> program, gram::Points<Real> const& points,
                   gram::Kernel kernel);

  Index size() const override { return points_.n; }
  double diagonal(Index point) const override { return diagonal_(point); }
  void evaluate(Range rows, std::vector<Index> const& columns, Real* to) const override;
  void evaluate_square(std::vector<Index> const& points, Real* to) const override;

 private:
  gram::BoundProgram<Real> program_;
  gram::Points<Real> const& points_;
  gram::Kernel kernel_;
  typename gram::Points<Real>::Vector::HostMirror diagonal_;
};

extern template class EvaluatedColumns<float>;
extern template class EvaluatedColumns<double>;

}  // namespace widelimit::regression

/// \file
/// Walks over the state of a run, to save it or to bring it back.
#pragma once

#include <string>

#include "widelimit/interpreter/column_block.hpp"

namespace widelimit::interpreter {

/// An object with state passes all of it, in a fixed order and under unique names; a writer keeps
/// it, a reader replaces it. All calls are collective.
template <class Real>
class Archive {
 public:
  virtual ~Archive() = default;
  virtual void visit(std::string const& name, ColumnBlock<Real>& columns) = 0;
  /// Columns of a fixed number.
  virtual void visit(std::string const& name, Particles const& particles,
                     Columns<Real>& columns) = 0;
  virtual void visit(std::string const& name, Small& matrix) = 0;
  virtual void visit(std::string const& name, double& number) = 0;
};

}  // namespace widelimit::interpreter

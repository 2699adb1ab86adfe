/// \file
/// The state of a run on particles on the disk.
#pragma once

#include <functional>

#include "widelimit/interpreter/archive.hpp"

#include "cli/state_file.hpp"

namespace widelimit::cli {

/// The state after some step. Rows are in the particles' order, so that any number of ranks reads it.
template <class Real>
class ParticleCheckpoint : public StateFile {
 public:
  /// Passes the whole state to an archive.
  using Visit = std::function<void(interpreter::Archive<Real>&)>;

  using StateFile::StateFile;

  /// Collective, as `write`. Throws InputError: another run's, damaged.
  void read(Visit const& visit) const;
  /// Throws InputError: disk full.
  void write(Visit const& visit);
};

extern template class ParticleCheckpoint<float>;
extern template class ParticleCheckpoint<double>;

}  // namespace widelimit::cli

/// \file
/// The state of a run on particles on the disk.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "widelimit/interpreter/archive.hpp"
#include "widelimit/io/identity.hpp"

namespace widelimit::cli {

/// A file with the state after some step, replaced whole by that of a later one (written beside,
/// flushed, renamed). Rows are in the particles' order, so that any number of ranks reads it.
template <class Real>
class ParticleCheckpoint {
 public:
  /// Passes the whole state to an archive.
  using Visit = std::function<void(interpreter::Archive<Real>&)>;

  /// \param every  least time between two savings
  ParticleCheckpoint(runtime::Communicator comm, std::string file, io::Identity identity,
                     std::chrono::duration<double> every);

  std::string const& file() const { return file_; }
  /// Whether there is a file. Collective, as all here.
  bool exists() const;
  /// Throws InputError: another run's, damaged.
  void read(Visit const& visit) const;
  /// Throws InputError: disk full.
  void write(Visit const& visit);
  /// Whether it is time to write.
  bool due() const;
  void discard() const;

 private:
  runtime::Communicator comm_;
  std::string file_;
  io::Identity identity_;
  std::chrono::duration<double> every_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

extern template class ParticleCheckpoint<float>;
extern template class ParticleCheckpoint<double>;

}  // namespace widelimit::cli

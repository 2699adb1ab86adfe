/// \file
/// Runs tensor programs: at a width, as they are written, or in the limit, on particles.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "widelimit/interpreter/archive.hpp"
#include "widelimit/interpreter/representation.hpp"
#include "widelimit/interpreter/spaces.hpp"
#include "widelimit/interpreter/weights.hpp"
#include "widelimit/program/program.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::interpreter {

/// A value that is not finite.
class NotFinite : public InputError {
 public:
  NotFinite(std::string const& value, std::string const& message)
      : InputError(message), value_(value) {}
  std::string const& value() const { return value_; }

 private:
  std::string value_;
};

/// Scalars by the name of their value, rows x columns.
using NamedScalars = std::map<std::string, Small, std::less<>>;

/// The state of one run of a program and what advances it. Vectors are in Real, scalars in double.
/// All functions are collective unless said otherwise. Not copied.
template <class Real>
class Executor {
 public:
  /// \param program  must outlive the executor; valid
  /// \param data     of every Data scalar. Throws InputError: missing, of another shape.
  Executor(program::Program const& program, Particles const& particles,
           ExecutorOptions const& options, NamedScalars const& data);

  /// Runs `start`.
  void start();
  /// Runs `block`, one of the program's or a part of it, and keeps `kept` of what it defines until
  /// the next run. \param schedule  of the Schedule scalars, where the block reads them
  /// \param batch  columns of what Batch scalars are taken from, where the block reads them
  /// \param step   its number, on which the noise depends that the block reads
  /// Throws NotFinite.
  void run(program::Block const& block, std::vector<program::Id> const& kept,
           NamedScalars const& schedule = {}, std::vector<Index> const& batch = {}, Index step = 0);

  /// Values that were kept, and initial ones. Local.
  Small const& scalar(program::Id id) const { return scalars_[index(id)]; }
  Columns<Real> const& vector(program::Id id) const { return vectors_[index(id)].columns; }

  /// Initial values as they are now. What is kept is not part of it.
  void visit_state(Archive<Real>& archive);
  /// Ranks of the conditioned matrices, by name; empty for dense ones. Local.
  std::vector<std::pair<std::string, std::vector<Index>>> ranks() const;
  Particles const& particles() const { return particles_; }

 private:
  struct Instructions;  // one call operator for each kind of instruction
  struct Family {
    std::unique_ptr<Weights<Real>> weights;
    std::string name;
  };
  struct Member {
    std::size_t family = 0;
    int number = 0;
  };
  static std::size_t index(program::Id id) { return static_cast<std::size_t>(id); }
  /// Numbers of random objects: two for each value, so that they do not depend on what else the
  /// program draws.
  static std::uint32_t object_of(program::Id id) { return 2 * static_cast<std::uint32_t>(id); }

  void make_matrices();
  void make_initial_vectors(NamedScalars const& data);
  void draw_zero_average_vectors();
  void draw(program::Id vector, Columns<Real> const& orthogonal_to);
  void take(NamedScalars const& schedule, std::vector<Index> const& batch);
  std::vector<program::Id> draw_noise(program::Block const& block, Index step);
  Columns<Real> obtain(Index columns);
  /// N(0, sigma²), these columns of the random numbers of a value.
  Columns<Real> gaussian(program::Id id, double sigma, Range columns);
  void define(program::Id id, Columns<Real> columns);
  void release(program::Id id);
  Tag next_tag() { return ++tag_; }

  program::Program const& program_;
  Particles particles_;
  ExecutorOptions options_;
  Spaces spaces_;
  std::vector<std::shared_ptr<ParticleSpace<Real>>> particle_spaces_;
  std::vector<Family> families_;
  std::vector<Member> members_;                                      // by value, of matrices
  std::vector<Tagged<Real>> vectors_;                                // by value
  std::vector<Small> scalars_;                                       // by value
  std::map<program::Id, std::shared_ptr<ColumnBlock<Real>>> drawn_;  // of Gaussian vectors
  std::vector<program::Id> late_;  // Gaussian vectors that are drawn once it is known how
  std::vector<program::Id> kept_;  // of the last block
  std::multimap<Index, Columns<Real>> pool_;  // columns that nothing uses, by their number
  Tag tag_ = 0;
};

extern template class Executor<float>;
extern template class Executor<double>;

}  // namespace widelimit::interpreter

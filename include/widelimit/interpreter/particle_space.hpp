/// \file
/// Gaussian columns over the same particles, with moments matched.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "widelimit/interpreter/orthonormal.hpp"

namespace widelimit::interpreter {

enum class MomentMatching {
  off,  ///< independent draws, as in a network of finite width
  on    ///< sample moments of first and second order are those of the limit
};

/// All Gaussian columns whose rows belong together. With moment matching each new one is orthogonal
/// to those before it and to the constant, and its mean square is one.
template <class Real>
class ParticleSpace {
 public:
  ParticleSpace(Particles particles, std::uint64_t seed, MomentMatching matching)
      : particles_(std::move(particles)), seed_(seed), matching_(matching) {}

  Particles const& particles() const { return particles_; }
  MomentMatching matching() const { return matching_; }
  /// An empty block in this space, random object number `object` (unique in the run).
  std::shared_ptr<ColumnBlock<Real>> make_block(std::uint32_t object);
  /// Appends `count` columns of N(0, 1) to `block`, which make_block made.
  /// \param orthogonal_to  further columns to which the new ones are made orthogonal, since they
  ///                       are known to be uncorrelated with them in the limit; may be empty
  /// Collective; 4·M·count·(all columns of the space) flops where moments are matched. Throws
  /// InputError: more columns than particles.
  void draw(ColumnBlock<Real>& block, Index count, Columns<Real> const& orthogonal_to = {});
  /// Gaussian columns so far.
  Index columns() const;

 private:
  struct Member {
    std::uint32_t object;
    std::shared_ptr<ColumnBlock<Real>> block;
  };
  /// Takes off what X has in common with the constant and the Gaussian columns.
  void project(Columns<Real> const& x) const;
  /// What the columns span outside of the constant and the Gaussian columns.
  Basis<Real> beyond(Columns<Real> const& columns) const;

  Particles particles_;
  std::uint64_t seed_;
  MomentMatching matching_;
  std::vector<Member> members_;
};

extern template class ParticleSpace<float>;
extern template class ParticleSpace<double>;

}  // namespace widelimit::interpreter

/// \file
/// Matrices of a program: one with random entries and those that live in its bases.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "widelimit/interpreter/archive.hpp"
#include "widelimit/interpreter/particle_space.hpp"

namespace widelimit::interpreter {

/// Names columns that a caller promises not to change, so that what is known of them need not be
/// worked out again; 0 names nothing.
using Tag = std::uint64_t;

/// Vectors, and what they are called.
template <class Real>
struct Tagged {
  Columns<Real> columns;
  Tag tag = 0;
};

/// y·D·xᵀ/n.
template <class Real>
struct OuterProduct {
  Tagged<Real> y, x;
  Small d;  ///< |y| x |x|; or 1 x |y|, factors column by column, where |y| = |x| and `by_column`
  bool by_column = false;
};

/// factor·matrix
struct ScaledMember {
  int member = 0;
  double factor = 1;
};

/// M x M matrices: member 0 has entries N(0, σ²/M) at the start, the others are zero. They are
/// updated by outer products and by each other. All calls are collective.
template <class Real>
class Weights {
 public:
  virtual ~Weights() = default;

  /// Y ← W·X, or Wᵀ·X.
  virtual void apply(int member, bool transposed, Tagged<Real> const& x,
                     Columns<Real> const& y) = 0;
  /// W ← decay·W + Σ outer products + Σ factor·matrix, the matrices as they are before.
  virtual void update(int member, double decay, std::vector<OuterProduct<Real>> const& outer,
                      std::vector<ScaledMember> const& matrices) = 0;
  /// Tags given so far are used for other columns from now on.
  virtual void forget_tags() = 0;
  /// Directions kept on the right and on the left; empty for a matrix kept whole.
  virtual std::vector<Index> ranks() const = 0;
  virtual void visit_state(std::string const& name, Archive<Real>& archive) = 0;
};

/// Where the two sides of a matrix live, and its size.
template <class Real>
struct WeightsSetup {
  std::shared_ptr<ParticleSpace<Real>> right;  ///< of x in W·x
  std::shared_ptr<ParticleSpace<Real>> left;   ///< of W·x
  double sigma = 1;
  int members = 1;
  std::uint64_t seed = 0;
  std::uint32_t object = 0;  ///< this and the next number are used for random numbers
};

/// The M x M entries, rows over ranks: a network of width M as it is.
/// Memory 8·M² bytes (double) and member over all ranks; 2·M² flops for each column of a product.
template <class Real>
std::unique_ptr<Weights<Real>> make_dense(WeightsSetup<Real> const& setup);

/// What is known of the matrix after its products so far (conditioning of Gaussian matrices,
/// Bolthausen 2014; TP IV, appendix on the master theorem): orthogonal bases Q of what it was
/// applied to and P of what its transpose was applied to, WQ = P·S + σ·G and WᵀP = Q·T + σ·H with
/// fresh Gaussian G and H, and the learned part P·C·Qᵀ/M of each member. The law of all products is
/// that of a dense matrix of width M. Directions below `tolerance` times a column's norm are left
/// out, which leaves a relative error of that size.
/// Memory 4·M·rank numbers; 12·M·rank flops for each column of a product.
template <class Real>
std::unique_ptr<Weights<Real>> make_conditioned(WeightsSetup<Real> const& setup, double tolerance);

}  // namespace widelimit::interpreter

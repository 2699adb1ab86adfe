/// \file
/// An adaptive explicit solver for y′ = F(y), with many stages where the equation is stiff.
#pragma once

#include <functional>
#include <vector>

#include "widelimit/runtime/types.hpp"

namespace widelimit::linalg {

/// All that the solver needs to go on. Vectors may be a rank's share.
struct OdeState {
  double time = 0;
  std::vector<double> y;
  double step = 0;           ///< that is tried next; 0: not known yet
  double error_before = 1;   ///< of the step before, in units of the tolerance
  bool stabilized = false;   ///< which method makes the next step
  Index steps_in_a_row = 0;  ///< that spoke for the other method, or were made by this one
  double pair_step = 0;      ///< the last step of the pair
  double stay_until = 0;     ///< before this time the pair is not left
  Index steps = 0, evaluations = 0;
};

/// Two methods: the pair of Dormand and Prince of order 5(4) where accuracy decides the step; and
/// where stability would, as for gradient flow near its end, the Runge-Kutta-Chebyshev method of
/// order 2 (Sommeijer, Shampine & Verwer 1998), whose s stages are stable up to
/// step·radius = 0.65·s². Which of them goes on is chosen from what the steps of each cost.
class AdaptiveOde {
 public:
  /// dy ← F(y); false: interrupted. May be collective.
  using Rhs = std::function<bool(std::vector<double> const& y, std::vector<double>& dy)>;
  /// The size of `error` beside y, in units of the tolerance, the same on all ranks.
  using Norm =
      std::function<double(std::vector<double> const& error, std::vector<double> const& y)>;
  /// A bound of the eigenvalues of -F′ at y, which are real and not negative; the same on all ranks.
  using Radius = std::function<double(std::vector<double> const& y)>;

  /// \param radius  empty: the eigenvalues may be complex, and the pair does all steps
  AdaptiveOde(Rhs rhs, Norm norm, Radius radius)
      : rhs_(std::move(rhs)), norm_(std::move(norm)), radius_(std::move(radius)) {}

  enum class End {
    reached,
    interrupted,
    too_small  ///< steps shrink to rounding, as where y leaves the numbers
  };
  /// Goes on to time `end`, on which the last step lands. A run that was interrupted and goes on has
  /// the states of one that was not, bit for bit. `observe` is called after each step; true
  /// interrupts, on all ranks alike. Memory: 9 vectors.
  End run(OdeState& state, double end, std::function<bool(OdeState const&)> const& observe) const;

 private:
  struct Trial;
  bool try_pair(OdeState& state, double h, Trial& trial) const;
  bool try_stabilized(OdeState& state, double h, Trial& trial) const;
  bool evaluate(OdeState& state, std::vector<double> const& y, std::vector<double>& dy) const;
  void choose_after_pair(OdeState& state, double h) const;
  static void choose_after_stabilized(OdeState& state, double h, int stages);

  Rhs rhs_;
  Norm norm_;
  Radius radius_;
};

}  // namespace widelimit::linalg

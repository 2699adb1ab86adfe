#include "cli/solver_progress.hpp"

#include <cmath>

#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {

void SolverProgress::update(linalg::PcgState const& state) {
  double const residual = state.history.back();
  if (state.iteration == first_ + 1 && first_ > 0) first_residual_ = residual;
  auto const now = Clock::now();
  if (now - last_ < std::chrono::seconds(5)) return;
  last_ = now;
  double const passed = std::chrono::duration<double>(now - start_).count();
  double const each = passed / static_cast<double>(state.iteration - first_);
  std::string text = fmt::format("iteration {}: residual {:.2e}, {} an iteration", state.iteration,
                                 residual, runtime::format_seconds(each));
  double const gained = std::log(first_residual_ / residual);
  double const missing = std::log(residual / tolerance_);
  if (gained > 0 && missing > 0)
    text += fmt::format(", about {} left", runtime::format_seconds(passed * missing / gained));
  runtime::log(runtime::Level::info, text);
}

}  // namespace widelimit::cli

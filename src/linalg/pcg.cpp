#include "widelimit/linalg/pcg.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace widelimit::linalg {
namespace {

// The recurrence is asked for more than the tolerance, so that rounding seldom makes the true
// residual miss it: a little, or with a kernel that is itself rounded, whose share is as large.
constexpr double margin = 0.9, rounded_margin = 0.6;

/// A true residual up to so many times that of the recurrence takes its place; one further off says
/// that the directions are conjugate no longer.
constexpr double replaceable = 2;

/// A restart that leaves more of the residual than this is the last one.
constexpr double least_gain = 0.5;

std::size_t at(Index k) {
  return static_cast<std::size_t>(k);
}

}  // namespace

Pcg::Pcg(RowBlocks rows, Operators operators, std::vector<double> b, Index columns,
         PcgOptions options)
    : rows_(std::move(rows)),
      operators_(std::move(operators)),
      b_(std::move(b)),
      columns_(columns),
      options_(options),
      b_norm_(rows_.dots(b_.data(), b_.data(), columns)) {
  if (!operators_.multiply_exactly) operators_.multiply_exactly = operators_.multiply;
  for (double& norm : b_norm_) norm = std::sqrt(norm);
}

PcgState Pcg::start() const {
  PcgState state;
  state.columns = columns_;
  state.x.resize(b_.size());
  state.r = b_;
  state.p.resize(b_.size());
  operators_.precondition(state.r.data(), columns_, state.p.data());
  state.rz = rows_.dots(state.r.data(), state.p.data(), columns_);
  std::size_t const columns = at(columns_);
  state.residual.assign(columns, 1);
  state.best.assign(columns, 1);
  state.best_iteration.assign(columns, 0);
  state.confirmed.assign(columns, std::numeric_limits<double>::max());
  state.curvature.assign(columns, 0);
  state.status.assign(columns, ColumnStatus::active);
  for (std::size_t c = 0; c < columns; ++c) {
    if (b_norm_[c] > 0) continue;
    state.status[c] = ColumnStatus::converged;  // x = 0 solves it
    state.residual[c] = 0;
  }
  return state;
}

std::vector<Index> Pcg::with_status(PcgState const& state, ColumnStatus status) const {
  std::vector<Index> which;
  for (Index c = 0; c < columns_; ++c) {
    if (state.status[at(c)] == status) which.push_back(c);
  }
  return which;
}

std::vector<double> Pcg::pack(std::vector<double> const& from,
                              std::vector<Index> const& which) const {
  Index const n = rows_.local_size();
  std::vector<double> packed;
  packed.reserve(which.size() * at(n));
  for (Index const c : which)
    packed.insert(packed.end(), from.begin() + c * n, from.begin() + (c + 1) * n);
  return packed;
}

bool Pcg::confirm(PcgState& state) const {
  Index const n = rows_.local_size();
  auto const which = with_status(state, ColumnStatus::settled);
  auto const count = static_cast<Index>(which.size());
  auto residual = pack(b_, which);
  std::vector<double> product(residual.size());
  if (!operators_.multiply_exactly(pack(state.x, which).data(), count, product.data()))
    return false;
  for (std::size_t i = 0; i < residual.size(); ++i) residual[i] -= product[i];
  auto const rr = rows_.dots(residual.data(), residual.data(), count);
  auto& direction = product;  // done with
  operators_.precondition(residual.data(), count, direction.data());
  auto const rz = rows_.dots(residual.data(), direction.data(), count);
  for (Index k = 0; k < count; ++k) {
    std::size_t const c = at(which[at(k)]);
    double const found = std::sqrt(rr[at(k)]) / b_norm_[c];
    double const before = state.confirmed[c];
    bool const replace = found <= replaceable * state.residual[c];
    state.residual[c] = state.confirmed[c] = found;
    std::copy_n(residual.data() + k * n, n, state.r.data() + static_cast<Index>(c) * n);
    if (found <= options_.tolerance) {
      state.status[c] = ColumnStatus::converged;
    } else if (!(found <= least_gain * before)) {
      state.status[c] = ColumnStatus::stagnated;
    } else {
      state.status[c] = ColumnStatus::active;
      double const gain = replace ? rz[at(k)] / state.rz[c] : 0;
      double* const p = state.p.data() + static_cast<Index>(c) * n;
      for (Index i = 0; i < n; ++i) p[i] = direction[at(k * n + i)] + gain * p[i];
      state.rz[c] = rz[at(k)];
      state.best[c] = found;
      state.best_iteration[c] = static_cast<double>(state.iteration);
    }
  }
  return true;
}

bool Pcg::iterate(PcgState& state, std::vector<Index> const& active) const {
  Index const n = rows_.local_size();
  auto const count = static_cast<Index>(active.size());
  auto const p = pack(state.p, active);
  std::vector<double> q(p.size());
  if (!operators_.multiply(p.data(), count, q.data())) return false;
  auto const pq = rows_.dots(p.data(), q.data(), count);
  auto const pp = rows_.dots(p.data(), p.data(), count);
  ++state.iteration;

  for (Index k = 0; k < count; ++k) {
    std::size_t const c = at(active[at(k)]);
    if (!(pq[at(k)] > 0) || !(state.rz[c] > 0) || !std::isfinite(pq[at(k)])) {
      state.status[c] = ColumnStatus::indefinite;
      double const curvature = pq[at(k)] / pp[at(k)];
      state.curvature[c] = std::isfinite(curvature) ? curvature : 0;
      continue;
    }
    double const step = state.rz[c] / pq[at(k)];
    double* const x = state.x.data() + static_cast<Index>(c) * n;
    double* const r = state.r.data() + static_cast<Index>(c) * n;
    double const* const direction = p.data() + k * n;
    double const* const image = q.data() + k * n;
    for (Index i = 0; i < n; ++i) x[i] += step * direction[i];
    for (Index i = 0; i < n; ++i) r[i] -= step * image[i];
  }

  auto const r = pack(state.r, active);
  auto const rr = rows_.dots(r.data(), r.data(), count);
  auto& z = q;  // done with
  operators_.precondition(r.data(), count, z.data());
  auto const rz = rows_.dots(r.data(), z.data(), count);
  double const share = options_.cycle_gain > 0 ? rounded_margin : margin;
  for (Index k = 0; k < count; ++k) {
    std::size_t const c = at(active[at(k)]);
    if (state.status[c] != ColumnStatus::active) continue;
    state.residual[c] = std::sqrt(rr[at(k)]) / b_norm_[c];
    double const start = std::min(1.0, state.confirmed[c]);
    if (state.residual[c] <= std::max(share * options_.tolerance, options_.cycle_gain * start)) {
      state.status[c] = ColumnStatus::settled;
      continue;
    }
    double const gain = rz[at(k)] / state.rz[c];
    state.rz[c] = rz[at(k)];
    double* const direction = state.p.data() + static_cast<Index>(c) * n;
    double const* const from = z.data() + k * n;
    for (Index i = 0; i < n; ++i) direction[i] = from[i] + gain * direction[i];
    if (state.residual[c] < 0.9 * state.best[c]) {
      state.best[c] = state.residual[c];
      state.best_iteration[c] = static_cast<double>(state.iteration);
    } else if (static_cast<double>(state.iteration) - state.best_iteration[c] >
               static_cast<double>(options_.patience)) {
      state.status[c] = ColumnStatus::stagnated;
    }
  }
  state.history.push_back(*std::ranges::max_element(state.residual));
  return true;
}

PcgEnd Pcg::run(PcgState& state, Observer const& observe) const {
  for (;;) {
    auto const active = with_status(state, ColumnStatus::active);
    if (active.empty()) {
      if (with_status(state, ColumnStatus::settled).empty()) break;
      if (!confirm(state)) return PcgEnd::interrupted;
      continue;
    }
    if (state.iteration >= options_.max_iterations) return PcgEnd::max_iterations;
    if (!iterate(state, active) || observe(state)) return PcgEnd::interrupted;
  }
  if (!with_status(state, ColumnStatus::indefinite).empty()) return PcgEnd::indefinite;
  if (!with_status(state, ColumnStatus::stagnated).empty()) return PcgEnd::stagnated;
  return PcgEnd::converged;
}

}  // namespace widelimit::linalg

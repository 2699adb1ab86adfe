#include "widelimit/regression/flow_equation.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/linalg/lanczos_basis.hpp"

namespace widelimit::regression {
namespace {

/// A bound of the eigenvalues of the second derivative of ℓ at f.
double curvature(Loss loss, double const* f, Index outputs, Index stride, double* gradient) {
  if (loss == Loss::squared) return 1;
  // Of diag(p) - p·pᵀ: by Gershgorin 2·p(1 - p) for the row of any output; for the logistic
  // function p(1 - p) itself. With zero targets the gradient is p.
  std::vector<double> const zero(static_cast<std::size_t>(outputs * stride));
  loss_and_gradient(loss, f, zero.data(), outputs, stride, gradient);
  double largest = 0;
  for (Index c = 0; c < outputs * stride; c += stride)
    largest = std::max(largest, gradient[c] * (1 - gradient[c]));
  return loss == Loss::softmax ? std::min(0.5, 2 * largest) : largest;
}

}  // namespace

FlowEquation::FlowEquation(TrainingKernel const& kernel, Loss loss, FlowRule rule,
                           std::vector<double> f0, std::vector<double> y, Index outputs,
                           double largest_eigenvalue, double mean_diagonal)
    : kernel_(kernel),
      loss_(loss),
      rule_(rule),
      f0_(std::move(f0)),
      y_(std::move(y)),
      outputs_(outputs),
      largest_eigenvalue_(largest_eigenvalue),
      mean_diagonal_(mean_diagonal) {
  double largest = 0;
  for (double const target : y_) largest = std::max(largest, std::abs(target));
  largest = kernel_.rows().comm().max(largest);
  if (largest > 0) target_size_ = largest;
}

linalg::OdeState FlowEquation::start() const {
  linalg::OdeState state;
  state.y.assign(f0_.size() * (rule_.momentum ? 4 : 2), 0.0);
  return state;
}

std::vector<double> FlowEquation::coefficients(linalg::OdeState const& state) const {
  return {state.y.begin(), state.y.begin() + static_cast<std::ptrdiff_t>(f0_.size())};
}

std::vector<double> FlowEquation::outputs(linalg::OdeState const& state) const {
  auto f = f0_;
  for (std::size_t i = 0; i < f.size(); ++i) f[i] += state.y[f.size() + i];
  return f;
}

bool FlowEquation::slopes(std::vector<double> const& y, std::vector<double>& dy,
                          std::function<bool()> const& go_on) const {
  std::size_t const size = f0_.size();
  Index const n = kernel_.rows().local_size();
  double const* const a = y.data();
  double const* const k_a = y.data() + size;
  std::vector<double> f(size), gradient(size), k_gradient(size);
  for (std::size_t i = 0; i < size; ++i) f[i] = f0_[i] + k_a[i];
  for (Index i = 0; i < n; ++i)
    loss_and_gradient(loss_, f.data() + i, y_.data() + i, outputs_, n, gradient.data() + i);
  if (!kernel_.multiply(gradient.data(), outputs_, k_gradient.data(), go_on)) return false;
  double const scale = rule_.loss_scale;
  if (!rule_.momentum) {
    for (std::size_t i = 0; i < size; ++i) {
      dy[i] = -rule_.rate * scale * (gradient[i] + rule_.ridge * a[i]);
      dy[size + i] = -rule_.rate * scale * (k_gradient[i] + rule_.ridge * k_a[i]);
    }
    return true;
  }
  double const root = std::sqrt(rule_.rate), friction = 1 - *rule_.momentum;
  double const* const b = y.data() + 2 * size;
  double const* const k_b = y.data() + 3 * size;
  for (std::size_t i = 0; i < size; ++i) {
    dy[i] = root * b[i];
    dy[size + i] = root * k_b[i];
    dy[2 * size + i] = -friction * b[i] - root * scale * (gradient[i] + rule_.ridge * a[i]);
    dy[3 * size + i] = -friction * k_b[i] - root * scale * (k_gradient[i] + rule_.ridge * k_a[i]);
  }
  return true;
}

double FlowEquation::norm(std::vector<double> const& error, std::vector<double> const& y,
                          double tolerance) const {
  std::size_t const size = f0_.size();
  auto const& comm = kernel_.rows().comm();
  double worst = 0;
  for (std::size_t part = 0; part < y.size() / size; ++part) {
    bool const is_image = part % 2 == 1;
    double largest = 0;
    for (std::size_t i = 0; i < size; ++i)
      largest = std::max(largest, std::abs(y[part * size + i]));
    largest = comm.max(largest);
    // K·a is of the size of the outputs, a of those over a typical entry of K.
    double const least = is_image ? target_size_ : target_size_ / mean_diagonal_;
    double const allowed = tolerance * (least + largest);
    for (std::size_t i = 0; i < size; ++i) {
      double const one = std::abs(error[part * size + i]) / allowed;
      if (!(one <= worst)) worst = one;
    }
  }
  // What is not a number on one rank is not a number on all.
  bool const lost = comm.first_rank_where(!std::isfinite(worst)) >= 0;
  return lost ? std::numeric_limits<double>::infinity() : comm.max(worst);
}

double FlowEquation::radius(std::vector<double> const& y) const {
  std::size_t const size = f0_.size();
  Index const n = kernel_.rows().local_size();
  std::vector<double> f(size), unused(size);
  for (std::size_t i = 0; i < size; ++i) f[i] = f0_[i] + y[size + i];
  double largest = loss_ == Loss::squared ? 1 : 0;
  if (loss_ != Loss::squared) {
    for (Index i = 0; i < n; ++i)
      largest = std::max(largest, curvature(loss_, f.data() + i, outputs_, n, unused.data() + i));
  }
  largest = kernel_.rows().comm().max(largest);
  return rule_.rate * rule_.loss_scale * (largest * largest_eigenvalue_ + rule_.ridge);
}

linalg::AdaptiveOde FlowEquation::solver(double tolerance, std::function<bool()> go_on) const {
  linalg::AdaptiveOde::Radius bound;
  if (!rule_.momentum) bound = [this](std::vector<double> const& y) { return radius(y); };
  return {[this, go_on](std::vector<double> const& y, std::vector<double>& dy) {
            return slopes(y, dy, go_on);
          },
          [this, tolerance](std::vector<double> const& error, std::vector<double> const& y) {
            return norm(error, y, tolerance);
          },
          bound};
}

std::optional<double> largest_eigenvalue(TrainingKernel const& kernel, Index products,
                                         double accuracy, std::function<bool()> const& go_on) {
  auto const& rows = kernel.rows();
  std::vector<double> start;
  // Almost constant, as the first eigenvector of a kernel is, and orthogonal to none.
  for (Index i = rows.mine().begin; i < rows.mine().end; ++i)
    start.push_back(1 + 0.3 * std::sin(static_cast<double>(i)));
  linalg::LanczosBasis basis(rows, start.data(), 1);
  double value = 0;
  for (Index k = 0; k < products; ++k) {
    if (!basis.extend([&](double const* x, Index columns, double* y) {
          return kernel.multiply(x, columns, y, go_on);
        }))
      return {};
    auto const ritz = basis.ritz(0);
    value = ritz.values.back();
    if (basis.coupling(0) * std::abs(ritz.last(ritz.size() - 1)) <= accuracy * value) break;
  }
  return value;
}

}  // namespace widelimit::regression

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "widelimit/gram/points.hpp"
#include "widelimit/kernels/hermite.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/position_tiles.hpp"

namespace widelimit::gram {
namespace {

using kernels::Op;
using kernels::OpKind;

/// A register's numbers for the points of all sets, one after the other.
struct Scales {
  std::vector<double> r;  ///< √K(x,x)
  std::vector<double> t;  ///< Θ(x,x)/K(x,x)
};

/// Builds the operations and the coefficient tables of one network, stage by stage.
template <class Real>
class Binder {
 public:
  Binder(Plan const& plan, std::vector<double> scales)
      : n_(scales.size()), registers_(plan.n_registers) {
    registers_[0] = {std::move(scales), std::vector<double>(n_, 0.0)};
    for (Stage const& stage : plan.stages) {
      std::visit([&](auto const& kind) { apply(kind, stage); }, stage.kind);
    }
  }

  Scales const& scales(int reg) const { return registers_[reg]; }
  std::vector<Op<Real>> const& ops() const { return ops_; }
  std::vector<std::vector<double>> const& rows() const { return rows_; }
  std::vector<double> const& tables() const { return tables_; }
  std::string const& accuracy_note() const { return note_; }
  bool initial_tangent() const { return initial_tangent_; }

 private:
  void apply(DenseStage const& dense, Stage const& stage) {
    Scales const in = registers_[stage.sources[0]];
    Scales out = in;
    std::vector<double> a(n_, 1.0), beta(n_, 0.0);
    for (std::size_t i = 0; i < n_; ++i) {
      double const weighted = std::abs(dense.w_std) * in.r[i];
      out.r[i] = std::hypot(weighted, dense.b_std);
      if (out.r[i] > 0) {
        a[i] = weighted / out.r[i];
        beta[i] = std::abs(dense.b_std) / out.r[i];
      }
      out.t[i] = a[i] * a[i] * in.t[i] + 1;
    }
    registers_[stage.target] = std::move(out);
    if (dense.b_std != 0) {
      Op<Real>& op = emit(OpKind::affine, stage.target, stage.sources[0]);
      op.coefficients = add_row(std::move(a));
      add_row(std::move(beta));
      return;
    }
    bool const in_place = stage.target == stage.sources[0];
    if (in_place && ops_.empty()) {
      initial_tangent_ = true;
    } else if (in_place && !ops_.empty() && ops_.back().kind == OpKind::dual &&
               ops_.back().dst == stage.target && ops_.back().number == 0) {
      ops_.back().number = 1;
    } else {
      emit(OpKind::tangent, stage.target, stage.sources[0]);
    }
  }

  void apply(LayerNormStage const& norm, Stage const& stage) {
    Scales out = registers_[stage.sources[0]];
    for (double& r : out.r) r /= std::hypot(r, std::sqrt(norm.eps));
    copy_entries(stage);
    registers_[stage.target] = std::move(out);
  }

  void apply(DropoutStage const& dropout, Stage const& stage) {
    Scales out = registers_[stage.sources[0]];
    for (double& r : out.r) r /= std::sqrt(dropout.keep);
    registers_[stage.target] = std::move(out);
    emit(OpKind::dropout, stage.target, stage.sources[0]).number = static_cast<Real>(dropout.keep);
  }

  void apply(SumStage const& sum, Stage const& stage) {
    std::size_t const branches = stage.sources.size();
    Scales out{std::vector<double>(n_, 0.0), std::vector<double>(n_, 0.0)};
    std::vector<std::vector<double>> w(branches, std::vector<double>(n_));
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t b = 0; b < branches; ++b) {
        w[b][i] = std::sqrt(sum.weights[b]) * registers_[stage.sources[b]].r[i];
        out.r[i] = std::hypot(out.r[i], w[b][i]);
      }
      for (std::size_t b = 0; b < branches; ++b) {
        w[b][i] = out.r[i] > 0 ? w[b][i] / out.r[i] : (b == 0 ? 1 : 0);
        out.t[i] += w[b][i] * w[b][i] * registers_[stage.sources[b]].t[i];
      }
    }
    for (std::size_t b = 0; b < branches; ++b) {
      emit(b == 0 ? OpKind::sum_first : OpKind::sum_next, stage.target, stage.sources[b])
          .coefficients = add_row(std::move(w[b]));
    }
    emit(OpKind::sum_end, stage.target, stage.target);
    registers_[stage.target] = std::move(out);
  }

  void apply(ProductStage const&, Stage const& stage) {
    Scales out{std::vector<double>(n_, 1.0), std::vector<double>(n_, 0.0)};
    for (std::size_t b = 0; b < stage.sources.size(); ++b) {
      Scales const& branch = registers_[stage.sources[b]];
      for (std::size_t i = 0; i < n_; ++i) {
        out.r[i] *= branch.r[i];
        out.t[i] += branch.t[i];
      }
      if (b == 0) {
        emit(OpKind::dropout, stage.target, stage.sources[b]).number = 1;  // a copy
      } else {
        emit(OpKind::product, stage.target, stage.sources[b]);
      }
    }
    registers_[stage.target] = std::move(out);
  }

  void apply(DualStage const& stage_dual, Stage const& stage) {
    // Special cases with cheaper code than the function they belong to.
    auto const* relu = std::get_if<network::AbRelu>(&stage_dual.function);
    auto const* hermite = std::get_if<network::Hermite>(&stage_dual.function);
    if (relu != nullptr && (relu->a == 0) != (relu->b == 0)) {
      element_wise(kernels::OneSided{relu->a + relu->b}, stage);
    } else if (hermite != nullptr && hermite->degree <= kernels::MonomialDual<double>::max_degree) {
      element_wise(kernels::LowHermite{hermite->degree}, stage);
    } else {
      std::visit([&](auto const& function) { element_wise(function, stage); }, stage_dual.function);
    }
  }

  template <class Function>
  void element_wise(Function const& function, Stage const& stage) {
    Scales out = registers_[stage.sources[0]];
    if constexpr (kernels::has_dual<Function>) {
      using Dual = kernels::DualOf<Function, double>;
      int const n_coefficients = Dual::n_coefficients(function);
      Index const first = add_rows(n_coefficients);
      Dual const dual(function);
      std::vector<double> of_point(std::max(n_coefficients, 1));
      for (std::size_t i = 0; i < n_; ++i) {
        out.r[i] = Dual::prepare(function, out.r[i], of_point.data());
        for (int m = 0; m < n_coefficients; ++m) rows_[first + m][i] = of_point[m];
        kernels::Point<double> const point{of_point.data(), 1};
        out.t[i] = dual({1, 0, out.t[i]}, point, point).t;
      }
      Op<Real>& op = emit(OpKind::dual, stage.target, stage.sources[0]);
      op.coefficients = first;
      op.dual = kernels::DualUnion<Real>::of(function);
    } else {
      add_special(function, stage, out);
    }
    for (std::size_t i = 0; i < n_; ++i) {
      if (!std::isfinite(out.r[i]) || !std::isfinite(out.t[i])) {
        throw InputError(fmt::format(
            "{}: the variance of its output overflows for data point {}, whose pre-activation "
            "has standard deviation {:.3g}; lower w_std or scale the inputs (data.inputs)",
            stage.name, i, registers_[stage.sources[0]].r[i]));
      }
    }
    registers_[stage.target] = std::move(out);
  }

  void add_special(network::Polynomial const& f, Stage const& stage, Scales& out) {
    int const terms = static_cast<int>(f.coef.size());
    std::vector<double> h;
    h.reserve(n_ * terms);
    for (double const r : out.r) {
      auto const of_point = kernels::hermite_of_polynomial(f.coef, r);
      h.insert(h.end(), of_point.begin(), of_point.end());
    }
    add_series(std::move(h), terms, stage, out);
  }

  void add_special(network::Hermite const& f, Stage const& stage, Scales& out) {
    int const terms = f.degree + 1;
    std::vector<double> h(n_ * terms, 0.0);
    for (std::size_t i = 0; i < n_; ++i) h[i * terms + f.degree] = out.r[i] > 0 ? 1 : 0;
    add_series(std::move(h), terms, stage, out);
  }

  void add_special(network::Numerical const& f, Stage const& stage, Scales& out) {
    if (f.points == network::Numerical::automatic && kernels::is_kinked(f.fn)) {
      add_kinked(f.fn, stage, out);
    } else if (f.points == network::Numerical::automatic) {
      kernels::HermiteExpansion const expansion(
          [fn = f.fn](double x) { return kernels::evaluate(fn, x).value; });
      double const r_max = out.r.empty() ? 1.0 : *std::max_element(out.r.begin(), out.r.end());
      double reached = 0;
      int const terms = expansion.terms_for(r_max, series_tolerance<Real>, reached);
      note_accuracy(stage, reached, r_max);
      add_series(expansion.coefficients(out.r, terms), terms, stage, out);
    } else {
      add_quadrature(f, stage, out);
    }
  }

  void note_accuracy(Stage const& stage, double reached, double r_max) {
    if (reached <= 10 * series_tolerance<Real>) return;
    note_ = fmt::format(
        "{}: its expansion reaches a relative accuracy of {:.1e} only (pre-activations have "
        "standard deviations of up to {:.3g}); smaller inputs or weights converge further",
        stage.name, reached, r_max);
  }

  void add_kinked(network::NumericalFunction fn, Stage const& stage, Scales& out) {
    double const r_max = out.r.empty() ? 1.0 : *std::max_element(out.r.begin(), out.r.end());
    double reached = 0;
    auto const rule = kernels::kinked_rule(fn, r_max, series_tolerance<Real>, reached);
    note_accuracy(stage, reached, r_max);
    Index const table = static_cast<Index>(tables_.size());
    tables_.insert(tables_.end(), rule.nodes.begin(), rule.nodes.end());
    tables_.insert(tables_.end(), rule.weights.begin(), rule.weights.end());
    Index const first = add_rows(2);
    for (std::size_t i = 0; i < n_; ++i) {
      double const r = out.r[i];
      auto const diagonal = kernels::kinked_pair(fn, rule, {1, 0, 0}, r, r);
      rows_[first][i] = r;
      out.r[i] = std::sqrt(std::fmax(diagonal.value, 0));
      rows_[first + 1][i] = out.r[i] > 0 ? 1 / out.r[i] : 0;
      out.t[i] *= out.r[i] > 0 ? diagonal.slope * r * r / diagonal.value : 0;
    }
    Op<Real>& op = emit(OpKind::kinked, stage.target, stage.sources[0]);
    op.coefficients = first;
    op.n_terms = static_cast<int>(rule.nodes.size());
    op.fn = fn;
    op.table = table;
  }

  /// \param h  Hermite coefficients, points x terms
  void add_series(std::vector<double> h, int terms, Stage const& stage, Scales& out) {
    Index const first = add_rows(terms + 1);
    for (std::size_t i = 0; i < n_; ++i) {
      double* const of_point = h.data() + i * terms;
      rows_[first][i] = out.r[i];
      out.r[i] = kernels::normalize(of_point, terms);
      double slope = 0;
      for (int k = 0; k < terms; ++k) {
        rows_[first + 1 + k][i] = of_point[k];
        slope += k * of_point[k] * of_point[k];
      }
      out.t[i] *= slope;
    }
    Op<Real>& op = emit(OpKind::series, stage.target, stage.sources[0]);
    op.coefficients = first;
    op.n_terms = terms;
  }

  void add_quadrature(network::Numerical const& f, Stage const& stage, Scales& out) {
    int const points = f.points;
    auto const rule = kernels::gauss_hermite(points);
    Index const table = static_cast<Index>(tables_.size());
    tables_.insert(tables_.end(), rule.nodes.begin(), rule.nodes.end());
    for (double const w : rule.weights) tables_.push_back(w / std::sqrt(M_PI));
    Index const first = add_rows(2 + 2 * points);
    for (std::size_t i = 0; i < n_; ++i) {
      double const r = out.r[i];
      double power = 0, slope_power = 0;
      for (int a = 0; a < points; ++a) {
        auto const at = kernels::evaluate(f.fn, std::sqrt(2.0) * r * rule.nodes[a]);
        double const weight = tables_[table + points + a];
        power += weight * at.value * at.value;
        slope_power += weight * at.slope * at.slope;
        rows_[first + 2 + a][i] = at.value;
        rows_[first + 2 + points + a][i] = at.slope;
      }
      out.r[i] = std::sqrt(power);
      out.t[i] *= power > 0 ? slope_power * r * r / power : 0;
      rows_[first][i] = std::sqrt(2.0) * r;
      rows_[first + 1][i] = power > 0 ? 1 / out.r[i] : 0;
    }
    Op<Real>& op = emit(OpKind::quadrature, stage.target, stage.sources[0]);
    op.coefficients = first;
    op.n_terms = points;
    op.fn = f.fn;
    op.table = table;
  }

  /// A stage that changes scales alone: its entries are copied only when another register must hold
  /// them.
  void copy_entries(Stage const& stage) {
    if (stage.target != stage.sources[0])
      emit(OpKind::dropout, stage.target, stage.sources[0]).number = 1;
  }

  Op<Real>& emit(OpKind kind, int dst, int src) {
    return ops_.emplace_back(Op<Real>{kind, dst, src, 0, 0, Real(0),
                                      network::NumericalFunction::tanh, 0,
                                      kernels::DualUnion<Real>{}});
  }
  Index add_row(std::vector<double> row) {
    rows_.push_back(std::move(row));
    return static_cast<Index>(rows_.size()) - 1;
  }
  Index add_rows(int count) {
    auto const first = static_cast<Index>(rows_.size());
    for (int k = 0; k < count; ++k) rows_.emplace_back(n_, 0.0);
    return first;
  }

  std::size_t n_;
  std::vector<Scales> registers_;
  std::vector<Op<Real>> ops_;
  std::vector<std::vector<double>> rows_;
  std::vector<double> tables_;
  std::string note_;
  bool initial_tangent_ = false;
};

template <class View>
void fill(View const& view, std::size_t n, auto const& value) {
  auto const host = Kokkos::create_mirror_view(view);
  for (std::size_t i = 0; i < n; ++i)
    host(i) = static_cast<typename View::non_const_value_type>(value(i));
  Kokkos::deep_copy(view, host);
}

template <class Real>
BoundProgram<Real> bind_positions(Plan const& plan, std::vector<Points<Real>*> const& sets) {
  auto const bound = std::make_shared<BoundPositions<Real> const>(plan.positions, sets);
  for (Points<Real>* set : sets) {
    auto const n = static_cast<std::size_t>(set->n);
    auto const diagonals = detail::diagonals_of_positions(*bound, *set);
    set->scale_out = typename Points<Real>::Vector("widelimit::gram::scale_out", n);
    set->nngp_diagonal = typename Points<Real>::Vector("widelimit::gram::nngp_diagonal", n);
    set->ntk_diagonal = typename Points<Real>::Vector("widelimit::gram::ntk_diagonal", n);
    fill(set->scale_out, n, [&](std::size_t i) { return std::sqrt(diagonals.nngp[i]); });
    fill(set->nngp_diagonal, n, [&](std::size_t i) { return diagonals.nngp[i]; });
    fill(set->ntk_diagonal, n, [&](std::size_t i) { return diagonals.ntk[i]; });
  }
  BoundProgram<Real> program;
  program.accuracy_note = bound->note();
  program.positions = bound;
  return program;
}

}  // namespace

template <class Real>
BoundProgram<Real> bind(Plan const& plan, std::vector<Points<Real>*> const& sets) {
  if (plan.positions) return bind_positions(plan, sets);
  std::vector<double> scales;
  for (Points<Real> const* set : sets)
    scales.insert(scales.end(), set->scale_in.begin(), set->scale_in.end());
  Binder<Real> const binder(plan, std::move(scales));
  Scales const& result = binder.scales(plan.output);
  auto const& rows = binder.rows();

  std::size_t offset = 0;
  for (Points<Real>* set : sets) {
    auto const n = static_cast<std::size_t>(set->n);
    set->coefficients =
        typename Points<Real>::Matrix("widelimit::gram::coefficients", rows.size(), n);
    auto const table = Kokkos::create_mirror_view(set->coefficients);
    for (std::size_t m = 0; m < rows.size(); ++m) {
      for (std::size_t i = 0; i < n; ++i) table(m, i) = static_cast<Real>(rows[m][offset + i]);
    }
    Kokkos::deep_copy(set->coefficients, table);
    set->scale_out = typename Points<Real>::Vector("widelimit::gram::scale_out", n);
    set->nngp_diagonal = typename Points<Real>::Vector("widelimit::gram::nngp_diagonal", n);
    set->ntk_diagonal = typename Points<Real>::Vector("widelimit::gram::ntk_diagonal", n);
    auto const square_of = [&](std::size_t i) {
      return result.r[offset + i] * result.r[offset + i];
    };
    fill(set->scale_out, n, [&](std::size_t i) { return result.r[offset + i]; });
    fill(set->nngp_diagonal, n, square_of);
    fill(set->ntk_diagonal, n, [&](std::size_t i) { return result.t[offset + i] * square_of(i); });
    offset += n;
  }

  BoundProgram<Real> program;
  program.ops = Kokkos::View<Op<Real>*, Exec>(
      Kokkos::view_alloc("widelimit::gram::ops", Kokkos::WithoutInitializing), binder.ops().size());
  auto const ops = Kokkos::create_mirror_view(program.ops);
  std::copy(binder.ops().begin(), binder.ops().end(), ops.data());
  Kokkos::deep_copy(program.ops, ops);
  program.tables = typename Points<Real>::Vector("widelimit::gram::tables", binder.tables().size());
  fill(program.tables, binder.tables().size(), [&](std::size_t i) { return binder.tables()[i]; });
  program.n_registers = plan.n_registers;
  program.output = plan.output;
  program.initial_tangent = binder.initial_tangent();
  program.accuracy_note = binder.accuracy_note();
  return program;
}

template BoundProgram<float> bind(Plan const&, std::vector<Points<float>*> const&);
template BoundProgram<double> bind(Plan const&, std::vector<Points<double>*> const&);

}  // namespace widelimit::gram

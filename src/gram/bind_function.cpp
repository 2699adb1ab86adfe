#include <algorithm>
#include <cmath>

#include "widelimit/gram/bound_positions.hpp"
#include "widelimit/gram/points.hpp"
#include "widelimit/kernels/hermite.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::gram {
namespace {

using kernels::PlaneOpKind;
using Numbers = std::vector<double>;

/// Builds a BoundFunction, by kind of function.
template <class Real>
class FunctionBinder {
 public:
  FunctionBinder(std::string const& name, std::function<double()> const& largest_scale)
      : name_(name), largest_scale_(largest_scale) {}

  BoundFunction<Real> operator()(network::Activation const& activation) {
    auto const* relu = std::get_if<network::AbRelu>(&activation);
    auto const* hermite = std::get_if<network::Hermite>(&activation);
    if (relu != nullptr && (relu->a == 0) != (relu->b == 0)) {
      closed_form(kernels::OneSided{relu->a + relu->b});
    } else if (hermite != nullptr && hermite->degree <= kernels::MonomialDual<double>::max_degree) {
      closed_form(kernels::LowHermite{hermite->degree});
    } else {
      std::visit([&](auto const& f) { bind(f); }, activation);
    }
    return std::move(result_);
  }

 private:
  template <class Function>
  void bind(Function const& f) {
    closed_form(f);
  }

  template <class Function>
  void closed_form(Function const& f) {
    using Dual = kernels::DualOf<Function, double>;
    int const count = Dual::n_coefficients(f);
    result_.n_coefficients = count;
    result_.dual = kernels::DualUnion<Real>::of(f);
    result_.fill = [f, count](Numbers const& r, Numbers& out, Numbers& coefficients) {
      Numbers of_point(static_cast<std::size_t>(std::max(count, 1)));
      for (std::size_t i = 0; i < r.size(); ++i) {
        out[i] = Dual::prepare(f, r[i], of_point.data());
        for (int m = 0; m < count; ++m) coefficients[m * r.size() + i] = of_point[m];
      }
    };
  }

  void bind(network::Polynomial const& f) {
    series(static_cast<int>(f.coef.size()), [f](Numbers const& r) {
      Numbers h;
      for (double const scale : r) {
        auto const of_point = kernels::hermite_of_polynomial(f.coef, scale);
        h.insert(h.end(), of_point.begin(), of_point.end());
      }
      return h;
    });
  }

  void bind(network::Hermite const& f) {
    int const terms = f.degree + 1;
    series(terms, [terms](Numbers const& r) {
      Numbers h(r.size() * terms, 0.0);
      for (std::size_t i = 0; i < r.size(); ++i) h[(i + 1) * terms - 1] = r[i] > 0 ? 1 : 0;
      return h;
    });
  }

  void bind(network::Numerical const& f) {
    if (f.points != network::Numerical::automatic) return quadrature(f);
    double const r_max = largest_scale_();
    double reached = 0;
    if (kernels::is_kinked(f.fn)) {
      kinked(f.fn, r_max, reached);
    } else {
      auto const expansion = std::make_shared<kernels::HermiteExpansion>(
          [fn = f.fn](double x) { return kernels::evaluate(fn, x).value; });
      int const terms = expansion->terms_for(r_max, series_tolerance<Real>, reached);
      series(terms,
             [expansion, terms](Numbers const& r) { return expansion->coefficients(r, terms); });
    }
    if (reached > 10 * series_tolerance<Real>)
      result_.note = fmt::format(
          "{}: its expansion reaches a relative accuracy of {:.1e} only (pre-activations have "
          "standard deviations of up to {:.3g}); smaller inputs or weights converge further",
          name_, reached, r_max);
  }

  /// \param hermite  coefficients of points at scales r: r.size() x terms
  template <class Hermite>
  void series(int terms, Hermite hermite) {
    result_.kind = PlaneOpKind::series;
    result_.count = terms;
    result_.n_coefficients = terms + 1;
    result_.fill = [terms, hermite](Numbers const& r, Numbers& out, Numbers& coefficients) {
      Numbers h = hermite(r);
      for (std::size_t i = 0; i < r.size(); ++i) {
        coefficients[i] = r[i];
        double* const of_point = h.data() + i * terms;
        out[i] = kernels::normalize(of_point, terms);
        for (int m = 0; m < terms; ++m) coefficients[(m + 1) * r.size() + i] = of_point[m];
      }
    };
  }

  void kinked(network::NumericalFunction fn, double r_max, double& reached) {
    auto const rule = kernels::kinked_rule(fn, r_max, series_tolerance<Real>, reached);
    result_.kind = PlaneOpKind::kinked;
    result_.fn = fn;
    result_.count = static_cast<int>(rule.nodes.size());
    result_.n_coefficients = 2;
    result_.table = rule.nodes;
    result_.table.insert(result_.table.end(), rule.weights.begin(), rule.weights.end());
    result_.fill = [fn, rule](Numbers const& r, Numbers& out, Numbers& coefficients) {
      for (std::size_t i = 0; i < r.size(); ++i) {
        double const value = kernels::kinked_pair(fn, rule, {1, 0, 0}, r[i], r[i]).value;
        out[i] = std::sqrt(std::fmax(value, 0));
        coefficients[i] = r[i];
        coefficients[r.size() + i] = out[i] > 0 ? 1 / out[i] : 0;
      }
    };
  }

  void quadrature(network::Numerical const& f) {
    int const points = f.points;
    auto rule = kernels::gauss_hermite(points);
    for (double& w : rule.weights) w /= std::sqrt(M_PI);
    result_.kind = PlaneOpKind::quadrature;
    result_.fn = f.fn;
    result_.count = points;
    result_.n_coefficients = 2 + 2 * Index{points};
    result_.table = rule.nodes;
    result_.table.insert(result_.table.end(), rule.weights.begin(), rule.weights.end());
    result_.fill = [fn = f.fn, rule, points](Numbers const& r, Numbers& out,
                                             Numbers& coefficients) {
      std::size_t const n = r.size();
      for (std::size_t i = 0; i < n; ++i) {
        double power = 0;
        for (int a = 0; a < points; ++a) {
          auto const at = kernels::evaluate(fn, std::sqrt(2.0) * r[i] * rule.nodes[a]);
          power += rule.weights[a] * at.value * at.value;
          coefficients[(2 + a) * n + i] = at.value;
          coefficients[(2 + points + a) * n + i] = at.slope;
        }
        out[i] = std::sqrt(power);
        coefficients[i] = std::sqrt(2.0) * r[i];
        coefficients[n + i] = power > 0 ? 1 / out[i] : 0;
      }
    };
  }

  std::string const& name_;
  std::function<double()> const& largest_scale_;
  BoundFunction<Real> result_;
};

}  // namespace

template <class Real>
BoundFunction<Real> bind_function(network::Activation const& function, std::string const& name,
                                  std::function<double()> const& largest_scale) {
  return FunctionBinder<Real>(name, largest_scale)(function);
}

template BoundFunction<float> bind_function(network::Activation const&, std::string const&,
                                            std::function<double()> const&);
template BoundFunction<double> bind_function(network::Activation const&, std::string const&,
                                             std::function<double()> const&);

}  // namespace widelimit::gram

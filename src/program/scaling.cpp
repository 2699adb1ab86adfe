#include <cmath>

#include "network_pass.hpp"

namespace widelimit::program::detail {

double Scaling::power(double exponent) const {
  constexpr double tolerance = 1e-9;  // exponents are sums of a few decimal numbers
  if (std::fabs(exponent) <= tolerance) return 1;
  return width ? std::pow(static_cast<double>(*width), exponent) : exponent < 0 ? 0 : INFINITY;
}

double Scaling::sigma(LayerKind kind, Exponents const& e, double g) const {
  switch (kind) {
    case LayerKind::input:
      return g * power(-e.a - e.b);
    case LayerKind::hidden:
      return g * power(0.5 - e.a - e.b);
    default:
      return readout_power ? g : g * power(1 - e.a - e.b);
  }
}

double Scaling::rate(LayerKind kind, Exponents const& e, double g) const {
  double const backward = 2 * readout_power.value_or(0);
  switch (kind) {
    case LayerKind::input:
      return g * g * power(backward - e.c - 2 * e.a - 1);
    case LayerKind::hidden:
      return g * g * power(backward - e.c - 2 * e.a);
    default:
      return g * g * power(1 - e.c - 2 * e.a);
  }
}

}  // namespace widelimit::program::detail

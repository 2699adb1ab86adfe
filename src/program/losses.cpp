#include "losses.hpp"

namespace widelimit::program::detail {
namespace {

struct PointLoss {
  Id losses;  ///< 1 x points, or outputs x points to be summed
  Id slopes;
};

PointLoss mse(Builder& b, Id f, Id y) {
  return {b.elementwise("0.5*(a - b)^2", {f, y}), b.elementwise("a - b", {f, y})};
}

PointLoss logistic(Builder& b, Id f, Id y) {
  return {b.elementwise("softplus(-a*b)", {f, y}), b.elementwise("-b*sigmoid(-a*b)", {f, y})};
}

PointLoss softmax(Builder& b, Id f, Id y) {
  Id const largest = b.add(ScalarReduce{none, f, Reduction::maximum, Axis::rows});
  Id const powers = b.elementwise("exp(a - b)", {f, largest});
  Id const total = b.sum(powers, Axis::rows);
  Id const hit = b.sum(b.elementwise("a*b", {f, y}), Axis::rows);
  return {b.elementwise("log(a) + b - c", {total, largest, hit}),
          b.elementwise("a/b - c", {powers, total, y})};
}

}  // namespace

LossTerms append_loss(Builder& b, Loss loss, Id f, Id y) {
  auto const terms = loss == Loss::mse ? mse(b, f, y)
                     : b.rows(f) == 1  ? logistic(b, f, y)
                                       : softmax(b, f, y);
  double const share = 1 / static_cast<double>(b.columns(f));
  return {b.scaled(b.sum(terms.losses, Axis::all), share), b.scaled(terms.slopes, share)};
}

}  // namespace widelimit::program::detail

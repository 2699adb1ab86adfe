#include "widelimit/kernels/split_entries.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::kernels {
namespace {

/// Of all scales of single precision and both signs, with zeros, powers of two and their neighbours.
std::vector<double> numbers() {
  std::mt19937_64 bits(1);
  std::uniform_real_distribution<double> mantissa(1, 2);
  std::vector<double> all{0.0, -0.0};
  for (int exponent = -126; exponent <= 126; ++exponent) {
    double const power = std::ldexp(1.0, exponent);
    for (double const x :
         {power, power * (1 + 0x1p-24), power * (1 + 0x1p-25), power * (1 - 0x1p-26),
          power * (2 - 0x1p-30), mantissa(bits) * power, mantissa(bits) * power}) {
      all.push_back(x);
      all.push_back(-x);
    }
  }
  while (all.size() % lanes<double> != 0) all.push_back(mantissa(bits));
  return all;
}

struct Split {
  std::vector<float> high;
  std::vector<std::int8_t> low;

  explicit Split(std::vector<double> const& of) {
    for (double const x : of) {
      high.push_back(static_cast<float>(x));
      low.push_back(remainder_of(x, high.back()));
    }
  }
  SplitEntries entries() const { return {high.data(), low.data()}; }
};

TEST(SplitEntries, give_numbers_to_32_bits) {
  auto const all = numbers();
  Split const split(all);
  double largest = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    double const error = std::abs(split.entries()[static_cast<Index>(i)] - all[i]);
    EXPECT_LE(error, split_rounding * std::abs(split.high[i]) * (1 + 1e-6)) << all[i];
    if (all[i] != 0) largest = std::max(largest, error / std::abs(all[i]));
  }
  EXPECT_LE(split_rounding, 0x1p-32 * (1 + 1e-2));
  EXPECT_GT(largest, split_rounding / 4);  // the bound is not an idle one
}

TEST(SplitEntries, of_floats_are_those_floats) {
  auto all = numbers();
  for (double& x : all) x = static_cast<float>(x);
  Split const split(all);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(split.entries()[static_cast<Index>(i)], all[i]);
}

TEST(SplitEntries, too_small_for_single_precision_are_rounded_to_it) {
  for (double const x : {0x1p-127, 3.3e-40, -1e-44, 1e-46, 0x1p-126 * (1 - 0x1p-20)}) {
    Split const split({x});
    EXPECT_LE(std::abs(split.entries()[0] - x), 0x1p-150) << x;
  }
}

TEST(SplitEntries, are_loaded_by_lanes_as_one_by_one) {
  Split const split(numbers());
  for (Index i = 0; i < static_cast<Index>(split.high.size()); i += lanes<double>) {
    auto const loaded = load_converted<double>(split.entries() + i);
    for (Index lane = 0; lane < lanes<double>; ++lane)
      EXPECT_EQ(loaded[lane], split.entries()[i + lane]);
  }
}

}  // namespace
}  // namespace widelimit::kernels

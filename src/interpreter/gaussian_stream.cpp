#include "widelimit/interpreter/gaussian_stream.hpp"

#include <cmath>

#include <Kokkos_Core.hpp>
#include <Random123/philox.h>

namespace widelimit::interpreter {
namespace {

using Philox = r123::Philox4x32;

/// In (0, 1], so that its logarithm is finite.
inline double uniform(std::uint32_t high, std::uint32_t low) {
  std::uint64_t const bits = (std::uint64_t{high} << 32 | low) >> 11;
  return (static_cast<double>(bits) + 1) * 0x1p-53;
}

struct Pair {
  double first, second;
};

/// Box–Muller. One block of the generator serves the two columns 2j and 2j+1 of a row.
inline Pair normal_pair(Philox::key_type key, std::uint32_t object, Index row, Index pair) {
  Philox::ctr_type const counter{{static_cast<std::uint32_t>(row),
                                  static_cast<std::uint32_t>(row >> 32),
                                  static_cast<std::uint32_t>(pair), object}};
  auto const bits = Philox()(counter, key);
  double const radius = std::sqrt(-2 * std::log(uniform(bits[0], bits[1])));
  double const angle = 2 * M_PI * uniform(bits[2], bits[3]);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace

template <class Real>
void fill_gaussian(std::uint64_t seed, std::uint32_t object, Range rows, Range columns, Real* out,
                   Index ld) {
  Philox::key_type const key{
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  constexpr Index rows_at_once = 4096;  // a column of a large object is work for many threads
  Index const blocks = (rows.size() + rows_at_once - 1) / rows_at_once;
  Index const first_pair = columns.begin / 2;
  Index const pairs = (columns.end + 1) / 2 - first_pair;
  using Exec = Kokkos::DefaultHostExecutionSpace;
  Kokkos::parallel_for(
      "widelimit::interpreter::fill_gaussian", Kokkos::RangePolicy<Exec>(0, blocks * pairs),
      [=](Index task) {
        Index const pair = first_pair + task / blocks;
        Index const begin = rows.begin + task % blocks * rows_at_once;
        Index const end = std::min(rows.end, begin + rows_at_once);
        bool const even = 2 * pair >= columns.begin;
        bool const odd = 2 * pair + 1 < columns.end;
        Real* const first = even ? out + (2 * pair - columns.begin) * ld - rows.begin : nullptr;
        Real* const second = odd ? out + (2 * pair + 1 - columns.begin) * ld - rows.begin : nullptr;
        for (Index row = begin; row < end; ++row) {
          Pair const values = normal_pair(key, object, row, pair);
          if (even) first[row] = static_cast<Real>(values.first);
          if (odd) second[row] = static_cast<Real>(values.second);
        }
      });
}

template void fill_gaussian(std::uint64_t, std::uint32_t, Range, Range, float*, Index);
template void fill_gaussian(std::uint64_t, std::uint32_t, Range, Range, double*, Index);

}  // namespace widelimit::interpreter

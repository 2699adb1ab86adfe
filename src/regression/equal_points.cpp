#include "widelimit/regression/equal_points.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace widelimit::regression {

template <class Real>
std::vector<EqualPair> equal_points(gram::Points<Real> const& points,
                                    linalg::ReplicatedMatrix const& targets) {
  auto const& rows = points.host_rows;
  auto const bytes_of = [&](Index i) {
    // Rows come from the same operations on the same numbers: equal ones are equal bit for bit.
    return std::string_view(reinterpret_cast<char const*>(&rows(i, 0)),
                            static_cast<std::size_t>(points.d) * sizeof(Real));
  };
  auto const equal = [&](Index a, Index b) {
    return points.scale_in[static_cast<std::size_t>(a)] ==
               points.scale_in[static_cast<std::size_t>(b)] &&
           bytes_of(a) == bytes_of(b);
  };
  std::unordered_multimap<std::size_t, Index> seen;  // the first of each set of equal points
  seen.reserve(static_cast<std::size_t>(points.n));
  std::vector<EqualPair> pairs;
  for (Index i = 0; i < points.n; ++i) {
    std::size_t const hash = std::hash<std::string_view>{}(bytes_of(i));
    auto const [begin, end] = seen.equal_range(hash);
    auto const found =
        std::find_if(begin, end, [&](auto const& entry) { return equal(entry.second, i); });
    if (found == end) {
      seen.emplace(hash, i);
      continue;
    }
    Index const earlier = found->second;
    pairs.push_back(
        {earlier, i,
         !std::equal(targets.row(i), targets.row(i) + targets.cols, targets.row(earlier))});
  }
  return pairs;
}

template std::vector<EqualPair> equal_points(gram::Points<float> const&,
                                             linalg::ReplicatedMatrix const&);
template std::vector<EqualPair> equal_points(gram::Points<double> const&,
                                             linalg::ReplicatedMatrix const&);

}  // namespace widelimit::regression

#include "position_windows.hpp"

namespace widelimit::program::detail {

std::vector<MapEntry> Windows::entries(std::vector<Index> const& j) const {
  std::vector<MapEntry> found;
  auto const& from = transposed ? in : out;
  auto const& to = transposed ? out : in;
  MultiIndex p(from);
  MultiIndex const target(to);
  for (Index n = 0; n < p.count(); ++n, p.advance()) {
    std::vector<Index> q(from.size());
    bool inside = true;
    for (std::size_t k = 0; k < q.size(); ++k) {
      q[k] = transposed ? (*p)[k] * stride[k] + before[k] - j[k]
                        : (*p)[k] * stride[k] - before[k] + j[k];
      if (circular) q[k] = ((q[k] % to[k]) + to[k]) % to[k];
      inside = inside && q[k] >= 0 && q[k] < to[k];
    }
    if (!inside) continue;
    Index const m = target.flat(q);
    found.push_back({transposed ? n : m, transposed ? m : n, 1});
  }
  return found;
}

std::vector<MapEntry> Windows::entries() const {
  std::vector<MapEntry> all;
  MultiIndex place(size);
  for (Index n = 0; n < place.count(); ++n, place.advance()) {
    auto const some = entries(*place);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

SharedColumnMap at_all_points(Index points, Index inputs, Index outputs,
                              std::vector<MapEntry> const& entries) {
  std::vector<MapEntry> all;
  for (Index point = 0; point < points; ++point)
    for (auto const& e : entries)
      all.push_back({point * inputs + e.input, point * outputs + e.output, e.weight});
  return make_map(points * inputs, points * outputs, std::move(all));
}

}  // namespace widelimit::program::detail

#include "widelimit/gram/symmetric_product.hpp"

#include <algorithm>

#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/part.hpp"
#include "gram/detail/part_times_columns.hpp"

namespace widelimit::gram {
namespace {

/// Leading dimension of the sums of a part. More than the side, a power of two, so that columns do
/// not fall on the same lines of a cache.
template <class Real>
constexpr Index sums_ld = part_side<Real> + 8;

/// Makes (where it must) and multiplies the parts of a batch, one thread each. The sums of a part
/// lie in its own memory: first its rows', then its columns'.
template <class Real>
struct BatchKernel {
  static constexpr Index side = part_side<Real>;

  std::optional<detail::PartWork<Real>> work;
  typename Points<Real>::Vector diagonal;
  Kernel which;
  MatrixPart<Real> const* parts;
  Index count;
  double const* x;
  Index ld, columns;
  double* sums;

  detail::PartPolicy policy(Exec const& exec) const {
    return work ? work->policy(exec, count) : detail::PartPolicy(exec, static_cast<int>(count), 1);
  }

  KOKKOS_FUNCTION void operator()(detail::PartMember const& team, Index& bad) const {
    auto const& part = parts[team.league_rank()];
    double* const to = sums + team.league_rank() * 2 * sums_ld<Real> * columns;
    for (Index k = 0; k < 2 * sums_ld<Real> * columns; ++k) to[k] = 0;
    if (part.entries != nullptr) return multiply(part, part.entries, part.ld, to);
    Real* const entries = work->product_of(team);
    bad += make(team, part, entries);
    multiply(part, entries, side, to);
  }

 private:
  void multiply(MatrixPart<Real> const& part, Real const* entries, Index ld_part,
                double* to) const {
    using From = detail::Columns<double const>;
    using To = detail::Columns<double>;
    From const at_rows{x + part.rows.begin, ld}, at_cols{x + part.cols.begin, ld};
    To const to_rows{to, sums_ld<Real>}, to_cols{to + sums_ld<Real> * columns, sums_ld<Real>};
    if (part.rows == part.cols) {
      detail::part_times_columns<false>(entries, ld_part, part.rows.size(), part.cols.size(),
                                        columns, at_cols, at_rows, to_rows, to_cols);
    } else {
      detail::part_times_columns<true>(entries, ld_part, part.rows.size(), part.cols.size(),
                                       columns, at_cols, at_rows, to_rows, to_cols);
    }
  }

  /// The entries take the place of the correlations they are made from. Returns how many are not
  /// finite.
  Index make(detail::PartMember const& team, MatrixPart<Real> const& part, Real* entries) const {
    detail::PartWork<Real> in_place = *work;
    (which == Kernel::nngp ? in_place.epilogue.nngp : in_place.epilogue.ntk) = entries;
    Range const rows = part.rows, cols = part.cols;
    bool const square = rows == cols;
    Index const bad = in_place(team, entries, rows, cols, square, 0, side);
    if (!square) return bad;
    for (Index i = 0; i < rows.size(); ++i) {
      entries[i * side + i] = diagonal(rows.begin + i);
      for (Index j = 0; j < i; ++j) entries[j * side + i] = entries[i * side + j];
    }
    return bad;
  }
};

/// The sums of a part that go to the rows from `begin` on.
struct Contribution {
  Index begin, size;
  double const* sums;
};

}  // namespace

template <class Real>
bool SymmetricProduct<Real>::add(Index count, std::function<MatrixPart<Real>(Index)> const& part,
                                 double const* x, double* y, Index ld, Index columns,
                                 std::function<bool()> const& go_on) const {
  Index const part_sums = 2 * sums_ld<Real> * columns;
  Index const threads = Exec().concurrency();
  constexpr Index sums_limit = Index{64} * 1024 * 1024;
  Index const part_bytes = part_sums * static_cast<Index>(sizeof(double));
  Index const batch = std::clamp(sums_limit / part_bytes, 4 * threads, 64 * threads);
  std::vector<double> sums(static_cast<std::size_t>(std::min(batch, count) * part_sums));
  std::vector<MatrixPart<Real>> parts;
  for (Index begin = 0; begin < count; begin += batch) {
    if (!go_on()) return false;
    parts.clear();
    for (Index k = begin; k < std::min(count, begin + batch); ++k) parts.push_back(part(k));
    add_batch(parts, x, y, ld, columns, sums);
  }
  return true;
}

template <class Real>
void SymmetricProduct<Real>::add_batch(std::vector<MatrixPart<Real>> const& parts, double const* x,
                                       double* y, Index ld, Index columns,
                                       std::vector<double>& sums) const {
  constexpr Index sums_rows = sums_ld<Real>;
  BatchKernel<Real> kernel{{}, {}, Kernel::ntk, parts.data(), static_cast<Index>(parts.size()),
                           x,  ld, columns,     sums.data()};
  if (maker_) {
    auto const& points = maker_->points;
    kernel.which = maker_->kernel;
    kernel.diagonal = kernel.which == Kernel::nngp ? points.nngp_diagonal : points.ntk_diagonal;
    kernel.work = detail::PartWork<Real>{
        detail::epilogue_of<Real>(maker_->program, points, points, nullptr, nullptr),
        part_side<Real>};
  }
  Exec const exec;
  Index bad = 0;
  Kokkos::parallel_reduce("widelimit::gram::part_products", kernel.policy(exec), kernel, bad);
  if (bad > 0) {
    throw InputError(fmt::format(
        "{} entries of the kernel of points {}..{} are not finite: the kernel overflows in {} "
        "precision; lower w_std, scale the inputs (data.inputs) or use precision: double",
        bad, parts.front().rows.begin, parts.back().rows.end,
        sizeof(Real) == 8 ? "double" : "single"));
  }

  std::vector<Contribution> contributions;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    double const* const from = sums.data() + k * static_cast<std::size_t>(2 * sums_rows * columns);
    contributions.push_back({parts[k].rows.begin, parts[k].rows.size(), from});
    if (parts[k].rows != parts[k].cols)
      contributions.push_back(
          {parts[k].cols.begin, parts[k].cols.size(), from + sums_rows * columns});
  }
  std::ranges::stable_sort(contributions, {}, &Contribution::begin);
  std::vector<std::size_t> groups;  // where the contributions to the same rows begin
  for (std::size_t k = 0; k < contributions.size(); ++k) {
    if (k == 0 || contributions[k].begin != contributions[k - 1].begin) groups.push_back(k);
  }
  auto const n_groups = static_cast<Index>(groups.size());
  groups.push_back(contributions.size());
  Kokkos::parallel_for("widelimit::gram::sum_parts",
                       Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, n_groups),
                       [&](Index group) {
                         for (auto k = groups[group]; k < groups[group + 1]; ++k) {
                           auto const& from = contributions[k];
                           for (Index c = 0; c < columns; ++c) {
                             double* const to = y + c * ld + from.begin;
                             for (Index i = 0; i < from.size; ++i)
                               to[i] += from.sums[c * sums_rows + i];
                           }
                         }
                       });
}

template class SymmetricProduct<float>;
template class SymmetricProduct<double>;

}  // namespace widelimit::gram

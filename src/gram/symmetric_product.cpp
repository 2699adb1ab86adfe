#include "widelimit/gram/symmetric_product.hpp"

#include <algorithm>

#include "widelimit/gram/tile_evaluator.hpp"
#include "widelimit/kernels/part_times_columns.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

#include "gram/detail/device_product.hpp"
#include "gram/detail/part.hpp"

namespace widelimit::gram {
namespace {

/// Leading dimension of the sums of a part. More than the side, a power of two, so that columns do
/// not fall on the same lines of a cache; whole lines, so that no vector lies across two.
template <class Real, class Sum>
constexpr Index sums_ld = part_side<Real> + kernels::lanes<Sum>;

/// Columns in host memory, each beginning with a line of cache.
template <class Sum>
using Block = Kokkos::View<Sum**, Kokkos::LayoutLeft, Kokkos::HostSpace>;

template <class Sum>
Block<Sum> make_block(Index rows, Index columns) {
  return Block<Sum>(Kokkos::view_alloc("widelimit::gram::columns", Kokkos::WithoutInitializing),
                    rows, columns);
}

/// X in the precision of the sums.
template <class Sum>
Block<Sum> rounded(double const* x, Index ld, Index columns) {
  constexpr Index lanes = kernels::lanes<Sum>;
  Block<Sum> to = make_block<Sum>((ld + lanes - 1) / lanes * lanes, columns);
  for (Index c = 0; c < columns; ++c)
    for (Index i = 0; i < ld; ++i) to(i, c) = static_cast<Sum>(x[c * ld + i]);
  return to;
}

/// Makes (where it must) and multiplies the parts of a batch, one thread each. The sums of a part
/// lie in its own memory: first its rows', then its columns'.
template <class Real, class Sum>
struct BatchKernel {
  static constexpr Index side = part_side<Real>;

  std::optional<detail::PartWork<Real>> work;
  typename Points<Real>::Vector diagonal;
  Kernel which = Kernel::ntk;
  MatrixPart<Real> const* parts = nullptr;
  Index count = 0;
  Sum const* x = nullptr;
  Index x_ld = 0, columns = 0;
  Sum* sums = nullptr;

  detail::PartPolicy policy(HostExec const& exec) const {
    if (work) return work->policy(exec, count);
    // A few neighbours to a thread, as what is fetched ahead of a part's end is the next one.
    return detail::PartPolicy(exec, static_cast<int>(count), 1).set_chunk_size(4);
  }

  void operator()(detail::PartMember const& team, Index& bad) const {
    auto const& part = parts[team.league_rank()];
    Sum* const to = sums + team.league_rank() * 2 * sums_ld<Real, Sum> * columns;
    for (Index k = 0; k < 2 * sums_ld<Real, Sum> * columns; ++k) to[k] = 0;
    if constexpr (std::is_same_v<Real, float> && std::is_same_v<Sum, double>) {
      if (part.remainders != nullptr) {
        return multiply(part, kernels::SplitEntries{part.entries, part.remainders}, part.ld, to);
      }
    }
    if (part.entries != nullptr) return multiply(part, part.entries, part.ld, to);
    if constexpr (kernels::exec_is_host) {
      Real* const entries = work->product_of(team);
      bad += make(team, part, entries);
      multiply(part, entries, side, to);
    }
  }

 private:
  template <class Entries>
  void multiply(MatrixPart<Real> const& part, Entries entries, Index ld_part, Sum* to) const {
    using From = kernels::Columns<Sum const>;
    using To = kernels::Columns<Sum>;
    From const at_rows{x + part.rows.begin, x_ld}, at_cols{x + part.cols.begin, x_ld};
    To const to_rows{to, sums_ld<Real, Sum>},
        to_cols{to + sums_ld<Real, Sum> * columns, sums_ld<Real, Sum>};
    if (part.rows == part.cols) {
      kernels::part_times_columns<kernels::PartPass::rows>(entries, ld_part, part.rows.size(),
                                                           part.cols.size(), columns, at_cols,
                                                           at_rows, to_rows, to_cols);
    } else {
      kernels::part_times_columns<kernels::PartPass::both>(entries, ld_part, part.rows.size(),
                                                           part.cols.size(), columns, at_cols,
                                                           at_rows, to_rows, to_cols);
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
template <class Sum>
struct Contribution {
  Index begin, size;
  Sum const* sums;
};

/// Networks with positions make parts by tiles: each is the work of all threads.
template <class Real>
void make_by_tiles(PartMaker<Real> const& maker, std::vector<MatrixPart<Real>>& parts,
                   std::vector<Real>& entries) {
  constexpr Index side = part_side<Real>;
  bool const nngp = maker.kernel == Kernel::nngp;
  TileEvaluator<Real> const evaluate(maker.program, maker.points, maker.points, only(maker.kernel));
  entries.resize(parts.size() * static_cast<std::size_t>(side * side));
  Real* to = entries.data();
  for (auto& part : parts) {
    if (part.entries != nullptr) continue;
    evaluate(part.rows, part.cols, nngp ? to : nullptr, nngp ? nullptr : to, side);
    part.entries = to;
    part.ld = side;
    to += side * side;
  }
}

/// The product, one batch of parts after the other.
template <class Real, class Sum>
class Batches {
 public:
  Batches(std::optional<PartMaker<Real>> const& maker, double const* x, Index ld, Index columns,
          Index count)
      : x_(rounded<Sum>(x, ld, columns)), ld_(ld), columns_(columns) {
    constexpr Index limit = Index{64} * 1024 * 1024;
    Index const threads = HostExec().concurrency();
    Index const part_sums = 2 * sums_ld<Real, Sum> * columns;
    size_ = std::clamp(limit / (part_sums * static_cast<Index>(sizeof(Sum))), 4 * threads,
                       64 * threads);
    sums_ = make_block<Sum>(part_sums, std::min(size_, count));
    kernel_.x = x_.data();
    kernel_.x_ld = static_cast<Index>(x_.extent(0));
    kernel_.columns = columns;
    kernel_.sums = sums_.data();
    if (!maker || maker->program.positions) return;
    auto const& points = maker->points;
    kernel_.which = maker->kernel;
    kernel_.diagonal = maker->kernel == Kernel::nngp ? points.nngp_diagonal : points.ntk_diagonal;
    kernel_.work = detail::PartWork<Real>{
        detail::epilogue_of<Real>(maker->program, points, points, nullptr, nullptr),
        part_side<Real>};
  }

  Index size() const { return size_; }

  void add(std::vector<MatrixPart<Real>> const& parts, double* y) {
    multiply(parts);
    auto const contributions = contributions_of(parts);
    std::vector<std::size_t> groups;  // where the contributions to the same rows begin
    for (std::size_t k = 0; k < contributions.size(); ++k) {
      if (k == 0 || contributions[k].begin != contributions[k - 1].begin) groups.push_back(k);
    }
    auto const n_groups = static_cast<Index>(groups.size());
    groups.push_back(contributions.size());
    Kokkos::parallel_for("widelimit::gram::sum_parts", Kokkos::RangePolicy<HostExec>(0, n_groups),
                         [&](Index group) {
                           for (auto k = groups[group]; k < groups[group + 1]; ++k)
                             add(contributions[k], y);
                         });
  }

 private:
  static constexpr Index sums_rows = sums_ld<Real, Sum>;

  void multiply(std::vector<MatrixPart<Real>> const& parts) {
    kernel_.parts = parts.data();
    kernel_.count = static_cast<Index>(parts.size());
    Index bad = 0;
    Kokkos::parallel_reduce("widelimit::gram::part_products", kernel_.policy(HostExec()), kernel_,
                            bad);
    if (bad == 0) return;
    throw InputError(fmt::format(
        "{} entries of the kernel of points {}..{} are not finite: the kernel overflows in {} "
        "precision; lower w_std, scale the inputs (data.inputs) or use precision: double",
        bad, parts.front().rows.begin, parts.back().rows.end,
        sizeof(Real) == 8 ? "double" : "single"));
  }

  /// In an order that depends on the parts alone.
  std::vector<Contribution<Sum>> contributions_of(
      std::vector<MatrixPart<Real>> const& parts) const {
    std::vector<Contribution<Sum>> all;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      Range const rows = parts[k].rows, cols = parts[k].cols;
      Sum const* const from = &sums_(0, k);
      all.push_back({rows.begin, rows.size(), from});
      if (rows != cols) all.push_back({cols.begin, cols.size(), from + sums_rows * columns_});
    }
    std::ranges::stable_sort(all, {}, &Contribution<Sum>::begin);
    return all;
  }

  void add(Contribution<Sum> const& from, double* y) const {
    for (Index c = 0; c < columns_; ++c) {
      double* const to = y + c * ld_ + from.begin;
      for (Index i = 0; i < from.size; ++i) to[i] += from.sums[c * sums_rows + i];
    }
  }

  Block<Sum> x_, sums_;
  Index ld_, columns_, size_;
  BatchKernel<Real, Sum> kernel_{};
};

template <class Sum, class Real>
bool add_all(std::optional<PartMaker<Real>> const& maker, Index count,
             std::function<MatrixPart<Real>(Index)> const& part, double const* x, double* y,
             Index ld, Index columns, std::function<bool()> const& go_on) {
  Batches<Real, Sum> batches(maker, x, ld, columns, count);
  std::vector<MatrixPart<Real>> parts;
  std::vector<Real> made;
  for (Index begin = 0; begin < count; begin += batches.size()) {
    if (!go_on()) return false;
    parts.clear();
    for (Index k = begin; k < std::min(count, begin + batches.size()); ++k)
      parts.push_back(part(k));
    if (maker && maker->program.positions) make_by_tiles(*maker, parts, made);
    batches.add(parts, y);
  }
  return true;
}

}  // namespace

template <class Real>
bool SymmetricProduct<Real>::add(Index count, std::function<MatrixPart<Real>(Index)> const& part,
                                 double const* x, double* y, Index ld, Index columns, PartSums sums,
                                 std::function<bool()> const& go_on) const {
  if constexpr (!kernels::exec_is_host) {
    if (maker_) return detail::add_on_device(*maker_, count, part, x, y, ld, columns, sums, go_on);
  }
  return sums == PartSums::exact
             ? add_all<double, Real>(maker_, count, part, x, y, ld, columns, go_on)
             : add_all<Real, Real>(maker_, count, part, x, y, ld, columns, go_on);
}

template class SymmetricProduct<float>;
template class SymmetricProduct<double>;

}  // namespace widelimit::gram

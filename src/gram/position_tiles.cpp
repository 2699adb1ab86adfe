#include "gram/detail/position_tiles.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

#include "gram/detail/table_filler.hpp"

namespace widelimit::gram::detail {
namespace {

/// Memory for the numbers of points that one evaluation keeps at most.
constexpr double table_bytes = 256.0 * 1024 * 1024;

using Policy = Kokkos::TeamPolicy<Exec>;
using Member = Policy::member_type;

/// Runs f(number, memory of a task) for numbers below `count`, each thread as it comes; an error of
/// any is thrown when all are done.
template <class Real, class F>
void for_each_task(Index count, Kokkos::View<Real*, Exec> const& tasks, F const& f) {
  int const threads = Exec().concurrency();
  Index const size = static_cast<Index>(tasks.extent(0)) / threads;
  Index next = 0;
  std::exception_ptr error;
  std::mutex mutex;
  Kokkos::parallel_for("widelimit::gram::fill_tables",
                       Kokkos::RangePolicy<Kokkos::DefaultHostExecutionSpace>(0, threads),
                       [&](Index thread) {
                         for (;;) {
                           Index const number = Kokkos::atomic_fetch_add(&next, Index{1});
                           if (number >= count) return;
                           try {
                             f(number, tasks.data() + thread * size);
                           } catch (...) {
                             std::lock_guard const guard(mutex);
                             error = std::current_exception();
                           }
                         }
                       });
  if (error) std::rethrow_exception(error);
}

template <class Real>
std::vector<Index> pack_numbers(Range range, Index pack) {
  constexpr int lanes = kernels::pack_lanes<Real>;
  std::vector<Index> numbers;
  for (Index i = range.begin + pack * lanes;
       i < std::min(range.end, range.begin + (pack + 1) * lanes); ++i)
    numbers.push_back(i);
  return numbers;
}

template <class Real>
void reserve(Kokkos::View<Real*, Exec>& view, char const* label, Index size) {
  if (static_cast<Index>(view.extent(0)) >= size) return;
  view = {};  // both at once may be too much
  view =
      Kokkos::View<Real*, Exec>(Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing),
                                static_cast<std::size_t>(size));
}

/// Does nothing where the block holds the range already.
template <class Real>
void fill_block(BoundPositions<Real> const& bound, Points<Real> const& points, Range range,
                bool as_rows, Kokkos::View<Real*, Exec> const& tasks, BlockTables<Real>& block) {
  constexpr int lanes = kernels::pack_lanes<Real>;
  if (block.points == &points && block.range == range) return;
  Index const slots = block.slots = bound.n_slots();
  block.points = nullptr;  // until it is whole
  block.range = range;
  reserve(block.packs, "widelimit::gram::col_tables", block.n_packs() * slots * lanes);
  if (as_rows) reserve(block.rows, "widelimit::gram::row_tables", range.size() * slots);
  for_each_task<Real>(block.n_packs(), tasks, [&](Index pack, Real* task) {
    Real* const table = block.packs.data() + pack * slots * lanes;
    auto const numbers = pack_numbers<Real>(range, pack);
    bound.fill_tables(points, numbers, table, task);
    if (!as_rows) return;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      Real* const row = block.rows.data() + (numbers[k] - range.begin) * slots;
      for (Index s = 0; s < slots; ++s) row[s] = table[s * lanes + static_cast<Index>(k)];
    }
  });
  block.points = &points;
}

/// One pack of pairs after the other: a row of `rows` with a pack of columns.
template <class Real>
struct PairKernel {
  static constexpr int lanes = kernels::pack_lanes<Real>;

  kernels::PairProgram<Real> program;
  BlockTables<Real> rows, cols;
  bool same, lower_only;
  TileTarget<Real> target;  ///< entry (i, j) of points goes to (i - row_origin)·ld + j - col_origin
  Index row_origin, col_origin;
  Real* tasks;
  Index task_reals, count;
  Index* next;

  KOKKOS_FUNCTION void operator()(Member const& team, Index& bad) const {
    Real* const task = tasks + team.league_rank() * task_reals;
    for (;;) {
      Index number = 0;
      Kokkos::single(
          Kokkos::PerTeam(team),
          [&](Index& mine) { mine = Kokkos::atomic_fetch_add(next, Index{1}); }, number);
      if (number >= count) return;
      // All rows for the same columns, whose numbers stay in cache.
      Index const i = number % rows.range.size(), pack = number / rows.range.size();
      Index const row = rows.range.begin + i, col = cols.range.begin + pack * lanes;
      if (lower_only && col > row) continue;
      bad += pair(team, task, i, pack, row, col);
    }
  }

  KOKKOS_FUNCTION Index pair(Member const& team, Real* task, Index i, Index pack, Index row,
                             Index col) const {
    Real is_same[lanes];
    kernels::for_pack<Real>(team, [&](int k) {
      is_same[k] = same && row == Kokkos::min(col + k, cols.range.end - 1) ? Real(1) : Real(0);
    });
    kernels::PackTables<Real, false> const tables{
        rows.rows.data() + i * rows.slots, cols.packs.data() + pack * cols.slots * lanes, is_same};
    auto const memory = program.memory(task);
    program.run(team, tables, memory);
    auto const& tensor = program.tensors[program.output];
    Real const* const d = memory.tensors + tensor.offset * lanes;
    Real const* const t = d + tensor.cells * lanes;
    Real const h_row = tables.row[program.output_slot];
    Real const* const h_col = tables.of_col(program.output_slot);
    auto const n = static_cast<int>(Kokkos::min(Index{lanes}, cols.range.end - col));
    Index const at = (row - row_origin) * target.ld + col - col_origin;
    Real* const nngp = target.nngp == nullptr ? nullptr : target.nngp + at;
    Real* const ntk = target.ntk == nullptr ? nullptr : target.ntk + at;
    return kernels::count_lanes(team, n, [=](int k) {
      Real const kernel = h_row + h_col[k] - d[k], tangent = t[k];
      if (nngp != nullptr) nngp[k] = kernel;
      if (ntk != nullptr) ntk[k] = tangent;
      return !(Kokkos::fabs(kernel) + Kokkos::fabs(tangent) <=
               Kokkos::Experimental::finite_max_v<Real>);
    });
  }
};

}  // namespace

template <class Real>
Index evaluate_positions(BoundPositions<Real> const& bound, Points<Real> const& row_points,
                         Points<Real> const& col_points, bool same, Range rows, Range cols,
                         bool lower_only, TileTarget<Real> const& target,
                         PositionWorkspace<Real>& workspace) {
  reserve(workspace.tasks, "widelimit::gram::tasks", bound.task_reals() * Exec().concurrency());
  auto const& tasks = workspace.tasks;
  double const bytes = 3.0 * sizeof(Real) * static_cast<double>(bound.n_slots());
  Index const block = std::max<Index>(kernels::pack_lanes<Real>,
                                      static_cast<Index>(table_bytes / bytes) /
                                          kernels::pack_lanes<Real> * kernels::pack_lanes<Real>);
  int const teams = Exec().concurrency();
  Index bad = 0;
  for (Index i = rows.begin; i < rows.end; i += block) {
    Range const row_range{i, std::min(rows.end, i + block)};
    fill_block(bound, row_points, row_range, true, tasks, workspace.rows);
    for (Index j = cols.begin; j < cols.end; j += block) {
      Range const col_range{j, std::min(cols.end, j + block)};
      if (lower_only && col_range.begin >= row_range.end) break;
      bool const shared = same && row_range == col_range;
      if (!shared) fill_block(bound, col_points, col_range, false, tasks, workspace.cols);
      auto const& of_rows = workspace.rows;
      auto const& of_cols = shared ? workspace.rows : workspace.cols;
      Kokkos::View<Index, Exec> const next("widelimit::gram::next_pair");
      PairKernel<Real> const kernel{bound.program(),
                                    of_rows,
                                    of_cols,
                                    same,
                                    lower_only,
                                    target,
                                    rows.begin,
                                    cols.begin,
                                    tasks.data(),
                                    bound.task_reals(),
                                    row_range.size() * of_cols.n_packs(),
                                    next.data()};
      Index bad_here = 0;
      Kokkos::parallel_reduce("widelimit::gram::pairs", Policy(teams, 1), kernel, bad_here);
      bad += bad_here;
    }
  }
  return bad;
}

template <class Real>
Diagonals<Real> diagonals_of_positions(BoundPositions<Real> const& bound,
                                       Points<Real> const& points) {
  constexpr int lanes = kernels::pack_lanes<Real>;
  Kokkos::View<Real*, Exec> const tasks(
      Kokkos::view_alloc("widelimit::gram::tasks", Kokkos::WithoutInitializing),
      static_cast<std::size_t>(bound.task_reals() * Exec().concurrency()));
  auto const program = bound.program();
  Range const all{0, points.n};
  auto const n = static_cast<std::size_t>(points.n);
  Diagonals<Real> result{std::vector<double>(n), std::vector<double>(n)};
  for_each_task<Real>((points.n + lanes - 1) / lanes, tasks, [&](Index pack, Real* task) {
    auto const numbers = pack_numbers<Real>(all, pack);
    std::vector<Real> table(static_cast<std::size_t>(bound.n_slots() * lanes));
    bound.fill_tables(points, numbers, table.data(), task);
    std::vector<Real> const same(lanes, Real(1));
    auto const memory = program.memory(task);
    program.run(HostMember{},
                kernels::PackTables<Real, true>{table.data(), table.data(), same.data()}, memory);
    auto const& tensor = program.tensors[program.output];
    Real const* const d = memory.tensors + tensor.offset * lanes;
    Real const* const t = d + tensor.cells * lanes;
    Real const* const h = table.data() + program.output_slot * lanes;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      result.nngp[static_cast<std::size_t>(numbers[k])] = 2 * h[k] - d[k];
      result.ntk[static_cast<std::size_t>(numbers[k])] = t[k];
    }
  });
  return result;
}

template Index evaluate_positions(BoundPositions<float> const&, Points<float> const&,
                                  Points<float> const&, bool, Range, Range, bool,
                                  TileTarget<float> const&, PositionWorkspace<float>&);
template Index evaluate_positions(BoundPositions<double> const&, Points<double> const&,
                                  Points<double> const&, bool, Range, Range, bool,
                                  TileTarget<double> const&, PositionWorkspace<double>&);
template Diagonals<float> diagonals_of_positions(BoundPositions<float> const&,
                                                 Points<float> const&);
template Diagonals<double> diagonals_of_positions(BoundPositions<double> const&,
                                                  Points<double> const&);

}  // namespace widelimit::gram::detail

#include "gram/detail/position_tiles.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

#include "gram/detail/reserve.hpp"
#include "gram/detail/table_filler.hpp"

namespace widelimit::gram::detail {
namespace {

/// Memory for the numbers of points that one evaluation keeps at most.
constexpr double table_bytes = 256.0 * 1024 * 1024;
/// Memory of all teams of a GPU at most.
constexpr Index device_task_bytes = Index{2} * 1024 * 1024 * 1024;

using Policy = Kokkos::TeamPolicy<Exec>;
using Member = Policy::member_type;

/// Runs f(number, memory of a task) for numbers below `count`, each thread as it comes; an error of
/// any is thrown when all are done.
template <class Real, class F>
void for_each_task(Index count, Kokkos::View<Real*, HostExec> const& tasks, F const& f) {
  int const threads = HostExec().concurrency();
  Index const size = static_cast<Index>(tasks.extent(0)) / threads;
  Index next = 0;
  std::exception_ptr error;
  std::mutex mutex;
  Kokkos::parallel_for("widelimit::gram::fill_tables", Kokkos::RangePolicy<HostExec>(0, threads),
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

/// Of the teams that work on pairs: one for each thread of the host; on a GPU as many warps as find
/// room for their memory.
template <class Real>
Index n_teams(BoundPositions<Real> const& bound) {
  Index const threads = Exec().concurrency();
  if constexpr (kernels::exec_is_host) return threads;
  Index const bytes = bound.task_reals() * static_cast<Index>(sizeof(Real));
  return std::clamp<Index>(device_task_bytes / bytes, 1, threads / kernels::pack_lanes<Real>);
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

/// Does nothing where the block holds the range already.
template <class Real>
void fill_block(BoundPositions<Real> const& bound, Points<Real> const& points, Range range,
                bool as_rows, Kokkos::View<Real*, HostExec> const& tasks,
                BlockTables<Real>& block) {
  constexpr int lanes = kernels::pack_lanes<Real>;
  if (block.points == &points && block.range == range) return;
  Index const slots = block.slots = bound.n_slots();
  block.points = nullptr;  // until it is whole
  block.range = range;
  reserve(block.packs, "widelimit::gram::col_tables", block.n_packs() * slots * lanes);
  if (as_rows) reserve(block.rows, "widelimit::gram::row_tables", range.size() * slots);
  auto const packs = Kokkos::create_mirror_view(block.packs);
  auto const rows = Kokkos::create_mirror_view(block.rows);
  for_each_task<Real>(block.n_packs(), tasks, [&](Index pack, Real* task) {
    Real* const table = packs.data() + pack * slots * lanes;
    auto const numbers = pack_numbers<Real>(range, pack);
    bound.fill_tables(points, numbers, table, task);
    if (!as_rows) return;
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      Real* const row = rows.data() + (numbers[k] - range.begin) * slots;
      for (Index s = 0; s < slots; ++s) row[s] = table[s * lanes + static_cast<Index>(k)];
    }
  });
  Kokkos::deep_copy(block.packs, packs);
  Kokkos::deep_copy(block.rows, rows);
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
  BadEntries::Counter bad;

  Policy policy(Index teams) const {
    return Policy(static_cast<int>(std::min(teams, count)), kernels::exec_is_host ? 1 : lanes);
  }

  KOKKOS_FUNCTION void operator()(Member const& team) const {
    Real* const task = tasks + team.league_rank() * task_reals;
    Index found = 0;
    for (;;) {
      Index number = 0;
      Kokkos::single(
          Kokkos::PerTeam(team),
          [&](Index& mine) { mine = Kokkos::atomic_fetch_add(next, Index{1}); }, number);
      if (number >= count) break;
      // All rows for the same columns, whose numbers stay in cache.
      Index const i = number % rows.range.size(), pack = number / rows.range.size();
      Index const row = rows.range.begin + i, col = cols.range.begin + pack * lanes;
      if (lower_only && col > row) continue;
      found += pair(team, task, i, pack, row, col);
    }
    count_bad(bad, found);
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
void evaluate_positions(BoundPositions<Real> const& bound, Points<Real> const& row_points,
                        Points<Real> const& col_points, bool same, Range rows, Range cols,
                        bool lower_only, TileTarget<Real> const& target, BadEntries const& bad,
                        PositionWorkspace<Real>& workspace) {
  reserve(workspace.host_tasks, "widelimit::gram::host_tasks",
          bound.task_reals() * HostExec().concurrency());
  auto const& host_tasks = workspace.host_tasks;
  Index const teams = n_teams(bound);
  if constexpr (kernels::exec_is_host) {
    workspace.tasks = host_tasks;
  } else {
    reserve(workspace.tasks, "widelimit::gram::tasks", bound.task_reals() * teams);
  }
  double const bytes = 3.0 * sizeof(Real) * static_cast<double>(bound.n_slots());
  Index const block = std::max<Index>(kernels::pack_lanes<Real>,
                                      static_cast<Index>(table_bytes / bytes) /
                                          kernels::pack_lanes<Real> * kernels::pack_lanes<Real>);
  for (Index i = rows.begin; i < rows.end; i += block) {
    Range const row_range{i, std::min(rows.end, i + block)};
    fill_block(bound, row_points, row_range, true, host_tasks, workspace.rows);
    for (Index j = cols.begin; j < cols.end; j += block) {
      Range const col_range{j, std::min(cols.end, j + block)};
      if (lower_only && col_range.begin >= row_range.end) break;
      bool const shared = same && row_range == col_range;
      if (!shared) fill_block(bound, col_points, col_range, false, host_tasks, workspace.cols);
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
                                    workspace.tasks.data(),
                                    bound.task_reals(),
                                    row_range.size() * of_cols.n_packs(),
                                    next.data(),
                                    bad.counter()};
      Kokkos::parallel_for("widelimit::gram::pairs", kernel.policy(teams), kernel);
    }
  }
}

template <class Real>
Diagonals<Real> diagonals_of_positions(BoundPositions<Real> const& bound,
                                       Points<Real> const& points) {
  constexpr int lanes = kernels::pack_lanes<Real>;
  Kokkos::View<Real*, HostExec> const tasks(
      Kokkos::view_alloc("widelimit::gram::host_tasks", Kokkos::WithoutInitializing),
      static_cast<std::size_t>(bound.task_reals() * HostExec().concurrency()));
  auto const program = bound.host_program();
  Range const all{0, points.n};
  auto const n = static_cast<std::size_t>(points.n);
  Diagonals<Real> result{std::vector<double>(n), std::vector<double>(n)};
  for_each_task<Real>((points.n + lanes - 1) / lanes, tasks, [&](Index pack, Real* task) {
    auto const numbers = pack_numbers<Real>(all, pack);
    std::vector<Real> table(static_cast<std::size_t>(bound.n_slots() * lanes));
    bound.fill_tables(points, numbers, table.data(), task);
    std::vector<Real> const same(lanes, Real(1));
    auto const memory = program.memory(task);
    program.run(kernels::HostMember{},
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

template void evaluate_positions(BoundPositions<float> const&, Points<float> const&,
                                 Points<float> const&, bool, Range, Range, bool,
                                 TileTarget<float> const&, BadEntries const&,
                                 PositionWorkspace<float>&);
template void evaluate_positions(BoundPositions<double> const&, Points<double> const&,
                                 Points<double> const&, bool, Range, Range, bool,
                                 TileTarget<double> const&, BadEntries const&,
                                 PositionWorkspace<double>&);
template Diagonals<float> diagonals_of_positions(BoundPositions<float> const&,
                                                 Points<float> const&);
template Diagonals<double> diagonals_of_positions(BoundPositions<double> const&,
                                                  Points<double> const&);

}  // namespace widelimit::gram::detail

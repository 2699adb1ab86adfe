#include "interpreter/detail/elementwise.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/program/code.hpp"

namespace widelimit::interpreter::detail {
namespace {

using Exec = Kokkos::DefaultHostExecutionSpace;
using Policy = Kokkos::TeamPolicy<Exec>;
using program::block_rows;
using program::Code;

/// ψ on blocks of rows of one column in one lane; where there are copies, its average over all rows
/// of each.
template <class Real>
struct PsiKernel {
  using Scratch = Kokkos::View<Real*, typename Exec::scratch_memory_space,
                               Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  static constexpr int max_arguments = Code<Real>::max_arguments;

  Code<Real> code;
  Kokkos::Array<Columns<Real>, max_arguments> vectors;
  Columns<Real> scalars;                              ///< scalars x columns
  Kokkos::View<Index* [2], Kokkos::HostSpace> lanes;  ///< first row and end of each
  Columns<Real> out;                                  ///< no columns: means are asked for
  Kokkos::View<double**, Kokkos::LayoutRight, Kokkos::HostSpace> sums;  ///< lanes x columns
  int order = 0;
  int n_copied = 0;  ///< the first scalars are rows of `copied`, of the copy `copies`
  Kokkos::Array<Columns<Real>, max_arguments> copied;
  Kokkos::Array<int, max_arguments> copies;

  std::size_t scratch_size() const {
    return static_cast<std::size_t>((code.n_registers + 2) * block_rows);
  }

  KOKKOS_FUNCTION void operator()(typename Policy::member_type const& team) const {
    auto const columns = static_cast<Index>(scalars.extent(1));
    Index const lane = team.league_rank() / columns, column = team.league_rank() % columns;
    Scratch const registers(team.team_scratch(0), scratch_size());
    Real* const block = registers.data() + Index{code.n_registers} * block_rows;
    typename Code<Real>::Uniforms uniforms;
    code.prepare(&scalars(0, column), uniforms);
    bool const stores = out.extent(1) > 0;
    double sum = 0;
    for (Index row = lanes(lane, 0); row < lanes(lane, 1); row += block_rows) {
      int const n = static_cast<int>(Kokkos::min<Index>(block_rows, lanes(lane, 1) - row));
      Real const* pointers[max_arguments];
      for (int k = 0; k < code.n_vectors; ++k)
        pointers[k] = &vectors[k](row, vectors[k].extent(1) == 1 ? 0 : column);
      Real* const to = stores ? &out(row, column) : block;
      if (order == 0)
        code.run(team, n, pointers, uniforms, registers.data(), block_rows, to);
      else
        average(team, n, pointers, registers.data(), column, to);
      if (stores) continue;
      for (int k = 0; k < n; ++k) sum += static_cast<double>(block[k]);
    }
    if (!stores) sums(lane, column) = sum;
  }

  /// Over all rows β1 … βr, the last of them averaged first, so that sums stay of one size.
  KOKKOS_FUNCTION void average(typename Policy::member_type const& team, int n,
                               Real const* const* pointers, Real* registers, Index column,
                               Real* to) const {
    Real* const term = registers + Index{code.n_registers + 1} * block_rows;
    double total[block_rows] = {};
    Real arguments[max_arguments];
    for (int k = 0; k < code.n_scalars; ++k) arguments[k] = scalars(k, column);
    auto const count = static_cast<Index>(copied[0].extent(0));
    double weight = 1;
    Index tuples = 1;
    for (int s = 0; s < order; ++s) {
      tuples *= count;
      weight /= static_cast<double>(count);
    }
    typename Code<Real>::Uniforms uniforms;
    for (Index tuple = 0; tuple < tuples; ++tuple) {
      for (int k = 0; k < n_copied; ++k) {
        Index row = tuple;
        for (int s = 1; s < copies[k]; ++s) row /= count;
        arguments[k] = copied[k](row % count, copied[k].extent(1) == 1 ? 0 : column);
      }
      code.prepare(arguments, uniforms);
      code.run(team, n, pointers, uniforms, registers, block_rows, term);
      for (int k = 0; k < n; ++k) total[k] += static_cast<double>(term[k]);
    }
    for (int k = 0; k < n; ++k) to[k] = static_cast<Real>(weight * total[k]);
  }
};

template <class Real>
Columns<Real> scalar_columns(std::vector<Small> const& scalars, Index columns, Index before) {
  auto const count = static_cast<Index>(scalars.size());
  Columns<Real> values("widelimit::interpreter::scalars", std::max<Index>(1, before + count),
                       columns);
  for (Index k = 0; k < count; ++k) {
    Small const& scalar = scalars[static_cast<std::size_t>(k)];
    for (Index c = 0; c < columns; ++c)
      values(before + k, c) = static_cast<Real>(scalar(0, scalar.cols() == 1 ? 0 : c));
  }
  return values;
}

/// A kernel without copies, `before` of whose scalars are left open.
template <class Real>
PsiKernel<Real> make_kernel(Particles const& particles, program::Expression const& psi,
                            Arguments<Real> const& arguments, Index before = 0) {
  PsiKernel<Real> kernel;
  kernel.code =
      program::compile<Real>(psi, static_cast<int>(arguments.vectors.size()),
                             static_cast<int>(before) + static_cast<int>(arguments.scalars.size()));
  std::ranges::copy(arguments.vectors, kernel.vectors.data());
  kernel.scalars = scalar_columns<Real>(arguments.scalars, arguments.columns, before);
  Index const lanes = particles.local_lanes();
  kernel.lanes = decltype(kernel.lanes)("widelimit::interpreter::lane_bounds", lanes);
  for (Index lane = 0; lane < lanes; ++lane) {
    Range const rows = particles.local_lane(lane);
    kernel.lanes(lane, 0) = rows.begin;
    kernel.lanes(lane, 1) = rows.end;
  }
  return kernel;
}

template <class Real>
void launch(PsiKernel<Real> const& kernel) {
  auto const bytes = PsiKernel<Real>::Scratch::shmem_size(kernel.scratch_size());
  auto const teams = static_cast<int>(kernel.lanes.extent(0) * kernel.scalars.extent(1));
  Kokkos::parallel_for(
      "widelimit::interpreter::psi",
      Policy(teams, 1).set_scratch_size(0, Kokkos::PerTeam(static_cast<int>(bytes))), kernel);
}

}  // namespace

template <class Real>
void evaluate(Particles const& particles, program::Expression const& psi,
              Arguments<Real> const& arguments, Columns<Real> const& out) {
  auto kernel = make_kernel(particles, psi, arguments);
  kernel.out = out;
  launch(kernel);
}

template <class Real>
Small mean(Particles const& particles, program::Expression const& psi,
           Arguments<Real> const& arguments) {
  auto kernel = make_kernel(particles, psi, arguments);
  Index const lanes = particles.local_lanes();
  kernel.sums = decltype(kernel.sums)("widelimit::interpreter::sums", std::max<Index>(1, lanes),
                                      arguments.columns);
  launch(kernel);
  std::vector<double> sums(kernel.sums.data(), kernel.sums.data() + kernel.sums.size());
  particles.sum(sums, arguments.columns);
  Small result(1, arguments.columns);
  for (Index c = 0; c < arguments.columns; ++c)
    result(0, c) = sums[static_cast<std::size_t>(c)] / static_cast<double>(particles.count());
  return result;
}

template <class Real>
void evaluate_outer(Particles const& particles, program::Expression const& psi, int order,
                    std::vector<int> const& copies, Arguments<Real> const& arguments,
                    Columns<Real> const& out) {
  // Vectors read at α stay vectors; those read at a copy become scalars, before the others.
  auto const own = static_cast<int>(std::ranges::count(copies, 0));
  Arguments<Real> at_row{{}, arguments.scalars, arguments.columns};
  std::vector<program::Expression> positions;
  std::vector<Columns<Real>> copied;
  std::vector<int> copy_of;
  for (std::size_t k = 0; k < copies.size(); ++k) {
    auto const& x = arguments.vectors[k];
    if (copies[k] == 0) {
      positions.push_back(program::Expression::argument(static_cast<int>(at_row.vectors.size())));
      at_row.vectors.push_back(x);
      continue;
    }
    positions.push_back(program::Expression::argument(own + static_cast<int>(copied.size())));
    copied.emplace_back("widelimit::interpreter::whole", particles.count(), x.extent(1));
    particles.gather(x.data(), particles.local_count(), static_cast<Index>(x.extent(1)),
                     copied.back().data());
    copy_of.push_back(copies[k]);
  }
  int const before = own + static_cast<int>(copied.size());
  for (std::size_t k = 0; k < arguments.scalars.size(); ++k)
    positions.push_back(program::Expression::argument(before + static_cast<int>(k)));

  auto kernel =
      make_kernel(particles, psi.substituted(positions), at_row, static_cast<Index>(copied.size()));
  kernel.out = make_columns<Real>(particles, arguments.columns);  // `out` may be read at a copy
  if (!copied.empty()) kernel.order = order;
  kernel.n_copied = static_cast<int>(copied.size());
  std::ranges::copy(copied, kernel.copied.data());
  std::ranges::copy(copy_of, kernel.copies.data());
  launch(kernel);
  Kokkos::deep_copy(out, kernel.out);
}

Small evaluate(program::Expression const& psi, std::vector<Small> const& scalars) {
  auto const code = program::compile<double>(psi, 0, static_cast<int>(scalars.size()));
  Index rows = 1, cols = 1;
  for (auto const& scalar : scalars) {
    rows = std::max(rows, scalar.rows());
    cols = std::max(cols, scalar.cols());
  }
  Small result(rows, cols);
  std::vector<double> arguments(std::max<std::size_t>(1, scalars.size()));
  program::Code<double>::Uniforms uniforms;
  for (Index j = 0; j < cols; ++j)
    for (Index i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < scalars.size(); ++k)
        arguments[k] = scalars[k](scalars[k].rows() == 1 ? 0 : i, scalars[k].cols() == 1 ? 0 : j);
      code.prepare(arguments.data(), uniforms);
      result(i, j) = uniforms.value[code.result.index];
    }
  return result;
}

template <class Real>
void combine(Particles const& particles, Columns<Real> const& x, std::vector<Index> const& start,
             std::vector<Index> const& index, std::vector<double> const& weight,
             Columns<Real> const& y) {
  particles.for_each_lane([&](Index, Range rows) {
    for (std::size_t j = 0; j + 1 < start.size(); ++j) {
      Real* const to = &y(0, static_cast<Index>(j));
      std::fill(to + rows.begin, to + rows.end, Real{0});
      for (Index k = start[j]; k < start[j + 1]; ++k) {
        Real const* const from = &x(0, index[static_cast<std::size_t>(k)]);
        auto const factor = static_cast<Real>(weight[static_cast<std::size_t>(k)]);
        for (Index i = rows.begin; i < rows.end; ++i) to[i] += factor * from[i];
      }
    }
  });
}

template <class Real>
bool all_finite(Particles const& particles, Columns<Real> const& x) {
  std::vector<Real> slots(static_cast<std::size_t>(std::max<Index>(1, particles.local_lanes())));
  particles.for_each_lane([&](Index slot, Range rows) {
    Real sum = 0;  // zero times what is not finite is not a number
    for (std::size_t c = 0; c < x.extent(1); ++c) {
      Real const* const column = &x(0, static_cast<Index>(c));
#pragma omp simd reduction(+ : sum)
      for (Index i = rows.begin; i < rows.end; ++i) sum += column[i] * Real{0};
    }
    slots[static_cast<std::size_t>(slot)] = sum;
  });
  return std::ranges::all_of(slots, [](Real value) { return value == 0; });
}

#define WIDELIMIT_INSTANTIATE(Real)                                                            \
  template void evaluate(Particles const&, program::Expression const&, Arguments<Real> const&, \
                         Columns<Real> const&);                                                \
  template Small mean(Particles const&, program::Expression const&, Arguments<Real> const&);   \
  template void evaluate_outer(Particles const&, program::Expression const&, int,              \
                               std::vector<int> const&, Arguments<Real> const&,                \
                               Columns<Real> const&);                                          \
  template void combine(Particles const&, Columns<Real> const&, std::vector<Index> const&,     \
                        std::vector<Index> const&, std::vector<double> const&,                 \
                        Columns<Real> const&);                                                 \
  template bool all_finite(Particles const&, Columns<Real> const&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)
#undef WIDELIMIT_INSTANTIATE

}  // namespace widelimit::interpreter::detail

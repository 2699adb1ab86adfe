/// \file
/// An expression compiled to flat code that runs on blocks of rows.
///
/// Each operation is one vectorised loop over a block that stays in cache (scratch memory on a
/// GPU), so that the choice of the operation costs nothing beside its arithmetic. What does not
/// depend on a vector is computed once for a block.
#pragma once

#include <cstdint>
#include <type_traits>

#include <Kokkos_Core.hpp>

#include "widelimit/kernels/block_operations.hpp"
#include "widelimit/program/elementary_functions.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::program {

/// Where an operand of an operation stands.
enum class Place : std::uint8_t {
  vector,   ///< a vector argument: a pointer to a block of rows
  block,    ///< a register: a block of rows
  uniform,  ///< one number: a constant, a scalar argument, or a function of those
};

struct Operand {
  Place place = Place::uniform;
  std::uint8_t index = 0;
};

struct Operation {
  std::uint8_t function = 0;
  std::uint8_t out = 0;  ///< register, or uniform
  Operand a, b;
};

/// Rows in a block: registers of this length in double precision fit into the first-level cache.
inline constexpr int block_rows = 256;

/// Compiled code; copied into kernels by value.
template <class Real>
struct Code {
  static constexpr int max_operations = 160, max_registers = 24, max_uniforms = 96,
                       max_arguments = 64;

  int n_vectors = 0, n_scalars = 0;
  int n_uniforms = 0;  ///< constants, scalar arguments, then results
  int n_constants = 0;
  int n_uniform_operations = 0;  ///< the first of `operations`
  int n_operations = 0;
  int n_registers = 0;
  Operand result;
  Operation operations[max_operations] = {};
  Real constants[max_uniforms] = {};

  /// What depends on no vector, for one column.
  struct Uniforms {
    Real value[max_uniforms];
  };

  /// \param scalars  the scalar arguments of one column
  KOKKOS_FUNCTION void prepare(Real const* scalars, Uniforms& uniforms) const {
    Real* const u = uniforms.value;
    for (int k = 0; k < n_constants; ++k) u[k] = constants[k];
    for (int k = 0; k < n_scalars; ++k) u[n_constants + k] = scalars[k];
    for (int o = 0; o < n_uniform_operations; ++o) {
      Operation const op = operations[o];
      visit_function(op.function, [&]<class F>(F) {
        if constexpr (is_binary<F>)
          u[op.out] = F::value(u[op.a.index], u[op.b.index]);
        else
          u[op.out] = F::value(u[op.a.index]);
      });
    }
  }

  /// out[k] = ψ(vectors[0][k], …; c) for k = 0 … n-1.
  /// \param vectors    pointer to a block of rows of each vector argument
  /// \param registers  scratch: n_registers blocks of `width` >= n numbers, uninitialised
  /// \param out        may be one of `vectors`
  template <class Member>
  KOKKOS_FUNCTION void run(Member const& team, int n, Real const* const* vectors,
                           Uniforms const& uniforms, Real* registers, int width, Real* out) const;
};

namespace detail {

// Loop bodies are structs: compilers inline and vectorise them also inside a large switch.

template <class F, class Real>
struct Unary {
  Real const* a;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = F::value(a[k]); }
};
template <class F, class Real>
struct BlockBlock {
  Real const *a, *b;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = F::value(a[k], b[k]); }
};
template <class F, class Real>
struct BlockUniform {
  Real const* a;
  Real b;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = F::value(a[k], b); }
};
template <class F, class Real>
struct UniformBlock {
  Real a;
  Real const* b;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = F::value(a, b[k]); }
};
template <class Real>
struct Fill {
  Real value;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = value; }
};
template <class Real>
struct Copy {
  Real const* a;
  Real* out;
  KOKKOS_FORCEINLINE_FUNCTION void operator()(int k) const { out[k] = a[k]; }
};

}  // namespace detail

template <class Real>
template <class Member>
KOKKOS_FUNCTION void Code<Real>::run(Member const& team, int n, Real const* const* vectors,
                                     Uniforms const& uniforms, Real* registers, int width,
                                     Real* out) const {
  auto const rows = [&](Operand operand) -> Real const* {
    return operand.place == Place::vector ? vectors[operand.index]
                                          : registers + Index{width} * operand.index;
  };
  for (int o = n_uniform_operations; o < n_operations; ++o) {
    Operation const op = operations[o];
    Real* const to = o + 1 == n_operations ? out : registers + Index{width} * op.out;
    bool const a_uniform = op.a.place == Place::uniform, b_uniform = op.b.place == Place::uniform;
    visit_function(op.function, [&]<class F>(F) {
      if constexpr (!is_binary<F>)
        kernels::for_each_lane(team, n, detail::Unary<F, Real>{rows(op.a), to});
      else if (a_uniform)
        kernels::for_each_lane(
            team, n, detail::UniformBlock<F, Real>{uniforms.value[op.a.index], rows(op.b), to});
      else if (b_uniform)
        kernels::for_each_lane(
            team, n, detail::BlockUniform<F, Real>{rows(op.a), uniforms.value[op.b.index], to});
      else
        kernels::for_each_lane(team, n, detail::BlockBlock<F, Real>{rows(op.a), rows(op.b), to});
    });
  }
  if (n_operations > n_uniform_operations) return;
  if (result.place == Place::uniform)
    kernels::for_each_lane(team, n, detail::Fill<Real>{uniforms.value[result.index], out});
  else
    kernels::for_each_lane(team, n, detail::Copy<Real>{rows(result), out});
}

/// Compiles ψ whose arguments 0 … n_vectors-1 are vectors and whose further ones are `n_scalars`
/// scalars. Local. Throws InputError when ψ needs more operations, registers or arguments than
/// Code holds: what to do is to split it over several instructions.
template <class Real>
Code<Real> compile(Expression const& psi, int n_vectors, int n_scalars);

extern template Code<double> compile<double>(Expression const&, int, int);
extern template Code<float> compile<float>(Expression const&, int, int);

static_assert(std::is_trivially_copyable_v<Code<double>>);

}  // namespace widelimit::program

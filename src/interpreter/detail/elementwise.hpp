/// \file
/// Element-wise functions on columns, and their means: one team for each lane and column.
#pragma once

#include <vector>

#include "widelimit/interpreter/column_block.hpp"
#include "widelimit/program/expression.hpp"

namespace widelimit::interpreter::detail {

/// What ψ is applied to. A vector has one column or `columns`, a scalar is 1 x 1 or 1 x columns.
template <class Real>
struct Arguments {
  std::vector<Columns<Real>> vectors;
  std::vector<Small> scalars;
  Index columns = 1;
};

/// out_α = ψ(vectors_α; scalars), column by column. `out` may be one of the vectors. Local.
template <class Real>
void evaluate(Particles const& particles, program::Expression const& psi,
              Arguments<Real> const& arguments, Columns<Real> const& out);

/// Mean of ψ over the particles, 1 x columns, summed in double. Collective.
template <class Real>
Small mean(Particles const& particles, program::Expression const& psi,
           Arguments<Real> const& arguments);

/// out_α = n^-r Σ_{β1…βr} ψ; vectors[i] is read at copy copies[i], 0 being α. Collective;
/// n^(r+1) evaluations for each column.
template <class Real>
void evaluate_outer(Particles const& particles, program::Expression const& psi, int order,
                    std::vector<int> const& copies, Arguments<Real> const& arguments,
                    Columns<Real> const& out);

/// Element by element, rows and columns of one being broadcast. Local.
Small evaluate(program::Expression const& psi, std::vector<Small> const& scalars);

/// y_j = Σ_k weight[k]·x_index[k], k from start[j] to start[j+1]. Local.
template <class Real>
void combine(Particles const& particles, Columns<Real> const& x, std::vector<Index> const& start,
             std::vector<Index> const& index, std::vector<double> const& weight,
             Columns<Real> const& y);

/// Whether all entries of this rank are finite. Local.
template <class Real>
bool all_finite(Particles const& particles, Columns<Real> const& x);

}  // namespace widelimit::interpreter::detail

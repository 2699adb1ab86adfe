/// \file
/// Tensor programs (NE⊗OR⊤: Yang & Littwin 2023, arXiv 2308.01814, section 2) as plain data.
///
/// A program computes with three kinds of values.
///
/// - A **matrix** is n x n, its entries iid N(0, σ²/n) at the start; n is the width of a finite
///   run and goes to infinity in a limit run.
/// - A **vector** is n x columns. Its columns belong to data points, positions, outputs; each is a
///   vector of the papers. Its rows (coordinates, particles) are alike: no instruction tells one
///   from another.
/// - A **scalar** is a small array, rows x columns, row-major, the same everywhere.
///
/// Where a column count is broadcast, an operand of one column stands for as many equal columns as
/// the others have.
///
/// **Order.** `start` runs once; then, for every training step, the step's batches, schedules
/// and noise take their values and `step` runs; `observe` runs whenever outputs are to be recorded that
/// `step` does not compute, and changes nothing. Instructions run in order; each defines one new
/// value by its `out`, or (the last three) changes an initial value, which keeps its content from
/// then on. Values that are not initial live from the instruction that defines them to the last
/// one that reads them, within one run of one block.
///
/// **Limit** (master theorem, TP IVb theorem 2.6.10; normalised as here): rows become independent
/// draws of one random row, `MatMul` of an initial matrix a Gaussian part and a correction,
/// averages over rows expectations. With each instruction stands what it is at width n.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "widelimit/program/expression.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::program {

/// Index of a value in Program::values.
using Id = int;
inline constexpr Id none = -1;

enum class Kind { matrix, vector, scalar };

/// What is known of a value before the program runs.
struct Value {
  Kind kind = Kind::scalar;
  std::string name;   ///< unique in its program, as the text form writes it
  Index rows = 0;     ///< of scalars; 0 for the others
  Index columns = 0;  ///< of vectors and scalars; 0 for matrices
  Id initial = none;  ///< index in Program::initials; none: an instruction defines it
  int line = 0;       ///< in the user's file; 0: made by this program
};

// Initial values. They keep their content between blocks and steps.

/// A matrix with iid N(0, sigma²/n) entries.
struct GaussianMatrix {
  double sigma = 1;
};
/// A matrix that is zero at the start, of the size of `like` (which is not itself such a one) and
/// only ever used with the same columns: a momentum of `like`, a learned part. Interpreters may
/// keep it in the bases of `like`.
struct ZeroMatrix {
  Id like = none;
};
/// A vector whose entries are iid N(0, sigma²), all columns independent.
struct GaussianVector {
  double sigma = 1;
};
/// A vector with one value everywhere.
struct ConstantVector {
  double value = 0;
};
/// A scalar with one value everywhere.
struct ConstantScalar {
  double value = 0;
};
/// A scalar that the run gives by the name of the value and that never changes: inputs, targets,
/// hyperparameters.
struct Data {};
/// A scalar with columns of another initial scalar, read when the step begins: those of the points
/// of this step's batch, in its order, `columns_per_point` neighbours each. The run gives the order.
/// Outside of `step` it must not be read.
struct Batch {
  Id of = none;
  Index columns_per_point = 1;
};
/// A scalar that the run gives anew for each step (by the name of the value), such as a learning
/// rate. Outside of `step` it must not be read.
struct Schedule {};

/// A vector that is drawn anew for each step: iid N(0, sigma²) entries, independent of all else
/// (an initial vector of the papers for each step). Outside of `step` it must not be read.
struct GaussianNoise {
  double sigma = 1;
};

struct Initial {
  Id value = none;
  std::variant<GaussianMatrix, ZeroMatrix, GaussianVector, ConstantVector, ConstantScalar, Data,
               Batch, Schedule, GaussianNoise>
      content;
};

/// A constant linear map between columns, y_j = Σ_k weight[k]·x_index[k], k from start[j] to
/// start[j+1]: shifts with zero padding, sums over positions, selections. Shared between the
/// instructions that use it.
struct ColumnMap {
  Index inputs = 0;
  std::vector<Index> start = {};  ///< one more than there are output columns
  std::vector<Index> index = {};
  std::vector<double> weight = {};
  Index outputs() const { return static_cast<Index>(start.size()) - 1; }
  bool operator==(ColumnMap const&) const = default;
};
using SharedColumnMap = std::shared_ptr<ColumnMap const>;

// Instructions on vectors.

/// y = W x, or Wᵀ x: all columns.
struct MatMul {
  Id out = none, matrix = none, x = none;
  bool transposed = false;
  bool operator==(MatMul const&) const = default;
};

/// y_α = ψ(x_α; c), column by column. Arguments of ψ are `vectors`, then `scalars`; each vector
/// has one column or those of y, each scalar is 1 x 1 or has one row and the columns of y.
/// Operands that ψ does not use may stand there for their columns.
struct Nonlinear {
  Id out = none;
  Expression psi = {};
  std::vector<Id> vectors = {}, scalars = {};
  bool operator==(Nonlinear const&) const = default;
};

/// y_α = n^-r Σ_{β1…βr} ψ(x_α; x_β1; …; x_βr; c), column by column, r = order >= 1. Arguments as
/// those of Nonlinear; vectors[i] is read at the row copies[i]: 0 is α, s is β_s.
struct OuterNonlinear {
  Id out = none;
  int order = 1;
  Expression psi = {};
  std::vector<Id> vectors = {};
  std::vector<int> copies = {};
  std::vector<Id> scalars = {};
  bool operator==(OuterNonlinear const&) const = default;
};

/// y = x·map: each output column a constant combination of columns.
struct MapColumns {
  Id out = none, x = none;
  SharedColumnMap map = {};
  bool operator==(MapColumns const&) const = default;
};

/// y = x·S in groups: the columns of x are `groups` equal parts of p columns each, S is p x
/// (groups·q), and part g of y, of q columns, is the part g of x times the part g of S. With one
/// group an ordinary product: the first layer, the readout's backward pass. With more: attention.
struct Combine {
  Id out = none, x = none, s = none;
  Index groups = 1;
  bool operator==(Combine const&) const = default;
};

// Instructions from vectors to scalars (Moment).

/// c_j = n^-1 Σ_α ψ(x_α; c), column by column, 1 x columns. Arguments as those of Nonlinear.
struct Mean {
  Id out = none;
  Expression psi = {};
  std::vector<Id> vectors = {}, scalars = {};
  bool operator==(Mean const&) const = default;
};

/// c = xᵀy/n in groups: with x of `groups` parts of p columns and y of as many parts of q, c is
/// p x (groups·q), its part g the inner products of part g of x with part g of y. One group: all
/// pairs.
struct InnerProducts {
  Id out = none, x = none, y = none;
  Index groups = 1;
  bool operator==(InnerProducts const&) const = default;
};

// Instructions on scalars.

/// Element by element; rows and columns of one are broadcast. Operands that psi does not use may
/// stand there for their shape.
struct ScalarNonlinear {
  Id out = none;
  Expression psi = {};
  std::vector<Id> scalars = {};
  bool operator==(ScalarNonlinear const&) const = default;
};

enum class Reduction { sum, maximum };
enum class Axis {
  rows,     ///< over the rows: rows x columns to 1 x columns
  columns,  ///< over the columns: rows x columns to rows x 1
  all       ///< to 1 x 1
};
struct ScalarReduce {
  Id out = none, x = none;
  Reduction reduction = Reduction::sum;
  Axis axis = Axis::all;
  bool operator==(ScalarReduce const&) const = default;
};

/// c = a·b in groups, as Combine: a is rows x (groups·p), b is p x (groups·q), part g of c is part g
/// of a times part g of b.
struct ScalarProduct {
  Id out = none, a = none, b = none;
  Index groups = 1;
  bool operator==(ScalarProduct const&) const = default;
};

/// Each of the `groups` parts of columns transposed: p x (groups·q) to q x (groups·p).
struct ScalarTranspose {
  Id out = none, x = none;
  Index groups = 1;
  bool operator==(ScalarTranspose const&) const = default;
};

/// y = x·map, as MapColumns.
struct ScalarMapColumns {
  Id out = none, x = none;
  SharedColumnMap map = {};
  bool operator==(ScalarMapColumns const&) const = default;
};

// Updates of initial values. In the language of the papers each is sugar: a matrix after updates
// is its initial part and a sum of outer products, whose products with vectors are Moment,
// OuterNonlinear and element-wise instructions.

/// y·D·xᵀ/n. `d`: none (Σ_j y_j x_jᵀ) or a 1 x 1 factor of that sum; 1 x columns, a factor for each
/// column, where y and x have equally many; else a full (columns of y) x (columns of x) array.
struct OuterTerm {
  Id y = none, x = none, d = none;
  bool operator==(OuterTerm const&) const = default;
};
/// factor·matrix; `factor` is 1 x 1, none stands for 1.
struct MatrixTerm {
  Id matrix = none, factor = none;
  bool operator==(MatrixTerm const&) const = default;
};
/// W ← decay·W + Σ outer + Σ matrices; `decay` is 1 x 1, none stands for 1. A matrix term is
/// `like` W or the other way round, or both are like the same matrix; it is read before W changes.
struct UpdateMatrix {
  Id matrix = none, decay = none;
  std::vector<OuterTerm> outer = {};
  std::vector<MatrixTerm> matrices = {};
  bool operator==(UpdateMatrix const&) const = default;
};

/// x·S, or x where `s` is none; a 1 x 1 S is a factor.
struct VectorTerm {
  Id x = none, s = none;
  bool operator==(VectorTerm const&) const = default;
};
/// v ← decay·v + Σ x·S; `decay` is 1 x 1, none stands for 1. Terms are read before v changes.
struct UpdateVector {
  Id vector = none, decay = none;
  std::vector<VectorTerm> terms = {};
  bool operator==(UpdateVector const&) const = default;
};

/// An initial vector or scalar takes the content of another value, of equal shape.
struct Assign {
  Id target = none, value = none;
  bool operator==(Assign const&) const = default;
};

using Instruction =
    std::variant<MatMul, Nonlinear, OuterNonlinear, MapColumns, Combine, Mean, InnerProducts,
                 ScalarNonlinear, ScalarReduce, ScalarProduct, ScalarTranspose, ScalarMapColumns,
                 UpdateMatrix, UpdateVector, Assign>;

using Block = std::vector<Instruction>;

/// What a recorded value is.
enum class Role {
  output,          ///< scalar, outputs x points of `set`
  loss,            ///< scalar, 1 x 1
  preactivation,   ///< vector, points of `set` (times positions), of which densities are taken
  feature,         ///< vector: after a layer's function; its inner products are feature kernels
  gradient,        ///< vector: n·∂f/∂(preactivation); its inner products are gradient kernels
  tangent_kernel,  ///< scalar, points x points
  other            ///< whatever a program written out names
};

/// A value that is recorded. One that `step` computes and that does not depend on its batch need
/// not be computed again by `observe`.
struct Observable {
  Role role = Role::other;
  std::string name;  ///< layer for vectors; unique with `role` and `set`
  std::string set;   ///< "train", "test", or empty
  Id in_step = none, in_observe = none;
  Index output = 0;  ///< of gradients
};

struct Program {
  std::vector<Value> values;
  std::vector<Initial> initials;
  Block start, step, observe;
  std::vector<Observable> observables;

  Value const& value(Id id) const { return values[static_cast<std::size_t>(id)]; }
  Initial const& initial(Id id) const {
    return initials[static_cast<std::size_t>(value(id).initial)];
  }
};

/// The value that an instruction defines; none for updates.
Id defined(Instruction const& instruction);
/// The initial value that an update changes; none for all others.
Id changed(Instruction const& instruction);
/// The values that an instruction reads, in the order of its members; an update reads what it
/// changes unless it is an Assign.
std::vector<Id> reads(Instruction const& instruction);

/// Where a value that is not initial is made and last read, as indices into a block.
struct LiveRange {
  Id value = none;
  Index defined = 0;
  Index last_read = 0;  ///< `defined` when nothing reads it; the block's size when it is recorded
};

/// The live ranges of all values that `block` defines, in the order of their definition.
std::vector<LiveRange> live_ranges(Block const& block, std::vector<Id> const& recorded = {});

/// The most vector columns alive at once while `block` runs, initial ones left out: times n and the
/// size of a number, the memory that an interpreter needs for vectors.
Index peak_columns(Program const& program, Block const& block,
                   std::vector<Id> const& recorded = {});

/// Those instructions of `block` on which `wanted` or, if `keep_updates`, an update depends.
Block pruned(Block const& block, std::vector<Id> const& wanted, bool keep_updates);

}  // namespace widelimit::program

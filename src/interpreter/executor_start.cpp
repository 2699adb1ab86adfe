/// \file
/// What an executor begins with: matrices, vectors and scalars before the first instruction.
#include <set>

#include "widelimit/interpreter/executor.hpp"
#include "widelimit/runtime/log.hpp"

#include "interpreter/detail/small_parts.hpp"

namespace widelimit::interpreter {

using program::Id;

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

/// What the values of `block` depend on: for each value whether `source` is among it.
std::vector<bool> dependents(program::Program const& program, program::Block const& block,
                             Id source) {
  std::vector<bool> depends(program.values.size());
  depends[static_cast<std::size_t>(source)] = true;
  for (auto const& instruction : block) {
    Id const out = program::defined(instruction);
    if (out == program::none) continue;
    for (Id const id : program::reads(instruction))
      if (depends[static_cast<std::size_t>(id)]) depends[static_cast<std::size_t>(out)] = true;
  }
  return depends;
}

/// The other factors of averages of products with the Gaussian vector `v` that vanish in the limit
/// as long as nothing has been updated.
std::vector<Id> independent_factors(program::Program const& program, program::Block const& block,
                                    Id v) {
  auto const depends = dependents(program, block, v);
  std::vector<Id> factors;
  for (auto const& instruction : block) {
    auto const* product = std::get_if<program::InnerProducts>(&instruction);
    if (!product || (product->x == v) == (product->y == v)) continue;
    Id const other = product->x == v ? product->y : product->x;
    if (program.value(other).initial == program::none && !depends[static_cast<std::size_t>(other)])
      factors.push_back(other);
  }
  return factors;
}

}  // namespace

template <class Real>
void Executor<Real>::make_matrices() {
  for (auto const& initial : program_.initials) {
    if (auto const* zero = std::get_if<program::ZeroMatrix>(&initial.content)) {
      Member const like = members_[index(zero->like)];
      int number = 1;
      for (auto const& other : program_.initials) {
        if (other.value == initial.value) break;
        auto const* sibling = std::get_if<program::ZeroMatrix>(&other.content);
        if (sibling && sibling->like == zero->like) ++number;
      }
      members_[index(initial.value)] = {like.family, number};
    } else if (auto const* gaussian = std::get_if<program::GaussianMatrix>(&initial.content)) {
      Id const id = initial.value;
      int members = 1;
      for (auto const& other : program_.initials) {
        auto const* sibling = std::get_if<program::ZeroMatrix>(&other.content);
        if (sibling && sibling->like == id) ++members;
      }
      WeightsSetup<Real> const setup{
          particle_spaces_[static_cast<std::size_t>(spaces_.right[index(id)])],
          particle_spaces_[static_cast<std::size_t>(spaces_.left[index(id)])],
          gaussian->sigma,
          members,
          options_.seed,
          object_of(id)};
      auto representation = options_.representation;
      if (representation == Representation::automatic)
        representation = choose(rank_estimate(program_, id, options_.steps), particles_.count());
      members_[index(id)] = {families_.size(), 0};
      families_.push_back({representation == Representation::dense
                               ? make_dense(setup)
                               : make_conditioned(setup, options_.tolerance),
                           program_.value(id).name});
    }
  }
}

template <class Real>
void Executor<Real>::make_initial_vectors(NamedScalars const& data) {
  for (auto const& initial : program_.initials) {
    Id const id = initial.value;
    auto const& value = program_.value(id);
    std::visit(
        Overloaded{[&](program::GaussianVector const&) {
                     bool late = false;
                     if (options_.exact_zeros && options_.matching == MomentMatching::on) {
                       for (auto const* block : {&program_.step, &program_.observe})
                         late = late || !independent_factors(program_, *block, id).empty();
                       for (auto const& instruction : program_.start)
                         if (std::ranges::count(program::reads(instruction), id) > 0) late = false;
                     }
                     late ? late_.push_back(id) : draw(id, {});
                   },
                   [&](program::ConstantVector const& constant) {
                     auto const columns = make_columns<Real>(particles_, value.columns);
                     Kokkos::deep_copy(columns, static_cast<Real>(constant.value));
                     define(id, columns);
                   },
                   [&](program::ConstantScalar const& constant) {
                     Small scalar(value.rows, value.columns);
                     std::ranges::fill(scalar.values(), constant.value);
                     scalars_[index(id)] = std::move(scalar);
                   },
                   [&](program::Data const&) {
                     auto const found = data.find(value.name);
                     if (found == data.end())
                       throw InputError("no data were given for the scalar " + value.name);
                     if (found->second.rows() != value.rows ||
                         found->second.cols() != value.columns)
                       throw InputError(fmt::format(
                           "the data for {} are {} x {}, not {} x {}", value.name,
                           found->second.rows(), found->second.cols(), value.rows, value.columns));
                     scalars_[index(id)] = found->second;
                   },
                   [](auto const&) {}},
        initial.content);
  }
}

template <class Real>
void Executor<Real>::draw(Id vector, Columns<Real> const& orthogonal_to) {
  auto const& space = particle_spaces_[static_cast<std::size_t>(spaces_.of_vector[index(vector)])];
  Index const columns = program_.value(vector).columns;
  auto const sigma = std::get<program::GaussianVector>(program_.initial(vector).content).sigma;
  if (options_.matching == MomentMatching::on) {
    auto const result = make_columns<Real>(particles_, columns);
    auto const block = space->make_block(object_of(vector));
    space->draw(*block, columns, orthogonal_to);
    drawn_[vector] = block;
    Small scale = identity(columns);
    for (double& entry : scale.values()) entry *= sigma;
    Kokkos::deep_copy(result, Real{0});
    block->add_product(1, scale, result);
    define(vector, result);
  } else {
    define(vector, gaussian(vector, sigma, {0, columns}));
  }
}

template <class Real>
void Executor<Real>::draw_zero_average_vectors() {
  if (late_.empty()) return;
  // The factors do not depend on these vectors, so they can be computed before.
  std::vector<Id> const late = std::move(late_);
  late_.clear();
  std::vector<std::vector<Columns<Real>>> factors(late.size());
  std::set<Id> changed_by_start;
  for (auto const& instruction : program_.start)
    changed_by_start.insert(program::changed(instruction));
  for (auto const* block : {&program_.start, &program_.observe, &program_.step}) {
    // Only what does not depend on what is not known yet: batches, what `start` makes of initial
    // values.
    std::vector<Id> wanted;
    for (Id const v : late)
      for (Id const factor : independent_factors(program_, *block, v)) wanted.push_back(factor);
    std::vector<bool> unknown(program_.values.size());
    for (auto const& initial : program_.initials)
      if (std::holds_alternative<program::Batch>(initial.content) ||
          std::holds_alternative<program::Schedule>(initial.content) ||
          std::holds_alternative<program::GaussianNoise>(initial.content) ||
          changed_by_start.contains(initial.value) || std::ranges::count(late, initial.value) > 0) {
        auto const some = dependents(program_, *block, initial.value);
        for (std::size_t k = 0; k < some.size(); ++k) unknown[k] = unknown[k] || some[k];
      }
    std::erase_if(wanted, [&](Id id) { return unknown[index(id)]; });
    if (wanted.empty()) continue;
    run(program::pruned(*block, wanted, false), wanted);
    for (std::size_t k = 0; k < late.size(); ++k)
      for (Id const factor : independent_factors(program_, *block, late[k])) {
        if (unknown[index(factor)]) continue;
        auto const copy = make_columns<Real>(particles_, program_.value(factor).columns);
        Kokkos::deep_copy(copy, vectors_[index(factor)].columns);
        factors[k].push_back(copy);
      }
  }
  for (std::size_t k = 0; k < late.size(); ++k) {
    Index columns = 0;
    for (auto const& factor : factors[k]) columns += static_cast<Index>(factor.extent(1));
    // Many constraints would make the vector something else than Gaussian.
    if (4 * columns > particles_.count()) columns = 0;
    auto const all = make_columns<Real>(particles_, columns);
    Index filled = 0;
    for (auto const& factor : factors[k]) {
      auto const count = static_cast<Index>(factor.extent(1));
      if (columns > 0) Kokkos::deep_copy(detail::part(all, filled, count), factor);
      filled += count;
    }
    draw(late[k], all);
  }
}

#define WIDELIMIT_INSTANTIATE(Real)                                        \
  template void Executor<Real>::make_matrices();                           \
  template void Executor<Real>::make_initial_vectors(NamedScalars const&); \
  template void Executor<Real>::draw(Id, Columns<Real> const&);            \
  template void Executor<Real>::draw_zero_average_vectors();
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)

}  // namespace widelimit::interpreter

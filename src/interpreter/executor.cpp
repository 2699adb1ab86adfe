#include "widelimit/interpreter/executor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/log.hpp"

#include "interpreter/detail/elementwise.hpp"

namespace widelimit::interpreter {

using program::Id;
using program::Kind;

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

template <class Real>
Columns<Real> part(Columns<Real> const& x, Index begin, Index count) {
  return Kokkos::subview(x, Kokkos::ALL, std::pair(begin, begin + count));
}

Small part(Small const& s, Index begin, Index count) {
  Small result(s.rows(), count);
  std::copy_n(s.data() + begin * s.rows(), s.rows() * count, result.data());
  return result;
}

Small transposed(Small const& s) {
  Small result(s.cols(), s.rows());
  for (Index j = 0; j < s.cols(); ++j)
    for (Index i = 0; i < s.rows(); ++i) result(j, i) = s(i, j);
  return result;
}

/// Numbers of random objects: two for each value, so that they do not depend on what else the
/// program draws.
std::uint32_t object_of(Id id) {
  return 2 * static_cast<std::uint32_t>(id);
}

Id base_of(program::Program const& program, Id matrix) {
  auto const* zero = std::get_if<program::ZeroMatrix>(&program.initial(matrix).content);
  return zero ? zero->like : matrix;
}

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

Ranks rank_bounds(program::Program const& program, Id matrix, Index steps) {
  Ranks bounds;
  auto const add = [&](program::Block const& block, Index times) {
    std::set<std::pair<Id, bool>> seen;  // vectors and the side on which they are
    auto const count = [&](Id x, bool left) {
      if (!seen.emplace(x, left).second) return;
      Index const columns = program.value(x).columns * times;
      (left ? bounds.left : bounds.right) += columns;
    };
    for (auto const& instruction : block) {
      if (auto const* product = std::get_if<program::MatMul>(&instruction)) {
        if (base_of(program, product->matrix) == matrix) count(product->x, product->transposed);
      } else if (auto const* update = std::get_if<program::UpdateMatrix>(&instruction)) {
        if (base_of(program, update->matrix) != matrix) continue;
        for (auto const& term : update->outer) {
          count(term.y, true);
          count(term.x, false);
        }
      }
    }
  };
  add(program.start, 1);
  add(program.step, steps);
  // Of `observe`, what every step wants and does not compute itself.
  std::vector<Id> wanted;
  for (auto const& observable : program.observables)
    if ((observable.role == program::Role::output || observable.role == program::Role::loss) &&
        observable.in_step == program::none)
      wanted.push_back(observable.in_observe);
  add(program::pruned(program.observe, wanted, false), steps + 1);
  return bounds;
}

Ranks rank_estimate(program::Program const& program, Id matrix, Index steps) {
  return rank_bounds(program, matrix, std::min<Index>(steps, 20));
}

Representation choose(Ranks expected, Index particles) {
  // A product costs 10 (right + left) flops a particle where it costs 2M in a dense matrix; and
  // moments can be matched among fewer columns than there are particles.
  return 4 * std::max(expected.right, expected.left) <= particles ? Representation::conditioned
                                                                  : Representation::dense;
}

double columns_in_memory(program::Program const& program, ExecutorOptions const& options) {
  double columns = 0;
  for (auto const& initial : program.initials) {
    auto const& value = program.value(initial.value);
    if (value.kind == Kind::vector) {
      bool const matched = std::holds_alternative<program::GaussianVector>(initial.content) &&
                           options.matching == MomentMatching::on;
      columns += static_cast<double>(value.columns * (matched ? 2 : 1));
    }
    bool const is_base = std::holds_alternative<program::GaussianMatrix>(initial.content);
    if (!is_base && !std::holds_alternative<program::ZeroMatrix>(initial.content)) continue;
    Id const base = base_of(program, initial.value);
    Ranks const ranks = rank_estimate(program, base, options.steps);
    auto representation = options.representation;
    if (representation == Representation::automatic)
      representation = choose(ranks, options.particles);
    if (representation == Representation::dense)
      columns += static_cast<double>(options.particles);
    else if (is_base)
      columns += 2 * static_cast<double>(std::min(options.particles, ranks.right) +
                                         std::min(options.particles, ranks.left));
  }
  Index most = 0;
  for (auto const* block : {&program.start, &program.step, &program.observe})
    most = std::max(most, program::peak_columns(program, *block));
  return columns + static_cast<double>(most);
}

template <class Real>
Executor<Real>::Executor(program::Program const& program, Particles const& particles,
                         ExecutorOptions const& options, NamedScalars const& data)
    : program_(program),
      particles_(particles),
      options_(options),
      spaces_(find_spaces(program)),
      members_(program.values.size()),
      vectors_(program.values.size()),
      scalars_(program.values.size()) {
  for (int space = 0; space < spaces_.count; ++space)
    particle_spaces_.push_back(
        std::make_shared<ParticleSpace<Real>>(particles_, options.seed, options.matching));
  make_matrices();
  make_initial_vectors(data);
}

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
  auto const result = make_columns<Real>(particles_, columns);
  if (options_.matching == MomentMatching::on) {
    auto const block = space->make_block(object_of(vector));
    space->draw(*block, columns, orthogonal_to);
    drawn_[vector] = block;
    Small scale = identity(columns);
    for (double& entry : scale.values()) entry *= sigma;
    Kokkos::deep_copy(result, Real{0});
    block->add_product(1, scale, result);
  } else {
    fill_gaussian(options_.seed, object_of(vector), particles_.mine(), {0, columns}, result.data(),
                  particles_.local_count());
    for (Index c = 0; c < columns; ++c)
      for (Index i = 0; i < particles_.local_count(); ++i) result(i, c) *= static_cast<Real>(sigma);
  }
  define(vector, result);
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
      if (columns > 0) Kokkos::deep_copy(part(all, filled, count), factor);
      filled += count;
    }
    draw(late[k], all);
  }
}

template <class Real>
void Executor<Real>::start() {
  draw_zero_average_vectors();
  run(program_.start, {});
}

template <class Real>
void Executor<Real>::take(NamedScalars const& schedule, std::vector<Index> const& batch) {
  for (auto const& initial : program_.initials) {
    auto const& value = program_.value(initial.value);
    if (std::holds_alternative<program::Schedule>(initial.content)) {
      if (auto const found = schedule.find(value.name); found != schedule.end())
        scalars_[index(initial.value)] = found->second;
    } else if (auto const* taken = std::get_if<program::Batch>(&initial.content);
               taken && !batch.empty()) {
      Small const& all = scalars_[index(taken->of)];
      Small scalar(all.rows(), value.columns);
      Index const each = taken->columns_per_point;
      for (std::size_t k = 0; k < batch.size(); ++k)
        std::copy_n(all.data() + batch[k] * each * all.rows(), each * all.rows(),
                    scalar.data() + static_cast<Index>(k) * each * all.rows());
      scalars_[index(initial.value)] = std::move(scalar);
    }
  }
}

template <class Real>
Columns<Real> Executor<Real>::obtain(Index columns) {
  if (auto const found = pool_.find(columns); found != pool_.end()) {
    auto const result = found->second;
    pool_.erase(found);
    return result;
  }
  return make_columns<Real>(particles_, columns);
}

template <class Real>
void Executor<Real>::define(Id id, Columns<Real> columns) {
  vectors_[index(id)] = {std::move(columns), next_tag()};
}

template <class Real>
void Executor<Real>::release(Id id) {
  if (program_.value(id).kind == Kind::scalar) {
    scalars_[index(id)] = Small();
  } else {
    auto& vector = vectors_[index(id)];
    pool_.emplace(program_.value(id).columns, std::move(vector.columns));
    vector = {};
  }
}

/// Runs one instruction.
template <class Real>
struct Executor<Real>::Instructions {
  Executor& e;

  Columns<Real> const& vector(Id id) const { return e.vectors_[index(id)].columns; }
  Tagged<Real> const& tagged(Id id) const { return e.vectors_[index(id)]; }
  Small const& scalar(Id id) const { return e.scalars_[index(id)]; }
  double number(Id id, double fallback) const {
    return id == program::none ? fallback : scalar(id)(0, 0);
  }
  Index columns(Id id) const { return e.program_.value(id).columns; }
  Columns<Real> output(Id id) const { return e.obtain(columns(id)); }

  detail::Arguments<Real> arguments(std::vector<Id> const& vectors, std::vector<Id> const& scalars,
                                    Index count) const {
    detail::Arguments<Real> result;
    for (Id const id : vectors) result.vectors.push_back(vector(id));
    for (Id const id : scalars) result.scalars.push_back(scalar(id));
    result.columns = count;
    return result;
  }

  void operator()(program::MatMul const& i) const {
    auto const y = output(i.out);
    Member const member = e.members_[index(i.matrix)];
    e.families_[member.family].weights->apply(member.number, i.transposed, tagged(i.x), y);
    e.define(i.out, y);
  }
  void operator()(program::Nonlinear const& i) const {
    auto const y = output(i.out);
    detail::evaluate(e.particles_, i.psi, arguments(i.vectors, i.scalars, columns(i.out)), y);
    e.define(i.out, y);
  }
  void operator()(program::OuterNonlinear const& i) const {
    auto const y = output(i.out);
    detail::evaluate_outer(e.particles_, i.psi, i.order, i.copies,
                           arguments(i.vectors, i.scalars, columns(i.out)), y);
    e.define(i.out, y);
  }
  void operator()(program::MapColumns const& i) const {
    auto const y = output(i.out);
    detail::combine(e.particles_, vector(i.x), i.map->start, i.map->index, i.map->weight, y);
    e.define(i.out, y);
  }
  void operator()(program::Combine const& i) const {
    auto const y = output(i.out);
    Small const& s = scalar(i.s);
    Index const p = columns(i.x) / i.groups, q = columns(i.out) / i.groups;
    for (Index g = 0; g < i.groups; ++g)
      add_product(e.particles_, 1, part(vector(i.x), g * p, p), part(s, g * q, q), 0,
                  part(y, g * q, q));
    e.define(i.out, y);
  }
  void operator()(program::Mean const& i) const {
    e.scalars_[index(i.out)] =
        detail::mean(e.particles_, i.psi, arguments(i.vectors, i.scalars, columns(i.out)));
  }
  void operator()(program::InnerProducts const& i) const {
    Index const p = columns(i.x) / i.groups, q = columns(i.y) / i.groups;
    Small result(p, i.groups * q);
    for (Index g = 0; g < i.groups; ++g) {
      Small const products =
          inner(e.particles_, part(vector(i.x), g * p, p), part(vector(i.y), g * q, q));
      std::ranges::copy(products.values(), result.data() + g * q * p);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }

  void operator()(program::ScalarNonlinear const& i) const {
    std::vector<Small> operands;
    for (Id const id : i.scalars) operands.push_back(scalar(id));
    e.scalars_[index(i.out)] = detail::evaluate(i.psi, operands);
  }
  void operator()(program::ScalarReduce const& i) const {
    Small const& x = scalar(i.x);
    auto const& shape = e.program_.value(i.out);
    bool const maximum = i.reduction == program::Reduction::maximum;
    Small result(shape.rows, shape.columns);
    if (maximum) std::ranges::fill(result.values(), -std::numeric_limits<double>::infinity());
    for (Index c = 0; c < x.cols(); ++c)
      for (Index r = 0; r < x.rows(); ++r) {
        double& to = result(shape.rows == 1 ? 0 : r, shape.columns == 1 ? 0 : c);
        to = maximum ? std::max(to, x(r, c)) : to + x(r, c);
      }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarProduct const& i) const {
    Small const &a = scalar(i.a), &b = scalar(i.b);
    Index const p = a.cols() / i.groups, q = b.cols() / i.groups;
    Small result(a.rows(), i.groups * q);
    for (Index g = 0; g < i.groups; ++g) {
      Small const some = product(part(a, g * p, p), false, part(b, g * q, q), false);
      std::ranges::copy(some.values(), result.data() + g * q * a.rows());
    }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarTranspose const& i) const {
    Small const& x = scalar(i.x);
    Index const q = x.cols() / i.groups;
    Small result(q, i.groups * x.rows());
    for (Index g = 0; g < i.groups; ++g) {
      Small const turned = transposed(part(x, g * q, q));
      std::ranges::copy(turned.values(), result.data() + g * x.rows() * q);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }
  void operator()(program::ScalarMapColumns const& i) const {
    Small const& x = scalar(i.x);
    Small result(x.rows(), i.map->outputs());
    for (Index j = 0; j < result.cols(); ++j) {
      auto const s = static_cast<std::size_t>(j);
      for (Index k = i.map->start[s]; k < i.map->start[s + 1]; ++k)
        for (Index r = 0; r < x.rows(); ++r)
          result(r, j) += i.map->weight[static_cast<std::size_t>(k)] *
                          x(r, i.map->index[static_cast<std::size_t>(k)]);
    }
    e.scalars_[index(i.out)] = std::move(result);
  }

  void operator()(program::UpdateMatrix const& i) const {
    std::vector<OuterProduct<Real>> outer;
    for (auto const& term : i.outer) outer.push_back(outer_product(term));
    std::vector<ScaledMember> matrices;
    for (auto const& term : i.matrices)
      matrices.push_back({e.members_[index(term.matrix)].number, number(term.factor, 1)});
    Member const member = e.members_[index(i.matrix)];
    e.families_[member.family].weights->update(member.number, number(i.decay, 1), outer, matrices);
  }
  void operator()(program::UpdateVector const& i) const {
    auto const y = output(i.vector);
    add_product(e.particles_, number(i.decay, 1), vector(i.vector), identity(columns(i.vector)), 0,
                y);
    for (auto const& term : i.terms) {
      Small s = identity(columns(i.vector));
      if (term.s != program::none) {
        Small const& given = scalar(term.s);
        if (given.rows() == 1 && given.cols() == 1) {
          for (double& entry : s.values()) entry *= given(0, 0);
        } else {
          s = given;
        }
      }
      if (columns(term.x) == 1 && s.rows() != 1) s = identity(1);
      add_product(e.particles_, 1, vector(term.x), s, 1, y);
    }
    replace(i.vector, y);
  }
  void operator()(program::Assign const& i) const {
    if (e.program_.value(i.target).kind == Kind::scalar) {
      e.scalars_[index(i.target)] = scalar(i.value);
      return;
    }
    auto const y = output(i.target);
    Kokkos::deep_copy(y, vector(i.value));
    replace(i.target, y);
  }

 private:
  void replace(Id initial, Columns<Real> const& columns) const {
    e.release(initial);
    e.define(initial, columns);
  }

  /// D as an array, or as factors by column.
  OuterProduct<Real> outer_product(program::OuterTerm const& term) const {
    OuterProduct<Real> result{tagged(term.y), tagged(term.x), {}, false};
    Index const rows = columns(term.y), cols = columns(term.x), count = std::max(rows, cols);
    Small const one = identity(1);
    Small const& d = term.d == program::none ? one : scalar(term.d);
    if (rows == d.rows() && cols == d.cols()) {
      result.d = d;
    } else if (d.rows() > 1) {
      result.d = d;
    } else {
      Small factors(1, count);
      for (Index j = 0; j < count; ++j) factors(0, j) = d(0, d.cols() == 1 ? 0 : j);
      result.by_column = rows == cols;
      result.d = rows == 1 || rows == cols ? factors : transposed(factors);
    }
    return result;
  }
};

template <class Real>
void Executor<Real>::run(program::Block const& block, std::vector<Id> const& kept,
                         NamedScalars const& schedule, std::vector<Index> const& batch) {
  for (Id const id : kept_) release(id);
  kept_.clear();
  for (Id const id : kept)  // initial values stay anyway
    if (program_.value(id).initial == program::none && std::ranges::count(kept_, id) == 0)
      kept_.push_back(id);
  take(schedule, batch);
  std::vector<std::vector<Id>> last_read_by(block.size() + 1);
  for (auto const& range : program::live_ranges(block, kept_))
    last_read_by[static_cast<std::size_t>(range.last_read)].push_back(range.value);

  Id bad = program::none;  // the first value with an entry on this rank that is not finite
  auto bad_at = static_cast<Index>(block.size());
  for (std::size_t at = 0; at < block.size(); ++at) {
    std::visit(Instructions{*this}, block[at]);
    Id out = program::defined(block[at]);
    if (out == program::none) out = program::changed(block[at]);
    if (bad == program::none && program_.value(out).kind != Kind::matrix) {
      bool const finite =
          program_.value(out).kind == Kind::scalar
              ? std::ranges::all_of(scalar(out).values(), [](double x) { return std::isfinite(x); })
              : detail::all_finite(particles_, vector(out));
      if (!finite) {
        bad = out;
        bad_at = static_cast<Index>(at);
      }
    }
    for (Id const id : last_read_by[at]) release(id);
  }
  for (auto& family : families_) family.weights->forget_tags();
  Index const first = particles_.comm().min(bad_at);
  if (first == static_cast<Index>(block.size())) return;
  auto const& instruction = block[static_cast<std::size_t>(first)];
  Id id = program::defined(instruction);
  if (id == program::none) id = program::changed(instruction);
  auto const& value = program_.value(id);
  throw NotFinite(
      value.name,
      fmt::format("the {} {}{} has values that are not finite",
                  value.kind == Kind::scalar ? "scalar" : "vector", value.name,
                  value.line > 0 ? fmt::format(" (line {})", value.line) : std::string()));
}

template <class Real>
void Executor<Real>::visit_state(Archive<Real>& archive) {
  for (Id const id : late_) {  // what is drawn at the start of a run is replaced by what it became
    drawn_[id] =
        particle_spaces_[static_cast<std::size_t>(spaces_.of_vector[index(id)])]->make_block(
            object_of(id));
    define(id, make_columns<Real>(particles_, program_.value(id).columns));
  }
  late_.clear();
  for (auto& family : families_) family.weights->visit_state("matrix/" + family.name, archive);
  if (options_.matching == MomentMatching::on)
    for (auto& [id, block] : drawn_) archive.visit("gaussian/" + program_.value(id).name, *block);
  for (auto const& initial : program_.initials) {
    auto const& value = program_.value(initial.value);
    std::string const name = (value.kind == Kind::vector ? "vector/" : "scalar/") + value.name;
    if (value.kind == Kind::vector) {
      archive.visit(name, particles_, vectors_[index(initial.value)].columns);
    } else if (std::holds_alternative<program::ConstantScalar>(initial.content)) {
      archive.visit(name, scalars_[index(initial.value)]);
    }
  }
}

template <class Real>
std::vector<std::pair<std::string, std::vector<Index>>> Executor<Real>::ranks() const {
  std::vector<std::pair<std::string, std::vector<Index>>> all;
  for (auto const& family : families_) all.emplace_back(family.name, family.weights->ranks());
  return all;
}

template class Executor<float>;
template class Executor<double>;

}  // namespace widelimit::interpreter

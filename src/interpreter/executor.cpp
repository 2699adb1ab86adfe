#include "widelimit/interpreter/executor.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/log.hpp"

#include "interpreter/detail/instructions.hpp"

namespace widelimit::interpreter {

using program::Id;
using program::Kind;

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

/// Draws the noise that a block reads; it is the caller's to release.
template <class Real>
std::vector<Id> Executor<Real>::draw_noise(program::Block const& block, Index step) {
  std::set<Id> read;
  for (auto const& instruction : block)
    for (Id const id : program::reads(instruction)) read.insert(id);
  std::vector<Id> drawn;
  for (auto const& initial : program_.initials) {
    auto const* noise = std::get_if<program::GaussianNoise>(&initial.content);
    if (!noise || !read.contains(initial.value)) continue;
    Index const columns = program_.value(initial.value).columns;
    define(initial.value,
           gaussian(initial.value, noise->sigma, {step * columns, (step + 1) * columns}));
    drawn.push_back(initial.value);
  }
  return drawn;
}

template <class Real>
Columns<Real> Executor<Real>::gaussian(Id id, double sigma, Range columns) {
  auto const result = obtain(columns.size());
  fill_gaussian(options_.seed, object_of(id), particles_.mine(), columns, result.data(),
                particles_.local_count());
  auto const factor = static_cast<Real>(sigma);
  particles_.for_each_lane([&](Index, Range rows) {
    for (Index c = 0; c < columns.size(); ++c)
      for (Index i = rows.begin; i < rows.end; ++i) result(i, c) *= factor;
  });
  return result;
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

template <class Real>
void Executor<Real>::run(program::Block const& block, std::vector<Id> const& kept,
                         NamedScalars const& schedule, std::vector<Index> const& batch,
                         Index step) {
  for (Id const id : kept_) release(id);
  kept_.clear();
  for (Id const id : kept)  // initial values stay anyway
    if (program_.value(id).initial == program::none && std::ranges::count(kept_, id) == 0)
      kept_.push_back(id);
  take(schedule, batch);
  auto const noise = draw_noise(block, step);
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
  for (Id const id : noise) release(id);
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
    if (std::holds_alternative<program::GaussianNoise>(initial.content)) continue;
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

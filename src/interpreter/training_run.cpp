#include "widelimit/interpreter/training_run.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/runtime/log.hpp"

namespace widelimit::interpreter {
namespace {

using program::Id;
using program::Observable;
using program::Role;

/// A loss this much above the first one will not come back.
constexpr double diverged = 1e6;

std::string path_of(Observable const& observable, Index outputs) {
  switch (observable.role) {
    case Role::output:
      return observable.set;
    case Role::loss:
      return observable.set == "test" ? "test_loss" : "loss";
    case Role::preactivation:
      return "density/" + observable.name;
    case Role::feature:
      return "feature_kernel/" + observable.name;
    case Role::gradient:
      return "gradient_kernel/" + observable.name +
             (outputs > 1 ? "/" + std::to_string(observable.output) : std::string());
    case Role::tangent_kernel:
      return "tangent_kernel";
    case Role::other:
      break;
  }
  return "observable/" + observable.name;
}

/// Numbers of one entry along the first dimension.
Index entry_size(RecordedArray const& array) {
  Index size = 1;
  for (std::size_t d = 1; d < array.shape.size(); ++d) size *= array.shape[d];
  return size;
}

/// Outputs that have gradients of their own.
Index gradient_outputs(program::Program const& program) {
  Index outputs = 0;
  for (auto const& observable : program.observables)
    if (observable.role == Role::gradient) outputs = std::max(outputs, observable.output + 1);
  return outputs;
}

Id any_id(Observable const& observable) {
  return observable.in_observe != program::none ? observable.in_observe : observable.in_step;
}

std::vector<double> row_major(Small const& s) {
  std::vector<double> values;
  values.reserve(s.values().size());
  for (Index i = 0; i < s.rows(); ++i)
    for (Index j = 0; j < s.cols(); ++j) values.push_back(s(i, j));
  return values;
}

}  // namespace

template <class Real>
TrainingRun<Real>::TrainingRun(program::Program const& program, Particles const& particles,
                               ExecutorOptions const& options, NamedScalars const& data,
                               TrainingSchedule const& schedule, Small targets)
    : program_(program),
      schedule_(schedule),
      targets_(std::move(targets)),
      gradient_outputs_(gradient_outputs(program)),
      executor_(program, particles, options, data) {
  for (auto const& observable : program_.observables) declare(observable);
}

template <class Real>
bool TrainingRun<Real>::is_vector(Observable const& observable) const {
  return program_.value(any_id(observable)).kind == program::Kind::vector;
}

/// Makes the arrays that an observable fills, with no entries along their first dimension.
template <class Real>
void TrainingRun<Real>::declare(Observable const& observable) {
  auto const& value = program_.value(any_id(observable));
  std::string const path = path_of(observable, gradient_outputs_);
  switch (observable.role) {
    case Role::output:
      record_[path] = {
          {0, value.columns, value.rows}, {"step", observable.set + "_point", "output"}, {}};
      return;
    case Role::loss:
      record_[path] = {{0}, {"step"}, {}};
      return;
    case Role::preactivation:
      record_[path] = {
          {0, value.columns, density_bins},
          {"density_step", value.columns == targets_.cols() ? "train_point" : "", "bin"},
          {}};
      record_["density_scale/" + observable.name] = {{0}, {"density_step"}, {}};
      return;
    case Role::feature:
      if (value.columns == targets_.cols())
        record_["alignment/feature/" + observable.name] = {{0}, {"alignment_step"}, {}};
      return;
    case Role::tangent_kernel:
      record_[path] = {
          {0, value.rows, value.columns}, {"recorded_step", "train_point", "train_point"}, {}};
      if (value.rows == targets_.cols())
        record_["alignment/tangent"] = {{0}, {"alignment_step"}, {}};
      return;
    case Role::gradient:
      return;
    case Role::other:
      if (!is_vector(observable))
        record_[path] = {{0, value.rows, value.columns}, {"step", "", ""}, {}};
  }
}

template <class Real>
bool TrainingRun<Real>::is_at(std::vector<Index> const& steps) const {
  return std::ranges::binary_search(steps, step_);
}

template <class Real>
bool TrainingRun<Real>::wanted(Observable const& observable) const {
  switch (observable.role) {
    case Role::preactivation:
      return is_at(schedule_.densities_at);
    case Role::gradient:
      return is_at(schedule_.kernels_at);
    case Role::feature:
    case Role::tangent_kernel:
      return is_at(schedule_.kernels_at) || is_at(schedule_.alignment_at);
    default:
      return !is_vector(observable) || is_at(schedule_.kernels_at);
  }
}

template <class Real>
program::Block const& TrainingRun<Real>::part_of(program::Block const& block, Ids const& ids) {
  auto const [part, is_new] = parts_.try_emplace(ids);
  if (is_new) part->second = program::pruned(block, ids, false);
  return part->second;
}

template <class Real>
void TrainingRun<Real>::advance() {
  if (!started_) {
    executor_.start();
    started_ = true;
  }
  bool const last = step_ == schedule_.steps();
  auto const in_step = [&](Observable const& observable) {
    return !last && observable.in_step != program::none;
  };
  Ids observed, stepped;
  for (auto const& observable : program_.observables) {
    if (!wanted(observable)) continue;
    if (in_step(observable))
      stepped.push_back(observable.in_step);
    else if (observable.in_observe != program::none)
      observed.push_back(observable.in_observe);
  }
  if (!observed.empty()) {
    executor_.run(part_of(program_.observe, observed), observed);
    for (auto const& observable : program_.observables)
      if (wanted(observable) && !in_step(observable) && observable.in_observe != program::none)
        record(observable, observable.in_observe);
  }
  if (!last) {
    auto const s = static_cast<std::size_t>(step_);
    Small rate(1, 1);
    rate(0, 0) = schedule_.learning_rates[s];
    executor_.run(program_.step, stepped, {{"learning_rate", rate}},
                  schedule_.batches.empty() ? std::vector<Index>() : schedule_.batches[s], step_);
    for (auto const& observable : program_.observables)
      if (wanted(observable) && in_step(observable)) record(observable, observable.in_step);
    ++step_;
  } else {
    finished_ = true;
  }
}

template <class Real>
void TrainingRun<Real>::record(Observable const& observable, Id id) {
  if (is_vector(observable)) {
    record_vector(observable, executor_.vector(id));
  } else {
    record_scalar(observable, executor_.scalar(id));
  }
}

template <class Real>
void TrainingRun<Real>::record_scalar(Observable const& observable, Small const& value) {
  std::string const path = path_of(observable, gradient_outputs_);
  switch (observable.role) {
    case Role::output:  // outputs x points
      return append(path, value.data());
    case Role::loss:
      if (observable.set != "test") check_loss(value(0, 0));
      return append(path, value.data());
    case Role::tangent_kernel:
      if (is_at(schedule_.alignment_at)) record_alignment("alignment/tangent", value);
      if (is_at(schedule_.kernels_at)) append(path, row_major(value).data());
      return;
    default:
      return append(path, row_major(value).data());
  }
}

template <class Real>
void TrainingRun<Real>::record_vector(Observable const& observable, Columns<Real> const& value) {
  if (observable.role == Role::preactivation) return record_density(observable.name, value);
  if (observable.role == Role::feature && is_at(schedule_.alignment_at))
    record_alignment("alignment/feature/" + observable.name,
                     inner(executor_.particles(), value, value));
  if (!is_at(schedule_.kernels_at)) return;
  auto const copy = make_columns<Real>(executor_.particles(), static_cast<Index>(value.extent(1)));
  Kokkos::deep_copy(copy, value);
  vectors_[path_of(observable, gradient_outputs_)].push_back(copy);
}

template <class Real>
void TrainingRun<Real>::record_density(std::string const& layer, Columns<Real> const& value) {
  auto const& particles = executor_.particles();
  auto const columns = static_cast<Index>(value.extent(1));
  double square = 0;
  for (double const mean : means(particles, value, 2))
    square += mean / static_cast<double>(columns);
  double const scale = std::sqrt(square);
  Index const length = columns * density_bins;
  std::vector<double> counts(
      static_cast<std::size_t>(std::max<Index>(1, particles.local_lanes()) * length));
  double const bins_each = density_bins / (2 * density_reach);
  particles.for_each_lane([&](Index slot, Range rows) {
    for (Index c = 0; c < columns; ++c)
      for (Index i = rows.begin; i < rows.end; ++i) {
        double const at = scale > 0 ? static_cast<double>(value(i, c)) / scale : 0;
        auto const bin = static_cast<Index>(std::floor((at + density_reach) * bins_each));
        if (bin >= 0 && bin < density_bins)
          ++counts[static_cast<std::size_t>(slot * length + c * density_bins + bin)];
      }
  });
  particles.sum(counts, length);
  double const width = 2 * density_reach / density_bins;
  for (double& count : counts) count /= static_cast<double>(particles.count()) * width;
  append("density/" + layer, counts.data());
  append("density_scale/" + layer, &scale);
}

template <class Real>
void TrainingRun<Real>::record_alignment(std::string const& path, Small const& kernel) {
  if (!record_.contains(path)) return;
  Small const gram = product(targets_, true, targets_, false);
  double product = 0, kernel_square = 0, gram_square = 0;
  for (std::size_t k = 0; k < gram.values().size(); ++k) {
    product += kernel.values()[k] * gram.values()[k];
    kernel_square += kernel.values()[k] * kernel.values()[k];
    gram_square += gram.values()[k] * gram.values()[k];
  }
  double const norms = std::sqrt(kernel_square * gram_square);
  double const alignment = norms > 0 ? product / norms : 0;
  append(path, &alignment);
}

template <class Real>
void TrainingRun<Real>::append(std::string const& path, double const* values) {
  auto& array = record_.at(path);
  array.values.insert(array.values.end(), values, values + entry_size(array));
  ++array.shape.front();
}

template <class Real>
void TrainingRun<Real>::check_loss(double loss) {
  if (step_ == 0) first_loss_ = loss;
  last_loss_ = loss;
  if (loss > diverged * first_loss_ && first_loss_ > 0)
    throw InputError(
        fmt::format("the run diverges: the loss is {:.4g} after step {}, from {:.4g} at "
                    "the start; lower job.optimizer.learning_rate",
                    loss, step_, first_loss_));
}

template <class Real>
Record TrainingRun<Real>::record() {
  Record result;
  for (auto const& [path, array] : record_)
    if (array.shape.front() > 0) result[path] = array;
  auto const& particles = executor_.particles();
  for (auto const& [path, all] : vectors_) {
    auto const times = static_cast<Index>(all.size());
    auto const columns = static_cast<Index>(all.front().extent(1));
    Index const length = times * columns;
    std::string const column = columns == targets_.cols() ? "train_point" : "";
    RecordedArray array{{times, columns, times, columns},
                        {"recorded_step", column, "recorded_step", column},
                        std::vector<double>(static_cast<std::size_t>(length * length))};
    for (Index a = 0; a < times; ++a)
      for (Index b = a; b < times; ++b) {
        Small const kernel =
            inner(particles, all[static_cast<std::size_t>(a)], all[static_cast<std::size_t>(b)]);
        for (Index i = 0; i < columns; ++i)
          for (Index j = 0; j < columns; ++j) {
            Index const row = a * columns + i, col = b * columns + j;
            array.values[static_cast<std::size_t>(row * length + col)] = kernel(i, j);
            array.values[static_cast<std::size_t>(col * length + row)] = kernel(i, j);
          }
      }
    result[path] = std::move(array);
  }
  return result;
}

template <class Real>
void TrainingRun<Real>::visit_state(Archive<Real>& archive) {
  double step = static_cast<double>(step_), started = started_ ? 1 : 0;
  archive.visit("run/step", step);
  archive.visit("run/started", started);
  archive.visit("run/first_loss", first_loss_);
  step_ = static_cast<Index>(step);
  started_ = started != 0;
  executor_.visit_state(archive);
  for (auto& [path, array] : record_) {
    Small values(static_cast<Index>(array.values.size()), 1);
    values.values() = array.values;
    archive.visit("record/" + path, values);
    array.values = values.values();
    array.shape.front() = static_cast<Index>(array.values.size()) / entry_size(array);
  }
  auto const recorded = static_cast<std::size_t>(
      std::ranges::lower_bound(schedule_.kernels_at, step_) - schedule_.kernels_at.begin());
  for (auto const& observable : program_.observables) {
    if (!is_vector(observable) || observable.role == Role::preactivation || recorded == 0) continue;
    auto& all = vectors_[path_of(observable, gradient_outputs_)];
    Index const columns = program_.value(any_id(observable)).columns;
    while (all.size() < recorded) all.push_back(make_columns<Real>(executor_.particles(), columns));
    for (std::size_t k = 0; k < recorded; ++k)
      archive.visit("record/" + path_of(observable, gradient_outputs_) + "/" + std::to_string(k),
                    executor_.particles(), all[k]);
  }
}

template class TrainingRun<float>;
template class TrainingRun<double>;

}  // namespace widelimit::interpreter

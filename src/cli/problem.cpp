#include "cli/problem.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/gram/input_scaling.hpp"
#include "widelimit/gram/plan.hpp"
#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/regression/targets.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/data_sources.hpp"

namespace widelimit::cli {
namespace {

template <class Real>
linalg::ReplicatedMatrix read_real_targets(runtime::Communicator const& comm,
                                           io::Source const& source, Index rows) {
  auto values = io::read_rows<Real>(comm, source);
  linalg::ReplicatedMatrix result(rows, static_cast<Index>(values.size()) / rows);
  result.values = std::move(values);
  return result;
}

/// Throws where a kernel of a point with itself overflows. Those of two points are not larger, so
/// this finds out before anything is computed or written.
template <class Real>
void require_finite_kernels(InputFile const& input, std::string const& part,
                            gram::Points<Real> const& points) {
  auto const check = [&](auto const& diagonal, char const* kernel) {
    auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, diagonal);
    Real const* const begin = host.data();
    Real const* const end = begin + host.extent(0);
    Real const* const found =
        std::find_if(begin, end, [](Real value) { return !std::isfinite(value); });
    if (found == end) return;
    throw InputError(
        input.where("network"),
        fmt::format("the {} of point {} of {} with itself overflows in {} precision; lower w_std "
                    "and b_std, or scale the inputs (data.inputs){}",
                    kernel, found - begin, part, sizeof(Real) == 8 ? "double" : "single",
                    sizeof(Real) == 8 ? "" : ", or use precision: double"));
  };
  check(points.nngp_diagonal, "NNGP kernel");
  check(points.ntk_diagonal, "NTK");
}

template <class Real>
gram::Points<Real> prepare(gram::InputScaler const& scaler, std::vector<Real>& inputs, Index n,
                           detail::PositionArrays const& arrays, DataShapes const& shapes) {
  scaler.apply(inputs, n, detail::valid_entries(arrays, shapes));
  auto points = gram::prepare_points(inputs, n, shapes.features);
  points.positions.lengths = arrays.lengths;
  if (shapes.masked && arrays.lengths.empty()) points.positions.lengths.assign(n, shapes.axes[0]);
  for (auto const& [name, values] : arrays.patterns) {
    auto& pattern = points.positions.patterns[name];
    pattern.values.assign(values.begin(), values.end());
    pattern.shared = static_cast<Index>(values.size()) == shapes.axes[0] * shapes.axes[0] && n > 1;
  }
  return points;
}

}  // namespace

template <class Real>
std::unique_ptr<Problem<Real>> load_problem(runtime::Communicator const& comm,
                                            InputFile const& input, DataShapes const& shapes) {
  auto problem = std::make_unique<Problem<Real>>();
  auto const& data = input.data;
  auto train = io::read_rows<Real>(comm, detail::inputs_of(input, "train", data.train));
  std::vector<Real> test;
  if (data.test) test = io::read_rows<Real>(comm, detail::inputs_of(input, "test", *data.test));
  auto const train_positions = detail::read_position_arrays(comm, input, "train", data.train);
  detail::PositionArrays test_positions;
  if (data.test) test_positions = detail::read_position_arrays(comm, input, "test", *data.test);
  std::vector<gram::Points<Real>*> sets{&problem->train};
  runtime::agree(comm, [&] {
    auto const valid = detail::valid_entries(train_positions, shapes);
    gram::InputScaler const scaler(data.inputs, train, shapes.train, shapes.features,
                                   data.zca_epsilon, valid);
    problem->train = prepare(scaler, train, shapes.train, train_positions, shapes);
    if (data.test) {
      problem->test = prepare(scaler, test, shapes.test, test_positions, shapes);
      sets.push_back(&*problem->test);
    }
    problem->program = gram::bind(compile_network(input, shapes), sets);
    require_finite_kernels(input, "data.train", problem->train);
    if (problem->test) require_finite_kernels(input, "data.test", *problem->test);
  });
  if (!problem->program.accuracy_note.empty())
    runtime::log(runtime::Level::warning, problem->program.accuracy_note);
  return problem;
}

template std::unique_ptr<Problem<float>> load_problem(runtime::Communicator const&,
                                                      InputFile const&, DataShapes const&);
template std::unique_ptr<Problem<double>> load_problem(runtime::Communicator const&,
                                                       InputFile const&, DataShapes const&);

Targets load_targets(runtime::Communicator const& comm, InputFile const& input,
                     DataShapes const& shapes) {
  auto const& data = input.data;
  bool const has_test = data.test && !data.test->targets.empty();
  auto const train_source = detail::targets_of(input, "train", data.train);
  Targets targets;
  if (data.targets == TargetEncoding::none) {
    targets.train = read_real_targets<double>(comm, train_source, shapes.train);
    if (has_test) {
      targets.test = read_real_targets<double>(comm, detail::targets_of(input, "test", *data.test),
                                               shapes.test);
    }
    return targets;
  }
  targets.classes = true;
  auto const coding = data.targets == TargetEncoding::one_hot
                          ? regression::LabelCoding::one_hot
                          : regression::LabelCoding::one_hot_centred;
  auto const train = io::read_integers(comm, train_source);
  targets.train = regression::encode_labels(
      train, 0, coding, input.where("data.train.targets").file + ": data.train.targets");
  if (has_test) {
    auto const test = io::read_integers(comm, detail::targets_of(input, "test", *data.test));
    targets.test =
        regression::encode_labels(test, targets.train.cols, coding,
                                  input.where("data.test.targets").file + ": data.test.targets");
  }
  return targets;
}

}  // namespace widelimit::cli

#include "cli/problem.hpp"

#include <algorithm>
#include <cmath>

#include "widelimit/gram/input_scaling.hpp"
#include "widelimit/gram/plan.hpp"
#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/regression/targets.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/jobs.hpp"

namespace widelimit::cli {
namespace {

/// The source of one array of `data.train` or `data.test`.
io::Source source_of(InputFile const& input, std::string const& part, DataSetOptions const& set,
                     bool targets) {
  io::Source source;
  source.file = set.file;
  source.dataset = targets ? set.targets : set.inputs;
  source.where = input.where("data." + part + (targets ? ".targets" : ".inputs"));
  source.rows_where = input.where("data." + part + ".rows");
  if (auto const* range = std::get_if<Range>(&set.rows)) source.rows = *range;
  if (auto const* dataset = std::get_if<std::string>(&set.rows)) source.rows_dataset = *dataset;
  return source;
}

io::ArrayInfo inspect_inputs(InputFile const& input, std::string const& part,
                             DataSetOptions const& set) {
  auto const source = source_of(input, part, set, false);
  auto info = io::inspect(source);
  io::require_dimensions(
      source, info, 2, 2,
      "inputs of shape [N, D] for a network without convolutions (tools/convert.py --shape flat "
      "makes vectors of images)");
  return info;
}

Index inspect_targets(InputFile const& input, std::string const& part, DataSetOptions const& set,
                      Index points) {
  bool const labels = input.data.targets != TargetEncoding::none;
  auto const source = source_of(input, part, set, true);
  auto info = io::inspect(source);
  io::require_dimensions(
      source, info, 1, labels ? 1 : 2,
      labels ? "labels of shape [N] for targets: one_hot" : "targets of shape [N] or [N, C]");
  if (info.rows() != points) {
    throw InputError(source.where,
                     fmt::format("{} has {} rows, but there are {} inputs; give as many targets as "
                                 "inputs",
                                 source.dataset, info.rows(), points));
  }
  if (labels && !info.integer) {
    throw InputError(source.where,
                     source.dataset +
                         " holds no integers, which targets: one_hot needs; use targets: "
                         "none for real targets");
  }
  return labels ? 0 : info.row_size();
}

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

}  // namespace

DataShapes inspect_data(runtime::Communicator const& comm, InputFile const& input) {
  DataShapes shapes;
  bool const uses_targets = kind_of(input.job).uses_targets;
  runtime::agree_on_root(comm, [&] {
    auto const& data = input.data;
    auto const train = inspect_inputs(input, "train", data.train);
    shapes.train = train.rows();
    shapes.features = train.row_size();
    if (uses_targets) shapes.outputs = inspect_targets(input, "train", data.train, shapes.train);
    if (!data.test) return;
    auto const test = inspect_inputs(input, "test", *data.test);
    shapes.test = test.rows();
    if (test.row_size() != shapes.features) {
      throw InputError(
          input.where("data.test.inputs"),
          fmt::format("test points have {} features, training points have {}; they must agree",
                      test.row_size(), shapes.features));
    }
    if (!uses_targets || data.test->targets.empty()) return;
    Index const outputs = inspect_targets(input, "test", *data.test, shapes.test);
    if (outputs != shapes.outputs) {
      throw InputError(
          input.where("data.test.targets"),
          fmt::format("test targets have {} columns, training targets have {}; they must agree",
                      outputs, shapes.outputs));
    }
  });
  comm.broadcast(&shapes, sizeof shapes);
  return shapes;
}

template <class Real>
std::unique_ptr<Problem<Real>> load_problem(runtime::Communicator const& comm,
                                            InputFile const& input, DataShapes const& shapes) {
  auto problem = std::make_unique<Problem<Real>>();
  auto const& data = input.data;
  auto train = io::read_rows<Real>(comm, source_of(input, "train", data.train, false));
  std::vector<Real> test;
  if (data.test) test = io::read_rows<Real>(comm, source_of(input, "test", *data.test, false));
  std::vector<gram::Points<Real>*> sets{&problem->train};
  runtime::agree(comm, [&] {
    gram::InputScaler const scaler(data.inputs, train, shapes.train, shapes.features,
                                   data.zca_epsilon);
    scaler.apply(train, shapes.train);
    problem->train = gram::prepare_points(train, shapes.train, shapes.features);
    if (data.test) {
      scaler.apply(test, shapes.test);
      problem->test = gram::prepare_points(test, shapes.test, shapes.features);
      sets.push_back(&*problem->test);
    }
    problem->program = gram::bind(gram::compile(input.network), sets);
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
  auto const train_source = source_of(input, "train", data.train, true);
  Targets targets;
  if (data.targets == TargetEncoding::none) {
    targets.train = read_real_targets<double>(comm, train_source, shapes.train);
    if (has_test) {
      targets.test =
          read_real_targets<double>(comm, source_of(input, "test", *data.test, true), shapes.test);
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
    auto const test = io::read_integers(comm, source_of(input, "test", *data.test, true));
    targets.test =
        regression::encode_labels(test, targets.train.cols, coding,
                                  input.where("data.test.targets").file + ": data.test.targets");
  }
  return targets;
}

}  // namespace widelimit::cli

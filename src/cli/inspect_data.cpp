#include <algorithm>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "widelimit/network/shapes.hpp"
#include "widelimit/runtime/agree.hpp"

#include "cli/data_sources.hpp"
#include "cli/jobs.hpp"

namespace widelimit::cli {
namespace {

/// An array of `data.train` or `data.test`, with its key.
io::Source source_of(InputFile const& input, std::string const& part, DataSetOptions const& set,
                     std::string const& key, std::string const& dataset) {
  io::Source source;
  source.file = set.file;
  source.dataset = dataset;
  source.where = input.where("data." + part + "." + key);
  source.rows_where = input.where("data." + part + ".rows");
  if (auto const* range = std::get_if<Range>(&set.rows)) source.rows = *range;
  if (auto const* rows = std::get_if<std::string>(&set.rows)) source.rows_dataset = *rows;
  return source;
}

io::Source lengths_of(InputFile const& input, std::string const& part, DataSetOptions const& set) {
  return source_of(input, part, set, "lengths", set.lengths);
}

/// A pattern; one for all points has no rows to choose from.
io::Source pattern_of(InputFile const& input, std::string const& part, DataSetOptions const& set,
                      std::string const& name) {
  auto const key = "patterns." + name;
  auto source = source_of(input, part, set, key, set.patterns.at(name));
  io::Source all = source;
  all.rows.reset();
  all.rows_dataset.clear();
  return io::inspect(all).shape.size() == 2 ? all : source;
}

io::ArrayInfo inspect_inputs(InputFile const& input, std::string const& part,
                             DataSetOptions const& set) {
  auto const source = detail::inputs_of(input, part, set);
  auto info = io::inspect(source);
  io::require_dimensions(source, info, 2, 4,
                         "inputs of shape [N, D] (vectors), [N, T, C] (sequences) or [N, H, W, C] "
                         "(images)");
  return info;
}

/// What is known of the points from the shape of their array, [N, axes…, channels].
DataShapes shapes_of(io::ArrayInfo const& info) {
  DataShapes shapes;
  shapes.features = info.row_size();
  shapes.channels = info.shape.back();
  shapes.n_axes = static_cast<Index>(info.shape.size()) - 2;
  std::copy_n(info.shape.begin() + 1, shapes.n_axes, shapes.axes);
  return shapes;
}

/// Lengths and patterns fit the inputs.
void inspect_positions(InputFile const& input, std::string const& part, DataSetOptions const& set,
                       DataShapes const& shapes, Index points) {
  bool const sequences = shapes.n_axes == 1;
  if (!set.lengths.empty()) {
    auto const source = lengths_of(input, part, set);
    if (!sequences)
      throw InputError(source.where,
                       "lengths are of sequences, inputs of shape [N, T, C]; leave "
                       "this key out");
    auto const info = io::inspect(source);
    io::require_dimensions(source, info, 1, 1, "the length of each sequence, [N]");
    if (info.rows() != points)
      throw InputError(source.where, fmt::format("{} has {} rows, but there are {} inputs",
                                                 source.dataset, info.rows(), points));
  }
  for (auto const& [name, dataset] : set.patterns) {
    auto const source = pattern_of(input, part, set, name);
    if (!sequences)
      throw InputError(source.where,
                       "patterns are of graphs, inputs of shape [N, T, C]; leave "
                       "this key out");
    auto const info = io::inspect(source);
    io::require_dimensions(source, info, 2, 3,
                           "a graph for each point, [N, T, T], or for all, "
                           "[T, T]");
    std::vector<Index> expected{shapes.axes[0], shapes.axes[0]};
    if (info.shape.size() == 3) expected.insert(expected.begin(), points);
    if (info.shape != expected)
      throw InputError(source.where,
                       fmt::format("{} has the shape [{}], but for {} points of {} nodes [{}] is "
                                   "needed",
                                   dataset, fmt::join(info.shape, ", "), points, shapes.axes[0],
                                   fmt::join(expected, ", ")));
  }
  for (auto const& [name, dataset] : input.data.train.patterns)
    if (!set.patterns.contains(name))
      throw InputError(input.where("data." + part),
                       fmt::format("the pattern `{}` of data.train.patterns is missing in "
                                   "data.{}.patterns",
                                   name, part));
}

/// The network fits the shape of the data, and sequences of these lengths.
void check_network(InputFile const& input, DataShapes const& shapes,
                   std::set<Index> const& lengths) {
  if (input.program) return;
  auto shape = input_shape(input, shapes);
  shape.lengths.assign(lengths.begin(), lengths.end());
  network::infer_shapes(input.network, shape, input.path);
}

void check_lengths(runtime::Communicator const& comm, InputFile const& input,
                   DataShapes const& shapes) {
  std::set<Index> lengths;
  auto const add = [&](std::string const& part, DataSetOptions const& set) {
    if (set.lengths.empty()) return;
    auto const values = io::read_integers(comm, lengths_of(input, part, set));
    lengths.insert(values.begin(), values.end());
    auto const wrong = std::ranges::find_if(
        values, [&](Index length) { return length < 1 || length > shapes.axes[0]; });
    if (wrong != values.end())
      throw InputError(input.where("data." + part + ".lengths"),
                       fmt::format("{}: the length of sequence {} is {}; lengths are from 1 to the "
                                   "number of positions, {}",
                                   set.lengths, wrong - values.begin(), *wrong, shapes.axes[0]));
  };
  add("train", input.data.train);
  if (input.data.test) add("test", *input.data.test);
  if (!lengths.empty()) check_network(input, shapes, lengths);
}

Index inspect_targets(InputFile const& input, std::string const& part, DataSetOptions const& set,
                      Index points) {
  bool const labels = input.data.targets != TargetEncoding::none;
  auto const source = detail::targets_of(input, part, set);
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

}  // namespace

namespace detail {

io::Source inputs_of(InputFile const& input, std::string const& part, DataSetOptions const& set) {
  return source_of(input, part, set, "inputs", set.inputs);
}

io::Source targets_of(InputFile const& input, std::string const& part, DataSetOptions const& set) {
  return source_of(input, part, set, "targets", set.targets);
}

PositionArrays read_position_arrays(runtime::Communicator const& comm, InputFile const& input,
                                    std::string const& part, DataSetOptions const& set) {
  PositionArrays arrays;
  if (!set.lengths.empty()) arrays.lengths = io::read_integers(comm, lengths_of(input, part, set));
  for (auto const& [name, dataset] : set.patterns) {
    io::Source source;
    runtime::agree(comm, [&, &name = name] { source = pattern_of(input, part, set, name); });
    arrays.patterns[name] = io::read_rows<double>(comm, source);
  }
  return arrays;
}

std::vector<Index> valid_entries(PositionArrays const& arrays, DataShapes const& shapes) {
  auto valid = arrays.lengths;
  for (Index& count : valid) count *= shapes.channels;
  return valid;
}

}  // namespace detail

std::string DataShapes::point_text() const {
  if (n_axes == 0) return fmt::format("{} features", features);
  return fmt::format("{} of {} channel{}", network::text(positions()), channels,
                     channels == 1 ? "" : "s");
}

network::InputShape input_shape(InputFile const& input, DataShapes const& shapes) {
  network::InputShape shape{shapes.positions(), shapes.channels};
  for (auto const& [name, dataset] : input.data.train.patterns)
    shape.patterns[name] = shapes.axes[0];
  return shape;
}

gram::Plan compile_network(InputFile const& input, DataShapes const& shapes) {
  return gram::compile(input.network, input_shape(input, shapes), shapes.masked);
}

DataShapes inspect_data(runtime::Communicator const& comm, InputFile const& input) {
  DataShapes shapes;
  bool const uses_targets = kind_of(input.job).uses_targets && !input.data.train.targets.empty();
  runtime::agree_on_root(comm, [&] {
    auto const& data = input.data;
    auto const train = inspect_inputs(input, "train", data.train);
    shapes = shapes_of(train);
    shapes.train = train.rows();
    shapes.masked = !data.train.lengths.empty() || (data.test && !data.test->lengths.empty());
    inspect_positions(input, "train", data.train, shapes, shapes.train);
    check_network(input, shapes, {});
    if (uses_targets) shapes.outputs = inspect_targets(input, "train", data.train, shapes.train);
    if (!data.test) return;
    auto const test = inspect_inputs(input, "test", *data.test);
    shapes.test = test.rows();
    auto const test_shapes = shapes_of(test);
    if (test_shapes.positions() != shapes.positions() || test_shapes.channels != shapes.channels) {
      throw InputError(input.where("data.test.inputs"),
                       fmt::format("test points have {}, training points have {}; they must agree",
                                   test_shapes.point_text(), shapes.point_text()));
    }
    inspect_positions(input, "test", *data.test, shapes, shapes.test);
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
  check_lengths(comm, input, shapes);
  return shapes;
}

}  // namespace widelimit::cli

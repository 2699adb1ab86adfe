/// \file
/// The arrays that `data.train` and `data.test` name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "widelimit/cli/input_file.hpp"
#include "widelimit/io/dataset_reader.hpp"

#include "cli/problem.hpp"

namespace widelimit::cli::detail {

/// The inputs of a part, "train" or "test".
io::Source inputs_of(InputFile const& input, std::string const& part, DataSetOptions const& set);
io::Source targets_of(InputFile const& input, std::string const& part, DataSetOptions const& set);

/// What the positions of the points of a part have beside their inputs.
struct PositionArrays {
  std::vector<Index> lengths;  ///< of the sequences; empty: all are whole
  /// Row-major, [n, T, T], or [T, T] for all points.
  std::map<std::string, std::vector<double>> patterns;
};

/// Reads lengths and patterns, which `inspect_data` has checked. Collective. Throws InputError as
/// `io::read_rows`.
PositionArrays read_position_arrays(runtime::Communicator const& comm, InputFile const& input,
                                    std::string const& part, DataSetOptions const& set);

/// Of the inputs of each point, row by row, how many count; empty: all.
std::vector<Index> valid_entries(PositionArrays const& arrays, DataShapes const& shapes);

}  // namespace widelimit::cli::detail

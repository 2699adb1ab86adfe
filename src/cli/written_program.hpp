/// \file
/// A program that the input file writes out, in the place of a network.
#pragma once

#include "widelimit/cli/input_file.hpp"
#include "widelimit/io/yaml.hpp"
#include "widelimit/program/training.hpp"

#include "cli/problem.hpp"

namespace widelimit::cli {

/// Reads the section `program`, the text of a program. Local. Throws InputError naming the line.
program::Program read_program(io::YamlNode const& node, std::string const& file);

/// Sizes of the data that a program may name.
struct ProgramData {
  Index positions = 1, channels = 1, train = 0, test = 0;
  bool masked = false;
  Index outputs = 0;
  Index batch_size = 0;  ///< 0: all points
};

/// Checks what a written program names of the data: names, shapes, batches. Local. Throws InputError
/// naming the line of the declaration.
void check_written_program(program::Program const& program, ProgramData const& data,
                           std::string const& file);

}  // namespace widelimit::cli

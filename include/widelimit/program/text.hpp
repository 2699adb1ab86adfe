/// \file
/// Programs as text. The language stands in LANGUAGE.md beside this file.
#pragma once

#include <string>
#include <string_view>

#include "widelimit/program/program.hpp"

namespace widelimit::program {

/// Parses a program and validates it. Local.
/// \param file, first_line  where the text stands, for errors
/// Throws InputError naming file and line: what is no statement, unknown names (with the nearest
/// known one), names defined twice or read before their definition, operands that do not fit.
Program parse_program(std::string_view text, std::string const& file, int first_line = 1);

/// The text of a program, which parse_program reads back to a program that computes the same and has
/// the same text. Local.
std::string to_text(Program const& program);

/// Checks what a program made otherwise has to keep: every value is defined once, before it is read
/// and in the block that reads it; batches and schedules are read in `step` alone; shapes are those
/// that instructions give; observables stand in their blocks. Local. Throws InputError naming file,
/// line where there is one, and value.
void validate(Program const& program, std::string const& file);

}  // namespace widelimit::program

/// \file
/// Checks that code refuses its input, with a text that holds given fragments.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::test {

/// The text of the InputError (exit status 2) that `f` throws; fails the test when it throws none.
template <class F>
std::string input_error_of(F&& f) {
  try {
    f();
  } catch (Error const& e) {
    EXPECT_EQ(e.code(), ExitCode::wrong_input) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "accepted what it should refuse";
  return "";
}

/// `f` throws an InputError whose text holds every one of `fragments`.
template <class F>
void expect_input_error(F&& f, std::vector<std::string> const& fragments) {
  auto const text = input_error_of(f);
  for (auto const& fragment : fragments)
    EXPECT_NE(text.find(fragment), std::string::npos)
        << "looked for: " << fragment << "\nin: " << text;
}

}  // namespace widelimit::test

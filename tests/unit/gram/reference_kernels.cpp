/// \file
/// Every network of the reference file, element by element.
#include <cmath>
#include <filesystem>

#include <gtest/gtest.h>

#include "widelimit/network/reader.hpp"

#include "support/gram_matrix.hpp"
#include "support/reference_file.hpp"

namespace widelimit {
namespace {

using test::Array;

enum class Part { all, lower };

/// Largest |value - expected|/|expected|.
double relative_error(std::vector<double> const& values, Array const& expected, Part part) {
  double worst = 0;
  long const cols = expected.shape[1];
  for (std::size_t k = 0; k < values.size(); ++k) {
    long const i = static_cast<long>(k) / cols, j = static_cast<long>(k) % cols;
    if (part == Part::lower && j > i) continue;
    double const difference = std::abs(values[k] - expected.values[k]);
    if (difference > 0) worst = std::fmax(worst, difference / std::abs(expected.values[k]));
    if (std::isnan(difference)) return INFINITY;
  }
  return worst;
}

double error_of_largest(std::vector<double> const& values, Array const& expected) {
  double difference = 0, largest = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (std::isnan(values[k])) return INFINITY;
    difference = std::fmax(difference, std::abs(values[k] - expected.values[k]));
    largest = std::fmax(largest, std::abs(expected.values[k]));
  }
  return difference / largest;
}

class ReferenceKernels : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(WIDELIMIT_KERNELS_FILE)) {
      GTEST_SKIP() << "no " << WIDELIMIT_KERNELS_FILE << "; set WIDELIMIT_SHARED_DIR";
    }
  }

  /// Calls f(file, case name, network) for every case.
  template <class F>
  void for_each_case(F const& f) {
    test::ReferenceFile const file(WIDELIMIT_KERNELS_FILE);
    int cases = 0;
    for (auto const& name : file.names()) {
      if (name.rfind("predict_", 0) == 0) continue;
      SCOPED_TRACE(name);
      std::string const text = file.text(name, "network");
      f(file, name, text);
      ++cases;
    }
    EXPECT_EQ(cases, 170);
  }

  template <class Real>
  test::GramPair evaluate(test::ReferenceFile const& file, std::string const& name,
                          std::string const& text) {
    auto const network = network::read_network(io::YamlNode::parse(text, name));
    auto const x1 = file.array(name + "/x1");
    auto const shape = shape_of(x1);
    if (!gram::needs_positions(network, shape))
      return test::gram_matrices<Real>(network, x1.values, file.array(name + "/x2").values,
                                       x1.shape[1]);
    return test::position_gram_matrices<Real>(network, shape, inputs(file, name, "1"),
                                              inputs(file, name, "2"));
  }

  static network::InputShape shape_of(Array const& x) {
    network::InputShape shape;
    shape.positions.assign(x.shape.begin() + 1, x.shape.end() - 1);
    shape.channels = x.shape.back();
    return shape;
  }

  static test::PositionInputs inputs(test::ReferenceFile const& file, std::string const& name,
                                     std::string const& set) {
    test::PositionInputs result{file.array(name + "/x" + set).values};
    if (file.has(name + "/p" + set)) result.patterns["p"] = file.array(name + "/p" + set).values;
    return result;
  }
};

TEST_F(ReferenceKernels, agree_in_double) {
  for_each_case([&](auto const& file, std::string const& name, std::string const& text) {
    bool const numerical = text.find("numerical") != std::string::npos;
    auto const result = evaluate<double>(file, name, text);
    auto const compare = [&](std::string const& key, std::vector<double> const& values, double rtol,
                             Part part) {
      bool const exact = file.has(name + "/" + key + "_exact") && !numerical;
      auto const expected = file.array(name + "/" + key + (exact ? "_exact" : ""));
      EXPECT_LE(relative_error(values, expected, part), exact ? 1e-12 : rtol)
          << key << (exact ? " (exact)" : "");
    };
    double const rtol_11 = file.number(name, "rtol_11"), rtol_12 = file.number(name, "rtol_12");
    // A product rule takes its outer nodes from the row's point; above the diagonal this is the
    // column's, mirrored.
    Part const part = numerical ? Part::lower : Part::all;
    compare("nngp_11", result.self.nngp, rtol_11, part);
    compare("ntk_11", result.self.ntk, rtol_11, part);
    compare("nngp_12", result.cross.nngp, rtol_12, Part::all);
    compare("ntk_12", result.cross.ntk, rtol_12, Part::all);
  });
}

TEST_F(ReferenceKernels, agree_in_single) {
  for_each_case([&](auto const& file, std::string const& name, std::string const& text) {
    if (text.find("numerical") != std::string::npos)
      return;  // their rules are not symmetric: compared in double
    auto const result = evaluate<float>(file, name, text);
    auto const compare = [&](std::string const& key, std::vector<double> const& values) {
      bool const exact = file.has(name + "/" + key + "_exact");
      EXPECT_LE(error_of_largest(values, file.array(name + "/" + key + (exact ? "_exact" : ""))),
                1e-5)
          << key;
    };
    compare("nngp_11", result.self.nngp);
    compare("ntk_11", result.self.ntk);
    compare("nngp_12", result.cross.nngp);
    compare("ntk_12", result.cross.ntk);
  });
}

TEST_F(ReferenceKernels, automatic_points_reach_the_converged_integrals) {
  for_each_case([&](auto const& file, std::string const& name, std::string text) {
    if (!file.has(name + "/ntk_11_exact") || text.find("numerical") == std::string::npos) return;
    auto const set_automatic = [&](auto const& from, auto const& to) {
      for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
      }
    };
    for (char const* points : {", points: 25", ", points: 50", ", points: 100"}) {
      set_automatic(std::string(points), std::string(""));
    }
    set_automatic(std::string("}\n- dense"), std::string(", points: auto}\n- dense"));
    for (char const* keys : {"b_std: 0.3", "b_std: 0.15"}) {  // not the dense layers
      set_automatic(std::string(keys) + ", points: auto", std::string(keys));
    }
    auto const result = evaluate<double>(file, name, text);
    auto const compare = [&](std::string const& key, std::vector<double> const& values) {
      // One entry is the difference of terms a thousand times as large: 1e-15 of those is rounding.
      auto const expected = file.array(name + "/" + key + "_exact");
      EXPECT_TRUE(relative_error(values, expected, Part::all) <= 1e-12 ||
                  error_of_largest(values, expected) <= 1e-15)
          << key << "\n"
          << text;
    };
    compare("nngp_11", result.self.nngp);
    compare("ntk_11", result.self.ntk);
    compare("nngp_12", result.cross.nngp);
    compare("ntk_12", result.cross.ntk);
  });
}

}  // namespace
}  // namespace widelimit

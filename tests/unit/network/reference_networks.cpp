/// \file
/// The networks of the reference kernels are read and accepted.
#include <filesystem>

#include <gtest/gtest.h>

#include "widelimit/network/describe.hpp"
#include "widelimit/network/reader.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/network/validate.hpp"

#include "support/reference_file.hpp"

namespace widelimit::network {
namespace {

TEST(ReferenceNetworks, are_accepted_with_the_shapes_of_their_data) {
  if (!std::filesystem::exists(WIDELIMIT_KERNELS_FILE))
    GTEST_SKIP() << "no " << WIDELIMIT_KERNELS_FILE << "; set WIDELIMIT_SHARED_DIR";
  int accepted = 0;
  test::ReferenceFile const file(WIDELIMIT_KERNELS_FILE);
  for (auto const& name : file.names()) {
    if (!file.has(name + "/x1")) continue;
    auto const shape = file.array(name + "/x1").shape;
    InputShape input{{shape.begin() + 1, shape.end() - 1}, shape.back(), {}};
    if (file.has(name + "/p1")) input.patterns["p"] = file.array(name + "/p1").shape.back();
    SCOPED_TRACE(name + "\n" + file.text(name, "network"));
    try {
      auto const network = read_network(io::YamlNode::parse(file.text(name, "network"), name));
      validate(network, name);
      EXPECT_EQ(infer_shapes(network, input, name).positions, Positions());
      EXPECT_GE(count_weight_layers(network), 1);
      ++accepted;
    } catch (InputError const& e) {
      ADD_FAILURE() << e.what();
    }
  }
  EXPECT_GE(accepted, 170);
}

}  // namespace
}  // namespace widelimit::network

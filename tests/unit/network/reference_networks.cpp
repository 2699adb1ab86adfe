/// \file
/// The networks of the reference kernels are read and accepted.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "widelimit/network/describe.hpp"
#include "widelimit/network/reader.hpp"
#include "widelimit/network/validate.hpp"

#include "support/reference_file.hpp"

namespace widelimit::network {
namespace {

TEST(ReferenceNetworks, perceptrons_are_accepted_and_the_others_refused_by_name) {
  if (!std::filesystem::exists(WIDELIMIT_KERNELS_FILE))
    GTEST_SKIP() << "no " << WIDELIMIT_KERNELS_FILE << "; set WIDELIMIT_SHARED_DIR";
  int accepted = 0;
  test::ReferenceFile const file(WIDELIMIT_KERNELS_FILE);
  for (auto const& name : file.names()) {
    if (!file.has(name + "/x1")) continue;
    bool const vectors = file.array(name + "/x1").shape.size() == 2;
    auto const node = io::YamlNode::parse(file.text(name, "network"), name);
    std::string refused;
    Sequence network;
    try {
      network = read_network(node);
      if (vectors) validate(network, name);
    } catch (InputError const& e) {
      refused = e.what();
    }
    if (vectors) {
      EXPECT_EQ(refused, "");
      EXPECT_GE(count_weight_layers(network), 1) << name;
      ++accepted;
    } else if (!refused.empty()) {
      EXPECT_NE(refused.find("is not built in this version"), std::string::npos) << refused;
    }
  }
  EXPECT_GE(accepted, 70);
}

}  // namespace
}  // namespace widelimit::network

/// \file
/// The networks of the reference kernels are read and accepted.
#include <filesystem>
#include <set>

#include <gtest/gtest.h>
#include <hdf5.h>

#include "widelimit/network/describe.hpp"
#include "widelimit/network/reader.hpp"
#include "widelimit/network/validate.hpp"

namespace widelimit::network {
namespace {

struct Reference {
  std::string name, network;
  int dimensions = 0;  ///< of the inputs; 2: vectors
};

std::string read_attribute(hid_t group, char const* name) {
  hid_t const attribute = H5Aopen(group, name, H5P_DEFAULT);
  hid_t const type = H5Aget_type(attribute);
  std::string value;
  if (H5Tis_variable_str(type) > 0) {
    char* text = nullptr;
    H5Aread(attribute, type, &text);
    if (text != nullptr) value = text;
    H5free_memory(text);
  } else {
    value.resize(H5Tget_size(type));
    H5Aread(attribute, type, value.data());
  }
  H5Tclose(type);
  H5Aclose(attribute);
  return value;
}

std::vector<Reference> read_references(std::string const& path) {
  std::vector<Reference> references;
  hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  H5G_info_t info{};
  H5Gget_info(file, &info);
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    char name[256] = "";
    H5Lget_name_by_idx(file, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
    hid_t const group = H5Gopen(file, name, H5P_DEFAULT);
    if (H5Lexists(group, "x1", H5P_DEFAULT) > 0) {
      hid_t const inputs = H5Dopen(group, "x1", H5P_DEFAULT);
      hid_t const space = H5Dget_space(inputs);
      references.push_back(
          {name, read_attribute(group, "network"), H5Sget_simple_extent_ndims(space)});
      H5Sclose(space);
      H5Dclose(inputs);
    }
    H5Gclose(group);
  }
  H5Fclose(file);
  return references;
}

TEST(ReferenceNetworks, perceptrons_are_accepted_and_the_others_refused_by_name) {
  if (!std::filesystem::exists(WIDELIMIT_KERNELS_FILE))
    GTEST_SKIP() << "no " << WIDELIMIT_KERNELS_FILE << "; set WIDELIMIT_SHARED_DIR";
  int accepted = 0;
  for (auto const& reference : read_references(WIDELIMIT_KERNELS_FILE)) {
    auto const node = io::YamlNode::parse(reference.network, reference.name);
    std::string refused;
    Sequence network;
    try {
      network = read_network(node);
      if (reference.dimensions == 2) validate(network, reference.name);
    } catch (InputError const& e) {
      refused = e.what();
    }
    if (reference.dimensions == 2) {
      EXPECT_EQ(refused, "");
      EXPECT_GE(count_weight_layers(network), 1) << reference.name;
      ++accepted;
    } else if (!refused.empty()) {
      EXPECT_NE(refused.find("is not built in this version"), std::string::npos) << refused;
    }
  }
  EXPECT_GE(accepted, 70);
}

}  // namespace
}  // namespace widelimit::network

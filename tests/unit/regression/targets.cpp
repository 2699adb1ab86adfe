#include "widelimit/regression/targets.hpp"

#include <gtest/gtest.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::regression {
namespace {

TEST(Targets, one_hot_and_centred) {
  auto const plain = encode_labels({2, 0}, 4, LabelCoding::one_hot, "data.train.targets");
  EXPECT_EQ(plain.values, (std::vector<double>{0, 0, 1, 0, 1, 0, 0, 0}));
  auto const centred = encode_labels({2, 0}, 4, LabelCoding::one_hot_centred, "");
  EXPECT_EQ(centred.values,
            (std::vector<double>{-0.25, -0.25, 0.75, -0.25, 0.75, -0.25, -0.25, -0.25}));
}

TEST(Targets, count_of_classes_from_the_labels) {
  EXPECT_EQ(encode_labels({1, 6, 3}, 0, LabelCoding::one_hot, "").cols, 7);
}

TEST(Targets, a_label_out_of_range_names_its_row) {
  for (auto const& labels : {std::vector<Index>{0, 1, 3}, std::vector<Index>{0, 1, -1}}) try {
      encode_labels(labels, 3, LabelCoding::one_hot, "data.test.targets");
      FAIL();
    } catch (InputError const& e) {
      std::string const text = e.what();
      EXPECT_EQ(text.find("data.test.targets: row 2 has the label"), 0U) << text;
      EXPECT_NE(text.find("from 0 to 2"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace widelimit::regression

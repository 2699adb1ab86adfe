#include "widelimit/io/checksum.hpp"

#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace widelimit::io {
namespace {

std::uint64_t checksum_of(std::vector<unsigned char> const& bytes) {
  Checksum sum;
  sum.add(bytes.data(), bytes.size());
  return sum.value();
}

TEST(Checksum, every_flipped_bit_changes_it) {
  std::vector<unsigned char> bytes(77);
  std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(1));
  std::set<std::uint64_t> seen{checksum_of(bytes)};
  for (unsigned char& byte : bytes) {
    for (int bit = 0; bit < 8; ++bit) {
      byte ^= static_cast<unsigned char>(1 << bit);
      EXPECT_TRUE(seen.insert(checksum_of(bytes)).second);
      byte ^= static_cast<unsigned char>(1 << bit);
    }
  }
}

TEST(Checksum, swapped_words_and_zeros_change_it) {
  std::vector<unsigned char> bytes(64, 0);
  std::uint64_t const zeros = checksum_of(bytes);
  std::set<std::uint64_t> seen{zeros};
  for (std::size_t word = 0; word < 8; ++word) {
    bytes.assign(64, 0);
    bytes[8 * word] = 1;
    EXPECT_TRUE(seen.insert(checksum_of(bytes)).second);
  }
  EXPECT_TRUE(seen.insert(checksum_of(std::vector<unsigned char>(32, 0))).second);
}

TEST(Checksum, its_values_are_those_of_the_files_already_written) {
  std::vector<unsigned char> bytes(100);
  std::iota(bytes.begin(), bytes.end(), static_cast<unsigned char>(0));
  EXPECT_EQ(checksum_of(bytes), 11464708564999129349U);
}

}  // namespace
}  // namespace widelimit::io

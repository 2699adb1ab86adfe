/// \file
/// A fast 64-bit checksum that finds damaged tiles.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace widelimit::io {

/// Checksum of bytes given in pieces. Not cryptographic: it finds damage, not malice. The value
/// depends on how the bytes are cut in pieces, so writer and reader must cut alike (row by row).
/// Four independent lanes of multiply, xor, rotate, multiply over 64-bit words: as fast as
/// memory. The second product spreads what the first leaves in the top bits. Every step
/// is invertible in the word and in the lane, so damage to one word always changes its lane.
class Checksum {
 public:
  void add(void const* data, std::size_t bytes) {
    auto const* from = static_cast<unsigned char const*>(data);
    auto lanes = lanes_;  // a local copy stays in registers
    for (; bytes >= 32; bytes -= 32, from += 32) {
      std::array<std::uint64_t, 4> words;
      std::memcpy(words.data(), from, 32);
      for (std::size_t k = 0; k < 4; ++k) lanes[k] = step(lanes[k], words[k]);
    }
    for (std::size_t k = 0; bytes > 0; ++k) {
      std::size_t const count = bytes < 8 ? bytes : 8;
      std::uint64_t word = 0;
      std::memcpy(&word, from, count);
      lanes[k] = step(lanes[k], word);
      from += count;
      bytes -= count;
    }
    lanes_ = lanes;
  }

  std::uint64_t value() const {
    std::uint64_t mixed = 0;
    for (std::uint64_t const lane : lanes_) mixed = step(mixed, lane ^ (lane >> 32));
    return mixed ^ (mixed >> 29);
  }

 private:
  static std::uint64_t step(std::uint64_t lane, std::uint64_t word) {
    return std::rotl(lane ^ (word * first_factor), 31) * second_factor;
  }
  // Odd, so that products can be undone: 2^64 by the golden ratio, and by pi.
  static constexpr std::uint64_t first_factor = 0x9e3779b97f4a7c15U;
  static constexpr std::uint64_t second_factor = 0x517cc1b727220a95U;
  // Distinct starts, so that words that change places between lanes are seen.
  std::array<std::uint64_t, 4> lanes_{0x243f6a8885a308d3U, 0x13198a2e03707344U, 0xa4093822299f31d0U,
                                      0x082efa98ec4e6c89U};  // digits of pi
};

}  // namespace widelimit::io

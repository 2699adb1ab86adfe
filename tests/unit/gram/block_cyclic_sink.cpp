#include "widelimit/gram/block_cyclic_sink.hpp"

#include <gtest/gtest.h>

#include "support/matrices.hpp"

namespace widelimit::gram {
namespace {

constexpr double sign_of(Kernel kernel) {
  return kernel == Kernel::nngp ? 1 : -1;
}

/// Entries that tell where they belong, exact in single precision; the NTK has the other sign.
double entry(Index i, Index j, Kernel kernel) {
  return sign_of(kernel) * static_cast<double>(1000 * i + j + 1);
}

/// A tile whose rows are further apart than they are long.
template <class Real>
Tile<Real> make_tile(io::TileGrid const& grid, Index number) {
  auto const id = grid.id(number);
  Range const rows = grid.row_range(id), cols = grid.col_range(id);
  Index const ld = grid.tile + 3;
  auto const filled = [&](Kernel kernel) {
    std::shared_ptr<Real[]> const memory(new Real[static_cast<std::size_t>(grid.tile * ld)]());
    for (Index i = rows.begin; i < rows.end; ++i)
      for (Index j = cols.begin; j < cols.end; ++j)
        memory[(i - rows.begin) * ld + j - cols.begin] = static_cast<Real>(entry(i, j, kernel));
    return std::shared_ptr<Real const>(memory, memory.get());
  };
  return {number, rows, cols, filled(Kernel::nngp), filled(Kernel::ntk), ld};
}

/// Deals all tiles out to the ranks, none, one or several in each round; `skip` says which are lost
/// on the way.
template <class Real, class Solve, class Skip>
linalg::DistributedMatrix<Solve> fill(io::TileGrid const& grid, Index block, Kernel kernel,
                                      Skip const& skip) {
  auto const process_grid = test::world_grid();
  int const rank = process_grid.comm().rank();
  linalg::DistributedMatrix<Solve> matrix(process_grid, grid.rows, grid.cols, block);
  BlockCyclicSink<Real, Solve> sink(matrix, grid, kernel);
  Index const ranks = process_grid.size(), per_round = ranks + 2;
  for (Index begin = 0; begin < grid.count(); begin += per_round) {
    for (Index number = begin; number < std::min(grid.count(), begin + per_round); ++number) {
      bool const mine = number * number / 3 % ranks == rank;  // without order
      if (mine && !skip(number)) sink.accept(make_tile<Real>(grid, number), false);
    }
    sink.end_round();
  }
  return matrix;
}

constexpr auto nothing_skipped = [](Index) { return false; };

template <class Real, class Solve>
void expect_filled(io::TileGrid const& grid, Index block, Kernel kernel) {
  SCOPED_TRACE(testing::Message() << grid.rows << " x " << grid.cols << ", tile " << grid.tile
                                  << ", block " << block);
  auto const whole = fill<Real, Solve>(grid, block, kernel, nothing_skipped).gather();
  for (Index i = 0; i < grid.rows; ++i)
    for (Index j = 0; j < grid.cols; ++j) {
      bool const filled = !grid.triangular() || j / block <= i / block;
      ASSERT_EQ(whole(i, j), filled ? entry(i, j, kernel) : 0.0) << i << ", " << j;
    }
}

template <class Types>
class BlockCyclicSinks : public testing::Test {};
template <class RealType, class SolveType>
struct Pair {
  using Real = RealType;
  using Solve = SolveType;
};
using Pairs = testing::Types<Pair<float, float>, Pair<float, double>, Pair<double, double>>;
TYPED_TEST_SUITE(BlockCyclicSinks, Pairs);

TYPED_TEST(BlockCyclicSinks, fill_the_lower_blocks_and_no_others) {
  for (auto const kernel : {Kernel::nngp, Kernel::ntk})
    for (Index const size : {1, 7, 8, 9, 48, 50, 101})
      for (Index const blocks : {1, 2, 3})
        expect_filled<typename TypeParam::Real, typename TypeParam::Solve>(
            {size, size, 8 * blocks, io::Coverage::lower}, 8, kernel);
}

TYPED_TEST(BlockCyclicSinks, fill_rectangles) {
  for (auto const& [rows, cols] : {std::pair<Index, Index>{53, 31}, {31, 53}, {1, 40}, {40, 1}})
    for (Index const blocks : {1, 2})
      expect_filled<typename TypeParam::Real, typename TypeParam::Solve>(
          {rows, cols, 8 * blocks, io::Coverage::all}, 8, Kernel::ntk);
}

TYPED_TEST(BlockCyclicSinks, a_tile_that_is_lost_holds_up_nobody) {
  io::TileGrid const grid{50, 50, 16, io::Coverage::lower};
  for (Index lost = 0; lost < grid.count(); ++lost) {
    auto const whole = fill<typename TypeParam::Real, typename TypeParam::Solve>(
                           grid, 8, Kernel::nngp, [&](Index tile) { return tile == lost; })
                           .gather();
    for (Index i = 0; i < grid.rows; ++i)
      for (Index j = 0; j <= i; ++j) {
        bool const arrived = grid.number({i / 16, j / 16}) != lost;
        ASSERT_EQ(whole(i, j), arrived ? entry(i, j, Kernel::nngp) : 0.0) << i << ", " << j;
      }
  }
}

}  // namespace
}  // namespace widelimit::gram

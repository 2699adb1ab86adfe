#include "widelimit/regression/prediction_sink.hpp"

#include <gtest/gtest.h>

#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

/// The tile `number` of `kernel`, in rows that are longer than the tile.
template <class Real>
gram::Tile<Real> tile_of(linalg::ReplicatedMatrix const& kernel, io::TileGrid const& grid,
                         Index number, gram::Output output) {
  auto const id = grid.id(number);
  Range const rows = grid.row_range(id), cols = grid.col_range(id);
  Index const ld = grid.tile + 2;
  std::shared_ptr<Real[]> const memory(new Real[static_cast<std::size_t>(grid.tile * ld)]());
  for (Index i = rows.begin; i < rows.end; ++i)
    for (Index j = cols.begin; j < cols.end; ++j)
      memory[(i - rows.begin) * ld + j - cols.begin] = static_cast<Real>(kernel(i, j));
  std::shared_ptr<Real const> const entries(memory, memory.get());
  if (output == gram::Output::nngp) return {number, rows, cols, entries, nullptr, ld};
  return {number, rows, cols, nullptr, entries, ld};
}

template <class Real>
linalg::ReplicatedMatrix predict(linalg::ReplicatedMatrix const& kernel,
                                 linalg::ReplicatedMatrix const& alpha, Index tile_size,
                                 gram::Output output) {
  auto const world = runtime::Communicator::world();
  io::TileGrid const grid{kernel.rows, kernel.cols, tile_size, io::Coverage::all};
  PredictionSink<Real> sink(alpha, kernel.rows);
  for (Index number = world.rank(); number < grid.count(); number += world.size())
    sink.accept(tile_of<Real>(kernel, grid, number, output), false);
  return std::move(sink).sum(world);
}

template <class Real>
class PredictionSinks : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(PredictionSinks, Reals);

TYPED_TEST(PredictionSinks, add_up_to_the_product_of_kernel_and_coefficients) {
  for (Index const test_points : {1, 16, 37})
    for (Index const outputs : {1, 3}) {
      auto kernel = test::random_matrix(test_points, 53, 1);
      // What a tile in single precision can hold: its products are then the same as in double.
      for (double& entry : kernel.values) entry = static_cast<double>(static_cast<float>(entry));
      auto const alpha = test::random_matrix(53, outputs, 2);
      auto const expected = test::product(kernel, alpha);
      for (Index const tile : {8, 64})
        for (auto const output : {gram::Output::nngp, gram::Output::ntk})
          EXPECT_LT(
              test::relative_difference(predict<TypeParam>(kernel, alpha, tile, output), expected),
              1e-14);
    }
}

TEST(PredictionSink, is_the_same_on_every_rank) {
  auto const world = runtime::Communicator::world();
  auto const result = predict<double>(test::random_matrix(20, 30, 3), test::random_matrix(30, 2, 4),
                                      8, gram::Output::ntk);
  for (double const value : result.values) EXPECT_EQ(world.max(value), -world.max(-value));
}

TEST(PredictionSink, takes_tiles_out_of_a_checkpoint_alike) {
  auto const kernel = test::random_matrix(5, 5, 5);
  auto const alpha = test::random_matrix(5, 1, 6);
  auto const world = runtime::Communicator::world();
  io::TileGrid const grid{5, 5, 5, io::Coverage::all};
  PredictionSink<double> sink(alpha, 5);
  if (world.is_root()) sink.accept(tile_of<double>(kernel, grid, 0, gram::Output::ntk), true);
  EXPECT_LT(test::relative_difference(std::move(sink).sum(world), test::product(kernel, alpha)),
            1e-14);
}

}  // namespace
}  // namespace widelimit::regression

#include "widelimit/interpreter/particles.hpp"

#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "widelimit/interpreter/column_block.hpp"
#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::interpreter {
namespace {

runtime::Communicator const& world() {
  static auto const comm = runtime::Communicator::world();
  return comm;
}

Columns<double> gaussian(Particles const& particles, std::uint32_t object, Index columns) {
  auto const x = make_columns<double>(particles, columns);
  fill_gaussian(5, object, particles.mine(), {0, columns}, x.data(), particles.local_count());
  return x;
}

TEST(Particles, every_row_has_one_rank_and_one_lane) {
  for (Index const n : {4, 7, 300, 12345}) {
    Particles const particles(world(), n);
    Index next = 0;
    for (int rank = 0; rank < world().size(); ++rank) {
      EXPECT_EQ(particles.of(rank).begin, next);
      next = particles.of(rank).end;
    }
    EXPECT_EQ(next, n);
    std::vector<int> seen(static_cast<std::size_t>(particles.local_count()));
    particles.for_each_lane([&](Index, Range rows) {
      for (Index i = rows.begin; i < rows.end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    for (int const count : seen) EXPECT_EQ(count, 1);
  }
}

TEST(Particles, fewer_particles_than_ranks_are_refused) {
  if (world().size() > 1) {
    EXPECT_THROW(Particles(world(), world().size() - 1), InputError);
  }
}

TEST(Particles, sums_do_not_depend_on_the_number_of_ranks) {
  if (!std::has_single_bit(static_cast<unsigned>(world().size()))) GTEST_SKIP();
  constexpr Index n = 1500;
  Particles const all(world(), n), alone(runtime::Communicator(MPI_COMM_SELF), n);
  auto const x = gaussian(all, 0, 3), y = gaussian(all, 1, 2);
  auto const whole_x = gaussian(alone, 0, 3), whole_y = gaussian(alone, 1, 2);
  EXPECT_EQ(inner(all, x, y).values(), inner(alone, whole_x, whole_y).values());
  EXPECT_EQ(means(all, x, 2), means(alone, whole_x, 2));
}

TEST(Particles, gathers_and_scatters) {
  Particles const particles(world(), 301);
  auto const x = gaussian(particles, 0, 2);
  Index const local = particles.local_count();
  std::vector<double> whole(2 * 301), expected(2 * 301);
  particles.gather(x.data(), local, 2, whole.data());
  fill_gaussian(5, 0, {0, 301}, {0, 2}, expected.data(), 301);
  EXPECT_EQ(whole, expected);

  auto const sums = make_columns<double>(particles, 2);
  Kokkos::deep_copy(sums, 1);
  particles.add_scattered(whole.data(), 2, sums.data(), local);
  for (Index c = 0; c < 2; ++c)
    for (Index i = 0; i < local; ++i) EXPECT_NEAR(sums(i, c), 1 + world().size() * x(i, c), 1e-13);
}

TEST(ColumnBlock, products_are_those_of_the_definition_across_panels) {
  Particles const particles(world(), 700);
  constexpr Index columns = ColumnBlock<double>::panel_columns + 3;
  auto const b = gaussian(particles, 1, columns);
  ColumnBlock<double> block(particles);
  for (Index begin = 0; begin < columns; begin += 50)
    block.append(Kokkos::subview(b, Kokkos::ALL, std::pair(begin, std::min(columns, begin + 50))));
  ASSERT_EQ(block.columns(), columns);
  auto const x = gaussian(particles, 2, 2);
  auto const s = block.inner(x);
  for (Index i = 0; i < columns; ++i)
    for (Index j = 0; j < 2; ++j) {
      double sum = 0;
      for (Index row = 0; row < particles.local_count(); ++row) sum += b(row, i) * x(row, j);
      EXPECT_NEAR(s(i, j), world().sum(sum) / 700, 1e-14);
    }
  auto const y = make_columns<double>(particles, 2);
  Kokkos::deep_copy(y, x);
  block.add_product(0.5, s, y);
  for (Index j = 0; j < 2; ++j)
    for (Index row = 0; row < particles.local_count(); row += 37) {
      double sum = x(row, j);
      for (Index i = 0; i < columns; ++i) sum += 0.5 * b(row, i) * s(i, j);
      EXPECT_NEAR(y(row, j), sum, 1e-13);
    }
  auto const z = make_columns<double>(particles, 2);
  Kokkos::deep_copy(z, x);
  auto const after = block.subtract_then_inner(s, z);
  auto const again = block.inner(z);
  for (Index i = 0; i < columns; ++i)
    for (Index j = 0; j < 2; ++j) EXPECT_NEAR(after.products(i, j), again(i, j), 1e-15);
  for (Index j = 0; j < 2; ++j) {
    double sum = 0;
    for (Index row = 0; row < particles.local_count(); ++row) sum += z(row, j) * z(row, j);
    EXPECT_NEAR(after.squares[static_cast<std::size_t>(j)], world().sum(sum) / 700, 1e-13);
  }
}

}  // namespace
}  // namespace widelimit::interpreter

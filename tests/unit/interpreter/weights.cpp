#include "widelimit/interpreter/weights.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/error.hpp"

namespace widelimit::interpreter {
namespace {

runtime::Communicator const& world() {
  static auto const comm = runtime::Communicator::world();
  return comm;
}

struct Options {
  std::uint64_t seed = 1;
  int members = 1;
  double sigma = 1.5;
  double tolerance = 1e-10;
  bool dense = false;
  MomentMatching matching = MomentMatching::off;
};

/// A matrix and its two spaces.
struct Fixture {
  Fixture(Index n, Options const& options) : particles(world(), n) {
    auto const space = [&] {
      return std::make_shared<ParticleSpace<double>>(particles, options.seed, options.matching);
    };
    right = space();
    left = space();
    WeightsSetup<double> const setup{right,           left,         options.sigma,
                                     options.members, options.seed, 100};
    w = options.dense ? make_dense(setup) : make_conditioned(setup, options.tolerance);
  }

  Columns<double> gaussian(std::uint32_t object, Index columns) const {
    auto const x = make_columns<double>(particles, columns);
    fill_gaussian(77, object, particles.mine(), {0, columns}, x.data(), particles.local_count());
    return x;
  }
  Columns<double> apply(Columns<double> const& x, bool transposed = false, int member = 0) const {
    auto const y = make_columns<double>(particles, static_cast<Index>(x.extent(1)));
    w->apply(member, transposed, {x}, y);
    return y;
  }
  double distance(Columns<double> const& a, Columns<double> const& b) const {
    auto const difference = make_columns<double>(particles, static_cast<Index>(a.extent(1)));
    for (std::size_t c = 0; c < a.extent(1); ++c)
      for (Index i = 0; i < particles.local_count(); ++i) difference(i, c) = a(i, c) - b(i, c);
    double square = 0;
    for (double const value : means(particles, difference, 2)) square += value;
    return std::sqrt(square);
  }

  Particles particles;
  std::shared_ptr<ParticleSpace<double>> right, left;
  std::unique_ptr<Weights<double>> w;
};

Columns<double> tanh_of(Particles const& particles, Columns<double> const& x) {
  auto const y = make_columns<double>(particles, static_cast<Index>(x.extent(1)));
  for (std::size_t c = 0; c < x.extent(1); ++c)
    for (Index i = 0; i < particles.local_count(); ++i) y(i, c) = std::tanh(x(i, c));
  return y;
}

/// Products there and back, some of vectors that are known, with updates between them.
void exercise(Fixture const& f) {
  auto x = f.gaussian(0, 3);
  for (int round = 0; round < 4; ++round) {
    auto const y = tanh_of(f.particles, f.apply(x));
    auto const z = f.apply(y, true);
    Small d(3, 3);
    for (Index i = 0; i < 3; ++i) d(i, (i + 1) % 3) = 0.5;
    f.w->update(0, 0.9, {{{y}, {x}, d}}, {});
    x = tanh_of(f.particles, z);
  }
}

class Representation : public testing::TestWithParam<bool> {};

TEST_P(Representation, the_transpose_is_consistent) {
  Fixture const f(500, {.dense = GetParam()});
  exercise(f);
  auto const x = tanh_of(f.particles, f.gaussian(5, 4)), y = tanh_of(f.particles, f.gaussian(6, 3));
  auto const a = inner(f.particles, y, f.apply(x));
  auto const b = inner(f.particles, f.apply(y, true), x);
  for (Index i = 0; i < a.rows(); ++i)
    for (Index j = 0; j < a.cols(); ++j) EXPECT_NEAR(a(i, j), b(i, j), 1e-12);
}

TEST_P(Representation, products_are_linear_and_remembered) {
  Fixture const g(500, {.dense = GetParam()});
  auto const x = g.gaussian(0, 3);
  auto const first = g.apply(x);
  (void)g.apply(g.gaussian(9, 5));
  (void)g.apply(g.gaussian(10, 5), true);
  EXPECT_LT(g.distance(first, g.apply(x)), 1e-12);
  auto const sum = make_columns<double>(g.particles, 1);
  auto const expected = make_columns<double>(g.particles, 1);
  for (Index i = 0; i < g.particles.local_count(); ++i) {
    sum(i, 0) = 2 * x(i, 0) - 3 * x(i, 2);
    expected(i, 0) = 2 * first(i, 0) - 3 * first(i, 2);
  }
  EXPECT_LT(g.distance(g.apply(sum), expected), 1e-12);
}

TEST_P(Representation, updates_are_those_of_the_definition) {
  Fixture const f(400, {.members = 2, .dense = GetParam()});
  auto const x = f.gaussian(0, 3), y = f.gaussian(1, 2), v = f.gaussian(2, 1);
  auto const before = f.apply(v);
  Small d(2, 3);
  for (Index i = 0; i < 6; ++i) d.data()[i] = static_cast<double>(i) - 2;
  Small by_column(1, 3);
  for (Index j = 0; j < 3; ++j) by_column(0, j) = 0.5 * static_cast<double>(j + 1);
  f.w->update(1, 0.5, {{{y}, {x}, d}}, {});                         // M = y D xᵀ/n
  f.w->update(1, 2.0, {{{x}, {x}, by_column, true}}, {{0, 0.25}});  // M = 2M + x B xᵀ/n + W/4
  f.w->update(0, 0.9, {}, {{1, -1}});                               // W = 0.9 W - M
  auto const after = f.apply(v), momentum = f.apply(v, false, 1);
  auto const xv = inner(f.particles, x, v);
  for (Index i = 0; i < f.particles.local_count(); i += 11) {
    double m = 0.25 * before(i, 0);
    for (Index k = 0; k < 3; ++k) {
      for (Index j = 0; j < 2; ++j) m += 2 * y(i, j) * d(j, k) * xv(k, 0);
      m += x(i, k) * by_column(0, k) * xv(k, 0);
    }
    EXPECT_NEAR(momentum(i, 0), m, 1e-12);
    EXPECT_NEAR(after(i, 0), 0.9 * before(i, 0) - m, 1e-12);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Representation, testing::Bool(),
                         [](auto const& info) { return info.param ? "dense" : "conditioned"; });

/// Numbers of one draw of the matrix that depend on how forward and backward products go together.
std::vector<double> statistics(bool dense, std::uint64_t seed) {
  Fixture const f(96, {.seed = seed, .sigma = 1.2, .dense = dense});
  auto const x = f.gaussian(0, 1);
  auto const h = f.apply(x);
  auto const back = f.apply(tanh_of(f.particles, h), true);
  auto const second = f.apply(tanh_of(f.particles, back));
  auto const third = f.apply(second, true);
  return {inner(f.particles, h, h)(0, 0),           inner(f.particles, back, x)(0, 0),
          inner(f.particles, back, back)(0, 0),     inner(f.particles, second, h)(0, 0),
          inner(f.particles, second, second)(0, 0), inner(f.particles, third, back)(0, 0)};
}

TEST(Conditioned, has_the_law_of_a_dense_matrix) {
  if (world().size() > 1) GTEST_SKIP() << "the law does not depend on the ranks";
  constexpr int draws = 400;
  struct Moments {
    double sum = 0, squares = 0;
  };
  std::vector<Moments> dense(6), conditioned(6);
  for (int draw = 0; draw < draws; ++draw) {
    auto const a = statistics(true, static_cast<std::uint64_t>(draw));
    auto const b = statistics(false, static_cast<std::uint64_t>(draws + draw));
    for (std::size_t k = 0; k < a.size(); ++k) {
      dense[k].sum += a[k] / draws;
      dense[k].squares += a[k] * a[k] / draws;
      conditioned[k].sum += b[k] / draws;
      conditioned[k].squares += b[k] * b[k] / draws;
    }
  }
  for (std::size_t k = 0; k < dense.size(); ++k) {
    double const va = dense[k].squares - dense[k].sum * dense[k].sum;
    double const vb = conditioned[k].squares - conditioned[k].sum * conditioned[k].sum;
    EXPECT_NEAR(dense[k].sum, conditioned[k].sum, 4 * std::sqrt((va + vb) / draws)) << k;
    EXPECT_NEAR(va / vb, 1, 4 * std::sqrt(6.0 / draws)) << k;  // of a slightly skewed law
  }
}

TEST(Conditioned, what_tolerance_leaves_out_is_of_its_size) {
  double last = 0;
  for (double const tolerance : {1e-10, 1e-6, 1e-4, 1e-2}) {
    Fixture const exact(600, {.tolerance = 1e-12}), f(600, {.tolerance = tolerance});
    auto const x = f.gaussian(0, 4);
    (void)exact.apply(x);
    (void)f.apply(x);
    auto const near = make_columns<double>(f.particles, 4);
    auto const noise = f.gaussian(1, 4);
    for (Index c = 0; c < 4; ++c)
      for (Index i = 0; i < f.particles.local_count(); ++i)
        near(i, c) = x(i, c) + std::pow(10.0, -3.0 * static_cast<double>(c + 1)) * noise(i, c);
    double const error = f.distance(f.apply(near), exact.apply(near));
    EXPECT_LT(error, 4 * 1.5 * tolerance + 1e-12);
    EXPECT_GE(error, last - 1e-13);
    last = error;
    Index kept = 4;  // the three closest columns differ by 1e-6, 1e-9 and 1e-12
    for (double const size : {1e-3, 1e-6, 1e-9, 1e-12}) kept += size > tolerance ? 1 : 0;
    EXPECT_EQ(f.w->ranks()[0], kept);
  }
}

TEST(Conditioned, directions_that_differ_by_little_are_orthogonal_all_the_same) {
  Fixture const f(500, {.tolerance = 1e-10});
  auto const x = f.gaussian(0, 6), noise = f.gaussian(1, 6);
  for (Index c = 1; c < 6; ++c)
    for (Index i = 0; i < f.particles.local_count(); ++i)
      x(i, c) = x(i, 0) + std::pow(10.0, -static_cast<double>(c)) * noise(i, c);
  Basis<double> basis(f.particles);
  auto const copy = make_columns<double>(f.particles, 6);
  Kokkos::deep_copy(copy, x);
  auto const s = basis.expand(copy, 1e-10);
  ASSERT_EQ(basis.rank(), 6);
  auto const columns = basis.block().panel_part({0, 6});
  auto const gram = inner(f.particles, columns, columns);
  for (Index i = 0; i < 6; ++i)
    for (Index j = 0; j < 6; ++j) EXPECT_NEAR(gram(i, j), i == j ? 1 : 0, 1e-14);
  auto const told = make_columns<double>(f.particles, 6);
  Kokkos::deep_copy(told, 0);
  basis.block().add_product(1, s, told);
  EXPECT_LT(f.distance(told, x), 1e-13);
}

TEST(Conditioned, matched_moments_are_exact) {
  Fixture const f(1000, {.sigma = 1, .matching = MomentMatching::on});
  auto const block = f.right->make_block(0);
  f.right->draw(*block, 3);
  auto const x = f.gaussian(8, 2);
  f.right->draw(*block, 2, x);
  auto const initial = block->panel_part({0, 5});
  auto const y = f.apply(initial);
  auto const z = f.apply(y, true);
  // In the limit <y y> = <x x> = 1, <z x> = <y y>, and z - x is Gaussian, independent of x.
  auto const yy = inner(f.particles, y, y), zx = inner(f.particles, z, initial);
  auto const zz = inner(f.particles, z, z), new_x = inner(f.particles, initial, x);
  for (Index i = 0; i < 5; ++i)
    for (Index j = 0; j < 5; ++j) {
      EXPECT_NEAR(yy(i, j), i == j ? 1 : 0, 1e-13);
      EXPECT_NEAR(zx(i, j), i == j ? 1 : 0, 1e-13);
      EXPECT_NEAR(zz(i, j), i == j ? 2 : 0, 1e-13);
    }
  for (Index i = 3; i < 5; ++i)
    for (Index j = 0; j < 2; ++j) EXPECT_NEAR(new_x(i, j), 0, 1e-13);
  for (double const mean : means(f.particles, y, 1)) EXPECT_NEAR(mean, 0, 1e-14);
}

TEST(Conditioned, more_random_columns_than_particles_are_refused) {
  Fixture const f(20, {.matching = MomentMatching::on});
  EXPECT_THROW((void)f.apply(f.gaussian(0, 20)), InputError);
}

}  // namespace
}  // namespace widelimit::interpreter

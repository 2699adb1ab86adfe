#include "widelimit/interpreter/executor.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/program/differentiate.hpp"

#include "reference/plain_program.hpp"
#include "support/random_program.hpp"

namespace widelimit::interpreter {
namespace {

using program::Builder;
using program::Id;
using program::Kind;
using program::Program;
using reference::PlainProgram;

runtime::Communicator const& world() {
  static auto const comm = runtime::Communicator::world();
  return comm;
}

/// A network of width n as it is, without anything of the limit.
ExecutorOptions finite(Index n, std::uint64_t seed) {
  ExecutorOptions options;
  options.particles = n;
  options.representation = Representation::dense;
  options.matching = MomentMatching::off;
  options.exact_zeros = false;
  options.seed = seed;
  return options;
}

/// The plain program takes the initial values of the executor.
void copy_initial(Program const& p, Executor<double> const& from, std::uint64_t seed, Index n,
                  PlainProgram& to) {
  for (auto const& initial : p.initials) {
    auto& array = to.at(initial.value);
    if (auto const* m = std::get_if<program::GaussianMatrix>(&initial.content)) {
      std::vector<double> entries(static_cast<std::size_t>(n * n));
      fill_gaussian(seed, 2 * static_cast<std::uint32_t>(initial.value), {0, n}, {0, n},
                    entries.data(), n);
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < n; ++j)
          array(i, j) = m->sigma / std::sqrt(static_cast<double>(n)) *
                        entries[static_cast<std::size_t>(i + j * n)];
    } else if (p.value(initial.value).kind == Kind::vector) {
      auto const& local = from.vector(initial.value);
      auto const columns = static_cast<Index>(local.extent(1));
      std::vector<double> whole(static_cast<std::size_t>(n * columns));
      from.particles().gather(local.data(), from.particles().local_count(), columns, whole.data());
      for (Index i = 0; i < n; ++i)
        for (Index j = 0; j < columns; ++j)
          array(i, j) = whole[static_cast<std::size_t>(i + j * n)];
    }
  }
}

TEST(Executor, random_programs_agree_with_plain_arrays) {
  constexpr Index n = 12;
  int compared = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    auto random = test::RandomProgramMaker(seed).make(3 + static_cast<int>(seed % 9));
    auto& p = random.program;
    auto const forward = p.step;
    Builder b(p);
    b.write_to(p.step);
    auto const gradients = program::differentiate(b, forward, random.loss, random.initial);
    Id const rate = b.constant(-0.1);
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      Id const id = random.initial[k];
      if (p.value(id).kind == Kind::matrix)
        b.add(program::UpdateMatrix{id, b.constant(0.9), gradients[k].outer, {}});
      else if (p.value(id).kind == Kind::vector)
        b.add(program::UpdateVector{id, rate, gradients[k].terms});
      else if (gradients[k].scalar != program::none)
        b.add(program::Assign{id, gradients[k].scalar});
    }
    Particles const particles(world(), n);
    Executor<double> run(p, particles, finite(n, seed), {});
    PlainProgram plain(p, n, seed);
    copy_initial(p, run, seed, n, plain);
    for (int step = 0; step < 2; ++step) {
      plain.run(p.step);
      double const loss = plain.at(random.loss)(0, 0);
      if (!std::isfinite(loss) || std::fabs(loss) > 1e3) break;
      run.run(p.step, {random.loss});
      EXPECT_NEAR(run.scalar(random.loss)(0, 0), loss, 1e-9 * (1 + std::fabs(loss)))
          << "seed " << seed << ", step " << step;
      ++compared;
    }
  }
  EXPECT_GT(compared, 120);
}

TEST(Executor, names_the_value_that_is_not_finite) {
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const x = b.gaussian("x", 2, 1);
  Id const y = b.nonlinear("exp(500 + x)*exp(500 + x)", {x}, {}, "overflow");
  b.add(program::Assign{x, y});
  Particles const particles(world(), 50);
  Executor<double> run(p, particles, finite(50, 1), {});
  try {
    run.run(p.step, {});
    FAIL();
  } catch (NotFinite const& e) {
    EXPECT_EQ(e.value(), "overflow");
  }
}

TEST(Executor, noise_is_drawn_anew_for_each_step) {
  constexpr Index n = 20000;
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const g = b.initial("g", {program::Kind::vector, 0, 2}, program::GaussianNoise{1.5});
  Id const kept = b.vector("kept", 2);  // what the step before has drawn
  Id const y = b.nonlinear("x*x*x*x", {g});
  Id const fourth = b.mean("x", {y}), products = b.add(program::InnerProducts{program::none, g, g}),
           with_last = b.add(program::InnerProducts{program::none, g, kept});
  b.add(program::Assign{kept, g});
  Executor<double> run(p, Particles(world(), n), finite(n, 1), {});
  double const variance = 1.5 * 1.5, deviation = variance / std::sqrt(static_cast<double>(n));
  std::vector<Small> drawn;
  for (Index const step : {0, 1, 7, 1}) {
    run.run(p.step, {fourth, products, with_last}, {}, {}, step);
    for (Index c = 0; c < 2; ++c) {
      EXPECT_NEAR(run.scalar(products)(c, c), variance, 5 * std::sqrt(2.0) * deviation);
      EXPECT_NEAR(run.scalar(fourth)(0, c), 3 * variance * variance,
                  5 * std::sqrt(96.0) * variance * deviation);
      for (Index d = 0; d < 2; ++d) EXPECT_NEAR(run.scalar(with_last)(c, d), 0, 5 * deviation);
    }
    EXPECT_NEAR(run.scalar(products)(0, 1), 0, 5 * deviation);
    drawn.push_back(run.scalar(products));
  }
  EXPECT_EQ(drawn[1].values(), drawn[3].values());
  EXPECT_NE(drawn[1].values(), drawn[2].values());
}

/// A program that is no gradient, and uses one matrix at two places and transposed: three steps of
/// W <- 0.95·W + y·D·xᵀ/n with x = tanh(u + W·tanh(W·u)), y = tanh(Wᵀx).
struct Hebbian {
  Hebbian() {
    Builder b(program);
    b.write_to(program.step);
    Id const u = b.gaussian("u", 2, 1), w = b.matrix("W", 0.8);
    Id const once = b.nonlinear("tanh(x)", {b.add(program::MatMul{program::none, w, u})});
    Id const twice = b.add(program::MatMul{program::none, w, once});
    Id const x = b.nonlinear("tanh(x + y)", {u, twice});
    Id const y = b.nonlinear("tanh(x)", {b.add(program::MatMul{program::none, w, x, true})});
    overlap = b.add(program::InnerProducts{program::none, x, y});
    square = b.mean("x*x*x*y", {x, twice});
    b.add(program::UpdateMatrix{w, b.constant(0.95), {{y, x, b.constant(0.7)}}, {}});
  }
  std::vector<double> run(ExecutorOptions const& options) const {
    Executor<double> executor(program, Particles(world(), options.particles), options, {});
    std::vector<double> values;
    executor.start();
    for (int step = 0; step < 3; ++step) {
      executor.run(program.step, {overlap, square});
      for (Id const id : {overlap, square})
        values.insert(values.end(), executor.scalar(id).values().begin(),
                      executor.scalar(id).values().end());
    }
    return values;
  }
  Program program;
  Id overlap = program::none, square = program::none;
};

TEST(Executor, a_hebbian_program_in_the_limit_is_that_of_wide_networks) {
  Hebbian const hebbian;
  auto const mean_of = [&](int seeds, auto const& options) {
    std::vector<std::vector<double>> runs;
    for (int seed = 0; seed < seeds; ++seed)
      runs.push_back(hebbian.run(options(static_cast<std::uint64_t>(seed))));
    std::vector<double> mean(runs.front().size()), error(mean.size());
    for (std::size_t k = 0; k < mean.size(); ++k) {
      for (auto const& run : runs) mean[k] += run[k] / seeds;
      for (auto const& run : runs) error[k] += std::pow(run[k] - mean[k], 2);
      error[k] = std::sqrt(error[k] / (seeds * (seeds - 1)));
    }
    return std::pair(mean, error);
  };
  auto const [limit, limit_error] = mean_of(4, [](std::uint64_t seed) {
    ExecutorOptions options;
    options.particles = 8192;
    options.representation = Representation::conditioned;
    options.seed = seed;
    return options;
  });
  auto const [wide, wide_error] =
      mean_of(12, [](std::uint64_t seed) { return finite(384, 100 + seed); });
  for (std::size_t k = 0; k < limit.size(); ++k) {
    // Beside the standard errors, the bias of order 1/n of the networks.
    EXPECT_NEAR(limit[k], wide[k], 5 * std::hypot(limit_error[k], wide_error[k]) + 2.0 / 384)
        << "value " << k;
    EXPECT_LT(limit_error[k], 0.01);
  }
}

TEST(Spaces, layers_are_apart_and_meet_where_rows_meet) {
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const u = b.gaussian("u", 1, 1), w = b.matrix("W", 1), v = b.gaussian("v", 1, 1);
  Id const h = b.add(program::MatMul{program::none, w, u});
  Id const back = b.add(program::MatMul{program::none, w, v, true});
  b.add(program::InnerProducts{program::none, v, h});
  auto const spaces = find_spaces(p);
  auto const of = [&](Id id) { return spaces.of_vector[static_cast<std::size_t>(id)]; };
  EXPECT_EQ(spaces.count, 2);
  EXPECT_NE(of(u), of(h));
  EXPECT_EQ(of(v), of(h));
  EXPECT_EQ(of(u), of(back));
  EXPECT_EQ(spaces.right[static_cast<std::size_t>(w)], of(u));
  EXPECT_EQ(spaces.left[static_cast<std::size_t>(w)], of(h));
  b.add(program::MatMul{program::none, w, h});  // applied twice: one space
  EXPECT_EQ(find_spaces(p).count, 1);
}

}  // namespace
}  // namespace widelimit::interpreter

/// \file
/// Gradients of random programs against differences, and of a perceptron against its textbook
/// backward pass.
#include "widelimit/program/differentiate.hpp"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "reference/plain_program.hpp"
#include "support/expect_input_error.hpp"
#include "support/random_program.hpp"

namespace widelimit::program {
namespace {

using reference::Array;
using reference::PlainProgram;

/// ∂L/∂(value) as an array of the value's shape, from a gradient as programs hold it.
Array plain_gradient(PlainProgram& run, Shape const& shape, Gradient const& g, Index n,
                     Array const& like) {
  Array result(like.rows, like.columns);
  if (shape.kind == Kind::scalar) return g.scalar == none ? result : run.at(g.scalar);
  for (auto const& term : g.terms) {
    auto const& x = run.at(term.x);
    for (Index r = 0; r < n; ++r)
      for (Index c = 0; c < result.columns; ++c) {
        if (term.s == none) result(r, c) += x(r, c) / static_cast<double>(n);
        for (Index k = 0; term.s != none && k < x.columns; ++k)
          result(r, c) += x(r, k) * run.at(term.s)(k, c) / static_cast<double>(n);
      }
  }
  for (auto const& term : g.outer) {
    auto const &y = run.at(term.y), &x = run.at(term.x);
    for (Index r = 0; r < n; ++r)
      for (Index c = 0; c < n; ++c)
        for (Index k = 0; k < y.columns; ++k)
          result(r, c) += y(r, k) * x(c, k) / static_cast<double>(n);
  }
  return result;
}

/// At width n, the initial scalars with random entries: equal ones would make a maximum a kink.
PlainProgram begin(test::RandomProgram const& random, Index n, unsigned seed) {
  PlainProgram run(random.program, n, seed);
  std::mt19937_64 engine(seed + 1);
  std::normal_distribution<double> normal(0, 0.5);
  for (Id const id : random.initial)
    if (random.program.value(id).kind == Kind::scalar)
      for (double& x : run.at(id).entries) x = normal(engine);
  return run;
}

TEST(Differentiate, random_programs_agree_with_differences) {
  constexpr Index n = 3;
  int tested = 0;
  double largest = 0;
  for (unsigned seed = 0; tested < 250; ++seed) {
    auto random = test::RandomProgramMaker(seed).make(3 + static_cast<int>(seed % 9));
    auto& p = random.program;
    auto const forward = p.step;
    Builder b(p);
    b.write_to(p.step);
    auto const gradients = differentiate(b, forward, random.loss, random.initial);
    auto run = begin(random, n, seed);
    run.run(p.step);
    double const loss = run.at(random.loss)(0, 0);
    if (!std::isfinite(loss) || std::fabs(loss) > 1e3) continue;  // differences lose their digits
    ++tested;
    std::mt19937_64 engine(seed);
    std::normal_distribution<double> normal;
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      Id const id = random.initial[k];
      Array const there = run.at(id);
      Array direction = there;
      for (double& d : direction.entries) d = normal(engine);
      Array const gradient = plain_gradient(run, shape_of(p, id), gradients[k], n, there);
      double predicted = 0, size = 0;
      for (std::size_t e = 0; e < direction.entries.size(); ++e) {
        predicted += gradient.entries[e] * direction.entries[e];
        size += std::fabs(gradient.entries[e] * direction.entries[e]);
      }
      auto const loss_at = [&](double step) {
        auto moved = begin(random, n, seed);
        for (std::size_t e = 0; e < direction.entries.size(); ++e)
          moved.at(id).entries[e] += step * direction.entries[e];
        moved.run(forward);
        return moved.at(random.loss)(0, 0);
      };
      double best = INFINITY;  // a kink between the points spoils one step, not all
      for (double const h : {1e-3, 1e-4, 1e-5}) {
        double const difference =
            (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
        best = std::fmin(best, std::fabs(difference - predicted));
      }
      double const scale = size + 1e-3 * (1 + std::fabs(loss));
      largest = std::fmax(largest, best / scale);
      EXPECT_LE(best, 1e-5 * scale) << "seed " << seed << ", " << p.value(id).name;
    }
  }
  RecordProperty("largest_relative_error", std::to_string(largest));
}

TEST(Differentiate, a_perceptron_gets_its_textbook_backward_pass) {
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const x = b.data("X", 3, 4), u = b.gaussian("U", 3, 1), w = b.matrix("W", 1),
           v = b.gaussian("V", 1, 1), chi = b.data("chi", 1, 4);
  Id const h1 = b.add(Combine{none, u, x}), x1 = b.nonlinear("tanh(x)", {h1}),
           h2 = b.add(MatMul{none, w, x1}), x2 = b.nonlinear("tanh(x)", {h2}),
           f = b.add(InnerProducts{none, v, x2});
  auto const g = differentiate(b, p.step, {{f, chi}}, {u, w, v, h1});
  // transpose, V·χ, ·φ', Wᵀ, ·φ', Xᵀ and χᵀ
  EXPECT_EQ(p.step.size(), 5U + 6U);
  ASSERT_EQ(g[1].outer.size(), 1U);
  EXPECT_EQ(g[1].outer[0].x, x1);
  ASSERT_EQ(g[0].terms.size(), 1U);
  EXPECT_EQ(g[0].terms[0].x, g[3].terms[0].x);
  ASSERT_EQ(g[2].terms.size(), 1U);
  EXPECT_EQ(g[2].terms[0].x, x2);
}

TEST(Differentiate, refuses_ways_through_updates) {
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const x = b.gaussian("x", 1, 1), w = b.matrix("W", 1);
  Id const y = b.add(MatMul{none, w, x});
  b.add(UpdateMatrix{w, none, {{y, x, none}}, {}});
  Id const loss = b.mean("x*x", {y});
  test::expect_input_error([&] { (void)differentiate(b, p.step, loss, {x}); },
                           {"`W`", "before updates"});
  test::expect_input_error([&] { (void)differentiate(b, p.step, loss, {w}); },
                           {"`W`", "before updates"});
  test::expect_input_error(
      [&] {
        (void)differentiate(b, p.step, {{y, loss}}, {x});
      },
      {"is a vector of 1 column, but its gradient", "1 x 1 scalar"});
}

}  // namespace
}  // namespace widelimit::program

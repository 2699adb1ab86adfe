/// \file
/// Optimised programs compute the same with fewer instructions.
#include "widelimit/program/optimize.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/program/differentiate.hpp"

#include "reference/plain_program.hpp"
#include "support/random_program.hpp"

namespace widelimit::program {
namespace {

TEST(Optimize, random_programs_compute_the_same_with_less) {
  std::size_t before = 0, after = 0;
  for (unsigned seed = 0; seed < 150; ++seed) {
    auto random = test::RandomProgramMaker(seed).make(10);
    auto& p = random.program;
    Builder b(p);
    b.write_to(p.step);
    auto const g = differentiate(b, p.step, random.loss, {random.initial[0], random.initial[2]});
    // Updates in the middle, after which the same instructions compute something else.
    b.add(UpdateMatrix{random.initial[0], b.constant(0.9), g[0].outer, {}});
    b.add(UpdateVector{random.initial[2], b.constant(0.9), g[1].terms});
    Id const again = b.mean("tanh(x)*y", {b.add(MatMul{none, random.initial[0], random.initial[3]}),
                                          random.initial[3]});
    p.observables = {{Role::loss, "loss", "", random.loss, none},
                     {Role::other, "again", "", again, none}};
    auto const original = p;
    optimize(p);
    before += original.step.size();
    after += p.step.size();
    reference::PlainProgram a(original, 3, seed), c(p, 3, seed);
    for (int t = 0; t < 2; ++t) {
      a.run(original.step);
      c.run(p.step);
      for (std::size_t o = 0; o < 2; ++o) {
        double const x = a.at(original.observables[o].in_step)(0, 0),
                     y = c.at(p.observables[o].in_step)(0, 0);
        if (std::isfinite(x)) {
          EXPECT_NEAR(x, y, 1e-9 * (1 + std::fabs(x))) << "seed " << seed;
        }
      }
    }
  }
  EXPECT_LT(after, before);
}

TEST(Optimize, shares_merges_and_removes) {
  Program p;
  Builder b(p);
  b.write_to(p.step);
  Id const x = b.gaussian("x", 2, 1), w = b.matrix("W", 1);
  Id const h = b.add(MatMul{none, w, x}), again = b.add(MatMul{none, w, x});
  Id const y = b.nonlinear("tanh(x)", {h}), z = b.nonlinear("x*y", {y, again});
  b.nonlinear("exp(x)", {h});  // nobody reads it
  Id const copy = b.nonlinear("x", {z});
  Id const out = b.mean("x*x", {copy});
  p.observables = {{Role::other, "out", "", out, none}};
  optimize(p);
  ASSERT_EQ(p.step.size(), 2U);
  auto const& mean = std::get<Mean>(p.step[1]);
  EXPECT_EQ(mean.vectors, std::vector<Id>{h});
  std::vector<std::string> const names{"h"};
  EXPECT_EQ(mean.psi, parse_expression("(tanh(h)*h)*(tanh(h)*h)", names));
}

}  // namespace
}  // namespace widelimit::program

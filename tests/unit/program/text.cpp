/// \file
/// Programs as text: what is printed is read back, the examples of the documentation run, and every
/// fault is named with its line.
#include "widelimit/program/text.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "widelimit/program/complete.hpp"
#include "widelimit/program/differentiate.hpp"
#include "widelimit/program/training.hpp"

#include "reference/plain_program.hpp"
#include "support/expect_input_error.hpp"
#include "support/random_program.hpp"

namespace widelimit::program {
namespace {

using reference::PlainProgram;

Program parse(std::string const& text) {
  return parse_program(text, "job.yaml", 10);
}

TEST(ProgramText, random_programs_are_read_back) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    auto random = test::RandomProgramMaker(seed).make(12);
    auto& p = random.program;
    Builder b(p);
    b.write_to(p.step);
    auto const g = differentiate(b, p.step, random.loss, random.initial);
    Id const momentum = b.matrix_like("momentum", random.initial[0]);
    b.add(UpdateMatrix{momentum, b.constant(0.9), g[0].outer, {{random.initial[0], none}}});
    b.add(UpdateMatrix{random.initial[0], none, {}, {{momentum, b.constant(-0.1)}}});
    b.add(UpdateVector{random.initial[2], b.constant(0.5), g[2].terms});
    p.observables = {{Role::loss, "loss", "train", random.loss, none}};
    auto const text = to_text(p);
    auto const back = parse_program(text, "text", 1);
    EXPECT_EQ(to_text(back), text);
    PlainProgram run(p, 3, seed), again(back, 3, seed);
    for (int t = 0; t < 2; ++t) {
      run.run(p.step);
      again.run(back.step);
    }
    double const loss = run.at(random.loss)(0, 0),
                 loss_again = again.at(back.observables[0].in_step)(0, 0);
    if (std::isfinite(loss)) {
      EXPECT_NEAR(loss, loss_again, 1e-9 * (1 + std::fabs(loss))) << text;
    }
  }
}

TEST(ProgramText, compiled_networks_are_read_back) {
  TrainingTask task;
  task.network = {{network::Dense{1, 0.1}, "dense", 1},
                  {network::Activation{network::Gelu{}}, "gelu", 1},
                  {network::Dense{}, "dense", 1}};
  task.train_points = 4;
  task.test_points = 3;
  task.batch_size = 2;
  task.outputs = 2;
  task.loss = Loss::cross_entropy;
  task.optimizer = {.momentum = 0.9, .weight_decay = 0.1, .clip = 1};
  auto const p = compile_training(task, "job.yaml").program;
  validate(p, "job.yaml");
  auto const text = to_text(p);
  EXPECT_EQ(to_text(parse_program(text, "text", 1)), text);
}

TEST(ProgramText, the_examples_of_the_documentation_run) {
  std::ifstream file(WIDELIMIT_LANGUAGE_FILE);
  ASSERT_TRUE(file.good());
  std::string line, text;
  std::vector<std::string> examples;
  for (bool inside = false; std::getline(file, line);) {
    if (line == "```") {
      if (inside) examples.push_back(text);
      inside = !inside;
      text.clear();
    } else if (inside) {
      text += line + "\n";
    }
  }
  ASSERT_EQ(examples.size(), 3U);
  for (auto const& example : examples) {
    auto const p = parse(example);
    PlainProgram run(p, 5, 1);
    for (auto const& initial : p.initials)
      if (std::holds_alternative<Data>(initial.content) ||
          std::holds_alternative<Schedule>(initial.content))
        for (double& x : run.at(initial.value).entries) x = 0.3;
    run.run(p.step);
    run.run(p.observe);
    ASSERT_FALSE(p.observables.empty());
    auto const& first = p.observables.front();
    Id const recorded = first.in_step == none ? first.in_observe : first.in_step;
    for (double const x : run.at(recorded).entries) EXPECT_TRUE(std::isfinite(x) && x != 0);
  }
}

TEST(ProgramText, understands_every_statement) {
  std::string const text =
      "matrix W gaussian 1  # a comment\n"
      "matrix M zero like W\n"
      "vector x [4] gaussian 1\n"
      "vector u [1] constant 2\n"
      "noise eps [1] gaussian 0.5\n"
      "scalar s [2, 4] constant -0.5\n"
      "data t [2, 6]\n"
      "batch tb [2, 4] of t by 2\n"
      "schedule rate [1, 1]\n"
      "start:\n"
      "  z0 = W' @ x\n"
      "step:\n"
      "  y = W @ x\n"
      "  gy = eps*y\n"
      "  e = rate*tanh(y) + u like x\n"
      "  o = average over b, c: tanh(y - y{b})*u{c} + rate\n"
      "  m = mean: y^2\n"
      "  i = inner(x, y) in 2 groups\n"
      "  q = y @ s in 2 groups\n"
      "  sel = [x[1] + -0.5*x[3], 0, 0.5*x[0]]\n"
      "  nothing = [0, 0] of s\n"
      "  r = sum_rows(tb)\n"
      "  l = largest(tb)\n"
      "  tr = transpose(i) in 2 groups\n"
      "  g = s @ tr in 2 groups\n"
      "  half = rate*0.5 + pi + 1e-3\n"
      "  one = 1\n"
      "  W <- 0.9*W + outer(y, x) + outer(y, half, x) + outer(u, r, x) + rate*M\n"
      "  x <- half*x + y + 2*y + q + half*e\n"
      "  s := g\n"
      "record other e step=e\n"
      "record gradient layer_1 set=train output=3 step=y\n";
  auto const p = parse(text);
  EXPECT_EQ(p.start.size(), 1U);
  EXPECT_EQ(p.step.size(), 18U);
  EXPECT_EQ(std::get<OuterNonlinear>(p.step[3]).copies, (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(std::get<Nonlinear>(p.step[2]).vectors.size(), 2U);  // x is not needed
  EXPECT_EQ(std::get<MapColumns>(p.step[7]).map->weight, (std::vector<double>{1, -0.5, 0.5}));
  EXPECT_EQ(std::get<UpdateMatrix>(p.step[15]).outer.size(), 3U);
  EXPECT_EQ(std::get<UpdateVector>(p.step[16]).terms.size(), 4U);
  EXPECT_EQ(p.observables[1].output, 3);
  EXPECT_EQ(to_text(parse(to_text(p))), to_text(p));
}

TEST(ProgramText, names_every_fault_with_its_line) {
  std::string const head =
      "matrix W gaussian 1\n"
      "vector x [2] gaussian 1\n"
      "scalar c [1, 3] constant 1\n"
      "schedule rate [1, 1]\n"
      "step:\n"
      "  h = W @ x\n";  // line 15
  auto const refused = [&](std::string const& more, std::vector<std::string> fragments,
                           std::string const& line = "job.yaml:16: program: ") {
    fragments.push_back(line);
    test::expect_input_error([&] { (void)parse(head + more); }, fragments);
  };
  refused("  y = tanh(hh)", {"nothing is called `hh`", "did you mean `h`?"});
  refused("  y = W @ z\n  z = W @ y\n", {"`z` is read here, but defined on line 17", "circle"});
  refused("  h = x", {"`h` is defined already, on line 15"});
  refused("  y = tanj(x)", {"unknown function `tanj`", "did you mean `tanh`?"});
  refused("  y = x + c", {"`c` has 3 columns, where other operands have 2"});
  refused("  y = c @ W", {"`W` is a matrix, where a scalar is needed"});
  refused("  y = tanh(W)", {"`W` is a matrix"});
  refused("  y = W @ c", {"`c` is a 1 x 3 scalar, where a vector is needed"});
  refused("  y = x' @ h", {"`x` is no matrix"});
  refused("  y = x @ c", {"`x` has 2 columns, but `c` has 1 row"});
  refused("  y = inner(x, h) in 3 groups", {"2 columns", "3 equal groups"});
  refused("  y = [x[2]]", {"`x` has no column 2"});
  refused("  y = [x[0], h[0]]", {"`x` and `h`"});
  refused("  y = x{b}", {"`{b}` names no row"});
  refused("  y = (x", {"expected `)`"});
  refused("  y x", {"expected a declaration", "found `y x`"});
  refused("  mean = x", {"`mean` has a meaning of its own"});
  refused("  h <- h + x", {"`h` is no initial value"});
  refused("  W <- x + outer(x, x)", {"begins with the old value, `W <- W + …`"});
  refused("  W <- c*W", {"`c` is a 1 x 3 scalar, where a 1 x 1 factor is needed"});
  refused("  W <- W + outer(x, c, x)", {"fits neither column by column nor as 2 x 2"});
  refused("  c <- c + c", {"`c` is a scalar, which changes by `:=`"});
  refused("  rate := rate", {"`rate` is given by the run"});
  refused("  x := c", {"`x` is a vector of 2 columns, but is given a 1 x 3 scalar"});
  refused("stop:", {"`stop` is no section", "did you mean `step`?"});
  refused("observe:\n  y = x*rate", {"`rate` has a value in `step` alone"},
          "job.yaml:17: program: ");
  refused("observe:\n  y = h*2", {"`h` is read in `observe` before it is defined"},
          "job.yaml:17: program: ");
  refused("record outputs f step=h", {"`outputs` is nothing that can be recorded", "`output`"});
  refused("record output f steps=h", {"unknown key `steps`", "`step`"});
  refused("record output f step=h", {"the record `f` needs a scalar, but `h` is a vector"},
          "job.yaml:15: program: ");
  refused("record other f observe=h", {"`h`, which `observe` does not define"}, "program: ");
  test::expect_input_error([&] { (void)parse("vector x [0] gaussian 1"); },
                           {"job.yaml:10", "at least 1"});
  test::expect_input_error([&] { (void)parse("vector x [1] gaussian -1"); }, {"not negative"});
  test::expect_input_error([&] { (void)parse("vector x [1] gaussian 1 2"); },
                           {"expected the end of the line", "found `2`"});
  test::expect_input_error([&] { (void)parse("y = 1"); }, {"stands before `start:`"});
  test::expect_input_error(
      [&] { (void)parse("matrix W gaussian 1\nmatrix M zero like W\nmatrix N zero like M"); },
      {"job.yaml:12", "`N` is like `M`, which is no Gaussian matrix"});
  test::expect_input_error([&] { (void)parse("data t [2, 6]\nbatch b [2, 4] of t by 3"); },
                           {"job.yaml:11", "no batch of `t`"});
}

TEST(ProgramText, what_a_step_records_is_completed) {
  std::string const head =
      "matrix W gaussian 1\n"
      "vector x [2] gaussian 1\n"
      "schedule rate [1, 1]\n"
      "step:\n"
      "  h = W @ x\n"
      "  c = mean: h^2\n"
      "  d = rate*c\n"
      "  W <- W + outer(h, rate, x)\n"
      "  k = W @ x\n";
  auto p = parse(head + "record other c step=c\n");
  complete_observables(p, "job.yaml");
  validate(p, "job.yaml");
  ASSERT_EQ(p.observe.size(), 2U);
  PlainProgram run(p, 4, 1);
  run.at("rate")(0, 0) = 0.1;
  run.run(p.observe);
  double const before = run.at(p.observables[0].in_observe)(0, 0);
  run.run(p.step);
  EXPECT_EQ(run.at("c")(0, 0), before);
  run.run(p.observe);
  EXPECT_NE(run.at(p.observables[0].in_observe)(0, 0), before);
  auto const refused = [&](std::string const& value, std::vector<std::string> const& fragments) {
    auto q = parse(head + "record other r step=" + value + "\n");
    test::expect_input_error([&] { complete_observables(q, "job.yaml"); }, fragments);
  };
  refused("d", {"job.yaml:16: program: ", "`d`", "the schedule `rate`", "`observe=`"});
  refused("k", {"job.yaml:18", "`W`, which the step has changed before"});
}

}  // namespace
}  // namespace widelimit::program

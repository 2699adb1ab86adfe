#include "widelimit/cli/input_file.hpp"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::cli {
namespace {

using Strings = std::vector<std::string>;

std::string const small =
    "data:\n"
    "  train: {file: a.h5, inputs: /x, targets: /y}\n"
    "network: [dense, relu, dense]\n"
    "job: {type: regression}\n";

InputFile parse(std::string const& text, Strings const& overrides = {}) {
  return parse_input(text, "jobs/run.yaml", overrides);
}

TEST(InputFile, defaults) {
  auto const input = parse(small);
  EXPECT_EQ(input.title, "");
  EXPECT_EQ(input.data.train.file, "jobs/a.h5");
  EXPECT_EQ(input.data.train.inputs, "/x");
  EXPECT_EQ(input.data.train.targets, "/y");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(input.data.train.rows));
  EXPECT_FALSE(input.data.test.has_value());
  EXPECT_EQ(input.data.inputs, InputScaling::none);
  EXPECT_EQ(input.data.targets, TargetEncoding::none);
  EXPECT_EQ(input.network.size(), 3u);
  auto const& job = std::get<RegressionOptions>(input.job);
  EXPECT_EQ(job.kernel, RegressionOptions::Kernel::ntk);
  EXPECT_EQ(job.solver, RegressionOptions::Solver::automatic);
  EXPECT_EQ(job.ridge.value, 0);
  EXPECT_EQ(job.ridge.scale, regression::RidgeScale::relative);
  EXPECT_EQ(job.tolerance, 1e-6);
  EXPECT_EQ(job.max_iterations, 1000);
  EXPECT_EQ(job.gram, RegressionOptions::Gram::automatic);
  EXPECT_EQ(job.posterior, RegressionOptions::Posterior::mean);
  EXPECT_EQ(input.precision, Precision::double_);
  EXPECT_EQ(input.resources.memory_per_rank_bytes, ResourceOptions::automatic);
  EXPECT_EQ(input.resources.tile, ResourceOptions::automatic);
  EXPECT_TRUE(input.checkpoint.enabled);
  EXPECT_EQ(input.checkpoint.every.count(), 600);
  EXPECT_EQ(input.checkpoint.on_corrupt, CheckpointOptions::OnCorrupt::stop);
  EXPECT_EQ(input.output.file, "jobs/run.results.h5");
  EXPECT_EQ(checkpoint_path(input.checkpoint, input.output.file), "jobs/run.results.checkpoint.h5");
}

TEST(InputFile, every_section) {
  auto const input = parse(
      "title: all sections\n"
      "data:\n"
      "  train: {file: ../a.h5, inputs: /x, targets: /y, rows: [10, 60000]}\n"
      "  test: {file: /data/b.h5, inputs: /x, rows: /test/rows}\n"
      "  inputs: {zca: {epsilon: 0.1}}\n"
      "  targets: one_hot_centred\n"
      "network:\n"
      "  - repeat: {times: 3, layers: [dense: {w_std: 1.4142135623730951}, relu]}\n"
      "  - dense\n"
      "job:\n"
      "  type: regression\n"
      "  kernel: ntkgp\n"
      "  solver: cholesky\n"
      "  ridge: {value: 1e-4, scale: absolute}\n"
      "  tolerance: 1e-8\n"
      "  max_iterations: 50\n"
      "  preconditioner: {type: none, rank: 10, block: 20}\n"
      "  gram: stored\n"
      "  posterior: variance\n"
      "precision: mixed\n"
      "resources: {memory_per_rank: 10 GiB, tile: 512}\n"
      "checkpoint: {file: state.h5, every: 90 s, on_corrupt: recompute}\n"
      "output: {file: out.h5}\n");
  EXPECT_EQ(input.title, "all sections");
  EXPECT_EQ(input.data.train.file, "a.h5");
  EXPECT_EQ(std::get<Range>(input.data.train.rows), (Range{10, 60000}));
  ASSERT_TRUE(input.data.test.has_value());
  EXPECT_EQ(input.data.test->file, "/data/b.h5");
  EXPECT_EQ(std::get<std::string>(input.data.test->rows), "/test/rows");
  EXPECT_EQ(input.data.inputs, InputScaling::zca);
  EXPECT_EQ(input.data.zca_epsilon, 0.1);
  EXPECT_EQ(input.data.targets, TargetEncoding::one_hot_centred);
  auto const& job = std::get<RegressionOptions>(input.job);
  EXPECT_EQ(job.kernel, RegressionOptions::Kernel::ntkgp);
  EXPECT_EQ(job.solver, RegressionOptions::Solver::cholesky);
  EXPECT_EQ(job.ridge.value, 1e-4);
  EXPECT_EQ(job.ridge.scale, regression::RidgeScale::absolute);
  EXPECT_EQ(job.tolerance, 1e-8);
  EXPECT_EQ(job.max_iterations, 50);
  EXPECT_EQ(job.preconditioner.type, PreconditionerOptions::Type::none);
  EXPECT_EQ(job.preconditioner.rank, 10);
  EXPECT_EQ(job.preconditioner.block, 20);
  EXPECT_EQ(job.gram, RegressionOptions::Gram::stored);
  EXPECT_EQ(job.posterior, RegressionOptions::Posterior::variance);
  EXPECT_EQ(input.precision, Precision::mixed);
  EXPECT_EQ(input.resources.memory_per_rank_bytes, Index{10} << 30);
  EXPECT_EQ(input.resources.tile, 512);
  EXPECT_EQ(input.checkpoint.file, "jobs/state.h5");
  EXPECT_EQ(input.checkpoint.every.count(), 90);
  EXPECT_EQ(input.checkpoint.on_corrupt, CheckpointOptions::OnCorrupt::recompute);
  EXPECT_EQ(input.output.file, "jobs/out.h5");
  EXPECT_EQ(input.where("data.train.rows").line, 3);
  EXPECT_EQ(input.where("job.posterior").line, 19);
}

TEST(InputFile, gram_kernels_and_words_for_none_and_auto) {
  auto const input =
      parse(small, {"job={type: gram, kernels: [nngp], triangle: lower}", "checkpoint=none",
                    "data.inputs=per_feature", "resources={tile: auto, memory_per_rank: auto}"});
  auto const& job = std::get<GramOptions>(input.job);
  EXPECT_TRUE(job.nngp);
  EXPECT_FALSE(job.ntk);
  EXPECT_EQ(job.triangle, GramOptions::Triangle::lower);
  EXPECT_FALSE(input.checkpoint.enabled);
  EXPECT_EQ(input.data.inputs, InputScaling::per_feature);
  EXPECT_EQ(input.resources.tile, ResourceOptions::automatic);
  auto const both = std::get<GramOptions>(parse(small, {"job={type: gram}"}).job);
  EXPECT_TRUE(both.nngp && both.ntk);
  EXPECT_EQ(both.triangle, GramOptions::Triangle::full);
}

TEST(InputFile, identities_cover_what_decides_the_numbers_alone) {
  auto const matrix = parse(small).matrix_identity();
  auto const job = parse(small).job_identity();
  for (auto const& same : {parse("title: x\n" + small + "output: {file: o.h5}\n"),
                           parse(small, {"checkpoint=none", "resources.tile=64"}),
                           parse(small, {"job.max_iterations=5", "job.gram=recomputed"})}) {
    EXPECT_EQ(matrix, same.matrix_identity());
    EXPECT_EQ(job, same.job_identity());
  }
  for (char const* change :
       {"network[0].dense.w_std=2", "precision=single", "data.train.rows=[0, 5]"}) {
    EXPECT_NE(matrix, parse(small, {change}).matrix_identity()) << change;
    EXPECT_NE(job, parse(small, {change}).job_identity()) << change;
  }
  // The entries of a kernel are the same whatever is done with them.
  for (char const* change : {"job.kernel=nngp", "job.tolerance=1e-3"}) {
    EXPECT_EQ(matrix, parse(small, {change}).matrix_identity()) << change;
    EXPECT_NE(job, parse(small, {change}).job_identity()) << change;
  }
}

TEST(InputFile, the_recorded_text_holds_the_overrides) {
  EXPECT_EQ(parse(small).recorded_text(), small);
  EXPECT_EQ(parse(small, {"precision=single"}).recorded_text(),
            small + "# --set precision=single\n");
}

TEST(InputFile, faults_name_file_line_key_and_what_to_do) {
  std::vector<std::pair<std::string, Strings>> const cases{
      {"", {"jobs/run.yaml: ", "`data` is missing"}},
      {"- a\n", {"jobs/run.yaml:1: ", "a map"}},
      {"data: {train: {file: a, inputs: x}}\nnetwrok: []\n",
       {"jobs/run.yaml:2: netwrok: unknown key", "did you mean `network`?"}},
      {"data:\n  train:\n    fil: a\n",
       {"jobs/run.yaml:3: data.train.fil: ", "did you mean `file`?"}},
      {"data:\n  train:\n    file: a\n", {"jobs/run.yaml:2: data.train: ", "`inputs` is missing"}},
      {"data: {train: {file: a, inputs: x}}\nprogram: [x]\n",
       {"jobs/run.yaml:2: program: ", "expected the text of a program"}},
      {"data: {train: {file: a, inputs: x}}\nprogram: |\n  start:\n    y = x\n",
       {"jobs/run.yaml:4: program: ", "nothing is called `x`"}},
      {"data: {train: {file: a, inputs: x}}\nprogram: |\n  vector x [1] gaussian 1\n",
       {"jobs/run.yaml:2: program: ", "`record …`"}},
      {"data: {train: {file: a, inputs: x}}\nnetwork: [dense]\nprogram: x\n",
       {"jobs/run.yaml:3: program: ", "not both"}},
      {"data: {train: {file: a, inputs: x}}\nprogram: |\n  vector x [1] gaussian 1\n  observe:\n"
       "    c = mean: x\n  record other c observe=c\njob: {type: gram}\n",
       {"jobs/run.yaml:2: program: ", "limit and finite"}},
      {"data: {train: {file: a, inputs: x}}\nnetwork: [dense, convv]\n",
       {"jobs/run.yaml:2: network[1]: ", "unknown layer `convv`", "mean `conv`?"}},
      {"data: {train: {file: a, inputs: x}}\nnetwork:\n - relu\n - dense\n",
       {"jobs/run.yaml:3: network: ", "`relu` (line 3) needs a Gaussian input"}}};
  for (auto const& [text, fragments] : cases)
    test::expect_input_error([&, &text = text] { parse(text); }, fragments);
}

TEST(InputFile, bad_values_are_refused) {
  std::vector<std::pair<std::string, Strings>> const cases{
      {"data.train.rows=[5, 5]", {"--set: data.train.rows: ", "0 <= begin < end"}},
      {"data.train.rows=[1]", {"data.train.rows: ", "0 <= begin < end"}},
      {"data.train.rows=[-1, 4]", {"data.train.rows[0]: ", "at least 0"}},
      {"data.train.rows={a: 1}", {"data.train.rows: ", "[begin, end)"}},
      {"data.train.patterns=/p", {"data.train.patterns: ", "a map of names and data sets"}},
      {"data.train.patterns={p: [1]}", {"data.train.patterns.p: "}},
      {"data.train.lengths=[1, 2]", {"data.train.lengths: "}},
      {"data.inputs=standardise", {"data.inputs: ", "did you mean `standardize`?"}},
      {"data.inputs={zca: {epsilon: 0}}", {"data.inputs.zca.epsilon: ", "above 0"}},
      {"data.inputs={unit_norm: {}}", {"data.inputs.unit_norm: unknown key"}},
      {"data.targets=onehot", {"data.targets: ", "did you mean `one_hot`?"}},
      {"job.type=regresion", {"job.type: ", "did you mean `regression`?"}},
      {"job.type=maml", {"job.type: ", "`maml` belongs", "built: gram, regression"}},
      {"job={kernel: ntk}", {"--set: job: ", "`type` is missing"}},
      {"job={type: gram, kernel: ntk}", {"job.kernel: ", "did you mean `kernels`?"}},
      {"job={type: gram, kernels: []}", {"job.kernels: ", "nngp, ntk, or both"}},
      {"job={type: gram, kernels: [ntk, ntk]}", {"job.kernels[1]: ", "twice"}},
      {"job={type: gram, kernels: ntk}", {"job.kernels: ", "a list, found `ntk`"}},
      {"job.solver=cg", {"job.solver: ", "auto, cholesky, pcg"}},
      {"job.gram=kept", {"job.gram: ", "auto, stored, file, recomputed"}},
      {"job.preconditioner={rank: 0}", {"job.preconditioner.rank: ", "at least 1"}},
      {"job.preconditioner={block: -1}", {"job.preconditioner.block: ", "at least 0"}},
      {"job.preconditioner={type: jacobi}", {"job.preconditioner.type: ", "nystrom"}},
      {"job.ridge={value: -1}", {"job.ridge.value: ", "at least 0"}},
      {"job.ridge=1e-3", {"job.ridge: ", "a map of keys and values"}},
      {"job.tolerance=0", {"job.tolerance: ", "above 0 up to 1"}},
      {"job.max_iterations=1.5", {"job.max_iterations: ", "a whole number"}},
      {"job.posterior=variance", {"--set: job.posterior: ", "`data.test` is missing"}},
      {"data.train={file: a.h5, inputs: /x}", {"data.train: ", "needs the key `targets`"}},
      {"precision=half", {"precision: ", "one of double, single, mixed"}},
      {"resources.memory_per_rank=10", {"resources.memory_per_rank: ", "with its unit"}},
      {"resources.tile=0", {"resources.tile: ", "at least 1"}},
      {"checkpoint=off", {"checkpoint: ", "none, or a map"}},
      {"checkpoint.every=10", {"checkpoint.every: ", "with its unit"}},
      {"checkpoint.on_corrupt=ignore", {"one of stop, recompute"}},
      {"output.file=a.h5", {"data.train.file: ", "jobs/a.h5 is named as training data"}},
      {"checkpoint.file=./a.h5", {"data.train.file: ", "jobs/a.h5 is named as training data"}},
      {"checkpoint.file=run.results.h5", {"checkpoint.file: ", "the same file"}},
      {"title=[a]", {"title: ", "a text, found a list"}}};
  for (auto const& [one, fragments] : cases)
    test::expect_input_error([&, &one = one] { parse(small, {one}); }, fragments);
}

TEST(InputFile, all_ranks_read_the_same_file) {
  auto const world = runtime::Communicator::world();
  std::string const path = "input_file_test.yaml";
  if (world.is_root()) std::ofstream(path) << small;
  world.barrier();
  auto const input = read_input(world, path, {"precision=single"});
  world.barrier();
  if (world.is_root()) std::remove(path.c_str());
  EXPECT_EQ(input.text, small);
  EXPECT_EQ(input.precision, Precision::single);
  EXPECT_EQ(input.data.train.file, "a.h5");
  EXPECT_EQ(input.output.file, "input_file_test.results.h5");
}

}  // namespace
}  // namespace widelimit::cli

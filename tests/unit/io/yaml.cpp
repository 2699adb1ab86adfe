#include "widelimit/io/yaml.hpp"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "support/expect_input_error.hpp"

namespace widelimit::io {
namespace {

using test::expect_input_error;
using Strings = std::vector<std::string>;

YamlNode parse(std::string const& text, Strings const& overrides = {}) {
  return YamlNode::parse(text, "job.yaml", overrides);
}

TEST(Yaml, reads_values_with_their_places) {
  auto const root = parse(
      "title: 'a: b'\n"
      "data:\n"
      "  train: {file: x.h5, rows: [0, 60]}\n"
      "network: [dense: {w_std: 1.5}, relu]\n"
      "job:\n"
      "  tolerance: 1e-6\n"
      "  exact: true\n"
      "  every: 10 min\n"
      "  memory: 2 KiB\n"
      "  empty:\n");
  EXPECT_EQ(root.get<std::string>("title"), "a: b");
  auto const train = root.at("data").at("train");
  EXPECT_EQ(train.path(), "data.train");
  EXPECT_EQ(train.get<std::vector<Index>>("rows"), (std::vector<Index>{0, 60}));
  auto const layers = root.at("network").items();
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].at("dense").at("w_std").path(), "network[0].dense.w_std");
  EXPECT_EQ(layers[0].at("dense").get<double>("w_std"), 1.5);
  EXPECT_EQ(layers[1].as<std::string>(), "relu");
  auto const job = root.at("job");
  EXPECT_EQ(job.line(), 5);
  EXPECT_EQ(job.get<double>("tolerance"), 1e-6);
  EXPECT_EQ(job.get<double>("ridge", 0.5), 0.5);
  EXPECT_TRUE(job.get<bool>("exact"));
  EXPECT_EQ(job.at("every").as_duration().count(), 600);
  EXPECT_EQ(job.at("memory").as_bytes(), 2048);
  EXPECT_TRUE(job.at("empty").is_null());
  EXPECT_TRUE(job.at("empty").keys().empty());
  EXPECT_TRUE(job.null_at("absent").is_null());
  EXPECT_EQ(layers[1].null_at("relu").where().line, 4);
}

TEST(Yaml, finds_the_place_of_a_key_path_or_of_what_is_around_it) {
  auto const root = parse("data:\n  train:\n    file: x.h5\nnetwork:\n  - relu\n");
  EXPECT_EQ(root.where("data.train.file").line, 3);
  EXPECT_EQ(root.where("network[0]").line, 5);
  auto const missing = root.where("data.train.targets");
  EXPECT_EQ(missing.line, 2);
  EXPECT_EQ(missing.key, "data.train.targets");
  EXPECT_EQ(missing.file, "job.yaml");
}

TEST(Yaml, wrong_values_name_file_line_key_and_what_was_expected) {
  auto const root = parse(
      "a:\n  number: two\n  negative: -1\n  list: [1, x]\n  word: rellu\n  "
      "half: 0.5\n  none:\n  big: 3000000000\n");
  auto const a = root.at("a");
  static constexpr std::pair<std::string_view, int> words[] = {{"relu", 1}, {"erf", 2}};
  static constexpr std::string_view later[] = {"pcg", "two"};
  struct Case {
    std::function<void()> read;
    Strings fragments;
  };
  std::vector<Case> const cases{
      {[&] { a.get<double>("number"); }, {"job.yaml:2: a.number: ", "a number, found `two`"}},
      {[&] { a.get<double>("negative", positive); }, {"job.yaml:3: a.negative: ", "above 0"}},
      {[&] { a.get<double>("negative", between(0, 1)); }, {"from 0 up to 1", "`-1`"}},
      {[&] { a.get<Index>("half"); }, {"job.yaml:6: a.half: ", "a whole number, found `0.5`"}},
      {[&] { a.get<int>("negative", at_least(1)); }, {"a whole number of at least 1"}},
      {[&] { a.get<int>("big"); }, {"job.yaml:8: a.big: ", "too large"}},
      {[&] { a.get<bool>("number"); }, {"true or false", "`two`"}},
      {[&] { a.get<std::vector<double>>("list"); }, {"job.yaml:4: a.list[1]: ", "`x`"}},
      {[&] { a.get<double>("list"); }, {"job.yaml:4: a.list: ", "a number, found a list"}},
      {[&] { a.get<std::string>("none"); }, {"job.yaml:7: a.none: ", "a text, found nothing"}},
      {[&] { a.get<double>("absent"); }, {"job.yaml:1: a: ", "`absent` is missing"}},
      {[&] { a.at("number").at("x"); }, {"job.yaml:2: a.number: ", "a map"}},
      {[&] { a.at("number").items(); }, {"a list, found `two`"}},
      {[&] { a.at("half").as_bytes(); }, {"job.yaml:6: a.half: ", "10 GiB"}},
      {[&] { a.at("half").as_duration(); }, {"job.yaml:6: a.half: ", "10 min"}},
      {[&] { a.at("word").as_choice(words); },
       {"job.yaml:5: a.word: ", "one of relu, erf", "did you mean `relu`?"}},
      {[&] { a.at("number").as_choice(words, later); },
       {"job.yaml:2: a.number: ", "`two` belongs to the input language", "built: relu, erf"}},
      {[&] {
         a.expect_keys({"number", "negativ", "list", "word", "half", "none", "big"});
       },
       {"job.yaml:3: a.negative: ", "unknown key", "did you mean `negativ`?",
        "known here: number"}},
  };
  for (auto const& [read, fragments] : cases) expect_input_error(read, fragments);
}

TEST(Yaml, refuses_files_that_are_not_one_sound_document) {
  expect_input_error([] { parse("a: 1\nb: [1, 2\n"); }, {"job.yaml:", "not valid YAML"});
  expect_input_error([] { parse("a:\n  b: 1\n  c: 2\n  b: 3\n"); },
                     {"job.yaml:4: a.b: ", "twice", "line 2"});
  expect_input_error([] { parse("a: 1\n---\nb: 2\n"); }, {"job.yaml: ", "2 YAML documents"});
  expect_input_error([] { parse("? [1, 2]\n: 3\n"); }, {"job.yaml:1: ", "one word"});
  expect_input_error([] { parse("a: &x [*x]\n"); }, {"job.yaml:1: ", "nested"});
}

TEST(Yaml, overrides_change_add_and_name_themselves) {
  auto const root =
      parse("job: {type: gram}\nnetwork:\n  - dense: {w_std: 1}\n  - dense\n  - relu\n",
            {"job.kernels=[ntk]", "network[0].dense.w_std=2", "network[1].dense.b_std=3",
             "output.file=a=b.h5", "network[2]=erf", "job.type=regression"});
  auto const layers = root.at("network").items();
  EXPECT_EQ(layers[0].at("dense").get<double>("w_std"), 2);
  EXPECT_EQ(layers[1].at("dense").get<double>("b_std"), 3);
  EXPECT_EQ(layers[2].as<std::string>(), "erf");
  EXPECT_EQ(root.at("job").get<std::vector<std::string>>("kernels"), Strings{"ntk"});
  EXPECT_EQ(root.at("job").get<std::string>("type"), "regression");
  EXPECT_EQ(root.at("output").get<std::string>("file"), "a=b.h5");
  expect_input_error([&] { root.at("job").get<double>("type"); }, {"--set: job.type: "});
  expect_input_error([&] { layers[1].at("dense").expect_keys({"w_std"}); },
                     {"--set: network[1].dense.b_std: unknown key"});
  expect_input_error([&] { root.at("job").at("kernels").items()[0].as<double>(); },
                     {"--set: job.kernels[0]: "});
}

TEST(Yaml, refuses_overrides_that_do_not_fit) {
  std::string const text = "job: {type: gram}\nnetwork: [relu]\n";
  std::vector<std::pair<std::string, Strings>> const cases{
      {"job.type", {"--set job.type: ", "KEY=VALUE"}},
      {"=3", {"KEY=VALUE"}},
      {"job..type=3", {"KEY=VALUE"}},
      {"network[x]=3", {"KEY=VALUE"}},
      {"network[0=3", {"KEY=VALUE"}},
      {"network[1]=erf", {"--set: network[1]: ", "1 entries"}},
      {"network.w_std=2", {"--set: network.w_std: ", "list", "[index]"}},
      {"job[0]=2", {"--set: job[0]: ", "no list"}},
      {"job.type.x=2", {"--set: job.type.x: ", "single value"}},
      {"job.kernels=[ntk", {"--set: job.kernels: ", "not valid YAML"}}};
  for (auto const& [one, fragments] : cases)
    expect_input_error([&, &one = one] { parse(text, {one}); }, fragments);
}

TEST(Yaml, canonical_text_depends_on_what_is_said_alone) {
  auto const one = parse("# comment\na: 1\nb: {y: [u, 'v'], x: }\n").canonical();
  EXPECT_EQ(one, parse("b:\n  x: ~\n  y:\n  - u\n  - v\na:   \"1\"\n").canonical());
  EXPECT_EQ(one, R"({"a": "1", "b": {"x": null, "y": ["u", "v"]}})");
  EXPECT_NE(one, parse("a: 1\nb: {y: [v, u], x: }\n").canonical());
  EXPECT_EQ(parse("a: 1", {"a=2"}).canonical(), parse("a: 2").canonical());
  EXPECT_EQ(parse(R"(a: "x\"y\n")").canonical(), R"({"a": "x\"y\x0a"})");
}

TEST(Yaml, rank_0_reads_and_all_ranks_fail_alike) {
  auto const world = runtime::Communicator::world();
  std::string const path = "yaml_test_input.yaml";
  if (world.is_root()) std::ofstream(path) << "a: 1\n";
  world.barrier();
  EXPECT_EQ(read_text(world, path), "a: 1\n");
  world.barrier();
  if (world.is_root()) std::remove(path.c_str());
  expect_input_error([&] { read_text(world, "no/such.yaml"); },
                     {"no/such.yaml: cannot be read: No such file"});
  expect_input_error([&] { read_text(world, "."); }, {"is a folder"});
}

}  // namespace
}  // namespace widelimit::io

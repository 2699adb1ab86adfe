#include "widelimit/cli/input_file.hpp"

#include <algorithm>
#include <filesystem>

#include <spdlog/fmt/fmt.h>

#include "widelimit/io/spelling.hpp"
#include "widelimit/network/reader.hpp"
#include "widelimit/network/validate.hpp"

#include "cli/jobs.hpp"
#include "cli/program_problem.hpp"
#include "cli/sections.hpp"
#include "cli/written_program.hpp"

namespace widelimit::cli {
namespace {

constexpr KeyEntry root_keys[] = {
    {"title", "none", "a line for people"},
    {"data", "required", "the points and their targets"},
    {"network", "required, or program", "the list of layers"},
    {"program", "none", "a tensor program in place of a network, for limit and finite: program: |"},
    {"job", "required", "what to compute"},
    {"precision", "double", "double, single, or mixed (tiles single, sums and solves double)"},
    {"resources", "auto", "memory and tile size"},
    {"checkpoint", "every 10 min", "none, or how the state of the run is kept"},
    {"output", "JOB.results.h5 for JOB.yaml", "the results file"}};

/// Of a job: how long it goes on and where it keeps what, but not what it computes.
constexpr std::string_view effort_keys[] = {"max_iterations", "gram", "duplicates"};
/// The sections that decide the entries of Gram matrices. A ridge or a solver does not: which
/// matrices a job wants is kept with the matrices.
constexpr std::string_view identity_keys[] = {"data", "network", "program", "precision"};

/// Whether two names lead to one file, which need not be there.
bool same_file(std::string const& a, std::string const& b) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (fs::equivalent(a, b, unknown)) return true;
  auto const full = [&](std::string const& name) {
    auto const path = fs::weakly_canonical(fs::absolute(name), unknown);
    return path.empty() ? fs::path(name) : path;
  };
  return full(a) == full(b);
}

}  // namespace

namespace detail {

void expect_keys(YamlNode const& map, std::span<KeyEntry const> table) {
  std::vector<std::string_view> names;
  for (auto const& key : table) names.push_back(key.name);
  map.expect_keys(names);
}

std::string resolve(std::string const& folder, std::string const& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

}  // namespace detail

std::string InputFile::recorded_text() const {
  std::string recorded = text;
  if (!recorded.empty() && recorded.back() != '\n') recorded += '\n';
  for (auto const& one : overrides) recorded += "# --set " + one + "\n";
  return recorded;
}

std::string InputFile::matrix_identity() const {
  std::string all;
  for (auto const key : identity_keys)
    if (auto const node = root.find(key)) all += std::string(key) + ": " + node->canonical() + "\n";
  return all;
}

std::string InputFile::job_identity() const {
  std::string all = matrix_identity();
  auto const job_map = root.at("job");
  auto names = job_map.keys();
  std::ranges::sort(names);
  for (auto const& name : names)
    if (std::ranges::find(effort_keys, name) == std::end(effort_keys))
      all += "job." + name + ": " + job_map.at(name).canonical() + "\n";
  return all;
}

void require_targets(InputFile const& input) {
  if (input.data.train.targets.empty())
    throw InputError(
        input.where("data.train"),
        fmt::format("a job of type {} needs the key `targets` here: a data set of the file",
                    kind_of(input.job).name));
}

void require_separate_files(InputFile const& input) {
  auto const check = [&](std::string const& file, std::string const& key, std::string const& used) {
    bool const clash = same_file(file, input.output.file) ||
                       (input.checkpoint.enabled &&
                        same_file(file, checkpoint_path(input.checkpoint, input.output.file)));
    if (clash)
      throw InputError(input.where(key), "the file " + file + " is named as " + used +
                                             " and as a file this run writes; write elsewhere");
  };
  check(input.data.train.file, "data.train.file", "training data");
  if (input.data.test) check(input.data.test->file, "data.test.file", "test data");
  if (input.checkpoint.enabled &&
      same_file(checkpoint_path(input.checkpoint, input.output.file), input.output.file))
    throw InputError(input.where("checkpoint.file"),
                     "the checkpoint and the results would be the same file, " + input.output.file);
}

InputFile parse_input(std::string const& text, std::string const& path,
                      std::vector<std::string> const& overrides) {
  static constexpr std::pair<std::string_view, Precision> precisions[] = {
      {"double", Precision::double_}, {"single", Precision::single}, {"mixed", Precision::mixed}};
  auto const root = io::YamlNode::parse(text, path, overrides);
  detail::expect_keys(root, root_keys);
  std::string const folder = std::filesystem::path(path).parent_path().string();
  InputFile input(root);
  input.path = path;
  input.text = text;
  input.overrides = overrides;
  input.title = root.get<std::string>("title", "");
  input.data = detail::read_data(root.at("data"), folder);
  auto const program = root.find("program");
  if (program) {
    if (root.has("network")) program->fail("give a `network` or a `program`, not both");
    input.program = read_program(*program, path);
  } else {
    input.network = network::read_network(root.at("network"));
    network::validate(input.network, path);
  }
  input.job = detail::read_job(root.at("job"));
  if (program && program_options(input.job) == nullptr)
    program->fail("a program is run by the jobs limit and finite; give a `network`");
  input.precision = root.get_choice("precision", precisions, input.precision);
  if (auto const node = root.find("resources")) input.resources = detail::read_resources(*node);
  if (auto const node = root.find("checkpoint"))
    input.checkpoint = detail::read_checkpoint(*node, folder);
  auto const output = root.find("output");
  input.output = detail::read_output(output ? *output : root.null_at("output"), path);
  require_separate_files(input);
  if (auto const check = kind_of(input.job).check) check(input);
  return input;
}

InputFile read_input(runtime::Communicator const& comm, std::string const& path,
                     std::vector<std::string> const& overrides) {
  return parse_input(io::read_text(comm, path), path, overrides);
}

std::vector<KeySection> key_sections() {
  std::vector<KeySection> all{{"", "", root_keys}};
  for (auto const& sections :
       {detail::data_sections(), detail::job_sections(), detail::run_sections()})
    all.insert(all.end(), sections.begin(), sections.end());
  return all;
}

std::string key_reference() {
  std::string text;
  for (auto const& section : key_sections()) {
    text += section.path.empty() ? "the input file" : std::string(section.path);
    if (!section.when.empty()) text += fmt::format(" (type: {})", section.when);
    text += "\n";
    for (auto const& key : section.keys)
      text += fmt::format("  {:<16} {:<28} {}\n", key.name, key.fallback, key.meaning);
    text += "\n";
  }
  return text + "network: a list of " + io::join(network::layer_names()) + "\n";
}

}  // namespace widelimit::cli

/// \file
/// The section `job` of the types `limit` and `finite`.
#include <algorithm>

#include "sections.hpp"

namespace widelimit::cli::detail {
namespace {

constexpr std::string_view types_not_built[] = {"adam",    "adamw", "sign",  "rmsprop",
                                                "adagrad", "lion",  "custom"};

constexpr KeyEntry limit_keys[] = {
    {"type", "required", "limit: training in the limit of infinite width, by particles"},
    {"parametrization", "mup", "mup, ntk, standard, mean_field, or a map"},
    {"optimizer", "required", "a map"},
    {"loss", "mse", "mse (half the square, mean over points) or cross_entropy"},
    {"batch_size", "all", "points of each step, taken without repetition in each epoch"},
    {"steps", "required", "updates"},
    {"particles", "required", "rows that stand for infinitely many"},
    {"representation", "auto", "of matrices: auto, conditioned or dense"},
    {"tolerance", "1e-6", "of conditioned matrices: directions below it are left out"},
    {"moment_matching", "true", "sample moments of random columns are made exact"},
    {"extrapolate", "false", "also run with half the particles, and tell the bias"},
    {"replicates", "1", "independent runs; from 2 on with standard errors"},
    {"seed", "0", "of the random numbers"},
    {"record", "the first and last step for kernels and densities", "a map"}};

constexpr KeyEntry finite_keys[] = {
    {"type", "required", "finite: training of networks of finite width"},
    {"parametrization", "mup", "mup, ntk, standard, mean_field, or a map"},
    {"optimizer", "required", "a map"},
    {"loss", "mse", "mse (half the square, mean over points) or cross_entropy"},
    {"batch_size", "all", "points of each step, taken without repetition in each epoch"},
    {"steps", "required", "updates"},
    {"width", "required", "of every layer"},
    {"representation", "dense", "of matrices: dense, conditioned, or auto"},
    {"tolerance", "1e-6", "of conditioned matrices: directions below it are left out"},
    {"replicates", "1", "independent networks; from 2 on with standard errors"},
    {"seed", "0", "of the random numbers"},
    {"record", "the first and last step for kernels and densities", "a map"}};

constexpr KeyEntry parametrization_keys[] = {
    {"preset", "none", "mup, ntk, standard or mean_field"},
    {"layers", "none",
     "in place of a preset {a, b, c} of each weight layer: W = n^-a w, w has N(0, n^-2b) entries, "
     "the learning rate is n^-c learning_rate"}};

constexpr KeyEntry optimizer_keys[] = {
    {"type", "sgd", "sgd"},
    {"learning_rate", "required", "above 0"},
    {"decay", "constant", "of the learning rate: constant, linear or cosine (to 0 at the end)"},
    {"momentum", "0", "from 0 to 1"},
    {"nesterov", "false", "Nesterov's momentum"},
    {"weight_decay", "0", "at least 0"},
    {"clip", "none", "norm of the whole gradient above which it is shortened to it"},
    {"multipliers", "1 for each layer", "of the learning rate, a list by weight layer"}};

constexpr KeyEntry record_keys[] = {
    {"kernels_at", "[0, last] for both ends",
     "steps between which kernels are kept; or {every: k}"},
    {"densities_at", "[0, last] for both ends",
     "steps with densities of preactivations; or {every: k}"},
    {"alignment_at", "none", "steps with alignments of kernels with the targets; or {every: k}"}};

program::Preset read_preset(YamlNode const& node) {
  static constexpr std::pair<std::string_view, program::Preset> presets[] = {
      {"mup", program::Preset::mup},
      {"ntk", program::Preset::ntk},
      {"standard", program::Preset::standard},
      {"mean_field", program::Preset::mean_field}};
  return node.as_choice(presets);
}

void read_parametrization(YamlNode const& node, ProgramOptions& options) {
  if (node.is_scalar()) {
    options.parametrization = read_preset(node);
    return;
  }
  expect_keys(node, parametrization_keys);
  auto const layers = node.find("layers");
  if (auto const preset = node.find("preset")) {
    if (layers) layers->fail("give a preset or the exponents of the layers, not both");
    options.parametrization = read_preset(*preset);
    return;
  }
  std::vector<program::Exponents> exponents;
  for (auto const& layer : node.at("layers").items()) {
    layer.expect_keys({"a", "b", "c"});
    exponents.push_back({layer.get("a", 0.0), layer.get("b", 0.0), layer.get("c", 0.0)});
  }
  options.parametrization = std::move(exponents);
}

void read_optimizer(YamlNode const& map, ProgramOptions& options) {
  static constexpr std::pair<std::string_view, bool> types[] = {{"sgd", true}};
  static constexpr std::pair<std::string_view, ProgramOptions::Decay> decays[] = {
      {"constant", ProgramOptions::Decay::constant},
      {"linear", ProgramOptions::Decay::linear},
      {"cosine", ProgramOptions::Decay::cosine}};
  expect_keys(map, optimizer_keys);
  (void)map.get_choice("type", types, true, types_not_built);
  options.learning_rate = map.get<double>("learning_rate", io::positive);
  options.decay = map.get_choice("decay", decays, options.decay);
  auto& optimizer = options.optimizer;
  optimizer.momentum = map.get("momentum", 0.0, io::between(0, 1));
  optimizer.nesterov = map.get("nesterov", false);
  if (optimizer.nesterov && optimizer.momentum == 0)
    map.at("nesterov").fail("needs a momentum above 0");
  optimizer.weight_decay = map.get("weight_decay", 0.0, io::non_negative);
  optimizer.clip = map.get("clip", 0.0, io::positive);
  if (auto const node = map.find("multipliers"))
    options.multipliers = node->as<std::vector<double>>(io::non_negative);
}

std::vector<Index> read_steps(YamlNode const& node, Index last) {
  std::vector<Index> list;
  if (node.is_map()) {
    node.expect_keys({"every"});
    Index const every = node.get<Index>("every", io::at_least(1));
    for (Index step = 0; step < last; step += every) list.push_back(step);
    list.push_back(last);
    return list;
  }
  list = node.as<std::vector<Index>>(io::between(0, static_cast<double>(last)));
  std::ranges::sort(list);
  auto const repeated = std::ranges::unique(list);
  list.erase(repeated.begin(), repeated.end());
  return list;
}

void read_record(std::optional<YamlNode> const& map, ProgramOptions& options) {
  Index const last = options.steps;
  options.kernels_at = options.densities_at = {0, last};
  if (!map) return;
  expect_keys(*map, record_keys);
  if (auto const node = map->find("kernels_at")) options.kernels_at = read_steps(*node, last);
  if (auto const node = map->find("densities_at")) options.densities_at = read_steps(*node, last);
  if (auto const node = map->find("alignment_at")) options.alignment_at = read_steps(*node, last);
}

void read_training(YamlNode const& map, ProgramOptions& options) {
  static constexpr std::pair<std::string_view, program::Loss> losses[] = {
      {"mse", program::Loss::mse}, {"cross_entropy", program::Loss::cross_entropy}};
  static constexpr std::pair<std::string_view, interpreter::Representation> representations[] = {
      {"auto", interpreter::Representation::automatic},
      {"conditioned", interpreter::Representation::conditioned},
      {"dense", interpreter::Representation::dense}};
  if (auto const node = map.find("parametrization")) read_parametrization(*node, options);
  read_optimizer(map.at("optimizer"), options);
  options.loss = map.get_choice("loss", losses, options.loss);
  options.batch_size = map.get("batch_size", options.batch_size, io::at_least(1));
  options.steps = map.get<Index>("steps", io::at_least(1));
  options.representation =
      map.get_choice("representation", representations, options.representation);
  options.tolerance =
      map.get("tolerance", options.tolerance, {.low = 0, .high = 0.5, .above_low = true});
  options.replicates = map.get("replicates", options.replicates, io::at_least(1));
  options.seed = map.get("seed", options.seed, io::between(0, 4294967295.0));
  read_record(map.find("record"), options);
}

std::vector<KeySection> sections(std::string_view type, std::span<KeyEntry const> keys) {
  return {{"job", type, keys},
          {"job.parametrization", type, parametrization_keys},
          {"job.optimizer", type, optimizer_keys},
          {"job.record", type, record_keys}};
}

}  // namespace

LimitOptions read_limit(YamlNode const& map) {
  expect_keys(map, limit_keys);
  LimitOptions options;
  read_training(map, options);
  options.particles = map.get<Index>("particles", io::at_least(2));
  options.moment_matching = map.get("moment_matching", options.moment_matching);
  options.extrapolate = map.get("extrapolate", options.extrapolate);
  return options;
}

FiniteOptions read_finite(YamlNode const& map) {
  expect_keys(map, finite_keys);
  FiniteOptions options;
  options.representation = interpreter::Representation::dense;
  read_training(map, options);
  options.particles = map.get<Index>("width", io::at_least(2));
  options.moment_matching = false;
  return options;
}

std::vector<KeySection> limit_sections() {
  return sections("limit", limit_keys);
}

std::vector<KeySection> finite_sections() {
  return sections("finite", finite_keys);
}

}  // namespace widelimit::cli::detail

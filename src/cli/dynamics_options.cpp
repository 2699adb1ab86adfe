/// \file
/// The section `job` of type `dynamics`.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cli/sections.hpp"

namespace widelimit::cli::detail {
namespace {

using Options = DynamicsOptions;

constexpr KeyEntry keys[] = {
    {"type", "required", "dynamics: training in function space, in the kernel regime"},
    {"kernel", "ntk", "ntk (all layers learn) or nngp (the last layer learns)"},
    {"loss", "mse",
     "mse (half the squared error) or cross_entropy (softmax of the outputs; of one output, the "
     "logistic function)"},
    {"average", "points",
     "L = sum of losses / N over points; or entries: / (N C), as neural-tangents. Times and rates "
     "of one are C times those of the other"},
    {"optimizer", "flow for all points", "how the weights are trained"},
    {"times", "[0, inf]",
     "of the optimizer flow: ascending, in steps (flow time is learning_rate x time); inf for mse"},
    {"steps", "100",
     "of gd and sgd: kept steps, ascending, or the last one (kept: 0, 1, 2, 5, 10, 20, …)"},
    {"ensemble", "false", "covariances over initialisations too; of flow and mse"},
    {"ridge", "none", "pulls the weights to where they began: K + λI in the place of K"},
    {"initial", "zero for the mean over initialisations", "outputs before training"},
    {"method", "auto",
     "of flow: eigen (all eigenvectors), krylov (Lanczos), ode (adaptive steps), or auto"},
    {"gram", "auto", "where products with the kernel do: stored, recomputed, or auto"},
    {"tolerance", "1e-6", "relative, of outputs; of the methods krylov and ode"}};

constexpr KeyEntry optimizer_keys[] = {
    {"type", "flow", "flow (gradient flow), gd (all points in a step) or sgd (batches)"},
    {"learning_rate", "1", "above 0; of the loss as `average` has it"},
    {"momentum", "none", "heavy ball v <- m v + g, w <- w - rate v; flow: as neural-tangents"},
    {"nesterov", "false", "w <- w - rate (g + m v), of gd and sgd"},
    {"weight_decay", "0", "adds decay x (weights - where they are drawn) to the gradient"},
    {"decay_towards", "initial",
     "initial weights (any network), or zero (networks of relu kind without biases)"},
    {"batch_size", "32", "of sgd; the last batch of an epoch may be shorter"},
    {"seed", "1", "of the order of batches"},
    {"batches", "drawn for each epoch", "the order of batches instead: a data set of a file"}};

constexpr KeyEntry batches_keys[] = {
    {"file", "required", "HDF5 file"},
    {"order", "required", "data set of row numbers, [steps, batch]; below 0: no point"}};

constexpr KeyEntry initial_keys[] = {
    {"file", "required", "HDF5 file"},
    {"train", "required", "data set of the outputs at the training points used, [N, C]"},
    {"test", "none", "data set of the outputs at the test points used, [N_test, C]"}};

constexpr io::Bounds below_one{.low = 0, .high = 1 - 1e-12};

/// Required keys with a text each; types are checked before it is said which one is missing.
void expect_texts(YamlNode const& map, std::span<KeyEntry const> table) {
  expect_keys(map, table);
  for (auto const& key : table)
    if (auto const node = map.find(key.name)) (void)node->as<std::string>();
}

double read_time(YamlNode const& node) {
  for (auto const word : {"inf", ".inf", "+.inf", "infinity"})
    if (is_word(node, word)) return std::numeric_limits<double>::infinity();
  return node.as<double>(io::non_negative);
}

std::vector<double> read_times(YamlNode const& node) {
  std::vector<double> times;
  if (!node.is_list()) node.expected("a list of times, e.g. [0, 1, 10, inf]");
  for (auto const& item : node.items()) {
    times.push_back(read_time(item));
    if (times.size() > 1 && !(times.back() > times[times.size() - 2]))
      item.fail("times must ascend, each above the one before");
  }
  if (times.empty()) node.fail("expected at least one time");
  return times;
}

/// 0, 1, 2, 5, 10, …, and `last`.
std::vector<Index> steps_up_to(Index last) {
  std::vector<Index> steps{0};
  for (Index decade = 1; decade <= last; decade *= 10)
    for (Index const digit : {1, 2, 5})
      if (digit * decade < last) steps.push_back(digit * decade);
  if (last > 0) steps.push_back(last);
  return steps;
}

std::vector<Index> read_steps(YamlNode const& node) {
  if (node.is_scalar()) return steps_up_to(node.as<Index>(io::non_negative));
  if (!node.is_list()) node.expected("a number of steps, or a list of those that are kept");
  auto const steps = node.as<std::vector<Index>>(io::non_negative);
  if (steps.empty()) node.fail("expected at least one step");
  if (std::ranges::adjacent_find(steps, std::greater_equal{}) != steps.end())
    node.fail("steps must ascend, each above the one before");
  return steps;
}

TrainingOptions read_optimizer(YamlNode const& map) {
  using Training = TrainingOptions;
  static constexpr std::pair<std::string_view, Training::Type> types[] = {
      {"flow", Training::Type::flow}, {"gd", Training::Type::gd}, {"sgd", Training::Type::sgd}};
  static constexpr std::pair<std::string_view, Training::Towards> places[] = {
      {"initial", Training::Towards::initial}, {"zero", Training::Towards::zero}};
  expect_keys(map, optimizer_keys);
  Training training;
  training.type = map.get_choice("type", types, training.type);
  training.learning_rate = map.get("learning_rate", training.learning_rate, io::positive);
  if (auto const momentum = map.find("momentum"); momentum && !is_word(*momentum, "none"))
    training.momentum = momentum->as<double>(below_one);
  training.nesterov = map.get("nesterov", training.nesterov);
  training.weight_decay = map.get("weight_decay", training.weight_decay, io::non_negative);
  training.decay_towards = map.get_choice("decay_towards", places, training.decay_towards);
  training.batch_size = map.get("batch_size", training.batch_size, io::at_least(1));
  training.seed = map.get("seed", training.seed, io::non_negative);
  if (auto const batches = map.find("batches")) {
    expect_texts(*batches, batches_keys);
    training.batches_file = batches->get<std::string>("file");
    training.batches = batches->get<std::string>("order");
  }
  return training;
}

InitialOptions read_initial(YamlNode const& map) {
  expect_texts(map, initial_keys);
  return {map.get<std::string>("file"), map.get<std::string>("train"),
          map.get<std::string>("test", "")};
}

/// Keys of one optimizer that another does not have.
void check_optimizer(YamlNode const& map, TrainingOptions const& training) {
  auto const optimizer = map.find("optimizer");
  auto const refuse = [&](std::string_view key, std::string const& why) {
    if (!optimizer) return;
    if (auto const node = optimizer->find(key)) node->fail(why);
  };
  bool const flow = training.type == TrainingOptions::Type::flow;
  if (training.type != TrainingOptions::Type::sgd) {
    for (std::string_view const key : {"batch_size", "seed", "batches"})
      if (optimizer && optimizer->has(key) && !flow) refuse(key, "batches belong to type: sgd");
  }
  if (flow && training.nesterov) refuse("nesterov", "a flow has no Nesterov momentum; use gd");
  if (training.nesterov && !training.momentum)
    refuse("nesterov", "needs the key `momentum` beside it");
  if (flow && training.decay_towards == TrainingOptions::Towards::zero && training.weight_decay > 0)
    refuse("decay_towards", "a flow decays towards the initial weights; use gd with small steps");
}

}  // namespace

DynamicsOptions read_dynamics(YamlNode const& map) {
  static constexpr std::pair<std::string_view, Options::Kernel> kernels[] = {
      {"ntk", Options::Kernel::ntk}, {"nngp", Options::Kernel::nngp}};
  static constexpr std::pair<std::string_view, Options::Loss> losses[] = {
      {"mse", Options::Loss::mse}, {"cross_entropy", Options::Loss::cross_entropy}};
  static constexpr std::pair<std::string_view, Options::Average> averages[] = {
      {"points", Options::Average::points}, {"entries", Options::Average::entries}};
  static constexpr std::pair<std::string_view, Options::Method> methods[] = {
      {"auto", Options::Method::automatic},
      {"eigen", Options::Method::eigen},
      {"krylov", Options::Method::krylov},
      {"ode", Options::Method::ode}};
  static constexpr std::pair<std::string_view, RegressionOptions::Gram> grams[] = {
      {"auto", RegressionOptions::Gram::automatic},
      {"stored", RegressionOptions::Gram::stored},
      {"recomputed", RegressionOptions::Gram::recomputed}};
  expect_keys(map, keys);
  Options options;
  options.kernel = map.get_choice("kernel", kernels, options.kernel);
  options.loss = map.get_choice("loss", losses, options.loss);
  options.average = map.get_choice("average", averages, options.average);
  if (auto const node = map.find("optimizer")) options.optimizer = read_optimizer(*node);
  check_optimizer(map, options.optimizer);
  bool const flow = options.optimizer.type == TrainingOptions::Type::flow;
  if (auto const times = map.find("times")) {
    options.times = read_times(*times);
    if (!flow) times->fail("times belong to the optimizer flow; give `steps` to gd and sgd");
  }
  if (auto const steps = map.find("steps")) {
    options.steps = read_steps(*steps);
    if (flow && map.has("optimizer") && map.at("optimizer").has("type"))
      steps->fail("steps belong to the optimizers gd and sgd; give `times` to flow");
  }
  options.ensemble = map.get("ensemble", options.ensemble);
  if (auto const ridge = map.find("ridge")) options.ridge = read_ridge(*ridge);
  if (auto const initial = map.find("initial")) options.initial = read_initial(*initial);
  options.method = map.get_choice("method", methods, options.method);
  options.gram = map.get_choice("gram", grams, options.gram);
  options.tolerance = map.get("tolerance", options.tolerance, tolerance_bounds);
  return options;
}

std::vector<KeySection> dynamics_sections() {
  return {{"job", "dynamics", keys},
          {"job.optimizer", "dynamics", optimizer_keys},
          {"job.optimizer.batches", "dynamics", batches_keys},
          {"job.ridge", "dynamics", ridge_keys()},
          {"job.initial", "dynamics", initial_keys}};
}

}  // namespace widelimit::cli::detail

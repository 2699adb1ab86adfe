#include "activations.hpp"

#include "widelimit/io/spelling.hpp"

namespace widelimit::network::detail {
namespace {

using io::YamlNode;

/// Monomials have closed forms in this version up to here.
constexpr int max_monomial_degree = 5;
/// Nodes of a Gauss–Hermite rule underflow beyond this.
constexpr int max_points = 300;

/// a·φ(b·x + c), with the defaults of its type.
template <class Function>
Activation read_abc(YamlNode const& keys) {
  Function f;
  f.a = keys.get("a", f.a);
  f.b = keys.get("b", f.b);
  if constexpr (requires { f.c; }) f.c = keys.get("c", f.c);
  return f;
}

Activation read_leaky_relu(YamlNode const& keys) {
  return AbRelu{keys.get("alpha", 0.01), 1};
}

Activation read_abrelu(YamlNode const& keys) {
  return AbRelu{keys.get<double>("a"), keys.get<double>("b")};
}

Activation read_rbf(YamlNode const& keys) {
  return Rbf{keys.get("gamma", Rbf{}.gamma, io::positive)};
}

Activation read_exp_normalized(YamlNode const& keys) {
  ExpNormalized f;
  f.gamma = keys.get("gamma", f.gamma, io::non_negative);
  f.shift = keys.get("shift", f.shift);
  f.do_clip = keys.get("do_clip", f.do_clip);
  return f;
}

Activation read_monomial(YamlNode const& keys) {
  return Monomial{keys.get<int>("degree", io::between(0, max_monomial_degree))};
}

Activation read_rectified_monomial(YamlNode const& keys) {
  return RectifiedMonomial{keys.get<int>("degree", io::between(0, max_monomial_degree))};
}

Activation read_polynomial(YamlNode const& keys) {
  auto coef = keys.get<std::vector<double>>("coef");
  if (coef.empty()) keys.at("coef").fail("expected at least one coefficient, the constant first");
  return Polynomial{std::move(coef)};
}

Activation read_hermite(YamlNode const& keys) {
  return Hermite{keys.get<int>("degree", io::non_negative)};
}

Activation read_numerical(YamlNode const& keys) {
  using enum NumericalFunction;
  static constexpr std::pair<std::string_view, NumericalFunction> functions[] = {
      {"tanh", tanh}, {"sigmoid", sigmoid}, {"softplus", softplus}, {"swish", swish},
      {"elu", elu},   {"selu", selu},       {"mish", mish}};
  Numerical f;
  f.fn = keys.at("fn").as_choice(functions);
  if (auto const points = keys.find("points")) {
    bool const automatic = points->is_scalar() && points->as<std::string>() == "auto";
    f.points = automatic ? Numerical::automatic : points->as<int>(io::between(1, max_points));
  }
  return f;
}

/// 0.5·erf(x/2.402…) + 0.5: the erf nearest to the logistic function.
Activation read_sigmoid_like(YamlNode const&) {
  return Erf{0.5, 1 / 2.4020563531719796, 0.5};
}

template <class Function>
Activation read_plain(YamlNode const&) {
  return Function{};
}

}  // namespace

std::span<ActivationEntry const> activations() {
  static std::vector<ActivationEntry> const table{
      {"relu",
       {},
       [](YamlNode const&) -> Activation {
         return AbRelu{0, 1};
       }},
      {"leaky_relu", {"alpha"}, read_leaky_relu},
      {"abrelu", {"a", "b"}, read_abrelu},
      {"abs",
       {},
       [](YamlNode const&) -> Activation {
         return AbRelu{-1, 1};
       }},
      {"erf", {"a", "b", "c"}, read_abc<Erf>},
      {"sigmoid_like", {}, read_sigmoid_like},
      {"gelu", {}, read_plain<Gelu>},
      {"sin", {"a", "b", "c"}, read_abc<Sin>},
      {"cos", {"a", "b", "c"}, read_abc<Cos>},
      {"rbf", {"gamma"}, read_rbf},
      {"sign", {}, read_plain<Sign>},
      {"exp", {"a", "b"}, read_abc<Exp>},
      {"gaussian", {"a", "b"}, read_abc<Gaussian>},
      {"exp_normalized", {"gamma", "shift", "do_clip"}, read_exp_normalized},
      {"gabor", {}, read_plain<Gabor>},
      {"monomial", {"degree"}, read_monomial},
      {"rectified_monomial", {"degree"}, read_rectified_monomial},
      {"polynomial", {"coef"}, read_polynomial},
      {"hermite", {"degree"}, read_hermite},
      {"numerical", {"fn", "points"}, read_numerical}};
  return table;
}

std::vector<std::string_view> activation_names() {
  std::vector<std::string_view> names;
  for (auto const& entry : activations()) names.push_back(entry.name);
  return names;
}

std::optional<Activation> find_activation(std::string const& name, YamlNode const& keys) {
  for (auto const& entry : activations()) {
    if (entry.name != name) continue;
    keys.expect_keys(entry.keys);
    return entry.read(keys);
  }
  return std::nullopt;
}

Activation read_activation(std::string const& name, YamlNode const& place, YamlNode const& keys) {
  if (auto const found = find_activation(name, keys)) return *found;
  auto const names = activation_names();
  place.fail("unknown element-wise function `" + name + "`" + io::suggestion(name, names) +
             "; known: " + io::join(names));
}

}  // namespace widelimit::network::detail

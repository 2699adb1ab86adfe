/// \file
/// The section `job` of type `spectrum`.
#include <algorithm>
#include <functional>

#include "cli/sections.hpp"

namespace widelimit::cli::detail {
namespace {

using Options = SpectrumOptions;

constexpr KeyEntry keys[] = {
    {"type", "required",
     "spectrum: leading eigenpairs, alignment with the targets, learning curve"},
    {"kernel", "ntk", "ntk or nngp"},
    {"count", "20", "eigenvalues that are kept"},
    {"vectors", "false", "whether their eigenvectors are kept"},
    {"method", "auto", "dense (all eigenvectors), krylov (the leading ones, by products), or auto"},
    {"gram", "auto", "of krylov: the kernel is stored, or recomputed for each product; or auto"},
    {"tolerance", "1e-8", "of the residual of each pair over the largest eigenvalue; of krylov"},
    {"max_products", "1000", "of blocks of columns; of krylov"},
    {"ridge", "none", "of the effective dimension and the learning curve"},
    {"samples", "1, 2, 5, 10, … for the learning curve",
     "sizes of training sets, ascending; the curve holds up to a tenth of the points and, of "
     "krylov, to count"}};

}  // namespace

SpectrumOptions read_spectrum(YamlNode const& map) {
  static constexpr std::pair<std::string_view, Options::Kernel> kernels[] = {
      {"ntk", Options::Kernel::ntk}, {"nngp", Options::Kernel::nngp}};
  static constexpr std::pair<std::string_view, Options::Method> methods[] = {
      {"auto", Options::Method::automatic},
      {"dense", Options::Method::dense},
      {"krylov", Options::Method::krylov}};
  static constexpr std::pair<std::string_view, RegressionOptions::Gram> grams[] = {
      {"auto", RegressionOptions::Gram::automatic},
      {"stored", RegressionOptions::Gram::stored},
      {"recomputed", RegressionOptions::Gram::recomputed}};
  expect_keys(map, keys);
  Options options;
  options.kernel = map.get_choice("kernel", kernels, options.kernel);
  options.count = map.get("count", options.count, io::at_least(1));
  options.vectors = map.get("vectors", options.vectors);
  options.method = map.get_choice("method", methods, options.method);
  options.gram = map.get_choice("gram", grams, options.gram);
  options.tolerance = map.get("tolerance", options.tolerance, tolerance_bounds);
  options.max_products = map.get("max_products", options.max_products, io::at_least(1));
  if (auto const ridge = map.find("ridge")) options.ridge = read_ridge(*ridge);
  options.samples = read_sample_sizes(map);
  return options;
}

std::vector<KeySection> spectrum_sections() {
  return {{"job", "spectrum", keys}, {"job.ridge", "spectrum", ridge_keys()}};
}

}  // namespace widelimit::cli::detail

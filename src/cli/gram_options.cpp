/// \file
/// The section `job` of type `gram`.
#include "sections.hpp"

namespace widelimit::cli::detail {
namespace {

constexpr KeyEntry keys[] = {
    {"type", "required", "gram: Gram matrices of the training set, and of test with train"},
    {"kernels", "[nngp, ntk]", "which matrices: nngp, ntk, or both"},
    {"triangle", "full", "full, or lower: nothing is stored above the diagonal"}};

}  // namespace

GramOptions read_gram(YamlNode const& map) {
  static constexpr std::pair<std::string_view, bool GramOptions::*> kernels[] = {
      {"nngp", &GramOptions::nngp}, {"ntk", &GramOptions::ntk}};
  static constexpr std::pair<std::string_view, GramOptions::Triangle> triangles[] = {
      {"full", GramOptions::Triangle::full}, {"lower", GramOptions::Triangle::lower}};
  expect_keys(map, keys);
  GramOptions gram;
  if (auto const list = map.find("kernels")) {
    gram.nngp = gram.ntk = false;
    for (auto const& item : list->items()) {
      bool& wanted = gram.*item.as_choice(kernels);
      if (wanted) item.fail("this kernel stands twice in the list");
      wanted = true;
    }
    if (!gram.nngp && !gram.ntk) list->fail("expected nngp, ntk, or both");
  }
  gram.triangle = map.get_choice("triangle", triangles, gram.triangle);
  return gram;
}

std::vector<KeySection> gram_sections() {
  return {{"job", "gram", keys}};
}

}  // namespace widelimit::cli::detail

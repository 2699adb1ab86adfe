#include "widelimit/regression/targets.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "widelimit/runtime/error.hpp"

namespace widelimit::regression {

linalg::ReplicatedMatrix encode_labels(std::vector<Index> const& labels, Index classes,
                                       LabelCoding coding, std::string const& source) {
  if (classes == 0 && !labels.empty())
    classes = std::max<Index>(0, *std::max_element(labels.begin(), labels.end())) + 1;
  double const off = coding == LabelCoding::one_hot ? 0 : -1 / static_cast<double>(classes);
  linalg::ReplicatedMatrix targets(static_cast<Index>(labels.size()), classes);
  std::fill(targets.values.begin(), targets.values.end(), off);
  for (Index i = 0; i < targets.rows; ++i) {
    Index const label = labels[static_cast<std::size_t>(i)];
    if (label < 0 || label >= classes)
      throw InputError({"", 0, source},
                       fmt::format("row {} has the label {}; the labels of {} classes are the "
                                   "integers from 0 to {}",
                                   i, label, classes, classes - 1));
    targets(i, label) = 1 + off;
  }
  return targets;
}

}  // namespace widelimit::regression

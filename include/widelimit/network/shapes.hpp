/// \file
/// How many positions each layer leaves, and whether layers and data fit together in this.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "widelimit/network/layers.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::network {

/// Lengths of the axes of positions: none for vectors, [T] for sequences, [H, W] for images.
using Positions = std::vector<Index>;

/// What the data are, known without reading them.
struct InputShape {
  Positions positions = {};
  Index channels = 1;                          ///< of a position
  std::map<std::string, Index> patterns = {};  ///< nodes of the graphs of each name
  std::vector<Index> lengths = {};             ///< of sequences that are not whole, each once
};

/// What goes from one layer to the next.
struct Shape {
  Positions positions;
  /// Channels of a position, in widths of a weight layer; a double, as `concat` may double it often.
  double width = 1;
  bool operator==(Shape const&) const = default;
};

/// The windows of a layer along one axis. Window o of `conv` and pools reaches over the input
/// positions o·stride - before + j, j < size. `conv_transpose` is the reverse: input i reaches the
/// outputs i·stride + before - j. Beyond the axis are zeros or, with circular padding, the axis
/// again.
struct AxisWindows {
  Index count = 0;   ///< positions after the layer
  Index before = 0;  ///< how far the first window reaches over the beginning
  bool operator==(AxisWindows const&) const = default;
};

/// Of `conv`, `conv_local` and pools; a count of 0 or less where `valid` leaves no position. Local.
AxisWindows axis_windows(Index positions, Index size, Index stride, Padding padding);

/// Of `conv_transpose`; the gradient of a convolution with these windows. Local.
AxisWindows transposed_windows(Index positions, Index size, Index stride, Padding padding);

/// The number of an axis in a list of one, or one for each axis.
inline Index of_axis(PerAxis const& numbers, std::size_t axis) {
  return numbers.size() == 1 ? numbers.front() : numbers.at(axis);
}

/// Positions that a layer, or layers in a row, leave of those before them; that `infer_shapes` has
/// accepted them is assumed. Local.
Positions positions_after(Layer const& layer, Positions const& before);
Positions positions_after(Sequence const& layers, Positions before);

/// "28 x 28 positions", "7 positions", "no positions".
std::string text(Positions const& positions);

/// Follows the shape of the data through a network that `validate` has accepted; returns the shape
/// of the outputs, which have no positions. Refuses:
/// - windows with more axes than the positions, `valid` windows that leave no position;
/// - layers of positions on vectors, `rnn` and `aggregate` on images, patterns that the data do not
///   have or of another size;
/// - branches of `sum`, `product`, `concat`, `residual` with other positions, branches of
///   `product` with other widths;
/// - a network that ends with positions;
/// - with sequences that are not whole: what leaves one of them no positions, circular padding, and
///   branches that leave them different lengths.
/// \param file  named in errors, before the line of the layer at fault
/// Local, no cost. Throws InputError naming both layers or branches.
Shape infer_shapes(Sequence const& network, InputShape const& input, std::string const& file);

}  // namespace widelimit::network

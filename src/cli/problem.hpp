/// \file
/// The data of a run: found, read, scaled and bound to the network.
#pragma once

#include <memory>
#include <optional>

#include "widelimit/cli/input_file.hpp"
#include "widelimit/gram/kernel.hpp"
#include "widelimit/gram/points.hpp"
#include "widelimit/linalg/replicated_matrix.hpp"
#include "widelimit/network/shapes.hpp"
#include "widelimit/runtime/communicator.hpp"

namespace widelimit::cli {

/// Sizes of the data, known without reading them.
struct DataShapes {
  Index train = 0;
  Index test = 0;      ///< 0 without test data
  Index features = 0;  ///< of a point, the channels of all its positions
  Index outputs =
      0;  ///< of real targets; 0: none, or labels whose classes are known once they are read
  Index channels = 0;      ///< of a position
  Index n_axes = 0;        ///< of positions: 0 vectors, 1 sequences, 2 images
  Index axes[2] = {0, 0};  ///< their lengths
  bool masked = false;     ///< sequences have lengths of their own
  network::Positions positions() const { return {axes, axes + n_axes}; }
  /// "784 features", "28 x 28 positions of 1 channel".
  std::string point_text() const;
};

/// Looks at the data files, and whether the network fits them. Collective. Throws InputError: files,
/// data sets, shapes that do not fit.
DataShapes inspect_data(runtime::Communicator const& comm, InputFile const& input);

/// What is known of the points without reading them, for the network.
network::InputShape input_shape(InputFile const& input, DataShapes const& shapes);

/// The network compiled for data of this shape. Local.
gram::Plan compile_network(InputFile const& input, DataShapes const& shapes);

/// Points of the data sets, bound to the compiled network.
template <class Real>
struct Problem {
  gram::Points<Real> train;
  std::optional<gram::Points<Real>> test;
  gram::BoundProgram<Real> program;
};

/// K(x, x) or Θ(x, x) of every point, on the host.
template <class Real>
std::vector<double> diagonal_of(gram::Points<Real> const& points, gram::Kernel kernel) {
  auto const host = Kokkos::create_mirror_view_and_copy(
      Kokkos::HostSpace{},
      kernel == gram::Kernel::nngp ? points.nngp_diagonal : points.ntk_diagonal);
  return {host.data(), host.data() + host.extent(0)};
}

/// Reads and scales the inputs. Collective; the result is held in place, as evaluators refer to it.
/// Throws InputError: NaN and infinite inputs, kernels that are infinite.
template <class Real>
std::unique_ptr<Problem<Real>> load_problem(runtime::Communicator const& comm,
                                            InputFile const& input, DataShapes const& shapes);

/// What a regression fits.
struct Targets {
  linalg::ReplicatedMatrix train;
  std::optional<linalg::ReplicatedMatrix> test;  ///< where the test data have targets
  bool classes = false;                          ///< rows encode class labels
};

/// Reads and encodes the targets. Collective. Throws InputError: labels out of range, not finite,
/// counts that differ.
Targets load_targets(runtime::Communicator const& comm, InputFile const& input,
                     DataShapes const& shapes);

}  // namespace widelimit::cli

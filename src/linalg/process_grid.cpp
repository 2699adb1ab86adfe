#include "widelimit/linalg/process_grid.hpp"

#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

/// The largest divisor of `count` whose square does not exceed it.
int rows_of_squarest(int count) {
  int rows = 1;
  for (int r = 2; r * r <= count; ++r)
    if (count % r == 0) rows = r;
  return rows;
}

}  // namespace

ProcessGrid::ProcessGrid(runtime::Communicator const& comm)
    : comm_(comm), rows_(rows_of_squarest(comm.size())), cols_(comm.size() / rows_) {
  int const system = Csys2blacs_handle(comm.get());
  int context = system;
  Cblacs_gridinit(&context, "Row", rows_, cols_);
  context_ = std::shared_ptr<int>(new int(context), [system](int const* handle) {
    int ended = 0;
    MPI_Finalized(&ended);
    if (!ended) {
      Cblacs_gridexit(*handle);
      Cfree_blacs_system_handle(system);
    }
    delete handle;
  });
  int rows = 0;
  int cols = 0;
  Cblacs_gridinfo(context, &rows, &cols, &row_, &col_);
}

}  // namespace widelimit::linalg

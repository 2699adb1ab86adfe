/// \file
/// main of the unit tests: MPI and Kokkos around Google Test; a test fails when it fails on any
/// rank, and ranks above 0 print only their failures.
#include <gtest/gtest.h>

#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/environment.hpp"

namespace {

class FailurePrinter : public testing::EmptyTestEventListener {
  void OnTestPartResult(testing::TestPartResult const& result) override {
    if (!result.failed()) return;
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    std::fprintf(stderr, "[rank %d] %s:%d\n%s\n", rank, result.file_name(), result.line_number(),
                 result.summary());
  }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  widelimit::runtime::Environment const environment(argc, argv);
  auto const world = widelimit::runtime::Communicator::world();
  if (!world.is_root()) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailurePrinter);
  }
  int const local = RUN_ALL_TESTS();
  return static_cast<int>(world.max(widelimit::Index{local}));
}

/// \file
/// main of the benchmarks: MPI and Kokkos around Google Benchmark; rank 0 alone reports. With more
/// than one rank every benchmark must fix its number of iterations, so that the ranks stay
/// together.
#include <benchmark/benchmark.h>

#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/environment.hpp"

namespace {

class SilentReporter : public benchmark::BenchmarkReporter {
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const&) override {}
};

}  // namespace

int main(int argc, char** argv) {
  widelimit::runtime::Environment const environment(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  auto const world = widelimit::runtime::Communicator::world();
  benchmark::AddCustomContext("ranks", std::to_string(world.size()));
  benchmark::AddCustomContext("threads_per_rank",
                              std::to_string(widelimit::runtime::Environment::threads()));
  SilentReporter silent;
  if (world.is_root())
    benchmark::RunSpecifiedBenchmarks();
  else
    benchmark::RunSpecifiedBenchmarks(&silent);
  return 0;
}

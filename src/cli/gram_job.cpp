#include "widelimit/runtime/log.hpp"

#include "cli/job_drivers.hpp"
#include "cli/tile_store.hpp"

namespace widelimit::cli {
namespace {

/// One pair of data sets: its grid, and its matrices in the tile file.
struct Part {
  std::string label;
  io::TileGrid grid;
  StoredMatrices matrices;
};

/// Adds the matrices that `job` asks for under `group` to `specs`.
StoredMatrices add_matrices(GramOptions const& job, std::string const& group,
                            io::TileGrid const& grid, bool single, std::string const& rows,
                            std::vector<io::MatrixSpec>& specs) {
  StoredMatrices stored;
  auto const add = [&](char const* kernel) {
    specs.push_back({group + "/" + kernel, grid, single, {rows, "train_point"}});
    return static_cast<int>(specs.size()) - 1;
  };
  if (job.nngp) stored.nngp = add("nngp");
  if (job.ntk) stored.ntk = add("ntk");
  return stored;
}

template <class Real>
void compute(RunContext& context, Problem<Real> const& problem, Part const& part,
             io::TileFile& tiles) {
  auto const& job = std::get<GramOptions>(context.input.job);
  auto const output = job.nngp && job.ntk ? gram::Output::both
                      : job.nngp          ? gram::Output::nngp
                                          : gram::Output::ntk;
  bool const square = part.grid.triangular();
  gram::TileEvaluator<Real> const evaluate(problem.program, square ? problem.train : *problem.test,
                                           problem.train, output);
  StoreSource<Real> const source(tiles, part.matrices);
  auto const schedule = gram::schedule<Real>(part.grid, context.comm.size(), &source, false,
                                             gram::Dealing::whoever_is_free);
  StoreSink<Real> store(tiles, part.matrices, context.input.checkpoint.every);
  run_loop<Real>(context.comm, evaluate, part.grid, schedule, &source, &store, {}, context.stop,
                 {.label = part.label});
}

template <class Real>
void run(RunContext& context) {
  auto const& job = std::get<GramOptions>(context.input.job);
  auto const& shapes = context.shapes;
  constexpr bool single = sizeof(Real) == 4;
  std::string const& output = context.input.output.file;

  auto const parts_for = [&](Index tile, std::vector<io::MatrixSpec>& specs) {
    auto const coverage =
        job.triangle == GramOptions::Triangle::full ? io::Coverage::mirror : io::Coverage::lower;
    std::vector<Part> parts;
    io::TileGrid const square{shapes.train, shapes.train, tile, coverage};
    parts.push_back(
        {"gram", square, add_matrices(job, "/gram", square, single, "train_point", specs)});
    if (shapes.test > 0) {
      io::TileGrid const cross{shapes.test, shapes.train, tile, io::Coverage::all};
      parts.push_back({"gram_test", cross,
                       add_matrices(job, "/gram_test", cross, single, "test_point", specs)});
    }
    return parts;
  };

  std::vector<io::MatrixSpec> specs;
  parts_for(context.plan.tile, specs);
  io::ResultsWriter::check_output(context.comm, output, context.existing());
  auto const problem = [&] {
    runtime::Region const region(context.timings, "read");
    return load_problem<Real>(context.comm, context.input, shapes);
  }();
  auto tiles = context.open_tiles(io::ResultsWriter::partial_name(output), specs);
  specs.clear();
  // With the tile size of a file that is gone on with.
  auto const parts = parts_for(context.plan.tile, specs);
  {
    runtime::Region const region(context.timings, "gram");
    context.compute_tiles(tiles, [&] {
      for (Part const& part : parts) compute<Real>(context, *problem, part, tiles);
    });
  }
  io::ResultsWriter results(std::move(tiles), output, context.existing());
  results.record(context.record());
  results.commit();
  runtime::log(runtime::Level::info, "results in " + output);
}

}  // namespace

void plan_gram(PlanRequest const& request, ResourcePlan& plan) {
  auto const& job = std::get<GramOptions>(request.input.job);
  double const matrices = (job.nngp ? 1 : 0) + (job.ntk ? 1 : 0);
  auto const n = static_cast<double>(request.shapes.train);
  auto const n_test = static_cast<double>(request.shapes.test);
  plan_kernels(request, matrices, plan);
  plan.gram_entries = n * (n + 1) / 2 + n * n_test;
  plan.disk_bytes =
      matrices * (n * n + n * n_test) * (request.input.precision == Precision::double_ ? 8 : 4);
  plan.less_memory = "a smaller resources.tile";
}

void run_gram(RunContext& context) {
  if (context.input.precision == Precision::double_) {
    run<double>(context);
  } else {
    run<float>(context);
  }
}

}  // namespace widelimit::cli

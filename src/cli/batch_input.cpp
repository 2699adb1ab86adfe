#include <algorithm>
#include <filesystem>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/runtime/log.hpp"

#include "cli/iterated_dynamics.hpp"
#include "cli/sections.hpp"

namespace widelimit::cli {

regression::BatchOrder batch_order(RunContext const& context) {
  auto const& input = context.input;
  auto const& optimizer = std::get<DynamicsOptions>(input.job).optimizer;
  Index const n = context.shapes.train;
  if (optimizer.batches.empty())
    return {n, optimizer.batch_size, static_cast<std::uint64_t>(optimizer.seed)};
  io::Source source;
  source.file = detail::resolve(std::filesystem::path(input.path).parent_path().string(),
                                optimizer.batches_file);
  source.dataset = optimizer.batches;
  source.where = input.where("job.optimizer.batches.order");
  auto values = io::read_integers(context.comm, source);
  auto const info = io::inspect(source);
  io::require_dimensions(source, info, 2, 2, "row numbers of shape [steps, batch]");
  Index const batch = info.row_size();
  for (Index step = 0; step < info.rows(); ++step) {
    auto const first = values.begin() + step * batch, last = first + batch;
    std::vector<Index> points;
    std::copy_if(first, last, std::back_inserter(points), [](Index p) { return p >= 0; });
    std::ranges::sort(points);
    if (points.empty() || points.back() >= n)
      throw InputError(
          source.where,
          fmt::format("row {} of {} names {}, but there are {} training points "
                      "(numbers from 0)",
                      step, source.dataset,
                      points.empty() ? "no point" : fmt::format("point {}", points.back()), n));
    if (std::ranges::adjacent_find(points) != points.end())
      throw InputError(source.where,
                       fmt::format("row {} of {} names a point twice", step, source.dataset));
  }
  return {std::move(values), batch};
}

}  // namespace widelimit::cli

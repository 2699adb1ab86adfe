#include "cli/jobs.hpp"

#include "cli/job_drivers.hpp"
#include "cli/sections.hpp"

namespace widelimit::cli {
namespace {

/// A new job is a struct in options.hpp, its functions, and an entry here.
constexpr JobKind jobs[] = {
    {.name = "gram",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_gram(map); },
     .sections = detail::gram_sections,
     .check = nullptr,
     .uses_targets = false,
     .results_are_checkpoint = true,
     .plan = plan_gram,
     .run = run_gram},
    {.name = "regression",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_regression(map); },
     .sections = detail::regression_sections,
     .check = check_regression,
     .uses_targets = true,
     .results_are_checkpoint = false,
     .plan = plan_regression,
     .run = run_regression},
    {.name = "dynamics",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_dynamics(map); },
     .sections = detail::dynamics_sections,
     .check = check_dynamics,
     .uses_targets = true,
     .results_are_checkpoint = false,
     .plan = plan_dynamics,
     .run = run_dynamics},
    {.name = "spectrum",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_spectrum(map); },
     .sections = detail::spectrum_sections,
     .check = check_spectrum,
     .uses_targets = true,
     .results_are_checkpoint = false,
     .plan = plan_spectrum,
     .run = run_spectrum},
    {.name = "limit",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_limit(map); },
     .sections = detail::limit_sections,
     .check = check_program,
     .uses_targets = true,
     .results_are_checkpoint = false,
     .plan = plan_program,
     .run = run_program},
    {.name = "finite",
     .read = [](io::YamlNode const& map) -> Job { return detail::read_finite(map); },
     .sections = detail::finite_sections,
     .check = check_program,
     .uses_targets = true,
     .results_are_checkpoint = false,
     .plan = plan_program,
     .run = run_program}};

static_assert(std::size(jobs) == std::variant_size_v<Job>);

constexpr std::string_view jobs_not_built[] = {"classify", "operator", "word2vec", "maml",
                                               "pi_limit"};

}  // namespace

std::span<JobKind const> all_jobs() {
  return jobs;
}

JobKind const& kind_of(Job const& job) {
  return jobs[job.index()];
}

namespace detail {

Job read_job(YamlNode const& map) {
  std::vector<std::pair<std::string_view, JobKind const*>> choices;
  for (JobKind const& job : jobs) choices.emplace_back(job.name, &job);
  return map.at("type").as_choice(std::span(std::as_const(choices)), jobs_not_built)->read(map);
}

std::vector<KeySection> job_sections() {
  std::vector<KeySection> all;
  for (JobKind const& job : jobs)
    for (auto const& section : job.sections()) all.push_back(section);
  return all;
}

}  // namespace detail
}  // namespace widelimit::cli

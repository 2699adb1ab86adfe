/// \file
/// The section `job`: which jobs there are.
#include "sections.hpp"

namespace widelimit::cli::detail {
namespace {

struct JobEntry {
  Job (*read)(YamlNode const&);
  std::vector<KeySection> (*sections)();
};

/// A new job is a struct in options.hpp, its reader, and a line here.
constexpr std::pair<std::string_view, JobEntry> jobs[] = {
    {"gram", {[](YamlNode const& map) -> Job { return read_gram(map); }, gram_sections}},
    {"regression",
     {[](YamlNode const& map) -> Job { return read_regression(map); }, regression_sections}}};

constexpr std::string_view jobs_not_built[] = {"dynamics", "spectrum", "classify",
                                               "limit",    "finite",   "operator",
                                               "word2vec", "maml",     "pi_limit"};

}  // namespace

Job read_job(YamlNode const& map) {
  return map.at("type").as_choice(jobs, jobs_not_built).read(map);
}

std::vector<KeySection> job_sections() {
  std::vector<KeySection> all;
  for (auto const& [name, job] : jobs)
    for (auto const& section : job.sections()) all.push_back(section);
  return all;
}

}  // namespace widelimit::cli::detail

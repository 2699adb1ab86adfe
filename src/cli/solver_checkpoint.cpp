#include "cli/solver_checkpoint.hpp"

#include <utility>

#include "widelimit/linalg/local_columns.hpp"

namespace widelimit::cli {
namespace {

using linalg::PcgState;

/// Blocks of columns, and numbers of each column, as they are named in the file.
constexpr std::pair<char const*, std::vector<double> PcgState::*> blocks[] = {
    {"/state/x", &PcgState::x}, {"/state/r", &PcgState::r}, {"/state/p", &PcgState::p}};
constexpr std::pair<char const*, std::vector<double> PcgState::*> rows_of_numbers[] = {
    {"/state/rz", &PcgState::rz},
    {"/state/residual", &PcgState::residual},
    {"/state/best", &PcgState::best},
    {"/state/best_iteration", &PcgState::best_iteration},
    {"/state/confirmed", &PcgState::confirmed},
    {"/state/curvature", &PcgState::curvature}};
constexpr char const* status_path = "/state/status";
constexpr char const* history_path = "/state/history";

}  // namespace

SolverCheckpoint::SolverCheckpoint(linalg::RowBlocks rows, std::string file, io::Identity identity,
                                   std::chrono::duration<double> every)
    : StateFile(rows.comm(), std::move(file), std::move(identity), every), rows_(std::move(rows)) {}

PcgState SolverCheckpoint::read(Index columns) const {
  require_identity();
  Range const mine = rows_.mine();
  PcgState state;
  state.columns = columns;
  for (auto const& [path, member] : blocks) {
    auto const all = StateFile::read(path, rows_.size() * columns);
    state.*member = linalg::transposed(all.data() + mine.begin * columns, columns, mine.size());
  }
  for (auto const& [path, member] : rows_of_numbers) state.*member = StateFile::read(path, columns);
  for (double const status : StateFile::read(status_path, columns))
    state.status.push_back(static_cast<linalg::ColumnStatus>(static_cast<Index>(status)));
  state.history = StateFile::read(history_path);
  state.iteration = static_cast<Index>(state.history.size());
  return state;
}

void SolverCheckpoint::write(PcgState const& state) {
  if (state.iteration == 0) return;  // a new start is as good
  replace([&](io::ResultsWriter& file) {
    for (auto const& [path, member] : blocks) {
      auto const local =
          linalg::transposed((state.*member).data(), rows_.local_size(), state.columns);
      file.write_rows(path, {{rows_.size(), state.columns}, {"train_point", "output"}},
                      rows_.mine(), local.data());
    }
    for (auto const& [path, member] : rows_of_numbers)
      file.write(path, {{state.columns}, {"output"}}, (state.*member).data());
    std::vector<double> status;
    for (auto const one : state.status) status.push_back(static_cast<double>(one));
    file.write(status_path, {{state.columns}, {"output"}}, status.data());
    file.write(history_path, {{state.iteration}, {"iteration"}}, state.history.data());
  });
}

void SolverCheckpoint::write_if_due(PcgState const& state) {
  if (due()) write(state);
}

}  // namespace widelimit::cli

#include "cli/solver_checkpoint.hpp"

#include <filesystem>
#include <utility>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/io/stored_identity.hpp"
#include "widelimit/runtime/agree.hpp"

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

/// Column-major n x columns to row-major, or back with the two lengths exchanged.
std::vector<double> transposed(double const* from, Index n, Index columns) {
  std::vector<double> to(static_cast<std::size_t>(n * columns));
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < columns; ++c)
      to[static_cast<std::size_t>(i * columns + c)] = from[c * n + i];
  return to;
}

}  // namespace

SolverCheckpoint::SolverCheckpoint(linalg::RowBlocks rows, std::string file, io::Identity identity,
                                   std::chrono::duration<double> every)
    : rows_(std::move(rows)),
      file_(std::move(file)),
      identity_(std::move(identity)),
      every_(every) {}

bool SolverCheckpoint::exists() const {
  Index const found = rows_.comm().is_root() && std::filesystem::exists(file_) ? 1 : 0;
  return rows_.comm().max(found) > 0;
}

PcgState SolverCheckpoint::read(Index columns) const {
  auto const& comm = rows_.comm();
  io::require_identity(comm, file_, identity_);
  auto const numbers = [&](char const* path) {
    io::Source source;
    source.file = file_;
    source.dataset = path;
    return io::read_rows<double>(comm, source);
  };
  Range const mine = rows_.mine();
  PcgState state;
  state.columns = columns;
  auto const require_size = [&](std::size_t found, Index expected, char const* path) {
    if (found == static_cast<std::size_t>(expected)) return;
    throw InputError(file_ + ": " + path + " has " + std::to_string(found) + " numbers, not " +
                     std::to_string(expected) +
                     "; the data of the run have changed: remove this file to start anew");
  };
  for (auto const& [path, member] : blocks) {
    auto const all = numbers(path);
    require_size(all.size(), rows_.size() * columns, path);
    state.*member = transposed(all.data() + mine.begin * columns, columns, mine.size());
  }
  for (auto const& [path, member] : rows_of_numbers) {
    state.*member = numbers(path);
    require_size((state.*member).size(), columns, path);
  }
  for (double const status : numbers(status_path))
    state.status.push_back(static_cast<linalg::ColumnStatus>(static_cast<Index>(status)));
  require_size(state.status.size(), columns, status_path);
  state.history = numbers(history_path);
  state.iteration = static_cast<Index>(state.history.size());
  return state;
}

void SolverCheckpoint::write(PcgState const& state) {
  if (state.iteration == 0) return;  // a new start is as good
  auto const& comm = rows_.comm();
  io::ResultsWriter file(comm, file_, io::Existing::replace);
  io::write_identity(file, identity_);
  for (auto const& [path, member] : blocks) {
    auto const local = transposed((state.*member).data(), rows_.local_size(), state.columns);
    file.write_rows(path, {{rows_.size(), state.columns}, {"train_point", "output"}}, rows_.mine(),
                    local.data());
  }
  for (auto const& [path, member] : rows_of_numbers)
    file.write(path, {{state.columns}, {"output"}}, (state.*member).data());
  std::vector<double> status;
  for (auto const one : state.status) status.push_back(static_cast<double>(one));
  file.write(status_path, {{state.columns}, {"output"}}, status.data());
  file.write(history_path, {{state.iteration}, {"iteration"}}, state.history.data());
  file.commit();
  last_ = std::chrono::steady_clock::now();
}

void SolverCheckpoint::write_if_due(PcgState const& state) {
  Index const due =
      rows_.comm().is_root() && std::chrono::steady_clock::now() - last_ >= every_ ? 1 : 0;
  if (rows_.comm().max(due) > 0) write(state);
}

void SolverCheckpoint::discard() const {
  runtime::agree_on_root(rows_.comm(), [&] {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  });
}

}  // namespace widelimit::cli

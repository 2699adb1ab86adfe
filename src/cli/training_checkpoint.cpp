#include "cli/training_checkpoint.hpp"

#include <filesystem>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/io/file.hpp"
#include "widelimit/io/results_file.hpp"
#include "widelimit/io/stored_identity.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {
namespace {

constexpr char const* blocks_group = "/state/blocks";
constexpr char const* numbers_group = "/state/numbers";

/// Column-major n x columns to row-major, or back with the two lengths exchanged.
std::vector<double> transposed(double const* from, Index n, Index columns) {
  std::vector<double> to(static_cast<std::size_t>(n * columns));
  for (Index i = 0; i < n; ++i)
    for (Index c = 0; c < columns; ++c)
      to[static_cast<std::size_t>(i * columns + c)] = from[c * n + i];
  return to;
}

}  // namespace

TrainingCheckpoint::TrainingCheckpoint(linalg::RowBlocks rows, Index outputs, std::string file,
                                       io::Identity identity, std::chrono::duration<double> every)
    : rows_(std::move(rows)),
      outputs_(outputs),
      file_(std::move(file)),
      identity_(std::move(identity)),
      every_(every) {}

bool TrainingCheckpoint::exists() const {
  Index const found = rows_.comm().is_root() && std::filesystem::exists(file_) ? 1 : 0;
  return rows_.comm().max(found) > 0;
}

TrainingRecord TrainingCheckpoint::read() const {
  auto const& comm = rows_.comm();
  io::require_identity(comm, file_, identity_);
  std::string paths;
  runtime::agree_on_root(comm, [&] {
    auto const file = io::open_to_read(file_);
    for (auto const& path : io::dataset_paths(file.get())) paths += path + "\n";
  });
  paths = comm.broadcast(paths);
  TrainingRecord record;
  Range const mine = rows_.mine();
  for (std::size_t begin = 0, end = 0; begin < paths.size(); begin = end + 1) {
    end = paths.find('\n', begin);
    io::Source source;
    source.file = file_;
    source.dataset = paths.substr(begin, end - begin);
    bool const block = source.dataset.find(blocks_group) != std::string::npos;
    bool const number = source.dataset.find(numbers_group) != std::string::npos;
    if (!block && !number) continue;
    auto values = io::read_rows<double>(comm, source);
    auto const name = source.dataset.substr(source.dataset.rfind('/') + 1);
    if (number) {
      record.numbers[name] = std::move(values);
      continue;
    }
    if (static_cast<Index>(values.size()) != rows_.size() * outputs_)
      throw InputError(
          fmt::format("{}: {} has {} numbers, not {}; the data of the run have "
                      "changed: remove this file to start anew",
                      file_, source.dataset, values.size(), rows_.size() * outputs_));
    record.blocks[name] = transposed(values.data() + mine.begin * outputs_, outputs_, mine.size());
  }
  return record;
}

void TrainingCheckpoint::write(TrainingRecord const& record) {
  auto const& comm = rows_.comm();
  io::ResultsWriter file(comm, file_, io::Existing::replace);
  io::write_identity(file, identity_);
  for (auto const& [name, block] : record.blocks) {
    auto const local = transposed(block.data(), rows_.local_size(), outputs_);
    file.write_rows(std::string(blocks_group) + "/" + name,
                    {{rows_.size(), outputs_}, {"train_point", "output"}}, rows_.mine(),
                    local.data());
  }
  for (auto const& [name, numbers] : record.numbers) {
    file.write(std::string(numbers_group) + "/" + name,
               {{static_cast<Index>(numbers.size())}, {name}}, numbers.data());
  }
  file.commit();
  last_ = std::chrono::steady_clock::now();
}

bool TrainingCheckpoint::due_here() const {
  return rows_.comm().is_root() && std::chrono::steady_clock::now() - last_ >= every_;
}

void TrainingCheckpoint::discard() const {
  runtime::agree_on_root(rows_.comm(), [&] {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  });
}

}  // namespace widelimit::cli

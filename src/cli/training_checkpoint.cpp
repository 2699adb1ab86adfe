#include "cli/training_checkpoint.hpp"

#include "widelimit/io/file.hpp"
#include "widelimit/linalg/local_columns.hpp"
#include "widelimit/runtime/agree.hpp"

namespace widelimit::cli {
namespace {

constexpr char const* blocks_group = "/state/blocks";
constexpr char const* numbers_group = "/state/numbers";

}  // namespace

TrainingCheckpoint::TrainingCheckpoint(linalg::RowBlocks rows, Index outputs, std::string file,
                                       io::Identity identity, std::chrono::duration<double> every)
    : StateFile(rows.comm(), std::move(file), std::move(identity), every),
      rows_(std::move(rows)),
      outputs_(outputs) {}

TrainingRecord TrainingCheckpoint::read() const {
  require_identity();
  std::string paths;
  runtime::agree_on_root(comm(), [&] {
    auto const opened = io::open_to_read(file());
    for (auto const& path : io::dataset_paths(opened.get())) paths += path + "\n";
  });
  paths = comm().broadcast(paths);
  TrainingRecord record;
  Range const mine = rows_.mine();
  for (std::size_t begin = 0, end = 0; begin < paths.size(); begin = end + 1) {
    end = paths.find('\n', begin);
    auto const path = paths.substr(begin, end - begin);
    auto const name = path.substr(path.rfind('/') + 1);
    if (path.find(numbers_group) != std::string::npos) record.numbers[name] = StateFile::read(path);
    if (path.find(blocks_group) == std::string::npos) continue;
    auto const all = StateFile::read(path, rows_.size() * outputs_);
    record.blocks[name] =
        linalg::transposed(all.data() + mine.begin * outputs_, outputs_, mine.size());
  }
  return record;
}

void TrainingCheckpoint::write(TrainingRecord const& record) {
  replace([&](io::ResultsWriter& file) {
    for (auto const& [name, block] : record.blocks) {
      auto const local = linalg::transposed(block.data(), rows_.local_size(), outputs_);
      file.write_rows(std::string(blocks_group) + "/" + name,
                      {{rows_.size(), outputs_}, {"train_point", "output"}}, rows_.mine(),
                      local.data());
    }
    for (auto const& [name, numbers] : record.numbers) {
      file.write(std::string(numbers_group) + "/" + name,
                 {{static_cast<Index>(numbers.size())}, {name}}, numbers.data());
    }
  });
}

}  // namespace widelimit::cli

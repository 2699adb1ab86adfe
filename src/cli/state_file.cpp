#include "cli/state_file.hpp"

#include <filesystem>

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/io/stored_identity.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {

void remove_file(runtime::Communicator const& comm, std::string const& file) {
  runtime::agree_on_root(comm, [&] {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  });
}

StateFile::StateFile(runtime::Communicator comm, std::string file, io::Identity identity,
                     std::chrono::duration<double> every)
    : comm_(std::move(comm)),
      file_(std::move(file)),
      identity_(std::move(identity)),
      every_(every) {}

bool StateFile::exists() const {
  Index const found = comm_.is_root() && std::filesystem::exists(file_) ? 1 : 0;
  return comm_.max(found) > 0;
}

bool StateFile::due_here() const {
  return comm_.is_root() && std::chrono::steady_clock::now() - last_ >= every_;
}

bool StateFile::due() const {
  return comm_.max(Index{due_here()}) > 0;
}

std::vector<double> StateFile::read(std::string const& path, Index expected) const {
  io::Source source;
  source.file = file_;
  source.dataset = path;
  auto values = io::read_rows<double>(comm_, source);
  if (expected >= 0) require_size(values.size(), expected, path);
  return values;
}

void StateFile::require_size(std::size_t found, Index expected, std::string const& path) const {
  if (found == static_cast<std::size_t>(expected)) return;
  throw InputError(
      fmt::format("{}: {} has {} numbers, not {}; the data of the run have changed: remove this "
                  "file to start anew",
                  file_, path, found, expected));
}

void StateFile::require_identity() const {
  io::require_identity(comm_, file_, identity_);
}

void StateFile::write_identity(io::ResultsWriter& file) const {
  io::write_identity(file, identity_);
}

}  // namespace widelimit::cli

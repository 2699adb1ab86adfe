#include "io/detail/undo.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include <unistd.h>

#include "widelimit/io/disk.hpp"

namespace widelimit::io::detail {
namespace {

std::vector<Range> parts_outside(std::vector<Range> kept, Index size) {
  std::sort(kept.begin(), kept.end(),
            [](Range const& a, Range const& b) { return a.begin < b.begin; });
  std::vector<Range> parts;
  Index at = 0;
  for (Range const& range : kept) {
    if (range.begin > at) parts.push_back({at, range.begin});
    at = range.end;
  }
  if (size > at) parts.push_back({at, size});
  return parts;
}

}  // namespace

std::string undo_name(std::string const& file) {
  return file + ".undo";
}

// The undo file: the size of the file, then of each part its begin, end and bytes.
void save_undo(std::string const& file, std::vector<Range> kept) {
  std::string const unfinished = undo_name(file) + ".new";
  DiskFile const from(file, DiskFile::Mode::read);
  DiskFile const to(unfinished, DiskFile::Mode::create);
  Index const size = from.size();
  to.write(&size, sizeof size, 0);
  Index at = sizeof size;
  std::vector<char> bytes;
  for (Range const& part : parts_outside(std::move(kept), size)) {
    std::array<Index, 2> const ends{part.begin, part.end};
    to.write(ends.data(), sizeof ends, at);
    at += static_cast<Index>(sizeof ends);
    bytes.resize(static_cast<std::size_t>(part.size()));
    from.read(bytes.data(), part.size(), part.begin);
    to.write(bytes.data(), part.size(), at);
    at += part.size();
  }
  to.sync();
  rename_file(unfinished, undo_name(file));
  sync_folder(file);
}

void restore_undo(std::string const& file) {
  std::string const name = undo_name(file);
  if (!std::filesystem::exists(name)) return;
  {
    DiskFile const from(name, DiskFile::Mode::read);
    DiskFile const to(file, DiskFile::Mode::update);
    Index size = 0;
    from.read(&size, sizeof size, 0);
    std::vector<char> bytes;
    for (Index at = sizeof size; at < from.size();) {
      std::array<Index, 2> ends{};
      from.read(ends.data(), sizeof ends, at);
      at += static_cast<Index>(sizeof ends);
      Index const count = ends[1] - ends[0];
      bytes.resize(static_cast<std::size_t>(count));
      from.read(bytes.data(), count, at);
      to.write(bytes.data(), count, ends[0]);
      at += count;
    }
    to.resize(size);
    to.sync();
  }
  unlink(name.c_str());
}

}  // namespace widelimit::io::detail

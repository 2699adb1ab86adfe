#include "widelimit/io/results_file.hpp"

#include <ctime>
#include <filesystem>
#include <functional>
#include <numeric>

#include <unistd.h>

#include "widelimit/io/file.hpp"
#include "widelimit/runtime/agree.hpp"
#include "widelimit/runtime/log.hpp"

#include "io/detail/native_type.hpp"
#include "io/detail/structure.hpp"
#include "io/detail/undo.hpp"

namespace widelimit::io {
namespace {

// For headers, links and attributes of a step.
constexpr double metadata_bytes = 1 << 18;

Index product(std::vector<Index> const& lengths, std::size_t first) {
  return std::accumulate(lengths.begin() + static_cast<std::ptrdiff_t>(first), lengths.end(),
                         Index{1}, std::multiplies<>());
}

/// Of an array and of the scales of its dimensions, which it may be the first to have.
double bytes_of(ArrayLayout const& layout, std::size_t element_bytes) {
  Index const scales = std::accumulate(layout.shape.begin(), layout.shape.end(), Index{0});
  return static_cast<double>(product(layout.shape, 0)) * static_cast<double>(element_bytes) +
         static_cast<double>(scales) * sizeof(Index);
}

std::string now_iso() {
  std::time_t const now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32] = "";
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void check_output_here(std::string const& output, Existing existing) {
  std::error_code ignored;
  if (std::filesystem::is_directory(output, ignored)) {
    throw InputError(output + ": this is a folder; name a file for the results.");
  }
  if (existing == Existing::refuse && std::filesystem::exists(output, ignored)) {
    throw InputError(
        output + ": exists already. Name another output file, or add --overwrite to replace it.");
  }
  if (!std::filesystem::is_directory(folder_of(output), ignored)) {
    throw InputError(output + ": there is no folder " + folder_of(output) +
                     ". Make it, or name a file in another.");
  }
  std::string const trial = output + ".trial";
  DiskFile const made(trial,
                      DiskFile::Mode::create);  // rights, quotas and read-only disks show here
  unlink(trial.c_str());
}

/// Throws where `partial` is the tile file of an unfinished job, which writing anew would destroy.
void refuse_unfinished(std::string const& partial, Existing existing) {
  std::error_code ignored;
  if (existing == Existing::replace || !std::filesystem::exists(partial, ignored)) return;
  bool unfinished = false;
  try {
    unfinished = exists(open_to_read(partial).get(), "/checkpoint");
  } catch (InputError const&) {  // what a run leaves that was killed while it wrote its results
    return;
  }
  if (unfinished) {
    throw InputError(partial +
                     ": holds the work of an unfinished run. Name another output file, or add "
                     "--overwrite to replace it.");
  }
}

}  // namespace

template <class F>
void ResultsWriter::on_root(F const& f) {
  runtime::agree_on_root(comm_, [&] {
    try {
      f();
    } catch (Hdf5Error const& e) {
      bool const full = e.reason().find("No space left") != std::string::npos ||
                        e.reason().find("quota") != std::string::npos;
      if (full) throw InputError(disk_full_text(partial_));
      throw;
    }
  });
}

void ResultsWriter::check_output(runtime::Communicator const& comm, std::string const& output,
                                 Existing existing) {
  runtime::agree_on_root(comm, [&] { check_output_here(output, existing); });
}

void ResultsWriter::check_new_output(runtime::Communicator const& comm, std::string const& output,
                                     Existing existing) {
  runtime::agree_on_root(comm, [&] {
    check_output_here(output, existing);
    refuse_unfinished(partial_name(output), existing);
  });
}

ResultsWriter::ResultsWriter(runtime::Communicator const& comm, std::string const& output,
                             Existing existing)
    : comm_(comm), output_(output), partial_(partial_name(output)) {
  on_root([&] {
    check_output_here(output, existing);
    disk_ = DiskFile(partial_, std::filesystem::exists(partial_) ? DiskFile::Mode::update
                                                                 : DiskFile::Mode::create);
    if (!disk_.try_lock()) {
      throw InputError(partial_ + ": another run is writing this file. Name another output file.");
    }
    refuse_unfinished(partial_, existing);
    unlink(detail::undo_name(partial_).c_str());
    try {
      reserve(0);
      file_ = create_file(partial_);
    } catch (...) {  // no destructor follows
      unlink(partial_.c_str());
      throw;
    }
  });
}

ResultsWriter::ResultsWriter(TileFile&& tiles, std::string const& output, Existing existing)
    : comm_(tiles.communicator()), output_(output), partial_(tiles.name()), resumable_(true) {
  std::vector<Range> matrices;
  for (TileFile::Matrix const& m : tiles.matrices_) {
    matrices.push_back({m.data, m.data + m.data_bytes()});
  }
  disk_ = std::move(tiles.file_);
  runtime::agree(comm_, [&] { disk_.sync(); });
  if (!comm_.is_root()) disk_ = DiskFile();
  on_root([&] {
    check_output_here(output, existing);
    detail::save_undo(partial_, matrices);
    reserve(0);
    file_ = open_to_change(partial_);
    WIDELIMIT_H5(H5Ldelete(file_.get(), "/checkpoint", H5P_DEFAULT));
  });
}

ResultsWriter::~ResultsWriter() {
  if (comm_.is_root() && !committed_) abandon();
}

void ResultsWriter::abandon() noexcept {
  try {
    if (!resumable_) {
      file_ = FileHandle();
      if (disk_) unlink(partial_.c_str());
      return;
    }
    // Where HDF5 fails to close it may write again at exit: then resuming puts the file back.
    file_.close();
    detail::restore_undo(partial_);
  } catch (std::exception const& e) {
    try {
      runtime::log_local(runtime::Level::error, e.what());
    } catch (...) {  // there is nobody left to tell
      return;
    }
  }
}

void ResultsWriter::reserve(double bytes) {
  require_free_bytes(partial_, bytes + metadata_bytes);
  disk_.reserve(disk_.size(), static_cast<Index>(bytes + metadata_bytes), false);
}

template <class T>
void ResultsWriter::write(std::string const& path, ArrayLayout const& layout, T const* data) {
  on_root([&] {
    reserve(bytes_of(layout, sizeof(T)));
    DatasetHandle const array = detail::create_array(
        file_.get(), path, layout.shape, detail::native_type<T>(), detail::Storage::reserved);
    WIDELIMIT_H5(
        H5Dwrite(array.get(), detail::native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data));
    detail::name_dimensions(file_.get(), array.get(), layout.shape, layout.dimension_names);
    WIDELIMIT_H5(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
  });
}

template <class T>
void ResultsWriter::write_rows(std::string const& path, ArrayLayout const& layout, Range mine,
                               T const* data) {
  Index offset = 0;
  on_root([&] {
    reserve(bytes_of(layout, sizeof(T)));
    DatasetHandle const array = detail::create_array(
        file_.get(), path, layout.shape, detail::native_type<T>(), detail::Storage::reserved);
    detail::name_dimensions(file_.get(), array.get(), layout.shape, layout.dimension_names);
    WIDELIMIT_H5(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
    offset = static_cast<Index>(H5Dget_offset(array.get()));
  });
  comm_.broadcast(&offset, sizeof offset);
  Index const row_bytes = product(layout.shape, 1) * static_cast<Index>(sizeof(T));
  runtime::agree(comm_, [&] {
    if (mine.size() <= 0) return;
    DiskFile const part(partial_, DiskFile::Mode::update);
    part.write(data, mine.size() * row_bytes, offset + mine.begin * row_bytes);
    part.sync();
  });
}

template void ResultsWriter::write(std::string const&, ArrayLayout const&, double const*);
template void ResultsWriter::write(std::string const&, ArrayLayout const&, float const*);
template void ResultsWriter::write(std::string const&, ArrayLayout const&, Index const*);
template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                        double const*);
template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                        float const*);
template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                        Index const*);

void ResultsWriter::attribute(std::string const& path, std::string const& name,
                              std::string const& value) {
  set_attribute(path, name, value, static_cast<double>(value.size()));
}

void ResultsWriter::attribute(std::string const& path, std::string const& name, double value) {
  set_attribute(path, name, value, 0);
}

void ResultsWriter::attribute(std::string const& path, std::string const& name, Index value) {
  set_attribute(path, name, value, 0);
}

template <class T>
void ResultsWriter::set_attribute(std::string const& path, std::string const& name, T const& value,
                                  double bytes) {
  on_root([&] {
    reserve(bytes);
    if (!exists(file_.get(), path)) detail::open_group(file_.get(), path);
    ObjectHandle const object(WIDELIMIT_H5(H5Oopen(file_.get(), path.c_str(), H5P_DEFAULT)));
    detail::set_attribute(object.get(), name, value);
  });
}

void ResultsWriter::record(RunRecord const& run) {
  double const peak = comm_.max(run.peak_rss_bytes);
  on_root([&] {
    reserve(static_cast<double>(run.input.size()));
    GroupHandle const root = detail::open_group(file_.get(), "/");
    detail::set_attribute(root.get(), "format_version", format_version);
    detail::set_attribute(root.get(), "program_version", run.program_version);
    detail::set_attribute(root.get(), "input", run.input);
    detail::set_attribute(root.get(), "created", now_iso());
    detail::set_attribute(root.get(), "ranks", Index{comm_.size()});
    detail::set_attribute(root.get(), "threads", Index{run.threads});
    detail::set_attribute(root.get(), "execution_space", run.execution_space);
    detail::set_attribute(root.get(), "wall_seconds", run.wall_seconds);
    detail::set_attribute(root.get(), "peak_rss_bytes_max", peak);
    GroupHandle const timings = detail::open_group(file_.get(), "/timings");
    for (auto const& [name, seconds] : run.timings.entries()) {
      detail::set_attribute(timings.get(), name, seconds);
    }
  });
}

void ResultsWriter::commit() {
  on_root([&] {
    WIDELIMIT_H5(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
    file_.close();
    disk_.resize(disk_.size());  // gives back blocks reserved past the end
    disk_.sync();
    rename_file(partial_, output_);
    sync_folder(output_);
    unlink(detail::undo_name(partial_).c_str());
    disk_ = DiskFile();
  });
  committed_ = true;
}

}  // namespace widelimit::io

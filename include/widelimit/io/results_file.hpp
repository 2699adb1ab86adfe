/// \file
/// Writes the results of a run, whole or not at all.
#pragma once

#include <string>
#include <vector>

#include "widelimit/io/handle.hpp"
#include "widelimit/io/identity.hpp"
#include "widelimit/io/tile_file.hpp"
#include "widelimit/runtime/communicator.hpp"
#include "widelimit/runtime/region.hpp"
#include "widelimit/runtime/types.hpp"

namespace widelimit::io {

/// Shape of an array and a name for each dimension ("train_point", "test_point", "output", …).
/// Dimensions of one name have one length and share one scale; those of no name have none. Both
/// empty: a scalar.
struct ArrayLayout {
  std::vector<Index> shape;
  std::vector<std::string> dimension_names;
};

/// What a results file says of the run that wrote it.
struct RunRecord {
  std::string input;  ///< the whole text of the input file
  std::string program_version;
  int threads = 1;              ///< of each rank
  std::string execution_space;  ///< of Kokkos
  double wall_seconds = 0;
  double peak_rss_bytes = 0;  ///< of this rank; the file holds the maximum over the ranks
  runtime::Timings timings;
};

/// A results file in the making. Everything goes to OUTPUT.partial; commit() puts it on the disk
/// and renames it. Without commit() (an error) the partial file is removed, or, where it was a
/// TileFile, put back as it was, so that a run can go on from it.
///
/// HDF5 runs on rank 0 alone, with disk space reserved before each step, so that a full disk is an
/// error before HDF5 meets it and never leaves ranks waiting for each other; rows that are spread
/// over the ranks are written by each to its place. All calls are collective; all throw InputError
/// on every rank when the disk is full.
class ResultsWriter {
 public:
  /// Throws InputError when OUTPUT cannot be written: it exists and `existing` is `refuse`, no such
  /// folder, no right. Collective. For use before anything is computed; the writer calls it too.
  static void check_output(runtime::Communicator const& comm, std::string const& output,
                           Existing existing);
  /// The same for a job that has no TileFile in OUTPUT.partial: that of another, unfinished job is
  /// not overwritten either, unless `existing` says so.
  static void check_new_output(runtime::Communicator const& comm, std::string const& output,
                               Existing existing);
  /// "OUTPUT.partial": where results are written first; a job that computes tiles puts its TileFile
  /// there.
  static std::string partial_name(std::string const& output) { return output + ".partial"; }

  ResultsWriter(runtime::Communicator const& comm, std::string const& output,
                Existing existing = Existing::refuse);
  /// Takes over a tile file whose tiles are all written: its matrices become results, its
  /// `/checkpoint` goes. A kill from here on is undone when the tile file is resumed.
  ResultsWriter(TileFile&& tiles, std::string const& output, Existing existing = Existing::refuse);
  ~ResultsWriter();
  ResultsWriter(ResultsWriter const&) = delete;
  ResultsWriter& operator=(ResultsWriter const&) = delete;

  /// Writes an array of rank 0, row-major (`data` of other ranks is not looked at).
  template <class T>
  void write(std::string const& path, ArrayLayout const& layout, T const* data);
  /// Writes a scalar of rank 0.
  template <class T>
  void write_scalar(std::string const& path, T value) {
    write(path, {}, &value);
  }
  /// Writes an array whose rows (first dimension) are spread over the ranks: `data` holds those in
  /// `mine`, row-major. Ranks may hold none; rows that none holds read as zero.
  template <class T>
  void write_rows(std::string const& path, ArrayLayout const& layout, Range mine, T const* data);

  /// Sets an attribute of a group or data set; a group that is not there is made.
  void attribute(std::string const& path, std::string const& name, std::string const& value);
  void attribute(std::string const& path, std::string const& name, double value);
  void attribute(std::string const& path, std::string const& name, Index value);

  /// The attributes of the root and of /timings.
  void record(RunRecord const& run);

  /// Makes the file OUTPUT. Nothing can be written afterwards.
  void commit();

 private:
  /// Runs `f` on rank 0 with HDF5's errors turned into those of the disk; agreed on all ranks.
  template <class F>
  void on_root(F const& f);
  template <class T>
  void set_attribute(std::string const& path, std::string const& name, T const& value,
                     double bytes);
  void reserve(double bytes);
  void abandon() noexcept;

  runtime::Communicator comm_;
  std::string output_;
  std::string partial_;
  FileHandle file_;  // on rank 0
  DiskFile disk_;    // the same file, on rank 0: its lock, and space for what comes
  bool resumable_ = false;
  bool committed_ = false;
};

extern template void ResultsWriter::write(std::string const&, ArrayLayout const&, double const*);
extern template void ResultsWriter::write(std::string const&, ArrayLayout const&, float const*);
extern template void ResultsWriter::write(std::string const&, ArrayLayout const&, Index const*);
extern template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                               double const*);
extern template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                               float const*);
extern template void ResultsWriter::write_rows(std::string const&, ArrayLayout const&, Range,
                                               Index const*);

}  // namespace widelimit::io

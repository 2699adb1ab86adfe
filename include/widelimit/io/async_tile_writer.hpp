/// \file
/// Writes tiles while the next ones are computed.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "widelimit/io/tile_file.hpp"

namespace widelimit::io {

/// A thread with a short queue that writes tiles to a TileFile, which must outlive it. The thread
/// calls neither MPI nor HDF5, so other threads may, whatever thread support MPI gives. Local.
class AsyncTileWriter {
 public:
  /// \param depth  tiles that may wait; `submit` blocks beyond, which bounds memory
  explicit AsyncTileWriter(TileFile& tiles, std::size_t depth = 2);
  /// Writes what is queued; an error that nobody asked for is logged.
  ~AsyncTileWriter();
  AsyncTileWriter(AsyncTileWriter const&) = delete;
  AsyncTileWriter& operator=(AsyncTileWriter const&) = delete;

  /// Queues a tile as TileFile::write takes it. `data` must not change until the last copy of it is
  /// released, which happens (in the writing thread) once the tile is written: a deleter may so
  /// hand a buffer back. Throws the error of an earlier tile
  /// (InputError: disk full), then and ever after: nothing more is written.
  void submit(int matrix, Index tile, std::shared_ptr<double const> data, Index ld);
  void submit(int matrix, Index tile, std::shared_ptr<float const> data, Index ld);

  /// Waits until all is written. Throws as `submit`.
  void drain();

 private:
  struct Job {
    int matrix = 0;
    Index tile = 0;
    Index ld = 0;
    std::shared_ptr<double const> wide;  // one of the two
    std::shared_ptr<float const> narrow;
  };
  void enqueue(Job job);
  void run();
  void throw_error();

  TileFile& tiles_;
  std::size_t depth_;
  std::deque<Job> queue_;
  bool busy_ = false;
  bool ending_ = false;
  std::exception_ptr error_;  // the first; nothing is written after it
  bool told_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;  // last: it starts when all else is there
};

}  // namespace widelimit::io

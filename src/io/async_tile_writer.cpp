#include "widelimit/io/async_tile_writer.hpp"

#include <utility>

#include "widelimit/runtime/log.hpp"

namespace widelimit::io {

AsyncTileWriter::AsyncTileWriter(TileFile& tiles, std::size_t depth)
    : tiles_(tiles), depth_(std::max<std::size_t>(1, depth)), thread_([this] { run(); }) {}

AsyncTileWriter::~AsyncTileWriter() {
  {
    std::lock_guard const lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (!error_ || told_) return;
  try {
    std::rethrow_exception(error_);
  } catch (std::exception const& e) {
    runtime::log_local(runtime::Level::error, e.what());
  }
}

void AsyncTileWriter::submit(int matrix, Index tile, std::shared_ptr<double const> data, Index ld) {
  enqueue({matrix, tile, ld, std::move(data), nullptr});
}

void AsyncTileWriter::submit(int matrix, Index tile, std::shared_ptr<float const> data, Index ld) {
  enqueue({matrix, tile, ld, nullptr, std::move(data)});
}

void AsyncTileWriter::enqueue(Job job) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return error_ || queue_.size() < depth_; });
  throw_error();
  queue_.push_back(std::move(job));
  changed_.notify_all();
}

void AsyncTileWriter::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return error_ || (queue_.empty() && !busy_); });
  throw_error();
}

void AsyncTileWriter::throw_error() {
  if (!error_) return;
  told_ = true;
  std::rethrow_exception(error_);
}

void AsyncTileWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    changed_.notify_all();
    std::exception_ptr error;
    try {
      if (job.wide) {
        tiles_.write(job.matrix, job.tile, job.wide.get(), job.ld);
      } else {
        tiles_.write(job.matrix, job.tile, job.narrow.get(), job.ld);
      }
    } catch (...) {
      error = std::current_exception();
    }
    job = {};
    lock.lock();
    busy_ = false;
    if (error) {
      queue_.clear();
      error_ = error;
    }
    changed_.notify_all();
  }
}

}  // namespace widelimit::io

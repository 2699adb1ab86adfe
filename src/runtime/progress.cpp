#include "widelimit/runtime/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <mpi.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "widelimit/runtime/log.hpp"

namespace widelimit::runtime {
namespace {

using Clock = std::chrono::steady_clock;

bool is_world_root() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank == 0;
}

std::string with_prefix(double value) {
  char const* const prefixes[] = {"", "k", "M", "G", "T", "P"};
  int step = 0;
  while (value >= 999.5 && step < 5) {
    value /= 1000;
    ++step;
  }
  return fmt::format("{:.3g}{}{}", value, step > 0 ? " " : "", prefixes[step]);
}

}  // namespace

Progress::Progress(std::string label, std::string unit, double total, double done)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      first_(done),
      done_(done),
      shown_(is_world_root()),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      last_print_(start_) {}

Progress::~Progress() {
  if (shown_ && terminal_ && !finished_) std::fputc('\n', stderr);
}

void Progress::update(double done) {
  done_ = done;
  if (!shown_) return;
  auto const pause = terminal_ ? std::chrono::milliseconds(500) : std::chrono::milliseconds(30000);
  if (Clock::now() - last_print_ < pause) return;
  print(done, false);
}

void Progress::finish() {
  if (shown_ && !finished_) print(done_, true);
  finished_ = true;
}

void Progress::print(double done, bool last) {
  last_print_ = Clock::now();
  double const seconds = std::chrono::duration<double>(last_print_ - start_).count();
  double const rate = (done - first_) / std::max(seconds, 1e-9);
  std::string line =
      fmt::format("{}: {:3.0f} %, {}{}{}/s", label_, 100 * done / std::max(total_, 1e-300),
                  with_prefix(rate), rate >= 999.5 ? "" : " ", unit_);
  if (last) {
    line += ", took " + format_seconds(seconds);
  } else if (rate > 0) {
    line += ", " + format_seconds((total_ - done) / rate) + " left";
  }
  std::fprintf(stderr, terminal_ && !last ? "\r%-78s" : (terminal_ ? "\r%-78s\n" : "%s\n"),
               line.c_str());
  std::fflush(stderr);
}

}  // namespace widelimit::runtime

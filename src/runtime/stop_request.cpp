#include "widelimit/runtime/stop_request.hpp"

#include <atomic>
#include <csignal>

namespace widelimit::runtime {
namespace {

// A signal handler can reach nothing but a global.
std::atomic<int> received_signal{0};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void remember_signal(int signal) {
  received_signal.store(signal);
}

void set_handlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // a write that is under way goes on
  sigemptyset(&action.sa_mask);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace

StopRequest::StopRequest(std::optional<std::chrono::duration<double>> limit) {
  if (limit) {
    deadline_ = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::steady_clock::duration>(*limit);
  }
  received_signal = 0;
  set_handlers(remember_signal);
}

StopRequest::~StopRequest() {
  set_handlers(SIG_DFL);
}

bool StopRequest::pending() const {
  return !reason().empty();
}

std::string StopRequest::reason() const {
  int const signal = received_signal.load();
  if (signal == SIGTERM) return "SIGTERM";
  if (signal == SIGUSR1) return "SIGUSR1";
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) return "--max-time";
  return "";
}

std::string reason_on_any_rank(Communicator const& comm, StopRequest const& stop) {
  std::string const mine = stop.reason();  // asked once: a signal may come at any time
  int const first = comm.first_rank_where(!mine.empty());
  return first < 0 ? "" : comm.broadcast(mine, first);
}

}  // namespace widelimit::runtime

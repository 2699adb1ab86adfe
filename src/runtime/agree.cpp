#include "widelimit/runtime/agree.hpp"

#include <new>
#include <optional>

#include "widelimit/runtime/error.hpp"

namespace widelimit::runtime {
namespace {

struct Outcome {
  ExitCode code = ExitCode::failed;
  std::string what;
};

std::optional<Outcome> attempt(std::function<void()> const& f) {
  try {
    f();
    return {};
  } catch (Error const& e) {
    return Outcome{e.code(), e.what()};
  } catch (std::bad_alloc const&) {
    return Outcome{ExitCode::wrong_input,
                   "out of memory; lower resources.tile or use more ranks on more nodes"};
  } catch (std::exception const& e) {
    return Outcome{ExitCode::failed, e.what()};
  }
}

void share(Communicator const& comm, std::optional<Outcome> const& outcome) {
  int const first = comm.first_rank_where(outcome.has_value());
  if (first < 0) return;
  Outcome agreed = outcome.value_or(Outcome{});
  agreed.what = comm.broadcast(agreed.what, first);
  int code = static_cast<int>(agreed.code);
  comm.broadcast(&code, sizeof code, first);
  throw Error(static_cast<ExitCode>(code), agreed.what);
}

}  // namespace

void agree(Communicator const& comm, std::function<void()> const& f) {
  share(comm, attempt(f));
}

void agree_on_root(Communicator const& comm, std::function<void()> const& f) {
  share(comm, comm.is_root() ? attempt(f) : std::nullopt);
}

}  // namespace widelimit::runtime

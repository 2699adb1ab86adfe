#include "widelimit/runtime/communicator.hpp"

#include <algorithm>
#include <climits>

#include "widelimit/runtime/error.hpp"

namespace widelimit::runtime {
namespace {

constexpr Index max_count = Index{1} << 30;

template <class T>
T reduce(MPI_Comm comm, T value, MPI_Datatype type, MPI_Op op) {
  T result{};
  WIDELIMIT_MPI(MPI_Allreduce(&value, &result, 1, type, op, comm));
  return result;
}

template <class T>
void sum_in_place(MPI_Comm comm, T* data, Index count, MPI_Datatype type) {
  for (Index begin = 0; begin < count; begin += max_count) {
    int const n = static_cast<int>(std::min(max_count, count - begin));
    WIDELIMIT_MPI(MPI_Allreduce(MPI_IN_PLACE, data + begin, n, type, MPI_SUM, comm));
  }
}

}  // namespace

void check_mpi(int status, char const* call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw Error(ExitCode::failed, std::string("MPI: ") + text + " in " + call);
}

Communicator::Communicator(MPI_Comm parent) {
  MPI_Comm copy = MPI_COMM_NULL;
  WIDELIMIT_MPI(MPI_Comm_dup(parent, &copy));
  handle_ = std::shared_ptr<MPI_Comm>(new MPI_Comm(copy), [](MPI_Comm* comm) {
    int ended = 0;
    MPI_Finalized(&ended);
    if (!ended) MPI_Comm_free(comm);
    delete comm;
  });
  WIDELIMIT_MPI(MPI_Comm_rank(copy, &rank_));
  WIDELIMIT_MPI(MPI_Comm_size(copy, &size_));
}

void Communicator::barrier() const {
  WIDELIMIT_MPI(MPI_Barrier(get()));
}

std::string Communicator::broadcast(std::string const& text, int root) const {
  Index length = static_cast<Index>(text.size());
  broadcast(&length, sizeof length, root);
  std::string result = rank_ == root ? text : std::string(static_cast<std::size_t>(length), '\0');
  broadcast(result.data(), length, root);
  return result;
}

void Communicator::broadcast(void* data, Index bytes, int root) const {
  for (Index begin = 0; begin < bytes; begin += max_count) {
    int const n = static_cast<int>(std::min(max_count, bytes - begin));
    WIDELIMIT_MPI(MPI_Bcast(static_cast<char*>(data) + begin, n, MPI_BYTE, root, get()));
  }
}

double Communicator::sum(double value) const {
  return reduce(get(), value, MPI_DOUBLE, MPI_SUM);
}
double Communicator::max(double value) const {
  return reduce(get(), value, MPI_DOUBLE, MPI_MAX);
}
Index Communicator::sum(Index value) const {
  return reduce(get(), value, MPI_INT64_T, MPI_SUM);
}
Index Communicator::max(Index value) const {
  return reduce(get(), value, MPI_INT64_T, MPI_MAX);
}
Index Communicator::min(Index value) const {
  return reduce(get(), value, MPI_INT64_T, MPI_MIN);
}

void Communicator::sum(double* data, Index count) const {
  sum_in_place(get(), data, count, MPI_DOUBLE);
}
void Communicator::sum(float* data, Index count) const {
  sum_in_place(get(), data, count, MPI_FLOAT);
}

int Communicator::first_rank_where(bool flag) const {
  int const first = reduce(get(), flag ? rank_ : INT_MAX, MPI_INT, MPI_MIN);
  return first == INT_MAX ? -1 : first;
}

int Communicator::ranks_on_node() const {
  MPI_Comm node = MPI_COMM_NULL;
  WIDELIMIT_MPI(MPI_Comm_split_type(get(), MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node));
  int count = 1;
  WIDELIMIT_MPI(MPI_Comm_size(node, &count));
  WIDELIMIT_MPI(MPI_Comm_free(&node));
  return count;
}

}  // namespace widelimit::runtime

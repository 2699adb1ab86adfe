#include "cli/particle_checkpoint.hpp"

#include "widelimit/io/dataset_reader.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::cli {
namespace {

using interpreter::ColumnBlock;
using interpreter::Columns;
using interpreter::Particles;
using interpreter::Small;

std::string path_of(std::string const& name) {
  return "/state/" + name;
}

template <class Real>
class Writer final : public interpreter::Archive<Real> {
 public:
  explicit Writer(io::ResultsWriter& file) : file_(file) {}

  void visit(std::string const& name, ColumnBlock<Real>& block) override {
    double count = static_cast<double>(block.columns());
    visit(name + "/columns", count);
    for (Index panel = 0; panel < block.panels(); ++panel)
      write_columns(name + "/" + std::to_string(panel), block.particles(),
                    block.panel_part(block.panel_range(panel)));
  }
  void visit(std::string const& name, Particles const& particles, Columns<Real>& columns) override {
    write_columns(name, particles, columns);
  }
  void visit(std::string const& name, Small& matrix) override {
    double rows = static_cast<double>(matrix.rows()), cols = static_cast<double>(matrix.cols());
    visit(name + "/rows", rows);
    visit(name + "/cols", cols);
    auto const size = static_cast<Index>(matrix.values().size());
    if (size > 0) file_.write(path_of(name + "/values"), {{size}, {""}}, matrix.data());
  }
  void visit(std::string const& name, double& number) override {
    file_.write(path_of(name), {{1}, {""}}, &number);
  }

 private:
  void write_columns(std::string const& name, Particles const& particles,
                     Columns<Real> const& columns) {
    Index const rows = particles.local_count();
    auto const count = static_cast<Index>(columns.extent(1));
    std::vector<Real> row_major(static_cast<std::size_t>(rows * count));
    for (Index i = 0; i < rows; ++i)
      for (Index c = 0; c < count; ++c)
        row_major[static_cast<std::size_t>(i * count + c)] = columns(i, c);
    file_.write_rows(path_of(name), {{particles.count(), count}, {"", ""}}, particles.mine(),
                     row_major.data());
  }

  io::ResultsWriter& file_;
};

template <class Real>
class Reader final : public interpreter::Archive<Real> {
 public:
  Reader(runtime::Communicator const& comm, std::string const& file) : comm_(comm), file_(file) {}

  void visit(std::string const& name, ColumnBlock<Real>& block) override {
    double count = 0;
    visit(name + "/columns", count);
    block.clear();
    for (Index left = static_cast<Index>(count), panel = 0; left > 0; ++panel) {
      Index const columns = std::min(left, ColumnBlock<Real>::panel_columns);
      auto const part = interpreter::make_columns<Real>(block.particles(), columns);
      read_columns(name + "/" + std::to_string(panel), block.particles(), part);
      block.append(part);
      left -= columns;
    }
  }
  void visit(std::string const& name, Particles const& particles, Columns<Real>& columns) override {
    read_columns(name, particles, columns);
  }
  void visit(std::string const& name, Small& matrix) override {
    double rows = 0, cols = 0;
    visit(name + "/rows", rows);
    visit(name + "/cols", cols);
    matrix = Small(static_cast<Index>(rows), static_cast<Index>(cols));
    if (matrix.values().empty()) return;
    auto values = io::read_rows<double>(comm_, source(name + "/values", {}));
    require_size(values.size(), matrix.values().size(), name);
    matrix.values() = std::move(values);
  }
  void visit(std::string const& name, double& number) override {
    number = io::read_rows<double>(comm_, source(name, {})).front();
  }

 private:
  io::Source source(std::string const& name, std::optional<Range> rows) const {
    io::Source result;
    result.file = file_;
    result.dataset = path_of(name);
    result.rows = rows;
    return result;
  }
  void require_size(std::size_t found, std::size_t expected, std::string const& name) const {
    if (found != expected)
      throw InputError(fmt::format("{}: {} has {} numbers, not {}; remove this file to start anew",
                                   file_, name, found, expected));
  }
  /// Rank by rank, so that none holds more than one rank's rows.
  void read_columns(std::string const& name, Particles const& particles,
                    Columns<Real> const& columns) {
    auto const count = static_cast<Index>(columns.extent(1));
    for (int rank = 0; rank < comm_.size(); ++rank) {
      Range const rows = particles.of(rank);
      if (rows.size() == 0) continue;
      auto const values = io::read_rows<Real>(comm_, source(name, rows));
      require_size(values.size(), static_cast<std::size_t>(rows.size() * count), name);
      if (rank != comm_.rank()) continue;
      for (Index i = 0; i < rows.size(); ++i)
        for (Index c = 0; c < count; ++c)
          columns(i, c) = values[static_cast<std::size_t>(i * count + c)];
    }
  }

  runtime::Communicator comm_;
  std::string file_;
};

}  // namespace

template <class Real>
void ParticleCheckpoint<Real>::read(Visit const& visit) const {
  require_identity();
  Reader<Real> reader(comm(), file());
  visit(reader);
}

template <class Real>
void ParticleCheckpoint<Real>::write(Visit const& visit) {
  replace([&](io::ResultsWriter& file) {
    Writer<Real> writer(file);
    visit(writer);
  });
}

template class ParticleCheckpoint<float>;
template class ParticleCheckpoint<double>;

}  // namespace widelimit::cli

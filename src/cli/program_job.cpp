/// \file
/// The jobs `limit` and `finite`.
#include <optional>

#include "widelimit/runtime/log.hpp"
#include "widelimit/runtime/progress.hpp"

#include "cli/job_drivers.hpp"
#include "cli/particle_checkpoint.hpp"
#include "cli/program_problem.hpp"
#include "cli/program_results.hpp"

namespace widelimit::cli {
namespace {

using interpreter::Archive;
using interpreter::Particles;
using interpreter::Small;
using interpreter::TrainingRun;

template <class Real>
class ProgramJob {
 public:
  explicit ProgramJob(RunContext& context)
      : context_(context), options_(*program_options(context.input.job)) {}

  void run() {
    auto const& output = context_.input.output.file;
    io::ResultsWriter::check_new_output(context_.comm, output, context_.existing());
    {
      runtime::Region const region(context_.timings, "read");
      problem_ = load_program(context_.comm, context_.input, context_.shapes);
    }
    if (!problem_.has_test_targets)
      std::erase_if(problem_.compiled.program.observables, [](program::Observable const& o) {
        return o.role == program::Role::loss && o.set == "test";
      });
    schedule_ = make_schedule(options_, context_.shapes.train);
    open_checkpoint();
    train();
    write(output);
    if (checkpoint_) checkpoint_->discard();
    runtime::log(runtime::Level::info, "results in " + output);
  }

 private:
  Index run_count() const { return options_.replicates * (options_.extrapolate ? 2 : 1); }

  void open_checkpoint() {
    if (!context_.input.checkpoint.enabled) return;
    checkpoint_.emplace(context_.comm,
                        checkpoint_path(context_.input.checkpoint, context_.input.output.file),
                        context_.job_identity(), context_.input.checkpoint.every);
    if (!context_.command.resume || !checkpoint_->exists()) return;
    checkpoint_->read([this](Archive<Real>& archive) { visit_state(archive); });
    runtime::log(runtime::Level::info,
                 fmt::format("going on from {}: run {} of {}, after step {}", checkpoint_->file(),
                             finished_.size() + 1, run_count(), run_ ? run_->step() : 0));
  }

  void begin_run() {
    auto const options = executor_options(options_, static_cast<Index>(finished_.size()));
    run_.emplace(problem_.compiled.program, Particles(context_.comm, options.particles), options,
                 problem_.data, schedule_, problem_.targets);
  }

  /// Runs that are done, and the one under way.
  void visit_state(Archive<Real>& archive) {
    auto done = static_cast<double>(finished_.size());
    archive.visit("job/done", done);
    finished_.resize(static_cast<std::size_t>(done));
    for (std::size_t k = 0; k < finished_.size(); ++k) {
      Small joined(static_cast<Index>(finished_[k].size()), 1);
      joined.values() = finished_[k];
      archive.visit("job/run" + std::to_string(k), joined);
      finished_[k] = joined.values();
    }
    if (!run_) begin_run();
    run_->visit_state(archive);
  }

  void train() {
    runtime::Region const region(context_.timings, "train");
    double const steps_each = static_cast<double>(options_.steps);
    auto const done = [&] {
      return static_cast<double>(finished_.size()) * steps_each +
             static_cast<double>(run_ ? run_->step() : 0);
    };
    runtime::Progress progress("train", "steps", static_cast<double>(run_count()) * steps_each,
                               done());
    while (static_cast<Index>(finished_.size()) < run_count()) {
      if (!run_) begin_run();
      advance();
      progress.update(done());
      if (run_->finished()) {
        layout_ = run_->record();
        finished_.push_back(join(layout_));
        say_ranks();
        run_.reset();
      } else {
        stop_or_save();
      }
    }
    progress.finish();
  }

  void advance() {
    try {
      run_->advance();
    } catch (interpreter::NotFinite const& e) {
      throw InputError(context_.input.where("job"),
                       fmt::format("{} at step {} (the loss before was {:.4g}); lower "
                                   "job.optimizer.learning_rate",
                                   e.what(), run_->step(), run_->last_loss()));
    } catch (InputError const& e) {
      throw InputError(context_.input.where("job"), e.what());
    }
  }

  void stop_or_save() {
    bool const stop = context_.comm.first_rank_where(context_.stop.pending()) >= 0;
    if (checkpoint_ && (stop || checkpoint_->due()))
      checkpoint_->write([this](Archive<Real>& archive) { visit_state(archive); });
    if (stop) context_.stop_if_asked();
  }

  void say_ranks() {
    std::string text;
    ranks_.clear();
    for (auto const& [name, ranks] : run_->executor().ranks()) {
      if (ranks.empty()) continue;
      text += fmt::format("{}{} {} and {}", text.empty() ? "" : ", ", name, ranks[0], ranks[1]);
      ranks_.emplace_back(name, ranks);
    }
    if (!text.empty() && finished_.size() == 1)
      runtime::log(runtime::Level::info, "ranks of the matrices: " + text);
  }

  void write(std::string const& output) {
    auto const half_way = finished_.begin() + options_.replicates;
    auto const runs = statistics({finished_.begin(), half_way});
    std::optional<RunStatistics> half;
    if (options_.extrapolate) half = statistics({half_way, finished_.end()});
    io::ResultsWriter results(context_.comm, output, context_.existing());
    std::vector<Index> steps(static_cast<std::size_t>(options_.steps + 1));
    for (std::size_t k = 0; k < steps.size(); ++k) steps[k] = static_cast<Index>(k);
    results.write("/limit/step", {{options_.steps + 1}, {"step"}}, steps.data());
    write_steps(results, "recorded_step", schedule_.kernels_at);
    write_steps(results, "density_step", schedule_.densities_at);
    write_steps(results, "alignment_step", schedule_.alignment_at);
    write_density_bins(results);
    write_batches(results);
    write_runs(results, layout_, runs, half ? &*half : nullptr);
    write_metrics(results, runs);
    write_attributes(results);
    results.record(context_.record());
    results.commit();
  }

  static void write_steps(io::ResultsWriter& results, std::string const& name,
                          std::vector<Index> const& steps) {
    if (!steps.empty())
      results.write("/limit/" + name, {{static_cast<Index>(steps.size())}, {name}}, steps.data());
  }

  void write_density_bins(io::ResultsWriter& results) const {
    if (schedule_.densities_at.empty()) return;
    constexpr Index bins = TrainingRun<Real>::density_bins;
    std::vector<double> centres;
    for (Index bin = 0; bin < bins; ++bin)
      centres.push_back(TrainingRun<Real>::density_reach *
                        ((2 * static_cast<double>(bin) + 1) / static_cast<double>(bins) - 1));
    results.write("/limit/density_centre", {{bins}, {"bin"}}, centres.data());
  }

  void write_batches(io::ResultsWriter& results) const {
    if (schedule_.batches.empty()) return;
    std::vector<Index> all;
    for (auto const& batch : schedule_.batches) all.insert(all.end(), batch.begin(), batch.end());
    results.write(
        "/limit/batch",
        {{options_.steps, static_cast<Index>(schedule_.batches.front().size())}, {"", ""}},
        all.data());
  }

  /// Says how the training went.
  void write_metrics(io::ResultsWriter& results, RunStatistics const& runs) const {
    std::size_t at = 0;
    for (auto const& [path, array] : layout_) {
      auto const size = array.values.size();
      if ((path == "loss" || path == "test_loss") && size > 0) {
        std::string const set = path == "loss" ? "train" : "test";
        double const last = runs.mean[at + size - 1];
        results.write_scalar("/metrics/" + set + "/loss", last);
        runtime::log(runtime::Level::info,
                     fmt::format("{}: loss {:.6g} at the start, {:.6g} after {} steps", set,
                                 runs.mean[at], last, options_.steps));
      }
      at += size;
    }
  }

  void write_attributes(io::ResultsWriter& results) const {
    bool const limit = std::holds_alternative<LimitOptions>(context_.input.job);
    results.attribute("/limit", limit ? "particles" : "width", options_.particles);
    results.attribute("/limit", "replicates", options_.replicates);
    results.attribute("/limit", "seed", options_.seed);
    for (auto const& [name, ranks] : ranks_) {
      results.attribute("/limit", "rank_right_" + name, ranks[0]);
      results.attribute("/limit", "rank_left_" + name, ranks[1]);
    }
    if (context_.input.program) return;
    auto const& regime = problem_.compiled.classification;
    results.attribute("/regime", "regime", std::string(to_string(regime.regime)));
    results.attribute("/regime", "r", regime.r);
    results.attribute("/regime", "reason", regime.reason);
  }

  RunContext& context_;
  ProgramOptions const& options_;
  ProgramProblem problem_;
  interpreter::TrainingSchedule schedule_;
  std::optional<ParticleCheckpoint<Real>> checkpoint_;
  std::optional<TrainingRun<Real>> run_;
  std::vector<JoinedRecord> finished_;
  interpreter::Record layout_;  ///< of the last finished run
  std::vector<std::pair<std::string, std::vector<Index>>> ranks_;
};

}  // namespace

void run_program(RunContext& context) {
  if (context.input.precision == Precision::double_)
    ProgramJob<double>(context).run();
  else
    ProgramJob<float>(context).run();
}

}  // namespace widelimit::cli

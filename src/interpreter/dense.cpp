#include <algorithm>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/interpreter/weights.hpp"

#include "interpreter/detail/blas.hpp"

namespace widelimit::interpreter {
namespace {

template <class Real>
class Dense final : public Weights<Real> {
 public:
  explicit Dense(WeightsSetup<Real> const& setup) : particles_(setup.left->particles()) {
    Index const n = particles_.count();
    for (int member = 0; member < setup.members; ++member) {
      members_.push_back(make_columns<Real>(particles_, n));
      Kokkos::deep_copy(members_.back(), Real{0});
    }
    fill_gaussian(setup.seed, setup.object, particles_.mine(), {0, n}, members_.front().data(),
                  particles_.local_count());
    scale(members_.front(), setup.sigma / std::sqrt(static_cast<double>(n)));
  }

  void apply(int member, bool transposed, Tagged<Real> const& x, Columns<Real> const& y) override {
    auto const& w = members_[static_cast<std::size_t>(member)];
    Index const n = particles_.count(), rows = particles_.local_count();
    auto const k = static_cast<Index>(x.columns.extent(1));
    std::vector<Real> whole(static_cast<std::size_t>(n * k));
    if (!transposed) {
      particles_.gather(x.columns.data(), rows, k, whole.data());
      particles_.for_each_lane([&](Index, Range lane) {
        detail::gemm(false, false, lane.size(), k, n, Real{1}, w.data() + lane.begin, rows,
                     whole.data(), n, Real{0}, y.data() + lane.begin, rows);
      });
    } else {
      detail::gemm(true, false, n, k, rows, Real{1}, w.data(), rows, x.columns.data(), rows,
                   Real{0}, whole.data(), n);
      Kokkos::deep_copy(y, Real{0});
      particles_.add_scattered(whole.data(), k, y.data(), rows);
    }
  }

  void update(int member, double decay, std::vector<OuterProduct<Real>> const& outer,
              std::vector<ScaledMember> const& matrices) override {
    auto const& w = members_[static_cast<std::size_t>(member)];
    double self = decay;
    for (auto const& term : matrices)
      if (term.member == member) self += term.factor;
    if (self != 1) scale(w, self);
    for (auto const& term : matrices) {
      if (term.member == member) continue;
      auto const& other = members_[static_cast<std::size_t>(term.member)];
      auto const factor = static_cast<Real>(term.factor);
      particles_.for_each_lane([&](Index, Range lane) {
        for (Index j = 0; j < particles_.count(); ++j)
          for (Index i = lane.begin; i < lane.end; ++i) w(i, j) += factor * other(i, j);
      });
    }
    for (auto const& term : outer) add(w, term);
  }

  void forget_tags() override {}
  std::vector<Index> ranks() const override { return {}; }
  void visit_state(std::string const& name, Archive<Real>& archive) override {
    for (std::size_t k = 0; k < members_.size(); ++k)
      archive.visit(name + "/member" + std::to_string(k), particles_, members_[k]);
  }

 private:
  void scale(Columns<Real> const& w, double factor) const {
    auto const real = static_cast<Real>(factor);
    particles_.for_each_lane([&](Index, Range lane) {
      for (Index j = 0; j < particles_.count(); ++j)
        for (Index i = lane.begin; i < lane.end; ++i) w(i, j) *= real;
    });
  }

  /// W += y·D·xᵀ/n.
  void add(Columns<Real> const& w, OuterProduct<Real> const& term) const {
    Index const n = particles_.count(), rows = particles_.local_count();
    auto const k = static_cast<Index>(term.x.columns.extent(1));
    Small d = term.d;
    if (term.by_column) {
      d = Small(k, k);
      for (Index j = 0; j < k; ++j) d(j, j) = term.d(0, j);
    }
    auto const yd = make_columns<Real>(particles_, k);
    add_product(particles_, 1 / static_cast<double>(n), term.y.columns, d, 0, yd);
    std::vector<Real> whole(static_cast<std::size_t>(n * k));
    particles_.gather(term.x.columns.data(), rows, k, whole.data());
    particles_.for_each_lane([&](Index, Range lane) {
      detail::gemm(false, true, lane.size(), n, k, Real{1}, yd.data() + lane.begin, rows,
                   whole.data(), n, Real{1}, w.data() + lane.begin, rows);
    });
  }

  Particles particles_;
  std::vector<Columns<Real>> members_;
};

}  // namespace

template <class Real>
std::unique_ptr<Weights<Real>> make_dense(WeightsSetup<Real> const& setup) {
  return std::make_unique<Dense<Real>>(setup);
}

template std::unique_ptr<Weights<float>> make_dense(WeightsSetup<float> const&);
template std::unique_ptr<Weights<double>> make_dense(WeightsSetup<double> const&);

}  // namespace widelimit::interpreter

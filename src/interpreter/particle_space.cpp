#include "widelimit/interpreter/particle_space.hpp"

#include <algorithm>
#include <numeric>

#include "widelimit/interpreter/gaussian_stream.hpp"
#include "widelimit/runtime/error.hpp"
#include "widelimit/runtime/log.hpp"

namespace widelimit::interpreter {
namespace {

template <class Real>
void subtract_means(Particles const& particles, Columns<Real> const& x) {
  auto const mean = means(particles, x, 1);
  particles.for_each_lane([&](Index, Range rows) {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      auto const value = static_cast<Real>(mean[c]);
      for (Index i = rows.begin; i < rows.end; ++i) x(i, static_cast<Index>(c)) -= value;
    }
  });
}

template <class Real>
std::vector<Index> all_of(Columns<Real> const& columns) {
  std::vector<Index> numbers(columns.extent(1));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

}  // namespace

template <class Real>
std::shared_ptr<ColumnBlock<Real>> ParticleSpace<Real>::make_block(std::uint32_t object) {
  auto block = std::make_shared<ColumnBlock<Real>>(particles_);
  members_.push_back({object, block});
  return block;
}

template <class Real>
Index ParticleSpace<Real>::columns() const {
  Index sum = 0;
  for (auto const& member : members_) sum += member.block->columns();
  return sum;
}

template <class Real>
void ParticleSpace<Real>::project(Columns<Real> const& x) const {
  subtract_means(particles_, x);
  for (auto const& member : members_)
    if (member.block->columns() > 0) member.block->add_product(-1, member.block->inner(x), x);
}

template <class Real>
Basis<Real> ParticleSpace<Real>::beyond(Columns<Real> const& columns) const {
  constexpr double rounding = std::is_same_v<Real, float> ? 1e-4 : 1e-9;
  auto const copy = select(particles_, columns, all_of(columns));
  Basis<Real> span(particles_);
  span.expand(copy, rounding);
  Basis<Real> rest(particles_);
  for (Index panel = 0; panel < span.block().panels(); ++panel) {
    auto const part = span.block().panel_part(span.block().panel_range(panel));
    for (int pass = 0; pass < 2; ++pass) project(part);
    auto const squares = means(particles_, part, 2);  // one before
    std::vector<Index> kept;
    for (std::size_t c = 0; c < squares.size(); ++c)
      if (squares[c] > rounding * rounding) kept.push_back(static_cast<Index>(c));
    if (!kept.empty()) rest.expand(select(particles_, part, kept), rounding);
  }
  return rest;
}

template <class Real>
void ParticleSpace<Real>::draw(ColumnBlock<Real>& block, Index count,
                               Columns<Real> const& orthogonal_to) {
  if (count == 0) return;
  auto const member = std::ranges::find_if(
      members_, [&](Member const& candidate) { return candidate.block.get() == &block; });
  auto const fresh = make_columns<Real>(particles_, count);
  fill_gaussian(seed_, member->object, particles_.mine(),
                {block.columns(), block.columns() + count}, fresh.data(), block.ld());
  if (matching_ == MomentMatching::on) {
    auto const others = static_cast<Index>(orthogonal_to.extent(1));
    Index const constraints = columns() + count + others + 1;
    if (constraints > particles_.count())
      throw InputError(
          fmt::format("moments of {} random columns cannot be matched with {} particles; use more "
                      "particles, a larger job.tolerance, which keeps fewer columns, "
                      "job.representation: dense, which draws none for its products, or "
                      "job.moment_matching: false",
                      constraints - 1, particles_.count()));
    // A random column loses little of its length to a space of few dimensions, so once is enough
    // there.
    int const passes = 4 * constraints > particles_.count() ? 2 : 1;
    auto const rest = beyond(orthogonal_to);
    for (int pass = 0; pass < passes; ++pass) {
      project(fresh);
      if (rest.rank() > 0) rest.block().add_product(-1, rest.block().inner(fresh), fresh);
    }
    orthonormalize(particles_, fresh);
  }
  block.append(fresh);
}

template class ParticleSpace<float>;
template class ParticleSpace<double>;

}  // namespace widelimit::interpreter

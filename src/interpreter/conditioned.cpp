#include <unordered_map>

#include "widelimit/interpreter/orthonormal.hpp"
#include "widelimit/interpreter/weights.hpp"

namespace widelimit::interpreter {
namespace {

/// One side: the basis of the vectors that were multiplied from this side and, for each direction
/// q of it, its image under the initial matrix, Wq = P·s + σ·g: the Gaussian columns g, which live
/// in the space of the other side, and the coefficients s in the other side's basis.
template <class Real>
struct Side {
  Side(std::shared_ptr<ParticleSpace<Real>> const& own, std::shared_ptr<ParticleSpace<Real>> other,
       std::uint32_t object)
      : basis(own->particles()),
        image_space(std::move(other)),
        gaussian(image_space->make_block(object)) {}

  Basis<Real> basis;
  std::shared_ptr<ParticleSpace<Real>> image_space;
  std::shared_ptr<ColumnBlock<Real>> gaussian;
  Small image;  ///< other side's rank x this side's rank
  std::unordered_map<Tag, Small> known;
};

/// Coefficients of columns that were told in a basis before it grew.
Small padded(Small s, Index rank) {
  s.grow(rank, s.cols());
  return s;
}

Small scaled_columns(Small s, Small const& factors) {
  for (Index j = 0; j < s.cols(); ++j)
    for (Index i = 0; i < s.rows(); ++i) s(i, j) *= factors(0, j);
  return s;
}

template <class Real>
class Conditioned final : public Weights<Real> {
 public:
  Conditioned(WeightsSetup<Real> const& setup, double tolerance)
      : sigma_(setup.sigma),
        tolerance_(tolerance),
        right_(setup.right, setup.left, setup.object),
        left_(setup.left, setup.right, setup.object + 1),
        members_(static_cast<std::size_t>(setup.members)) {
    members_.front().scale = 1;
  }

  void apply(int member, bool transposed, Tagged<Real> const& x, Columns<Real> const& y) override {
    Side<Real>& from = transposed ? left_ : right_;
    Side<Real>& to = transposed ? right_ : left_;
    Small const s = coefficients(from, to, x);
    Kokkos::deep_copy(y, Real{0});
    Member const& w = members_[static_cast<std::size_t>(member)];
    Small map = learned(w, transposed);
    if (w.scale != 0) {
      for (Index j = 0; j < from.image.cols(); ++j)
        for (Index i = 0; i < from.image.rows(); ++i) map(i, j) += w.scale * from.image(i, j);
      from.gaussian->add_product(w.scale * sigma_, s, y);
    }
    to.basis.block().add_product(1, product(map, false, s, false), y);
  }

  void update(int member, double decay, std::vector<OuterProduct<Real>> const& outer,
              std::vector<ScaledMember> const& matrices) override {
    struct Sides {
      Small y, x;
    };
    std::vector<Sides> sides;
    for (auto const& term : outer)
      sides.push_back({coefficients(left_, right_, term.y), coefficients(right_, left_, term.x)});
    Index const rows = left_.basis.rank(), cols = right_.basis.rank();
    Member& w = members_[static_cast<std::size_t>(member)];
    Member next{decay * w.scale, Small(rows, cols)};
    add(next.learned, decay, w.learned);
    for (auto const& term : matrices) {
      Member const& other = members_[static_cast<std::size_t>(term.member)];
      next.scale += term.factor * other.scale;
      add(next.learned, term.factor, other.learned);
    }
    for (std::size_t k = 0; k < outer.size(); ++k) {
      Small const y = padded(std::move(sides[k].y), rows);
      Small const x = padded(std::move(sides[k].x), cols);
      Small const yd =
          outer[k].by_column ? scaled_columns(y, outer[k].d) : product(y, false, outer[k].d, false);
      add(next.learned, 1, product(yd, false, x, true));
    }
    w = std::move(next);
  }

  void forget_tags() override {
    right_.known.clear();
    left_.known.clear();
  }

  std::vector<Index> ranks() const override { return {right_.basis.rank(), left_.basis.rank()}; }

  void visit_state(std::string const& name, Archive<Real>& archive) override {
    for (auto [side, label] : {std::pair(&right_, "right"), std::pair(&left_, "left")}) {
      std::string const prefix = name + "/" + label;
      archive.visit(prefix + "/basis", side->basis.block());
      archive.visit(prefix + "/gaussian", *side->gaussian);
      archive.visit(prefix + "/image", side->image);
    }
    for (std::size_t k = 0; k < members_.size(); ++k) {
      std::string const prefix = name + "/member" + std::to_string(k);
      archive.visit(prefix + "/scale", members_[k].scale);
      archive.visit(prefix + "/learned", members_[k].learned);
    }
  }

 private:
  struct Member {
    double scale = 0;  ///< of the initial matrix
    Small learned;     ///< left rank x right rank, in the bases of some time before
  };

  static void add(Small& to, double factor, Small const& from) {
    for (Index j = 0; j < from.cols(); ++j)
      for (Index i = 0; i < from.rows(); ++i) to(i, j) += factor * from(i, j);
  }

  /// C, or its transpose, in the bases of now.
  Small learned(Member const& w, bool transposed) const {
    Index const rows = left_.basis.rank(), cols = right_.basis.rank();
    Small c = w.learned;
    c.grow(rows, cols);
    if (!transposed) return c;
    Small t(cols, rows);
    for (Index j = 0; j < cols; ++j)
      for (Index i = 0; i < rows; ++i) t(j, i) = c(i, j);
    return t;
  }

  /// X in the basis of `from`, which gets directions where they are missing, and these images.
  Small coefficients(Side<Real>& from, Side<Real>& to, Tagged<Real> const& x) {
    if (x.tag != 0)
      if (auto const found = from.known.find(x.tag); found != from.known.end())
        return padded(found->second, from.basis.rank());
    auto const& particles = from.basis.block().particles();
    auto const copy = make_columns<Real>(particles, static_cast<Index>(x.columns.extent(1)));
    Kokkos::deep_copy(copy, x.columns);
    Small s = from.basis.expand(copy, tolerance_);
    draw_images(from, to);
    if (x.tag != 0) from.known[x.tag] = s;
    return s;
  }

  /// Wq = P·(Zᵀq)/M + (1 - P·Pᵀ/M)·σg for each direction q without an image, where Z = WᵀP; since
  /// q is new, Zᵀq = σ·Hᵀq.
  void draw_images(Side<Real>& from, Side<Real>& to) {
    Index const done = from.gaussian->columns();
    from.image.grow(to.basis.rank(), from.basis.rank());
    auto const& directions = from.basis.block();
    for (Index begin = done; begin < from.basis.rank();) {
      Index const end = std::min(from.basis.rank(), (begin / ColumnBlock<Real>::panel_columns + 1) *
                                                        ColumnBlock<Real>::panel_columns);
      from.image_space->draw(*from.gaussian, end - begin);
      Small const known = to.gaussian->inner(directions.panel_part({begin, end}));
      Small const taken = to.basis.block().inner(from.gaussian->panel_part({begin, end}));
      for (Index j = begin; j < end; ++j)
        for (Index i = 0; i < to.basis.rank(); ++i)
          from.image(i, j) = sigma_ * (known(i, j - begin) - taken(i, j - begin));
      begin = end;
    }
  }

  double sigma_, tolerance_;
  Side<Real> right_, left_;
  std::vector<Member> members_;
};

}  // namespace

template <class Real>
std::unique_ptr<Weights<Real>> make_conditioned(WeightsSetup<Real> const& setup, double tolerance) {
  return std::make_unique<Conditioned<Real>>(setup, tolerance);
}

template std::unique_ptr<Weights<float>> make_conditioned(WeightsSetup<float> const&, double);
template std::unique_ptr<Weights<double>> make_conditioned(WeightsSetup<double> const&, double);

}  // namespace widelimit::interpreter

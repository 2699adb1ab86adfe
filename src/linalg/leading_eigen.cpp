#include "widelimit/linalg/leading_eigen.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <cblas.h>

#include "widelimit/linalg/detail/require.hpp"
#include "widelimit/linalg/detail/scalapack.hpp"

namespace widelimit::linalg {
namespace {

using Block = std::vector<double>;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// Eigenvalues of a symmetric m x m matrix, descending; its eigenvectors replace it.
std::vector<double> small_eigen(Block& h, Index m) {
  int const n = static_cast<int>(m);
  std::vector<double> values(at(m));
  int info = 0, integers = 0, query = -1;
  double reals = 0;
  dsyevd_("V", "L", &n, h.data(), &n, values.data(), &reals, &query, &integers, &query, &info, 1,
          1);
  Block work(static_cast<std::size_t>(reals));
  std::vector<int> integer_work(static_cast<std::size_t>(integers));
  int const size = static_cast<int>(work.size());
  dsyevd_("V", "L", &n, h.data(), &n, values.data(), work.data(), &size, integer_work.data(),
          &integers, &info, 1, 1);
  detail::require(info == 0, "an eigendecomposition did not converge");
  std::ranges::reverse(values);
  for (Index k = 0; k < m / 2; ++k)
    std::swap_ranges(h.begin() + k * m, h.begin() + (k + 1) * m, h.begin() + (m - 1 - k) * m);
  return values;
}

/// Columns that all ranks hold together.
class Basis {
 public:
  Basis(RowBlocks const& rows) : rows_(rows), n_(rows.local_size()) {}

  Index size() const { return size_; }
  Block const& vectors() const { return q_; }
  Block const& images() const { return aq_; }

  /// XᵀY for k and l columns, the same on all ranks.
  Block dots(Block const& x, Index k, double const* y, Index l) const {
    return rows_.products(x.data(), k, y, l);
  }

  /// Y + factor·X·C, X with k columns, C k x l.
  void add_product(Block const& x, Index k, double factor, double const* c, Index l,
                   double* y) const {
    if (n_ == 0 || k == 0 || l == 0) return;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(n_),
                static_cast<int>(l), static_cast<int>(k), factor, x.data(), static_cast<int>(n_), c,
                static_cast<int>(k), 1.0, y, static_cast<int>(n_));
  }

  /// Columns orthonormal to the basis and to each other; those that lie in its span are dropped.
  Block orthonormalized(Block columns, Index count) const {
    Block kept;
    Index kept_count = 0;
    for (Index c = 0; c < count; ++c) {
      double* const x = columns.data() + c * n_;
      double const before = std::sqrt(rows_.dots(x, x, 1)[0]);
      for (int pass = 0; pass < 2; ++pass) {
        add_product(q_, size_, -1, dots(q_, size_, x, 1).data(), 1, x);
        add_product(kept, kept_count, -1, dots(kept, kept_count, x, 1).data(), 1, x);
      }
      double const after = std::sqrt(rows_.dots(x, x, 1)[0]);
      if (!(after > 1e-10 * before) || !(before > 0)) continue;
      for (Index i = 0; i < n_; ++i) x[i] /= after;
      kept.insert(kept.end(), x, x + n_);
      ++kept_count;
    }
    kept_columns_ = kept_count;
    return kept;
  }
  /// Of the last call of `orthonormalized`.
  Index kept_columns() const { return kept_columns_; }

  /// Adds columns with their images, and QᵀAQ's new rows and columns.
  void append(Block const& columns, Block const& images, Index count) {
    q_.insert(q_.end(), columns.begin(), columns.end());
    aq_.insert(aq_.end(), images.begin(), images.end());
    Index const m = size_ + count;
    auto const corner = dots(q_, m, images.data(), count);
    Block h(at(m * m));
    for (Index j = 0; j < size_; ++j) std::copy_n(h_.data() + j * size_, size_, h.data() + j * m);
    for (Index j = 0; j < count; ++j)
      for (Index i = 0; i < m; ++i)
        h[at((size_ + j) * m + i)] = h[at(i * m + size_ + j)] = corner[at(j * m + i)];
    h_ = std::move(h);
    size_ = m;
  }

  Block projection() const { return h_; }

  /// The basis becomes Q·Y for the m x k matrix Y, whose projection is diagonal with `values`.
  void shrink(Block const& y, Index k, std::vector<double> const& values) {
    Block q(at(n_ * k)), aq(at(n_ * k));
    add_product(q_, size_, 1, y.data(), k, q.data());
    add_product(aq_, size_, 1, y.data(), k, aq.data());
    q_ = std::move(q);
    aq_ = std::move(aq);
    size_ = k;
    h_.assign(at(k * k), 0.0);
    for (Index j = 0; j < k; ++j) h_[at(j * k + j)] = values[at(j)];
  }

 private:
  RowBlocks const& rows_;
  Index n_, size_ = 0;
  mutable Index kept_columns_ = 0;
  Block q_, aq_, h_;
};

/// Numbers from -1/2 to 1/2 for a row and a column, the same whatever the number of ranks (the
/// mixing function of splitmix64).
double random_entry(Index row, Index column) {
  auto z = static_cast<std::uint64_t>(row) * 0x9E3779B97F4A7C15U +
           static_cast<std::uint64_t>(column + 1) * 0xD1B54A32D192ED03U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53 - 0.5;
}

/// Columns `first`, `first` + 1, … of random numbers; column 0 is constant, as the first
/// eigenvector of a kernel almost is.
Block random_columns(RowBlocks const& rows, Index first, Index count) {
  Block x;
  for (Index c = first; c < first + count; ++c)
    for (Index i = rows.mine().begin; i < rows.mine().end; ++i)
      x.push_back(c == 0 ? 1 : random_entry(i, c));
  return x;
}

}  // namespace

LeadingEigen leading_eigen(RowBlocks const& rows,
                           std::function<bool(double const*, Index, double*)> const& product,
                           LeadingEigenOptions options) {
  detail::require(options.count > 0 && options.block > 0, "eigenpairs without any");
  Index const n = rows.size(), local = rows.local_size();
  Index const count = std::min(options.count, n);
  Index const block = std::min(options.block, n);
  Index const automatic = 2 * count + 6 * block;
  Index const most = std::min(
      n, std::max(count + 2 * block, options.most_vectors > 0 ? options.most_vectors : automatic));
  Basis basis(rows);
  LeadingEigen result;
  bool const fresh_start = options.start_columns == 0;
  Block next = fresh_start ? basis.orthonormalized(random_columns(rows, 0, block), block)
                           : basis.orthonormalized(options.start, options.start_columns);
  Index drawn = block;
  Index columns = basis.kept_columns();
  while (true) {
    if (columns > 0) {
      Block images(next.size());
      if (!product(next.data(), columns, images.data())) {
        result.end = LeadingEigen::End::interrupted;
        return result;
      }
      ++result.products;
      basis.append(next, images, columns);
    }
    Index const m = basis.size(), found = std::min(m, count);
    auto y = basis.projection();
    auto const values = small_eigen(y, m);
    Block vectors(at(local * found)), residuals(at(local * found));
    basis.add_product(basis.vectors(), m, 1, y.data(), found, vectors.data());
    basis.add_product(basis.images(), m, 1, y.data(), found, residuals.data());
    for (Index k = 0; k < found; ++k)
      for (Index i = 0; i < local; ++i)
        residuals[at(k * local + i)] -= values[at(k)] * vectors[at(k * local + i)];
    auto const squares = rows.dots(residuals.data(), residuals.data(), found);
    result.values.assign(values.begin(), values.begin() + found);
    result.residuals.clear();
    Block pending;
    columns = 0;
    bool exact = found == count;
    for (Index k = 0; k < found; ++k) {
      double const size = std::sqrt(squares[at(k)]) / std::abs(values.front());
      result.residuals.push_back(size);
      if (size <= options.tolerance) continue;
      exact = false;
      if (columns == block) continue;
      pending.insert(pending.end(), residuals.begin() + k * local,
                     residuals.begin() + (k + 1) * local);
      ++columns;
    }
    bool const whole = m == n;  // the basis is all there is
    if (exact || whole || result.products >= options.most_products) {
      if (!exact && !whole) result.end = LeadingEigen::End::most_products;
      result.vectors = std::move(vectors);
      return result;
    }
    result.vectors = std::move(vectors);  // what an interrupted run has
    Index const room = std::min(block, n - m);
    if (m + room > most) {
      Index const keep = std::min(m, std::max(count + block, most / 2));
      basis.shrink(y, std::min(keep, m - 1), values);
    }
    auto const fresh = [&] {  // new directions, where the basis is too small for all pairs
      next = basis.orthonormalized(random_columns(rows, drawn, room), room);
      drawn += room;
      columns = basis.kept_columns();
    };
    columns = std::min(columns, room);
    if (columns > 0) {
      next = basis.orthonormalized(std::move(pending), columns);
      columns = basis.kept_columns();
    }
    if (columns == 0) fresh();
  }
}

}  // namespace widelimit::linalg

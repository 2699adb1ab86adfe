#include "widelimit/interpreter/column_block.hpp"

#include <algorithm>
#include <cstring>

#include "interpreter/detail/blas.hpp"
#include "interpreter/detail/narrow_product.hpp"

namespace widelimit::interpreter {
namespace {

/// Rows of a product that are worked on at once: a chunk of `columns` columns stays in cache, and
/// sums in single precision stay short.
Index chunk_rows(Index columns, std::size_t element_bytes) {
  constexpr Index cache_bytes = 512 * 1024;
  Index const rows = cache_bytes / std::max<Index>(1, columns * static_cast<Index>(element_bytes));
  return std::clamp<Index>(rows / 64 * 64, 512, 2048);  // calls on fewer rows cost more than cache
}

/// Y += B·S over some rows, k columns of B.
template <class Real>
void add_rows(Index rows, Index n, Index k, Real const* b, Index ldb, Real const* s, Index lds,
              Real* y, Index ldy) {
  if (n <= detail::narrow_columns)
    detail::add_narrow_product(rows, n, k, b, ldb, s, lds, y, ldy);
  else
    detail::gemm(false, false, rows, n, k, Real{1}, b, ldb, s, lds, Real{1}, y, ldy);
}

template <class Real>
std::vector<Real> converted(double const* values, Index count, double factor) {
  std::vector<Real> result(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i)
    result[static_cast<std::size_t>(i)] = static_cast<Real>(factor * values[i]);
  return result;
}

/// sum += AᵀB over some rows, accumulated in double over the calls.
template <class Real>
void add_inner(Index rows, Real const* a, Index lda, Index m, Real const* b, Index ldb, Index n,
               double* sum, Index ld_sum, std::vector<Real>& work) {
  if constexpr (std::is_same_v<Real, double>) {
    detail::gemm(true, false, m, n, rows, 1.0, a, lda, b, ldb, 1.0, sum, ld_sum);
  } else {
    work.resize(static_cast<std::size_t>(m * n));
    detail::gemm(true, false, m, n, rows, Real{1}, a, lda, b, ldb, Real{0}, work.data(), m);
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i < m; ++i)
        sum[i + j * ld_sum] += static_cast<double>(work[static_cast<std::size_t>(i + j * m)]);
  }
}

template <class Real>
double sum_of_squares(Real const* x, Index count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (Index i = 0; i < count; ++i) {
    auto const value = static_cast<double>(x[i]);
    sum += value * value;
  }
  return sum;
}

Small mean_of(Particles const& particles, std::vector<double>& slots, Index rows, Index cols) {
  Index const length = rows * cols;
  particles.sum(slots, length);
  Small result(rows, cols);
  double const factor = 1.0 / static_cast<double>(particles.count());
  for (Index i = 0; i < length; ++i) result.data()[i] = factor * slots[static_cast<std::size_t>(i)];
  return result;
}

std::vector<double> zero_slots(Particles const& particles, Index length) {
  return std::vector<double>(
      static_cast<std::size_t>(std::max<Index>(1, particles.local_lanes()) * length));
}

}  // namespace

void Small::grow(Index n_rows, Index n_cols) {
  if (n_rows == rows_ && n_cols == cols_) return;
  Small larger(n_rows, n_cols);
  for (Index j = 0; j < cols_; ++j)
    std::copy_n(data() + j * rows_, rows_, larger.data() + j * n_rows);
  *this = std::move(larger);
}

Small identity(Index n) {
  Small result(n, n);
  for (Index i = 0; i < n; ++i) result(i, i) = 1;
  return result;
}

Small product(Small const& a, bool transpose_a, Small const& b, bool transpose_b, double alpha) {
  Index const m = transpose_a ? a.cols() : a.rows();
  Index const k = transpose_a ? a.rows() : a.cols();
  Index const n = transpose_b ? b.rows() : b.cols();
  Small c(m, n);
  if (m > 0 && n > 0 && k > 0)
    detail::gemm(transpose_a, transpose_b, m, n, k, alpha, a.data(), a.rows(), b.data(), b.rows(),
                 0.0, c.data(), m);
  return c;
}

template <class Real>
void ColumnBlock<Real>::append(Columns<Real> const& columns) {
  auto const count = static_cast<Index>(columns.extent(1));
  Index const rows = ld();
  for (Index done = 0; done < count;) {
    Index const filled = columns_ % panel_columns;
    if (filled == 0) panels_.push_back(make_columns<Real>(particles_, panel_columns));
    Index const n = std::min(count - done, panel_columns - filled);
    for (Index c = 0; c < n; ++c)
      std::copy_n(columns.data() + (done + c) * rows, rows,
                  panels_.back().data() + (filled + c) * rows);
    columns_ += n;
    done += n;
  }
}

template <class Real>
Columns<Real> ColumnBlock<Real>::panel_part(Range range) const {
  Index const panel = range.begin / panel_columns;
  Index const first = panel * panel_columns;
  return Kokkos::subview(panels_[static_cast<std::size_t>(panel)], Kokkos::ALL,
                         std::pair(range.begin - first, range.end - first));
}

template <class Real>
Small ColumnBlock<Real>::inner(Columns<Real> const& x) const {
  return inner_and_squares(x).products;
}

template <class Real>
typename ColumnBlock<Real>::Inner ColumnBlock<Real>::inner_and_squares(
    Columns<Real> const& x) const {
  return subtract_then_inner(Small(), x);
}

template <class Real>
typename ColumnBlock<Real>::Inner ColumnBlock<Real>::subtract_then_inner(
    Small const& s, Columns<Real> const& x) const {
  auto const n = static_cast<Index>(x.extent(1));
  Index const rows_of_sums = columns_ + 1;  // the last one for the squares
  auto slots = zero_slots(particles_, rows_of_sums * n);
  auto const coefficients = converted<Real>(s.data(), s.rows() * s.cols(), -1);
  Index const chunk = chunk_rows(columns_ + n, sizeof(Real));
  particles_.for_each_lane([&](Index slot, Range rows) {
    std::vector<Real> work;
    double* const sums = slots.data() + slot * rows_of_sums * n;
    for (Index begin = rows.begin; begin < rows.end; begin += chunk) {
      Index const count = std::min(chunk, rows.end - begin);
      Real* const part = x.data() + begin;
      for (Index p = 0; p < panels(); ++p) {
        Range const range = panel_range(p);
        Index const used = std::min(range.end, s.rows()) - range.begin;
        if (used <= 0) break;
        add_rows(count, n, used, panel_data(p) + begin, ld(), coefficients.data() + range.begin,
                 s.rows(), part, ld());
      }
      for (Index p = 0; p < panels(); ++p) {
        Range const range = panel_range(p);
        add_inner(count, panel_data(p) + begin, ld(), range.size(), part, ld(), n,
                  sums + range.begin, rows_of_sums, work);
      }
      for (Index c = 0; c < n; ++c)
        sums[columns_ + c * rows_of_sums] += sum_of_squares(part + c * ld(), count);
    }
  });
  Small const all = mean_of(particles_, slots, rows_of_sums, n);
  Inner result{Small(columns_, n), {}};
  for (Index c = 0; c < n; ++c) {
    std::copy_n(all.data() + c * rows_of_sums, columns_, result.products.data() + c * columns_);
    result.squares.push_back(all(columns_, c));
  }
  return result;
}

template <class Real>
void ColumnBlock<Real>::add_product(double alpha, Small const& s, Columns<Real> const& y) const {
  if (s.rows() == 0) return;
  auto const coefficients = converted<Real>(s.data(), s.rows() * s.cols(), alpha);
  Index const chunk = chunk_rows(s.cols() + panel_columns, sizeof(Real));
  particles_.for_each_lane([&](Index, Range rows) {
    for (Index begin = rows.begin; begin < rows.end; begin += chunk) {
      Index const count = std::min(chunk, rows.end - begin);
      for (Index p = 0; p < panels(); ++p) {
        Range const range = panel_range(p);
        Index const used = std::min(range.end, s.rows()) - range.begin;
        if (used <= 0) break;
        add_rows(count, s.cols(), used, panel_data(p) + begin, ld(),
                 coefficients.data() + range.begin, s.rows(), y.data() + begin, ld());
      }
    }
  });
}

template <class Real>
Small inner(Particles const& particles, Columns<Real> const& x, Columns<Real> const& y) {
  auto const m = static_cast<Index>(x.extent(1)), n = static_cast<Index>(y.extent(1));
  Index const ld = particles.local_count();
  auto slots = zero_slots(particles, m * n);
  Index const chunk = chunk_rows(m + n, sizeof(Real));
  particles.for_each_lane([&](Index slot, Range rows) {
    std::vector<Real> work;
    for (Index begin = rows.begin; begin < rows.end; begin += chunk)
      add_inner(std::min(chunk, rows.end - begin), x.data() + begin, ld, m, y.data() + begin, ld, n,
                slots.data() + slot * m * n, m, work);
  });
  return mean_of(particles, slots, m, n);
}

template <class Real>
void add_product(Particles const& particles, double alpha, Columns<Real> const& x, Small const& s,
                 double beta, Columns<Real> const& y) {
  auto const coefficients = converted<Real>(s.data(), s.rows() * s.cols(), alpha);
  Index const ld = particles.local_count();
  particles.for_each_lane([&](Index, Range rows) {
    detail::gemm(false, false, rows.size(), s.cols(), s.rows(), Real{1}, x.data() + rows.begin, ld,
                 coefficients.data(), std::max<Index>(1, s.rows()), static_cast<Real>(beta),
                 y.data() + rows.begin, ld);
  });
}

template <class Real>
std::vector<double> means(Particles const& particles, Columns<Real> const& x, int power) {
  auto const n = static_cast<Index>(x.extent(1));
  Index const ld = particles.local_count();
  auto slots = zero_slots(particles, n);
  particles.for_each_lane([&](Index slot, Range rows) {
    for (Index c = 0; c < n; ++c) {
      Real const* const column = x.data() + c * ld;
      double sum = 0;
      if (power == 1) {
#pragma omp simd reduction(+ : sum)
        for (Index i = rows.begin; i < rows.end; ++i) sum += static_cast<double>(column[i]);
      } else {
        sum = sum_of_squares(column + rows.begin, rows.size());
      }
      slots[static_cast<std::size_t>(slot * n + c)] = sum;
    }
  });
  return mean_of(particles, slots, n, 1).values();
}

template <class Real>
Columns<Real> select(Particles const& particles, Columns<Real> const& x,
                     std::vector<Index> const& which) {
  auto const result = make_columns<Real>(particles, static_cast<Index>(which.size()));
  Index const rows = particles.local_count();
  for (std::size_t c = 0; c < which.size(); ++c)
    std::copy_n(x.data() + which[c] * rows, rows, result.data() + static_cast<Index>(c) * rows);
  return result;
}

#define WIDELIMIT_INSTANTIATE(Real)                                                               \
  template class ColumnBlock<Real>;                                                               \
  template Small inner(Particles const&, Columns<Real> const&, Columns<Real> const&);             \
  template void add_product(Particles const&, double, Columns<Real> const&, Small const&, double, \
                            Columns<Real> const&);                                                \
  template std::vector<double> means(Particles const&, Columns<Real> const&, int);                \
  template Columns<Real> select(Particles const&, Columns<Real> const&, std::vector<Index> const&);
WIDELIMIT_INSTANTIATE(float)
WIDELIMIT_INSTANTIATE(double)
#undef WIDELIMIT_INSTANTIATE

}  // namespace widelimit::interpreter

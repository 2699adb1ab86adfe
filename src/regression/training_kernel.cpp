#include "widelimit/regression/training_kernel.hpp"

#include <algorithm>

#include <cblas.h>

#include "widelimit/gram/tile_evaluator.hpp"

namespace widelimit::regression {
namespace {

constexpr Index strip = 512;  // rows that are multiplied, or made, together

/// `count` entries in double: themselves, or a converted copy in `buffer`.
double const* as_double(double const* entries, Index, std::vector<double>&) {
  return entries;
}
double const* as_double(float const* entries, Index count, std::vector<double>& buffer) {
  buffer.resize(static_cast<std::size_t>(count));
  std::copy_n(entries, count, buffer.data());
  return buffer.data();
}

/// Y = T·G, T rows x inner row-major, G inner x columns row-major, Y column-major.
void product(double const* t, Index rows, Index inner, double const* g, Index columns, double* y,
             Index ld) {
  // Yᵀ = Gᵀ·Tᵀ in row-major order is Y in column-major order.
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasTrans, static_cast<int>(columns),
              static_cast<int>(rows), static_cast<int>(inner), 1.0, g, static_cast<int>(columns), t,
              static_cast<int>(inner), 0.0, y, static_cast<int>(ld));
}

}  // namespace

template <class Real>
StoredRows<Real>::StoredRows(linalg::RowBlocks rows, gram::PartMaker<Real> const& maker,
                             std::function<bool(Index)> const& go_on)
    : TrainingKernel(std::move(rows)) {
  Range const mine = this->rows().mine();
  Index const n = this->rows().size();
  entries_ = std::make_unique_for_overwrite<Real[]>(static_cast<std::size_t>(mine.size() * n));
  bool const nngp = maker.kernel == gram::Kernel::nngp;
  gram::TileEvaluator<Real> const evaluate(maker.program, maker.points, maker.points,
                                           gram::only(maker.kernel));
  for (Index begin = mine.begin; begin < mine.end; begin += 4 * strip) {
    if (!go_on(begin - mine.begin)) {
      complete_ = false;
      return;
    }
    Range const part{begin, std::min(mine.end, begin + 4 * strip)};
    Real* const to = entries_.get() + (begin - mine.begin) * n;
    evaluate(part, {0, n}, nngp ? to : nullptr, nngp ? nullptr : to, n);
  }
}

template <class Real>
bool StoredRows<Real>::multiply(double const* x, Index columns, double* y,
                                std::function<bool()> const& go_on) const {
  Index const n = rows().size(), mine = rows().local_size();
  std::vector<double> whole(static_cast<std::size_t>(n * columns)), buffer;
  rows().gather(x, columns, whole.data());
  bool complete = true;
  for (Index begin = 0; begin < mine && complete; begin += strip) {
    complete = go_on();
    Index const height = std::min(strip, mine - begin);
    double const* const t = as_double(entries_.get() + begin * n, height * n, buffer);
    // Both column-major: Yᵀ = Xᵀ·Tᵀ.
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(columns),
                static_cast<int>(height), static_cast<int>(n), 1.0, whole.data(),
                static_cast<int>(n), t, static_cast<int>(n), 0.0, y + begin,
                static_cast<int>(mine));
  }
  return rows().comm().first_rank_where(!complete) < 0;
}

template <class Real>
void StoredRows<Real>::multiply_columns(std::vector<Index> const& points, double const* g,
                                        Index columns, double* y) const {
  Index const n = rows().size(), mine = rows().local_size();
  auto const batch = static_cast<Index>(points.size());
  std::vector<double> picked(static_cast<std::size_t>(std::min(strip, mine) * batch));
  for (Index begin = 0; begin < mine; begin += strip) {
    Index const height = std::min(strip, mine - begin);
    for (Index i = 0; i < height; ++i) {
      Real const* const row = entries_.get() + (begin + i) * n;
      for (Index k = 0; k < batch; ++k)
        picked[static_cast<std::size_t>(i * batch + k)] = row[points[static_cast<std::size_t>(k)]];
    }
    product(picked.data(), height, batch, g, columns, y + begin, mine);
  }
}

template <class Real>
void RecomputedRows<Real>::multiply_columns(std::vector<Index> const& points, double const* g,
                                            Index columns, double* y) const {
  Range const mine = rows().mine();
  auto const batch = static_cast<Index>(points.size());
  constexpr Index height = 8 * strip;
  std::vector<Real> entries(static_cast<std::size_t>(std::min(height, mine.size()) * batch));
  std::vector<double> buffer;
  for (Index begin = mine.begin; begin < mine.end; begin += height) {
    Range const part{begin, std::min(mine.end, begin + height)};
    columns_.evaluate(part, points, entries.data());
    product(as_double(entries.data(), part.size() * batch, buffer), part.size(), batch, g, columns,
            y + (begin - mine.begin), mine.size());
  }
}

template class StoredRows<float>;
template class StoredRows<double>;
template class RecomputedRows<float>;
template class RecomputedRows<double>;

}  // namespace widelimit::regression

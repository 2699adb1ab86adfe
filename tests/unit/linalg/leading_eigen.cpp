#include "widelimit/linalg/leading_eigen.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "widelimit/linalg/eigen.hpp"

#include "support/matrices.hpp"

namespace widelimit::linalg {
namespace {

/// The product with a whole matrix, for this rank's rows.
auto product_with(ReplicatedMatrix const& a, RowBlocks const& rows) {
  return [&](double const* x, Index columns, double* y) {
    Index const n = rows.size();
    std::vector<double> whole(static_cast<std::size_t>(n * columns));
    rows.gather(x, columns, whole.data());
    Range const mine = rows.mine();
    for (Index c = 0; c < columns; ++c)
      for (Index i = mine.begin; i < mine.end; ++i) {
        double sum = 0;
        for (Index j = 0; j < n; ++j) sum += a(i, j) * whole[static_cast<std::size_t>(c * n + j)];
        y[c * mine.size() + i - mine.begin] = sum;
      }
    return true;
  };
}

/// V·diag·Vᵀ for random orthonormal V.
ReplicatedMatrix with_spectrum(std::vector<double> const& values, unsigned seed) {
  auto const n = static_cast<Index>(values.size());
  auto const v = symmetric_eigen(test::distribute<double>(test::random_spd(n, n, 0.1, seed), 16))
                     .vectors.gather();
  ReplicatedMatrix scaled = v;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) scaled(i, j) *= values[static_cast<std::size_t>(j)];
  return test::outer_product(scaled, v);
}

TEST(LeadingEigen, finds_slowly_falling_and_multiple_eigenvalues) {
  constexpr Index n = 150;
  std::vector<double> values;
  for (Index k = 0; k < n; ++k)
    values.push_back(10 / std::pow(1.0 + static_cast<double>(k / 3), 1.5));
  auto const a = with_spectrum(values, 3);  // each three times
  RowBlocks const rows(runtime::Communicator::world(), n);
  auto const found =
      leading_eigen(rows, product_with(a, rows), {.count = 13, .tolerance = 1e-9, .block = 4});
  ASSERT_EQ(found.end, LeadingEigen::End::converged);
  std::ranges::sort(values, std::greater{});
  for (Index k = 0; k < 13; ++k)
    EXPECT_NEAR(found.values[static_cast<std::size_t>(k)], values[static_cast<std::size_t>(k)],
                1e-12);
  // Orthonormal, and eigenvectors.
  Index const local = rows.local_size();
  std::vector<double> image(found.vectors.size());
  product_with(a, rows)(found.vectors.data(), 13, image.data());
  for (Index k = 0; k < 13; ++k)
    for (Index i = 0; i < local; ++i)
      EXPECT_NEAR(image[static_cast<std::size_t>(k * local + i)],
                  values[static_cast<std::size_t>(k)] *
                      found.vectors[static_cast<std::size_t>(k * local + i)],
                  2e-8);
  for (Index k = 0; k < 13; ++k) {
    std::vector<double> repeated;
    for (Index c = 0; c < 13; ++c)
      repeated.insert(repeated.end(), found.vectors.begin() + k * local,
                      found.vectors.begin() + (k + 1) * local);
    auto const dots = rows.dots(repeated.data(), found.vectors.data(), 13);
    for (Index c = 0; c < 13; ++c)
      EXPECT_NEAR(dots[static_cast<std::size_t>(c)], c == k ? 1 : 0, 1e-12);
  }
  EXPECT_LT(found.products, 80);
}

TEST(LeadingEigen, small_and_singular_matrices_are_done_whole) {
  for (Index const n : {1, 3, 20}) {
    std::vector<double> values(static_cast<std::size_t>(n), 0.0);
    values[0] = 2;
    if (n > 1) values[1] = 1;
    auto const a = with_spectrum(values, 4);
    RowBlocks const rows(runtime::Communicator::world(), n);
    auto const found = leading_eigen(rows, product_with(a, rows), {.count = n});
    EXPECT_EQ(found.end, LeadingEigen::End::converged);
    std::ranges::sort(values, std::greater{});
    for (Index k = 0; k < n; ++k)
      EXPECT_NEAR(found.values[static_cast<std::size_t>(k)], values[static_cast<std::size_t>(k)],
                  1e-12)
          << n;
  }
}

TEST(LeadingEigen, says_where_it_was_not_enough) {
  std::vector<double> values;
  for (Index k = 0; k < 100; ++k) values.push_back(1 + 0.001 * static_cast<double>(k));
  auto const a = with_spectrum(values, 5);
  RowBlocks const rows(runtime::Communicator::world(), 100);
  auto const found =
      leading_eigen(rows, product_with(a, rows),
                    {.count = 5, .tolerance = 1e-12, .block = 2, .most_products = 5});
  EXPECT_EQ(found.end, LeadingEigen::End::most_products);
  EXPECT_EQ(found.products, 5);
  EXPECT_GT(found.residuals.back(), 1e-12);
}

}  // namespace
}  // namespace widelimit::linalg

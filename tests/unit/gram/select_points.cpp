#include "widelimit/gram/select_points.hpp"

#include <gtest/gtest.h>

#include "support/kernel_problem.hpp"

namespace widelimit::gram {
namespace {

TEST(SelectPoints, kernels_with_chosen_points_are_columns_of_the_kernel) {
  constexpr Index n = 37;
  test::KernelProblem<double> const problem(n, 5, 2, 1);
  std::vector<Index> const which{36, 0, 7, 7};
  auto const chosen = select_points(problem.points(), which);
  ASSERT_EQ(chosen.n, 4);
  std::vector<double> nngp(n * 4), ntk(n * 4);
  TileEvaluator<double>(problem.program(), problem.points(), chosen, Output::both)(
      {0, n}, {0, 4}, nngp.data(), ntk.data(), 4);
  auto const k = problem.matrix(Kernel::nngp), theta = problem.matrix(Kernel::ntk);
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < 4; ++j) {
      EXPECT_NEAR(nngp[static_cast<std::size_t>(i * 4 + j)], k(i, which[j]), 1e-13);
      EXPECT_NEAR(ntk[static_cast<std::size_t>(i * 4 + j)], theta(i, which[j]), 1e-13);
    }
  }
  auto const on_host = [](auto const& view) {
    return Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, view);
  };
  auto const chosen_nngp = on_host(chosen.nngp_diagonal), chosen_ntk = on_host(chosen.ntk_diagonal),
             all_nngp = on_host(problem.points().nngp_diagonal),
             all_ntk = on_host(problem.points().ntk_diagonal);
  for (std::size_t j = 0; j < which.size(); ++j) {
    EXPECT_EQ(chosen_ntk(j), all_ntk(which[j]));
    EXPECT_EQ(chosen_nngp(j), all_nngp(which[j]));
    EXPECT_EQ(chosen.scale_in[j], problem.points().scale_in[static_cast<std::size_t>(which[j])]);
  }
}

}  // namespace
}  // namespace widelimit::gram

#include "widelimit/regression/posterior.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include "widelimit/regression/cholesky_regression.hpp"

#include "support/matrices.hpp"

namespace widelimit::regression {
namespace {

using linalg::Part;
using linalg::ReplicatedMatrix;

constexpr Index block = 8;
// "1e-9 relative to the largest entry", says the file; this is the agreement of plain double.
constexpr double tolerance = 1e-11;

/// The file of reference numbers, each rank reading for itself.
class ReferenceFile {
 public:
  explicit ReferenceFile(std::string const& path)
      : file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  ~ReferenceFile() { H5Fclose(file_); }
  ReferenceFile(ReferenceFile const&) = delete;
  ReferenceFile& operator=(ReferenceFile const&) = delete;

  ReplicatedMatrix matrix(std::string const& path) const {
    hid_t const set = H5Dopen2(file_, path.c_str(), H5P_DEFAULT);
    hid_t const space = H5Dget_space(set);
    hsize_t shape[2] = {0, 0};
    EXPECT_EQ(H5Sget_simple_extent_ndims(space), 2) << path;
    H5Sget_simple_extent_dims(space, shape, nullptr);
    ReplicatedMatrix a(static_cast<Index>(shape[0]), static_cast<Index>(shape[1]));
    EXPECT_GE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a.values.data()), 0);
    H5Sclose(space);
    H5Dclose(set);
    return a;
  }

  Ridge ridge(std::string const& path) const {
    hid_t const group = H5Gopen2(file_, path.c_str(), H5P_DEFAULT);
    Ridge ridge;
    hid_t const value = H5Aopen(group, "diag_reg", H5P_DEFAULT);
    EXPECT_GE(H5Aread(value, H5T_NATIVE_DOUBLE, &ridge.value), 0);
    H5Aclose(value);
    H5Gclose(group);
    bool const absolute = path.find("reg_abs") != std::string::npos;
    ridge.scale = absolute ? RidgeScale::absolute : RidgeScale::relative;
    return ridge;
  }

 private:
  hid_t file_;
};

std::vector<double> diagonal_of(ReplicatedMatrix const& a) {
  std::vector<double> values;
  for (Index i = 0; i < a.rows; ++i) values.push_back(a(i, i));
  return values;
}

ReplicatedMatrix column(std::vector<double> const& values) {
  ReplicatedMatrix a(static_cast<Index>(values.size()), 1);
  a.values = values;
  return a;
}

class Posterior : public testing::TestWithParam<std::string> {};

TEST_P(Posterior, mean_variance_and_covariance_are_those_of_neural_tangents) {
  std::string const path = WIDELIMIT_REFERENCE_KERNELS;
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no reference numbers at " << path << " (see WIDELIMIT_SHARED_DIR)";
  ReferenceFile const file(path);
  std::string const group = "/" + GetParam();
  auto const y = file.matrix(group + "/y_train");
  for (std::string const law : {"nngp", "ntk", "ntkgp"})
    for (std::string const reg : {"reg0", "reg_abs", "reg_rel"}) {
      std::string const expected = fmt::format("{}/gp_inference/{}_{}", group, law, reg);
      SCOPED_TRACE(expected);
      std::string const kernel = group + (law == "nngp" ? "/nngp" : "/ntk");
      CholeskyRegression<double> const regression(
          test::distribute<double>(file.matrix(kernel + "_dd"), block, Part::lower),
          file.ridge(expected), law);
      auto const k_dt = test::transpose(file.matrix(kernel + "_td"));
      auto const cross = [&] { return test::distribute<double>(k_dt, block); };
      EXPECT_LT(test::relative_difference(predict(cross(), regression.solve(y).alpha),
                                          file.matrix(expected + "/mean")),
                tolerance);

      auto const& factor = regression.factor().factor();
      auto const prior = file.matrix((law == "ntkgp" ? kernel : group + "/nngp") + "_tt");
      auto tt = test::distribute<double>(prior, block, Part::lower);
      std::vector<double> variance;
      if (law == "ntk") {
        auto const q_dd =
            test::distribute<double>(file.matrix(group + "/nngp_dd"), block, Part::lower);
        auto const q_dt = test::transpose(file.matrix(group + "/nngp_td"));
        auto const nngp_cross = [&] { return test::distribute<double>(q_dt, block); };
        ensemble_covariance(factor, cross(), q_dd, nngp_cross(), tt);
        variance = ensemble_variance(factor, cross(), q_dd, nngp_cross(), diagonal_of(prior));
      } else {
        gp_covariance(factor, cross(), tt);
        variance = gp_variance(factor, cross(), diagonal_of(prior));
      }
      auto const cov = file.matrix(expected + "/cov");
      EXPECT_LT(test::relative_difference(tt.gather(), cov), tolerance);
      EXPECT_LT(test::relative_difference(column(variance), column(diagonal_of(cov))), tolerance);
    }
}

INSTANTIATE_TEST_SUITE_P(References, Posterior,
                         testing::Values("predict_relu_mlp", "predict_erf_mlp"),
                         [](auto const& info) { return info.param; });

TEST(PosteriorOfTrainPoints, vanishes_without_a_ridge) {
  auto const k = test::random_spd(60, 60, 0.5, 41);
  CholeskyRegression<float> const regression(test::distribute<float>(k, block, Part::lower), {},
                                             "NNGP");
  auto const variance =
      gp_variance(regression.factor().factor(), test::distribute<float>(k, block), diagonal_of(k));
  for (double const v : variance) {
    EXPECT_GE(v, 0);
    EXPECT_LT(v, 1e-5);
  }
}

}  // namespace
}  // namespace widelimit::regression

#include "widelimit/runtime/region.hpp"

#include <stdexcept>
#include <thread>

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

namespace widelimit::runtime {
namespace {

using namespace std::chrono_literals;

TEST(Timings, add_up_by_name_in_the_order_of_first_use) {
  Timings timings;
  timings.add("read", 1);
  timings.add("gram", 2);
  timings.add("read", 0.5);
  std::vector<std::pair<std::string, double>> const expected{{"read", 1.5}, {"gram", 2}};
  EXPECT_EQ(timings.entries(), expected);
}

TEST(Region, adds_the_time_it_lived) {
  Timings timings;
  for (int k = 0; k < 2; ++k) {
    Region const outer(timings, "outer");
    Region const inner(timings, "inner");
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_EQ(timings.entries().size(), 2U);
  EXPECT_EQ(timings.entries()[0].first, "outer");
  EXPECT_GE(timings.entries()[1].second, 0.010);
  EXPECT_GE(timings.entries()[0].second, timings.entries()[1].second);
}

TEST(Region, an_exception_ends_it) {
  Timings timings;
  EXPECT_THROW(
      {
        Region const region(timings, "broken");
        throw std::runtime_error("");
      },
      std::runtime_error);
  EXPECT_EQ(timings.entries().size(), 1U);
}

// What a profiling tool saw; its callbacks reach nothing but globals.
std::vector<std::string> pushed;
int popped = 0;

TEST(Region, profiling_tools_see_it_with_the_name_of_the_program) {
  pushed.clear();
  popped = 0;
  namespace Tools = Kokkos::Tools::Experimental;
  Tools::set_push_region_callback([](char const* name) { pushed.emplace_back(name); });
  Tools::set_pop_region_callback([] { ++popped; });
  {
    Timings timings;
    Region const region(timings, "gram");
    EXPECT_EQ(popped, 0);
  }
  Tools::set_push_region_callback(nullptr);
  Tools::set_pop_region_callback(nullptr);
  EXPECT_EQ(pushed, std::vector<std::string>{"widelimit::gram"});
  EXPECT_EQ(popped, 1);
}

}  // namespace
}  // namespace widelimit::runtime

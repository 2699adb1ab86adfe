/// \file
/// The regimes of known parametrizations, and each reason to refuse one.
#include "widelimit/program/parametrization.hpp"

#include <gtest/gtest.h>

namespace widelimit::program {
namespace {

using enum LayerKind;

Parametrization of(std::vector<LayerKind> kinds, Preset preset) {
  Parametrization p{std::move(kinds), {}};
  for (auto const kind : p.kinds) p.exponents.push_back(exponents(preset, kind));
  return p;
}

TEST(Parametrization, presets_are_what_the_paper_says) {
  for (auto const& kinds : {std::vector{input, readout},
                            {input, hidden, readout},
                            {input, hidden, hidden, hidden, readout}}) {
    auto const mup = classify(of(kinds, Preset::mup)), ntk = classify(of(kinds, Preset::ntk)),
               standard = classify(of(kinds, Preset::standard)),
               mean_field = classify(of(kinds, Preset::mean_field));
    EXPECT_EQ(mup.regime, Regime::feature_learning);
    EXPECT_EQ(mean_field.regime, Regime::feature_learning);
    EXPECT_EQ(mup.r, 0);
    for (double const r : mup.r_layers) EXPECT_EQ(r, 0);  // maximal: every layer
    EXPECT_EQ(ntk.regime, Regime::kernel);
    EXPECT_EQ(ntk.r, 0.5);
    EXPECT_EQ(standard.regime, Regime::kernel);
    EXPECT_EQ(standard.r, kinds.size() == 2 ? 1.5 : 0.5);
  }
}

/// The symmetry a+θ, b-θ, c-2θ leaves the training of every width as it is.
TEST(Parametrization, the_symmetry_keeps_the_regime) {
  for (auto const preset : {Preset::mup, Preset::ntk, Preset::standard}) {
    auto const p = of({input, hidden, readout}, preset);
    auto shifted = p;
    for (auto& e : shifted.exponents) e = {e.a + 0.3, e.b - 0.3, e.c - 0.6};
    EXPECT_EQ(classify(shifted).regime, classify(p).regime);
    EXPECT_NEAR(classify(shifted).r, classify(p).r, 1e-12);
  }
}

TEST(Parametrization, says_what_makes_one_unstable_or_trivial) {
  auto p = of({input, hidden, readout}, Preset::standard);
  auto const says = [&](Regime regime, std::string const& fragment) {
    auto const c = classify(p);
    EXPECT_EQ(c.regime, regime) << c.reason;
    EXPECT_NE(c.reason.find(fragment), std::string::npos) << c.reason;
  };
  for (auto& e : p.exponents) e.c = 0;  // standard with a rate that does not shrink
  says(Regime::unstable, "below 0: the updates of layer 2");
  p = of({input, hidden, readout}, Preset::ntk);
  p.exponents[0].a = 0.5;
  says(Regime::unstable, "layer 1 reads the data");
  p = of({input, hidden, readout}, Preset::ntk);
  p.exponents[1].b = -0.25;
  says(Regime::unstable, "layer 2 has a+b = 0.25 instead of 1/2");
  p = of({input, hidden, readout}, Preset::ntk);
  p.exponents[2].a = 0.25;
  says(Regime::unstable, "the readout has a+b = 0.25");
  p = of({input, hidden, readout}, Preset::mup);
  p.exponents[2].c = -0.5;
  says(Regime::unstable, "");
  p = of({input, hidden, readout}, Preset::ntk);
  for (auto& e : p.exponents) e.c = 0.5;
  says(Regime::trivial, "moves by n^-0.5 only");
  p = of({input, readout}, Preset::ntk);
  for (auto& e : p.exponents) e.c = -0.25;
  says(Regime::unstable, "2a+c = 0.75 of the readout");
  p = of({input, readout}, Preset::ntk);
  p.exponents[0].c = -0.25;
  says(Regime::unstable, "a+b+r = 0.75");
}

}  // namespace
}  // namespace widelimit::program

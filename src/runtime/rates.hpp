// How fast containers use what they use, from two samples.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sampler.hpp"

namespace berth::runtime {

// A second. Nothing: there was no earlier sample to compare with, or the counter began anew meanwhile.
using Rate = std::optional<double>;

Rate rate(std::uint64_t before, std::uint64_t now, std::chrono::nanoseconds between);

struct InterfaceRates {
  Rate received, sent;  // bytes
};

struct Rates {
  Rate cpu;                                // seconds of processor time: 1 = one processor is busy
  Rate received, sent;                     // bytes, all interfaces that were there before
  std::vector<InterfaceRates> interfaces;  // one for each of the usage's
};

// One entry for each usage of `now`. A container that was restarted meanwhile has no rates yet.
std::vector<Rates> rates_between(const Sample& before, const Sample& now);

}  // namespace berth::runtime

// Wireless interfaces: they are bound to the network namespace of their radio (wiphy), which moves as a whole, by iw(8).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::runtime {

class Radios {
 public:
  Radios() = default;
  explicit Radios(std::string search_path) : search_path_(std::move(search_path)) {}

  // The number of the radio behind `interface` in the network namespace `there` (-1 = the caller's); nothing: it is not wireless.
  // Error: iw is missing or does not work.
  [[nodiscard]] Result<std::optional<unsigned>> radio_of(int there, const std::string& interface) const;
  // With all its interfaces from the network namespace `from` into that of `process`, a number in the caller's pid namespace.
  // They are down afterwards and have no addresses.
  [[nodiscard]] Status move(int from, unsigned radio, pid_t process) const;

 private:
  std::string search_path_;  // empty = the usual one
};

// The number in what `iw dev INTERFACE info` says.
std::optional<unsigned> parse_radio(std::string_view text);

}  // namespace berth::runtime

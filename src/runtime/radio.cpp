// Runs in: host commands and library callers; iw in a child, in the namespace where the radio is.
#include "runtime/radio.hpp"

#include <cerrno>

#include "base/strings.hpp"
#include "os/command.hpp"

namespace berth::runtime {
namespace {

os::Command iw(const std::string& search_path, int network, std::vector<std::string> arguments) {
  constexpr std::chrono::seconds kLongest{10};
  os::Command command;
  command.program = "iw";
  command.arguments = std::move(arguments);
  command.environment = {"LC_ALL=C"};
  command.timeout = kLongest;
  command.network = network;
  if (!search_path.empty()) command.search_path = search_path;
  return command;
}

Error without_iw(Error error) {
  if (error.code() != ENOENT) return error;
  return std::move(error).hint("install the package iw: wireless interfaces move by it");
}

}  // namespace

std::optional<unsigned> parse_radio(std::string_view text) {
  for (const std::string_view line : strings::split_words(text, "\n")) {
    const auto words = strings::split_words(line);
    if (words.size() == 2 && words[0] == "wiphy") return strings::parse_number<unsigned>(words[1]);
  }
  return std::nullopt;
}

Result<std::optional<unsigned>> Radios::radio_of(int there, const std::string& interface) const {
  auto finished = os::run(iw(search_path_, there, {"dev", interface, "info"}));
  if (!finished) return fail(without_iw(std::move(finished.error())));
  if (!finished->succeeded()) return std::nullopt;  // "No such device": none that nl80211 knows
  return parse_radio(finished->output);
}

Status Radios::move(int from, unsigned radio, pid_t process) const {
  auto moved = os::run_checked(iw(search_path_, from, {strings::cat("phy#", radio), "set", "netns", std::to_string(process)}));
  if (!moved) return fail(without_iw(std::move(moved.error())));
  return {};
}

}  // namespace berth::runtime

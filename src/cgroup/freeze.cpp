// Runs in: the monitor.
#include "cgroup/freeze.hpp"

#include <fcntl.h>

#include "base/strings.hpp"
#include "cgroup/paths.hpp"
#include "sys/file.hpp"

namespace berth::cgroup {

namespace {

std::string events_of(const std::string& file) { return join_path(parent_path(file), "cgroup.events"); }

Result<bool> frozen_by_events(const std::string& file) {
  const auto events = events_of(file);
  const auto text = TRY(sys::read_file(events));
  for (const auto line : strings::split_words(text, "\n")) {
    if (line.starts_with("frozen ")) return line == "frozen 1";
  }
  return fail(Error::message(strings::cat(events, " does not tell whether the group is frozen"), ENOTSUP)
                  .because("cgroup.freeze needs Linux 5.2"));
}

}  // namespace

Status request_freeze(const std::string& file, bool is_v2, bool frozen) {
  if (is_v2) return sys::write_attribute(file, frozen ? "1" : "0");
  return sys::write_attribute(file, frozen ? "FROZEN" : "THAWED");
}

Result<bool> is_frozen(const std::string& file, bool is_v2) {
  if (is_v2) return frozen_by_events(file);
  const auto state = TRY(sys::read_file(file));
  return strings::trim(state) == "FROZEN";
}

Result<Fd> open_freeze_events(const std::string& file, bool is_v2) {
  if (!is_v2) return Fd();
  return sys::open(events_of(file), O_RDONLY);
}

}  // namespace berth::cgroup

// Runs in: the monitor.
#include "monitor/freezer.hpp"

#include "base/strings.hpp"
#include "sys/file.hpp"

namespace berth::monitor {

Status Freezer::request(bool frozen) const {
  if (!available()) return fail(Error::from_errno(EOPNOTSUPP, "freeze", "the container has no freezer"));
  if (unified_) return sys::write_attribute(file_, frozen ? "1" : "0");
  return sys::write_attribute(file_, frozen ? "FROZEN" : "THAWED");
}

Result<bool> Freezer::reached(bool frozen) const {
  if (!unified_) return strings::trim(TRY(sys::read_file(file_))) == (frozen ? "FROZEN" : "THAWED");
  // cgroup.freeze shows the wish, cgroup.events beside it the fact.
  const std::string events = file_.substr(0, file_.rfind('/')) + "/cgroup.events";
  return TRY(sys::read_file(events)).find(frozen ? "frozen 1" : "frozen 0") != std::string::npos;
}

}  // namespace berth::monitor
